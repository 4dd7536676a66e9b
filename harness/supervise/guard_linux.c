/* What a process that is not traced for a while (loose_linux.c) must not do unseen.
 *
 * Theory of operation. The filters that a traced program has from the beginning stop calls for the tracer; where there
 * is none the kernel lets these calls fail. And of what a thread does that nobody traces nothing is known: of a process
 * that it makes, of a program that it executes, of the last thing that a handler does before it lets the fault kill.
 * All of that is done by calls. So before a thread is let go its process gets one more filter, of the kind that tells a
 * listener and waits for its answer (SECCOMP_RET_USER_NOTIF), which goes before the kind that stops for a tracer, and
 * needs none. The answer is always to go on (SECCOMP_USER_NOTIF_FLAG_CONTINUE), after the thread is traced again.
 *
 * Only a thread can put a filter on its process. So it is made to, at the first instruction of its handler, where
 * PTRACE_INTERRUPT stops it: its registers are kept, and four calls are made from an instruction of the vDSO: mmap of a
 * page for the filter, seccomp (for all threads, SECCOMP_FILTER_FLAG_TSYNC), close of the listener, after we have got it
 * by pidfd_getfd, and munmap. All signals are blocked meanwhile. Nothing of it is left but the filter.
 *
 * A program with filters of its own gets none: they might kill it for these calls, and a program that has a listener
 * itself may have no second one. Nor does it where the kernel is too old: a call that was told must not be ended by a
 * signal (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 5.19).
 *
 * What the process makes has its filter, and exec keeps it. So a guard lasts as long as the trial.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/guard.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/loose.h"
#include "harness/supervise/process.h"
#include "harness/supervise/refusal.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trial.h"

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define CALL_NS 2000000000u /* a call that is made for us has ended by then */
#define AGAIN_MS 2          /* until an exit is looked at again that has to wait for a capture */
#define VDSO_MOST 65536

/* A call that is told, and not answered. */
struct notice {
    uint64_t id;
    pid_t tid;
    struct notice *next;
};

struct tl_guard {
    struct tl_trial *trial;
    struct tl_stream listener;
    struct notice *waiting; /* exits */
    uv_timer_t *again;
    bool busy, over; /* it is used further up, where it is freed when its trial has ended meanwhile */
    struct tl_guard *next;
};

static const long calls[] = {
    SYS_exit,
    SYS_exit_group,
    SYS_clone,
    SYS_clone3,
    SYS_execve,
    SYS_execveat,
    SYS_rt_sigaction,
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_seccomp,
    SYS_ptrace,
    SYS_pidfd_send_signal,
#ifdef SYS_fork
    SYS_fork,
    SYS_vfork,
#endif
};

bool tl_guard_heeds(uint64_t call)
{
    for (size_t i = 0; i < TL_COUNT(calls); i++)
        if (call == (uint64_t)calls[i])
            return true;
    return false;
}

/* --- calls, answered -------------------------------------------------------------------------------------- */

static void answer(struct tl_guard *g, uint64_t id)
{
    struct seccomp_notif_resp yes = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(g->listener.fd, SECCOMP_IOCTL_NOTIF_SEND, &yes); /* it may have been killed meanwhile */
}

/* What other threads of the process stand at is taken first, as in exits_linux.c. Returns whether t may exit now. */
static bool may_exit(struct tl_supervisor *s, pid_t tid)
{
    struct tl_tracee *t = tl_trace_find(s, tid);
    struct tl_process *p = t ? t->process : NULL;
    pid_t others[64];
    size_t n = 0;
    if (!p || !p->trial || p->trial->state != TL_TRIAL_RUNNING)
        return true;
    for (const struct tl_tracee *x = p->tracees; x && n < TL_COUNT(others); x = x->next_in_process)
        if (x != t && !x->held && !x->leaving)
            others[n++] = x->tid;
    for (size_t i = 0; i < n; i++) {
        int status;
        struct rusage usage;
        if (wait4(others[i], &status, WNOHANG | __WALL, &usage) == others[i])
            tl_trace_event(s, others[i], status, &usage);
    }
    t = tl_trace_find(s, tid);
    p = t ? t->process : NULL;
    if (p && (p->pending || (p->alone && p->alone != tid)))
        return false;
    if (p && !p->leaving_ns)
        p->leaving_ns = tl_monotonic_ns();
    if (p)
        p->exiting = tid;
    return true;
}

