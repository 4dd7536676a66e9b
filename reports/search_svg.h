/* The path of a search as a drawing. */
#ifndef TL_REPORTS_SEARCH_SVG_H
#define TL_REPORTS_SEARCH_SVG_H

#include <jansson.h>

char *tl_report_svg(const json_t *finding); /* the caller's; NULL when there is no path */

#endif
