/* Text of a site: all text from the database is hostile until it went through here. */
#ifndef TL_SITE_TEXT_H
#define TL_SITE_TEXT_H

#include "reports/site/impl.h"

/* Adds text with what is not UTF-8, control characters and what turns the direction of text made visible. */
void tl_site_visible(struct tl_buffer *b, const char *text, size_t size);
/* Text from outside made fit to be shown: names taken out, valid UTF-8, control characters and what turns
 * the direction of text made visible, at most so many bytes (0: all). A new string; NULL for NULL. */
char *tl_site_clean(const struct tl_site *w, const char *text, size_t size, size_t most);
/* The same for cases, units and variants, which stay what they are: only paths are touched. */
char *tl_site_clean_exact(const struct tl_site *w, const char *text, size_t size, size_t most);
/* Adds cleaned text as a JSON string that may stand in a script. */
void tl_site_json(struct tl_buffer *b, const char *clean);
/* The id of a row as a JSON string: hexadecimal digits, unless somebody tampered with the database. */
void tl_site_id(const struct tl_site *w, struct tl_buffer *b, const char *id);
/* Cleans, and escapes for HTML. NULL adds nothing. */
void tl_site_html(const struct tl_site *w, struct tl_buffer *b, const char *text, size_t most);
void tl_site_url(struct tl_buffer *b, const char *clean); /* percent-encoded, for a fragment */
void tl_site_time(struct tl_buffer *b, int64_t us);       /* <time>, UTC to the minute; "never" for 0 */
char *tl_site_number(uint64_t n);                         /* 1 000 000, with narrow spaces */
char *tl_site_slug(const char *name);                     /* a file's name, the same every time */
/* Adds a document as it may stand in a script, names taken out. */
void tl_site_json_document(struct tl_site *w, struct tl_buffer *b, const json_t *document);

#endif
