/* The conditions of an entry of "expected" or "known" of a case: the variants and the units that it is about. */
#ifndef TL_CASE_CONDITIONS_H
#define TL_CASE_CONDITIONS_H

#include <jansson.h>
#include <stdbool.h>

/* Whether "when" and "unit" of an entry, which was checked, hold. variant: of every axis. unit: RUNNER[@BUILD]:DEVICE. */
bool tl_conditions_hold(const json_t *entry, const json_t *variant, const char *unit);

#endif
