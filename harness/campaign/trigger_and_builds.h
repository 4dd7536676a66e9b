/* A search over builds after one for the trigger (`isolate --over trigger,build`). */
#ifndef TL_TRIGGER_AND_BUILDS_H
#define TL_TRIGGER_AND_BUILDS_H

#include "harness/campaign/isolation.h"

/* After tl_isolation_run of s: searches over builds on each runner and device of the units that the texts name, where
 * the failure showed, and makes of the documents those of both: with the minimal variant, of which the axes of the trigger are
 * as in the failing one, where that fails in the same way every time; else with the failing one. One over builds that
 * belongs to none of them is appended. -1 with *e: the documents hold what was found all the same. */
int tl_isolation_run_over(const struct tl_campaign_isolation *s, const char *const *texts, size_t n,
                          json_t *documents, struct tl_error *e);

#endif
