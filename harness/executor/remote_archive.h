/* The directory of a case that runs programs, as one archive that is known by its content: generators, scripts, templates, whatever {case_dir} is
 * to have.
 *
 * It is a tar of regular files alone, in the order of their names, without owners and times, so that the same directory is the same archive.
 * Who unpacks it believes none of it: a name stays below the directory, a link is refused, and what is too much of it as well. */
#ifndef TL_REMOTE_ARCHIVE_H
#define TL_REMOTE_ARCHIVE_H

#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_REMOTE_ARCHIVE_FILES 16384
#define TL_REMOTE_ARCHIVE_BYTES (INT64_C(2) << 30)

/* A name that leads below a directory, whatever links there are not: no "." or "..", no empty part, and no end. */
bool tl_remote_stays_below(const char *name);

/* Makes one of a directory, without the files of a list of {"name"}, at a path below the cache that is the caller's, as its content is. */
int tl_remote_archive_write(const char *directory, const json_t *without, char **path,
                            char sha256[TL_SHA256_SIZE], int64_t *size, struct tl_error *e);
/* Has a directory hold what is in one; it is there whole or not at all. What stands there as it was put there is used. -1 with *e, of kind
 * TL_ERROR_INPUT where the archive is at fault. */
int tl_remote_archive_unpack(const char *path, const char *directory, struct tl_error *e);

#endif
