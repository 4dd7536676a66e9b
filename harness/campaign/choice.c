/* Chooses the values of each axis that are to be tried, and makes variants of them. */
#include "harness/campaign/choice.h"

#include "harness/base/buffer.h"
#include "harness/search/covering.h"

#include <stdlib.h>

#define SPREAD 5 /* values of a range that stand for all of it */

void tl_choice_begin(struct tl_choice *h, const struct tl_case *c)
{
    *h = (struct tl_choice){c, tl_calloc(c->n_axes + 1, sizeof *h->axes)};
}

void tl_choice_free(struct tl_choice *h)
{
    for (size_t i = 0; i < h->c->n_axes; i++)
        free(h->axes[i].list);
    free(h->axes);
}

void tl_choice_add(struct tl_choice *h, size_t axis, uint64_t index)
{
    struct tl_choice_values *v = &h->axes[axis];
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i] == index)
            return;
    *TL_GROW(v->list, v->n) = index;
}

bool tl_choice_is_spread(const struct tl_axis *a)
{
    return a->kind == TL_AXIS_RANGE && a->count > SPREAD;
}

void tl_choice_add_spread(struct tl_choice *h, size_t axis)
{
    const struct tl_axis *a = &h->c->axes[axis];
    bool spread = tl_choice_is_spread(a);
    uint64_t step = spread ? (a->count - 1) / (SPREAD - 1) : 1, n = spread ? SPREAD - 1 : a->count;
    for (uint64_t i = 0; i < n; i++)
        tl_choice_add(h, axis, i * step);
    if (spread) /* a range of all 2^64 values is counted as one less */
        tl_choice_add(h, axis, a->count - (a->count != UINT64_MAX));
}

struct tl_variant tl_choice_variant(const struct tl_choice *h, const uint64_t *places)
{
    struct tl_variant v = tl_variant_baseline(h->c);
    for (size_t i = 0; i < h->c->n_axes; i++)
        v.index[i] = h->axes[i].list[places[i]];
    return v;
}

static bool is_forbidden(void *context, const uint64_t *places)
{
    const struct tl_choice *h = context;
    struct tl_variant v = tl_choice_variant(h, places);
    char *why = tl_variant_forbidden(h->c, &v);
    tl_variant_free(&v);
    free(why);
    return why != NULL;
}

int tl_choice_pairs(const struct tl_choice *h, struct tl_variant **variants, size_t *n, uint64_t *impossible)
{
    size_t n_axes = h->c->n_axes;
    struct tl_search_axis *axes = tl_calloc(n_axes, sizeof *axes);
    for (size_t i = 0; i < n_axes; i++)
        axes[i] = (struct tl_search_axis){.count = h->axes[i].n, .name = h->c->axes[i].name};
    const struct tl_search_space space = {n_axes, axes, is_forbidden, (void *)h};
    struct tl_covering found;
    int result = tl_covering_pairs(&space, 1, &found);
    free(axes);
    *variants = tl_calloc(found.n_rows + 1, sizeof **variants);
    *n = found.n_rows;
    *impossible = found.impossible;
    for (size_t i = 0; i < found.n_rows; i++)
        (*variants)[i] = tl_choice_variant(h, found.rows[i]);
    tl_covering_free(&found);
    return result;
}
