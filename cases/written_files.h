/* Files that a case has written for each of its trials: a text beside the case, in which @{AXIS} stands for a value of the variant. So
 * what a program reads from a configuration varies as its options do, whatever the form of the file: braces alone, as JSON has
 * them, mean nothing in it. "@@{" is a plain "@{". */
#ifndef TL_WRITTEN_FILES_H
#define TL_WRITTEN_FILES_H

#include "cases/case.h"

#define TL_WRITTEN_TEXT_MOST ((size_t)1 << 20) /* bytes of a template */

/* Called for each @{NAME} of a text, with its line; bad: an "@{" that no "}" ends on its line, or without a name. */
typedef void (*tl_marker_found)(void *arg, const char *name, size_t size, size_t line, bool bad);
void tl_markers(const char *text, tl_marker_found found, void *arg);

/* What a file holds for a variant. A new string. */
char *tl_written_text(const struct tl_case *c, const struct tl_variant *v, const struct tl_written_file *f);
/* All of them: [{"name", "text"}], a new reference; NULL where the case has none. */
json_t *tl_written_files(const struct tl_case *c, const struct tl_variant *v);
/* A text as a template has it: "@{" is no marker in it. A new string. */
char *tl_written_escape(const char *text, size_t size);

#endif
