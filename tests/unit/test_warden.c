/* A warden that is not heard of in time is given up, and nothing that it has made is left to us. */
#include "harness/supervise/warden.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int gate[2];
static pid_t child;
static bool is_late;

/* In place of the C library's, which would take all of the time that a warden has: its word is late, and its child is there. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!is_late)
        return syscall(SYS_recvmsg, fd, message, flags);
    cr_assert_eq(read(gate[0], &child, sizeof child), sizeof child);
    errno = EAGAIN;
    return -1;
}

__attribute__((noreturn)) static void run(void *argument)
{
    (void)argument;
    pid_t own = getpid();
    if (write(gate[1], &own, sizeof own) == sizeof own)
        while (true)
            pause();
    _exit(1);
}

static void give_up(enum tl_warden_kind kind)
{
    const struct tl_warden_work work = {.run = run};
    struct tl_warden w = {.kind = kind, .line = -1};
    struct tl_error e = {0};
    sigset_t all, before;
    pid_t pid;
    cr_assert_eq(pipe(gate), 0);
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    is_late = true;
    int result = tl_warden_fork(&w, &work, &pid, &e);
    is_late = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    cr_assert_eq(result, -1);
    cr_expect_eq(e.kind, TL_ERROR_ENVIRONMENT);
    cr_expect_str_eq(e.where, "it did not answer");
    cr_expect_eq(w.pid, 0);
    cr_expect_eq(w.line, -1);
    cr_expect(waitpid(-1, NULL, __WALL | WNOHANG) == -1 && errno == ECHILD, "a child is left to us");
    if (kind != TL_WARDEN_NAMESPACE) /* its number is one of ours */
        cr_expect(kill(child, SIGKILL) == -1 && errno == ESRCH, "the child lives");
    close(gate[0]);
    close(gate[1]);
}

Test(warden, of_a_scope_ends_with_its_child)
{
    give_up(TL_WARDEN_SCOPE);
}

Test(warden, that_walks_ends_with_its_child)
{
    give_up(TL_WARDEN_WALK);
}

Test(warden, of_a_namespace_ends_with_its_child)
{
    if (!tl_warden_can_have_namespaces(NULL))
        cr_skip_test("no namespaces here");
    give_up(TL_WARDEN_NAMESPACE);
}
