/* What the search for a set knows, the outcome of each run of each part, and the states that it may be in. */
#include "harness/search/subset_internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* --- What is known ------------------------------------------------------------------------------------- */

struct tl_subset_entry *tl_subset_find(const struct tl_subset *s, struct tl_subset_key key)
{
    if (s->n_slots == 0)
        return NULL;
    for (size_t i = key.a & (s->n_slots - 1); s->slots[i] != 0; i = (i + 1) & (s->n_slots - 1)) {
        struct tl_subset_entry *e = &s->entries[s->slots[i] - 1];
        if (e->a == key.a && e->b == key.b)
            return e;
    }
    return NULL;
}

static void put_slot(struct tl_subset *s, size_t place)
{
    size_t i = s->entries[place].a & (s->n_slots - 1);
    while (s->slots[i] != 0)
        i = (i + 1) & (s->n_slots - 1);
    s->slots[i] = (uint32_t)place + 1;
}

struct tl_subset_entry *tl_subset_add(struct tl_subset *s, struct tl_subset_key key)
{
    if (s->n_entries == s->capacity_entries) {
        s->capacity_entries = s->capacity_entries > 0 ? s->capacity_entries + s->capacity_entries / 2 : 64;
        s->entries = tl_realloc(s->entries, s->capacity_entries, sizeof *s->entries);
    }
    s->entries[s->n_entries] = (struct tl_subset_entry){.a = key.a, .b = key.b};
    s->n_entries++;
    if (2 * s->n_entries > s->n_slots) {
        s->n_slots = s->n_slots > 0 ? 2 * s->n_slots : 256;
        free(s->slots);
        s->slots = tl_calloc(s->n_slots, sizeof *s->slots);
        for (size_t i = 0; i < s->n_entries; i++)
            put_slot(s, i);
    } else {
        put_slot(s, s->n_entries - 1);
    }
    return &s->entries[s->n_entries - 1];
}

static void count(struct tl_subset *s, struct tl_subset_entry *e, enum tl_subset_purpose purpose)
{
    e->used = true;
    s->n_used++;
    s->result.other += e->outcome == TL_SUBSET_OTHER;
    s->result.invalid += e->outcome == TL_SUBSET_INVALID;
    s->result.search += purpose == TL_SUBSET_SEARCH;
    s->result.final += purpose == TL_SUBSET_FINAL;
    s->result.repeats += purpose == TL_SUBSET_REPRODUCE || purpose == TL_SUBSET_CHECK;
}

bool tl_subset_known(struct tl_subset *s, struct tl_subset_walk *w, struct tl_subset_key key,
                     enum tl_subset_purpose purpose, enum tl_subset_outcome *outcome)
{
    for (size_t i = 0; i < w->n_assumed; i++)
        if (w->assumed[i].key.a == key.a && w->assumed[i].key.b == key.b) {
            *outcome = w->assumed[i].outcome;
            return true;
        }
    struct tl_subset_entry *e = tl_subset_find(s, key);
    if (e == NULL || !e->told)
        return false;
    if (w->real && !e->used)
        count(s, e, purpose);
    *outcome = e->outcome;
    return true;
}

/* --- States -------------------------------------------------------------------------------------------- */

struct tl_subset_row *tl_subset_row_new(size_t n)
{
    struct tl_subset_row *row = tl_malloc(sizeof *row + n * sizeof row->elements[0]);
    row->users = 1;
    row->n = n;
    return row;
}

void tl_subset_row_drop(struct tl_subset_row *row)
{
    if (row != NULL && --row->users == 0)
        free(row);
}

void tl_subset_make_sets(const struct tl_subset *s, struct tl_subset_state *z)
{
    z->sets = tl_calloc(4 * s->words, sizeof *z->sets);
    z->best = z->sets;
    z->base = z->best + s->words;
    z->open = z->base + s->words;
    z->untried = z->open + s->words;
}

/* A walk of its own from the same state on. */
struct tl_subset_walk *tl_subset_walk_copy(const struct tl_subset *s, const struct tl_subset_walk *from)
{
    struct tl_subset_walk *w = tl_malloc(sizeof *w);
    *w = *from;
    w->real = false;
    tl_subset_make_sets(s, &w->state);
    memcpy(w->state.sets, from->state.sets, 4 * s->words * sizeof *w->state.sets);
    if (w->state.row != NULL)
        w->state.row->users++;
    return w;
}

void tl_subset_walk_release(struct tl_subset_walk *w)
{
    tl_subset_row_drop(w->state.row);
    free(w->state.sets);
}

void tl_subset_walk_free(struct tl_subset_walk *w)
{
    tl_subset_walk_release(w);
    free(w);
}
