/* Inside the supervisor: the structures that its files share. Nobody else includes this.
 *
 *   supervisor.c   queue, slots, the SIGCHLD drain, the watch over memory and scratch
 *   child_linux.c  makes a child: pipes, gate, session, limits
 *   trace_linux.c  ptrace: every stop of every thread of every descendant
 *   capture_linux.c  stacks at a fatal signal or a deadline
 *   trial.c        one trial from request to record: phases, messages, deadlines, end
 *   server.c       fork servers
 *   classify.c     what came of it (pure)
 *   cgroup_linux.c scratch.c
 *   *_darwin.c     the same for macOS, which has no tracing: stacks come from the system's reports
 *
 * A trial has processes, a process has tracees (threads). All of them are known, because every fork, clone
 * and exec of a traced process stops in the supervisor first; so nothing a trial starts can outlive it. */
#ifndef TL_TRIAL_H
#define TL_TRIAL_H

#include "harness/stack/symbolise.h"
#include "harness/stack/unwind.h"
#include "harness/supervise/cgroup.h"
#include "harness/supervise/message.h"
#include "harness/supervise/output_ends.h"
#include "harness/supervise/supervisor.h"

#include <sys/resource.h>
#include <sys/types.h>

struct tl_trial;
struct tl_server;
struct tl_process;
struct tl_ips;
struct tl_platform; /* what trace_*.c keeps with a supervisor */

/* One traced thread. */
struct tl_tracee {
    pid_t tid;
    struct tl_process *process; /* NULL: its parent's fork event has not come yet */
    struct tl_tracee *next_in_table, *next_in_process;
    bool seen_stop;    /* its first stop has come */
    bool held;         /* in a ptrace-stop and kept there */
    bool held_group;   /* that stop is a group-stop: goes on with PTRACE_LISTEN */
    int held_signal;   /* to deliver when it goes on */
    bool interrupting; /* PTRACE_INTERRUPT was sent and no stop has come */
    uint64_t since_ns; /* when it appeared without a process */
};

/* A capture that waits for threads to stop. */
struct tl_pending_capture {
    struct tl_capture capture;
    struct tl_unwind *unwind;
    size_t waiting; /* threads that were interrupted and have not stopped */
    uint64_t started_ns;
    uv_timer_t *timer;
    pid_t first; /* the thread that took the signal and is held; 0 for a hang */
};

/* One traced process (thread group). */
struct tl_process {
    pid_t pid;
    struct tl_trial *trial;   /* NULL for a fork server's own process */
    struct tl_server *server; /* the fork server whose own process this is, or NULL */
    bool is_main;             /* the trial's or the server's first process */
    bool killed;
    bool gone;    /* reaped: its pid may be somebody else's by now */
    bool claimed; /* not (or no longer) a fork server's child of which the server has yet to speak */
    struct tl_tracee *tracees;
    struct tl_process *next; /* in the trial's or the server's list */
    struct tl_pending_capture *pending;
    unsigned captured[65]; /* captures taken, by signal */
    struct tl_wait *wait;  /* macOS: a crash report or a sample of it that is awaited */
    uint64_t born_us;      /* macOS: when it was started, which tells it from a later process of that pid */
};

enum tl_kill_reason {
    TL_KILL_NONE,
    TL_KILL_DEADLINE,
    TL_KILL_MEMORY,
    TL_KILL_DISK,
    TL_KILL_PROCESSES,
    TL_KILL_CANCEL,
    TL_KILL_BEGIN,    /* its intent could not be recorded */
    TL_KILL_LEFTOVER, /* the main process has ended: what is left is swept */
};

/* The supervisor's ends of a child's streams. -1 when closed. */
struct tl_streams {
    int protocol, out, err;
};

/* A place in which a trial runs. */
struct tl_slot {
    unsigned index;
    bool busy;
    struct tl_cgroup cgroup;
    uint64_t oom_kills;       /* of the cgroup, as last seen */
    struct tl_server *server; /* kept between trials */
};

struct tl_stream {
    int fd; /* -1: closed */
    uv_poll_t *poll;
};

enum tl_trial_state { TL_TRIAL_WAITING, TL_TRIAL_FORKING, TL_TRIAL_RUNNING, TL_TRIAL_KILLING };

struct tl_trial {
    struct tl_supervisor *supervisor;
    struct tl_trial *next; /* in the queue, or in flight */
    enum tl_trial_state state;

    /* The specification, owned. */
    char **argv, **env;
    int (*entry)(void *);
    void *argument;
    char *directory;
    bool protocol;
    json_t *request, *server_request;
    char *server_key;
    char *device, *device_asked;
    unsigned device_slots;
    struct tl_limits limits;
    struct tl_limits child_limits; /* of them, those that the kernel holds for the child itself */
    double timeout_most;
    tl_trial_done done;
    void *done_arg;

