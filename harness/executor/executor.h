/* From (case, variant, unit) to a stored outcome, and Ctrl-C while trials run. It resolves units, generates
 * models, asks the cache, writes the intent, runs the trial in the supervisor and stores what came of it.
 * Every command that runs trials goes through here. */
#ifndef TL_EXECUTOR_H
#define TL_EXECUTOR_H

#include "cases/case.h"
#include "db/store.h"
#include "harness/base/record.h"
#include "harness/executor/unit.h"
#include "harness/supervise/supervisor.h"

struct tl_executor;
struct tl_fleet_link;

struct tl_executor_options {
    const char *db_path; /* NULL: the default one */
    const char *command; /* the command line, for the session's row */
    /* The command's name where a person started it (db/started.h); NULL: a timer or a night did. */
    const char *started;
    unsigned jobs; /* 0: tl_jobs_default() */
    bool keep_scratch;
    bool no_cgroup;
    struct tl_sandbox_wish sandbox; /* its database is that of the executor */
    /* Generated models, reference outputs and descriptions that were kept are not used but replaced; and what was
     * stored before of a variant is no answer any more once it was run. */
    bool anew;
    void (*warn)(const char *text); /* is told what cannot be seen; NULL */
    const struct tl_watch *watch;   /* is told when another process that writes is waited for; NULL. Copied */
    const struct tl_watch *waits;   /* is told when a trial that is waited for runs long; NULL. Borrowed */
    /* Other machines run the trials: an open link of role "submit" for this database. NULL: this one does. The executor's, once it is made. */
    struct tl_fleet_link *fleet;
    bool
        own_each; /* with a fleet: what is asked is a trial of its own, and never what another command has asked and was not told */
    bool drains;  /* the first SIGINT or SIGTERM lets what runs end; the next one stops it */
    bool yields;  /* with fleet: what others ask for goes before */
    bool goes_on; /* what cannot be tried at all is told to who asked, and ends nothing else */
};

int tl_executor_new(struct tl_executor **x, const struct tl_executor_options *options, struct tl_error *e);
/* Stops what runs, stores it, and closes the database; -1 when that failed. */
int tl_executor_free(struct tl_executor *x, struct tl_error *e);
unsigned tl_executor_jobs(const struct tl_executor *x);
struct tl_store *tl_executor_store(struct tl_executor *x);
struct tl_supervisor *tl_executor_supervisor(struct tl_executor *x);

/* The unit that a text names: parsed, found, and described by its own runner (in a child). The unit lives as
 * long as the executor. NULL with *e filled. A device that is known but not usable here is not an error:
 * usable is false. */
const struct tl_unit *tl_executor_unit(struct tl_executor *x, const char *text, struct tl_error *e);
/* Several at once: their runners describe themselves side by side. */
int tl_executor_units(struct tl_executor *x, const char *const *texts, size_t n, const struct tl_unit **units,
                      struct tl_error *e);

/* The units of a search over builds, of those that are where its trials run (tl_unit_list_builds). */
struct tl_unit_list;
int tl_executor_builds(struct tl_executor *x, const char *text, struct tl_unit_list *l, size_t *bad,
                       struct tl_error *e);

/* Where its trials, timers and signals are: others may add what they wait for, and take it away before it is freed. */
uv_loop_t *tl_executor_loop(struct tl_executor *x);
int64_t tl_executor_started_us(const struct tl_executor *x); /* wall clock, when it was made */
const struct tl_machine *tl_executor_machine(const struct tl_executor *x);
/* Where a unit is: that, or a machine of the fleet, which stands for all of its kind. */
const struct tl_machine *tl_executor_machine_of(const struct tl_executor *x, const struct tl_unit *u);
/* Whether trials of an environment are outcomes of the wanted one, as tl_executor_environment tells it. */
bool tl_executor_environment_is(const struct tl_executor *x, const char *wanted, const char *id);

/* What the commands in "versions" of a case answered, as a JSON object; the caller's. NULL: it has none. */
json_t *tl_executor_versions(struct tl_executor *x, const struct tl_case *c);

/* What outcomes of a variant on a unit are valid for (the key of the cache besides case, variant and unit).
 */
int tl_executor_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                            const struct tl_unit *u, char id[TL_ID_SIZE], struct tl_error *e);

/* What was found to count for that so far, besides the unit itself, as a JSON object, the caller's: the path of a file or the
 * "$NAME" of a variable -> {"content": what it is known by, "named_by": the script that names the file}, the latter where one
 * does. */
