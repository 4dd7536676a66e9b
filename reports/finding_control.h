/* What was seen to work next to a failure. */
#ifndef TL_REPORTS_FINDING_CONTROL_H
#define TL_REPORTS_FINDING_CONTROL_H

#include "reports/finding_sections.h"

/* The decisive pair whose passing side is the control; the first one when none is. NULL when no pair's passes are more
 * than luck. */
const json_t *tl_control_pair(const struct tl_sections *r);

#endif
