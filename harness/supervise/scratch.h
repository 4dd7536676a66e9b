/* The directory in which the scratch directories of a supervisor's trials are. */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include "harness/base/error.h"

/* Makes ROOT/trapline-PID-XXXXXX, only for this user, and removes those of supervisors that are gone.
 * Returns the path, the caller's to free, and in *lock a descriptor that is to stay open as long as the
 * directory is used (it tells other supervisors, also those in other pid namespaces, that it is); NULL with
 * *e filled. */
char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e);

#endif
