/* The directory in which the scratch directories of a supervisor's trials are. */
#ifndef TL_SCRATCH_H
#define TL_SCRATCH_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Why no scratch directories can be made and filled in a directory, in words, the caller's; NULL where they can. */
char *tl_scratch_unusable(const char *directory);
/* Makes ROOT/trapline-PID-XXXXXX, only for this user, and removes those of supervisors that are gone.
 * Returns the path, the caller's to free, and in *lock a descriptor that is to stay open as long as the
 * directory is used (it tells other supervisors, also those in other pid namespaces, that it is); NULL with
 * *e filled. *left: what could not be removed of the others, in words, the caller's; NULL: nothing. */
char *tl_scratch_root_new(const char *parent, int *lock, char **left, struct tl_error *e);

/* Directories that could not be removed and are tried again; zero-initialise. */
struct tl_scratch_left {
    char **paths;
    size_t n;
    uint64_t next_ns; /* monotonic: not before */
};
/* Removes a directory, now or later. */
void tl_scratch_remove(struct tl_scratch_left *left, const char *path);
/* Tries what is left again, now and then. */
void tl_scratch_try_again(struct tl_scratch_left *left);
/* Removes the directory of a supervisor with all that is left in it. What could not be, in words, the caller's; NULL. */
char *tl_scratch_root_end(const char *root, struct tl_scratch_left *left);

/* A scratch directory of a trial, and what it is like as long as nobody has used it. */
struct tl_scratch {
    char *path; /* NULL: there is none */
    struct stat made;
};

/* The directory of a trial: the spare one, where there is one, else a new one ROOT/NAME. -1 with errno; s->path is then
 * the one that could not be made. */
int tl_scratch_take(struct tl_scratch *spare, const char *root, const char *name, struct tl_scratch *s);
/* Its trial is over, and it is no longer the caller's. It becomes the spare when it has been left as it was made, and is
 * removed otherwise; also when the caller is not sure that nothing is left that may still write to it. */
void tl_scratch_leave(struct tl_scratch *spare, struct tl_scratch_left *left, struct tl_scratch *s,
                      bool sure);

/* Whether what is below a scratch directory has reached a size; 0: there is no limit. */
bool tl_scratch_is_over(const char *path, uint64_t limit);

/* Looks at the file system of a scratch directory: notes in *full when it has no room, and then in *own when most of
 * what is in it is below path. Both stay as they are otherwise. */
void tl_scratch_look(const char *path, bool *full, bool *own);

#endif