json_t *tl_executor_counted(struct tl_executor *x);
/* Says something as what cannot be seen is said; nothing where nobody listens. */
void tl_executor_warn(struct tl_executor *x, const char *text);

struct tl_request {
    const struct tl_case *c; /* must outlive the request */
    const struct tl_variant *variant;
    const struct tl_unit *unit;
    bool fresh;               /* a process of its own, never a fork server's child */
    bool new_server;          /* if it is a fork server's child: of one that has served no other trial */
    bool use_cache;           /* an earlier outcome will do */
    const char *keep_outputs; /* directory in which DIR/TRIAL/N.npy are left; NULL: none */
    /* Is told of the trial when its outputs are kept, before it is stored: what is made of them is there then when the trial is
     * known. NULL: nobody. arg is that of done. */
    void (*ended)(void *arg, const struct tl_trial_record *r);
    unsigned repeat; /* with use_cache: which of the earlier outcomes, 0 is the oldest */
    /* What the runner is given in the place of the file and the inputs of the case, for as long as the trial runs: what the
     * variant stands for, where values of axes say no more than which one it is. NULL: those of the case. */
    const char *model, *inputs;
    /* What the reference is given in the place of those (NULL: the same ones), and the directory in which its outputs are
     * kept (NULL: the cache). */
    const char *reference_model, *reference_inputs, *reference_place;
    double timeout_s; /* of each phase, where it is less than the case says; 0: as it says */
    bool unrecorded;  /* nothing of it is stored: what it tells is of this machine, and of this moment */
    const char *id;   /* by which the trial is to be known: a UUID that somebody else made; NULL: a new one */
    const char *reference_id; /* likewise the trial of its reference, where that has to be run */
};

/* r is borrowed for the call. failure is NULL, or says that trapline itself failed, was stopped before it came
 * to this trial, or that it cannot be tried as long as something is missing (TL_ERROR_INPUT: the program of
 * its generator, say): then r is no verdict and was not stored. Nobody needs to keep a failure: the next step
 * fails with the first of them, and so does tl_executor_free. */
typedef void (*tl_executor_done)(void *arg, const struct tl_trial_record *r, bool cached,
                                 const struct tl_error *failure);
int tl_executor_submit(struct tl_executor *x, const struct tl_request *request, tl_executor_done done,
                       void *arg, struct tl_error *e);
/* From now on each trial of a case whose model is a file has a copy of it, below a directory, as long as it runs: what runs it may
 * write to it. NULL: no longer. It is borrowed. */
void tl_executor_lend(struct tl_executor *x, const char *below);
/* Whether something of what was answered is not durable yet, or never will be because writing failed. */
bool tl_executor_unsaved(const struct tl_executor *x);
size_t tl_executor_pending(const struct tl_executor *x);   /* submitted, and done not called */
size_t tl_executor_in_flight(const struct tl_executor *x); /* of those, with a child that runs now */

/* From this moment on (tl_awake_ns; 0: never) nothing is begun any more, and what runs then is stopped and
 * recorded as lost; what is submitted is answered with a failure of kind TL_ERROR_INTERRUPTED. A later moment
 * begins anew. */
void tl_executor_deadline(struct tl_executor *x, uint64_t at_ns);
bool tl_executor_out_of_time(const struct tl_executor *x);

/* One turn of the loop, waiting for something to happen (at most 200 ms). -1 when the database can no longer
 * be written: stop submitting, nothing that was stored is lost. */
int tl_executor_step(struct tl_executor *x, struct tl_error *e);
/* The same for who waits for more to come from outside, through the loop: it waits also where nothing is pending. */
int tl_executor_serve(struct tl_executor *x, struct tl_error *e);
/* Runs until nothing is pending. */
int tl_executor_finish(struct tl_executor *x, struct tl_error *e);
/* Tells who watches waits that a trial runs, where it does so for seconds since then (tl_awake_ns): whoever sees nothing for
 * minutes takes it for a fault of trapline's. For those who call tl_executor_step and tell nothing themselves. */
void tl_executor_tell_wait(const struct tl_executor *x, uint64_t since_ns);
/* After SIGINT or SIGTERM, which the executor catches: what ran has been stopped and recorded as lost. */
bool tl_executor_interrupted(const struct tl_executor *x);
/* The same for who works long between two steps: signals are looked at now, and nothing is waited for. */
bool tl_executor_look(struct tl_executor *x);

#endif
