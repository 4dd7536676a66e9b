/* What is linked: cases, units and failures by their names. */
#ifndef TL_SITE_LINKS_H
#define TL_SITE_LINKS_H

#include "reports/site/impl.h"

/* Finds by name; SIZE_MAX when it is none. */
size_t tl_site_case_of(const struct tl_site *w, const char *name);
size_t tl_site_unit_of(const struct tl_site *w, const char *name);
void tl_site_case_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *name);
/* To the failure of a signature in a case, called by the title of the signature. */
void tl_site_failure_link(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                          const char *signature_id, const char *title);

#endif
