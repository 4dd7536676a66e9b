/* What is linked: cases, units and signatures by their names. */
#ifndef TL_SITE_LINKS_H
#define TL_SITE_LINKS_H

#include "reports/site/impl.h"

/* Finds by name; SIZE_MAX when it is none. */
size_t tl_site_case_of(const struct tl_site *w, const char *name);
size_t tl_site_unit_of(const struct tl_site *w, const char *name);
bool tl_site_has_signature(const struct tl_site *w, const char *id);
void tl_site_case_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *name);
void tl_site_signature_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *id,
                            const char *title);

#endif
