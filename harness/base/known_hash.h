/* Content hashes that are remembered: a runtime's library of 45 MB is not read again for every trial.
 *
 * A file is known by its device, inode, size and times of change, the hash of its content by a file of one
 * line for each path below $XDG_CACHE_HOME/trapline/hashes. Those may be removed at any time. */
#ifndef TL_KNOWN_HASH_H
#define TL_KNOWN_HASH_H

#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

/* SHA-256 of a whole file, read only when it is not known. Returns 0, or -1 with errno set. */
int tl_known_hash(const char *path, char hex[TL_SHA256_SIZE]);

/* The same for many files at once, of which the hashes are in one file: a directory of two thousand takes as many
 * calls of stat and one of read. */
struct tl_known_hashes {
    char *file;    /* NULL: there is no place for it */
    json_t *known; /* path -> "STATE HASH" */
    json_t *used;  /* since it was opened */
    bool changed;
};
void tl_known_hashes_open(struct tl_known_hashes *t, const char *key); /* the table of this name */
void tl_known_hashes_save(struct tl_known_hashes *t);                  /* writes what is new */
void tl_known_hashes_close(struct tl_known_hashes *t); /* writes what is new, and releases it */
/* st is of the file now. */
int tl_known_hashes_of(struct tl_known_hashes *t, const char *path, const struct stat *st,
                       char hex[TL_SHA256_SIZE]);
/* Any text about a path for a state of its file: NULL when none is known. Borrowed until the next call. */
const char *tl_known_hashes_text(struct tl_known_hashes *t, const char *path, const struct stat *st);
void tl_known_hashes_put(struct tl_known_hashes *t, const char *path, const struct stat *st,
                         const char *text);

#endif
