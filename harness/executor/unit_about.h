/* What a runner says of its axes, for people. */
#ifndef TL_UNIT_ABOUT_H
#define TL_UNIT_ABOUT_H

#include "harness/executor/unit.h"

#include <jansson.h>
#include <stdbool.h>

/* Whether an entry of "axes" in a runner's description is of the axis of that name: it is the name, or an object that
 * has it as "name". */
bool tl_unit_axis_is(const json_t *entry, const char *axis);
/* {"about": TEXT, "about_values": {VALUE: TEXT}}, each only where the runner says it in a form that can be shown. A new
 * reference; NULL where it says nothing. */
json_t *tl_unit_about_axis(const struct tl_unit *u, const char *axis);

#endif
