/* One trial from its request to its record: its phases, their deadlines, its end. */
#ifndef TL_TRIAL_H
#define TL_TRIAL_H

#include "harness/supervise/child.h"
#include "harness/supervise/deaths.h"
#include "harness/supervise/message.h"
#include "harness/supervise/output_ends.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/watched.h"
#include "harness/verdict/classify.h"

struct tl_process;
struct tl_guard;

enum tl_kill_reason {
    TL_KILL_NONE,
    TL_KILL_DEADLINE,
    TL_KILL_MEMORY,
    TL_KILL_DISK,
    TL_KILL_PROCESSES,
    TL_KILL_CANCEL,
    TL_KILL_BEGIN, /* something of ours failed; its record says what, and is not judged again */
};

#define TL_TRIAL_PIDS_MOST (1u << 16)

enum tl_trial_state { TL_TRIAL_WAITING, TL_TRIAL_FORKING, TL_TRIAL_RUNNING, TL_TRIAL_KILLING };

struct tl_trial {
    struct tl_supervisor *supervisor;
    struct tl_trial *next; /* in the queue, or in flight */
    enum tl_trial_state state;

    /* The specification, owned. */
    char **argv, **env;
    char **argv_given; /* before "{scratch}" was replaced in it; NULL: it does not occur */
    int (*entry)(void *);
    void *argument;
    char *directory, *writable;
    bool protocol;
    json_t *request, *server_request;
    char *server_key;
    bool new_server;
    char *device, *device_asked;
    bool has_reference;
    json_t *files, *watch;
    bool untraced;
    unsigned device_slots;
    struct tl_limits limits;
    struct tl_limits child_limits; /* of them, those that the kernel holds for the child itself */
    double timeout_most;
    tl_trial_done done;
    void *done_arg;

    struct tl_slot *slot;
    struct tl_warden warden; /* below which it lives; of none that has a cgroup, and none that is served */
    struct tl_server *below; /* that has made its process; NULL */
    struct tl_scratch scratch;
    const char *scratch_base; /* where that is made, in a sandbox of a server; NULL: where all are */
    bool prepared;
    struct tl_process *processes;
    size_t n_processes; /* alive */
    pid_t *pids;        /* of all that there ever were, */
    size_t n_pids;      /* at most TL_TRIAL_PIDS_MOST */
    pid_t main_pid;     /* 0 before it is made */
    bool leaving;       /* it has answered and runs nothing any more: the next one may start */
    bool main_ended;
    int main_status;
    struct rusage main_usage;

    struct tl_stream io[3]; /* protocol, stdout, stderr */
    struct tl_line_reader reader;
    struct tl_output_ends out, err;
    struct tl_watched *watched; /* what is looked for in them; NULL */
    json_t *counts;             /* as its runner told them last; NULL */
    json_t *in_flight;          /* the operator that its runner told last; NULL */

