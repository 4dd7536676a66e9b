/* Failures that somebody has judged, on their pages. */
#ifndef TL_SITE_KNOWN_H
#define TL_SITE_KNOWN_H

#include "reports/site/failures.h"

/* Reads what is known: once what the site is about is read. */
int tl_site_read_known(struct tl_site *w, struct tl_error *e);
void tl_site_free_known(struct tl_site *w);

/* "filed as FB1, https://…": what is known of a failure, as it is shown. The caller's; NULL: nothing. In few words: "known as
 * FB1". */
char *tl_site_known(const struct tl_site *w, const struct tl_site_failure *f, bool in_few_words);

/* Adds the same, all of it, with the address as a link. */
void tl_site_add_known(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f);

#endif
