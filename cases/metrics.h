/* Numbers that the trials of a case tell besides their outcome: "metrics" (docs/case-files.md). */
#ifndef TL_METRICS_H
#define TL_METRICS_H

#include "cases/case.h"
#include "harness/base/record.h"

#define TL_METRICS_MOST 64 /* of a trial; more that a runner sends are dropped */

/* What a trial tells, {NAME: NUMBER} in the order of the case and then of the runner: what its result says, else the
 * last number that a regular expression finds in its stdout or, with none there, its stderr, as far as they are kept.
 * NULL when there is none. A new reference. */
json_t *tl_metrics_of(const struct tl_case *c, const struct tl_trial_record *r);
/* {NAME: UNIT} of those of the case that have one and are in `metrics`; NULL. A new reference. */
json_t *tl_metrics_units(const struct tl_case *c, const json_t *metrics);
/* A message in which the numbers that metrics name are "<n>", so that they tell no failures apart; NULL when it names
 * none of them. A new string. */
char *tl_metrics_masked(const struct tl_case *c, const char *message);
/* 12.5, 1e-3, -4, 0x1f, 198,400. False when the text does not begin with a number. */
bool tl_metric_number(const char *text, size_t size, double *number);

#endif
