/* What a reduction says of values, sizes and versions, in sentences: the same in a report and in the terminal. */
#ifndef TL_REPORTS_FINDING_REDUCTION_VALUES_H
#define TL_REPORTS_FINDING_REDUCTION_VALUES_H

#include <jansson.h>
#include <stdbool.h>

/* A list of texts, the caller's; code: names stand as code of Markdown. */
json_t *tl_reduction_sentences(const json_t *reduction, bool code);

#endif
