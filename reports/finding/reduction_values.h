/* What a reduction says of values, sizes and versions, in sentences: the same in a report and in the terminal. */
#ifndef TL_REPORTS_FINDING_REDUCTION_VALUES_H
#define TL_REPORTS_FINDING_REDUCTION_VALUES_H

#include <jansson.h>
#include <stdbool.h>

/* A list of texts, the caller's; code: names stand as code of Markdown. */
json_t *tl_reduction_sentences(const json_t *reduction, bool code);

/* What a reproducer that was run says against a reduction: of entries of "proved" that of the failing side. Where it did not do as
 * reported each time nothing is minimal and no size a threshold, and where it never did nothing is confirmed. True: something was
 * taken back, and `unproved` says by which program. */
bool tl_reduction_take_back(json_t *reduction, const json_t *proved);

/* What stands behind the number of nodes of the model that is fed from the original's inputs: whether they are the fewest. */
const char *tl_reduction_structural_words(const json_t *reduction);

#endif
