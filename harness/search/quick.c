/* A quick search: an answer in as few trials as there can be, for trials that take minutes.
 *
 * Up to M it is the same search, with one run of F at first and one trial of everything (in a process of its own, so that
 * it counts for the whole search later). It runs nothing ahead. What is left out is all that makes sure: M's other runs and
 * its neighbours', other values, needs, other triggers, random variants.
 *
 * Other places of the same bug are looked for without trying M's neighbours (headline.c). An axis may stay in M for the sake
 * of its signature alone where a variant without it failed in another way of the same kind, and where M without it is not
 * as simple as one that passed. All these are reset at once, and one by one if that does not fail. Whether what shows then
 * is the same bug is not judged: the answer says that it may be two.
 *
 * What is left of it here is one confirmation of both sides, and it costs a fifth of the search at most: trials <= 1.2 x
 * search trials, whatever the problem. Within that, and in this order: a neighbour of M that passes where none was met on
 * the way; M again; that neighbour again; the neighbours that were never tried, once each. A failure that shows every time
 * and is monotone is isolated right by the search alone, since a pass says the same of all that is simpler. If it is not
 * monotone, a neighbour that was not tried may fail; so the answer is never called complete. If it does not show every
 * time, one run of each variant finds nothing: as soon as a variant is seen to fail and to pass the search ends and says
 * so.
 *
 * The same search without `quick` asks for the same trials and for more. So with the same answers it goes on where this
 * one ended, and runs none of them again. */
#include "harness/search/internal.h"

static bool affordable(const struct tl_search *s)
{
    /* A wrong guess costs its trials and none of these. */
    return 5 * (s->n_runs - s->useless + 1) <= 6 * (s->search_trials - s->useless);
}

uint64_t tl_quick_left(const struct tl_search *s, uint64_t search_left)
{
    return search_left > UINT64_MAX - s->search_trials ? UINT64_MAX / 5
                                                       : (s->search_trials + search_left) / 5;
}

void tl_quick_flaky(struct tl_search *s)
{
    s->noisy = true;
    tl_search_note(s, TL_NOTE_FLAKY);
    tl_isolate_end(s);
}

/* Whether a variant is as simple as one that failed in no way, or simpler: if the failure is monotone, it passes. */
static bool is_below_a_pass(const struct tl_search *s, const uint64_t *index)
{
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next) {
            bool below = p->seen[TL_SEARCH_PASS] > 0 && p->seen[TL_SEARCH_PASS] == tl_runs_seen(p->seen);
            for (size_t a = 0; a < s->n && below; a++)
                below = index[a] == p->index[a] || index[a] == 0 ||
                        (s->space->axes[a].ordered && index[a] < p->index[a]);
            if (below)
                return true;
        }
    }
    return false;
}

/* Whether a variant that has the axis at its baseline was seen to fail in another way of the same kind. */
static bool shows_elsewhere(const struct tl_search *s, size_t axis)
{
    for (size_t i = 0; i < s->n_buckets; i++)
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next)
            if (p->index[axis] == 0 && p->seen[TL_SEARCH_MATCH] == 0 && p->shows != NULL)
                return true;
    return false;
}

bool tl_quick_masked(struct tl_search *s, bool *masked)
{
    bool any = false;
    for (size_t a = 0; a < s->n; a++) {
        masked[a] =
            s->best[a] != 0 && shows_elsewhere(s, a) && !is_below_a_pass(s, tl_search_beside(s, a, 0));
        any = any || masked[a];
    }
    return any;
}

static struct tl_point *point_of(struct tl_search *s, const struct tl_neighbour *n)
{
    return tl_point_get(s, tl_search_beside(s, n->axis, n->value));
}

/* The first simpler neighbour of M of which that is known; NULL. */
static const struct tl_neighbour *find(struct tl_search *s, enum tl_judgement j)
{
    const struct tl_isolate_state *z = s->isolate;
    for (size_t i = 0; i < z->n_neighbours; i++) {
        const struct tl_point *p = point_of(s, &z->neighbours[i]);
        bool is = j == TL_JUDGE_PENDING ? p->told == 0 && !tl_point_closed(p)
                                        : p->told > 0 && tl_point_verdict(p) == j;
        if (z->neighbours[i].simpler && is)
            return &z->neighbours[i];
    }
    return NULL;
}

/* Has it run so often, where that can be afforded. *flaky: it did not do the same every time. */
static enum tl_search_progress repeat(struct tl_search *s, const struct tl_point *p, uint32_t runs,
                                      size_t axis, bool *flaky)
{
    if (p->told < runs && !tl_point_closed(p) && affordable(s) &&
        tl_want(s, p->index, runs, true, axis == TL_NO_AXIS ? TL_SEARCH_CONFIRM : TL_SEARCH_NEIGHBOUR, axis,
                0, 0) == NULL)
        return TL_PENDING;
    uint32_t failed = p->seen[TL_SEARCH_MATCH];
    *flaky = *flaky || (failed > 0 && failed < tl_runs_seen(p->seen));
    return TL_DONE;
}

enum tl_search_progress tl_quick_step(struct tl_search *s)
{
    bool flaky = s->mixed || s->noisy;
    tl_neighbours_find(s);
    const struct tl_neighbour *passes = find(s, TL_JUDGE_PASS), *next;
    if (passes == NULL && find(s, TL_JUDGE_FAIL) == NULL && (next = find(s, TL_JUDGE_PENDING)) != NULL &&
        affordable(s)) {
        tl_want(s, point_of(s, next)->index, 1, true, TL_SEARCH_NEIGHBOUR, next->axis, 0, 0);
        return TL_PENDING;
    }
    const struct tl_point *pass = passes != NULL ? point_of(s, passes) : NULL;
    if (repeat(s, tl_point_get(s, s->best), 2, TL_NO_AXIS, &flaky) == TL_PENDING ||
        (pass != NULL && !flaky && repeat(s, pass, 2, passes->axis, &flaky) == TL_PENDING))
        return TL_PENDING;
    if (!flaky && (next = find(s, TL_JUDGE_PENDING)) != NULL && affordable(s)) {
        tl_want(s, point_of(s, next)->index, 1, true, TL_SEARCH_NEIGHBOUR, next->axis, 0, 0);
        return TL_PENDING;
    }
    const struct tl_neighbour *fails = flaky ? NULL : find(s, TL_JUDGE_FAIL);
    if (fails != NULL) {
        struct tl_neighbours_tried t = {.failed = point_of(s, fails)->index, .failed_at = fails};
        tl_neighbour_take(s, &t);
    } else if (flaky) {
        tl_quick_flaky(s);
    } else {
        tl_isolate_end(s);
    }
    return TL_DONE;
}
