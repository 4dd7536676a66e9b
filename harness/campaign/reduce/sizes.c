/* Sizes, when few nodes are left: batch, sequence, channels, heads, hidden size become as small as it still fails.
 *
 * Which places of a model (resize.h) say the same size is not known, so there are several ideas, each of which the
 * runtime judges:
 *
 *   symbols    the axes of inputs that have one name in the model
 *   equal      every place that says the same number
 *   parts      … and those that say a multiple of it, or its square: heads of a hidden size
 *   alone      one axis, or one number with what is a multiple of it
 *   axes       the same axis of every tensor; two axes, as a product of matrices has them
 *
 * An idea whose size can be neither 1, nor half, nor one less is left; the others are bisected to the smallest size that fails.
 * That the size below it passes is a part of the answer: "fails from 17 on". Where that is no threshold of the model (surely.c), a
 * size well beyond it is taken. */
#include "harness/campaign/reduce/resize.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define NODES_MOST 20
#define TIMES_EDGE 10
#define PLACES_MOST 48   /* that are tried alone */
#define TRIALS_MOST 150  /* of one model */
#define SECOND_MOST 60   /* … of the second one */
#define SECONDS_MOST 600 /* … */

struct sizes {
    struct tl_reduce_state *s;
    struct tl_reduce_candidate *k;
    struct tl_reduce_values *v;
    double began;
    bool changed; /* by the last idea */
    struct known *known;
    size_t n_known;
};

static bool is_over(const struct sizes *x)
{
    return x->s->stopped ||
           json_integer_value(json_object_get(x->s->step, "trials")) >=
               (x->v->second ? SECOND_MOST : TRIALS_MOST) ||
           x->s->lasted - x->began > SECONDS_MOST;
}

static void add(struct tl_reduce_places *chosen, const struct tl_reduce_place *p, int64_t factor, bool square)
{
    struct tl_reduce_place *one = TL_GROW(chosen->list, chosen->n);
    *one = *p;
    one->name = tl_strdup(p->name);
    one->symbol = tl_strdup(p->symbol);
    one->factor = factor;
    one->square = square;
}

static bool is_dimension(const struct tl_reduce_place *p)
{
    return p->kind == TL_REDUCE_INPUT || p->kind == TL_REDUCE_FED || p->kind == TL_REDUCE_TENSOR;
}

/* --- one idea --------------------------------------------------------------------------------------------------- */

static int try_size(struct sizes *x, const struct tl_reduce_candidate *whole,
                    const struct tl_reduce_places *chosen, int64_t to, enum tl_reduce_verdict *verdict,
                    bool *first, struct tl_error *e)
{
    bool differs = false;
    int result = 0;
    for (int way = 0; way < 2 && !result && (!way || (differs && *verdict != TL_REDUCE_FAIL)); way++) {
        struct tl_reduce_candidate k = tl_reduce_copy(whole);
        bool ignored;
        *first = way == 1;
        tl_reduce_resize(x->s, &k, x->v, chosen, to, *first, way ? &ignored : &differs);
        result = tl_reduce_try(x->s, &k, verdict, e);
        if (!result && *verdict == TL_REDUCE_FAIL)
            tl_reduce_take(x->k, &k);
        tl_reduce_drop(&k);
    }
    return result;
}

/* What is known of a place: the size that it had, the one that it has, and what happens below that. */
struct known {
    struct tl_reduce_place place;
    int64_t before, to;
    enum tl_reduce_verdict below; /* TL_REDUCE_STOPPED: not tried */
};

static bool same_place(const struct tl_reduce_place *a, const struct tl_reduce_place *b)
{
    const bool fed[] = {a->kind == TL_REDUCE_FED || a->kind == TL_REDUCE_INPUT,
                        b->kind == TL_REDUCE_FED || b->kind == TL_REDUCE_INPUT};
    return (a->kind == b->kind || (fed[0] && fed[1])) && a->number == b->number && a->at == b->at &&
           !strcmp(a->name ? a->name : "", b->name ? b->name : "");
}

static struct known *known_of(struct sizes *x, const struct tl_reduce_place *p)
{
    for (size_t i = 0; i < x->n_known; i++)
        if (same_place(&x->known[i].place, p))
            return &x->known[i];
    return NULL;
}

/* One that was made smaller before goes on from where it was. */
static void note(struct sizes *x, const struct tl_reduce_places *chosen, int64_t to,
                 enum tl_reduce_verdict below)
{
    for (size_t i = 0; i < chosen->n; i++) {
        const struct tl_reduce_place *p = &chosen->list[i];
        struct known *k = known_of(x, p);
        const bool own = p->factor == 1 && !p->square;
        if (!own && !k) /* it is a multiple of what is told */
            continue;
        if (!k) {
            k = TL_GROW(x->known, x->n_known);
            *k = (struct known){.place = *p, .before = p->size, .to = p->size, .below = TL_REDUCE_STOPPED};
            k->place.name = tl_strdup(p->name);
            k->place.symbol = NULL;
        }
        const int64_t now = p->square ? to * to : to * p->factor;
        if (now < k->to || k->below != TL_REDUCE_PASS)
            k->below = own && now > 1 ? below : TL_REDUCE_STOPPED;
        k->to = now;
    }
}

