/* The report of a finding as a page. */
#ifndef TL_REPORTS_FINDING_PAGE_H
#define TL_REPORTS_FINDING_PAGE_H

#include "reports/extent.h"

#include <jansson.h>

/* The content of a report as blocks (reports/page/page.h), without what only one format has. */
json_t *tl_report_page(const json_t *report, enum tl_extent extent);

#endif
