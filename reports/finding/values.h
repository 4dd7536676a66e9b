/* Which values of an axis fail, in words. axis is a member of the document's "axes" (axes.h). */
#ifndef TL_REPORTS_FINDING_VALUES_H
#define TL_REPORTS_FINDING_VALUES_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* "5", "{5, 7}", "{4 to 8, 16}": the values in their order, plain text, at most `most` parts of them. */
void tl_words_set(struct tl_buffer *b, const json_t *axis, const json_t *values, size_t most);
/* "even, from 4 on": what values that fail have in common and those that pass have not, where every value was
 * tried. Nothing, and false, where no simple words are true of all of them. */
bool tl_words_pattern(struct tl_buffer *b, const json_t *axis, const json_t *fails, const json_t *passes);
/* "size in {4, 6, 8} (even, from 4 on)", "opset ≥ 19", "mode=slow", "pad up to 1": an entry of a trigger or of a need's
 * "any_of" as plain text. brief, for a title: "size even from 4 on". */
void tl_words_condition(struct tl_buffer *b, const json_t *finding, const json_t *entry, bool brief);
/* Whether the values that fail are known one by one, and are said as a set: those of a choice, and of an axis of which
 * every value was tried. */
bool tl_words_is_set(const json_t *finding, const json_t *entry);
/* Of a need: the last value that fails; NULL where that is the first one, so that there is no other. */
const json_t *tl_words_up_to(const json_t *finding, const json_t *entry);
/* Whether the values of an axis rise from the simplest one on (1) or fall (-1); 0 where they are no numbers. */
int tl_words_direction(const json_t *axis);
/* Whether an entry of a trigger is a sharp threshold behind which there are other values, that fail too. */
bool tl_words_is_threshold(const json_t *finding, const json_t *entry);
/* Whether an entry of a trigger fails with the simplest value too: then it is not shown to be needed. */
bool tl_words_fails_at_baseline(const json_t *finding, const json_t *entry);

#endif
