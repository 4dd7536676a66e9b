/* Axes whose values are sets: the smallest part of M's set with which it still fails, all else held.
 *
 * To the other steps such an axis has two values that matter, F's set and the empty one (index 0), so that group testing
 * over the axes (ficbs.c) says first whether it is needed at all. Where it is, the engine of subset.c asks for parts of the
 * set that M has, and each is a variant of this search: outcomes, signatures, budget, and what is known already are the
 * same as for any other. The indices of sets have no order, and new ones come as parts are met: the space says which set
 * an index stands for (tl_search_space.part).
 *
 * The engine tells runs of one part apart by number. Its first test of a part takes the first run that is told of the
 * variant, the next one the next, so that what is known before counts; the removals one by one at the end want fresh
 * processes, and take fresh runs. When M changes on another axis, when outcomes are made anew, or when the search turns
 * noisy, the engine begins again from M: what it asked for is known.
 *
 * Whether the answer is minimal is not left to the engine. Every element of it taken away alone is a neighbour of M
 * (neighbours.c), as is what shows it next to all else. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

/* Removals one by one that are neighbours of M; beyond that many the engine's own are what shows it. */
#define NEIGHBOURS_MOST 64
#define WAYS_MOST                                                                                            \
    8 /* elements that are taken away one by one to break a part of the trigger; else all at once */

bool tl_is_set(const struct tl_search *s, size_t axis)
{
    return s->space->axes[axis].set;
}

/* --- Sets by their index ------------------------------------------------------------------------------- */

static struct tl_subset_range *ranges_of(const struct tl_search *s, size_t axis, uint64_t index, size_t *n)
{
    return s->space->ranges(s->space->context, axis, index, n);
}

size_t tl_set_size(const struct tl_search *s, size_t axis, uint64_t index)
{
    size_t n, size = 0;
    struct tl_subset_range *r = ranges_of(s, axis, index, &n);
    for (size_t i = 0; i < n; i++)
        size += (size_t)(r[i].last - r[i].first) + 1;
    free(r);
    return size;
}

/* The elements, in a new list. */
static uint32_t *elements_of(const struct tl_search *s, size_t axis, uint64_t index, size_t *size)
{
    size_t n, k = 0;
    struct tl_subset_range *r = ranges_of(s, axis, index, &n);
    *size = tl_set_size(s, axis, index);
    uint32_t *list = tl_calloc(*size + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        for (uint32_t e = r[i].first; e <= r[i].last; e++)
            list[k++] = e;
    free(r);
    return list;
}

/* The index of a set of elements, ascending. */
static uint64_t index_of(const struct tl_search *s, size_t axis, const uint32_t *list, size_t size)
{
    struct tl_subset_range *r = tl_calloc(size + 1, sizeof *r);
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        if (n > 0 && r[n - 1].last + 1 == list[i])
            r[n - 1].last = list[i];
        else
            r[n++] = (struct tl_subset_range){list[i], list[i]};
    }
    uint64_t index = s->space->part(s->space->context, axis, r, n);
    free(r);
    return index;
}

/* One set without the elements of another from place `first` on, so many of them. */
static uint64_t without(const struct tl_search *s, size_t axis, uint64_t from, uint64_t what, size_t first,
                        size_t count)
{
    size_t n, m, k = 0, kept = 0;
    uint32_t *list = elements_of(s, axis, from, &n), *gone = elements_of(s, axis, what, &m);
    size_t end = first + count < m ? first + count : m;
    k = first;
    for (size_t i = 0; i < n; i++) {
        while (k < end && gone[k] < list[i])
            k++;
        if (k >= end || gone[k] != list[i])
            list[kept++] = list[i];
    }
    uint64_t index = index_of(s, axis, list, kept);
    free(list);
    free(gone);
    return index;
}

uint64_t tl_set_remove(const struct tl_search *s, size_t axis, uint64_t from, uint64_t what, size_t place)
{
    return without(s, axis, from, what, place, 1);
}

