/* The state of a process at a fatal signal or at a deadline.
 *
 * Theory of operation. A fatal signal is captured at its signal-delivery-stop, when nothing has happened yet:
 * PTRACE_GETSIGINFO tells the address of the fault and who sent the signal, PTRACE_GETREGSET the registers.
 * Then it is delivered: what the runtime does with it is the runtime's business.
 *
 * Memory and stacks can be read of threads that are in a ptrace-stop only. The thread that took the signal is
 * unwound at once; the others get PTRACE_INTERRUPT, which stops a thread without a signal
 * (PTRACE_EVENT_STOP), and are unwound as soon as the last of them has stopped or STOP_TIME_MS is over. A
 * thread that does not stop by then sleeps in the kernel where no signal wakes it (state D), or runs there;
 * of such a one /proc says in which call (wchan, syscall). Nothing here waits: stops arrive through
 * trace_linux.c, and a timer is the end of patience.
 *
 * A process that handles a signal again and again is captured a few times for it; one that nothing handles always is
 * (action_linux.c). Not every death has such a stop: a filter of calls kills without one, and a signal that was let
 * go unread because the process had handled its like so often may be the last. Then the stack is taken at the stop
 * at the end of the thread, where registers and memory are still what they were. Of several threads the kernel marks
 * the one whose signal it was.
 *
 * At a deadline there is no signal: every process of the trial is captured, all threads interrupted. Which of
 * them is what hangs is decided by verdict/classify.c from what each of them waits for.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/capture.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/last_words.h"
#include "harness/supervise/action.h"
#include "harness/supervise/alone.h"
#include "harness/supervise/call.h"
#include "harness/supervise/captures.h"
#include "harness/supervise/loose.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/server.h"
#include "harness/supervise/shield.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

#define STOP_TIME_MS 250      /* how long a capture waits for threads to stop */
#define CAPTURES_PER_SIGNAL 4 /* captures of a signal that a process handles itself, again and again */
#define ASKED_EVERY 64
#define HANDLED_PER_TRIAL 64 /* in all of its processes */
#define HANG_PROCESSES 16    /* of a hanging trial, how many processes are looked at */
#define THREADS_CAPTURED 512

static struct tl_supervisor *supervisor_of(const struct tl_process *p)
{
    return p->trial ? p->trial->supervisor : p->server->supervisor;
}

static char *executable_of(pid_t tid)
{
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)tid);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return tl_strdup(target);
}

static struct tl_thread *new_thread(struct tl_capture *c, pid_t tid)
{
    struct tl_thread *t = TL_GROW(c->threads, c->n_threads);
    *t = (struct tl_thread){.pid = c->pid, .tid = tid};
    return t;
}

static void read_line(pid_t pid, pid_t tid, const char *file, char *line, size_t size)
{
    char path[80];
    snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
    char *text = tl_read_file(path, 4096, NULL);
    snprintf(line, size, "%s", text ? text : "");
    line[strcspn(line, "\n")] = '\0';
    free(text);
}

/* For a thread that does not answer: where the kernel says it is. */
static void describe_unstopped(struct tl_pending_capture *c, struct tl_thread *t)
{
    char stat[512], wchan[128], call[TL_CALL_LINE];
    read_line(t->pid, t->tid, "stat", stat, sizeof stat);
    read_line(t->pid, t->tid, "wchan", wchan, sizeof wchan);
    read_line(t->pid, t->tid, "comm", t->name, sizeof t->name);
    tl_call_read(t->pid, t->tid, call);
    const char *after = strrchr(stat, ')'), *name = tl_call_name(call);
    t->on_cpu = true;
    t->state =
        tl_format("%c, %s%s%swchan %s, syscall %s", after && after[1] ? after[2] : '?', name ? "in " : "",
                  name ? name : "", name ? ", " : "", *wchan ? wchan : "unknown", *call ? call : "unknown");
    if (c->unwind)
        tl_unwind_call(c->unwind, t->tid, call, t);
}

/* Of a thread without a stack: whether its process does not let anybody read its memory. It cannot be prevented:
 * the kernel gives it to a tracer with CAP_SYS_PTRACE only. */
