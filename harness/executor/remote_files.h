/* Files of a case on their way between two machines: each is known by its content, and by its name in the directory of the case.
 *
 * A list is [{"name", "sha256", "size"}], and where the case runs programs the archive of its directory is the first one, with "archive": true. On the machine that runs the case each content is kept once, below the cache, and stands in a directory
 * of the case under its name. */
#ifndef TL_REMOTE_FILES_H
#define TL_REMOTE_FILES_H

#include "cases/case.h"

#include <jansson.h>

/* --- of who asks: the model's files, an empty list for a family. A new reference; NULL with *e where one cannot travel: it stands outside of the
 * case's directory, or is no regular file. */
json_t *tl_remote_files_of(const struct tl_case *c, struct tl_error *e);
/* The same with the archive of the case's directory, which is at *archive then: the caller's, and the file's as well. */
json_t *tl_remote_files_all(const struct tl_case *c, char **archive, struct tl_error *e);

/* --- of both: the name of a file that a case writes in some way, as a list has it. A new string. */
char *tl_remote_file_name(const char *path);

/* --- of who runs it */
/* Whether a list that a stranger may have written is one: names stay below a directory, and sizes make sense. -1 with *e. */
int tl_remote_files_check(const json_t *files, struct tl_error *e);
const json_t *tl_remote_files_archive(const json_t *files); /* the archive among them; NULL */
/* Where a content is kept, or is to be; the caller's. NULL: there is no home. */
char *tl_remote_file_path(const char *sha256);
/* Whether it is there, with that size. */
bool tl_remote_file_is_here(const json_t *file);
/* Puts all of them into a directory, from where they are kept. -1 with *e. */
int tl_remote_files_place(const json_t *files, const char *directory, struct tl_error *e);

#endif
