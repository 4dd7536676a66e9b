/* Theory of operation. A step leads a session of its own, so that kill(0) and killpg stay within it. kill(-1) is
 * kept from the runner by a scope of signals (harness/base/signal_scope.h): the steps are in it, all in the same
 * one, since a later step may have to end what an earlier one has started, and the runner is not. A scope belongs to
 * a thread and is handed on by fork; so a second thread enters it and forks for the first one, which only waits for
 * it. Where there is no such scope there is no second thread.
 *
 * Between fork and exec a child of several threads makes async-signal-safe calls only. */
#include "runners/command/apart.h"

#include "harness/base/signal_scope.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    bool open, may_bind;
    int scope;
    sem_t asked, made;
    /* The request, and its answer. */
    void (*run)(void *argument);
    void *argument;
    bool untraced;
    pid_t pid;
    int error;
} apart = {.scope = -1};

static pid_t make(void)
{
#ifdef CLONE_UNTRACED
    pid_t pid = apart.untraced ? (pid_t)syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0) : fork();
#else
    pid_t pid = fork();
#endif
    if (pid == 0) {
        setsid();
        apart.run(apart.argument);
        _exit(126);
    }
    return pid;
}

static void wait_for(sem_t *s)
{
    while (sem_wait(s) && errno == EINTR)
        ;
}

static void *forker(void *unused)
{
    tl_signal_scope_enter(apart.scope, apart.may_bind);
    for (;;) {
        wait_for(&apart.asked);
        apart.pid = make();
        apart.error = errno;
        sem_post(&apart.made);
    }
    return unused;
}

void tl_apart_begin(bool may_bind)
{
    pthread_t thread;
    sigset_t all, before;
    if (apart.open || (apart.scope = tl_signal_scope_open(false)) < 0)
        return;
    apart.may_bind = may_bind;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    apart.open = !sem_init(&apart.asked, 0, 0) && !sem_init(&apart.made, 0, 0) &&
                 !pthread_create(&thread, NULL, forker, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (apart.open)
        pthread_detach(thread);
}

pid_t tl_apart_fork(void (*run)(void *argument), void *argument, bool untraced)
{
    apart.run = run;
    apart.argument = argument;
    apart.untraced = untraced;
    if (!apart.open)
        return make();
    sem_post(&apart.asked);
    wait_for(&apart.made);
    errno = apart.error;
    return apart.pid;
}
