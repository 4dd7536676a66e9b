/* ptrace: every stop of every thread of every descendant of a trial.
 *
 * Theory of operation. The kernel reports to a tracer by wait4. With __WALL that returns for every thread,
 * also for those whose end sends no SIGCHLD (clone), and with WNOHANG it returns at once when there is
 * nothing. A status with WIFSTOPPED is a ptrace-stop: the thread stays where it is until we let it go on. Its
 * kinds, by signal and status >> 16:
 *
 *   0                      signal-delivery-stop: a signal is about to be delivered. It is when PTRACE_CONT
 *                          names it, and is forgotten otherwise.
 *   PTRACE_EVENT_FORK,     the thread has made a process or a thread; PTRACE_GETEVENTMSG says which.
 *   _VFORK, _CLONE
 *   PTRACE_EVENT_EXEC      execve has succeeded. The kernel has ended the other threads of the process, and
 *                          the one that called it has the pid of the process for its own number now.
 *   PTRACE_EVENT_EXIT      the thread begins to end. Its memory is still there.
 *   PTRACE_EVENT_SECCOMP   the thread is about to make a call that the filter of its trial stops: a large
 *                          allocation (refusal_linux.c), or exit_group (exits_linux.c).
 *   PTRACE_EVENT_STOP      with SIGTRAP the first stop of a new thread, or the answer to PTRACE_INTERRUPT;
 *                          with a stopping signal a group-stop: SIGSTOP or a terminal has stopped the
 *                          process. PTRACE_LISTEN leaves it stopped and traced; PTRACE_CONT would let it run.
 *
 * Each child is attached by PTRACE_SEIZE while it waits at its gate. Unlike PTRACE_ATTACH that sends no
 * SIGSTOP, and only threads that were seized can be interrupted and show a group-stop as what it is. The
 * options of the attachment pass on to whatever the child makes:
 *
 *   PTRACE_O_TRACEFORK,    new processes and threads are traced from their first instruction, so none is
 *   _TRACEVFORK,           missed.
 *   _TRACECLONE
 *   PTRACE_O_TRACEEXEC     exec is an event of its own, not a SIGTRAP that looks like a fault.
 *   PTRACE_O_TRACEEXIT     what a process had at most can be read while its memory is still there. Of a fork
 *                          server's child, which is small and one of many, the next trial starts then.
 *   PTRACE_O_TRACESYSGOOD  a stop at a system call is none at SIGTRAP: see alone_linux.c.
 *   PTRACE_O_TRACESECCOMP  the same calls.
 *   PTRACE_O_EXITKILL      the kernel kills all tracees when we are gone, however that came about.
 *
 * A new thread is reported twice, by the event of its parent and by its own first stop, and in either order.
 * Until both have come it is held. One of which only its own stop is known is an orphan; its parent may have
 * been killed before it could say so (tl_trace_orphans). An orphan
 * that ends is forgotten, so the event of its parent may be of one that is no more: wait4 knows.
 *
 * We are the subreaper (PR_SET_CHILD_SUBREAPER) of everything that trials start: a process whose parent is
 * gone becomes our child and not init's, so its end is reported here. The end of a thread group is reported
 * by its leader, after that of all other threads.
 *
 * A fatal signal goes to capture_linux.c. Nothing here waits: each event is handled and the loop goes on.
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/trace.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/hash.h"
#include "harness/supervise/alone.h"
#include "harness/supervise/capture.h"
#include "harness/supervise/captures.h"
#include "harness/supervise/exits.h"
#include "harness/supervise/guard.h"
#include "harness/supervise/hiding.h"
#include "harness/supervise/keeper.h"
#include "harness/supervise/loose.h"
#include "harness/supervise/process.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/server.h"
#include "harness/supervise/shield.h"
#include "harness/supervise/trial.h"
#include "harness/verdict/classify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSTEM_CALL 0x80     /* what PTRACE_O_TRACESYSGOOD adds to the signal of a stop at a call */
#define ORPHAN_NS 100000000u /* the event of a parent comes before, unless it was killed */

/* --- the table of tracees ------------------------------------------------------------------------------- */

static struct tl_tracee **bucket(struct tl_supervisor *s, pid_t tid)
{
    return &s->table[(unsigned)tid % TL_COUNT(s->table)];
}

static struct tl_tracee *find(struct tl_supervisor *s, pid_t tid)
{
    struct tl_tracee *t = *bucket(s, tid);
    while (t && t->tid != tid)
        t = t->next_in_table;
    return t;
}

