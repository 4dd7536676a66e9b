/* A directory as one compressed file. */
#ifndef TL_REPORT_ARCHIVE_H
#define TL_REPORT_ARCHIVE_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a name ends in .zip, .tar, .tar.zst, .tar.gz or .tar.xz, and how long it is without that. */
bool tl_archive_name(const char *path, size_t *stem);

/* Packs the files of a directory (list: [{"name": path in it}]) below NAME/ into an archive, whose kind its
 * name says. Owners are left out, times are all `when` (seconds since 1970), so that nothing tells who made
 * it. It appears at `path` complete or not at all. */
int tl_archive_write(const char *path, const char *directory, const char *name, const json_t *list,
                     int64_t when, struct tl_error *e);

/* What a file DIR/NAME of an archive holds, up to so many bytes; NULL: there is none, or it is no archive. The caller's. */
char *tl_archive_member(const char *path, const char *name, size_t most, size_t *size);

#endif
