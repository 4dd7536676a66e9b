/* Where a site is put together, and how it becomes the target. */
#ifndef TL_SITE_PLACE_H
#define TL_SITE_PLACE_H

#include "harness/base/error.h"
#include "harness/base/staging.h"

/* Refuses a target that is not ours, and makes a directory beside it. */
int tl_site_stage(const char *target, struct tl_staging *stage, struct tl_error *e);
/* Makes it the target, in place of an older site, which is removed. The stage is ended, after a failure too.
 */
int tl_site_publish(const char *target, struct tl_staging *stage, struct tl_error *e);

#endif