static void describe_closed(struct tl_thread *t)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", t->pid);
    int fd = t->n_frames || t->state ? -2 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 && (errno == EACCES || errno == EPERM))
        t->state = tl_strdup(TL_NOT_READABLE);
    if (fd >= 0)
        close(fd);
}

static int by_tid(const void *a, const void *b)
{
    const struct tl_tracee *const *x = a, *const *y = b;
    return ((*x)->tid > (*y)->tid) - ((*x)->tid < (*y)->tid);
}

/* The threads of a process in the order in which people read them: the first one first, then as they were
 * made. */
static struct tl_tracee **threads_in_order(const struct tl_process *p, size_t *n)
{
    struct tl_tracee **list = NULL;
    *n = 0;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process) {
        if (*n % 64 == 0)
            list = tl_realloc(list, *n + 64, sizeof(struct tl_tracee *));
        list[(*n)++] = t;
    }
    if (*n)
        qsort(list, *n, sizeof(struct tl_tracee *), by_tid);
    for (size_t i = 1; i < *n; i++)
        if (list[i]->tid == p->pid) { /* pids may have wrapped around */
            struct tl_tracee *leader = list[i];
            memmove(list + 1, list, i * sizeof(struct tl_tracee *));
            list[0] = leader;
            break;
        }
    return list;
}

static void on_stop_time_over(uv_timer_t *timer)
{
    tl_capture_give_up(timer->data);
}

static void start_timer(struct tl_process *p)
{
    struct tl_supervisor *s = supervisor_of(p);
    if (!p->pending->timer)
        p->pending->timer = tl_timer_new(s, p);
    uv_update_time(s->loop);
    uv_timer_start(p->pending->timer, on_stop_time_over, STOP_TIME_MS, 0);
}

/* The thread that took the signal may be killed while it is read. Then it comes to its end, where its registers are
 * those of the fault still. Returns whether that is waited for. */
static bool put_off(struct tl_process *p)
{
    struct tl_pending_capture *c = p->pending;
    siginfo_t info;
    if (c->last_try || !c->first || c->capture.threads[0].n_frames)
        return false;
    c->last_try = true;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (t->tid == c->first && !t->at_end && ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info) &&
            !tl_tracee_stays(t->tid)) {
            t->held = false;
            t->interrupting = true;
            c->waiting = 1;
            start_timer(p);
            return true;
        }
    return false;
}

/* What it is going to do with the signal is settled now that no other
 * thread can change it. */
static void look_again(struct tl_process *p, struct tl_tracee *t)
{
    struct tl_pending_capture *c = p->pending;
    struct tl_error ignored;
    if (c->unwind && !c->capture.threads[0].n_frames)
        tl_unwind_thread(c->unwind, t->tid, &c->capture.threads[0], &ignored);
    if (!c->capture.n_registers)
        tl_read_registers(t->tid, &c->capture.registers, &c->capture.n_registers, &ignored);
    if (c->capture.action == TL_ACTION_UNKNOWN || c->settled)
        return;
    enum tl_signal_action now =
        tl_action_of(&supervisor_of(p)->action_file, p->pid, t->tid, c->capture.signal);
    if (now != TL_ACTION_UNKNOWN)
        c->capture.action = now;
}

/* Lets everybody go after a capture: of others than the thread that took the signal when that had its effect. A handler
 * of what the process has sent to itself runs beside the thread that has sent it, whichever is faster. */
static void let_go(struct tl_process *p, pid_t first, bool shielded, bool beside)
{
    bool others = false;
    struct tl_tracee *taker = NULL;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process) {
        others |= t->held && t->tid != first;
        if (t->tid == first && t->held)
            taker = t;
    }
    if (!beside && p->trial && !p->leaving_ns && taker && !taker->at_end && (others || shielded))
        tl_alone_begin(taker, shielded);
    else
        tl_alone_over(p);
}

/* A fault of the processor, at an instruction of this thread. */
static bool is_fault(const siginfo_t *info)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    bool of_it = false;
    for (size_t i = 0; i < TL_COUNT(signals); i++)
        of_it |= info->si_signo == signals[i];
    return of_it && info->si_code > 0;
}

