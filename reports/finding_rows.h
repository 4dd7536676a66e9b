/* What was measured next to the minimal variant. */
#ifndef TL_REPORTS_FINDING_ROWS_H
#define TL_REPORTS_FINDING_ROWS_H

#include <jansson.h>

/* Of the variants that are the minimal one but for one axis, from the path: rows of
 * {"axis","value" (null: the minimal variant itself),"match","other","pass","unsupported","lost"}. Over
 * builds a row is a build, and its axis "build". */
json_t *tl_report_rows(const json_t *finding);

#endif
