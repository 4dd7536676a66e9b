/* What was measured next to the minimal variant. */
#ifndef TL_REPORTS_FINDING_ROWS_H
#define TL_REPORTS_FINDING_ROWS_H

#include <jansson.h>

/* Of the variants that are the minimal one but for one axis, from the path: rows of
 * {"axis","value" (null: the minimal variant itself),"match","other","pass","unsupported","lost"}. Over
 * builds a row is a build, and its axis "build". */
json_t *tl_report_rows(const json_t *finding);
/* The row of this value of the axis (NULL: of the minimal variant); NULL when there is none. */
const json_t *tl_report_row(const json_t *rows, const char *axis, const json_t *value);
/* How often the variant of a row passed, when it never failed: 0 otherwise, and for no row. */
json_int_t tl_row_passes(const json_t *row);

#endif
