/* What is known of a failure (tl_known_json, tl_case_known), in words. */
#ifndef TL_REPORT_KNOWN_H
#define TL_REPORT_KNOWN_H

#include <jansson.h>

/* "filed as `FB23024751`, https://…, until it is fixed"; inline text (reports/page/page.h), the caller's. Without the remark: it
 * is for those who work on the database or the case, and what is published does not hold it. */
char *tl_known_words(const json_t *known);
/* The same with the remark, ": a note", for the terminal of such a person. */
char *tl_known_words_with_note(const json_t *known);
/* The same in a few words: "known as `FB23024751`". */
char *tl_known_name(const json_t *known);

#endif
