/* Strings of a data file, each once: trials of one file have most of theirs in common. */
#ifndef TL_SITE_STRINGS_H
#define TL_SITE_STRINGS_H

#include "harness/base/text_index.h"
#include "reports/site/impl.h"

struct tl_site_strings {
    struct tl_text_index raw; /* as they are in the database */
    struct tl_buffer json;    /* cleaned, with commas between */
};
/* The number of a string in the file; -1 for NULL. */
long tl_site_intern(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                    size_t most);
/* For variants: see tl_site_clean_exact. */
long tl_site_intern_exact(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                          size_t most);
void tl_site_strings_clear(struct tl_site_strings *s);
void tl_site_strings_free(struct tl_site_strings *s);

#endif