    enum tl_phase phase; /* the one it is in */
    uint64_t phase_spent_ns[TL_PHASE_COUNT];
    uint64_t phase_since_ns, started_ns, ended_ns;
    uint64_t phase_counted_ns[TL_PHASE_COUNT], phase_counted_since_ns; /* the same in the time of the loop */
    struct tl_deadline deadline;
    uv_timer_t *sweeper; /* waits for what was swept to go */
    unsigned sweeps;
    double deadline_s; /* of the phase it is in */
    enum tl_kill_reason killed;
    bool ending_hang;    /* captures of a hang are being taken */
    size_t hang_waiting; /* of that many processes */
    bool announced;      /* its intent is recorded */
    bool executed;       /* the main process has become the program that was asked for */
    bool got_result, got_error, got_unsupported;
    bool stopping;           /* its runner was asked to end it there */
    bool elsewhere;          /* its model runs on another machine, for which its runner speaks */
    bool got_died, got_lost; /* there: it died of a signal; that machine went away */
    int died_signal;
    int died_pid;      /* there; 0: not told */
    char *report_name; /* of the report of that death, in the scratch directory; NULL */
    char *violation;   /* the first violation of the protocol */
    uint64_t peak_rss_watched;
    uint64_t next_disk_look_ns; /* monotonic: not before */
    uint64_t peak_rss_ended;    /* the largest of its processes, each told as it ended */
    uint64_t forked_with;       /* what we had ourselves when its process was forked */
    uint64_t data_at_crash;     /* VmData of the process at its last fatal signal, bytes */
    uint64_t refused_bytes; /* of the last allocation that was refused for its memory limit; 0: none was */
    uint64_t data_when_refused;
    uint64_t file_limit;       /* RLIMIT_FSIZE of the last process that SIGXFSZ ended, bytes; 0: none was */
    uint64_t refused_at_crash; /* as refused_bytes of the process at its last fatal signal */
    enum tl_left left;         /* how the main process exited */
    bool scratch_full, filled_scratch; /* the file system of its scratch directory was; by itself */
    char killed_name[32];              /* of the first process that somebody else killed; "" */
    char *left_behind;                 /* a process that could not be killed, in words; or NULL */
    unsigned server_failures;
    int descendant_signals[65]; /* how many descendants died of each */
    struct tl_deaths deaths;
    bool runs_steps;               /* its program is the runner of steps, which judges them by their status */
    struct tl_guard *guards;       /* see guard_linux.c; NULL */
    bool let_go;                   /* threads of it were, for a while: loose_linux.c */
    struct tl_trial_record *first; /* of the run before, of which this is another: again.c; NULL */
    unsigned n_handled;            /* captures of signals that its processes handle themselves */
    struct tl_passed_on in_hand;   /* the death of a step that its status does not tell */
    enum tl_phase in_hand_phase;
    struct tl_crash_report *report; /* the system's own report of the main process's crash; or NULL */
    struct tl_trial_record record;
};

int tl_trial_start(struct tl_trial *t, struct tl_error *e);
int tl_trial_prepare(struct tl_trial *t, struct tl_error *e); /* scratch and request; once */
int tl_trial_connect(struct tl_trial *t, struct tl_streams *ours, struct tl_error *e);
int tl_trial_announce(struct tl_trial *t,
                      struct tl_error *e); /* the intent; once, however often it is started */
int tl_trial_began(struct tl_trial *t, struct tl_error *e); /* intent, clock, deadline */
/* timeout_s: a deadline of this entry's own; 0: the case's. */
void tl_trial_enter_phase(struct tl_trial *t, enum tl_phase phase, double timeout_s);
/* Of stream `which` (0: the protocol, 1: stdout, 2: stderr) what is there, at most `most` bytes. */
void tl_trial_read(struct tl_trial *t, int which, size_t most);
void tl_trial_read_all(struct tl_trial *t); /* to the end of all of them, and closes them */
void tl_trial_readable(uv_poll_t *poll, int status, int events); /* of a stream of it */
void tl_trial_marker(void *trial, const char *phase);            /* a line of its output begins a phase */
void tl_trial_kill(struct tl_trial *t, enum tl_kill_reason why);
void tl_trial_main_ended(struct tl_trial *t, int status, const struct rusage *usage);
void tl_trial_leaves(struct tl_trial *t, uint64_t rss); /* its only thread ends, with status 0 */
/* A process of it has ended. Returns the status to judge it by (tl_captures_end). */
int tl_trial_process_ended(struct tl_trial *t, const struct tl_process *p, int status);
void tl_trial_joined(struct tl_trial *t, pid_t pid);              /* a process of it was seen */
void tl_trial_captured(struct tl_trial *t, struct tl_capture *c); /* takes the contents */
void tl_trial_hang_captured(struct tl_trial *t);
void tl_trial_maybe_end(struct tl_trial *t); /* when its last process is gone; frees it then */
/* While it ran the supervisor failed: it is killed, and lost. */
void tl_trial_lose(struct tl_trial *t, const struct tl_error *e);
void tl_trial_fail_to_start(struct tl_trial *t, const struct tl_error *e);
void tl_trial_free(struct tl_trial *t);

#endif
