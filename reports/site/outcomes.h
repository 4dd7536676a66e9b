/* Outcomes of trials as letters, counts, cells and bars; and, beside them, a pass where a failure is right, which is a failure and no
 * wrong result. */
#ifndef TL_SITE_OUTCOMES_H
#define TL_SITE_OUTCOMES_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <stdbool.h>
#include <stdint.h>

#define TL_SITE_UNEXPECTED TL_OUTCOME_COUNT /* such a pass; what is less is an enum tl_outcome */
#define TL_SITE_OUTCOMES (TL_OUTCOME_COUNT + 1)

bool tl_site_is_failure(int o);
const char *tl_site_outcome_name(int o); /* "crash", "unexpected pass" */
/* The letter of an outcome in its colour, with its name for those who do not see it. */
void tl_site_mark(struct tl_buffer *b, int o);
char tl_site_letter(int o);
const char *tl_site_class(int o); /* its class in site.css */
void tl_site_legend(struct tl_buffer *b);
/* The outcome that stands for many: the most frequent of the failures; else pass, else unsupported. */
int tl_site_worst(const uint64_t by_outcome[TL_SITE_OUTCOMES], uint64_t *failed);
/* "3 crash, 37 pass" */
void tl_site_counts(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES]);
/* A table cell of such sums; link: what it leads to, already escaped. */
void tl_site_cell(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES], const char *link);
void tl_site_bar(struct tl_buffer *b, const uint64_t by_outcome[TL_SITE_OUTCOMES]); /* shares, as a picture */

#endif
