/* ptrace: every stop of every thread of every descendant of a trial.
 *
 * Each child is seized behind its gate with EXITKILL and the fork, vfork, clone and exec events, so that
 * threads and descendants are traced from their first instruction and die with the supervisor. The kernel
 * reports a new thread twice, in either order: by the event of its parent and by its own first stop. Until
 * both have come it is held.
 *
 * A fatal signal is captured at its first stop and then delivered: what the runtime does with it is the
 * runtime's business. The thread that took it is unwound at once; the others are interrupted, and unwound as
 * soon as the last of them has stopped or the time for it is over. Nothing here waits: stops arrive through
 * the drain. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_TIME_MS 250      /* how long a capture waits for threads to stop */
#define CAPTURES_PER_SIGNAL 4 /* full captures of a signal that a process handles itself, again and again */
#define CAPTURES_PER_TRIAL 24
#define HANG_PROCESSES 16 /* of a hanging trial, how many processes are looked at */
#define THREADS_CAPTURED 512

/* --- the table of tracees ------------------------------------------------------------------------------- */

static struct tl_tracee **bucket(struct tl_supervisor *s, pid_t tid)
{
    return &s->table[(unsigned)tid % (sizeof s->table / sizeof s->table[0])];
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

static struct tl_process *process_new(pid_t pid, struct tl_trial *trial, struct tl_server *server)
{
    struct tl_process *p = tl_calloc(1, sizeof *p);
    p->pid = pid;
    p->trial = trial;
    p->server = server;
    p->claimed = true;
    struct tl_process **list = trial ? &trial->processes : &server->processes;
    p->next = *list;
    *list = p;
    if (trial)
        trial->n_processes++;
    return p;
}

static struct tl_supervisor *supervisor_of(const struct tl_process *p)
{
    return p->trial ? p->trial->supervisor : p->server->supervisor;
}

static struct tl_process *find_process(struct tl_supervisor *s, pid_t pid)
{
    struct tl_tracee *t = find(s, pid);
    return t ? t->process : NULL;
}

void tl_trace_open(struct tl_supervisor *s)
{
    (void)s;
    /* A descendant whose parent is gone comes to us and not to init, so that it is reaped here. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void tl_trace_close(struct tl_supervisor *s)
{
    (void)s;
}

void tl_trace_hurry(struct tl_supervisor *s)
{
    (void)s;
}

pid_t tl_trace_wait(int *status, struct rusage *usage)
{
    return wait4(-1, status, WNOHANG | __WALL, usage);
}

/* --- letting go ----------------------------------------------------------------------------------------- */

static void pending_thread_stopped(struct tl_process *p);

static void let_go(struct tl_tracee *t)
{
    int signal = t->held_signal;
    bool group = t->held_group;
    t->held = t->held_group = false;
    t->held_signal = 0;
    ptrace(group ? PTRACE_LISTEN : PTRACE_CONT, t->tid, 0, (void *)(intptr_t)signal);
}

/* A thread has stopped and may go on with this signal, unless something wants it to stay. */
static void go_on(struct tl_tracee *t, int signal, bool group)
{
    struct tl_process *p = t->process;
    bool awaited = t->interrupting;
    t->interrupting = false;
    t->held = true;
    t->held_signal = signal;
    t->held_group = group;
    if (p && p->pending) {
        if (awaited)
            pending_thread_stopped(p);
        return;
    }
    if (p && p->claimed)
        let_go(t);
}

void tl_trace_release(struct tl_supervisor *s, struct tl_process *p)
{
    (void)s;
    p->claimed = true;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (t->held && !p->pending)
            let_go(t);
}

void tl_trace_kill(struct tl_process *list)
{
    for (struct tl_process *p = list; p; p = p->next) {
        p->killed = true;
        if (!p->gone)
            kill(p->pid, SIGKILL);
    }
}

int tl_trace_attach(struct tl_supervisor *s, pid_t pid, struct tl_trial *t, struct tl_server *server,
                    struct tl_error *e)
{
    const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SEIZE, pid, 0, (void *)options))
        return tl_fail_errno(
            e, TL_ERROR_ENVIRONMENT, errno, "cannot trace a child", "ptrace(PTRACE_SEIZE)",
            "`trapline doctor` says what forbids it (a container needs --cap-add=SYS_PTRACE)");
    struct tl_tracee *tracee = add(s, pid);
    struct tl_process *p = process_new(pid, t, t ? NULL : server);
    p->is_main = true;
    tracee->seen_stop = true;
    adopt(s, tracee, p);
    return 0;
}