static struct tl_tracee *add(struct tl_supervisor *s, pid_t tid)
{
    struct tl_tracee *t = tl_calloc(1, sizeof *t);
    t->tid = tid;
    t->since_ns = tl_monotonic_ns();
    t->next_in_table = *bucket(s, tid);
    *bucket(s, tid) = t;
    s->n_tracees++;
    s->n_orphans++;
    return t;
}

static void adopt(struct tl_supervisor *s, struct tl_tracee *t, struct tl_process *p)
{
    t->process = p;
    t->next_in_process = p->tracees;
    p->tracees = t;
    s->n_orphans--;
}

struct tl_tracee *tl_trace_find(struct tl_supervisor *s, pid_t tid)
{
    return find(s, tid);
}

static struct tl_process *process_new(pid_t pid, struct tl_trial *trial, struct tl_server *server)
{
    struct tl_process *p = tl_calloc(1, sizeof *p);
    p->pid = pid;
    p->trial = trial;
    p->server = server;
    p->claimed = true;
    p->born_ns = tl_monotonic_ns();
    struct tl_process **list = trial ? &trial->processes : &server->processes;
    p->next = *list;
    *list = p;
    if (trial) {
        trial->n_processes++;
        tl_trial_joined(trial, pid);
    }
    return p;
}

static struct tl_process *find_process(struct tl_supervisor *s, pid_t pid)
{
    struct tl_tracee *t = find(s, pid);
    return t ? t->process : NULL;
}

bool tl_trace_knows(struct tl_supervisor *s, pid_t pid)
{
    return find(s, pid) != NULL;
}

void tl_trace_open(struct tl_supervisor *s)
{
    s->action_file = (struct tl_action_file)TL_ACTION_FILE_INIT;
    tl_wait_open(s);
    /* A descendant whose parent is gone comes to us and not to init, so that it is reaped here. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void tl_trace_close(struct tl_supervisor *s)
{
    tl_action_file_close(&s->action_file);
    tl_keeper_close(s);
    tl_wait_close(s);
}

void tl_trace_hurry(struct tl_supervisor *s)
{
    (void)s;
}

/* --- letting go ----------------------------------------------------------------------------------------- */

void tl_tracee_let_go(struct tl_tracee *t)
{
    int signal = t->held_signal;
    bool group = t->held_group;
    t->held = t->held_group = t->unseen = false;
    t->leaving = t->at_end;
    t->held_signal = 0;
    tl_tracee_restart(t, group ? PTRACE_LISTEN : PTRACE_CONT, signal);
}

/* A thread has stopped and may go on with this signal, unless something wants it to stay. */
void tl_tracee_go_on(struct tl_tracee *t, int signal, bool group)
{
    struct tl_process *p = t->process;
    bool awaited = t->interrupting;
    t->interrupting = false;
    t->held = true;
    t->held_signal = signal;
    t->held_group = group;
    if (p && p->pending) {
        if (awaited)
            tl_capture_thread_stopped(p);
        return;
    }
    if (!tl_alone_holds(t) && p && p->claimed)
        tl_tracee_let_go(t);
}

void tl_trace_release(struct tl_supervisor *s, struct tl_process *p)
{
    (void)s;
    p->claimed = true;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (t->held && !p->pending)
            tl_tracee_let_go(t);
}

static void kill_process(struct tl_process *p)
{
    if (!p->killed)
        p->killed_ns = tl_monotonic_ns();
    p->killed = true;
    if (!p->gone)
        kill(p->pid, SIGKILL);
}

void tl_trace_kill(struct tl_process *list)
{
    for (struct tl_process *p = list; p; p = p->next) {
        kill_process(p);
    }
}

int tl_trace_seize(pid_t tid)
{
    const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD |
                         PTRACE_O_TRACESECCOMP;
    return ptrace(PTRACE_SEIZE, tid, 0, (void *)options) ? -1 : 0;
}

int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e)
{
    if (tl_trace_seize(pid)) {
        int err = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return tl_fail_errno(
            e, TL_ERROR_ENVIRONMENT, err, "cannot trace a child", "ptrace(PTRACE_SEIZE)",
            "`trapline doctor` says what forbids it (a container needs --cap-add=SYS_PTRACE)");
    }
    struct tl_tracee *tracee = add(s, pid);
    struct tl_process *p = process_new(pid, t, t ? NULL : server);
    p->is_main = true;
    tracee->seen_stop = true;
    adopt(s, tracee, p);
    return 0;
}

/* --- the end of tracees --------------------------------------------------------------------------------- */

