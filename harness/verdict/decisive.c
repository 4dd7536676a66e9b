#include "harness/verdict/decisive.h"

#include <string.h>

static bool has_stack(const struct tl_capture *c)
{
    return c->n_threads && c->threads[0].n_frames;
}

static bool is_survivable(const struct tl_capture *c)
{
    return c->action == TL_ACTION_HANDLED || c->action == TL_ACTION_IGNORED;
}

static uint64_t address_of(const struct tl_capture *c, const struct tl_frame *f)
{
    return f->offset + (f->module < c->n_modules ? c->modules[f->module].base : 0);
}

/* Whether the handler of an earlier signal still runs at a later one: the stack of its thread leads to the same
 * place, which the signal interrupted. What a stack cannot say is taken for so: the later one was raised. */
static bool is_in_handler(const struct tl_capture *later, const struct tl_capture *earlier)
{
    const struct tl_thread *t = NULL;
    for (size_t i = 0; i < later->n_threads && !t; i++)
        if (later->threads[i].tid == earlier->tid)
            t = &later->threads[i];
    if (!t || !t->n_frames || !has_stack(earlier))
        return true;
    uint64_t place = address_of(earlier, &earlier->threads[0].frames[0]);
    for (size_t i = 1; i < t->n_frames; i++)
        if ((t->frames[i].flags & TL_FRAME_SIGNAL) && address_of(later, &t->frames[i]) == place)
            return true;
    return t->truncated;
}

/* Whether a capture may be that of the death: of the main process (or, for a wrapper, of a descendant) at that
 * signal, of descendants of the one whose death was passed on. */
static bool is_candidate(const struct tl_capture *c, int signal, const struct tl_passed_on *passed)
{
    if (c->kind != TL_CAPTURE_SIGNAL || c->signal != signal || (passed ? c->is_main : !c->is_main))
        return false;
    bool of_it = passed && passed->signal == signal;
    if (of_it && c->pid == passed->pid && passed->exit_status >= 0) /* it handled the signal and exited */
        return !c->outlived;
    return !is_survivable(c) && (!passed || (of_it ? c->pid == passed->pid : c->fatal));
}

/* Whether a later capture tells more of the death than an earlier one. One that nothing was going to handle is the
 * death; else the last one is. But one without a stack was taken when the process was going already, killed by a
 * fault of another thread that was captured before. */
static bool is_better(const struct tl_capture *later, const struct tl_capture *earlier)
{
    if (has_stack(later) != has_stack(earlier))
        return has_stack(later);
    return later->pid == earlier->pid && earlier->action != TL_ACTION_DEFAULT;
}

/* The capture that tells what a process died of; -1: none does, and no stack is better than another one's. A
 * handler that puts the default action back and raises the signal again makes a second stop; the first one, in the
 * same thread, is where it happened. */
int tl_decisive_of_crash(const struct tl_trial_record *r, int signal, const struct tl_passed_on *passed)
{
    int at = -1;
    for (size_t i = 0; i < r->n_captures; i++)
        if (is_candidate(&r->captures[i], signal, passed) &&
            (at < 0 || is_better(&r->captures[i], &r->captures[at])))
            at = (int)i;
    if (at < 0)
        return -1;
    for (int i = at - 1; i >= 0 && tl_capture_was_sent(&r->captures[at]); i--) {
        const struct tl_capture *c = &r->captures[i], *raised = &r->captures[at];
        if (c->kind == TL_CAPTURE_SIGNAL && !c->outlived && c->signal == signal && c->pid == raised->pid &&
            (c->tid == raised->tid || raised->sender_pid == raised->pid) && is_in_handler(raised, c))
            at = i;
    }
    r->captures[at].fatal = true;
    return at;
}

bool tl_runs_steps(const struct tl_capture *c)
{
    const char *slash = c->exe ? strrchr(c->exe, '/') : NULL;
    return c->is_main && slash && !strcmp(slash, "/trapline-command");
}

/* How many parents a process has that only wait for a child, up to the trial's own; -1 when one of them does
 * something else, or it descends from none of them. */
static int depth_behind_waits(const struct tl_trial_record *r, const struct tl_capture *c)
{
    for (int depth = 0; depth <= (int)r->n_captures; depth++) {
        if (c->is_main)
            return depth;
        const struct tl_capture *parent = NULL;
        for (size_t i = 0; i < r->n_captures && !parent; i++)
            if (r->captures[i].kind == TL_CAPTURE_HANG && r->captures[i].pid == c->parent)
                parent = &r->captures[i];
        if (!parent || !parent->awaits)
            return -1;
        c = parent;
    }
    return -1;
}

/* What hangs, and not what waits for it: the deepest process all of whose parents wait for a child, of
 * several one that waits for nothing of the kind, then the youngest. */
int tl_decisive_of_hang(const struct tl_trial_record *r)
{
    int best = -1, best_depth = -1, youngest = -1, any = -1;
    bool steps = false;
    for (size_t i = 0; i < r->n_captures; i++) {
        const struct tl_capture *c = &r->captures[i], *b = best < 0 ? NULL : &r->captures[best];
        if (c->kind != TL_CAPTURE_HANG)
            continue;
        if (any < 0)
            any = (int)i;
        steps |= tl_runs_steps(c);
        if (!c->is_main && (youngest < 0 || c->pid > r->captures[youngest].pid))
            youngest = (int)i;
        int depth = depth_behind_waits(r, c);
        if (depth < 0)
            continue;
        if (depth > best_depth ||
            (depth == best_depth && (c->awaits != b->awaits ? b->awaits : c->pid > b->pid))) {
            best = (int)i;
            best_depth = depth;
        }
    }
    if (best_depth < 1 && steps && youngest >= 0) /* its step has left the family */
        return youngest;
    return best >= 0 ? best : any;
}