/* --- captures ------------------------------------------------------------------------------------------- */

static uint64_t status_kilobytes(pid_t pid, const char *key)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = tl_read_file(path, 1 << 16, NULL);
    const char *line = text ? strstr(text, key) : NULL;
    uint64_t value = line ? strtoull(line + strlen(key), NULL, 10) : 0;
    free(text);
    return value << 10;
}

uint64_t tl_process_data_bytes(pid_t pid)
{
    return status_kilobytes(pid, "\nVmData:");
}

uint64_t tl_process_rss_bytes(pid_t pid)
{
    return status_kilobytes(pid, "\nVmRSS:");
}

static char *executable_of(pid_t pid)
{
    char link[64], target[4096];
    snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return tl_strdup(target);
}

static struct tl_thread *new_thread(struct tl_capture *c, pid_t tid)
{
    c->threads = tl_realloc(c->threads, c->n_threads + 1, sizeof *c->threads);
    struct tl_thread *t = &c->threads[c->n_threads++];
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
static void describe_unstopped(struct tl_thread *t)
{
    char stat[512], wchan[128], call[256];
    read_line(t->pid, t->tid, "stat", stat, sizeof stat);
    read_line(t->pid, t->tid, "wchan", wchan, sizeof wchan);
    read_line(t->pid, t->tid, "syscall", call, sizeof call);
    read_line(t->pid, t->tid, "comm", t->name, sizeof t->name);
    const char *after = strrchr(stat, ')');
    t->on_cpu = true;
    t->state = tl_format("%c, wchan %s, syscall %s", after && after[1] ? after[2] : '?',
                         *wchan ? wchan : "unknown", *call ? call : "unknown");
}

static void pending_free_timer(struct tl_pending_capture *c)
{
    tl_timer_free(&c->timer);
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

/* All that can stop has stopped: unwind the rest, hand the capture over, let everybody go. */
static void pending_finish(struct tl_process *p)
{
    struct tl_pending_capture *c = p->pending;
    struct tl_error ignored;
    size_t n;
    struct tl_tracee **threads = threads_in_order(p, &n);
    for (size_t i = 0; i < n && c->capture.n_threads < THREADS_CAPTURED; i++) {
        struct tl_tracee *t = threads[i];
        if (t->tid == c->first)
            continue;
        struct tl_thread *thread = new_thread(&c->capture, t->tid);
        if (!t->held || !c->unwind || tl_unwind_thread(c->unwind, t->tid, thread, &ignored)) {
            if (!t->held)
                describe_unstopped(thread);
        }
    }
    free(threads);
    if (c->unwind)
        tl_unwind_end(c->unwind, &c->capture);
    c->capture.capture_ns = tl_monotonic_ns() - c->started_ns;
    pending_free_timer(c);
    p->pending = NULL;
    if (p->trial) {
        bool hang = c->capture.kind == TL_CAPTURE_HANG;
        tl_trial_captured(p->trial, &c->capture);
        if (hang)
            tl_trial_hang_captured(p->trial);
    }
    tl_capture_free(&c->capture);
    free(c);
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (t->held)
            let_go(t);
}

static void pending_thread_stopped(struct tl_process *p)
{
    if (p->pending->waiting && --p->pending->waiting == 0)
        pending_finish(p);
}

static void on_stop_time_over(uv_timer_t *timer)
{
    struct tl_process *p = timer->data;
    pending_finish(p);
}

static struct tl_pending_capture *pending_new(struct tl_process *p, enum tl_capture_kind kind)
{
    struct tl_supervisor *s = supervisor_of(p);
    struct tl_pending_capture *c = tl_calloc(1, sizeof *c);
    struct tl_error ignored;
    c->started_ns = tl_monotonic_ns();
    c->capture.kind = kind;
    c->capture.pid = p->pid;
    c->capture.is_main = p->is_main;
    c->capture.exe = executable_of(p->pid);
    if (tl_unwind_begin(&c->unwind, s->unwinder, p->pid, &ignored))
        c->unwind = NULL;
    p->pending = c;
    return c;
}

/* Asks every thread that runs to stop; the capture ends now when there is none. */
static void pending_gather(struct tl_process *p)
{
    struct tl_pending_capture *c = p->pending;
    for (struct tl_tracee *t = p->tracees; t; t = t->next_in_process)
        if (!t->held && !ptrace(PTRACE_INTERRUPT, t->tid, 0, 0)) {
            t->interrupting = true;
            c->waiting++;
        }
    if (!c->waiting) {
        pending_finish(p);
        return;
    }
    struct tl_supervisor *s = supervisor_of(p);
    c->timer = tl_timer_new(s, p);
    uv_timer_start(c->timer, on_stop_time_over, STOP_TIME_MS, 0);
}

static void capture_signal(struct tl_tracee *t, int signal)
{
    struct tl_process *p = t->process;
    struct tl_trial *trial = p->trial;
    siginfo_t info;
    if (ptrace(PTRACE_GETSIGINFO, t->tid, 0, &info)) {
        go_on(t, signal, false);
        return;
    }
    /* A thread that faults while another's fault is being captured: it goes on with its signal afterwards.
     * The first one is what happened first. A runtime that lives on handled faults is not captured for ever.
     */
    if (p->pending || p->captured[signal] >= CAPTURES_PER_SIGNAL ||
        trial->record.n_captures >= CAPTURES_PER_TRIAL) {
        go_on(t, signal, false);
        return;
    }
    p->captured[signal]++;
    t->held = true;
    t->held_signal = signal;
    t->interrupting = false;
    struct tl_pending_capture *c = pending_new(p, TL_CAPTURE_SIGNAL);
    struct tl_error ignored;
    c->first = t->tid;
    c->capture.tid = t->tid;
    c->capture.signal = signal;
    c->capture.si_code = info.si_code;
    if (info.si_code <= 0 && info.si_code != SI_KERNEL)
        c->capture.sender_pid = info.si_pid;
    else if (signal == SIGSYS)
        c->capture.has_address = true, c->capture.fault_address = (uint64_t)(uintptr_t)info.si_call_addr;
    else if (signal != SIGABRT)
        c->capture.has_address = true, c->capture.fault_address = (uint64_t)(uintptr_t)info.si_addr;
    if (trial->limits.memory_mb)
        trial->data_at_crash = tl_process_data_bytes(p->pid);
    struct tl_thread *thread = new_thread(&c->capture, t->tid);
    thread->crashed = true;
    tl_read_registers(t->tid, &c->capture.registers, &c->capture.n_registers, &ignored);
    if (c->unwind)
        tl_unwind_thread(c->unwind, t->tid, thread, &ignored);
    pending_gather(p);
}

bool tl_trace_capture_hang(struct tl_trial *t)
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
            pending_new(p, TL_CAPTURE_HANG);
            pending_gather(p);
        }
    return wanted > 0;
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
        pending_finish(p);
    pid_t pid = p->pid;
    bool was_main = p->is_main;
    process_free(p);
    if (trial) {
        trial->n_processes--;
        tl_trial_process_gone(trial);
    } else {
        tl_server_process_gone(server, pid, was_main);
    }
}

