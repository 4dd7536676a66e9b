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
 * A failure matches when it has that signature (strict); in a wide search also when it has another of the same
 * kind, unless that was judged to be another bug. Judgements are asked for only where something depends on
 * them: when a variant is about to be taken for a failure on the word of such a signature alone. When the match
 * changes, or a judgement comes, all outcomes are made anew from what was told. */
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
    tl_counted_new_point(s, p);
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

void tl_search_samples(struct tl_search *s, size_t axis)
{
    struct tl_search_band *b = &s->isolate->bands[axis];
    size_t n;
    const struct tl_point **list = tl_search_along(s, axis, &n);
    free(b->samples);
    b->n_samples = 0;
    b->samples = tl_calloc(n + 1, sizeof *b->samples);
    for (size_t i = 0; i < n; i++)
        if (!tl_point_closed(list[i]))
            b->samples[b->n_samples++] =
                (struct tl_search_rate){list[i]->index[axis], list[i]->seen[TL_SEARCH_MATCH], list[i]->told};
    free(list);
}

bool tl_point_closed(const struct tl_point *p)
{
    return p->forbidden || p->seen[TL_SEARCH_UNSUPPORTED] > 0 || p->seen[TL_SEARCH_LOST] > 0;
}

enum tl_judgement tl_point_verdict(const struct tl_point *p)
{
    if (p->seen[TL_SEARCH_MATCH] > 0 && !p->rarer)
        return TL_JUDGE_FAIL;
    if (tl_point_closed(p))
        return TL_JUDGE_UNRESOLVED;
    if (p->rarer)
        return TL_JUDGE_PASS;
    return p->seen[TL_SEARCH_PASS] > 0 ? TL_JUDGE_PASS : TL_JUDGE_OTHER;
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

static const char *intern(struct tl_search *s, const char *string)
{
    for (size_t i = 0; i < s->n_strings; i++)
        if (strcmp(s->strings[i], string) == 0)
            return s->strings[i];
    s->strings = tl_realloc(s->strings, s->n_strings + 1, sizeof *s->strings);
    s->strings[s->n_strings] = tl_strdup(string);
    return s->strings[s->n_strings++];
}

static struct tl_known_place *place_of(struct tl_search *s, const struct tl_search_failure *f,
                                       struct tl_point *p)
{
    const char *signature = intern(s, f->signature == NULL ? "" : f->signature);
    struct tl_known_place *place = NULL;
    for (size_t i = 0; i < s->n_places && place == NULL; i++)
        if (s->places[i]->signature == signature)
            place = s->places[i];
    if (place == NULL) {
        s->places = tl_realloc(s->places, s->n_places + 1, sizeof(struct tl_known_place *));
        place = s->places[s->n_places++] = tl_calloc(1, sizeof *place);
        place->signature = signature;
        place->first = p;
    }
    if (place->kind == NULL && f->kind != NULL)
        place->kind = intern(s, f->kind);
    if (place->relation == TL_RELATION_OPEN)
        place->relation = f->relation;
    return place;
}

/* Signatures and kinds are interned: equal means identical. */
static bool of_the_kind(const struct tl_search *s, const struct tl_known_place *f)
{
    return s->target_kind != NULL && f->kind == s->target_kind && f->relation != TL_RELATION_OTHER;
}

static void classify_failure(struct tl_search *s, struct tl_search_run *r)
{
    struct tl_point *p = r->point;
    if (s->target == NULL)
        return;
    bool exact = r->place->signature == s->target;
    if (exact && s->target_kind == NULL)
        s->target_kind = r->place->kind;
    r->outcome = exact || (s->wide && of_the_kind(s, r->place)) ? TL_SEARCH_MATCH : TL_SEARCH_OTHER;
    p->exact += exact;
    if (!exact && p->shows == NULL && of_the_kind(s, r->place))
        p->shows = r->place;
}

static void classify(struct tl_search *s, struct tl_search_run *r)
{
    static const enum tl_search_outcome plain[] = {[TL_TOLD_PASS] = TL_SEARCH_PASS,
                                                   [TL_TOLD_UNSUPPORTED] = TL_SEARCH_UNSUPPORTED,
                                                   [TL_TOLD_LOST] = TL_SEARCH_LOST};
    if (r->outcome != TL_SEARCH_NONE || r->purpose == TL_SEARCH_JUDGE)
        return;
    if (r->kind == TL_TOLD_FAIL)
        classify_failure(s, r);
    else
        r->outcome = plain[r->kind];
    if (r->outcome == TL_SEARCH_NONE)
        return;
    r->point->seen[r->outcome]++;
    if (r->fresh)
        r->point->seen_fresh[r->outcome]++;
    tl_counted_seen(s, r);
}

static void classify_all(struct tl_search *s)
{
    for (size_t i = 0; i < s->n_runs; i++)
        if (s->runs[i].told)
            classify(s, &s->runs[i]);
}

void tl_search_rematch(struct tl_search *s, bool wide)
{
    s->wide = wide;
    s->matches++;
    for (size_t i = 0; i < s->n_buckets; i++)
        for (struct tl_point *p = s->buckets[i]; p != NULL; p = p->next) {
            memset(p->seen, 0, sizeof p->seen);
            memset(p->seen_fresh, 0, sizeof p->seen_fresh);
            p->exact = 0;
            p->shows = NULL;
        }
    for (size_t i = 0; i < s->n_runs; i++)
        s->runs[i].outcome = TL_SEARCH_NONE;
    classify_all(s);
    for (size_t i = 0; i < s->n_runs; i++) {
        struct tl_point *p = s->runs[i].point;
        p->rarer = p->rarer && 2 * p->seen[TL_SEARCH_MATCH] < tl_runs_seen(p->seen);
    }
}

bool tl_search_several_places(struct tl_search *s, struct tl_point *p)
{
    if (p->exact == 0 || p->shows == NULL)
        return false;
    for (size_t i = 0; i < s->n_runs; i++) {
        struct tl_known_place *f = s->runs[i].point == p ? s->runs[i].place : NULL;
        if (f != NULL && of_the_kind(s, f))
            f->relation = TL_RELATION_SAME;
    }
    return true;
}

void tl_search_learn(struct tl_search *s)
{
    if (s->target == NULL) {
        size_t best = 0;
        for (size_t i = 0; i < s->n_runs; i++) {
            const struct tl_search_run *r = &s->runs[i];
            if (!r->told || r->place == NULL)
                continue;
            size_t n = 0;
            for (size_t j = 0; j < s->n_runs; j++)
                n += s->runs[j].told && s->runs[j].place == r->place;
            if (n > best) {
                best = n;
                s->target = r->place->signature;
            }
        }
    }
    /* Twice: what came before the first failure with this signature did not know its kind yet. */
    classify_all(s);
    tl_search_rematch(s, s->wide);
}

struct tl_search *tl_search_create(const struct tl_search_space *space, const uint64_t *failing,
                                   const struct tl_search_options *options)
{
    for (size_t i = 0; i < space->n_axes; i++)
        if (space->axes[i].count == 0 || (!space->axes[i].set && failing[i] >= space->axes[i].count))
            return NULL;
    struct tl_search *s = tl_calloc(1, sizeof *s);
    s->own_space = *space;
    s->space = &s->own_space;
    s->n = space->n_axes;
    if (options != NULL)
        s->options = *options;
    struct tl_search_options *o = &s->options;
    if (o->quick) {
        o->judge = o->causes = o->needs = o->every_value = false;
        o->no_generalise = true;
        o->width = 1;
        o->reproduce_runs = o->reproduce_runs == 0 ? 1 : o->reproduce_runs;
        o->reproduce_most = o->reproduce_most == 0 ? 3 : o->reproduce_most;
    }
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
    if (o->kind != NULL)
        s->target_kind = intern(s, o->kind);
    o->signature = o->kind = NULL;
    if (o->n_suspects > 0)
        s->suspects = tl_calloc(s->n + 1, sizeof *s->suspects);
    for (size_t i = 0; i < o->n_suspects; i++)
        if (o->suspects[i] < s->n)
            s->suspects[o->suspects[i]] = true;
    o->suspects = NULL;
    return s;
}

void tl_triggers_free(struct tl_search_trigger *triggers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct tl_search_trigger *t = &triggers[i];
        free(t->fails_with);
        free(t->passes_with);
        free(t->rarer_with);
        free(t->other_with);
        free(t->unsupported_with);
        free(t->band.samples);
    }
    free(triggers);
}