static void process_free(struct tl_process *p)
{
    struct tl_process **list = p->trial ? &p->trial->processes : &p->server->processes;
    while (*list != p)
        list = &(*list)->next;
    *list = p->next;
    free(p);
}

/* A process is gone. What waits for its threads to stop will wait no longer. */
static void process_gone(struct tl_process *p)
{
    struct tl_trial *trial = p->trial;
    struct tl_server *server = p->server;
    if (p->pending)
        tl_capture_give_up(p);
    tl_alone_forget(p);
    tl_shield_free(p);
    tl_loose_free(p);
    bool was_main = p->is_main;
    if (!trial)
        tl_server_process_ends(server, p);
    process_free(p);
    if (trial) {
        trial->n_processes--;
        if (!trial->n_processes)
            tl_guard_free(trial);
        tl_trial_maybe_end(trial);
    } else {
        tl_server_process_gone(server, was_main);
    }
}

static void unlink_tracee(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_tracee **at = bucket(s, t->tid);
    while (*at != t)
        at = &(*at)->next_in_table;
    *at = t->next_in_table;
    s->n_tracees--;
    if (t->process) {
        at = &t->process->tracees;
        while (*at != t)
            at = &(*at)->next_in_process;
        *at = t->next_in_process;
    } else {
        s->n_orphans--;
    }
}

static void tracee_gone(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    bool awaited = t->interrupting;
    unlink_tracee(s, t);
    free(t);
    if (!p)
        return;
    if (!p->tracees)
        process_gone(p);
    else if (awaited && p->pending)
        tl_capture_thread_stopped(p);
}

void tl_process_give(struct tl_process *p, struct tl_trial *t)
{
    struct tl_process **list = &p->server->processes;
    while (*list != p)
        list = &(*list)->next;
    *list = p->next;
    p->server = NULL;
    p->trial = t;
    p->is_main = true;
    p->next = t->processes;
    t->processes = p;
    t->n_processes++;
    tl_trial_joined(t, p->pid);
}

/* --- events --------------------------------------------------------------------------------------------- */

/* Whether wait4 can still tell us anything of a thread. It tells its end once, and may have done so before its parent's
 * event came. */
bool tl_trace_is_reported(pid_t tid)
{
    siginfo_t info;
    return !waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) ||
           errno != ECHILD;
}

/* A thread of which its parent has spoken, or /proc. */
static void settle(struct tl_supervisor *s, struct tl_tracee *t, struct tl_process *family, bool is_thread,
                   bool asked)
{
    struct tl_process *p = family;
    if (!is_thread) {
        p = process_new(t->tid, family->trial, family->server);
        p->parent = family->pid;
        p->reserved = family->reserved;
        p->guarded = family->guarded;
    }
    adopt(s, t, p);
    if (asked) {
        p->claimed = false; /* stays where it is until the server says whose it is */
        tl_server_forked(family->server, p);
    }
    struct tl_trial *trial = p->trial;
    if (trial) {
        if (trial->state == TL_TRIAL_KILLING) {
            kill_process(p);
        } else if (!is_thread && trial->limits.processes && trial->n_processes > trial->limits.processes) {
            tl_trial_kill(trial, TL_KILL_PROCESSES);
        } else if (p->pending && !t->held) { /* a thread made while its process is being captured */
            t->interrupting = !ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
            p->pending->waiting += t->interrupting;
        }
    }
    if (t->held)
        tl_tracee_go_on(t, t->held_signal, t->held_group);
}

static void on_new_thread(struct tl_supervisor *s, struct tl_tracee *parent, int event)
{
    unsigned long message = 0;
    if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &message) || !message)
        return;
    pid_t tid = (pid_t)message;
    struct tl_tracee *t = find(s, tid);
    if (t && t->process)
        return;
    if (!t && !tl_trace_is_reported(tid))
        return;
    if (!t)
        t = add(s, tid);
    struct tl_process *family = parent->process;
    /* CLONE events also come for processes made with clone(); only the kernel knows whether it is a thread.
     */
    bool is_thread = false;
    if (event == PTRACE_EVENT_CLONE)
        is_thread = !tgkill(family->pid, tid, 0); /* signal 0: whether there is one */
    settle(s, t, family, is_thread,
           event == PTRACE_EVENT_FORK && family->server && family->is_main && family->server->asked);
}

/* exec from any thread: the kernel gives the caller the pid of the process, and the other threads are gone.
 */