    struct tl_slot *slot;
    char *scratch;
    bool prepared;
    struct tl_process *processes;
    size_t n_processes; /* alive */
    pid_t main_pid;     /* 0 before it is made */
    bool leaving;       /* it has answered and runs nothing any more: the next one may start */
    bool main_ended;
    int main_status;
    struct rusage main_usage;

    struct tl_stream io[3]; /* protocol, stdout, stderr */
    struct tl_line_reader reader;
    struct tl_output_ends out, err;

    enum tl_phase phase; /* the one it is in */
    uint64_t phase_spent_ns[TL_PHASE_COUNT];
    uint64_t phase_since_ns, started_ns, ended_ns;
    uv_timer_t *deadline;
    double deadline_s; /* of the phase it is in */
    enum tl_kill_reason killed;
    bool ending_hang;    /* captures of a hang are being taken */
    size_t hang_waiting; /* of that many processes */
    bool announced;      /* its intent is recorded */
    bool executed;       /* the main process has become the program that was asked for */
    bool got_result, got_error, got_unsupported;
    char *violation; /* the first violation of the protocol */
    uint64_t peak_rss_watched;
    uint64_t data_at_crash; /* VmData of the process at its last fatal signal, bytes */
    unsigned server_failures;
    int descendant_signals[65]; /* how many descendants died of each */
    struct tl_ips *report;      /* the system's own report of the main process's crash; or NULL */
    struct tl_trial_record record;
};

struct tl_server {
    struct tl_supervisor *supervisor;
    struct tl_slot *slot;
    char *key;
    pid_t pid;
    struct tl_process *processes;
    bool ready, ended, killed;
    struct tl_stream io[3];
    struct tl_line_reader reader;
    struct tl_output_ends out, err;
    uv_timer_t *deadline;
    struct tl_trial *trial;       /* wants a child from it, and has none yet */
    bool asked;                   /* for a child, which no trial has got yet */
    struct tl_process *new_child; /* that child: forked, held until a trial gets it */
    pid_t told;                   /* the pid that the server named as its; 0: not yet */
    struct tl_streams handed;     /* our ends of its streams */
    char *scratch;
    struct tl_server *next;
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
    uv_idle_t kick; /* runs when there may be something to start */
    char *program;  /* that was looked at last, and whether it is sanitized */
    bool program_sanitized;
    char *scratch_root;
    int scratch_lock;
    tl_trial_begin begin;
    void *begin_arg;

    struct tl_trial *queue, **queue_tail;
    struct tl_trial *flying;
    size_t n_waiting, n_flying, n_leaving; /* those that are leaving fly still */
    struct tl_slot *slots;
    struct tl_server *servers;
    size_t n_servers; /* that there ever were */
    struct tl_unservable *unservable;
    size_t n_orphans;
    bool scheduling, freeing;

    struct tl_tracee *table[1024];
    struct tl_unwinder *unwinder;
    struct tl_symboliser *symboliser;
    struct tl_cgroup_root *cgroups;
    struct tl_platform *platform;
};

/* --- supervisor.c */
void tl_supervisor_schedule(struct tl_supervisor *s);
void tl_supervisor_kick(struct tl_supervisor *s); /* looks soon for what can be started, and for spares */
void tl_supervisor_trial_ended(struct tl_supervisor *s, struct tl_trial *t); /* frees t */
void tl_supervisor_trial_leaves(struct tl_supervisor *s, struct tl_trial *t);
void tl_supervisor_requeue(struct tl_supervisor *s, struct tl_trial *t); /* back to the head of the queue */
void tl_stream_close(struct tl_stream *io);
int tl_stream_open(struct tl_supervisor *s, struct tl_stream *io, int fd, uv_poll_cb cb, void *data);
uv_timer_t *tl_timer_new(struct tl_supervisor *s, void *data);
void tl_timer_free(uv_timer_t **t);
char **tl_strings_copy(const char *const *list); /* NULL gives NULL */
void tl_strings_free(char **list);

/* --- child_linux.c */
struct tl_child_request {
    char *const *argv;
    char *const *env;
    int (*entry)(void *);
    void *argument;
    const char *directory;
    bool protocol;
    struct tl_limits limits;
};
/* Makes a child that waits at its gate. tl_child_release is called once for it. */
int tl_child_spawn(const struct tl_child_request *r, pid_t *pid, int *gate, struct tl_streams *ours,
                   struct tl_error *e);