void tl_answer_clear(struct tl_search_answer *answer)
{
    tl_triggers_free(answer->triggers, answer->n_triggers);
    *answer = (struct tl_search_answer){0};
}

void tl_result_clear(struct tl_search_result *r)
{
    tl_triggers_free(r->triggers, r->n_triggers);
    free(r->joint);
    free(r->independent);
    free(r->reset);
    free(r->decisive);
    free(r->others);
    free(r->path);
    free(r->ranges);
    free(r->unsupported_builds);
    free(r->corners);
    free(r->places);
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
    for (size_t i = 0; i < s->n_places; i++)
        free(s->places[i]);
    free(s->places);
    free(s->strings);
    free(s->buckets);
    free(s->runs);
    free(s->scratch);
    free(s->suspects);
    free(s->failing);
    free(s->best);
    free(s);
}

static int tell(struct tl_search *s, uint64_t id, enum tl_search_told told,
                const struct tl_search_failure *failure)
{
    if (id >= s->handed || s->runs[id].told || s->runs[id].purpose == TL_SEARCH_JUDGE)
        return -1;
    struct tl_search_run *r = &s->runs[id];
    r->told = true;
    r->kind = told;
    if (told == TL_TOLD_FAIL)
        r->place = place_of(s, failure, r->point);
    r->point->told++;
    if (r->fresh)
        r->point->told_fresh++;
    if (told == TL_TOLD_LOST)
        tl_search_note(s, TL_NOTE_LOST);
    tl_counted_told(s, r);
    classify(s, r);
    s->told++;
    return 0;
}

int tl_search_tell(struct tl_search *s, uint64_t id, enum tl_search_told told, const char *signature)
{
    return tell(s, id, told, &(struct tl_search_failure){.signature = signature});
}

int tl_search_tell_failure(struct tl_search *s, uint64_t id, const struct tl_search_failure *failure)
{
    return tell(s, id, TL_TOLD_FAIL, failure);
}

int tl_search_tell_judgement(struct tl_search *s, uint64_t id, enum tl_search_relation relation,
                             uint32_t trials)
{
    if (id >= s->handed || s->runs[id].told || s->runs[id].purpose != TL_SEARCH_JUDGE)
        return -1;
    struct tl_search_run *r = &s->runs[id];
    r->told = true;
    r->judge_trials = trials;
    s->judge_trials += trials;
    r->place->relation = relation == TL_RELATION_OPEN ? TL_RELATION_UNKNOWN : relation;
    s->told++;
    tl_search_rematch(s, s->wide);
    return 0;
}
