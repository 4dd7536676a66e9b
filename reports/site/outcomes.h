/* Outcomes of trials as letters, counts, cells and bars. */
#ifndef TL_SITE_OUTCOMES_H
#define TL_SITE_OUTCOMES_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <stdint.h>

/* The letter of an outcome in its colour, with its name for those who do not see it. */
void tl_site_mark(struct tl_buffer *b, enum tl_outcome o);
char tl_site_letter(enum tl_outcome o);
void tl_site_legend(struct tl_buffer *b);
/* The outcome that stands for many: the most frequent of the failures; else pass, else unsupported. */
enum tl_outcome tl_site_worst(const uint64_t by_outcome[TL_OUTCOME_COUNT], uint64_t *failed);
/* "3 crash, 37 pass" */
void tl_site_counts(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT]);
/* A table cell of such sums; link: what it leads to, already escaped. */
void tl_site_cell(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT], const char *link);
void tl_site_bar(struct tl_buffer *b, const uint64_t by_outcome[TL_OUTCOME_COUNT]); /* shares, as a picture */

#endif
