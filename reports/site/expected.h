/* Outcomes beside what their cases expect. */
#ifndef TL_SITE_EXPECTED_H
#define TL_SITE_EXPECTED_H

#include "db/site.h"
#include "reports/site/impl.h"

/* The outcome that a cell counts as (reports/site/outcomes.h). */
int tl_site_shown(struct tl_site *w, const struct tl_site_cell *c);
/* Counts the sums of all cases anew where one of them expects something. */
int tl_site_correct_sums(struct tl_site *w, struct tl_error *e);

/* The stored document of the case of a cell; borrowed until the next call, NULL where it is not known. */
const json_t *tl_site_document_of(struct tl_site *w, const struct tl_site_cell *c);

#endif
