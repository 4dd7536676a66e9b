/* Strings of a data file: a hash table with open addressing, whose keys are the strings as they are in the
 * database. Trials of one file have most of theirs in common, so cleaning, which is slow, is done once for
 * each string, and a row holds numbers. */
#include "reports/site/strings.h"

#include "reports/site/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t hash(const char *text, size_t size)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static void grow(struct tl_site_strings *s)
{
    size_t old = s->slots;
    struct tl_site_string *was = s->table;
    s->slots = old ? 2 * old : 1024; /* a power of two */
    s->table = tl_calloc(s->slots, sizeof *s->table);
    for (size_t i = 0; i < old; i++) {
        if (!was[i].raw)
            continue;
        size_t at = hash(was[i].raw, was[i].size) & (s->slots - 1);
        while (s->table[at].raw)
            at = (at + 1) & (s->slots - 1);
        s->table[at] = was[i];
    }
    free(was);
}

static long intern(const struct tl_site *w, struct tl_site_strings *s, const char *raw, size_t size,
                   size_t most, bool exact)
{
    if (!raw)
        return -1;
    if (2 * s->n >= s->slots)
        grow(s);
    size_t at = hash(raw, size) & (s->slots - 1);
    for (; s->table[at].raw; at = (at + 1) & (s->slots - 1))
        if (s->table[at].size == size && !memcmp(s->table[at].raw, raw, size))
            return (long)s->table[at].number;
    char *copy = tl_malloc(size + 1),
         *clean = exact ? tl_site_clean_exact(w, raw, size, most) : tl_site_clean(w, raw, size, most);
    memcpy(copy, raw, size);
    s->table[at] = (struct tl_site_string){copy, size, s->n};
    if (s->n)
        tl_buffer_add(&s->json, ",", 1);
    tl_site_json(&s->json, clean);
    free(clean);
    return (long)s->n++;
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
    for (size_t i = 0; i < s->slots; i++)
        free(s->table[i].raw);
    if (s->slots)
        memset(s->table, 0, s->slots * sizeof *s->table);
    s->n = 0;
    tl_buffer_clear(&s->json);
}

void tl_site_strings_free(struct tl_site_strings *s)
{
    tl_site_strings_clear(s);
    free(s->table);
    tl_buffer_free(&s->json);
    *s = (struct tl_site_strings){0};
}