/* Of places of one size that became one size it is told once, the best that is known of what is below. */
static void tell_sizes(struct sizes *x)
{
    static const char *const words[] = {"passes", "fails", "fails in another way", "cannot be tried"};
    json_t *list = json_array(), *one;
    for (size_t i = 0; i < x->n_known; i++) {
        const struct known *k = &x->known[i];
        const char *word = k->below < TL_COUNT(words) ? words[k->below] : NULL;
        bool told = false;
        size_t at;
        if (k->to == k->before && k->below != TL_REDUCE_PASS)
            continue;
        json_array_foreach(list, at, one) {
            const bool same = json_integer_value(json_object_get(one, "size")) == k->before &&
                              json_integer_value(json_object_get(one, "to")) == k->to;
            if (same && (k->below == TL_REDUCE_PASS || !json_is_string(json_object_get(one, "below"))))
                json_object_set_new(one, "below", word ? json_string(word) : json_null());
            told = told || same;
        }
        if (!told)
            json_array_append_new(list, json_pack("{s:I,s:I,s:s?}", "size", (json_int_t)k->before, "to",
                                                  (json_int_t)k->to, "below", word));
    }
    json_decref(x->v->sizes);
    x->v->sizes = list;
}

/* Whether the smallest that fails is a threshold; the size below it passes. */
static int look_at_edge(struct sizes *x, const struct tl_reduce_candidate *whole,
                        const struct tl_reduce_places *chosen, int64_t below, bool *is, struct tl_error *e)
{
    struct tl_reduce_candidate passing = tl_reduce_copy(whole);
    bool ignored;
    tl_reduce_resize(x->s, &passing, x->v, chosen, below, false, &ignored);
    int result = tl_reduce_is_threshold(x->s, x->k, &passing, is, e);
    tl_reduce_drop(&passing);
    return result;
}

/* A size well beyond an edge that fails in other processes as well; else the one that was there before. */
static int beyond(struct sizes *x, const struct tl_reduce_candidate *whole,
                  const struct tl_reduce_places *chosen, int64_t edge, int64_t size, int64_t *fails,
                  bool *first, struct tl_error *e)
{
    bool found = false;
    int result = 0;
    *fails = size;
    for (int64_t to = edge; to < size / TIMES_EDGE && !found && !result && !is_over(x);) {
        enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
        to *= TIMES_EDGE;
        result = try_size(x, whole, chosen, to, &verdict, first, e);
        if (!result && verdict == TL_REDUCE_FAIL)
            result = tl_reduce_holds_up(x->s, x->k, &found, e);
        if (found)
            *fails = to;
    }
    if (!found) {
        struct tl_reduce_candidate before = tl_reduce_copy(whole);
        tl_reduce_take(x->k, &before);
    }
    return result;
}

/* The size below the one that fails passes: that is next to it. */
static void keep_beside(struct sizes *x, const struct tl_reduce_candidate *whole,
                        const struct tl_reduce_places *chosen, int64_t fails)
{
    struct tl_reduce_candidate passing = tl_reduce_copy(whole);
    bool ignored;
    tl_reduce_resize(x->s, &passing, x->v, chosen, fails - 1, false, &ignored);
    tl_reduce_take(&x->v->beside, &passing);
    x->v->beside_size = fails;
}

