/* A stopped thread goes on, or its trial is lost.
 *
 * Theory of operation. That PTRACE_CONT fails means, nearly always, that the thread is being killed: it has left its stop by
 * itself, and its end will be told. Where it still is where it was, nobody else will ever let it go: it would stand there
 * until a deadline made a hang of it, which it is not. It is asked for once more. If that fails as well, its process is killed,
 * and what is known of the trial is that it was lost, and why.
 *
 * A thread that was woken to be killed stops once more, at its end, and to let it go from there would lose that event. So it is
 * where it was only when wait4 has nothing to tell of it.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/base/buffer.h"
#include "harness/supervise/server.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static bool is_stopped(pid_t tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
    char *text = tl_read_file(path, 4096, NULL);
    if (!text)
        return errno != ENOENT && errno != ESRCH;
    const char *end = strrchr(text, ')');
    bool stopped = end && end[1] == ' ' && end[2] == 't';
    free(text);
    return stopped;
}

bool tl_tracee_stays(pid_t tid)
{
    siginfo_t info = {0};
    return is_stopped(tid) &&
           !waitid(P_PID, (id_t)tid, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT | __WALL) && !info.si_pid;
}

static bool restart(pid_t tid, enum __ptrace_request request, int signal)
{
    return !ptrace(request, tid, 0, (void *)(intptr_t)signal);
}

void tl_tracee_restart(struct tl_tracee *t, int request, int signal)
{
    enum __ptrace_request how = (enum __ptrace_request)request;
    if (restart(t->tid, how, signal))
        return;
    int err = errno;
    if (!tl_tracee_stays(t->tid) || restart(t->tid, how, signal))
        return;
    struct tl_process *p = t->process;
    struct tl_error e;
    t->held = true; /* overdue_linux.c tries it again */
    t->held_signal = 0;
    t->held_group = false;
    if (p &&
        t->at_end) { /* it cannot be killed any more, and whoever waits for it waits in vain: it is given up at once */
        p->killed = true;
        p->killed_ns = 0;
    }
    if (p && p->trial) {
        tl_fail_errno(&e, TL_ERROR_ENVIRONMENT, err, "cannot let a thread go on", "ptrace",
                      "`trapline doctor` says what forbids it");
        tl_trial_lose(p->trial, &e);
    } else if (p && p->server) {
        tl_server_kill(p->server);
    } else {
        kill(t->tid, SIGKILL);
    }
}
