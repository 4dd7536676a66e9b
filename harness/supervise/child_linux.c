/* A child of the supervisor: its streams, its gate, its session and its limits.
 *
 * fds of a child:
 *
 *   0   /dev/null
 *   1   pipe, stdout
 *   2   pipe, stderr
 *   3   socket, when it speaks the protocol
 *
 * and nothing else (close_range). It is forked, starts a session of its own (setsid: no terminal, and no
 * signals of ours), enters a scope from which its own signals reach neither us nor other trials (kill(-1)), and makes
 * all else ready. Then it waits at its gate, a read of an eventfd, until the supervisor traces it, has put it
 * into its cgroup and has its intent on disk; only then it runs anything of the runner. The two of them work at the
 * same time, on two processors where there are two, so nothing is left for after the gate that can be done before.
 * When the supervisor dies before that, the child is killed (PR_SET_PDEATHSIG, and from then on PTRACE_O_EXITKILL).
 *
 * Between fork and exec only async-signal-safe calls are made, since other threads of the supervisor (libuv's pool) may
 * have held any lock at the fork. It is _Fork, without what libraries do after a fork (pthread_atfork): libuv would make
 * anew the pipe through which its handlers tell of signals, which takes as long as all that we do here. Instead all
 * signals are blocked until the handlers are gone, so that none of them runs in the child on what it shares with us.
 *
 * Limits that exec keeps are set by the child itself, those of a fork server's child from outside
 * (prlimit). */
#include "harness/supervise/child.h"
#include "harness/supervise/filter.h"
#include "harness/supervise/refusal.h"

#include "harness/base/buffer.h"
#include "harness/base/signal_scope.h"
#include "runners/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