static struct tl_tracee *on_exec(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    for (struct tl_tracee *x = p->tracees, *next; x; x = next) {
        next = x->next_in_process;
        if (x != t) {
            unlink_tracee(s, x);
            free(x);
        }
    }
    /* The first thread of the old program began to end when another one executed this. */
    t->at_end = t->leaving = false;
    p->leaving_ns = 0;
    memset(p->captured, 0, sizeof p->captured);
    memset(p->sent, 0, sizeof p->sent);
    memset(p->outlived, 0, sizeof p->outlived);
    tl_alone_forget(p);
    tl_loose_free(p);
    p->doomed = p->exiting = 0;
    tl_refusal_executed(p);
    if (!*p->command)
        tl_process_read_command(p);
    if (p->is_main && p->trial)
        p->trial->executed = true;
    if (p->pending) { /* of the program that is no more */
        p->pending->waiting = 0;
        tl_capture_give_up(p);
    }
    if (p->trial)
        tl_captures_exec(&p->trial->record, p->pid);
    return t;
}

static void see_peak(struct tl_trial *trial, uint64_t bytes)
{
    if (bytes > trial->peak_rss_ended)
        trial->peak_rss_ended = bytes;
}

/* Of a process whose first thread has ended that one is there until all the others have. */
static bool others_have_ended(const struct tl_tracee *t)
{
    for (const struct tl_tracee *x = t->process->tracees; x; x = x->next_in_process)
        if (x != t && !x->leaving)
            return false;
    return true;
}

/* A thread has begun to end, and runs no instruction any more. The kernel has still to take down what it had
 * mapped, which for a process that has loaded a runtime takes as long as a small trial's last phases. */
static void on_leaving(struct tl_tracee *t)
{
    struct tl_process *p = t->process;
    struct tl_trial *trial = p ? p->trial : NULL;
    unsigned long message = 1u << 8;
    t->at_end = true;
    if (!p) { /* one that no trial has got yet may die, too */
        t->leaving = true;
        tl_tracee_restart(t, PTRACE_CONT, 0);
        return;
    }
    ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &message);
    int status = (int)message;
    bool last = p->tracees == t && !t->next_in_process;
    if ((last || WIFSIGNALED(status)) && !p->leaving_ns)
        p->leaving_ns = tl_monotonic_ns();
    /* Of the main process, which was forked as a copy of ourselves; of others wait4 tells it. */
    if (trial && p->is_main && trial->executed && (t->tid == p->pid || !t->next_in_process))
        see_peak(trial, tl_process_peak_bytes(t->tid));
    /* What used too much between two looks of the watch, and holds it still, has not passed. */
    if (last && trial && trial->state == TL_TRIAL_RUNNING && !p->killed && !WIFSIGNALED(status))
        tl_supervisor_look_at_memory(trial);
    if (p->pending) {
        tl_tracee_go_on(t, 0, false);
        return;
    }
    if (trial && trial->state == TL_TRIAL_RUNNING && !p->killed && WIFSIGNALED(status) &&
        tl_signal_is_crash(WTERMSIG(status)) && tl_capture_leaving(t, WTERMSIG(status)))
        return;
    bool served = last && trial && !trial->record.fresh && p->is_main;
    if (trial && (t->tid == p->pid || others_have_ended(t))) {
        tl_refusal_left(p, status);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !p->killed && !*trial->killed_name)
            tl_process_read_name(t->tid, trial->killed_name, sizeof trial->killed_name);
        struct rlimit most;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ && !prlimit(t->tid, RLIMIT_FSIZE, NULL, &most))
            trial->file_limit = most.rlim_cur;
    }
    uint64_t rss = served && !status ? tl_process_rss_bytes(p->pid) : 0;
    t->leaving = true;
    t->held = false;
    tl_tracee_restart(t, PTRACE_CONT, 0);
    if (p->alone)
        tl_alone_over(p);
    if (served && !status)
        tl_trial_leaves(trial, rss);
}

