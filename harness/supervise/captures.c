/* Theory of operation. A runtime that lives on handled faults is captured only a few times, but a signal that
 * nothing handles always is, whatever came before it: it is the death. So when the record is full a capture gives
 * way that can be no death, then one of a death that its parent has dealt with, the oldest first. Of deaths that
 * all may matter the last but one goes: the first ones are causes, and the last is what came of it all.
 *
 * A signal that nothing was going to handle ends the process, in the order in which things happened. It may be
 * told otherwise: while the thread that took it was stopped, another one called exit(). The exit status is then an
 * effect of being watched, and the signal is what counts. */
#include "harness/supervise/captures.h"

#include "harness/base/buffer.h"

#include <string.h>
#include <sys/wait.h>

static bool is_survivable(const struct tl_capture *c)
{
    return c->action == TL_ACTION_HANDLED || c->action == TL_ACTION_IGNORED;
}

/* Somebody went on after it: another process was made, and died. */
static bool was_dealt_with(const struct tl_deaths *d, const struct tl_death *death)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].born_ns > death->died_ns)
            return true;
    return false;
}

/* Whether a death may still be what the trial fails of. */
static bool is_pending(const struct tl_deaths *d, const struct tl_capture *c)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].pid == c->pid)
            return !was_dealt_with(d, &d->list[i]);
    return c->is_main || !c->fatal; /* of one that has not ended its death is not known yet */
}

static size_t least_important(const struct tl_trial_record *r, const struct tl_deaths *d)
{
    for (size_t i = 0; i < r->n_captures; i++)
        if (r->captures[i].kind == TL_CAPTURE_SIGNAL && is_survivable(&r->captures[i]))
            return i;
    for (size_t i = 0; i < r->n_captures; i++)
        if (r->captures[i].kind == TL_CAPTURE_SIGNAL && !is_pending(d, &r->captures[i]))
            return i;
    return r->n_captures - 1;
}

void tl_captures_add(struct tl_trial_record *r, const struct tl_deaths *d, struct tl_capture *c)
{
    if (r->n_captures >= TL_CAPTURES_MOST && c->kind == TL_CAPTURE_SIGNAL) {
        size_t at = least_important(r, d);
        if (at == r->n_captures - 1 && is_survivable(c)) { /* nothing is less important than this one */
            tl_capture_free(c);
            *c = (struct tl_capture){0};
            return;
        }
        tl_capture_free(&r->captures[at]);
        memmove(r->captures + at, r->captures + at + 1, (r->n_captures - at - 1) * sizeof *r->captures);
        r->n_captures--;
    }
    *TL_GROW(r->captures, r->n_captures) = *c;
    *c = (struct tl_capture){0};
}

static const struct tl_capture *in_hand(const struct tl_trial_record *r, int pid)
{
    for (size_t i = r->n_captures; i-- > 0;) {
        const struct tl_capture *c = &r->captures[i];
        if (c->kind == TL_CAPTURE_SIGNAL && c->pid == pid && c->action == TL_ACTION_DEFAULT)
            return c;
    }
    return NULL;
}

int tl_captures_end(struct tl_trial_record *r, int pid, int status)
{
    const struct tl_capture *certain = in_hand(r, pid);
    if (WIFEXITED(status) && certain)
        status = certain->signal;
    if (WIFSIGNALED(status))
        for (size_t i = 0; i < r->n_captures; i++) {
            struct tl_capture *c = &r->captures[i];
            if (c->pid == pid && c->signal == WTERMSIG(status) && !is_survivable(c))
                c->fatal = true;
        }
    return status;
}

bool tl_captures_have_death(const struct tl_trial_record *r, int pid, int signal)
{
    const struct tl_capture *c = in_hand(r, pid);
    return c && c->signal == signal;
}

void tl_captures_outlived(struct tl_trial_record *r, int pid, int signal)
{
    for (size_t i = 0; i < r->n_captures; i++)
        if (r->captures[i].pid == pid && r->captures[i].signal == signal)
            r->captures[i].outlived = true;
}

void tl_captures_exec(struct tl_trial_record *r, int pid)
{
    for (size_t i = 0; i < r->n_captures; i++) {
        struct tl_capture *c = &r->captures[i];
        if (c->pid != pid)
            continue;
        c->outlived = true; /* no handler of the old program runs in the new one */
        if (c->action == TL_ACTION_DEFAULT)
            c->action = TL_ACTION_IGNORED;
    }
}
