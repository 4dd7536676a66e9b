/* Theory of operation. What a trial has hidden from its tracer is found and killed by its cgroup. Where there is none
 * that can be written, a process of ours, the warden, stands between us and the trial. It is a fork of ours that
 * executes nothing. All that loses its parent below it becomes its child, so what is left of a trial is what is left
 * below its warden, however it hides. When it is over, or when we are no more (the line to us then ends), it kills
 * all of that:
 *
 *   scope       It has entered a scope of signals (Landlock) before it made its child, which is in one inside that. A
 *               signal to all (kill(-1)) reaches then what is in its scope and nothing else, and the kernel forks
 *               nothing meanwhile: so what forks faster than it could be found one by one is killed, too. The child's
 *               signals do not reach it. Nothing is lost by it that a traced program has.
 *   namespace   On kernels without such scopes it is the first process of a pid namespace, whose end is the end of
 *               all in it. It is shielded from signals from inside, and a program that was itself the first would be.
 *               /proc is mounted anew, since /proc/N would else be of another process than N. Without root that
 *               takes a user namespace, in which who is not the user is nobody.
 *   walk        Where neither is to be had it kills its children, and what becomes its children by that, until
 *               there is none. A program that forks faster may get away for as long as it does so, and is killed
 *               then.
 *
 * It says who its child is by a message whose sender the kernel names (SCM_CREDENTIALS), in numbers of ours. Between
 * fork and exec only async-signal-safe calls are made: see child_linux.c. It is in our session and in a group of its own,
 * so that it is nobody's orphan and no signal to our group reaches it. */
#include "harness/supervise/warden.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/signal_scope.h"
#include "harness/supervise/process.h"
#include "harness/supervise/server.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_S 20             /* that it may take to make its child: a mount may hang */
#define GIVEN_UP_NS 1000000000u /* that it may take to end when it made none */
#define STUCK_NS 5000000000u
#define WALKS_MOST 4000
#define WALK_US 500 /* between two walks */

/* What comes over the line: what failed, in words of constant texts of ours. */
struct answer {
    int error; /* 0: the child is there */
    char what[60];
};

/* --- in the warden -------------------------------------------------------------------------------------- */

static void say(int line, int error, const char *what)
{
    struct answer a = {.error = error};
    strncpy(a.what, what, sizeof a.what - 1);
    send(line, &a, sizeof a, MSG_NOSIGNAL);
}

/* Kills each child of ours. Whether there was one. */
static bool kill_children(void)
{
    char text[4096];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    for (char *at = text, *end; *at; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        kill((pid_t)pid, SIGKILL);
    }
    return n > 0;
}

/* Ends with all that is below it. The first process of a namespace need only end. */
__attribute__((noreturn)) static void end(enum tl_warden_kind kind)
{
    if (kind == TL_WARDEN_SCOPE) {
        kill(-1, SIGKILL);
        while (wait4(-1, NULL, __WALL, NULL) > 0 || errno == EINTR)
            ;
    } else if (kind == TL_WARDEN_WALK) {
        for (int i = 0; i < WALKS_MOST && kill_children(); i++)
            usleep(WALK_US);
    }
    _exit(0);
}

/* Whether its signals reach nobody outside: asked of the kernel before any is sent to all. */
static bool is_alone(pid_t parent)
{
    return kill(parent, 0) < 0 && errno == EPERM;
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? write(fd, text, strlen(text)) : -1;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return n < 0 ? -1 : 0;
}

/* What a user namespace is told, made before the fork. */
struct identity {
    char users[64], groups[64];
};

static int be_the_same_user(const struct identity *i)
{
    write_text("/proc/self/setgroups", "deny");
    return write_text("/proc/self/gid_map", i->groups) ? -1 : write_text("/proc/self/uid_map", i->users);
}

static int mount_proc(const char **what)
{
    *what = "cannot have mounts of its own";
    if (mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL))
        return -1;
    *what = "cannot mount /proc anew";
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

static int settle(const struct tl_warden *w, const struct identity *i, const struct tl_warden_work *work,
                  pid_t parent, enum tl_warden_kind *kind, const char **what)
{
    *what = "cannot become the parent of orphans";
    if (prctl(PR_SET_CHILD_SUBREAPER, 1))
        return -1;
    /* As deep inside others as the kernel lets a scope be, there is none for it. */
    if (w->kind == TL_WARDEN_SCOPE &&
        (!tl_signal_scope_enter(tl_signal_scope_open(false), true) || !is_alone(parent)))
        *kind = TL_WARDEN_WALK;
    if (w->kind == TL_WARDEN_NAMESPACE) {
        *what = "cannot be the same user in a user namespace";
        if (w->own_user && be_the_same_user(i))
            return -1;
        return work->furnish ? work->furnish(work->argument, what) : mount_proc(what);
    }
    return 0;
}

