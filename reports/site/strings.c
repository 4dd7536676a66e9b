/* Strings of a data file, known by what they are in the database. Trials of one file have most of theirs in common, so
 * cleaning, which is slow, is done once for each string, and a row holds numbers. */
#include "reports/site/strings.h"

#include "reports/site/text.h"

#include <stdlib.h>

static long intern(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                   size_t most, bool exact)
{
    if (!raw)
        return -1;
    bool added;
    size_t number = tl_text_index_number(&s->raw, raw, size, &added);
    if (!added)
        return (long)number;
    char *clean = exact ? tl_site_clean_exact(w, raw, size, most) : tl_site_clean(w, raw, size, most);
    if (number)
        tl_buffer_add(&s->json, ",", 1);
    tl_site_json(&s->json, clean);
    free(clean);
    return (long)number;
}

long tl_site_intern(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                    size_t most)
{
    return intern(w, s, raw, size, most, false);
}

long tl_site_intern_exact(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                          size_t most)
{
    return intern(w, s, raw, size, most, true);
}

void tl_site_strings_clear(struct tl_site_strings *s)
{
    tl_text_index_clear(&s->raw);
    tl_buffer_clear(&s->json);
}

void tl_site_strings_free(struct tl_site_strings *s)
{
    tl_text_index_free(&s->raw);
    tl_buffer_free(&s->json);
}