bool tl_set_contains(const struct tl_search *s, size_t axis, uint64_t all, uint64_t part)
{
    size_t n, m;
    struct tl_subset_range *a = ranges_of(s, axis, all, &n), *b = ranges_of(s, axis, part, &m);
    bool contains = true;
    for (size_t i = 0, k = 0; k < m && contains; k++) {
        while (i < n && a[i].last < b[k].first)
            i++;
        contains = i < n && a[i].first <= b[k].first && a[i].last >= b[k].last;
    }
    free(a);
    free(b);
    return contains;
}

bool tl_is_next_set(const struct tl_search *s, size_t axis, uint64_t value)
{
    size_t size = tl_set_size(s, axis, s->best[axis]);
    return value == 0 || (size <= WAYS_MOST && tl_set_size(s, axis, value) + 1 == size &&
                          tl_set_contains(s, axis, s->best[axis], value));
}

size_t tl_set_neighbours(const struct tl_search *s, size_t axis, uint64_t index)
{
    size_t size = tl_set_size(s, axis, index);
    return size > 1 && size <= NEIGHBOURS_MOST ? size : 0;
}

/* Which element of a set another one lacks, of those that are otherwise the same. */
static bool lacks_one(const uint32_t *list, size_t n, const uint32_t *part, size_t m, size_t *place)
{
    size_t i = 0;
    if (m + 1 != n)
        return false;
    while (i < m && list[i] == part[i])
        i++;
    *place = i;
    while (i < m && list[i + 1] == part[i])
        i++;
    return i == m;
}

uint64_t tl_set_open(const struct tl_search *s, size_t axis, const struct tl_point **list, size_t n,
                     size_t *n_open)
{
    size_t size, of_part, place;
    uint32_t *elements = elements_of(s, axis, s->best[axis], &size);
    bool *open = tl_calloc(size + 1, sizeof *open);
    *n_open = 0;
    for (size_t i = 0; i < n && size > 1; i++) {
        enum tl_judgement j = tl_point_verdict(list[i]);
        if ((j != TL_JUDGE_OTHER && j != TL_JUDGE_UNRESOLVED) ||
            tl_set_size(s, axis, list[i]->index[axis]) + 1 != size)
            continue;
        uint32_t *part = elements_of(s, axis, list[i]->index[axis], &of_part);
        if (lacks_one(elements, size, part, of_part, &place))
            open[place] = true;
        free(part);
    }
    for (size_t i = 0; i < size; i++)
        if (open[i])
            elements[(*n_open)++] = elements[i];
    uint64_t index = *n_open ? index_of(s, axis, elements, *n_open) : 0;
    free(open);
    free(elements);
    return index;
}

size_t tl_set_ways(const struct tl_search *s, size_t axis, uint64_t what)
{
    size_t size = tl_set_size(s, axis, what);
    return size <= WAYS_MOST ? size : 1;
}

uint64_t tl_set_broken(const struct tl_search *s, size_t axis, uint64_t from, uint64_t what, size_t way)
{
    size_t size = tl_set_size(s, axis, what);
    return size <= WAYS_MOST ? without(s, axis, from, what, way, 1) : without(s, axis, from, what, 0, size);
}

/* --- The search for a part ----------------------------------------------------------------------------- */

/* A test of the engine, and the run of a variant that answers it. */
struct test {
    uint64_t id;
    struct tl_point *point;
    uint32_t number; /* of the run, among those of the variant; of a fresh one among the fresh ones */
    bool fresh;
    enum tl_search_purpose purpose;
};

/* How many runs of a variant the engine has asked for. */
struct use {
    const struct tl_point *point;
    uint32_t runs[2]; /* any, fresh */
};

struct tl_set_state {
    struct tl_subset *engine;
    size_t axis;
    unsigned matches; /* how often outcomes were made anew, when it began */
    bool noisy;
    uint32_t *elements; /* of M's set when it began: what the numbers of the engine stand for */
    uint64_t *held;     /* M, as it is left by this */
    size_t n_tests, n_uses;
    struct test *tests;
    struct use *uses;
};

