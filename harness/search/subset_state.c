/* What the search for a set knows, the outcome of each run of each part; the states that it may be in; and what its steps
 * have in common. */
#include "harness/search/subset_internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define SETS 5     /* of a state */
#define MISS 0.135 /* the chance that what fails passes all its tries in the search: 3 at a rate of 0.5 */

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
    z->sets = tl_calloc(SETS * s->words, sizeof *z->sets);
    z->best = z->sets;
    z->base = z->best + s->words;
    z->open = z->base + s->words;
    z->untried = z->open + s->words;
    z->loose = z->untried + s->words;
}

/* A walk of its own from the same state on. */
struct tl_subset_walk *tl_subset_walk_copy(const struct tl_subset *s, const struct tl_subset_walk *from)
{
    struct tl_subset_walk *w = tl_malloc(sizeof *w);
    *w = *from;
    w->real = false;
    tl_subset_make_sets(s, &w->state);
    memcpy(w->state.sets, from->state.sets, SETS * s->words * sizeof *w->state.sets);
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

/* --- Parts --------------------------------------------------------------------------------------------- */

void tl_bits_copy(const struct tl_subset *s, uint64_t *to, const uint64_t *from)
{
    memcpy(to, from, s->words * sizeof *to);
}

void tl_bits_clear(const struct tl_subset *s, uint64_t *set)
{
    memset(set, 0, s->words * sizeof *set);
}

bool tl_subset_put_back(struct tl_subset *s, const uint64_t *from, unsigned way, uint64_t place)
{
    bool any = false;
    size_t n = s->options.n;
    for (size_t i = 0; i < s->words; i++) {
        uint64_t all = i + 1 < s->words ? UINT64_MAX : ((uint64_t)1 << n % 64) - 1;
        uint64_t gone = all & ~from[i];
        any = any || gone != 0;
        /* First all, then about a half, an eighth, and a thirty-second of them. */
        unsigned halves = way == 0 ? 0 : way == 3 || way == 4 ? 3 : way == 5 ? 5 : 1;
        for (unsigned k = 0; k < halves && gone != 0; k++)
            gone &= tl_bits_random(s->options.seed, place * 128 + way * 8 + k, i);
        s->scratch[i] |= gone;
    }
    return any;
}

void tl_subset_begin_pass(struct tl_subset *s, struct tl_subset_state *z, struct tl_subset_row *row)
{
    tl_subset_row_drop(z->row);
    z->row = row;
    tl_bits_copy(s, z->base, z->best);
    tl_bits_clear(s, z->open);
    z->scanned = z->found = z->given_up = z->contaminated = z->split = z->spent = 0;
    tl_subset_begin_skips(z);
    z->may_turn = true;
    z->passed = z->made = 0;
    z->before_best = tl_bits_count(z->best, s->words);
    z->stage = TL_SUBSET_AT_GROUPS;
}

struct tl_subset_row *tl_subset_row_of(struct tl_subset *s, const uint64_t *set, bool backwards)
{
    struct tl_subset_row *row = tl_subset_row_new(tl_bits_count(set, s->words));
    size_t n = 0;
    for (size_t i = 0; i < s->options.n; i++) {
        uint32_t e = s->order[i];
        if (tl_bit(set, e)) {
            row->elements[backwards ? row->n - 1 - n : n] = e;
            n++;
        }
    }
    return row;
}

void tl_subset_begin_skips(struct tl_subset_state *z)
{
    z->skip = 1;
    z->skip_before = 0;
    z->in_vain = 0;
    z->turned = false;
}

/* --- What is made of outcomes -------------------------------------------------------------------------- */

void tl_subset_want(struct tl_subset_walk *w, struct tl_subset_key key, uint32_t run,
                    enum tl_subset_purpose purpose, double fails)
{
    w->key = key;
    w->run = run;
    w->purpose = purpose;
    w->fails = fails;
}

enum tl_subset_decision tl_subset_judge(struct tl_subset *s, struct tl_subset_walk *w, uint32_t first,
                                        uint32_t tries, enum tl_subset_purpose purpose, double fails)
{
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    double missed = 1;
    for (uint32_t run = first; run < first + tries; run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, purpose, &outcome)) {
            double still = fails * missed / (fails * missed + 1 - fails + 1e-9);
            tl_subset_want(w, key, run, purpose, still * w->state.rate);
            return TL_SUBSET_WAITS;
        }
        if (outcome == TL_SUBSET_FAIL)
            return TL_SUBSET_FAILS;
        if (outcome == TL_SUBSET_INVALID && run == first)
            return TL_SUBSET_CANNOT;
        missed *= 1 - w->state.rate;
    }
    return TL_SUBSET_PASSES;
}

double tl_subset_mean_rate(const struct tl_rate_belief *b)
{
    double mean = 0;
    for (size_t i = 0; i < TL_RATES; i++)
        mean += b->weight[i] * tl_rates[i];
    return mean;
}

void tl_subset_set_tries(struct tl_subset_state *z)
{
    if (!z->noisy) {
        z->rate = 1;
        z->tries = 1;
    } else if (z->rate_given) {
        z->tries = tl_passes_at(z->rate, MISS);
    } else {
        z->rate = tl_subset_mean_rate(&z->belief);
        z->tries = tl_rate_belief_passes(&z->belief, MISS);
    }
}
