/* What comes before the checks of a file, and what is said in the end (read.c). kind is "case" or "suite",
 * for messages. */
#ifndef TL_CASE_READ_H
#define TL_CASE_READ_H

#include "cases/mistakes.h"

#define TL_CASE_SIZE_MAX ((size_t)4 << 20) /* bytes of a case file */

/* The text of a file of at most 4 MiB, the caller's; NULL with *e. "-" is standard input, whose directory is the working one. */
char *tl_check_read(const char *path, const char *kind, size_t *size, struct tl_error *e);
/* Reads a text as JSON: *document, a new reference, and ck with its places and a new arena, both the
 * caller's. On a mistake it is in *m, and nothing else is left. */
int tl_check_begin(struct tl_check *ck, const char *text, size_t size, const char *path, const char *kind,
                   json_t **document, struct tl_mistakes *m, struct tl_error *e);
/* Fills *e from the mistakes, of which there is one at least. Returns -1. */
int tl_check_failed(const char *path, const char *kind, const struct tl_mistakes *m, struct tl_error *e);
/* The absolute directory that a file is in; the file itself need not exist. */
const char *tl_check_directory(struct tl_arena *a, const char *path);

#endif
