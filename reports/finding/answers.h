/* What a finding says beside its trigger, in words: needs, other triggers, places in the code. As inline text
 * (reports/page/page.h); a terminal takes the marks out. */
#ifndef TL_REPORTS_FINDING_ANSWERS_H
#define TL_REPORTS_FINDING_ANSWERS_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* "`a=1`, `b in {2, 3}` and `c=4`": the entries of a trigger. */
void tl_words_trigger(struct tl_buffer *b, const json_t *finding, const json_t *trigger);
/* "`padding=constant`, which the failing variant has at its baseline": a list as "needs" is one. */
void tl_words_needs(struct tl_buffer *b, const json_t *finding, const json_t *needs);
/* One of them, with the values that fail and pass. */
void tl_words_need(struct tl_buffer *b, const json_t *finding, const json_t *need);
/* "`tail=matmul` and `hidden=2`, needs also …": one of "or". */
void tl_words_cause(struct tl_buffer *b, const json_t *finding, const json_t *cause);

/* "at `f ← g`, which may be another bug": of one of "or" that shows at another place; else nothing, and false. */
bool tl_words_cause_place(struct tl_buffer *b, const json_t *finding, const json_t *cause);

/* The kind of the failure, of which every place is one: "SIGFPE in execute", and "any SIGFPE in execute". Plain
 * text. */
void tl_words_kind(struct tl_buffer *b, const json_t *finding);
void tl_words_any(struct tl_buffer *b, const json_t *finding);
/* How many places there are in the document, and the signature by which the strict answer was found. */
size_t tl_finding_places(const json_t *finding);
const json_t *tl_finding_first_place(const json_t *finding);
/* "with `op=Mod`, `size=2`": what all trials that showed the place of the strict answer had in common, of the
 * axes of its trigger that the wide answer does without. Nothing, and false, where there is no such axis. */
bool tl_words_only_with(struct tl_buffer *b, const json_t *finding);
/* "f ← g, 1 frame from the fault": the innermost frame that all places share. Nothing, and false, when none
 * is known. */
bool tl_words_common_frame(struct tl_buffer *b, const json_t *finding);
/* Whether a place is the failure that was isolated first, the same bug or another one, and what says so. Plain
 * text. */
void tl_words_relation(struct tl_buffer *b, const json_t *finding, const json_t *place);
/* Why it may be two bugs, a sentence; NULL where nothing says so. */
const char *tl_words_may_be_two(const json_t *finding);

#endif
