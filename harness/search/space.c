/* The space of variants, what is known of each of them, and the queue of trials.
 *
 * A hash table holds a point for every variant that was looked at: how often it was asked for and told, and
 * what was seen. A trial is never thrown away, and the same variant never costs a trial twice for two steps
 * that want to know the same of it.
 *
 * Signatures are interned, so that equal ones are the same pointer. The one that is isolated is either given
 * or the most frequent one of F; until it is known, failures have no outcome, and tl_search_learn gives them
 * one.
 *
 * tl_judge is the verdict on one variant, and a one-sided sequential test where the failure is flaky. A
 * single failure ends it: the variant fails. It passes after so many passes in a row that a variant which
 * fails at the rate of M would show them with a chance of at most alpha, averaged over what is believed of
 * that rate (noise.c). Runs are asked for in portions, as the first failure makes the rest of them
 * unnecessary. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

unsigned tl_log2_ceil(uint64_t n)
{
    unsigned bits = 0;
    while (bits < 64 && ((uint64_t)1 << bits) < n)
        bits++;
    return bits;
}

static uint64_t mix(uint64_t x)
{
    /* splitmix64's finaliser */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t tl_random_below(uint64_t *state, uint64_t below)
{
    /* Rejection keeps it uniform; at most half of the values are rejected. */
    uint64_t limit = UINT64_MAX - UINT64_MAX % below, x;
    do {
        *state += 0x9e3779b97f4a7c15u;
        x = mix(*state);
    } while (x >= limit);
    return x % below;
}

uint64_t tl_search_random(struct tl_search *s, uint64_t below)
{
    return tl_random_below(&s->random, below);
}

uint64_t *tl_index_copy(const struct tl_search *s, const uint64_t *index)
{
    uint64_t *copy = tl_calloc(s->n + 1, sizeof *copy); /* never of size 0 */
    if (s->n > 0)
        memcpy(copy, index, s->n * sizeof *copy);
    return copy;
}

bool tl_index_equal(const struct tl_search *s, const uint64_t *a, const uint64_t *b)
{
    return s->n == 0 || memcmp(a, b, s->n * sizeof *a) == 0;
}

static uint64_t hash_index(const struct tl_search *s, const uint64_t *index)
{
    uint64_t h = 0x243f6a8885a308d3u;
    for (size_t i = 0; i < s->n; i++)
        if (index[i] != 0)
            h += mix(index[i] * 0x9e3779b97f4a7c15u + i + 1);
    return mix(h);
}

static void grow_buckets(struct tl_search *s)
{
    size_t n = s->n_buckets * 2;
    struct tl_point **buckets = tl_calloc(n, sizeof(struct tl_point *));
    for (size_t i = 0; i < s->n_buckets; i++) {
        struct tl_point *next;
        for (struct tl_point *p = s->buckets[i]; p != NULL; p = next) {
            next = p->next;
            p->next = buckets[p->hash & (n - 1)];
            buckets[p->hash & (n - 1)] = p;
        }
    }
    free(s->buckets);
    s->buckets = buckets;
    s->n_buckets = n;
}

struct tl_point *tl_point_get(struct tl_search *s, const uint64_t *index)
{
    uint64_t h = hash_index(s, index);
    for (struct tl_point *p = s->buckets[h & (s->n_buckets - 1)]; p != NULL; p = p->next)
        if (p->hash == h && tl_index_equal(s, p->index, index))
            return p;
    if (s->n_points >= s->n_buckets)
        grow_buckets(s);
    struct tl_point *p = tl_calloc(1, sizeof *p);
    p->hash = h;
    p->index = tl_index_copy(s, index);
    p->forbidden = s->space->forbidden != NULL && s->space->forbidden(s->space->context, index);
    p->next = s->buckets[h & (s->n_buckets - 1)];
    s->buckets[h & (s->n_buckets - 1)] = p;
    s->n_points++;
    return p;
}

const uint64_t *tl_search_beside(struct tl_search *s, size_t axis, uint64_t value)
{
    memcpy(s->scratch, s->best, s->n * sizeof *s->scratch);
    s->scratch[axis] = value;
    return s->scratch;
}