static void unlink_tracee(struct tl_supervisor *s, struct tl_tracee *t)
{
    struct tl_tracee **at = bucket(s, t->tid);
    while (*at != t)
        at = &(*at)->next_in_table;
    *at = t->next_in_table;
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
        pending_thread_stopped(p);
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
}

/* --- events --------------------------------------------------------------------------------------------- */

static void on_new_thread(struct tl_supervisor *s, struct tl_tracee *parent, int event)
{
    unsigned long message = 0;
    if (ptrace(PTRACE_GETEVENTMSG, parent->tid, 0, &message) || !message)
        return;
    pid_t tid = (pid_t)message;
    struct tl_tracee *t = find(s, tid);
    if (t && t->process)
        return;
    if (!t)
        t = add(s, tid);
    struct tl_process *family = parent->process;
    struct tl_process *p = family;
    /* CLONE events also come for processes made with clone(); only the kernel knows whether it is a thread.
     */
    bool is_thread = false;
    if (event == PTRACE_EVENT_CLONE) {
        char path[80];
        snprintf(path, sizeof path, "/proc/%d/task/%d", (int)family->pid, (int)tid);
        is_thread = !access(path, F_OK);
    }
    if (!is_thread)
        p = process_new(tid, family->trial, family->server);
    adopt(s, t, p);
    if (event == PTRACE_EVENT_FORK && family->server && family->is_main && family->server->trial) {
        p->claimed = false; /* stays where it is until the server says whose it is */
        tl_server_forked(family->server, p);
    }
    struct tl_trial *trial = p->trial;
    if (trial) {
        if (trial->state == TL_TRIAL_KILLING) {
            p->killed = true;
            kill(p->pid, SIGKILL);
        } else if (!is_thread && trial->limits.processes && trial->n_processes > trial->limits.processes) {
            tl_trial_kill(trial, TL_KILL_PROCESSES);
        } else if (p->pending && !t->held) { /* a thread made while its process is being captured */
            t->interrupting = !ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
            p->pending->waiting += t->interrupting;
        }
    }
    if (t->held)
        go_on(t, 0, false);
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
    memset(p->captured, 0, sizeof p->captured);
    if (p->is_main && p->trial)
        p->trial->executed = true;
    if (p->pending) { /* of the program that is no more */
        p->pending->waiting = 0;
        pending_finish(p);
    }
    return t;
}

