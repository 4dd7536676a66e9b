/* Sets by number. They are found again by a hash of their ranges: a search for a part of 100,000 elements meets
 * hundreds of them, and each of those may have thousands of ranges. */
#include "cases/axis_sets.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

struct one {
    struct tl_element_set set;
    char *text;
    uint64_t hash, next; /* the one that was met before it with the same bucket; UINT64_MAX */
};

#define BUCKETS 1024

struct tl_axis_sets {
    struct tl_elements all;
    struct one *list;
    size_t n;
    uint64_t buckets[BUCKETS];
};

static uint64_t hash_of(const struct tl_element_set *set)
{
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < set->n_ranges; i++) {
        h ^= ((uint64_t)set->ranges[i].first << 32) + set->ranges[i].last;
        h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
        h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    }
    return h;
}

struct tl_axis_sets *tl_axis_sets_new(const char *const *names, size_t n, bool ordered, size_t *wrong,
                                      struct tl_error *e)
{
    struct tl_axis_sets *sets = tl_calloc(1, sizeof *sets);
    if (tl_elements_init(&sets->all, names, n, wrong, e) != 0) {
        free(sets);
        return NULL;
    }
    sets->all.ordered = ordered;
    for (size_t i = 0; i < BUCKETS; i++)
        sets->buckets[i] = UINT64_MAX;
    struct tl_element_set empty = {0};
    tl_axis_sets_number(sets, &empty);
    return sets;
}

void tl_axis_sets_free(struct tl_axis_sets *sets)
{
    if (sets == NULL)
        return;
    for (size_t i = 0; i < sets->n; i++) {
        tl_element_set_free(&sets->list[i].set);
        free(sets->list[i].text);
    }
    free(sets->list);
    tl_elements_free(&sets->all);
    free(sets);
}

const struct tl_elements *tl_axis_sets_elements(const struct tl_axis_sets *sets)
{
    return &sets->all;
}

uint64_t tl_axis_sets_number(struct tl_axis_sets *sets, struct tl_element_set *set)
{
    uint64_t hash = hash_of(set), *bucket = &sets->buckets[hash % BUCKETS];
    for (uint64_t i = *bucket; i != UINT64_MAX; i = sets->list[i].next)
        if (sets->list[i].hash == hash && tl_element_set_equal(&sets->list[i].set, set)) {
            tl_element_set_free(set);
            return i;
        }
    *TL_GROW(sets->list, sets->n) = (struct one){*set, tl_element_set_text(&sets->all, set), hash, *bucket};
    *set = (struct tl_element_set){0};
    *bucket = sets->n - 1;
    return *bucket;
}

uint64_t tl_axis_sets_count(const struct tl_axis_sets *sets)
{
    return sets->n;
}

const struct tl_element_set *tl_axis_sets_get(const struct tl_axis_sets *sets, uint64_t number)
{
    return &sets->list[number].set;
}

const char *tl_axis_sets_text(const struct tl_axis_sets *sets, uint64_t number)
{
    return sets->list[number].text;
}