/* Of two variants that differ in one axis only, by its value. */
static int by_value(const void *a, const void *b)
{
    const struct tl_point *x = *(const struct tl_point *const *)a, *y = *(const struct tl_point *const *)b;
    if (x == y)
        return 0;
    size_t i = 0;
    while (x->index[i] == y->index[i])
        i++;
    return x->index[i] < y->index[i] ? -1 : 1;
}

const struct tl_point **tl_search_along(const struct tl_search *s, size_t axis, size_t *n)
{
    const struct tl_point **list = tl_calloc(s->n_points + 1, sizeof *list);
    *n = 0;
    for (size_t i = 0; i < s->n_buckets; i++) {
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next) {
            bool along = p->told > 0 || p->forbidden;
            for (size_t j = 0; j < s->n && along; j++)
                along = j == axis || p->index[j] == s->best[j];
            if (along)
                list[(*n)++] = p;
        }
    }
    qsort(list, *n, sizeof *list, by_value);
    return list;
}

bool tl_point_closed(const struct tl_point *p)
{
    return p->forbidden || p->seen[TL_SEARCH_UNSUPPORTED] > 0 || p->seen[TL_SEARCH_LOST] > 0;
}

uint64_t tl_search_budget_left(const struct tl_search *s)
{
    if (s->options.max_trials == 0)
        return UINT64_MAX;
    return s->options.max_trials > s->n_runs ? s->options.max_trials - s->n_runs : 0;
}

static bool counts(enum tl_search_purpose purpose)
{
    return purpose == TL_SEARCH_BASELINE || purpose == TL_SEARCH_AXES || purpose == TL_SEARCH_THRESHOLD;
}

struct tl_point *tl_want(struct tl_search *s, const uint64_t *index, uint32_t n, bool fresh,
                         enum tl_search_purpose purpose, size_t axis, uint64_t detail, uint64_t of)
{
    struct tl_point *p = tl_point_get(s, index);
    if (tl_point_closed(p) && p->asked == p->told) {
        if (counts(purpose) && p->told > p->counted) {
            s->search_trials += p->told - p->counted;
            p->counted = p->told;
        }
        return p;
    }
    if ((fresh ? p->told_fresh : p->told) >= n) {
        if (counts(purpose) && p->counted < n) {
            s->search_trials += n - p->counted;
            p->counted = n;
        }
        return p;
    }
    while ((fresh ? p->asked_fresh : p->asked) < n) {
        if (tl_search_budget_left(s) == 0)
            return NULL;
        if (s->n_runs == s->capacity_runs) {
            s->capacity_runs = s->capacity_runs == 0 ? 64 : 2 * s->capacity_runs;
            s->runs = tl_realloc(s->runs, s->capacity_runs, sizeof *s->runs);
        }
        s->runs[s->n_runs++] = (struct tl_search_run){.point = p,
                                                      .repeat = p->asked,
                                                      .fresh = fresh,
                                                      .purpose = purpose,
                                                      .axis = axis,
                                                      .detail = detail,
                                                      .of = of,
                                                      .signature = NULL};
        p->asked++;
        if (fresh)
            p->asked_fresh++;
    }
    return NULL;
}

enum tl_judgement tl_point_verdict(const struct tl_point *p)
{
    if (p->seen[TL_SEARCH_MATCH] > 0)
        return TL_JUDGE_FAIL;
    if (tl_point_closed(p))
        return TL_JUDGE_UNRESOLVED;
    return p->seen[TL_SEARCH_PASS] > 0 ? TL_JUDGE_PASS : TL_JUDGE_OTHER;
}

