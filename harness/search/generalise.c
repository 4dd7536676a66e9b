/* What the trigger says about variants that were not on the path.
 *
 * The isolation has seen M and what is next to it. Two steps ask whether the trigger holds elsewhere, which
 * is what the report wants to claim. They try to refute, so a probe or a draw that behaves as predicted
 * proves nothing by itself.
 *
 * `probe` tests the shape. On both sides of every threshold it tries values at distances of which each is
 * the square of the one before (2, 4, 16, 256, …) and a few at random, so that a slope or a hole of any
 * width is likely to be hit. A simpler value that fails becomes M. For every two thresholds it puts one axis
 * a step below its threshold and the other one back to F's value: where that fails, the thresholds depend on
 * each other, and frontier.c can draw their curve.
 *
 * `generalise` tests independence by random sampling. Some variants hold the trigger and draw all other axes
 * at random, some break one part of the trigger and draw the rest. An axis is called independent only if at
 * least eight draws that hold the trigger told something, every one of them failed, and they showed that it
 * fails with three values of the axis, or with all that it has; or if they are all variants that there are. Eight
 * of eight says, with 95 %, that
 * more than two thirds of all variants with the trigger fail (the limit is 0.05^(1/8) = 0.69), and no more
 * than that. A draw with the trigger broken that fails shows that there is another way to trigger the
 * failure.
 *
 * All draws are made before the first is tried, so they depend on nothing but the seed and M. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void add_probe(struct tl_search *s, size_t axis, uint64_t value, size_t more, bool should_fail)
{
    struct tl_isolate_state *z = s->isolate;
    uint64_t *index = tl_index_copy(s, s->best);
    index[axis] = value;
    if (more != TL_NO_AXIS)
        index[more] = s->failing[more];
    for (size_t i = 0; i < z->n_probes; i++) {
        if (tl_index_equal(s, z->probes[i].index, index)) {
            free(index);
            return;
        }
    }
    *TL_GROW(z->probes, z->n_probes) = (struct tl_probe){index, axis, more, should_fail};
}

/* 2, 4, 16, 256, 65536, 2^32. */
static uint64_t further(uint64_t d)
{
    return d > UINT32_MAX ? UINT64_MAX : d * d;
}

static void make_probes(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    for (size_t a = 0; a < s->n; a++) {
        uint64_t t = s->best[a], f = s->failing[a];
        if (!s->space->axes[a].ordered || t == 0 || z->bands[a].is_band || z->pinned[a])
            continue;
        /* On both sides at all distances: on a slope of whatever width some of them would not do as they
         * should. */
        if (f > t)
            add_probe(s, a, f, TL_NO_AXIS, true);
        for (uint64_t d = 2; d < f - t; d = further(d))
            add_probe(s, a, t + d, TL_NO_AXIS, true);
        int random = s->space->axes[a].count > s->options.widen_most ? 4 : 2;
        for (int i = 0; i < random && f > t + 1; i++)
            add_probe(s, a, t + 1 + tl_search_random(s, f - t - 1), TL_NO_AXIS, true);
        for (uint64_t d = 2; d < t; d = further(d))
            add_probe(s, a, t - d, TL_NO_AXIS, false);
        for (int i = 0; i < 2 && t > 2; i++)
            add_probe(s, a, 1 + tl_search_random(s, t - 2), TL_NO_AXIS, false);
        for (size_t b = 0; b < s->n; b++)
            if (b != a && s->space->axes[b].ordered && s->best[b] != 0 && s->failing[b] > s->best[b] &&
                !z->bands[b].is_band)
                add_probe(s, a, t - 1, b, false);
    }
    z->probes_made = true;
}