void tl_set_free(struct tl_isolate_state *z)
{
    struct tl_set_state *t = z->set;
    if (t == NULL)
        return;
    tl_subset_free(t->engine);
    free(t->elements);
    free(t->held);
    free(t->tests);
    free(t->uses);
    free(t);
    z->set = NULL;
}

/* How often what is isolated fails, for the engine: always, or what is known of F and M. */
static void known_rate(struct tl_search *s, struct tl_subset_options *o)
{
    const struct tl_point *f = tl_point_get(s, s->failing), *m = tl_point_get(s, s->best);
    o->rate = s->noisy ? 0 : 1;
    o->known_failed = s->options.known_failed + f->seen[TL_SEARCH_MATCH];
    o->known_runs = s->options.known_runs + tl_runs_seen(f->seen);
    if (f != m) {
        o->known_failed += m->seen[TL_SEARCH_MATCH];
        o->known_runs += tl_runs_seen(m->seen);
    }
}

static void begin(struct tl_search *s, size_t axis)
{
    struct tl_isolate_state *z = s->isolate;
    struct tl_set_state *t = z->set = tl_calloc(1, sizeof *t);
    struct tl_subset_options o = {.seed = s->options.seed};
    const struct tl_point *empty = tl_point_get(s, tl_search_beside(s, axis, 0));
    enum tl_judgement j = empty->told > 0 ? tl_point_verdict(empty) : TL_JUDGE_UNRESOLVED;
    t->axis = axis;
    t->matches = s->matches;
    t->noisy = s->noisy;
    t->elements = elements_of(s, axis, s->best[axis], &o.n);
    t->held = tl_index_copy(s, s->best);
    o.empty_passes = !s->noisy && (j == TL_JUDGE_PASS || j == TL_JUDGE_OTHER);
    known_rate(s, &o);
    t->engine = tl_subset_new(&o);
}

/* Whether it is still M that is made smaller, by outcomes as they are read now. */
static bool holds(const struct tl_search *s)
{
    const struct tl_set_state *t = s->isolate->set;
    return t != NULL && t->matches == s->matches && t->noisy == s->noisy &&
           tl_index_equal(s, t->held, s->best);
}

/* The variant of a part: M with it. */
static uint64_t part_index(const struct tl_search *s, const struct tl_subset_range *ranges, size_t n)
{
    const struct tl_set_state *t = s->isolate->set;
    size_t size = 0, k = 0;
    for (size_t i = 0; i < n; i++)
        size += (size_t)(ranges[i].last - ranges[i].first) + 1;
    uint32_t *list = tl_calloc(size + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        for (uint32_t e = ranges[i].first; e <= ranges[i].last; e++)
            list[k++] = t->elements[e];
    uint64_t index = index_of(s, t->axis, list, size);
    free(list);
    return index;
}

static uint32_t next_run(struct tl_set_state *t, const struct tl_point *p, bool fresh)
{
    for (size_t i = 0; i < t->n_uses; i++)
        if (t->uses[i].point == p)
            return t->uses[i].runs[fresh]++;
    struct use *u = TL_GROW(t->uses, t->n_uses);
    *u = (struct use){.point = p};
    u->runs[fresh] = 1;
    return 0;
}

static void add_test(struct tl_search *s, const struct tl_subset_test *asked)
{
    struct tl_set_state *t = s->isolate->set;
    struct tl_point *p =
        tl_point_get(s, tl_search_beside(s, t->axis, part_index(s, asked->ranges, asked->n_ranges)));
    bool final = asked->purpose == TL_SUBSET_FINAL;
    *TL_GROW(t->tests, t->n_tests) = (struct test){asked->id, p, next_run(t, p, final), final,
                                                   final ? TL_SEARCH_NEIGHBOUR : TL_SEARCH_ELEMENTS};
}

/* A run of a variant by its number among those that are told. */
static const struct tl_search_run *run_of(const struct tl_search *s, const struct test *x)
{
    uint32_t number = 0;
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct tl_search_run *r = &s->runs[i];
        if (r->point == x->point && r->told && r->purpose != TL_SEARCH_JUDGE && (r->fresh || !x->fresh) &&
            number++ == x->number)
            return r;
    }
    return NULL;
}

