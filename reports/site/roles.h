/* What a variant is to its case, and sums of trials that keep the failing variant, the baseline and all others apart: a crash
 * that always happens is "3/3" beside a baseline that passes, and never "3/6". */
#ifndef TL_SITE_ROLES_H
#define TL_SITE_ROLES_H

#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "harness/base/record.h"
#include "reports/site/outcomes.h"

#include <jansson.h>
#include <stdbool.h>

/* What a reduction has tried of a model is no variant of the case: all of it together is one thing that was done with it. */
enum tl_site_role { TL_SITE_FAILING, TL_SITE_BASELINE, TL_SITE_OTHER, TL_SITE_REDUCTION, TL_SITE_ROLES };

/* By the case's document as it is stored, which may be NULL: then nothing is known, and every variant is another. */
enum tl_site_role tl_site_role_of(const json_t *document, const json_t *variant);
const char *tl_site_role_name(enum tl_site_role role); /* "" for another */

struct tl_site_roles {
    uint64_t by_outcome[TL_SITE_ROLES][TL_SITE_OUTCOMES]; /* trials, by role */
    uint64_t others, others_failed;                       /* variants */
    char last[TL_ID_SIZE];                                /* of the others */
    bool last_failed;
};
/* Trials of one variant come one after the other. */
void tl_site_roles_add(struct tl_site_roles *r, enum tl_site_role role, const char *variant_hash, int outcome,
                       uint64_t trials);
/* A line for each role that was tried. */
void tl_site_roles_lines(struct tl_buffer *b, const struct tl_site_roles *r);
/* A cell of a table with these lines; link: what it leads to, already escaped. */
void tl_site_roles_cell(struct tl_buffer *b, const struct tl_site_roles *r, const char *link);

#endif