enum tl_search_progress tl_probe_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    if (!z->probes_made)
        make_probes(s);
    bool pending = false;
    const struct tl_probe *simpler = NULL;
    z->n_joint = 0;
    for (size_t i = 0; i < z->n_probes; i++) {
        const struct tl_probe *p = &z->probes[i];
        enum tl_judgement j =
            tl_judge(s, p->index, 1, false, 0.01, p->more == TL_NO_AXIS ? TL_SEARCH_PROBE : TL_SEARCH_JOINT,
                     p->axis, 0, 0);
        if (j == TL_JUDGE_PENDING) {
            pending = true;
        } else if (p->more != TL_NO_AXIS) {
            if (j == TL_JUDGE_FAIL) {
                *TL_GROW(z->joint, z->n_joint) =
                    (struct tl_search_joint){p->axis, p->more, tl_point_get(s, p->index)->index};
            }
        } else if (p->should_fail && j == TL_JUDGE_PASS) {
            /* One pass may be chance: twice more. */
            if (!s->noisy &&
                tl_judge(s, p->index, 3, false, 0, TL_SEARCH_PROBE, p->axis, 0, 0) == TL_JUDGE_PENDING)
                pending = true;
            z->counter[p->axis] = true;
            z->counterexample[p->axis] = p->index[p->axis];
        } else if (!p->should_fail && j == TL_JUDGE_FAIL && simpler == NULL) {
            /* It would become M: so it has to be the failure that is isolated. */
            pending = pending || tl_point_open(s, tl_point_get(s, p->index));
            simpler = p;
        }
    }
    if (pending)
        return TL_PENDING;
    if (s->mixed && !s->noisy) {
        memset(z->counter, 0, s->n * sizeof *z->counter);
        tl_isolate_noisy(s);
        return TL_AGAIN;
    }
    if (simpler != NULL) {
        /* A simpler value fails although one in between passes. */
        size_t a = simpler->axis;
        z->counter[a] = true;
        z->counterexample[a] = s->best[a] - 1;
        tl_search_note(s, TL_NOTE_NON_MONOTONE);
        tl_search_adopt(s, simpler->index);
        tl_isolate_again(s);
        return TL_AGAIN;
    }
    for (size_t a = 0; a < s->n; a++) {
        if (!z->counter[a])
            continue;
        bool is_long = s->space->axes[a].count > s->options.widen_most;
        if (!is_long || !s->notes[TL_NOTE_FLAKY] || z->bands[a].is_band || s->best[a] >= s->failing[a]) {
            tl_search_note(s, TL_NOTE_NON_MONOTONE);
            continue;
        }
        bool uneven;
        if (tl_band_uneven(s, a, &uneven) == TL_PENDING)
            return TL_PENDING;
        z->counter[a] = false;
        if (!uneven)
            continue;
        tl_axes_reset(&z->axes);
        tl_isolate_again(s);
        if (z->step != TL_STEP_END)
            z->step = TL_STEP_AXES;
        return TL_AGAIN;
    }
    if (z->n_joint > 0)
        tl_search_note(s, TL_NOTE_JOINT);
    return TL_DONE;
}

static uint64_t draw_value(struct tl_search *s, size_t a)
{
    return tl_search_random(s, s->space->axes[a].count);
}

/* A variant with the trigger of M and the rest at random; NULL when the constraint leaves none that is easy
 * to find. */
static uint64_t *draw(struct tl_search *s, size_t broken)
{
    for (int tries = 0; tries < 100; tries++) {
        uint64_t *index = tl_index_copy(s, s->best);
        for (size_t a = 0; a < s->n; a++)
            if (s->best[a] == 0 && (s->isolate->needs.held == NULL || !s->isolate->needs.held[a]))
                index[a] = draw_value(s, a);
        if (broken != TL_NO_AXIS && tl_is_set(s, broken))
            index[broken] = tl_set_remove(s, broken, s->best[broken], s->best[broken],
                                          tl_search_random(s, tl_set_size(s, broken, s->best[broken])));
        else if (broken != TL_NO_AXIS)
            index[broken] = s->space->axes[broken].ordered && !s->isolate->counter[broken] &&
                                    !s->isolate->bands[broken].is_band
                                ? tl_search_random(s, s->best[broken])
                                : 0;
        if (!tl_point_get(s, index)->forbidden)
            return index;
        free(index);
    }
    return NULL;
}

/* One that holds the trigger, and that was not drawn before. What is drawn later does not hang on how many tries
 * that takes. */
static uint64_t *draw_new(struct tl_search *s)
{
    const struct tl_isolate_state *z = s->isolate;
    uint64_t random = 0, *found = NULL;
    for (int tries = 0; tries < 100 && found == NULL; tries++) {
        found = draw(s, TL_NO_AXIS);
        random = tries == 0 ? s->random : random;
        if (found == NULL)
            break;
        bool again = tl_index_equal(s, found, s->best);
        for (size_t i = 0; i < z->n_held; i++)
            again = again || tl_index_equal(s, found, z->held[i]);
        if (again) {
            free(found);
            found = NULL;
        }
    }
    s->random = random;
    return found;
}

static void make_draws(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    size_t n = s->options.generalise_runs, triggers = 0, rest = 0;
    for (size_t a = 0; a < s->n; a++) {
        triggers += s->best[a] != 0;
        rest += s->best[a] == 0 && s->space->axes[a].count > 1;
    }
    z->held = tl_calloc(n, sizeof *z->held);
    z->broken = tl_calloc(n, sizeof *z->broken);
    z->broken_axis = tl_calloc(n, sizeof *z->broken_axis);
    z->drawn = true;
    /* The draws that hold the trigger were made for the needs already, if these were looked for. */
    for (size_t i = 0; i < n && rest > 0 && !s->options.needs; i++) {
        uint64_t *index = draw_new(s);
        if (index != NULL)
            z->held[z->n_held++] = index;
    }
    for (size_t i = 0; i < n && triggers > 0; i++) {
        size_t which = i % triggers, a = 0;
        while (s->best[a] == 0 || which-- > 0)
            a++;
        uint64_t *index = draw(s, a);
        if (index == NULL)
            continue;
        z->broken_axis[z->n_broken] = a;
        z->broken[z->n_broken++] = index;
    }
}

static bool used_before(const struct tl_search *s, uint64_t **list, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (tl_index_equal(s, list[j], list[i]))
            return true;
    return false;
}