__attribute__((noreturn)) static void warden(const struct tl_warden *w, const struct identity *i,
                                             const struct tl_warden_work *work, pid_t parent, int line)
{
    enum tl_warden_kind kind = w->kind;
    const char *what = "";
    char byte;
    setpgid(0, 0);
    if (settle(w, i, work, parent, &kind, &what)) {
        say(line, errno ? errno : EPERM, what);
        _exit(1);
    }
    pid_t child = _Fork();
    if (!child) {
        say(line, 0, "");
        close(line);
        work->run(work->argument);
        _exit(127);
    }
    if (child < 0) {
        say(line, errno, "cannot fork");
        _exit(1);
    }
    signal(SIGCHLD, SIG_IGN); /* what ends below it is nobody's to wait for */
    prctl(PR_SET_NAME, "trapline-warden");
    prctl(PR_SET_DUMPABLE, 0);
    if (line > 0)
        close_range(0, (unsigned)line - 1, 0);
    close_range((unsigned)line + 1, ~0u, 0);
    while (read(line, &byte, 1) < 0 && errno == EINTR)
        ;
    end(kind);
}

/* --- in the supervisor ---------------------------------------------------------------------------------- */

/* As fork() does it, but for the namespaces: nothing of the C library runs in between. */
static pid_t fork_into(const struct tl_warden *w)
{
    if (w->kind != TL_WARDEN_NAMESPACE)
        return _Fork();
    struct clone_args a = {.flags = CLONE_NEWPID | CLONE_NEWNS | w->more | (w->own_user ? CLONE_NEWUSER : 0),
                           .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &a, sizeof a);
}

/* Waits for the word of the child, and who said it. */
static int hear(int line, pid_t *pid, struct answer *a)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    struct iovec text = {a, sizeof *a};
    struct msghdr m = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n;
    while ((n = recvmsg(line, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    const struct cmsghdr *c = n == sizeof *a ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_type != SCM_CREDENTIALS) {
        a->error = n < 0 ? errno : ECHILD;
        strcpy(a->what, "it did not answer");
        return -1;
    }
    struct ucred who;
    memcpy(&who, CMSG_DATA(c), sizeof who);
    *pid = who.pid;
    a->what[sizeof a->what - 1] = '\0';
    return a->error ? -1 : 0;
}

/* One that did not answer may have made its child all the same. Killed at once it would leave that to us, at its gate and
 * traced by nobody: so it is asked to end first, with all that is below it. */
static void give_up(struct tl_warden *w)
{
    uint64_t until_ns = tl_monotonic_ns() + GIVEN_UP_NS;
    pid_t ended = 0;
    if (w->kind != TL_WARDEN_NAMESPACE) {
        shutdown(w->line, SHUT_WR);
        while (!(ended = waitpid(w->pid, NULL, __WALL | WNOHANG)) && tl_monotonic_ns() < until_ns)
            usleep(WALK_US);
    }
    if (!ended) {
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, __WALL) < 0 && errno == EINTR)
            ;
    }
    tl_warden_forget(w);
}

int tl_warden_fork(struct tl_warden *w, const struct tl_warden_work *work, pid_t *pid, struct tl_error *e)
{
    int ends[2], on = 1;
    struct timeval most = {.tv_sec = ANSWER_S};
    struct answer a = {.error = 0};
    struct identity identity;
    snprintf(identity.users, sizeof identity.users, "%u %u 1\n", geteuid(), geteuid());
    snprintf(identity.groups, sizeof identity.groups, "%u %u 1\n", getegid(), getegid());
    pid_t parent = getpid();
    w->line = -1;
    w->pid = 0;
    w->asked_ns = 0;
    w->clean = false;
    w->own_user = w->kind == TL_WARDEN_NAMESPACE && geteuid() != 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot fork a trial", "",
                             "raise the limit of open files (ulimit -n) or lower -j");
    setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    pid_t made = fork_into(w);
    if (!made)
        warden(w, &identity, work, parent, ends[1]);
    int why = errno;
    close(ends[1]);
    if (made < 0) {
        close(ends[0]);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, why, "cannot fork a trial", "",
                             "lower -j, or end other processes of this user");
    }
    w->pid = made;
    w->line = ends[0];
    if (!hear(w->line, pid, &a))
        return 0;
    give_up(w);
    return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, a.error, "cannot make a place for a trial", a.what,
                         "`trapline doctor` says what this system allows");
}