static bool is_fatal(int signal)
{
    switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGTRAP:
    case SIGFPE:
    case SIGABRT:
    case SIGSYS:
        return true;
    default:
        return false;
    }
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
        go_on(t, 0, false);
        return;
    case PTRACE_EVENT_EXEC:
        if (t->process)
            t = on_exec(s, t);
        go_on(t, 0, false);
        return;
    case PTRACE_EVENT_STOP:
        /* SIGTRAP: the first stop of a new thread, or an interrupt. Anything else is a group-stop. */
        go_on(t, 0, signal != SIGTRAP);
        return;
    case 0:
        if (t->process && t->process->trial && t->process->trial->state == TL_TRIAL_RUNNING &&
            is_fatal(signal))
            capture_signal(t, signal);
        else
            go_on(t, signal, false);
        return;
    default:
        go_on(t, 0, false);
        return;
    }
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
    if (!t)
        return; /* a child that is not traced: one that ended at its gate */
    struct tl_process *p = t->process;
    if (p && tid == p->pid) {
        p->gone = true;
        if (p->trial && WIFSIGNALED(status) && WTERMSIG(status) < 65 && !p->is_main)
            p->trial->descendant_signals[WTERMSIG(status)]++;
        if (p->trial && WIFSIGNALED(status))
            tl_trial_process_died(p->trial, p->pid, WTERMSIG(status));
        if (p->trial && p->is_main)
            tl_trial_main_ended(p->trial, status, usage);
        /* Threads that were still listed have been reaped by the kernel with their leader. */
        while (p->tracees && p->tracees->next_in_process) {
            struct tl_tracee *x = p->tracees->tid == tid ? p->tracees->next_in_process : p->tracees;
            unlink_tracee(s, x);
            free(x);
        }
    }
    tracee_gone(s, t);
}

void tl_trace_orphans(struct tl_supervisor *s, bool now)
{
    if (!s->n_orphans)
        return;
    uint64_t old = tl_monotonic_ns() - (now ? 0 : 100 * 1000000ull);
    for (size_t i = 0; i < sizeof s->table / sizeof s->table[0]; i++)
        for (struct tl_tracee *t = s->table[i], *next; t; t = next) {
            next = t->next_in_table;
            if (t->process || t->since_ns > old)
                continue;
            /* Its parent was killed between making it and saying so. A thread still belongs to its process.
             */
            char path[64];
            snprintf(path, sizeof path, "/proc/%d/status", (int)t->tid);
            char *text = tl_read_file(path, 1 << 16, NULL);
            const char *line = text ? strstr(text, "\nTgid:") : NULL;
            pid_t tgid = line ? (pid_t)strtol(line + 6, NULL, 10) : 0;
            free(text);
            struct tl_process *p = tgid && tgid != t->tid ? find_process(s, tgid) : NULL;
            if (p) {
                adopt(s, t, p);
                if (t->held)
                    go_on(t, 0, false);
            } else {
                kill(t->tid, SIGKILL);
            }
        }
}
