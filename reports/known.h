/* What is known of a failure (tl_known_json, tl_case_known), in words. */
#ifndef TL_REPORT_KNOWN_H
#define TL_REPORT_KNOWN_H

#include <jansson.h>

/* "filed as `FB23024751`, https://…, until it is fixed: a note"; inline text (reports/page/page.h), the caller's. */
char *tl_known_words(const json_t *known);
/* The same in a few words: "known as `FB23024751`". */
char *tl_known_name(const json_t *known);

#endif