static void on_stop(struct tl_supervisor *s, struct tl_tracee *t, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;
    t->seen_stop = true;
    switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        if (t->process)
            on_new_thread(s, t, event);
        tl_tracee_go_on(t, 0, false);
        return;
    case PTRACE_EVENT_EXEC:
        if (t->process)
            t = on_exec(s, t);
        tl_tracee_go_on(t, 0, false);
        return;
    case PTRACE_EVENT_EXIT:
        on_leaving(t);
        return;
    case PTRACE_EVENT_SECCOMP:
        if (tl_exits_is_one(t)) {
            tl_exits_stopped(s, t);
            return;
        }
        tl_hiding_prevent(t);
        tl_refusal_look(t);
        tl_tracee_go_on(t, 0, false);
        return;
    case PTRACE_EVENT_STOP:
        /* SIGTRAP: the first stop of a new thread, or an interrupt. Anything else is a group-stop. */
        tl_tracee_go_on(t, 0, signal != SIGTRAP);
        return;
    case 0:
        if (signal == (SIGTRAP | SYSTEM_CALL) && t->watched)
            tl_loose_call(t);
        else if (signal == (SIGTRAP | SYSTEM_CALL))
            tl_alone_call(t);
        else if (t->process && t->process->trial && t->process->trial->state == TL_TRIAL_RUNNING &&
                 tl_signal_is_crash(signal))
            tl_capture_signal(t, signal);
        else
            tl_tracee_go_on(t, signal == SIGSTOP && tl_shield_stays(t) ? 0 : signal, false);
        return;
    default:
        tl_tracee_go_on(t, 0, false);
        return;
    }
}

static void descendant_ended(struct tl_supervisor *s, const struct tl_process *p, int status)
{
    uint64_t now = tl_monotonic_ns();
    const struct tl_process *parent = find_process(s, p->parent);
    const struct tl_ended ended = {.pid = p->pid,
                                   .parent = p->parent,
                                   .status = status,
                                   .command = p->command,
                                   .left = p->left,
                                   .born_ns = p->born_ns,
                                   .parent_left_ns = parent ? parent->leaving_ns : 0,
                                   .now_ns = now};
    tl_deaths_ended(&p->trial->deaths, &p->trial->record, p->trial->main_pid, &ended);
}

void tl_trace_event(struct tl_supervisor *s, pid_t tid, int status, const struct rusage *usage)
{
    struct tl_tracee *t = find(s, tid);
    if (WIFSTOPPED(status)) {
        if (!t)
            t = add(s, tid);
        on_stop(s, t, status);
        return;
    }
    if (!t) { /* a child that is not traced: a warden, or one that ended at its gate */
        tl_warden_ended(s, tid, status);
        return;
    }
    struct tl_process *p = t->process;
    if (p && tid == p->pid) {
        p->gone = true;
        if (p->pending)
            tl_capture_give_up(p);
        if (p->trial)
            status = tl_trial_process_ended(p->trial, p, status);
        if (p->trial && WIFSIGNALED(status) && WTERMSIG(status) < 65 && !p->is_main)
            p->trial->descendant_signals[WTERMSIG(status)]++;
        if (p->trial && !p->is_main)
            see_peak(p->trial, tl_child_peak_bytes(usage));
        if (p->trial && !p->is_main && !p->killed)
            descendant_ended(s, p, status);
        if (p->trial && p->is_main) {
            p->trial->left = p->left;
            tl_trial_main_ended(p->trial, status, usage);
        }
        /* Threads that were still listed have been reaped by the kernel with their leader. */
        while (p->tracees && p->tracees->next_in_process) {
            struct tl_tracee *x = p->tracees->tid == tid ? p->tracees->next_in_process : p->tracees;
            unlink_tracee(s, x);
            free(x);
        }
    }
    tracee_gone(s, t);
}

/* Whose an orphan is that no event of a parent has come of. Of a thread the kernel says it, and of a process whose
 * parent has not ended. NULL: nobody's that lives. */
static struct tl_process *family_of(struct tl_supervisor *s, pid_t tid, bool *is_thread)
{
    pid_t tgid = (pid_t)tl_process_number(tid, "\nTgid:"), parent = (pid_t)tl_process_number(tid, "\nPPid:");
    *is_thread = tgid && tgid != tid;
    return *is_thread ? find_process(s, tgid) : parent ? find_process(s, parent) : NULL;
}

void tl_trace_orphans(struct tl_supervisor *s, bool now)
{
    if (!s->n_orphans)
        return;
    uint64_t old = tl_monotonic_ns() - (now ? 0 : ORPHAN_NS);
    for (size_t i = 0; i < TL_COUNT(s->table); i++)
        for (struct tl_tracee *t = s->table[i], *next; t; t = next) {
            next = t->next_in_table;
            if (!t->process && t->at_end && t->held) { /* the kernel does not let it go from there */
                unlink_tracee(s, t);
                free(t);
                continue;
            }
            if (t->process || t->since_ns > old)
                continue;
            bool is_thread;
            struct tl_process *p = family_of(s, t->tid, &is_thread);
            if (p && (is_thread || p->trial))
                settle(s, t, p, is_thread, false);
            else if (!p || now) /* of a server's child its server's event says whose it is */
                kill(t->tid, SIGKILL);
        }
}
