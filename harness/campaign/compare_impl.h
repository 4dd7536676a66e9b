/* The inside of a comparison: compare.c, compare_trials.c. */
#ifndef TL_CAMPAIGN_COMPARE_IMPL_H
#define TL_CAMPAIGN_COMPARE_IMPL_H

#include "harness/campaign/compare.h"

/* The place of a side, which is added when it is new. name: NULL or "" for the key itself. */
size_t tl_compare_add_side(struct tl_compare *c, const char *key, const char *name);
/* Makes rows, cells and labels of the trials of a selection, and sides where none were named. */
int tl_compare_read(struct tl_compare *c, struct tl_store *s, const struct tl_filter *f,
                    const struct tl_compare_only *only, struct tl_error *e);

#endif
