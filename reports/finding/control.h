/* What was seen to work next to a failure. */
#ifndef TL_REPORTS_FINDING_CONTROL_H
#define TL_REPORTS_FINDING_CONTROL_H

#include "reports/finding/sections.h"

/* Of these rows (rows.h) that of the control: borrowed. NULL when no passes are more than luck. */
const json_t *tl_control_row(const struct tl_sections *r, const json_t *rows);

#endif