static void add_information(struct tl_pending_capture *pending, const siginfo_t *info)
{
    struct tl_capture *c = &pending->capture;
    if (info->si_code <= 0 && info->si_code != SI_KERNEL)
        c->sender_pid = tl_warden_means(c->pid, info->si_pid) ? c->pid : info->si_pid;
    else if (c->signal == SIGSYS)
        c->has_address = true, c->fault_address = (uint64_t)(uintptr_t)info->si_call_addr;
    else if (c->signal != SIGABRT && info->si_code != SI_KERNEL) /* which the processor tells no address of */
        c->has_address = true, c->fault_address = (uint64_t)(uintptr_t)info->si_addr;
    if (pending->unwind && is_fault(info)) {
        tl_fault_free(c->fault);
        c->fault = tl_unwind_fault(pending->unwind, c->tid, c->has_address, c->fault_address);
    }
}

static bool is_in_handler(const struct tl_thread *t)
{
    for (size_t i = 1; i < t->n_frames; i++)
        if (t->frames[i].flags & TL_FRAME_SIGNAL)
            return true;
    return false;
}

/* A signal that a process has sent to itself is taken by any of its threads. Which one has sent it the kernel does not
 * say; but it was one that has come back to its fault, or that is in a handler still when no other is. */
static void find_sender(struct tl_process *p, struct tl_pending_capture *pending)
{
    struct tl_capture *c = &pending->capture;
    struct tl_error ignored;
    struct tl_tracee *fault = NULL;
    size_t at = 0, n_at_fault = 0, n_in_handler = 0;
    if (!pending->first || c->sender_pid != p->pid || c->si_code != SI_USER || is_in_handler(&c->threads[0]))
        return;
    for (size_t i = 1; i < c->n_threads; i++) {
        struct tl_tracee *t = tl_trace_find(supervisor_of(p), c->threads[i].tid);
        if (t && t->held && t->unseen && t->held_signal == c->signal && c->threads[i].n_frames) {
            n_at_fault++;
            fault = t;
            at = i;
        } else if (is_in_handler(&c->threads[i]) && !n_at_fault) {
            n_in_handler++;
            at = i;
        }
    }
    if (n_at_fault != 1 && (n_at_fault || n_in_handler != 1))
        return;
    struct tl_thread sender = c->threads[at];
    c->threads[at] = c->threads[0];
    c->threads[at].crashed = false;
    c->threads[0] = sender;
    c->threads[0].crashed = true;
    c->tid = sender.tid;
    free(c->registers);
    c->registers = NULL;
    c->n_registers = 0;
    tl_read_registers(sender.tid, &c->registers, &c->n_registers, &ignored);
    siginfo_t info;
    if (fault && !ptrace(PTRACE_GETSIGINFO, fault->tid, 0, &info)) {
        c->sender_pid = 0;
        c->si_code = info.si_code;
        add_information(pending, &info);
    }
}

/* All that can stop has stopped: unwind the rest, hand the capture over, let everybody go. */
void tl_capture_finish(struct tl_process *p)
{
    struct tl_pending_capture *c = p->pending;
    struct tl_error ignored;
    size_t n;
    if (put_off(p))
        return;
    pid_t first = c->first;
    bool shielded = c->shielded;
    struct tl_tracee **threads = threads_in_order(p, &n);
    for (size_t i = 0; i < n && c->capture.n_threads < THREADS_CAPTURED; i++) {
        struct tl_tracee *t = threads[i];
        if (t->tid == first) {
            look_again(p, t);
            continue;
        }
        if (t->leaving)
            continue;
        struct tl_thread *thread = new_thread(&c->capture, t->tid);
        if (!t->held)
            describe_unstopped(c, thread);
        else if (c->unwind)
            tl_unwind_thread(c->unwind, t->tid, thread, &ignored);
        if (t->held && t->call)
            thread->state = tl_format(TL_THREAD_WAITS "%s", t->call);
        describe_closed(thread);
    }
    free(threads);
    find_sender(p, c);
    if (c->unwind)
        tl_unwind_end(c->unwind, &c->capture);
    bool beside = c->capture.si_code == SI_USER && c->capture.sender_pid == p->pid &&
                  c->capture.action == TL_ACTION_HANDLED;
    c->capture.capture_ns = tl_monotonic_ns() - c->capture.taken_ns;
    tl_timer_free(&c->timer);
    p->pending = NULL;
    if (p->trial) {
        bool hang = c->capture.kind == TL_CAPTURE_HANG;
        tl_trial_captured(p->trial, &c->capture);
        if (hang)
            tl_trial_hang_captured(p->trial);
    }
    tl_capture_free(&c->capture);
    free(c);
    let_go(p, first, shielded, beside);
}