static void guard_free(struct tl_guard *g)
{
    g->over = true;
    if (g->busy)
        return;
    for (struct notice *n; (n = g->waiting);) {
        g->waiting = n->next;
        free(n);
    }
    tl_timer_free(&g->again);
    tl_stream_close(&g->listener);
    free(g);
}

static void no_longer_busy(struct tl_guard *g)
{
    g->busy = false;
    if (g->over)
        guard_free(g);
}

static void on_again(uv_timer_t *timer)
{
    struct tl_guard *g = timer->data;
    struct tl_supervisor *s = g->trial->supervisor;
    g->busy = true;
    for (struct notice **at = &g->waiting, *n; (n = *at) && !g->over;) {
        if (may_exit(s, n->tid)) {
            answer(g, n->id);
            *at = n->next;
            free(n);
        } else {
            at = &n->next;
        }
    }
    if (!g->waiting)
        uv_timer_stop(timer);
    no_longer_busy(g);
}

static void put_off(struct tl_guard *g, uint64_t id, pid_t tid)
{
    struct notice *n = tl_calloc(1, sizeof *n);
    *n = (struct notice){id, tid, g->waiting};
    g->waiting = n;
    if (g->over)
        return;
    if (!g->again)
        g->again = tl_timer_new(g->trial->supervisor, g);
    uv_timer_start(g->again, on_again, AGAIN_MS, AGAIN_MS);
}

static void on_notice(uv_poll_t *poll_handle, int status, int events)
{
    struct tl_guard *g = poll_handle->data;
    struct tl_supervisor *s = g->trial->supervisor;
    struct pollfd now = {.fd = g->listener.fd, .events = POLLIN};
    struct seccomp_notif n = {0};
    (void)status;
    (void)events;
    if (poll(&now, 1, 0) == 1 && !(now.revents & POLLIN)) { /* nobody has the filter any more */
        tl_stream_close(&g->listener);
        return;
    }
    if (!now.revents || ioctl(g->listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
        return;
    g->busy = true;
    struct tl_tracee *t = tl_trace_find(s, (pid_t)n.pid);
    if (t)
        tl_loose_return(t);
    if (t && t->process && t->process->trial)
        tl_refusal_call(t->process, n.data.nr, (const uint64_t *)n.data.args);
    if (n.data.nr == SYS_exit_group && !may_exit(s, (pid_t)n.pid))
        put_off(g, n.id, (pid_t)n.pid);
    else
        answer(g, n.id);
    no_longer_busy(g);
}

void tl_guard_free(struct tl_trial *t)
{
    for (struct tl_guard *g; (g = t->guards);) {
        t->guards = g->next;
        guard_free(g);
    }
}

/* --- calls of a thread, made for us ----------------------------------------------------------------------- */

#if defined(__x86_64__)
static const unsigned char call_instruction[] = {0x0f, 0x05};
static void set_call(struct user_regs_struct *r, uint64_t at, long nr, const uint64_t *a)
{
    r->rip = at;
    r->rax = (uint64_t)nr;
    r->orig_rax = UINT64_MAX;
    r->rdi = a[0], r->rsi = a[1], r->rdx = a[2], r->r10 = a[3], r->r8 = a[4], r->r9 = a[5];
}
#define RESULT(r) ((long)(r).rax)
#elif defined(__aarch64__)
static const unsigned char call_instruction[] = {0x01, 0x00, 0x00, 0xd4};
static void set_call(struct user_regs_struct *r, uint64_t at, long nr, const uint64_t *a)
{
    r->pc = at;
    r->regs[8] = (uint64_t)nr;
    for (int i = 0; i < 6; i++)
        r->regs[i] = a[i];
}
#define RESULT(r) ((long)(r).regs[0])
#else
#error "registers of a call are to be written here"
#endif

/* An instruction of the vDSO that makes a call; 0: there is none. */
static uint64_t find_instruction(pid_t pid)
{
    char path[64], line[512];
    unsigned long long from = 0, to = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, " [vdso]") && sscanf(line, "%llx-%llx", &from, &to) == 2)
            break;
    if (f)
        fclose(f);
    if (to <= from || to - from > VDSO_MOST)
        return 0;
    unsigned char *code = tl_calloc(1, to - from);
    struct iovec ours = {code, to - from}, theirs = {(void *)(uintptr_t)from, to - from};
    ssize_t n = process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
    unsigned char *at = n > 0 ? memmem(code, (size_t)n, call_instruction, sizeof call_instruction) : NULL;
    uint64_t found = at ? from + (uint64_t)(at - code) : 0;
    free(code);
    return found;
}

