/* Which death of a descendant a trial failed of.
 *
 * Theory of operation. A driver (a compiler's, a build tool, a script) tells the death of its child in its own
 * way: gcc exits with 4, clang with 254, node and xcrun with 1. What they have in common is that they fail,
 * and so does whatever waits for them. So a death is kept together with the process that has to fail next, its
 * parent. When that one exits with status 0 the death was dealt with (a probe, a worker that was replaced) and
 * is forgotten; so it is when the parent runs the same command again, which then succeeds. When the parent
 * fails, its own parent is the next. A death that has come up to a child of the trial's own process is what
 * that child failed of.
 *
 * A program may handle its fault and exit, as compilers do, or exit because its memory limit refused it what it
 * needs. Both are kept like a death; whether it is one is for the verdict to say. And a driver may raise the signal
 * of its child again: then the child's is the death.
 *
 * The end of a child is reported before its parent can know of it, so ends arrive in the order that is needed.
 */
#include "harness/supervise/deaths.h"

#include "harness/verdict/classify.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* The last signal at which a process was captured: a fault, or also one that was sent. NULL: none. */
static const struct tl_capture *last_capture(const struct tl_trial_record *r, pid_t pid)
{
    for (size_t i = r->n_captures; i-- > 0;)
        if (r->captures[i].pid == pid && r->captures[i].kind == TL_CAPTURE_SIGNAL)
            return &r->captures[i];
    return NULL;
}

static void keep(struct tl_deaths *d, struct tl_death death)
{
    if (d->n == TL_DEATHS_MOST)
        memmove(d->list, d->list + 1, --d->n * sizeof *d->list);
    d->list[d->n++] = death;
}

void tl_deaths_ended(struct tl_deaths *d, const struct tl_trial_record *r, pid_t pid, pid_t parent,
                     pid_t main, int status, const char *command, bool left_refused)
{
    const struct tl_capture *c = last_capture(r, pid);
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    bool failed = signal || WEXITSTATUS(status), raised_again = false;
    size_t kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct tl_death death = d->list[i];
        if (death.carrier == pid) {
            if (!failed)
                continue;
            death.carrier = parent;
            death.through = pid;
            snprintf(death.command, sizeof death.command, "%s", command);
            raised_again |= death.signal == signal && (!c || c->si_code <= 0);
        } else if (!failed && death.carrier == parent && *command && !strcmp(death.command, command)) {
            continue; /* another try has succeeded */
        }
        d->list[kept++] = death;
    }
    d->n = kept;
    int handled = !signal && failed && c && c->si_code > 0 ? c->signal : 0;
    if (signal ? (tl_signal_is_crash(signal) || signal == SIGKILL) && !raised_again
               : handled || left_refused) {
        struct tl_death death = {.pid = pid,
                                 .signal = signal ? signal : handled,
                                 .left_refused = left_refused,
                                 .exit_status = signal ? -1 : WEXITSTATUS(status),
                                 .carrier = parent,
                                 .through = pid};
        snprintf(death.command, sizeof death.command, "%s", command);
        keep(d, death);
    }
    if (parent == main)
        d->last_child = pid;
}

const struct tl_death *tl_deaths_passed_on(const struct tl_deaths *d, pid_t main)
{
    /* A program that handled a signal and failed may have lived with it all along, as virtual machines do: the
     * death of another one comes first. */
    for (int handled = 0; handled < 2; handled++)
        for (size_t i = d->n; i-- > 0;)
            if (d->list[i].carrier == main && d->list[i].through == d->last_child &&
                (handled || d->list[i].exit_status < 0))
                return &d->list[i];
    return NULL;
}
