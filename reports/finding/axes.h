/* The variant and the axes of a finding's document.
 *
 * An axis is {"name", "kind", and either "range": [first, last] or "values": [simplest, …]}; where its values are sets, these
 * are those that stand for all. */
#ifndef TL_REPORTS_FINDING_AXES_H
#define TL_REPORTS_FINDING_AXES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The variant a report is about: the minimal one, or the one that was run (over builds). May be NULL. */
const json_t *tl_report_variant(const json_t *finding);
/* The axis of this name, and its place in the case in *at (NULL: not asked for); NULL when there is none. */
const json_t *tl_axis_named(const json_t *finding, const char *name, size_t *at);
/* How far a value is from the simplest one, in steps; negative when it is no value of the axis. */
double tl_axis_place(const json_t *axis, const json_t *value);

/* Whether its values are, or may be, ones along which the failure is monotone. */
bool tl_axis_is_ordered(const json_t *axis);

#endif
