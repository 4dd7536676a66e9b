/* Inside the executor: the structures that its files share. Nobody else includes this.
 *
 *   describe.c         what a runner can do: asked, or kept
 *   executor.c         requests, answers, the loop
 *   executor_units.c   units: described by their runners; what outcomes are valid for
 *   executor_trial.c   a job's way: generator, reference, trial
 *   step_request.c     what the runner of steps is sent, and what is looked for in the output of another one
 *   job_reference.c    what a job is compared with: another job, or files
 *   remote.c           jobs that other machines run (remote_impl.h)
 *   identity.c         what outcomes of a case are valid for; versions.c: what it asks for */
#ifndef TL_EXECUTOR_IMPL_H
#define TL_EXECUTOR_IMPL_H

#include "db/machine.h"
#include "harness/executor/content.h"
#include "harness/executor/executor.h"
#include "harness/executor/generate.h"
#include "harness/executor/remote_allow.h"
#include "harness/fleet/role.h"

#define TL_STEP_MS 200 /* most that one turn of the loop waits */

struct tl_job {
    struct tl_executor *x;
    struct tl_job *next;             /* of the list it waits in: answered, making or another's followers */
    struct tl_job *newer, **to_this; /* all that live */
    const struct tl_case *c;
    const struct tl_unit *unit;
    struct tl_variant variant;
    bool fresh, new_server;
    bool unrecorded;  /* it is no row, and no intent */
    char *lent;       /* the directory of a copy of the model that is this job's own; NULL */
    double timeout_s; /* less than that of the case; 0: that */
    tl_executor_done done;
    void *arg;
    char id[TL_UUID_SIZE];
    char remote_id[TL_ID_SIZE];              /* of a job that another machine runs; "" */
    char remote_class[TL_REMOTE_CLASS_SIZE]; /* what stands for its kind in subjects */
    char on[TL_FLEET_NAME_SIZE];             /* the machine that alone may run it; "": any of its kind */
    int64_t asked_us;                        /* when */
    bool withdrawn;                          /* it is not to be run any more */
    char stands_for[TL_ID_SIZE];             /* the environment of its kind (db/ran_on.h) */
    bool has_id;                             /* somebody else has named its trial */
    char *remote_text;                       /* of one that is not sent yet; NULL */
    unsigned missed;                         /* looks at the server that have found no trace of it */
    unsigned refused;                        /* records of it that were none */
    char *variant_json;
    char *elements; /* the directory with files of its sets; NULL: it has none */
    char variant_hash[TL_ID_SIZE];
    char environment_id[TL_ID_SIZE];
    struct tl_generated generated;
    struct tl_job *followers; /* wait for the model that this one's generator makes */
    char *keep_outputs;
    void (*ended)(void *arg, const struct tl_trial_record *r);
    char *model, *inputs;                     /* in the place of the case's own; NULL */
    char *reference_model, *reference_inputs; /* likewise, of the reference; NULL: the same ones */
    char **settings;                          /* of the environment, by the case: NAME=VALUE; NULL: none */
    bool compares;                            /* its outputs are compared */
    const struct tl_unit *reference; /* whose outputs are right; NULL: there is none, or files have them */
    const struct tl_case *reference_case;
    struct tl_variant reference_variant;    /* of that case */
    char *reference_place, *reference_note; /* note: why it cannot be compared */
    bool own_reference_place;               /* the request names it, for as long as it is made use of */
    char reference_id[TL_UUID_SIZE]; /* by which the trial of the reference is to be known; "": a new one */
    bool is_reference;               /* it is the trial of a reference: its outputs are kept */
    double generate_seconds;         /* negative: nothing was generated */
    struct tl_trial_record ready;    /* the answer of a job that needs no child */
    bool cached;
};

struct unit_entry {
    struct tl_unit unit;
    char *name; /* by which it was asked for */
    struct unit_entry *next;
};

