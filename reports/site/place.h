/* Where a site is put together, and how it becomes the target. */
#ifndef TL_SITE_PLACE_H
#define TL_SITE_PLACE_H

#include "harness/base/error.h"

/* Refuses a target that is not ours, and makes a directory beside it; *lock is held while it is in use. */
int tl_site_stage(const char *target, char **stage, int *lock, struct tl_error *e);
/* Makes it the target, in place of an older site, which is removed. */
int tl_site_publish(const char *target, const char *stage, int lock, struct tl_error *e);
void tl_site_discard(const char *stage, int lock); /* removes it */

/* Lets two directories change places in one step; -1 where the file system cannot. In exchange_OS.c. */
int tl_site_exchange(const char *a, const char *b);

#endif
