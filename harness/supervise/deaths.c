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
 * needs. Both are kept like a death; whether it is one is for the verdict to say. And a driver may raise the
 * signal of its child again, after that: then the child's is the death.
 *
 * Of several deaths the cause is the first one: who sees the end of a pipe, or is told that its parent is gone,
 * dies of the death of another. A process whose signal came when its parent had begun to end is no reason why
 * the parent failed. One that died before another one was made was dealt with: somebody went on.
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

/* Whether a process raised a signal after a child of it had died of the same. */
static bool is_raised_again(const struct tl_death *death, const struct tl_capture *c, int signal)
{
    return death->signal == signal && (!c || (tl_capture_was_sent(c) && death->died_ns <= c->taken_ns));
}

void tl_deaths_ended(struct tl_deaths *d, const struct tl_trial_record *r, pid_t main,
                     const struct tl_ended *e)
{
    const struct tl_capture *c = last_capture(r, e->pid);
    int signal = WIFSIGNALED(e->status) ? WTERMSIG(e->status) : 0;
    bool failed = signal || WEXITSTATUS(e->status), raised_again = false;
    size_t kept = 0;
    for (size_t i = 0; i < d->n; i++) {
        struct tl_death death = d->list[i];
        if (death.carrier == e->pid) {
            if (!failed)
                continue;
            death.carrier = e->parent;
            death.through = e->pid;
            snprintf(death.command, sizeof death.command, "%s", e->command);
            raised_again |= is_raised_again(&death, c, signal);
        } else if (!failed && death.carrier == e->parent && *e->command &&
                   !strcmp(death.command, e->command)) {
            continue; /* another try has succeeded */
        }
        d->list[kept++] = death;
    }
    d->n = kept;
    int handled = !signal && failed && c && c->si_code > 0 ? c->signal : 0;
    uint64_t died_ns = c && c->signal == (signal ? signal : handled) ? c->taken_ns : 0;
    bool orphan = died_ns && e->parent_left_ns && died_ns > e->parent_left_ns;
    if (!orphan &&
        (signal ? (tl_signal_is_crash(signal) || signal == SIGKILL) && !raised_again : handled || e->left)) {
        struct tl_death death = {.pid = e->pid,
                                 .signal = signal ? signal : handled,
                                 .left = e->left,
                                 .exit_status = signal ? -1 : WEXITSTATUS(e->status),
                                 .carrier = e->parent,
                                 .through = e->pid,
                                 .born_ns = e->born_ns,
                                 .died_ns = died_ns ? died_ns : e->now_ns};
        snprintf(death.command, sizeof death.command, "%s", e->command);
        keep(d, death);
    }
    if (e->parent == main)
        d->last_child = e->pid;
}

static bool has_come_up(const struct tl_deaths *d, const struct tl_death *death, pid_t main, bool handled)
{
    return death->carrier == main && death->through == d->last_child && (handled || death->exit_status < 0);
}

const struct tl_death *tl_deaths_passed_on(const struct tl_deaths *d, pid_t main)
{
    /* A program that handled a signal and failed may have lived with it all along, as virtual machines do: the
     * death of another one comes first. */
    for (int handled = 0; handled < 2; handled++) {
        const struct tl_death *cause = NULL;
        for (size_t i = d->n; i-- > 0;) {
            const struct tl_death *death = &d->list[i];
            if (!has_come_up(d, death, main, handled))
                continue;
            if (death->pid == d->last_child)
                return death;
            if (!cause || (death->died_ns < cause->died_ns && death->died_ns > cause->born_ns))
                cause = death;
        }
        if (cause)
            return cause;
    }
    return NULL;
}
