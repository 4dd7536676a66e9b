/* Scratch directories: made for each trial, measured while it runs, removed after it, whatever it left there.
 */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include "harness/base/error.h"

#include <stdint.h>

/* Makes ROOT/trapline-PID-XXXXXX, only for this user, and removes those of supervisors that are gone.
 * Returns the path, the caller's to free, and in *lock a descriptor that is to stay open as long as the
 * directory is used (it tells other supervisors, also those in other pid namespaces, that it is); NULL with
 * *e filled. */
char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e);

/* Removes a tree without following links, also when its permissions were changed; bounded descriptors, no
 * recursion in our own stack. Returns 0, or -1 with errno when something is left. */
int tl_scratch_remove(const char *path);

/* Bytes allocated below path (not following links), counting stops at `enough`. */
uint64_t tl_scratch_bytes(const char *path, uint64_t enough);

#endif