enum tl_judgement tl_judge(struct tl_search *s, const uint64_t *index, uint32_t runs, bool fresh,
                           double alpha, enum tl_search_purpose purpose, size_t axis, uint64_t detail,
                           uint64_t of)
{
    if (s->noisy) {
        struct tl_rate_belief b;
        tl_search_rates(s, &b);
        uint32_t need = tl_rate_belief_passes(&b, alpha);
        if (need > runs)
            runs = need;
        const struct tl_point *known = tl_point_get(s, index);
        uint32_t told = fresh ? known->told_fresh : known->told;
        const uint32_t *seen = fresh ? known->seen_fresh : known->seen;
        if (seen[TL_SEARCH_MATCH] > 0)
            return TL_JUDGE_FAIL;
        /* In portions, as one failure is enough. */
        uint32_t portion = s->options.width > 4 ? s->options.width : 4;
        if (runs > told + portion)
            runs = told + portion;
        const struct tl_point *p = tl_want(s, index, runs, fresh, purpose, axis, detail, of);
        if (p == NULL)
            return TL_JUDGE_PENDING;
        return tl_point_verdict(p);
    }
    const struct tl_point *p = tl_want(s, index, runs, fresh, purpose, axis, detail, of);
    if (p == NULL)
        return TL_JUDGE_PENDING;
    if (p->seen[TL_SEARCH_MATCH] > 0 && p->seen[TL_SEARCH_PASS] > 0)
        s->mixed = true;
    return tl_point_verdict(p);
}

void tl_search_note(struct tl_search *s, enum tl_search_note n)
{
    s->notes[n] = true;
}

void tl_search_adopt(struct tl_search *s, const uint64_t *index)
{
    if (s->n > 0)
        memmove(s->best, index, s->n * sizeof *index);
}

void tl_search_rates_known(const struct tl_search *s, struct tl_rate_belief *b)
{
    tl_rate_belief_init(b);
    if (s->options.known_failed <= s->options.known_runs && s->options.known_failed > 0)
        tl_rate_belief_update(b, s->options.known_failed, s->options.known_runs - s->options.known_failed);
}

void tl_search_rates(struct tl_search *s, struct tl_rate_belief *b)
{
    tl_search_rates_known(s, b);
    const struct tl_point *m = tl_point_get(s, s->best);
    const struct tl_point *f = s->failing == NULL ? m : tl_point_get(s, s->failing);
    uint64_t failed = m->seen[TL_SEARCH_MATCH], passed = m->told - failed;
    /* F may fail more often than M does: it counts only while little is known of M. */
    if (f != m && m->told < 8) {
        failed += f->seen[TL_SEARCH_MATCH];
        passed += f->told - f->seen[TL_SEARCH_MATCH];
    }
    tl_rate_belief_update(b, failed, passed);
}

static const char *intern(struct tl_search *s, const char *string)
{
    for (size_t i = 0; i < s->n_strings; i++)
        if (strcmp(s->strings[i], string) == 0)
            return s->strings[i];
    s->strings = tl_realloc(s->strings, s->n_strings + 1, sizeof *s->strings);
    s->strings[s->n_strings] = tl_strdup(string);
    return s->strings[s->n_strings++];
}

static void classify(struct tl_search *s, struct tl_search_run *r)
{
    enum tl_search_outcome o = TL_SEARCH_NONE;
    switch (r->kind) {
    case TL_TOLD_PASS:
        o = TL_SEARCH_PASS;
        break;
    case TL_TOLD_FAIL:
        /* Signatures are interned: equal means identical. */
        if (s->target != NULL)
            o = r->signature == s->target ? TL_SEARCH_MATCH : TL_SEARCH_OTHER;
        break;
    case TL_TOLD_UNSUPPORTED:
        o = TL_SEARCH_UNSUPPORTED;
        break;
    case TL_TOLD_LOST:
        o = TL_SEARCH_LOST;
        break;
    }
    if (o == TL_SEARCH_NONE || r->outcome != TL_SEARCH_NONE)
        return;
    r->outcome = o;
    r->point->seen[o]++;
    if (r->fresh)
        r->point->seen_fresh[o]++;
}

void tl_search_learn(struct tl_search *s)
{
    if (s->target == NULL) {
        size_t best = 0;
        for (size_t i = 0; i < s->n_runs; i++) {
            const struct tl_search_run *r = &s->runs[i];
            if (!r->told || r->kind != TL_TOLD_FAIL)
                continue;
            size_t n = 0;
            for (size_t j = 0; j < s->n_runs; j++)
                if (s->runs[j].told && s->runs[j].kind == TL_TOLD_FAIL &&
                    s->runs[j].signature == r->signature)
                    n++;
            if (n > best) {
                best = n;
                s->target = r->signature;
            }
        }
    }
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].told)
            classify(s, &s->runs[i]);
}

