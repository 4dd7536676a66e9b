/* What the failing variant of an isolation does once on each of several units, before anything is searched.
 */
#ifndef TL_SCAN_H
#define TL_SCAN_H

#include "harness/campaign/isolation.h"

#define TL_SCAN_MOST 1024 /* units of one scan */

/* Runs the failing variant once on units[at[i]] for each i, in processes of their own, and says which of them
 * shows the gravest failure: SIZE_MAX when none fails. seen: one for each i. */
int tl_scan_run(struct tl_campaign_isolation *s, const size_t *at, size_t n, struct tl_driver_trial *seen,
                size_t *gravest, struct tl_error *e);

#endif
