/* The supervisor from inside: its queue, its slots, and what the files of this folder share of it. */
#ifndef TL_SUPERVISOR_IMPL_H
#define TL_SUPERVISOR_IMPL_H

#include "harness/stack/symbolise.h"
#include "harness/stack/unwind.h"
#include "harness/supervise/action.h"
#include "harness/supervise/cgroup.h"
#include "harness/supervise/loop_clock.h"
#include "harness/supervise/scratch.h"
#include "harness/supervise/supervisor.h"

struct tl_trial;
struct tl_server;
struct tl_tracee;
struct tl_wait_state;
struct tl_keeper;
struct tl_platform; /* what darwin/trace.c keeps with a supervisor */

/* A descriptor of ours that is read when there is something. */
struct tl_stream {
    int fd; /* -1: closed */
    uv_poll_t *poll;
};

/* A place in which a trial runs. */
struct tl_slot {
    unsigned index;
    bool busy;
    struct tl_cgroup cgroup;
    uint64_t oom_kills;       /* of the cgroup, as last seen */
    struct tl_server *server; /* kept between trials */
};

/* Keys that no server could be made for: their trials get processes of their own. */
struct tl_unservable {
    char *key;
    struct tl_unservable *next;
};

struct tl_supervisor {
    uv_loop_t *loop;
    struct tl_supervisor_options options;
    unsigned jobs;
    uv_signal_t sigchld;
    uv_timer_t watch;
    struct tl_loop_clock clock;
    uv_idle_t kick; /* runs when there may be something to start */
    char *program;  /* that was looked at last, and whether it is sanitized */
    bool program_sanitized;
    char *scratch_root;
    int scratch_lock;
    struct tl_scratch scratch_spare; /* see scratch.c */
    struct tl_scratch_left scratch_left;
    uint64_t n_scratch; /* that were named */
    tl_trial_begin begin;
    void *begin_arg;

    struct tl_trial *queue, **queue_tail;
    struct tl_trial *flying;
    size_t n_waiting, n_flying, n_leaving; /* those that are leaving fly still */
    struct tl_slot *slots;
    struct tl_server *servers;
    size_t n_servers; /* that there ever were */
    struct tl_unservable *unservable;
    size_t n_tracees, n_orphans; /* threads that are known, and those of them whose process is not */
    bool scheduling, freeing;

    struct tl_tracee *table[1024];
    struct tl_action_file action_file;
    struct tl_wait_state *wait; /* see wait_linux.c */
    struct tl_keeper *keeper;   /* see keeper_linux.c; NULL */
    struct tl_unwinder *unwinder;
    struct tl_symboliser *symboliser;
    struct tl_cgroup_root *cgroups;
    struct tl_sandbox *sandbox; /* NULL: none was asked for */
    struct tl_platform *platform;
};

void tl_supervisor_schedule(struct tl_supervisor *s);
void tl_supervisor_kick(struct tl_supervisor *s); /* looks soon for what can be started, and for spares */
/* Where no cgroup holds the memory of a trial: whether it has more than it may, and is killed for that. */
bool tl_supervisor_look_at_memory(struct tl_trial *t);
void tl_supervisor_trial_ended(struct tl_supervisor *s, struct tl_trial *t); /* frees t */
void tl_supervisor_trial_leaves(struct tl_supervisor *s, struct tl_trial *t);
void tl_supervisor_requeue(struct tl_supervisor *s, struct tl_trial *t); /* back to the head of the queue */

/* Small things that its files share. */
void tl_stream_close(struct tl_stream *io);
int tl_stream_open(struct tl_supervisor *s, struct tl_stream *io, int fd, uv_poll_cb cb, void *data);
uv_timer_t *tl_timer_new(struct tl_supervisor *s, void *data);
void tl_timer_free(uv_timer_t **t);
char **tl_strings_copy(const char *const *list); /* NULL gives NULL */

#endif
