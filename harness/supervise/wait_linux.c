/* Waiting for the next stop, of a program that stops again and again.
 *
 * Theory of operation. Each stop sends SIGCHLD, which wakes the loop, which asks wait4 until there is nothing more.
 * That is right for trials that stop now and then. A program that lives on signals (a virtual machine that makes an
 * exception of a fault) stops again a few microseconds after it was let go, and there the way through the loop is
 * the larger part of the cost: the signal's handler, libuv's pipe, and above all the wake-up, which the kernel does on
 * another processor. A thread that sleeps in wait4 itself is woken on the processor of the one that stops, which then
 * sleeps in turn: about a quarter of the time of a spin on wait4 or of sigtimedwait, and the least that ptrace can do.
 * Where another processor has nothing to do the kernel takes that all the same, and both threads wait for one to wake up
 * at each stop. So a thread that goes on like this (TOGETHER signals in a row, nobody else's among them) is kept on our
 * processor, and we are, until it does something else. Its program could see that (sched_getaffinity).
 *
 * A fault that is handled, on a virtual machine of two processors, in microseconds:
 *
 *                                                    idle    busy
 *   without a tracer                                  2.3     2.3
 *   a tracer that does nothing but wait4, PTRACE_CONT  39      10     9.2 when both are kept on one processor
 *   here, before a thread is kept                      44      10
 *   here                                               11      11
 *
 * So a signal costs at least four times what it does alone: two changes of process and three calls. That would only be
 * less if it did not stop at all. ptrace has no way to pass over a signal: each that is not blocked stops, whatever its
 * action is. A thread that handles faults of its own by the thousand is let go for a while: loose_linux.c.
 *
 * So after STREAK stops in a row, each within GAP_NS of the one before, the next one is awaited in wait4, with SIGCHLD
 * blocked; at most for TICK_NS, when a timer's signal ends the sleep and the loop gets its turn. The timer goes on: a
 * signal that comes while a stop is handled ends no sleep, and the next one has to. A turn without a stop ends the
 * streak. What ends a process may call back, and is handled with the signal as it was.
 *
 * wait4 looks for what it can tell of in the order of its list, the newest thread first. So where newer threads stop again
 * and again (timers of a microsecond, handled faults), what an older one has to tell would never come: the end of the
 * program, or the event of a fork, for which the child waits. Hence every TURN-th time the threads are asked one after
 * another, each in its turn. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STREAK 8
#define GAP_NS 1000000u
#define TICK_NS 1000000
#define TURN 4
#define TOGETHER 128       /* signals in a row of one thread before it is kept on our processor */
#define TICK_SIGNAL SIGURG /* its action is to do nothing, should anybody else send it */

struct tl_wait_state {
    timer_t timer;
    bool has_timer;
    bool awaiting; /* SIGCHLD is blocked, and the timer runs */
    bool any;      /* there was a stop since */
    unsigned streak;
    uint64_t last_ns; /* of the last stop */
    unsigned events;  /* since there was nothing */
    size_t bucket;    /* of the table of tracees; and */
    pid_t turn;       /* the thread of it that was asked last */
    pid_t taker;      /* that took the last signals; 0 */
    unsigned taken;   /* and how many */
    bool together;    /* it and we are kept on one processor */
    pid_t kept;       /* that was kept last, and where both might run otherwise: */
    cpu_set_t one, its, ours;
};

static void on_tick(int signal)
{
    (void)signal; /* only here to end wait4 */
}

void tl_wait_open(struct tl_supervisor *s)
{
    struct tl_wait_state *w = s->wait = tl_calloc(1, sizeof *w);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = TICK_SIGNAL};
    struct sigaction action = {.sa_handler = on_tick};
    event._sigev_un._tid = gettid();
    w->has_timer =
        !sigaction(TICK_SIGNAL, &action, NULL) && !timer_create(CLOCK_MONOTONIC, &event, &w->timer);
}

static void keep_together(struct tl_wait_state *w)
{
    int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(w->taker, sizeof w->its, &w->its) ||
        sched_getaffinity(0, sizeof w->ours, &w->ours) || !CPU_ISSET(cpu, &w->its))
        return;
    CPU_ZERO(&w->one);
    CPU_SET(cpu, &w->one);
    if (sched_setaffinity(0, sizeof w->one, &w->one))
        return;
    w->together = true;
    w->kept = w->taker;
    sched_setaffinity(w->taker, sizeof w->one, &w->one);
}

