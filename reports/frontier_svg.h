/* The boundary that a finding of kind "frontier" found, as a drawing. */
#ifndef TL_REPORTS_FRONTIER_SVG_H
#define TL_REPORTS_FRONTIER_SVG_H

#include <jansson.h>

char *tl_frontier_svg(const json_t *finding); /* the caller's; NULL when it is of another kind */

#endif
