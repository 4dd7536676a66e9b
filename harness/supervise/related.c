#include "harness/supervise/signature.h"

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

bool tl_failure_related(const struct tl_trial_record *a, const struct tl_trial_record *b)
{
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