/* Unless it has chosen for itself. */
static void let_roam(const struct tl_wait_state *w, pid_t tid)
{
    cpu_set_t now;
    if (!sched_getaffinity(tid, sizeof now, &now) && CPU_EQUAL(&now, &w->one))
        sched_setaffinity(tid, sizeof w->its, &w->its);
}

static void part(struct tl_wait_state *w)
{
    w->taken = 0;
    if (!w->together)
        return;
    w->together = false;
    let_roam(w, w->taker);
    sched_setaffinity(0, sizeof w->ours, &w->ours);
}

/* Before an event is handled. What a thread makes while it is kept has its processor from it, and is free before it
 * runs. It may be told of when the thread is free again itself. */
static void count_signals(struct tl_wait_state *w, pid_t tid, int status)
{
    unsigned long made = 0;
    int event = WIFSTOPPED(status) ? status >> 16 : 0;
    if (tid == w->kept &&
        (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) &&
        !ptrace(PTRACE_GETEVENTMSG, tid, 0, &made))
        let_roam(w, (pid_t)made);
    if (tid != w->taker || !WIFSTOPPED(status) || event)
        part(w);
    w->taker = tid;
    if (WIFSTOPPED(status) && !event && ++w->taken >= TOGETHER && w->awaiting && !w->together)
        keep_together(w);
}

static void await(struct tl_wait_state *w, bool awaiting)
{
    if (w->awaiting == awaiting)
        return;
    sigset_t set;
    const struct timespec tick = {.tv_nsec = awaiting ? TICK_NS : 0};
    const struct itimerspec spec = {tick, tick};
    w->awaiting = awaiting;
    w->any = false;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(awaiting ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
    timer_settime(w->timer, 0, &spec, NULL);
}

void tl_wait_close(struct tl_supervisor *s)
{
    await(s->wait, false);
    part(s->wait);
    if (s->wait->has_timer)
        timer_delete(s->wait->timer);
    free(s->wait);
    s->wait = NULL;
}

/* Whether it is a stop of a thread that goes on, or an end that is not that of a trial. */
static bool is_passing(struct tl_supervisor *s, pid_t tid, int status)
{
    if (WIFSTOPPED(status) && status >> 16 != PTRACE_EVENT_EXIT)
        return true;
    const struct tl_tracee *t = tl_trace_find(s, tid);
    const struct tl_process *p = t ? t->process : NULL;
    return p && p->trial && !p->trial->main_ended && !(p->is_main && p->pid == tid);
}

/* The thread whose turn it is to be asked; 0: there is none. */
static pid_t next_turn(struct tl_supervisor *s)
{
    struct tl_wait_state *w = s->wait;
    struct tl_tracee *t = s->table[w->bucket];
    while (t && t->tid != w->turn)
        t = t->next_in_table;
    t = t ? t->next_in_table : NULL;
    for (size_t i = 0; !t && i < TL_COUNT(s->table); i++) {
        w->bucket = (w->bucket + 1) % TL_COUNT(s->table);
        t = s->table[w->bucket];
    }
    w->turn = t ? t->tid : 0;
    return w->turn;
}

static pid_t ask(struct tl_supervisor *s, bool sleeps, int *status, struct rusage *usage)
{
    struct tl_wait_state *w = s->wait;
    if (s->n_tracees > 1 && w->events && w->events % TURN == 0) {
        pid_t turn = next_turn(s);
        if (turn && wait4(turn, status, WNOHANG | __WALL, usage) == turn)
            return turn;
    }
    return wait4(-1, status, (sleeps ? 0 : WNOHANG) | __WALL, usage);
}

pid_t tl_trace_wait(struct tl_supervisor *s, int *status, struct rusage *usage)
{
    struct tl_wait_state *w = s->wait;
    bool sleeps = w->has_timer && w->streak >= STREAK;
    if (sleeps)
        await(w, true);
    else
        part(w);
    pid_t tid = ask(s, sleeps, status, usage);
    w->events = tid > 0 ? w->events + 1 : 0;
    if (sleeps && tid < 0 && errno == EINTR) {
        w->streak = w->any ? STREAK : 0;
        if (!w->any)
            part(w);
        tid = 0;
    }
    if (tid > 0 && is_passing(s, tid, *status)) {
        uint64_t now = tl_monotonic_ns();
        w->streak = now - w->last_ns < GAP_NS ? w->streak + 1 : 0;
        w->last_ns = now;
        w->any = true;
        count_signals(w, tid, *status);
    } else {
        int why = errno;
        if (tid > 0)
            part(w);
        await(w, false);
        errno = why;
    }
    return tid;
}
