/* The words of pages, for the search. */
#ifndef TL_SITE_WORDS_H
#define TL_SITE_WORDS_H

#include "reports/site/impl.h"

/* Takes the words of a page that was written, if it is one that a search may lead to. */
int tl_site_take_words(struct tl_site *w, const char *file, const char *html, struct tl_error *e);
void tl_site_free_words(struct tl_site_words *words); /* NULL: nothing */

#endif
