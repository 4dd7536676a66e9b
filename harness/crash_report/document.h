/* JSON documents in the text of a report, and values of them that are read as what is wanted. Pure. */
#ifndef TL_CRASH_REPORT_DOCUMENT_H
#define TL_CRASH_REPORT_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_REPORT_TEXT_MOST 8192 /* bytes of one text of a report that are kept */

/* Where reading stands in a text of several documents. */
struct tl_documents {
    const char *text;
    size_t size, at;
    int line;      /* of `at`, from 1 */
    size_t wasted; /* bytes walked from places that began like a document and were none */
    bool gave_up;  /* too many of them: what follows `at` was not looked at */
};
void tl_documents_begin(struct tl_documents *d, const char *text, size_t size); /* after a byte order mark */

/* The JSON object at the next character that is no white space; NULL, and nothing is passed over, when there is none.
 * *why, which may be NULL, then says why not; the caller's. */
json_t *tl_document_next(struct tl_documents *d, char **why);
/* The next JSON object that begins a line, whatever stands before it; NULL when there is none. */
json_t *tl_document_find(struct tl_documents *d);

/* Reading goes on where it was; what was wasted stays counted. */
void tl_documents_back(struct tl_documents *d, const struct tl_documents *to);

/* What is missing, or of another type, is 0 and NULL. Integers may be strings of digits. */
uint64_t tl_report_u64(const json_t *v);
int tl_report_int(const json_t *v);
char *tl_report_string(
    const json_t *v); /* clean, on one line, and no longer than TL_REPORT_TEXT_MOST; NULL for "" */
char *tl_report_text(const json_t *object, const char *key); /* the same of a member */
/* "2026-04-01 12:39:56.0657 -0700" in microseconds since 1970 UTC. */
int64_t tl_report_time(const json_t *object, const char *key);

#endif
