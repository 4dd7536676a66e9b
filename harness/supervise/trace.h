/* The processes and threads of trials: found as they are made, followed until they are gone. On Linux by
 * ptrace, on macOS, which has no tracing, by looking at the list of all processes.
 *
 * A trial has processes, a process has tracees (threads). All of them are known, because every fork, clone
 * and exec of a traced process stops in the supervisor first; so nothing a trial starts can outlive it. */
#ifndef TL_TRACE_H
#define TL_TRACE_H

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/supervise/deaths.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uv.h>

struct tl_supervisor;
struct tl_trial;
struct tl_server;
struct tl_pending_capture;
struct tl_wait;
struct tl_shield;
struct tl_loose;

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
    siginfo_t info;    /* of its last fatal signal, when that was not captured; si_signo 0: none */
    unsigned unread;   /* how many of these in a row */
    unsigned faults;   /* that it has handled in a row; */
    uint64_t fault_ns; /* and when it began: see loose_linux.c */
    bool watched;      /* from call to call */
    bool loose;        /* let go for a while */
    bool unseen;       /* held at a fatal signal that has not been looked at */
    bool at_end;       /* it is in the stop at its end, or was: it runs no instruction any more */
    bool leaving;      /* it was let go from there */
    const char *call;  /* of a hang: in which call of the kernel it slept; NULL */
    uint64_t since_ns; /* when it appeared without a process */
};

/* Memory that a process has reserved and need not use; see refusal_linux.c. Bytes. */
struct tl_reserved {
    uint64_t limit;         /* of its private memory; 0: none */
    uint64_t set;           /* the limit that the kernel was given last: that and what is reserved */
    uint64_t mapped;        /* in mappings that are reservations; at least what is left of them */
    uint64_t stacks, stack; /* in stacks of threads that were ever made; the largest of these */
    uint64_t seen;          /* VmData when mapped was counted last */
    bool counted;           /* nothing was added to it since */
};

/* One process (thread group). */
struct tl_process {
    pid_t pid;
    struct tl_trial *trial;   /* NULL for a fork server's own process */
    struct tl_server *server; /* the fork server whose own process this is, or NULL */
    bool is_main;             /* the trial's or the server's first process */
    pid_t parent;             /* that made it; 0 for a first process */
    char command[TL_ID_SIZE]; /* content id of its first command line; "" before it has executed one */
    uint64_t refused_bytes;   /* of its last large allocation, when its memory limit refused it; 0 */
    struct tl_reserved reserved;
    enum tl_left left; /* how it exited */
    bool killed;
    uint64_t killed_ns; /* when, by the monotonic clock */
    bool gone;          /* reaped: its pid may be somebody else's by now */
    bool claimed;       /* not (or no longer) a fork server's child of which the server has yet to speak */
    struct tl_tracee *tracees;
    struct tl_process *next; /* in the trial's or the server's list */
    struct tl_pending_capture *pending;
    unsigned captured[65]; /* captures taken, by signal */
    unsigned sent[65];     /* of signals that were sent, likewise */
    bool outlived[65];     /* that signal came again when no more were taken */
    pid_t alone;           /* the thread that was let go before the others after its capture; 0: none */
    uv_timer_t *alone_timer;
    uint64_t alone_since_ns; /* by the monotonic clock; the next by the thread's own */
    uint64_t alone_from_ns, alone_most_ns;
    pid_t doomed;             /* a thread that stood at a fault that nothing was going to handle; 0: none */
    pid_t exiting;            /* the thread that was let go into exit_group; 0: none */
    struct tl_shield *shield; /* see shield_linux.c; NULL */
    struct tl_loose *loose;   /* see loose_linux.c; NULL */
    bool guarded;             /* see guard_linux.c */
    uint64_t born_ns;         /* when it was made, by the monotonic clock, */
    uint64_t leaving_ns;      /* and when it began to end; 0: not yet */
    struct tl_wait *wait;     /* macOS: a crash report or a sample of it that is awaited */
    uint64_t born_us; /* macOS: when it was started, which tells it from a later process of that pid */
};

void tl_trace_open(struct tl_supervisor *s);  /* before the first child */
void tl_trace_close(struct tl_supervisor *s); /* after the last */
/* The next event of a child; 0: none; -1 with errno. */
pid_t tl_trace_wait(struct tl_supervisor *s, int *status, struct rusage *usage);
void tl_trace_event(struct tl_supervisor *s, pid_t tid, int status,
                    const struct rusage *usage); /* handles it */
void tl_trace_hurry(struct tl_supervisor *s);    /* waits for nothing more than the end of processes */
void tl_trace_orphans(struct tl_supervisor *s, bool now); /* looks for processes that nobody knows */
void tl_trace_overdue(struct tl_supervisor *s);           /* deals with what was killed and does not end */
/* Traces a child at its gate as the main process of t or of server. Where that fails it is killed and
 * reaped. */
int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e);
void tl_trace_kill(struct tl_process *list);                          /* SIGKILL to every process of a list */
void tl_trace_release(struct tl_supervisor *s, struct tl_process *p); /* lets a held process go */
void tl_process_give(struct tl_process *p,
                     struct tl_trial *t); /* a server's child becomes t's main process */
pid_t tl_process_living(
    const struct tl_process *p); /* a thread of it that has not ended, the first if it can be */
uint64_t
tl_process_data_bytes(pid_t pid); /* VmData; of Linux, of any living thread of it; so are the next two */
uint64_t tl_process_rss_bytes(pid_t pid);
uint64_t
tl_process_charged_bytes(pid_t pid);       /* of it, what is its own: its part of what is shared, no files */
uint64_t tl_process_peak_bytes(pid_t pid); /* the most that was resident since it executed its program */

void tl_wait_open(struct tl_supervisor *s); /* Linux: what tl_trace_wait keeps */
void tl_wait_close(struct tl_supervisor *s);
bool tl_trace_knows(struct tl_supervisor *s, pid_t pid); /* whether a process is one of a trial or server */

/* For captures (Linux). */
struct tl_tracee *tl_trace_find(struct tl_supervisor *s, pid_t tid); /* NULL: not known */
int tl_trace_seize(pid_t tid);        /* begins to trace it, with all that it makes; -1 with errno */
bool tl_trace_is_reported(pid_t tid); /* whether wait4 can tell anything of it still */
void tl_tracee_let_go(struct tl_tracee *t);
/* Lets a stopped thread go on by PTRACE_CONT, PTRACE_LISTEN or PTRACE_SYSCALL. Where the kernel refuses that, its trial is lost. */
void tl_tracee_restart(struct tl_tracee *t, int request, int signal);
bool tl_tracee_stays(pid_t tid); /* whether it is in the stop still of which wait4 told last */
void tl_tracee_go_on(struct tl_tracee *t, int signal, bool group); /* unless something wants it to stay */

#endif