/* Lets it go, or (go is false: it has been or is about to be killed) only forgets the gate. 0, or -1 with
 * errno. */
int tl_child_release(pid_t pid, int gate, bool go);
extern const bool tl_child_can_fork; /* whether runners may be fork servers on this system */
uint64_t tl_child_peak_bytes(const struct rusage *usage);
int tl_streams_make(struct tl_streams *ours, struct tl_streams *theirs, bool protocol, struct tl_error *e);
void tl_streams_close(struct tl_streams *s);
void tl_child_limits(pid_t pid, const struct tl_limits *limits); /* 0: the calling process */

/* --- trace_linux.c */
void tl_trace_open(struct tl_supervisor *s);  /* before the first child */
void tl_trace_close(struct tl_supervisor *s); /* after the last */
pid_t tl_trace_wait(int *status,
                    struct rusage *usage);    /* the next event of a child; 0: none; -1 with errno */
void tl_trace_hurry(struct tl_supervisor *s); /* waits for nothing more than the end of processes */
int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e);
void tl_trace_event(struct tl_supervisor *s, pid_t tid, int status, const struct rusage *usage);
void tl_trace_kill(struct tl_process *list);                          /* SIGKILL to every process of a list */
bool tl_trace_capture_hang(struct tl_trial *t);                       /* true when captures are under way */
void tl_trace_release(struct tl_supervisor *s, struct tl_process *p); /* lets a held process go */
void tl_trace_orphans(struct tl_supervisor *s, bool now);
void tl_process_give(struct tl_process *p,
                     struct tl_trial *t);  /* a fork server's child becomes a trial's main process */
uint64_t tl_process_data_bytes(pid_t pid); /* VmData */
uint64_t tl_process_rss_bytes(pid_t pid);

/* --- capture_linux.c, and what it needs of trace_linux.c */
void tl_capture_signal(struct tl_tracee *t, int signal); /* t is at a fatal signal */
void tl_capture_thread_stopped(struct tl_process *p);    /* one that a capture of p waits for */
void tl_capture_finish(struct tl_process *p);            /* with what has stopped so far */
void tl_tracee_let_go(struct tl_tracee *t);
void tl_tracee_go_on(struct tl_tracee *t, int signal, bool group); /* unless something wants it to stay */

/* --- trial.c */
int tl_trial_start(struct tl_trial *t, struct tl_error *e);
int tl_trial_prepare(struct tl_trial *t, struct tl_error *e); /* scratch and request; once */
int tl_trial_connect(struct tl_trial *t, struct tl_streams *ours, struct tl_error *e);
/* What a child is given: our own environment, TMPDIR in its scratch directory, and what is added ("{scratch}"
 * in it is replaced). Release with tl_strings_free. */
char **tl_trial_environment(char *const *added, const char *scratch);
int tl_trial_announce(struct tl_trial *t,
                      struct tl_error *e); /* the intent; once, however often it is started */
int tl_trial_began(struct tl_trial *t, struct tl_error *e); /* intent, clock, deadline */
void tl_trial_kill(struct tl_trial *t, enum tl_kill_reason why);
void tl_trial_main_ended(struct tl_trial *t, int status, const struct rusage *usage);
void tl_trial_leaves(struct tl_trial *t, uint64_t rss); /* its only thread ends, with status 0 */
void tl_trial_process_died(struct tl_trial *t, pid_t pid, int signal);
void tl_trial_process_gone(struct tl_trial *t);
void tl_trial_captured(struct tl_trial *t, struct tl_capture *c); /* takes the contents */
void tl_trial_hang_captured(struct tl_trial *t);
void tl_trial_maybe_end(struct tl_trial *t);
void tl_trial_fail_to_start(struct tl_trial *t, const struct tl_error *e);
void tl_trial_free(struct tl_trial *t);
/* Sends one message, with fds attached to its first byte when n_fds is not 0. -1 with errno (EMSGSIZE: too
 * long). */
int tl_send_line(int fd, const json_t *message, const int *fds, size_t n_fds);

/* --- server.c */
int tl_server_run(struct tl_supervisor *s, struct tl_slot *slot, struct tl_trial *t, struct tl_error *e);
bool tl_server_make_spare(
    struct tl_server *server); /* a child for the trial after this one; false: not now */
void tl_server_forked(struct tl_server *server, struct tl_process *child);
void tl_server_process_ends(struct tl_server *server,
                            const struct tl_process *p);              /* p is about to be freed */
void tl_server_process_gone(struct tl_server *server, bool was_main); /* one was */
void tl_server_kill(struct tl_server *server);
bool tl_server_refused(const struct tl_supervisor *s, const char *key);

#endif