struct tl_search *tl_search_create(const struct tl_search_space *space, const uint64_t *failing,
                                   const struct tl_search_options *options)
{
    for (size_t i = 0; i < space->n_axes; i++)
        if (space->axes[i].count == 0 || failing[i] >= space->axes[i].count)
            return NULL;
    struct tl_search *s = tl_calloc(1, sizeof *s);
    s->own_space = *space;
    s->space = &s->own_space;
    s->n = space->n_axes;
    if (options != NULL)
        s->options = *options;
    struct tl_search_options *o = &s->options;
    o->width = o->width == 0 ? 1 : o->width;
    if (!(o->confidence > 0.5 && o->confidence < 1))
        o->confidence = 0.99;
    o->reproduce_runs = o->reproduce_runs == 0 ? 3 : o->reproduce_runs;
    o->reproduce_most = o->reproduce_most == 0 ? 21 : o->reproduce_most;
    if (o->reproduce_most < o->reproduce_runs)
        o->reproduce_most = o->reproduce_runs;
    o->confirm_runs = o->confirm_runs == 0 ? 5 : o->confirm_runs;
    o->neighbour_runs = o->neighbour_runs == 0 ? 2 : o->neighbour_runs;
    o->generalise_runs = o->generalise_runs == 0 ? 8 : o->generalise_runs;
    o->widen_most = o->widen_most == 0 ? 32 : o->widen_most;
    o->band_runs = o->band_runs == 0 ? 16 : o->band_runs;
    s->random = mix(o->seed + 0x9e3779b97f4a7c15u);
    s->n_buckets = 64;
    s->buckets = tl_calloc(s->n_buckets, sizeof(struct tl_point *));
    s->scratch = tl_calloc(s->n + 1, sizeof *s->scratch);
    s->failing = tl_index_copy(s, failing);
    s->best = tl_index_copy(s, failing);
    if (o->signature != NULL)
        s->target = intern(s, o->signature);
    o->signature = NULL;
    return s;
}

void tl_result_clear(struct tl_search_result *r)
{
    for (size_t i = 0; i < r->n_triggers; i++) {
        struct tl_search_trigger *t = &r->triggers[i];
        free(t->fails_with);
        free(t->passes_with);
        free(t->other_with);
        free(t->unsupported_with);
        free(t->band.samples);
    }
    free(r->triggers);
    free(r->joint);
    free(r->irrelevant);
    free(r->decisive);
    free(r->others);
    free(r->path);
    free(r->ranges);
    free(r->unsupported_builds);
    free(r->corners);
    *r = (struct tl_search_result){0};
}

void tl_search_free(struct tl_search *s)
{
    if (s == NULL)
        return;
    if (s->release != NULL)
        s->release(s);
    tl_result_clear(&s->result);
    for (size_t i = 0; i < s->n_buckets; i++) {
        struct tl_point *next;
        for (struct tl_point *p = s->buckets[i]; p != NULL; p = next) {
            next = p->next;
            free(p->index);
            free(p);
        }
    }
    for (size_t i = 0; i < s->n_strings; i++)
        free(s->strings[i]);
    free(s->strings);
    free(s->buckets);
    free(s->runs);
    free(s->scratch);
    free(s->failing);
    free(s->best);
    free(s);
}

int tl_search_tell(struct tl_search *s, uint64_t id, enum tl_search_told told, const char *signature)
{
    if (id >= s->handed || s->runs[id].told)
        return -1;
    struct tl_search_run *r = &s->runs[id];
    r->told = true;
    r->kind = told;
    if (told == TL_TOLD_FAIL)
        r->signature = intern(s, signature == NULL ? "" : signature);
    r->point->told++;
    if (r->fresh)
        r->point->told_fresh++;
    if (told == TL_TOLD_LOST)
        tl_search_note(s, TL_NOTE_LOST);
    classify(s, r);
    s->told++;
    return 0;
}
