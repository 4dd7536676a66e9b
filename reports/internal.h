/* Shared by the files that make a report. */
#ifndef TL_REPORT_INTERNAL_H
#define TL_REPORT_INTERNAL_H

#include "harness/base/buffer.h"
#include "reports/members.h"

#include <jansson.h>
#include <stdbool.h>

/* The variant a report is about: the minimal one, or the one that was run (over builds). May be NULL. */
const json_t *tl_report_variant(const json_t *finding);

/* One line that names the failure, plain text; the caller's. */
char *tl_report_title(const json_t *finding);

/* The content of a report (page.h), without what only one format has. */
json_t *tl_report_page(const json_t *report);

/* What was measured of the variants that are the minimal one but for one axis, from the path: rows of
 * {"axis","value" (null: the minimal variant itself),"match","other","pass","unsupported","lost"}. Over
 * builds a row is a build, and its axis "build". */
json_t *tl_report_rows(const json_t *finding);

/* The search as a drawing; NULL when there is no path. */
char *tl_report_svg(const json_t *finding);

/* The boundary that a finding of kind "frontier" found, as a drawing; NULL when it is another kind. The
 * caller's. */
char *tl_frontier_svg(const json_t *finding);

/* The minimal case of a finding: the case file with only the values that the minimal variant and its passing
 * neighbours have. The caller's. */
json_t *tl_minimal_case(const json_t *case_document, const json_t *finding);

#endif
