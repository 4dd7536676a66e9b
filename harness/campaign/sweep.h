/* Looks for a failing variant when none is given. */
#ifndef TL_SWEEP_H
#define TL_SWEEP_H

#include "harness/campaign/isolation.h"
#include "harness/campaign/stored.h"

struct tl_sweep {
    struct tl_executor *x;
    bool known, fresh; /* the trial that decides was known before; it was a process of its own */
    struct tl_stored_aside aside;
    struct tl_variant *variants; /* that hold all pairs of values */
    size_t n_variants, n;        /* n: of those, the ones that may be tried */
    size_t ended, unsupported;   /* trials */
    size_t not_judged;           /* of the unsupported ones */
    char *why_not_judged;        /* the first of them */
    bool found;
    size_t at; /* found: the variant */
};

/* What is to be tried; release with tl_sweep_free, also after a failure. */
int tl_sweep_plan(struct tl_sweep *w, const struct tl_campaign_isolation *s, struct tl_error *e);
/* Runs it on the first unit until something fails: then found is set, and the failing variant of s. */
int tl_sweep_run(struct tl_sweep *w, struct tl_campaign_isolation *s, struct tl_error *e);
void tl_sweep_free(struct tl_sweep *w);

#endif