struct tl_executor {
    uv_loop_t loop;
    struct tl_supervisor *supervisor;
    struct tl_store *store;
    struct tl_machine_text machine;
    unsigned jobs, jobs_asked; /* trials at a time; as the user wants it, 0: as many as there are places */
    unsigned places;           /* of the machines of a fleet that are made use of */
    const char *lend_below;    /* where each trial has a copy of its model; NULL: none has */
    int64_t started_us;
    struct unit_entry *units;
    struct tl_job *alive, *making;
    struct tl_job *answered, **answered_tail;
    size_t pending;
    struct tl_content content; /* of files, as far as it was looked at */
    char variables[TL_SHA256_SIZE];
    char *sandbox;    /* what its trials run in, in words; NULL: nothing */
    json_t *versions; /* what the commands of "versions" answered, by case */
    bool anew;        /* nothing is used that was kept before this run of trapline */
    bool yields;      /* what others ask of a fleet goes before */
    json_t *whole;    /* those that were looked at; kept.h */
    json_t *made;     /* generated models and reference outputs that were made in it, by their directory */
    json_t *unsure;   /* generated models whose generator failed in it as well, by their directory */
    bool ran;         /* a trial has run */
    void (*warn)(const char *text);
    const struct tl_watch *waits;
    char case_put[TL_ID_SIZE];   /* hash of the case that was stored last */
    struct tl_remote *remote;    /* remote.c; NULL: trials run here */
    struct tl_fleet_link *fleet; /* likewise */
    uv_signal_t interrupts[2];
    uv_timer_t step, deadline;
    uint64_t deadline_ns; /* of tl_awake_ns */
    bool interrupted, closing, failed;
    bool out_of_time, goes_on, drains;
    struct tl_error failure;
};

/* --- executor.c */
void tl_job_free(struct tl_job *j);
/* A job that was not submitted yet. */
struct tl_job *tl_job_new(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                          const struct tl_unit *u, tl_executor_done done, void *arg);
/* Its identity in the database. */
int tl_job_identify(struct tl_job *j, struct tl_error *e);
void tl_executor_turn(struct tl_executor *x, uint64_t most_ms); /* of the loop */
void tl_executor_fail_all(struct tl_executor *x, const struct tl_error *e);
void tl_job_answer(struct tl_job *j, const struct tl_trial_record *r, bool verdict); /* and frees j */
void tl_job_prepare(
    struct tl_job
        *j); /* makes ready what was asked for, as the record of a job that no child is needed for */
void tl_job_fail(struct tl_job *j, const struct tl_error *e);   /* likewise */
void tl_job_cannot(struct tl_job *j, const struct tl_error *e); /* likewise */

/* Whether what is kept in a directory may be used: not when all is to be made anew and it was not yet. */
bool tl_executor_may_use(const struct tl_executor *x, const char *directory);
void tl_executor_made(struct tl_executor *x, const char *directory);
/* And whether it is there, as it was put there. */
bool tl_executor_has(struct tl_executor *x, const char *directory);

/* --- executor_trial.c */
int tl_job_submit(struct tl_job *j, struct tl_error *e); /* generates its model first, where it has to */
void tl_record_add_metrics(const struct tl_case *c, struct tl_trial_record *r);
int tl_job_submit_trial(struct tl_job *j, struct tl_error *e); /* the model is there */

/* --- elements.c */
/* Before anything of it is identified or run: the files that its commands and its runner are to read. */
int tl_job_write_elements(struct tl_job *j, struct tl_error *e);
json_t *tl_job_variant(const struct tl_job *j); /* as a runner is sent it; a new reference */

/* --- step_request.c */
/* The steps of a case as their runner is sent them; NULL when a program cannot be found. inputs: the list of inputs, or
 * NULL. */
json_t *tl_step_requests(const struct tl_job *j, const char *inputs, struct tl_error *e);
json_t *tl_generator_request(const struct tl_job *j); /* the command that made the model that is there */
json_t *
tl_watch_request(const struct tl_job *j); /* of a case without steps: harness/supervise/watched.h; NULL */

/* --- job_reference.c */
int tl_job_find_reference(struct tl_job *j, struct tl_error *e); /* whether and what it is compared with */
/* Runs the reference's trial first, which then submits the job. 1: it is not needed, now or ever. */
int tl_job_submit_reference(struct tl_job *j, struct tl_error *e);
void tl_job_compare(struct tl_job *j, struct tl_trial_record *r); /* the last word on what passed so far */
void tl_job_keep_outputs(struct tl_job *j, const struct tl_trial_record *r); /* of the trial of a reference */

#endif