/* What is chosen follows a size, to the smallest that fails. */
static int shrink(struct sizes *x, const struct tl_reduce_places *chosen, int64_t size, struct tl_error *e)
{
    if (!chosen->n || size < 2 || is_over(x))
        return 0;
    const int64_t probes[] = {1, size / 2, size - 1};
    struct tl_reduce_candidate whole = tl_reduce_copy(x->k);
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID, below = TL_REDUCE_INVALID;
    int64_t passes = 0, fails = size;
    bool first = false, of_best = false;
    int result = 0;
    char more[64];
    snprintf(more, sizeof more, "%lld at %zu places", (long long)size, chosen->n);
    tl_reduce_tell(x->s, more);
    for (size_t i = 0; i < TL_COUNT(probes) && verdict == TL_REDUCE_INVALID && !result && !is_over(x); i++) {
        if (probes[i] < 1 || probes[i] >= size || (i && probes[i] == probes[i - 1]))
            continue;
        result = try_size(x, &whole, chosen, probes[i], &verdict, &first, e);
        if (!result && verdict == TL_REDUCE_FAIL) {
            fails = probes[i];
            of_best = first;
        } else {
            passes = probes[i] > passes && verdict != TL_REDUCE_INVALID ? probes[i] : passes;
            below = verdict;
        }
    }
    bool can = verdict != TL_REDUCE_INVALID;
    while (can && !result && fails > passes + 1 && !is_over(x)) {
        int64_t to = passes + (fails - passes) / 2;
        result = try_size(x, &whole, chosen, to, &verdict, &first, e);
        if (!result && verdict == TL_REDUCE_FAIL) {
            fails = to;
            of_best = first;
        } else {
            passes = to;
            below = verdict;
        }
    }
    bool is = true;
    if (!result && fails > 1 && fails < size && below != TL_REDUCE_INVALID)
        result = look_at_edge(x, &whole, chosen, fails - 1, &is, e);
    if (!result && !is) {
        below = TL_REDUCE_STOPPED;
        result = beyond(x, &whole, chosen, fails, size, &fails, &of_best, e);
    }
    if (!result && below == TL_REDUCE_PASS && passes == fails - 1)
        keep_beside(x, &whole, chosen, fails);
    else if (fails < size)
        x->v->beside_size = 0; /* it is larger in this */
    tl_reduce_drop(&whole);
    x->changed = fails < size;
    if (x->changed)
        tl_reduce_follow(x->v, chosen, fails, of_best);
    if (x->changed || below == TL_REDUCE_PASS)
        note(x, chosen, fails, passes == fails - 1 ? below : TL_REDUCE_STOPPED);
    return result;
}

/* --- the ideas ---------------------------------------------------------------------------------------------------- */

static int symbols(struct sizes *x, struct tl_error *e)
{
    struct tl_reduce_places all;
    int result = 0;
    tl_reduce_places(x->s, x->k, &all);
    for (size_t i = 0; i < all.n && !result; i++) {
        const struct tl_reduce_place *p = &all.list[i];
        bool before = p->kind != TL_REDUCE_FED || !p->symbol || !*p->symbol;
        struct tl_reduce_places chosen = {0};
        for (size_t j = 0; j < all.n && !before; j++) {
            bool same = all.list[j].symbol && !strcmp(all.list[j].symbol, p->symbol);
            before = same && j < i;
            if (same && all.list[j].size == p->size)
                add(&chosen, &all.list[j], 1, false);
        }
        if (!before)
            result = shrink(x, &chosen, p->size, e);
        tl_reduce_places_free(&chosen);
    }
    tl_reduce_places_free(&all);
    return result;
}

enum follow { EQUAL, MULTIPLES, SQUARE };

/* All places of a size, and those that follow it. False: there is none of the latter, or no dimension at all. */
static bool choose(const struct tl_reduce_places *all, int64_t size, enum follow follow,
                   struct tl_reduce_places *chosen)
{
    bool dimension = false, more = follow == EQUAL;
    for (size_t i = 0; i < all->n; i++) {
        const struct tl_reduce_place *p = &all->list[i];
        bool square = follow == SQUARE && p->size == size * size;
        bool multiple = follow != EQUAL && !square && p->size > size && p->size % size == 0;
        if (p->of_shape || (p->size != size && !square && !multiple))
            continue;
        add(chosen, p, square ? 1 : p->size / size, square);
        dimension = dimension || is_dimension(p);
        more = more || square || (multiple && follow == MULTIPLES);
    }
    return dimension && more;
}

/* The largest size below another one. */
static int64_t next_size(const struct tl_reduce_places *all, int64_t below)
{
    int64_t size = 0;
    for (size_t i = 0; i < all->n; i++)
        if (all->list[i].size < below && all->list[i].size > size)
            size = all->list[i].size;
    return size;
}

static int equal(struct sizes *x, struct tl_error *e)
{
    int result = 0;
    struct tl_reduce_places all;
    tl_reduce_places(x->s, x->k, &all);
    for (int64_t size = INT64_MAX; (size = next_size(&all, size)) > 1 && !result && !is_over(x);) {
        x->changed = false;
        for (int follow = EQUAL; follow <= SQUARE && !x->changed && !result; follow++) {
            struct tl_reduce_places chosen = {0};
            if (choose(&all, size, (enum follow)follow, &chosen))
                result = shrink(x, &chosen, size, e);
            tl_reduce_places_free(&chosen);
        }
        tl_reduce_places_free(&all);
        tl_reduce_places(x->s, x->k, &all);
    }
    tl_reduce_places_free(&all);
    return result;
}

/* One place by itself; a number that is no dimension with the dimensions that are a multiple of it. How long a list is goes with no
 * other size. */