static enum tl_subset_outcome outcome_of(const struct tl_search *s, const struct test *x)
{
    const struct tl_search_run *r = tl_point_closed(x->point) ? NULL : run_of(s, x);
    if (r == NULL)
        return TL_SUBSET_INVALID;
    if (r->outcome == TL_SEARCH_MATCH)
        return x->point->rarer ? TL_SUBSET_PASS : TL_SUBSET_FAIL;
    return r->outcome == TL_SEARCH_OTHER ? TL_SUBSET_OTHER : TL_SUBSET_PASS;
}

/* Tells the engine what is known of its tests by now. Returns whether one was told. */
static bool tell_tests(struct tl_search *s)
{
    struct tl_set_state *t = s->isolate->set;
    size_t kept = 0;
    bool told = false;
    for (size_t i = 0; i < t->n_tests; i++) {
        struct test x = t->tests[i];
        bool wanted = tl_subset_wanted(t->engine, x.id);
        const struct tl_point *p =
            wanted ? tl_want(s, x.point->index, x.number + 1, x.fresh, x.purpose, t->axis, 0, 0) : NULL;
        /* What would become M on the word of another signature is judged first. */
        if (wanted && (p == NULL || (outcome_of(s, &x) == TL_SUBSET_FAIL && tl_point_open(s, x.point)))) {
            t->tests[kept++] = x;
            continue;
        }
        told = true;
        tl_subset_tell(t->engine, x.id, wanted ? outcome_of(s, &x) : TL_SUBSET_LOST);
    }
    t->n_tests = kept;
    return told;
}

/* M takes the smallest part that was seen to fail. */
static void take_best(struct tl_search *s, const struct tl_subset_result *r)
{
    struct tl_set_state *t = s->isolate->set;
    uint64_t index = part_index(s, r->ranges, r->n_ranges);
    if (index == s->best[t->axis])
        return;
    tl_search_adopt(s, tl_search_beside(s, t->axis, index));
    t->held[t->axis] = index;
}

static enum tl_search_progress search_part(struct tl_search *s, size_t axis)
{
    struct tl_isolate_state *z = s->isolate;
    if (!holds(s) || z->set->axis != axis) {
        tl_set_free(z);
        begin(s, axis);
    }
    struct tl_set_state *t = z->set;
    for (;;) {
        struct tl_subset_test asked;
        enum tl_subset_next next = TL_SUBSET_WAIT;
        bool told = tell_tests(s);
        while (t->n_tests < s->options.width && (next = tl_subset_next(t->engine, &asked)) == TL_SUBSET_TEST)
            add_test(s, &asked);
        if (next == TL_SUBSET_DONE)
            break;
        take_best(s, tl_subset_result(t->engine));
        if (!told && !tell_tests(s))
            return TL_PENDING;
    }
    const struct tl_subset_result *r = tl_subset_result(t->engine);
    take_best(s, r);
    if (r->not_monotone)
        tl_search_note(s, TL_NOTE_NON_MONOTONE);
    s->mixed = s->mixed || (r->noisy && !s->noisy);
    z->choice_done[axis] = s->best[axis];
    tl_set_free(z);
    return TL_DONE;
}

enum tl_search_progress tl_sets_step(struct tl_search *s)
{
    for (size_t a = 0; a < s->n; a++) {
        if (!tl_is_set(s, a) || s->best[a] == 0 || s->isolate->choice_done[a] == s->best[a] ||
            s->isolate->pinned[a])
            continue;
        if (search_part(s, a) == TL_PENDING)
            return TL_PENDING;
    }
    return TL_DONE;
}