void tl_capture_thread_stopped(struct tl_process *p)
{
    if (p->pending->waiting && --p->pending->waiting == 0)
        tl_capture_finish(p);
}

void tl_capture_give_up(struct tl_process *p)
{
    p->pending->last_try = true;
    tl_capture_finish(p);
}

static pid_t parent_of(pid_t pid)
{
    char stat[512];
    int parent = 0;
    read_line(pid, pid, "stat", stat, sizeof stat);
    const char *after = strrchr(stat, ')');
    return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* What /proc tells of a process it tells of each of its threads; of one that has ended, as the first thread may
 * have, nothing. So all is asked of tid, one that lives. */
static struct tl_pending_capture *pending_new(struct tl_process *p, pid_t tid, enum tl_capture_kind kind)
{
    struct tl_supervisor *s = supervisor_of(p);
    tl_loose_close(p);
    struct tl_pending_capture *c = tl_calloc(1, sizeof *c);
    struct tl_error ignored;
    c->capture.taken_ns = tl_monotonic_ns();
    c->capture.kind = kind;
    c->capture.pid = p->pid;
    c->capture.is_main = p->is_main;
    c->capture.exe = executable_of(tid);
    if (kind == TL_CAPTURE_HANG) { /* as it is before it is stopped */
        c->capture.parent = parent_of(p->pid);
        for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process) {
            char call[TL_CALL_LINE];
            tl_call_read(p->pid, t->tid, call);
            t->call = tl_call_name(call);
            if (tl_call_makes_process(call) || (t->tid == p->pid && tl_call_awaits_child(call)))
                c->capture.awaits = true;
        }
    }
    if (tl_unwind_begin(&c->unwind, s->unwinder, tid, &ignored))
        c->unwind = NULL;
    p->pending = c;
    return c;
}

/* Asks every thread that runs to stop; the capture ends now when there is none. */
static void pending_gather(struct tl_process *p)
{
    struct tl_pending_capture *c = p->pending;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (!t->held && !t->leaving && !ptrace(PTRACE_INTERRUPT, t->tid, 0, 0)) {
            t->interrupting = true;
            c->waiting++;
        }
    if (!c->waiting) {
        tl_capture_finish(p);
        return;
    }
    start_timer(p);
}

/* Begins the capture of a thread that is held. */
static struct tl_pending_capture *capture_thread(struct tl_tracee *t, int signal, int si_code)
{
    struct tl_process *p = t->process;
    struct tl_error ignored;
    if (p->trial->limits.memory_mb) {
        p->trial->data_at_crash = tl_refusal_used_bytes(p);
        p->trial->refused_at_crash = p->refused_bytes;
    }
    struct tl_pending_capture *c = pending_new(p, t->tid, TL_CAPTURE_SIGNAL);
    c->first = t->tid;
    c->capture.tid = t->tid;
    c->capture.signal = signal;
    c->capture.si_code = si_code;
    struct tl_thread *thread = new_thread(&c->capture, t->tid);
    thread->crashed = true;
    tl_read_registers(t->tid, &c->capture.registers, &c->capture.n_registers, &ignored);
    if (c->unwind)
        tl_unwind_thread(c->unwind, t->tid, thread, &ignored);
    describe_closed(thread);
    return c;
}

static bool has_others(const struct tl_tracee *t)
{
    for (const struct tl_tracee *x = t->process->tracees; x; x = x->next_in_process)
        if (x != t && !x->leaving)
            return true;
    return false;
}