struct visit {
    struct tl_tracee *t;
    struct tl_supervisor *supervisor;
    struct user_regs_struct regs; /* as they were */
    uint64_t mask;
    uint64_t instruction;
    bool lost; /* something else has happened to it, and is handled */
};

/* Its next stop, which is to be this one. */
static int stops(struct visit *v, int wanted)
{
    uint64_t begin = tl_monotonic_ns();
    int status;
    struct rusage usage;
    pid_t tid = v->t->tid;
    const struct timespec moment = {.tv_nsec = 20000};
    pid_t got;
    while (!(got = wait4(tid, &status, WNOHANG | __WALL, &usage)) && tl_monotonic_ns() - begin < CALL_NS)
        nanosleep(&moment, NULL);
    if (got == tid && WIFSTOPPED(status) && status >> 8 == wanted)
        return 0;
    v->lost = true;
    if (got == tid)
        tl_trace_event(v->supervisor, tid, status, &usage);
    else if (!got) /* in a call that does not wait, in a kernel that does not answer */
        kill(v->t->process->pid, SIGKILL);
    return -1;
}

#define AT_CALL (SIGTRAP | 0x80)

static int make_call(struct visit *v, long nr, const uint64_t *arguments, long *result)
{
    struct user_regs_struct regs = v->regs;
    struct iovec all = {&regs, sizeof regs};
    pid_t tid = v->t->tid;
    set_call(&regs, v->instruction, nr, arguments);
    if (ptrace(PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &all) || ptrace(PTRACE_SYSCALL, tid, 0, 0) ||
        stops(v, AT_CALL) || ptrace(PTRACE_SYSCALL, tid, 0, 0) || stops(v, AT_CALL) ||
        ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &all))
        return -1;
    *result = RESULT(regs);
    return *result < 0 && *result > -4096 ? -1 : 0;
}

/* To the beginning of the handler, as if nobody was there, with all signals blocked. */
static int enter(struct visit *v, int signal)
{
    struct iovec all = {&v->regs, sizeof v->regs};
    uint64_t none = UINT64_MAX;
    pid_t tid = v->t->tid;
    if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) || ptrace(PTRACE_CONT, tid, 0, (void *)(intptr_t)signal))
        return -1;
    if (stops(v, SIGTRAP | PTRACE_EVENT_STOP << 8))
        return -1;
    return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &all) ||
                   ptrace(PTRACE_GETSIGMASK, tid, (void *)sizeof v->mask, &v->mask) ||
                   ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof none, &none)
               ? -1
               : 0;
}

static void leave(struct visit *v)
{
    struct iovec all = {&v->regs, sizeof v->regs};
    if (v->lost)
        return;
    ptrace(PTRACE_SETREGSET, v->t->tid, (void *)NT_PRSTATUS, &all);
    ptrace(PTRACE_SETSIGMASK, v->t->tid, (void *)sizeof v->mask, &v->mask);
}