static bool failed(struct tl_search *s, const uint64_t *index)
{
    return tl_point_verdict(tl_point_get(s, index)) == TL_JUDGE_FAIL;
}

/* With how many values of the axis it failed: M's, and those of the draws. */
static size_t values_failing(struct tl_search *s, uint64_t **list, size_t n, size_t axis)
{
    size_t values = 1;
    for (size_t i = 0; i < n; i++) {
        bool again = list[i][axis] == s->best[axis] || !failed(s, list[i]);
        for (size_t j = 0; j < i && !again; j++)
            again = list[j][axis] == list[i][axis] && failed(s, list[j]);
        values += !again;
    }
    return values;
}

/* How many variants there are with the trigger and the needs of M, M among them; at most limit. */
static size_t variants_with_trigger(const struct tl_search *s, size_t limit)
{
    const bool *held = s->isolate->needs.held;
    uint64_t product = 1;
    for (size_t a = 0; a < s->n && product < limit; a++)
        if (s->best[a] == 0 && (held == NULL || !held[a]))
            product *= s->space->axes[a].count < limit ? s->space->axes[a].count : limit;
    return product < limit ? (size_t)product : limit;
}

/* Counts the draws that hold the trigger. */
static bool try_held(struct tl_search *s, uint64_t **list, size_t n)
{
    struct tl_isolate_state *z = s->isolate;
    bool pending = false;
    uint32_t count[2] = {0, 0}, exact = 0;
    z->not_held = NULL;
    for (size_t i = 0; i < n; i++) {
        enum tl_judgement j = tl_judge(s, list[i], 1, false, 0.01, TL_SEARCH_HOLD, TL_NO_AXIS, 0, 0);
        pending = pending || j == TL_JUDGE_PENDING;
        if (j == TL_JUDGE_PENDING || j == TL_JUDGE_UNRESOLVED || used_before(s, list, i))
            continue;
        /* With the needs known, what fails in another way says nothing about this failure. */
        if (j == TL_JUDGE_OTHER && s->options.needs)
            continue;
        count[0] += j == TL_JUDGE_FAIL;
        count[1]++;
        exact += j == TL_JUDGE_FAIL && tl_point_get(s, list[i])->exact > 0;
        if (j == TL_JUDGE_FAIL || z->not_held != NULL)
            continue;
        /* One pass may be chance: twice more. */
        if (!s->noisy &&
            tl_judge(s, list[i], 3, false, 0, TL_SEARCH_HOLD, TL_NO_AXIS, 0, 0) == TL_JUDGE_PENDING)
            pending = true;
        z->not_held = tl_point_get(s, list[i])->index;
    }
    for (size_t a = 0; a < s->n; a++)
        z->varied[a] = values_failing(s, list, n, a);
    z->all_drawn = variants_with_trigger(s, n + 2) <= count[0] + 1;
    memcpy(z->held_count, count, sizeof count);
    z->held_exact = exact;
    return !pending;
}

/* Counts the draws that break it. */
static bool try_broken(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    bool pending = false;
    uint32_t count[2] = {0, 0}, exact = 0;
    z->also = NULL;
    for (size_t i = 0; i < z->n_broken; i++) {
        enum tl_judgement j =
            tl_judge(s, z->broken[i], 1, false, 0.01, TL_SEARCH_BREAK, z->broken_axis[i], 0, 0);
        pending = pending || j == TL_JUDGE_PENDING;
        /* It would be a trigger of its own: so it has to be the failure that is isolated. */
        pending = pending || (j == TL_JUDGE_FAIL && tl_point_open(s, tl_point_get(s, z->broken[i])));
        if (j == TL_JUDGE_PENDING || j == TL_JUDGE_UNRESOLVED || used_before(s, z->broken, i))
            continue;
        count[0] += j == TL_JUDGE_FAIL;
        count[1]++;
        exact += j == TL_JUDGE_FAIL && tl_point_get(s, z->broken[i])->exact > 0;
        if (j == TL_JUDGE_FAIL && z->also == NULL)
            z->also = tl_point_get(s, z->broken[i])->index;
    }
    memcpy(z->broken_count, count, sizeof count);
    z->broken_exact = exact;
    return !pending;
}

enum tl_search_progress tl_generalise_step(struct tl_search *s)
{
    struct tl_isolate_state *z = s->isolate;
    if (!z->drawn)
        make_draws(s);
    bool told =
        s->options.needs ? try_held(s, z->needs.draws, z->needs.n_draws) : try_held(s, z->held, z->n_held);
    if (!try_broken(s) || !told)
        return TL_PENDING;
    if (s->mixed && !s->noisy) {
        tl_isolate_noisy(s);
        return TL_AGAIN;
    }
    if (z->held_count[0] < z->held_count[1])
        tl_search_note(s, TL_NOTE_NOT_INDEPENDENT);
    if (z->broken_count[0] > 0)
        tl_search_note(s, TL_NOTE_OTHER_TRIGGER);
    return TL_DONE;
}
