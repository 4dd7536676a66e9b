/* Words for parts of a finding, as inline text (reports/page/page.h). */
#ifndef TL_REPORT_WORDS_H
#define TL_REPORT_WORDS_H

#include "harness/base/time_text.h"
#include "reports/members.h"
#include "reports/page/page.h"

void tl_words_names(struct tl_buffer *b, const json_t *names); /* a list of texts, each as code */
void tl_words_setting(struct tl_buffer *b, const char *axis, const json_t *value); /* axis=value, as code */
void tl_words_variant(struct tl_buffer *b, const json_t *variant);                 /* every axis of it */
/* The axis of a decisive pair with its value on one side, "passes" or "fails". */
void tl_words_side(struct tl_buffer *b, const json_t *pair, const char *side);
/* Where a variant differs from another, in axes that something reads. */
void tl_words_difference(struct tl_buffer *b, const json_t *finding, const json_t *variant,
                         const json_t *from);
/* "6 of 6 runs": how many runs of the minimal variant, or of the one that differs from it in this axis, ended
 * in this way ("match", "pass"). rows are tl_report_rows; axis may be NULL. */
void tl_words_runs(struct tl_buffer *b, const json_t *rows, const char *axis, const json_t *value,
                   const char *outcome);
/* Whether the variant of a row (rows.h) passes for all that is known: it never failed, its passes are
 * more than luck, something reads its axis, and its value is not inside a band. */
bool tl_words_row_passes(const json_t *finding, const json_t *row);
/* The same of the passing side of a decisive pair. */
bool tl_words_pair_counts(const json_t *finding, const json_t *rows, const json_t *pair);
/* "2 of 9 trials are stored outcomes of runs from … to …": what of the answer was known before it was asked for, the
 * times in this form; else nothing. Plain text. */
void tl_words_stored(struct tl_buffer *b, const json_t *finding, enum tl_time_form form);
/* Where the kind of process makes a difference: how often it failed in each, without a full stop; else nothing. */
void tl_words_processes(struct tl_buffer *b, const json_t *finding);
/* How something of the outcome `error` ends: with an error, or killed by a signal that is no crash. Plain text. */
void tl_words_error(struct tl_buffer *b, const json_t *failure);
char *tl_words_summary(const json_t *finding); /* the caller's */

/* "2 of 8 elements together: `k_proj`, `up_proj`", of a trigger whose axis is a set; at most so many are named. */
void tl_words_elements(struct tl_buffer *b, const json_t *finding, const json_t *entry, size_t most);

#endif
