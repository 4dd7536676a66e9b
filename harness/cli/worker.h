/* Inside `trapline worker`: what its files share.
 *
 *   worker.c         jobs in, records out
 *   worker_state.c   whether it takes any, and what the machine says of itself
 *   worker_health.c  whether the machine is fit to run trials
 *   worker_install.c the command as a service */
#ifndef TL_CLI_WORKER_H
#define TL_CLI_WORKER_H

#include "harness/cli/cli.h"
#include "harness/executor/executor.h"
#include "harness/executor/remote_cache.h"
#include "harness/executor/remote_job.h"
#include "harness/fleet/link.h"

struct tl_worker;
struct tl_health;

struct tl_work {
    struct tl_worker *w;
    struct tl_work *next; /* of those that are alive */
    struct tl_remote_job job;
    int64_t token;
    int64_t delivered; /* how often it was given out */
    bool last;         /* and nobody else is going to try it */
    json_t *before;    /* machines that were about to run it and have not answered */
    size_t files;      /* that it waits for */
    uint64_t begun_ns; /* 0: it does not run yet */
    char *record;      /* what is to be published once the database has it; NULL: it runs */
    bool published;    /* and the server has not said yet that it has it */
};

/* What the owner of the fleet wants of this machine. */
enum tl_worker_want {
    TL_WANT_UNKNOWN, /* the server was not asked yet */
    TL_WANT_WELL,
    TL_WANT_HELD,
    TL_WANT_DRAINED,
};

struct tl_worker {
    struct tl_options *o;
    struct tl_fleet_link *link;
    struct tl_executor *x;
    const struct tl_unit **units;
    size_t n_units;
    char *cases;    /* the directory in which cases are kept */
    unsigned allow; /* what others may have it run */
    struct tl_remote_cache cache;
    struct tl_work *alive;
    uv_poll_t poll;
    int events; /* that it waits for */
    bool ended; /* the link has; e says why */
    struct tl_error e;
    uint64_t done, lost; /* since it began; lost: found when it began, too */

    enum tl_worker_want want;
    char *why; /* as the owner put it */
    struct tl_health *health;
    json_t *announcement; /* without what changes */
    bool ending;          /* SIGTERM */
    bool open;            /* the link may bring jobs */
    const char *said;     /* the state that was announced last; NULL: none */
    uint64_t said_ns;
    bool counted; /* its numbers have changed since */
};

/* --- worker_state.c */
void tl_worker_tell(struct tl_worker *w, json_t *head, const char *body); /* the link; takes head */
/* Announces the machine for the first time, and serves the queues of its units. */
int tl_worker_announce(struct tl_worker *w, struct tl_error *e);
/* The owner wants something: a frame of the link. */
void tl_worker_take_control(struct tl_worker *w, const struct tl_frame_in *f);
/* Whether jobs are taken now. */
bool tl_worker_takes(const struct tl_worker *w);
/* Goes by what may have changed: lets jobs come, or none, and says so. */
void tl_worker_turn(struct tl_worker *w);
/* Announces that it ends: the last thing that is said. */
void tl_worker_say_end(struct tl_worker *w);

/* --- worker_health.c */
/* Reads what is to be gone by, and begins the first check. */
int tl_health_begin(struct tl_worker *w, struct tl_error *e);
void tl_health_free(struct tl_health *h); /* NULL is fine */
/* A trial of a job has ended. */
void tl_health_saw(struct tl_worker *w, const struct tl_trial_record *r);
/* The owner says that it is well: what was is forgotten, and it is checked. */
void tl_health_release(struct tl_worker *w);
void tl_health_turn(struct tl_worker *w);
/* "well", "checking", "recovering" or "unhealthy"; why: borrowed, "" where there is none. */
const char *tl_health_state(const struct tl_health *h, const char **why);

/* --- worker_install.c */
int tl_worker_install(struct tl_options *o);   /* the exit status; it is printed */
int tl_worker_uninstall(struct tl_options *o); /* likewise */

#endif
