/* The supervisor: runs trials in isolated, traced children on a libuv loop, stops them when asked, and says
 * what came of each.
 *
 * One thread. At most `jobs` trials are in flight; a device that takes fewer says so with `device_slots`.
 * Every callback is made from the loop, once for each accepted trial, in the order in which trials end. */
#ifndef TL_SUPERVISOR_H
#define TL_SUPERVISOR_H

#include "harness/base/error.h"
#include "harness/base/limits.h"
#include "harness/base/record.h"
#include "harness/supervise/sandbox.h"

#include <jansson.h>
#include <uv.h>

struct tl_supervisor;

struct tl_supervisor_options {
    unsigned jobs;            /* trials in flight; 0: tl_jobs_default() */
    const char *scratch_root; /* directory under which scratch directories are made; NULL: $TMPDIR or /tmp */
    bool no_cgroup;           /* do not use cgroups even where they can be written */
    bool keep_scratch;        /* leave scratch directories behind */
    bool no_symbols;          /* do not symbolise */
    void (*warn)(const char *text); /* is told what trials left and cannot be removed; NULL */
    struct tl_sandbox_wish sandbox; /* of all trials; its texts are not kept */
    enum tl_warden_kind warden; /* of trials that no cgroup holds, for tests; 0: the best that is to be had */
};

/* What to run. Everything is copied by tl_supervisor_submit. */
struct tl_trial_spec {
    char id[TL_UUID_SIZE]; /* "" : one is made */
    /* The child: an executable, or a function of this program that is called after fork (Linux only). */
    const char *const *argv; /* NULL-terminated; argv[0] is a path; "{scratch}" in it is replaced */
    const char *const *env;  /* NULL-terminated "NAME=value" that are added to the environment, or NULL */
    int (*entry)(void *argument); /* used when argv is NULL; its value is the exit status */
    void *argument;
    const char *directory; /* working directory; NULL: the scratch directory */
    const char *writable;  /* a directory that it may write to besides, in a sandbox; NULL: none */
    bool protocol;         /* speaks the runner protocol on fd 3; otherwise exit status 0 is a pass */
    json_t *
        request; /* the trial request without "id" and "scratch", which are added; a reference is taken. NULL when
                        !protocol */
    enum tl_phase phase; /* the phase a child that does not speak the protocol is in */

    /* Fork server: trials with the same key may be forked from one server process. NULL: own process. */
    const char *server_key;
    json_t *server_request; /* {"serve":1, …}, a reference is taken */
    bool new_server;        /* by one that has not served before */

    bool
        untraced; /* its runner hides something of what it starts from the tracer (a step's "trace": false) */

    /* Its model runs on another machine, for which its runner speaks: it is asked to end that (SIGTERM), and given some
     * seconds for it, before it is killed; and its own stacks are none of the model's. */
    bool elsewhere;

    const char *device;    /* slots are counted for each of these; NULL: none */
    unsigned device_slots; /* 0: as many as jobs */
    const char
        *device_asked;  /* the device a "pass" must have been observed on, when the runner tells; NULL: any */
    bool has_reference; /* its outputs are compared when it has ended */
    const json_t *
        files; /* texts that its scratch directory has when it begins: [{"name", "text"}], names staying below it; NULL; a
                            reference is taken */
    const json_t *watch; /* what is looked for in what it writes (watched.h); NULL; a reference is taken */
    struct tl_limits limits;
    double timeout_most; /* a phase may ask for a deadline of its own, up to this; 0: it may not */

    /* Carried into the record. */
    const char *case_name, *case_hash, *variant, *variant_hash, *unit, *environment_id;
};

/* The record is the callback's to keep (it must be released with tl_trial_record_free) when it takes it with
 * *taken = true; otherwise the supervisor releases it. */
typedef void (*tl_trial_done)(void *arg, struct tl_trial_record *record, bool *taken);

/* Called just before a child is let go; record holds what was asked for, id and started_us. When it returns
 * -1 (it fills *e) the child is killed before it ran, and the trial ends as `lost` with that text, which is
 * no verdict (tl_verdict_is_given). */
typedef int (*tl_trial_begin)(void *arg, const struct tl_trial_record *record, struct tl_error *e);

/* Makes a supervisor on a loop. Takes SIGCHLD of this process. */
int tl_supervisor_new(struct tl_supervisor **s, uv_loop_t *loop, const struct tl_supervisor_options *options,
                      struct tl_error *e);
void tl_supervisor_on_begin(struct tl_supervisor *s, tl_trial_begin begin, void *arg);
int tl_supervisor_submit(struct tl_supervisor *s, const struct tl_trial_spec *spec, tl_trial_done done,
                         void *arg, struct tl_error *e);
size_t tl_supervisor_waiting(const struct tl_supervisor *s); /* submitted, not started */
size_t tl_supervisor_in_flight(const struct tl_supervisor *s);
/* Drops what waits and kills what runs. The callback of each is called, those that wait within this call; the
 * outcome is lost. */
void tl_supervisor_cancel(struct tl_supervisor *s);
/* Kills what is left, waits for it, removes scratch and cgroups, closes its handles. */
void tl_supervisor_free(struct tl_supervisor *s);

/* What this machine lets trapline do; for `trapline doctor` and the notes of a session. */
struct tl_isolation {
    char cgroup[256]; /* directory of our cgroup; "" when none can be written */
    bool cgroup_kill, cgroup_pids, cgroup_memory;
    char cgroup_why[256]; /* why not, and what to do */
    enum tl_warden_kind
        warden; /* what holds a trial that no cgroup does; none: a cgroup does, or nothing can be had */
    bool sandbox;
    char sandbox_why[256]; /* at what it fails */
};
/* Tries what can be tried. */
void tl_supervisor_isolation(const struct tl_supervisor *s, struct tl_isolation *i);

#endif
