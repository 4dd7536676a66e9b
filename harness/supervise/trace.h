/* The processes and threads of trials: found as they are made, followed until they are gone. On Linux by
 * ptrace, on macOS, which has no tracing, by looking at the list of all processes.
 *
 * A trial has processes, a process has tracees (threads). All of them are known, because every fork, clone
 * and exec of a traced process stops in the supervisor first; so nothing a trial starts can outlive it. */
#ifndef TL_TRACE_H
#define TL_TRACE_H

#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

struct tl_supervisor;
struct tl_trial;
struct tl_server;
struct tl_pending_capture;
struct tl_wait;

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

/* One process (thread group). */
struct tl_process {
    pid_t pid;
    struct tl_trial *trial;   /* NULL for a fork server's own process */
    struct tl_server *server; /* the fork server whose own process this is, or NULL */
    bool is_main;             /* the trial's or the server's first process */
    pid_t parent;             /* that made it; 0 for a first process */
    char command[TL_ID_SIZE]; /* content id of its first command line; "" before it has executed one */
    uint64_t refused_bytes;   /* of its last large allocation, when its memory limit refused it; 0 */
    bool left_refused;        /* it exited with a failure, and that allocation would be refused again */
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

void tl_trace_open(struct tl_supervisor *s);  /* before the first child */
void tl_trace_close(struct tl_supervisor *s); /* after the last */
pid_t tl_trace_wait(int *status,
                    struct rusage *usage); /* the next event of a child; 0: none; -1 with errno */
void tl_trace_event(struct tl_supervisor *s, pid_t tid, int status,
                    const struct rusage *usage); /* handles it */
void tl_trace_hurry(struct tl_supervisor *s);    /* waits for nothing more than the end of processes */
void tl_trace_orphans(struct tl_supervisor *s, bool now); /* looks for processes that nobody knows */
/* Traces a child at its gate as the main process of t or of server. Where that fails it is killed and
 * reaped. */
int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e);
void tl_trace_kill(struct tl_process *list);                          /* SIGKILL to every process of a list */
void tl_trace_release(struct tl_supervisor *s, struct tl_process *p); /* lets a held process go */
void tl_process_give(struct tl_process *p,
                     struct tl_trial *t);  /* a server's child becomes t's main process */
uint64_t tl_process_data_bytes(pid_t pid); /* VmData */
uint64_t tl_process_rss_bytes(pid_t pid);
uint64_t tl_process_peak_bytes(pid_t pid); /* the most that was resident since it executed its program */

/* For captures (Linux). */
void tl_tracee_let_go(struct tl_tracee *t);
void tl_tracee_go_on(struct tl_tracee *t, int signal, bool group); /* unless something wants it to stay */

#endif
