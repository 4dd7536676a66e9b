/* The directory in which the scratch directories of a supervisor's trials are. */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Makes ROOT/trapline-PID-XXXXXX, only for this user, and removes those of supervisors that are gone.
 * Returns the path, the caller's to free, and in *lock a descriptor that is to stay open as long as the
 * directory is used (it tells other supervisors, also those in other pid namespaces, that it is); NULL with
 * *e filled. */
char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e);

/* Makes one of a trial: the spare one under a new name, where there is one. *made is what it is like. -1 with errno. */
int tl_scratch_make(char **spare, const char *path, struct stat *made);
/* Its trial is over. It becomes the spare when it has been left as it was made, and is removed otherwise; also when
 * made is NULL, because something may still be in it that nobody knows of. */
void tl_scratch_leave(char **spare, const char *path, const struct stat *made);

/* Whether what is below a scratch directory has reached a size; 0: there is no limit. */
bool tl_scratch_is_over(const char *path, uint64_t limit);

/* Looks at the file system of a scratch directory: notes in *full when it has no room, and then in *own when most of
 * what is in it is below path. Both stay as they are otherwise. */
void tl_scratch_look(const char *path, bool *full, bool *own);

#endif
