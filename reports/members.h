/* Members of documents whose form is not certain: they come from a database that an older trapline, or
 * somebody else, may have written. */
#ifndef TL_REPORTS_MEMBERS_H
#define TL_REPORTS_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>

/* What is missing, or of another type, is NULL, 0 and false. Text is the document's. */
const char *tl_member_text(const json_t *o, const char *name);
json_int_t tl_member_integer(const json_t *o, const char *name);
bool tl_member_true(const json_t *o, const char *name);
long long tl_integer_at(const json_t *list, size_t i); /* "[k, n]": of so many runs so many */

/* The text of a member, or these words where it is missing, of another type or empty. */
const char *tl_member_or(const json_t *o, const char *name, const char *words);

/* "512 B", "1.5 KiB", "20.0 MiB"; the caller's. */
char *tl_size_words(json_int_t bytes);

#endif
