/* Content hashes that are remembered: a runtime's library of 45 MB is not read again for every trial.
 *
 * A file is known by its device, inode, size and times of change, the hash of its content by a file of one
 * line for each path below $XDG_CACHE_HOME/trapline/hashes. Those may be removed at any time. */
#ifndef TL_KNOWN_HASH_H
#define TL_KNOWN_HASH_H

#include "harness/base/hash.h"

/* SHA-256 of a whole file, read only when it is not known. Returns 0, or -1 with errno set. */
int tl_known_hash(const char *path, char hex[TL_SHA256_SIZE]);

#endif
