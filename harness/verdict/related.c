
#include "harness/verdict/related.h"

#include "harness/base/last_words.h"

#include <signal.h>
#include <string.h>

#define CHAIN 12 /* innermost functions that are looked at */
#define DEEPER 4 /* calls by which one failure may be deeper than the other */
#define AGREE 3  /* functions that must agree from there on */

struct place {
    const char *path;
    uint64_t start;
};

/* The innermost functions of the thread that took the signal, as module and start; 0 when one of them has a
 * name, which says more than its place. */
static size_t chain_of(const struct tl_trial_record *r, struct place *chain)
{
    if (r->outcome != TL_OUTCOME_CRASH || !r->n_captures || !r->captures[0].n_threads)
        return 0;
    const struct tl_capture *c = &r->captures[0];
    const struct tl_thread *t = &c->threads[0];
    size_t n = 0;
    for (size_t i = 0; i < t->n_frames && n < CHAIN; i++) {
        const struct tl_frame *f = &t->frames[i];
        if (f->module >= c->n_modules || (f->flags & (TL_FRAME_GUESSED | TL_FRAME_WILD)) || !f->start)
            continue;
        const struct tl_module *m = &c->modules[f->module];
        bool named = t->symbols && t->symbols[i].n && t->symbols[i].symbols[0].function;
        if (named && n < AGREE)
            return 0;
        chain[n++] = (struct place){m->build_id[0] ? m->build_id : m->path ? m->path : "", f->start};
    }
    return n;
}

static bool agree(const struct place *a, const struct place *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i].start != b[i].start || strcmp(a[i].path, b[i].path))
            return false;
    return true;
}

/* The runner itself and libc are at the outer end of every stack: they say nothing. */
static bool is_runtime(const struct tl_capture *c, const struct tl_module *m)
{
    const char *slash = m->path ? strrchr(m->path, '/') : NULL;
    return slash && !(c->exe && !strcmp(c->exe, m->path)) && strncmp(slash, "/libc.so", 8) &&
           strncmp(slash, "/libc-", 6);
}

/* Frames without those at the outer end that are not the runtime's: a fork server's child has others there
 * than a process of its own. */
static size_t frames_of_runtime(const struct tl_capture *c, const struct tl_thread *t)
{
    size_t n = t->n_frames;
    while (n &&
           !(t->frames[n - 1].module < c->n_modules && is_runtime(c, &c->modules[t->frames[n - 1].module])))
        n--;
    return n;
}

/* How many of the runtime's outermost calls two first threads have in common, by the very place of each call.
 */
static size_t common_outer_calls(const struct tl_capture *a, const struct tl_capture *b)
{
    if (!a->n_threads || !b->n_threads)
        return 0;
    const struct tl_thread *x = &a->threads[0], *y = &b->threads[0];
    size_t nx = frames_of_runtime(a, x), ny = frames_of_runtime(b, y), n = 0;
    for (size_t i = 1; i <= nx && i <= ny; i++) {
        const struct tl_frame *f = &x->frames[nx - i], *g = &y->frames[ny - i];
        if (f->module >= a->n_modules || g->module >= b->n_modules || f->offset != g->offset)
            break;
        const struct tl_module *m = &a->modules[f->module], *o = &b->modules[g->module];
        if (strcmp(m->build_id, o->build_id) || strcmp(m->path ? m->path : "", o->path ? o->path : ""))
            break;
        n += is_runtime(a, m);
    }
    return n;
}

/* A loop without end is caught in another of its functions every time; what called it is the same. */
static bool same_hang(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    return a->outcome == TL_OUTCOME_HANG && b->outcome == TL_OUTCOME_HANG && a->phase == b->phase &&
           a->n_captures && b->n_captures && common_outer_calls(&a->captures[0], &b->captures[0]) >= AGREE;
}

bool tl_failure_is_bare(const struct tl_trial_record *r)
{
    if (r->outcome != TL_OUTCOME_CRASH && r->outcome != TL_OUTCOME_HANG)
        return false;
    for (size_t i = 0; i < r->n_captures && i < 1; i++)
        for (size_t k = 0; k < r->captures[i].n_threads; k++)
            if (r->captures[i].threads[k].n_frames)
                return false;
    /* A fault says nothing itself, and what stands on stderr is from before; abort() is called with a reason. */
    bool fault = r->signal == SIGSEGV || r->signal == SIGBUS || r->signal == SIGFPE;
    return fault || r->outcome == TL_OUTCOME_HANG || !r->message || tl_message_says_nothing(r->message);
}

bool tl_failure_related(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
    if (same_hang(a, b))
        return true;
    if (tl_failure_is_bare(a) || tl_failure_is_bare(b))
        return a->outcome == b->outcome && a->phase == b->phase && a->signal == b->signal;
    struct place x[CHAIN], y[CHAIN];
    if (a->outcome != b->outcome || a->phase != b->phase || a->signal != b->signal || a->message ||
        b->message)
        return false;
    size_t nx = chain_of(a, x), ny = chain_of(b, y);
    for (size_t skip = 0; skip <= DEEPER; skip++)
        if ((nx >= AGREE && ny >= skip + AGREE && agree(x, y + skip, AGREE)) ||
            (ny >= AGREE && nx >= skip + AGREE && agree(y, x + skip, AGREE)))
            return true;
    return false;
}
