/* A hash table with open addressing, of which at least half is empty. */
#include "harness/base/text_index.h"

#include "harness/base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tl_text_slot {
    char *text; /* NULL: free */
    size_t size, number;
    uint64_t hash;
};

static uint64_t hash(const unsigned char *text, size_t size)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ text[i]) * 1099511628211u;
    return h ^ h >> 32;
}

static void grow(struct tl_text_index *x)
{
    size_t old = x->slots;
    struct tl_text_slot *was = x->table;
    x->slots = old ? 2 * old : 64; /* a power of two */
    x->table = tl_calloc(x->slots, sizeof *x->table);
    for (size_t i = 0; i < old; i++) {
        if (!was[i].text)
            continue;
        size_t at = was[i].hash & (x->slots - 1);
        while (x->table[at].text)
            at = (at + 1) & (x->slots - 1);
        x->table[at] = was[i];
    }
    free(was);
}

/* The slot of a text, or the free one where it belongs. There are slots. */
static struct tl_text_slot *slot_of(const struct tl_text_index *x, uint64_t h, const void *text, size_t size)
{
    size_t at = h & (x->slots - 1);
    for (; x->table[at].text; at = (at + 1) & (x->slots - 1))
        if (x->table[at].hash == h && x->table[at].size == size && !memcmp(x->table[at].text, text, size))
            break;
    return &x->table[at];
}

bool tl_text_index_find(const struct tl_text_index *x, const void *text, size_t size, size_t *number)
{
    const struct tl_text_slot *t = x->slots ? slot_of(x, hash(text, size), text, size) : NULL;
    if (!t || !t->text)
        return false;
    *number = t->number;
    return true;
}

size_t tl_text_index_number(struct tl_text_index *x, const void *text, size_t size, bool *added)
{
    if (2 * x->n >= x->slots)
        grow(x);
    uint64_t h = hash(text, size);
    struct tl_text_slot *t = slot_of(x, h, text, size);
    *added = !t->text;
    if (*added) {
        *t = (struct tl_text_slot){tl_malloc(size + 1), size, x->n++, h};
        memcpy(t->text, text, size);
        x->bytes += size;
    }
    return t->number;
}

void tl_text_index_clear(struct tl_text_index *x)
{
    for (size_t i = 0; i < x->slots; i++)
        free(x->table[i].text);
    if (x->slots)
        memset(x->table, 0, x->slots * sizeof *x->table);
    x->n = x->bytes = 0;
}

void tl_text_index_free(struct tl_text_index *x)
{
    tl_text_index_clear(x);
    free(x->table);
    *x = (struct tl_text_index){0};
}
