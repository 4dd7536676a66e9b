/* What builds do, in words, as inline text (reports/page/page.h). */
#ifndef TL_REPORTS_FINDING_BUILDS_H
#define TL_REPORTS_FINDING_BUILDS_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* What a build does that was tried and says nothing of the failure: it does not take the model, as of an opset that it does
 * not know ("refuses the model"), or cannot be tried. NULL: it says something. */
const char *tl_build_refusal(const json_t *finding, const json_t *tried);
/* Whether a build took the model and did not fail as it is reported. */
bool tl_build_differs(const json_t *finding, const json_t *tried);
/* "`1.21.1` and older, except `1.17.0`: SIGABRT as well, without the message": a list of such texts, one for each thing
 * that builds do, those that fail as it is reported first. Empty where no build was tried. brief: without what they say. The
 * caller's. */
json_t *tl_words_builds(const json_t *finding, bool brief);
/* " Of the builds tried, it fails so from `1.16.3` to `1.22.0`, not in `1.16.2` before.": or nothing. */
void tl_words_since(struct tl_buffer *b, const json_t *finding);
/* Whether the newest build that is installed still fails: a sentence, or nothing where that is not said. */
void tl_words_newest(struct tl_buffer *b, const json_t *finding);

/* The first or the last build of a range that fails, among those that were tried: a search that ended early may not have
 * asked of all of them. NULL: it is not told. */
const char *tl_range_end(const json_t *finding, const json_t *range, bool last);

#endif
