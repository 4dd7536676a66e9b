/* The nights that a cell is compared with, for nightly_judge.c and nightly_measure.c. */
#ifndef TL_NIGHTLY_PAST_H
#define TL_NIGHTLY_PAST_H

#include "harness/campaign/nightly.h"

struct tl_nightly_past {
    size_t n;
    const struct tl_night_cell
        *list[24]; /* newest first; of the cell's history, each continued by the one before */
};
void tl_nightly_past(const struct tl_nightly_cell *c, struct tl_nightly_past *p);

/* Nights that this build (or OS) was run in succession, with tonight; 0 when it is all that was ever run. */
size_t tl_nightly_of_build(const struct tl_nightly_cell *c, const struct tl_nightly_past *past);

/* nightly_measure.c: whether the trials that pass take another time, or other memory. */
void tl_nightly_measure(struct tl_nightly_cell *c, const struct tl_nightly_past *past);

#endif