void tl_streams_close(struct tl_streams *s)
{
    int fds[] = {s->protocol, s->out, s->err};
    for (size_t i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    *s = (struct tl_streams){-1, -1, -1};
}

int tl_streams_make(struct tl_streams *ours, struct tl_streams *theirs, bool protocol, struct tl_error *e)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, talk[2] = {-1, -1};
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC) ||
        (protocol && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk))) {
        int why = errno;
        *ours = (struct tl_streams){talk[0], out[0], err[0]};
        *theirs = (struct tl_streams){talk[1], out[1], err[1]};
        tl_streams_close(ours);
        tl_streams_close(theirs);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, why, "cannot make the pipes of a trial", "",
                             "raise the limit of open files (ulimit -n) or lower -j");
    }
    *ours = (struct tl_streams){talk[0], out[0], err[0]};
    *theirs = (struct tl_streams){talk[1], out[1], err[1]};
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    if (protocol)
        fcntl(talk[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static void set_limit(pid_t pid, int which, rlim_t value)
{
    struct rlimit now, want = {value, value};
    if (prlimit(pid, which, NULL, &now))
        return;
    if (now.rlim_max < want.rlim_max) /* never above what we were given ourselves */
        want.rlim_max = want.rlim_cur = now.rlim_max;
    prlimit(pid, which, &want, NULL);
}

void tl_child_limits(pid_t pid, const struct tl_limits *limits)
{
    /* 1 and not 0: with 0 a core_pattern that is a pipe still gets a dump; with 1 neither kind is written. */
    set_limit(pid, RLIMIT_CORE, 1);
    if (limits->disk_mb)
        set_limit(pid, RLIMIT_FSIZE, (rlim_t)limits->disk_mb << 20);
    /* Private writable memory, not address space: runtimes reserve far more address space than they use. Only the
     * soft one: it is raised by what is merely reserved (refusal_linux.c). */
    struct rlimit now;
    if (limits->memory_mb && !prlimit(pid, RLIMIT_DATA, NULL, &now)) {
        now.rlim_cur = (rlim_t)limits->memory_mb << 20;
        now.rlim_cur = now.rlim_cur < now.rlim_max ? now.rlim_cur : now.rlim_max;
        prlimit(pid, RLIMIT_DATA, &now, NULL);
    }
}

/* Which signals a child must put back: asked once, since asking in every child costs as much as a fork's
 * tenth. Whoever changes a disposition later does so before the first trial, or with a handler, which exec
 * forgets. */
struct changed_signals {
    int n, numbers[NSIG];
};

static const struct changed_signals *changed_signals(void)
{
    static struct changed_signals changed;
    static bool known;
    if (!known) {
        for (int i = 1; i < NSIG; i++) {
            struct sigaction now;
            if (!sigaction(i, NULL, &now) && now.sa_handler != SIG_DFL)
                changed.numbers[changed.n++] = i;
        }
        known = true;
    }
    return &changed;
}

static void default_signals(const struct changed_signals *changed)
{
    sigset_t none;
    for (int i = 0; i < changed->n; i++)
        signal(changed->numbers[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void refuse(const char *what, const char *which)
{
    const char *parts[] = {"trapline: cannot ", what, " ", which, ": ", strerrordesc_np(errno), "\n"};
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        if (parts[i] && write(2, parts[i], strlen(parts[i])) < 0)
            break;
    _exit(127);
}

/* Out of the way of 0..3, which are about to be overwritten. */
static int out_of_the_way(int fd)
{
    return fd >= 0 && fd <= TL_PROTOCOL_FD ? fcntl(fd, F_DUPFD, TL_PROTOCOL_FD + 1) : fd;
}

static void close_all_but(int first, int fd)
{
    if (fd > first)
        close_range((unsigned)first, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
}

enum { GO = 1, LEAVE };

/* An exit would be a call that stops for a tracer, which may not be there. */
static void pass(int gate)
{
    uint64_t go;
    ssize_t n;
    while ((n = read(gate, &go, sizeof go)) < 0 && errno == EINTR)
        ;
    if (n != sizeof go || go != GO)
        kill(getpid(), SIGKILL);
    close(gate);
    prctl(PR_SET_PDEATHSIG, 0);
}

/* What the child needs of the parent, made before the fork. */
struct inheritance {
    int gate, null, scope;
    struct tl_streams streams;
    const struct changed_signals *changed;
    pid_t parent;
};

/* It ends when we do, and kills this child then. */
static bool has_warden(const struct tl_child_request *r)
{
    return r->warden && r->warden->kind != TL_WARDEN_NONE;
}

__attribute__((noreturn)) static void child(const struct tl_child_request *r, const struct inheritance *i)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != i->parent && !has_warden(r)) /* it died before that */
        kill(getpid(), SIGKILL);
    tl_cgroup_join(r->cgroup); /* while the parent begins to trace it */
    setsid();
    default_signals(i->changed);
    int gate = out_of_the_way(i->gate), null = out_of_the_way(i->null), out = out_of_the_way(i->streams.out),
        err = out_of_the_way(i->streams.err);
    int talk = r->protocol ? out_of_the_way(i->streams.protocol) : -1, scope = out_of_the_way(i->scope);
    dup2(null, 0);
    dup2(out, 1);
    dup2(err, 2);
    if (r->protocol)
        dup2(talk, TL_PROTOCOL_FD);
    tl_signal_scope_enter(scope, !r->untraced || r->place);
    close_all_but(r->protocol ? TL_PROTOCOL_FD + 1 : TL_PROTOCOL_FD, gate);
    bool bound = !r->place || !tl_sandbox_enter(r->place->sandbox);
    bool there = bound && (!r->directory || !chdir(r->directory));
    int why = errno;
    if (r->argv) {
        tl_child_limits(0, &r->limits);
        if (r->watch_memory)
            tl_refusal_watch();
        if (r->watch_calls)
            tl_filter_watch();
    }
    pass(gate);
    if (!there) { /* said when it can be seen who says it */
        errno = why;
        refuse(bound ? "change to the directory" : "give up privileges for", r->directory);
    }
    if (r->argv) {
        execve(r->argv[0], r->argv, r->env);
        refuse("execute", r->argv[0]);
    }
    _exit(r->entry(r->argument));
}

struct below {
    const struct tl_child_request *request;
    const struct inheritance *inheritance;
};

static int furnish_below(void *argument, const char **what)
{
    const struct below *b = argument;
    return tl_sandbox_furnish(b->request->place, what);
}

static void run_below(void *argument)
{
    const struct below *b = argument;
    child(b->request, b->inheritance);
}

/* 0, or -1 with *e. */
static int fork_child(const struct tl_child_request *r, const struct inheritance *i, pid_t *pid,
                      struct tl_error *e)
{
    struct below below = {r, i};
    const struct tl_warden_work work = {
        .furnish = r->place ? furnish_below : NULL, .run = run_below, .argument = &below};
    if (has_warden(r))
        return tl_warden_fork(r->warden, &work, pid, e);
    *pid = _Fork();
    if (*pid == 0)
        child(r, i);
    if (*pid > 0)
        return 0;
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot fork a trial", "",
                         "lower -j, or end other processes of this user");
}

static int null_device(void)
{
    static int fd = -1;
    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    return fd;
}

/* -2: not asked for yet. */
static int signal_scope(void)
{
    static int fd = -2;
    if (fd == -2)
        fd = tl_signal_scope_open(false);
    return fd;
}

int tl_child_spawn(const struct tl_child_request *r, pid_t *pid, int *gate, struct tl_streams *ours,
                   struct tl_error *e)
{
    struct tl_streams theirs;
    int made = eventfd(0, EFD_CLOEXEC);
    if (made < 0)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make the gate of a trial", "",
                             "raise the limit of open files (ulimit -n) or lower -j");
    if (tl_streams_make(ours, &theirs, r->protocol, e)) {
        close(made);
        return -1;
    }
    const struct inheritance inheritance = {
        made,   null_device(),     r->place ? tl_sandbox_scope(r->place->sandbox) : signal_scope(),
        theirs, changed_signals(), getpid()};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = fork_child(r, &inheritance, pid, e);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    tl_streams_close(&theirs);
    if (result) {
        close(made);
        tl_streams_close(ours);
        return -1;
    }
    *gate = made;
    return 0;
}

int tl_child_release(pid_t pid, int gate, bool go)
{
    (void)pid;
    const uint64_t what = go ? GO : LEAVE;
    int result = write(gate, &what, sizeof what) != sizeof what ? -1 : 0, err = errno;
    close(gate);
    errno = err;
    return result;
}

const bool tl_child_can_fork = true;

uint64_t tl_child_first_bytes(void)
{
    static int fd = -1;
    char text[128];
    if (fd < 0)
        fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? pread(fd, text, sizeof text - 1, 0) : -1;
    text[n > 0 ? n : 0] = '\0';
    const char *resident = strchr(text, ' '); /* the second number, in pages */
    return resident ? strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t tl_child_peak_bytes(const struct rusage *usage)
{
    return (uint64_t)usage->ru_maxrss << 10;
}
