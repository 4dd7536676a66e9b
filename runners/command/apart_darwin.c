/* A step on macOS leads a session of its own, and no more: there is no scope of signals (harness/base/signal_scope.h), so
 * that kill(-1) of a step reaches the runner. */
#include "runners/command/apart.h"

#include <unistd.h>

void tl_apart_begin(bool may_bind)
{
    (void)may_bind;
}

pid_t tl_apart_fork(void (*run)(void *argument), void *argument, bool untraced)
{
    (void)untraced; /* nothing is traced */
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        run(argument);
        _exit(126);
    }
    return pid;
}