static int alone(struct sizes *x, struct tl_error *e)
{
    struct tl_reduce_places all;
    int result = 0;
    tl_reduce_places(x->s, x->k, &all);
    size_t n = all.n;
    for (size_t i = 0; i < n && i < all.n && i < PLACES_MOST && !result && !is_over(x); i++) {
        struct tl_reduce_places chosen = {0};
        int64_t size = all.list[i].size;
        x->changed = false;
        if (size < 2)
            continue;
        add(&chosen, &all.list[i], 1, false);
        for (size_t j = 0; j < all.n && !is_dimension(&all.list[i]); j++)
            if (j != i && all.list[j].size > size && all.list[j].size % size == 0)
                add(&chosen, &all.list[j], all.list[j].size / size, false);
        size_t of_size = 0;
        for (size_t j = 0; j < all.n; j++)
            of_size += all.list[j].size == size;
        if (is_dimension(&all.list[i]) ? of_size > 1 || all.list[i].of_shape : chosen.n > 1)
            result = shrink(x, &chosen, size, e);
        tl_reduce_places_free(&chosen);
        if (x->changed) {
            tl_reduce_places_free(&all);
            tl_reduce_places(x->s, x->k, &all);
        }
    }
    tl_reduce_places_free(&all);
    return result;
}

/* Of one size: every tensor along the same axis, then any two axes. */
static int axes(struct sizes *x, struct tl_error *e)
{
    struct tl_reduce_places all;
    int result = 0;
    tl_reduce_places(x->s, x->k, &all);
    for (size_t i = 0; i < all.n && i < PLACES_MOST && !result && !is_over(x); i++) {
        struct tl_reduce_places same = {0};
        const struct tl_reduce_place p = all.list[i];
        size_t of_size = 0;
        bool before = !is_dimension(&p) || p.of_shape || p.size < 2;
        x->changed = false;
        for (size_t j = 0; j < all.n && !before; j++) {
            bool here = is_dimension(&all.list[j]) && !all.list[j].of_shape && all.list[j].size == p.size;
            of_size += here;
            before = here && all.list[j].at == p.at && j < i;
            if (here && all.list[j].at == p.at)
                add(&same, &all.list[j], 1, false);
        }
        if (!before && same.n > 1 && same.n < of_size)
            result = shrink(x, &same, p.size, e);
        tl_reduce_places_free(&same);
        for (size_t j = i + 1; is_dimension(&p) && p.size > 1 && of_size > 2 && of_size < 7 && j < all.n &&
                               !result && !x->changed && !is_over(x);
             j++) {
            struct tl_reduce_places two = {0};
            if (!is_dimension(&all.list[j]) || all.list[j].size != p.size || all.list[j].at == p.at)
                continue;
            add(&two, &p, 1, false);
            add(&two, &all.list[j], 1, false);
            result = shrink(x, &two, p.size, e);
            tl_reduce_places_free(&two);
        }
        if (x->changed) {
            tl_reduce_places_free(&all);
            tl_reduce_places(x->s, x->k, &all);
        }
    }
    tl_reduce_places_free(&all);
    return result;
}

/* Places that stand alone with their size by now, as others of that size became smaller. */
static int left_alone(struct sizes *x, struct tl_error *e)
{
    struct tl_reduce_places all;
    int result = 0;
    tl_reduce_places(x->s, x->k, &all);
    for (size_t i = 0; i < all.n && i < PLACES_MOST && !result && !is_over(x); i++) {
        const struct tl_reduce_place *p = &all.list[i];
        const struct known *k = known_of(x, p);
        struct tl_reduce_places chosen = {0};
        size_t of_size = 0;
        for (size_t j = 0; j < all.n; j++)
            of_size += all.list[j].size == p->size;
        if (!is_dimension(p) || p->of_shape || p->size < 2 || of_size > 1 ||
            (k && (k->below == TL_REDUCE_PASS || k->below == TL_REDUCE_OTHER)))
            continue;
        add(&chosen, p, 1, false);
        x->changed = false;
        result = shrink(x, &chosen, p->size, e);
        tl_reduce_places_free(&chosen);
        if (x->changed) {
            tl_reduce_places_free(&all);
            tl_reduce_places(x->s, x->k, &all);
        }
    }
    tl_reduce_places_free(&all);
    return result;
}

int tl_reduce_sizes(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    struct sizes x = {.s = s, .k = k, .v = v, .began = s->lasted};
    if (tl_reduce_count(s, k) > NODES_MOST)
        return 0;
    tl_reduce_step(s, "sizes");
    tl_reduce_tell(s, "");
    int result = tl_reduce_stay_valid(s, k, e) || symbols(&x, e) || equal(&x, e) || alone(&x, e) ||
                         axes(&x, e) || left_alone(&x, e)
                     ? -1
                     : 0;
    tl_reduce_stay_valid_end(s);
    tell_sizes(&x);
    for (size_t i = 0; i < x.n_known; i++)
        free(x.known[i].place.name);
    free(x.known);
    return result;
}