void tl_warden_end(struct tl_warden *w)
{
    char over = 1;
    if (!w->pid || w->asked_ns)
        return;
    w->asked_ns = tl_monotonic_ns();
    /* The kernel does it all where there is a namespace. */
    if (w->kind == TL_WARDEN_NAMESPACE || send(w->line, &over, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
        kill(w->pid, SIGKILL);
}

bool tl_warden_is_stuck(const struct tl_warden *w)
{
    return w->pid && w->asked_ns && tl_monotonic_ns() - w->asked_ns > STUCK_NS;
}

void tl_warden_forget(struct tl_warden *w)
{
    if (w->line >= 0)
        close(w->line);
    w->line = -1;
    w->pid = 0;
}

static bool ended(struct tl_warden *w, pid_t pid, int status)
{
    if (w->pid != pid)
        return false;
    w->clean = w->kind == TL_WARDEN_NAMESPACE || (WIFEXITED(status) && !WEXITSTATUS(status));
    tl_warden_forget(w);
    return true;
}

bool tl_warden_ended(struct tl_supervisor *s, pid_t pid, int status)
{
    for (struct tl_trial *t = s->flying; t; t = t->next)
        if (ended(&t->warden, pid, status)) {
            tl_trial_maybe_end(t);
            return true;
        }
    for (struct tl_server *v = s->servers; v; v = v->next)
        if (ended(&v->warden, pid, status)) {
            tl_server_process_gone(v, false);
            return true;
        }
    return false;
}

__attribute__((noreturn)) static void leave(void *argument)
{
    (void)argument;
    _exit(0);
}

bool tl_warden_can_have_namespaces(const char **why)
{
    static enum { UNKNOWN, YES, NO } known;
    static char reason[sizeof(((struct tl_error *)0)->where)];
    if (known == UNKNOWN) {
        struct tl_warden w = {.kind = TL_WARDEN_NAMESPACE, .line = -1};
        const struct tl_warden_work work = {.run = leave};
        struct tl_error e;
        pid_t pid;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        known = tl_warden_fork(&w, &work, &pid, &e) ? NO : YES;
        if (known == NO) {
            snprintf(reason, sizeof reason, "%s", e.where);
        } else {
            tl_warden_end(&w);
            while (waitpid(w.pid, NULL, __WALL) < 0 && errno == EINTR)
                ;
            tl_warden_forget(&w);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (why)
        *why = reason;
    return known == YES;
}

/* The last of its numbers: the one in the innermost namespace. */
static pid_t inner_number(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = tl_read_file(path, 1 << 16, NULL), *line = text ? strstr(text, "\nNSpid:") : NULL;
    char *end = line ? strchr(line + 1, '\n') : NULL, *last = NULL;
    if (end) {
        *end = '\0';
        last = strrchr(line, '\t');
    }
    pid_t number = last ? (pid_t)strtol(last + 1, NULL, 10) : 0;
    free(text);
    return number;
}

bool tl_warden_means(pid_t pid, pid_t told)
{
    return told == pid || (told > 0 && told == inner_number(pid));
}

static enum tl_warden_kind kind_without_cgroup(bool keeps_privileges)
{
    static int scoped = -1;
    if (scoped < 0) {
        int fd = tl_signal_scope_open(false);
        scoped = fd >= 0;
        if (fd >= 0)
            close(fd);
    }
    if (keeps_privileges && geteuid() != 0)
        return TL_WARDEN_WALK;
    if (scoped)
        return TL_WARDEN_SCOPE;
    return tl_warden_can_have_namespaces(NULL) ? TL_WARDEN_NAMESPACE : TL_WARDEN_WALK;
}

void tl_warden_want(struct tl_warden *w, const struct tl_cgroup *cgroup, bool keeps_privileges,
                    enum tl_warden_kind wanted)
{
    *w = (struct tl_warden){.kind = TL_WARDEN_NONE, .line = -1};
    if (!cgroup->used || !cgroup->kill_dir)
        w->kind = wanted ? wanted : kind_without_cgroup(keeps_privileges);
}
