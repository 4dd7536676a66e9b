/* Theory of operation. What is traced is killed by the kernel when the tracer is gone (PTRACE_O_EXITKILL). What was let go for
 * a while (loose_linux.c) would live on, under a filter that nobody listens to any more. So when the first process is let
 * go a keeper is forked, which does nothing but wait for the end of a pipe that only we can write to, and then kills
 * those whose numbers stand in memory that it shares with us. It is in our session, so that it is nobody's orphan, and
 * in a group of its own, so that a signal to ours does not reach it; all others are blocked. */
#include "harness/supervise/keeper.h"

#include "harness/base/buffer.h"
#include "harness/supervise/supervisor_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_MOST 1024 /* processes at a time */

struct tl_keeper {
    _Atomic pid_t *kept; /* 0: free */
    pid_t pid;
    int pipe;
};

__attribute__((noreturn)) static void keep(const struct tl_keeper *k, int end)
{
    char byte;
    setpgid(0, 0);
    prctl(PR_SET_NAME, "trapline-keeper");
    if (end > 0)
        close_range(0, (unsigned)end - 1, 0);
    close_range((unsigned)end + 1, ~0u, 0);
    while (read(end, &byte, 1) < 0 && errno == EINTR)
        ;
    for (size_t i = 0; i < KEPT_MOST; i++)
        if (k->kept[i] > 0)
            kill(k->kept[i], SIGKILL);
    _exit(0);
}

static struct tl_keeper *keeper_new(void)
{
    struct tl_keeper k = {.pid = -1};
    int ends[2];
    sigset_t all, before;
    k.kept =
        mmap(NULL, KEPT_MOST * sizeof *k.kept, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (k.kept == MAP_FAILED)
        return NULL;
    if (!pipe2(ends, O_CLOEXEC)) {
        k.pipe = ends[1];
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        k.pid = _Fork();
        if (!k.pid)
            keep(&k, ends[0]);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        close(ends[0]);
        if (k.pid < 0)
            close(ends[1]);
    }
    if (k.pid < 0) {
        munmap(k.kept, KEPT_MOST * sizeof *k.kept);
        return NULL;
    }
    struct tl_keeper *keeper = tl_calloc(1, sizeof *keeper);
    *keeper = k;
    return keeper;
}

bool tl_keeper_add(struct tl_supervisor *s, pid_t pid)
{
    if (!s->keeper)
        s->keeper = keeper_new();
    for (size_t i = 0; s->keeper && i < KEPT_MOST; i++)
        if (!s->keeper->kept[i]) {
            s->keeper->kept[i] = pid;
            return true;
        }
    return false;
}

void tl_keeper_remove(struct tl_supervisor *s, pid_t pid)
{
    for (size_t i = 0; s->keeper && i < KEPT_MOST; i++)
        if (s->keeper->kept[i] == pid)
            s->keeper->kept[i] = 0;
}

void tl_keeper_close(struct tl_supervisor *s)
{
    struct tl_keeper *k = s->keeper;
    s->keeper = NULL;
    if (!k)
        return;
    close(k->pipe);
    while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    munmap(k->kept, KEPT_MOST * sizeof *k->kept);
    free(k);
}
