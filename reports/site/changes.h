/* What a nightly run saw change, as its own page and the first page of a site have it. */
#ifndef TL_SITE_CHANGES_H
#define TL_SITE_CHANGES_H

#include "reports/site/impl.h"

/* When it was, what it is compared with, and what it came to: a paragraph. night: a document without names. */
void tl_site_night_facts(struct tl_buffer *b, const json_t *night);
/* A table of what changed, at most about so many bytes; nothing where nothing did. by: the id of its heading. */
void tl_site_night_changes(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *by,
                           const json_t *night, size_t most);

#endif
