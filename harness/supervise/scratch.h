/* The directory in which the scratch directories of a supervisor's trials are. */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes ROOT/trapline-PID-XXXXXX, only for this user, and removes those of supervisors that are gone.
 * Returns the path, the caller's to free, and in *lock a descriptor that is to stay open as long as the
 * directory is used (it tells other supervisors, also those in other pid namespaces, that it is); NULL with
 * *e filled. */
char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e);

/* Whether what is below a scratch directory has reached a size; 0: there is no limit. */
bool tl_scratch_is_over(const char *path, uint64_t limit);

/* Looks at the file system of a scratch directory: notes in *full when it has no room, and then in *own when most of
 * what is in it is below path. Both stay as they are otherwise. */
void tl_scratch_look(const char *path, bool *full, bool *own);

#endif