void tl_capture_signal(struct tl_tracee *t, int signal)
{
    struct tl_process *p = t->process;
    struct tl_trial *trial = p->trial;
    siginfo_t info;
    /* A thread that faults while another's fault is being captured, or has its effect, waits for that. */
    if (p->pending || (p->alone && p->alone != t->tid)) {
        t->unseen = true;
        tl_tracee_go_on(t, signal, false);
        return;
    }
    /* A runtime that lives on handled faults is not captured for ever. Nor is it asked each time whether it handles
     * this one: no other thread can exit before a signal that kills does, and the stop at the end shows the same
     * stack. Now and then it is, for one that is shielded comes to no end. */
    /* One that was sent is counted apart: no fault tells where it comes from. */
    bool spent = p->captured[signal] >= CAPTURES_PER_SIGNAL, sent = false;
    if (spent && ptrace(PTRACE_GETSIGINFO, t->tid, 0, &t->info))
        t->info.si_signo = 0;
    else if (spent)
        sent = t->info.si_code <= 0;
    if (sent && p->sent[signal] < CAPTURES_PER_SIGNAL)
        spent = false;
    if (!spent && trial->n_handled >= HANDLED_PER_TRIAL) {
        spent = true;
        if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, &t->info))
            t->info.si_signo = 0;
    }
    if (spent && !p->outlived[signal]) {
        p->outlived[signal] = true;
        tl_captures_outlived(&trial->record, p->pid, signal);
    }
    if (spent && t->info.si_signo && tl_loose_look(t, signal, &t->info))
        return;
    if (spent && !has_others(t) && ++t->unread % ASKED_EVERY) {
        tl_tracee_go_on(t, signal, false);
        return;
    }
    enum tl_signal_action action = tl_action_of(&trial->supervisor->action_file, p->pid, t->tid, signal);
    if ((action != TL_ACTION_DEFAULT && spent) || ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info)) {
        tl_tracee_go_on(t, signal, false);
        return;
    }
    p->captured[signal]++;
    p->sent[signal] += sent;
    trial->n_handled += action != TL_ACTION_DEFAULT;
    t->held = true;
    t->held_signal = signal;
    t->interrupting = false;
    tl_alone_forget(p);
    bool shielded = action == TL_ACTION_DEFAULT && tl_shield_is_there(t), fault = info.si_code > 0;
    struct tl_pending_capture *c = capture_thread(t, signal, info.si_code);
    c->capture.action = shielded && !fault ? TL_ACTION_IGNORED : action;
    c->settled = c->shielded = shielded;
    c->shielded &= fault;
    if (action == TL_ACTION_DEFAULT && fault)
        p->doomed = t->tid;
    add_information(c, &info);
    pending_gather(p);
}

bool tl_capture_leaving(struct tl_tracee *t, int signal)
{
    struct tl_process *p = t->process;
    if (p->pending || tl_captures_have_death(&p->trial->record, p->pid, signal) ||
        (has_others(t) && !tl_dies_of_its_own(p->pid, t->tid)))
        return false;
    t->held = t->at_end = true;
    t->held_signal = 0;
    t->interrupting = false;
    tl_alone_forget(p);
    bool known = t->info.si_signo == signal;
    struct tl_pending_capture *c = capture_thread(t, signal, known ? t->info.si_code : SI_KERNEL);
    if (known)
        add_information(c, &t->info);
    c->capture.action = TL_ACTION_DEFAULT;
    c->settled = true;
    pending_gather(p);
    return true;
}

bool tl_capture_hang(struct tl_trial *t)
{
    size_t n = 0;
    /* Counted first: a capture of a process in which everything is stopped already ends within the call. */
    for (struct tl_process *p = t->processes; p && t->hang_waiting < HANG_PROCESSES; p = p->next)
        if (!p->pending && !p->killed && !p->gone)
            t->hang_waiting++;
    size_t wanted = t->hang_waiting;
    for (struct tl_process *p = t->processes; p && n < wanted; p = p->next)
        if (!p->pending && !p->killed && !p->gone) {
            n++;
            pending_new(p, tl_process_living(p), TL_CAPTURE_HANG);
            pending_gather(p);
        }
    return wanted > 0;
}
