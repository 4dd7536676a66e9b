/* The two ways in which redact.c takes names out: in paths, and as words. */
#ifndef TL_REPORT_REDACT_PARTS_H
#define TL_REPORT_REDACT_PARTS_H

#include "reports/redact/redact.h"

/* A new string without homes and the places of this machine, in whatever spelling (paths.c). */
char *tl_redact_homes(const struct tl_redaction *r, const char *text);
/* Takes text, and gives it without the names that are known; everywhere: only those that are taken out everywhere
 * (words.c). */
char *tl_redact_words(const struct tl_redaction *r, char *text, bool everywhere);

#endif
