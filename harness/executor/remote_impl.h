/* Inside what other machines run: what the files of it share. Nobody else includes this.
 *
 *   remote.c           jobs and records, by way of the link
 *   remote_late.c      records for commands that are gone
 *   remote_machines.c  which machines there are, and which of them a unit is
 *   remote_names.c     what a job is known by: asked twice, it is one
 *   remote_reference.c trials of references, which come with those that are compared with them */
#ifndef TL_REMOTE_IMPL_H
#define TL_REMOTE_IMPL_H

#include "harness/executor/executor_impl.h"
#include "harness/fleet/link.h"

struct tl_remote {
    struct tl_fleet_link *link; /* borrowed */
    uv_poll_t poll;
    int events; /* that the poll waits for; 0: none yet */
    uv_poll_cb poll_cb;
    json_t *machines; /* [{"machine", "said": announcement}]; NULL: not asked yet */
    json_t *away;     /* and those that cannot be asked now, with "why" */
    char *on;         /* which of them may be asked (--on); NULL: all */
    const char
        *generation; /* of jobs that are one however often they are asked; NULL: each is one of its own */
    char own_generation[TL_UUID_SIZE]; /* "": of all commands */
    json_t *repeats; /* question -> how often it was asked, that is known to have been answered */
    uint64_t asked;  /* jobs so far */
    json_t *sent;    /* contents that the server has, by their hash */
    const struct tl_case *files_of; /* and the files of the case that was asked for last */
    json_t *files;
    char **archives; /* of directories of cases: files that are gone with this */
    size_t n_archives;
    bool caught_up; /* what was left on the server by earlier commands has come */
    bool unsent;    /* there are jobs that wait to be sent */
    json_int_t last,
        recorded; /* number of the last record that came; and that was said to be in the database for good */
    uint64_t look_ns; /* when, by the monotonic clock, it is looked after them next */
    size_t withdrawing, withdrawn,
        begun; /* jobs that are not waited for any more; of which it was told whether they had begun; that had */
};

struct tl_remote_came;

/* What a record is the answer to. */
struct tl_remote_question {
    const char *job_id, *machine; /* the machine has answered it */
    const char *stands_for;
    int64_t asked_us;
};

/* --- remote.c */
int tl_remote_place(struct tl_executor *x, const struct tl_remote_question *q,
                    const struct tl_remote_came *came, struct tl_trial_record *r, struct tl_error *e);
void tl_remote_warn(struct tl_executor *x, const struct tl_error *e);
/* The files of a case go before its first job: x->remote->files is theirs then. */
int tl_remote_send_files(struct tl_executor *x, const struct tl_case *c, struct tl_error *e);
struct tl_job *tl_remote_find(struct tl_executor *x, const char *id); /* that waits for a record */
/* Takes what has come until a frame has this key, which is the caller's; at most wait_ms. */
int tl_remote_wait_for(struct tl_executor *x, const char *key, int wait_ms, struct tl_frame_in *f,
                       struct tl_error *e);
/* Waits until what was there when it began to listen has come. */
int tl_remote_catch_up(struct tl_executor *x, struct tl_error *e);
void tl_remote_listen(struct tl_executor *x); /* in the loop, from now on */

/* --- remote_late.c */
/* A record that nobody here waits for: of an earlier command, or the second one of a job that was run twice. */
void tl_remote_take_late(struct tl_executor *x, const char *id, const char *machine,
                         const struct tl_frame_in *f);

/* --- remote_machines.c */
/* What machines of the kind of its unit allow has to be what its case needs (remote_allow.h). */
int tl_remote_check_allowed(const struct tl_job *j, unsigned needs, struct tl_error *e);
/* Which of the machines that may run a job is asked; NULL: any of its kind. Its place is taken until the job is freed. */
void tl_remote_choose(struct tl_job *j);
void tl_remote_leave(struct tl_job *j);

/* --- remote_names.c */
/* Gives a job its id. *known: it was asked for before, and its trial is the one of then. */
int tl_remote_name(struct tl_job *j, bool *known, struct tl_error *e);

#endif