/* --- the guard -------------------------------------------------------------------------------------------- */

static size_t guard_filter(const struct tl_process *p, struct sock_filter *f)
{
    const size_t n = TL_COUNT(calls);
    size_t at = 0;
    f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TL_FILTER_ARCH, 1, 0);
    f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < n; i++)
        f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i],
                                               (unsigned char)(n - i), 0);
    f[at++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
    f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    if (p->reserved.limit)
        return at + tl_refusal_filter(f + at, SECCOMP_RET_USER_NOTIF);
    f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return at;
}

/* Whether a process has the filters that we have given it, and none of its own. */
static bool has_only_ours(const struct tl_process *p, pid_t tid)
{
    const struct tl_trial *t = p->trial;
    uint64_t ours = t->argv && !t->untraced ? 1 + (t->child_limits.memory_mb > 0) : 0;
    return tl_process_number(tid, "\nSeccomp_filters:") == ours;
}

static int take_listener(struct tl_process *p, int theirs)
{
    int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    int fd = pidfd >= 0 ? (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0) : -1;
    if (pidfd >= 0)
        close(pidfd);
    return fd;
}

static struct tl_guard *add_guard(struct tl_trial *t, int fd)
{
    struct tl_guard *g = tl_calloc(1, sizeof *g);
    g->trial = t;
    g->next = t->guards;
    t->guards = g;
    if (fd < 0 || tl_stream_open(t->supervisor, &g->listener, fd, on_notice, g))
        g->listener.fd = fd; /* nobody hears it: what it would tell fails */
    return g;
}

static int install(struct visit *v)
{
    struct tl_process *p = v->t->process;
    struct sock_filter filter[TL_COUNT(calls) + 8 + TL_REFUSAL_FILTER];
    struct sock_fprog program = {0};
    const uint64_t flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
                           SECCOMP_FILTER_FLAG_TSYNC_ESRCH | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                           SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    long at, listener, ignored;
    if (make_call(v, SYS_mmap,
                  (uint64_t[]){0, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, UINT64_MAX, 0},
                  &at))
        return -1;
    program.len = (unsigned short)guard_filter(p, filter);
    program.filter = (void *)(uintptr_t)((uint64_t)at + sizeof program);
    struct iovec ours[] = {{&program, sizeof program}, {filter, program.len * sizeof *filter}};
    struct iovec theirs = {(void *)(uintptr_t)at, ours[0].iov_len + ours[1].iov_len};
    bool done = process_vm_writev(p->pid, ours, 2, &theirs, 1, 0) == (ssize_t)theirs.iov_len &&
                !make_call(v, SYS_seccomp,
                           (uint64_t[]){SECCOMP_SET_MODE_FILTER, flags, (uint64_t)at, 0, 0, 0}, &listener);
    if (done) {
        add_guard(p->trial, take_listener(p, (int)listener));
        make_call(v, SYS_close, (uint64_t[]){(uint64_t)listener, 0, 0, 0, 0, 0}, &ignored);
    }
    if (!v->lost)
        make_call(v, SYS_munmap, (uint64_t[]){(uint64_t)at, page, 0, 0, 0, 0}, &ignored);
    return done ? 0 : -1;
}

int tl_guard_lay(struct tl_tracee *t, int signal)
{
    struct tl_process *p = t->process;
    struct visit v = {.t = t, .supervisor = p->trial->supervisor};
    v.instruction = TL_FILTER_ARCH && has_only_ours(p, t->tid) ? find_instruction(t->tid) : 0;
    if (!v.instruction) {
        tl_tracee_go_on(t, signal, false);
        return -1;
    }
    bool in = !enter(&v, signal), done = in && !install(&v);
    if (in)
        leave(&v);
    if (!v.lost && !done)
        tl_tracee_go_on(t, 0, false);
    return v.lost || !done ? -1 : 0;
}
