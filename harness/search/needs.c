/* Values that the failure needs although they are simple: where M passes when an axis moves away.
 *
 * A reset shows that an axis has to be away from its baseline. It can never show that another one has to stay
 * there, or below some value. So the axes that are not in the trigger are moved, and what makes M pass is a need.
 *
 *   alone    each of these axes at its last value, all else as in M: finds the end of a range at once
 *   draw     all of them at random, the trigger and the needs known so far held, until eight in a row fail
 *   reduce   of the axes that a draw that passes has moved, those that matter are looked for by bisection (the
 *            most that can be put back while it still passes, as in ficbs.c with the roles changed), to a set of
 *            which none can be left out. One axis is a need; of several, each alone is enough to keep the failure
 *   confirm  M with that set moved passes, up to one chance in 10,000: a flaky failure must not name an axis
 *   local    what M needs the failure need not need: M is minimal, and stands at the edge of everything. So F is
 *            tried with the set moved. Where that fails, and by M's trigger, the set is needed next to M only. If
 *            the failure is flaky, it is often a threshold that hangs on the set, as one does that hangs on where
 *            things lie in memory: then M is put beyond it, to twice the distance at which it still failed
 *   values   the values of each axis in it, or by bisection the last one that fails
 *
 * What fails in another way counts neither as a failure nor as a pass. Eight failures in a row exclude, with 95 %,
 * only that more than a third of the variants pass; the result says how many there were, and no more than that.
 *
 * Each draw hangs on its number alone, so what is decided does not depend on how many are tried at once. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define CONFIRM_ALPHA 0.0001
#define MOST_OTHERWISE 8
#define MOST_DRAWS 400
#define MOST_VALUES 32

static bool is_free(const struct tl_search *s, size_t axis)
{
    return s->best[axis] == 0 && s->space->axes[axis].count > 1 && !s->isolate->needs.held[axis];
}

static void add_value(uint64_t **list, size_t *n, uint64_t value)
{
    *TL_GROW(*list, *n) = value;
}

/* Adds a need: one of these axes has to stay as it is in M. passes is M with all of them moved. */
static void add(struct tl_search *s, const uint64_t *passes, bool local)
{
    struct tl_needs_state *d = &s->isolate->needs;
    const struct tl_point *p = tl_point_get(s, passes);
    struct tl_search_need need = {.passes = p->index, .n_passes = p->seen[TL_SEARCH_PASS]};
    for (size_t a = 0; a < s->n; a++) {
        if (passes[a] == s->best[a])
            continue;
        struct tl_search_need_axis *x = TL_GROW(need.any_of, need.n);
        *x = (struct tl_search_need_axis){.axis = a, .value = s->best[a]};
        d->held[a] = true;
        if (!local)
            continue;
        add_value(&x->fails_with, &x->n_fails, s->best[a]);
        add_value(&x->passes_with, &x->n_passes, passes[a]);
    }
    if (local)
        *TL_GROW(d->local, d->n_local) = need;
    else
        *TL_GROW(d->needs, d->n_needs) = need;
    for (size_t i = 0; i < d->n_draws; i++)
        free(d->draws[i]);
    d->n_draws = 0;
}

static enum tl_judgement judge(struct tl_search *s, const uint64_t *index, double alpha, size_t axis)
{
    return tl_judge(s, index, 1, false, alpha, TL_SEARCH_NEED, axis, 0, 0);
}

/* M with some of the axes moved that passes moves: those in `moved`, and the first n of the row. */
static enum tl_judgement with_moved(struct tl_search *s, const uint64_t *passes, const bool *moved,
                                    const size_t *row, size_t n, double alpha)
{
    uint64_t *index = tl_index_copy(s, s->best);
    for (size_t a = 0; a < s->n; a++)
        if (moved[a])
            index[a] = passes[a];
    for (size_t i = 0; i < n; i++)
        index[row[i]] = passes[row[i]];
    enum tl_judgement j = judge(s, index, alpha, TL_NO_AXIS);
    free(index);
    return j;
}

/* The next axis of the row that is needed for the pass: its place. TL_DONE with 0 when the row is worth nothing. */
static enum tl_search_progress next_place(struct tl_search *s, const uint64_t *passes, const bool *moved,
                                          const size_t *row, size_t n, size_t *place)
{
    size_t low = n > 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        enum tl_judgement j = with_moved(s, passes, moved, row, mid, 0.01);
        if (j == TL_JUDGE_PENDING)
            return TL_PENDING;
        if (j == TL_JUDGE_PASS)
            high = mid;
        else
            low = mid + 1;
    }
    *place = high;
    return TL_DONE;
}

/* Leaves out what is not needed after all, one at a time. */
static enum tl_search_progress leave_out(struct tl_search *s, const uint64_t *passes, bool *moved, size_t n)
{
    for (size_t a = 0; a < s->n && n > 1; a++) {
        if (!moved[a])
            continue;
        moved[a] = false;
        enum tl_judgement j = with_moved(s, passes, moved, NULL, 0, 0.01);
        if (j == TL_JUDGE_PENDING)
            return TL_PENDING;
        if (j == TL_JUDGE_PASS)
            n--;
        else
            moved[a] = true;
    }
    return TL_DONE;
}

/* Which of the axes that a passing variant moves make M pass. All from the beginning whenever it is called: what
 * is known is known. */
static enum tl_search_progress reduce(struct tl_search *s, const uint64_t *passes, bool *moved)
{
    size_t *row = tl_calloc(s->n + 1, sizeof *row), n = 0, found = 0;
    for (size_t a = 0; a < s->n; a++)
        if (passes[a] != s->best[a])
            row[n++] = a;
    enum tl_search_progress p = TL_DONE;
    while (n > 0) {
        enum tl_judgement j = found == 0 ? TL_JUDGE_FAIL : with_moved(s, passes, moved, NULL, 0, 0.01);
        size_t place = 0;
        if (j == TL_JUDGE_PASS)
            break;
        if (j == TL_JUDGE_PENDING || next_place(s, passes, moved, row, n, &place) == TL_PENDING) {
            p = TL_PENDING;
            break;
        }
        moved[row[place - 1]] = true;
        found++;
        n = place - 1;
    }
    if (p == TL_DONE)
        p = leave_out(s, passes, moved, found);
    free(row);
    return p;
}

/* Whether F fails with what moves in `passes`, and by M's trigger. */
static enum tl_search_progress is_local(struct tl_search *s, const uint64_t *passes, bool *local)
{
    uint64_t *index = tl_index_copy(s, s->failing);
    for (size_t a = 0; a < s->n; a++)
        if (passes[a] != s->best[a])
            index[a] = passes[a];
    enum tl_judgement j = judge(s, index, 0.01, TL_NO_AXIS);
    *local = false;
    /* It may fail for another cause: then it does so without M's trigger. */
    for (size_t a = 0; a < s->n && j == TL_JUDGE_FAIL && !*local; a++) {
        if (s->best[a] == 0)
            continue;
        uint64_t value = index[a];
        index[a] = 0;
        enum tl_judgement broken = judge(s, index, 0.01, TL_NO_AXIS);
        index[a] = value;
        *local = broken == TL_JUDGE_PASS;
        j = broken == TL_JUDGE_PENDING ? broken : j;
    }
    free(index);
    return j == TL_JUDGE_PENDING ? TL_PENDING : TL_DONE;
}

#define MOST_MOVES 3

/* Whether a threshold that is further in makes a variant fail that passes next to M: M goes beyond it then. */
static enum tl_search_progress move_threshold(struct tl_search *s, const uint64_t *passes, bool *moved)
{
    struct tl_isolate_state *z = s->isolate;
    uint64_t *index = tl_index_copy(s, passes);
    bool pending = false;
    *moved = false;
    for (size_t a = 0; a < s->n && !*moved && !pending && s->notes[TL_NOTE_FLAKY]; a++) {
        const struct tl_search_axis *axis = &s->space->axes[a];
        if (!axis->ordered || axis->count <= s->options.widen_most || s->best[a] == 0 ||
            s->best[a] >= s->failing[a])
            continue;
        uint64_t low = s->best[a], high = s->failing[a];
        index[a] = high;
        enum tl_judgement j = judge(s, index, 0.01, a);
        bool fails = j == TL_JUDGE_FAIL;
        while (fails && high - low > 1 + (high - s->best[a]) / 16 && j != TL_JUDGE_PENDING) {
            index[a] = low + (high - low) / 2;
            j = judge(s, index, 0.01, a);
            high = j == TL_JUDGE_FAIL ? index[a] : high;
            low = j == TL_JUDGE_FAIL ? low : index[a];
        }
        index[a] = passes[a];
        pending = j == TL_JUDGE_PENDING;
        if (pending || !fails)
            continue;
        uint64_t beyond = high - s->best[a] < s->failing[a] - high ? 2 * high - s->best[a] : s->failing[a];
        beyond = z->moved[a] + 1 < MOST_MOVES ? beyond : s->failing[a];
        /* M has to fail there: it is F's value otherwise, which is known to. */
        j = judge(s, tl_search_beside(s, a, beyond), 0.01, a);
        pending = j == TL_JUDGE_PENDING;
        if (!pending)
            tl_band_move(s, a, j == TL_JUDGE_FAIL ? beyond : s->failing[a]);
        *moved = !pending;
    }
    free(index);
    return pending ? TL_PENDING : TL_DONE;
}

/* Finds what a passing variant needs. TL_DONE: it is added, or was luck, which its verdict says then; or M was
 * moved. */
static enum tl_search_progress explain(struct tl_search *s, const uint64_t *passes, bool *moved_m)
{
    bool *moved = tl_calloc(s->n + 1, sizeof *moved);
    enum tl_search_progress p = reduce(s, passes, moved);
    uint64_t *least = tl_index_copy(s, s->best);
    for (size_t a = 0; a < s->n; a++)
        if (moved[a])
            least[a] = passes[a];
    if (p == TL_DONE) {
        enum tl_judgement j = judge(s, least, CONFIRM_ALPHA, TL_NO_AXIS);
        bool local = false;
        p = j == TL_JUDGE_PENDING ? TL_PENDING : TL_DONE;
        if (j == TL_JUDGE_PASS)
            p = is_local(s, least, &local);
        if (p == TL_DONE && local)
            p = move_threshold(s, least, moved_m);
        if (j == TL_JUDGE_PASS && p == TL_DONE && !*moved_m)
            add(s, least, local);
    }
    free(least);
    free(moved);
    return p;
}

/* What is known of a variant that passes with M's trigger: perhaps that M is another failure than it should be. */
static enum tl_search_progress passed(struct tl_search *s, uint64_t *index, bool *refuted)
{
    enum tl_search_progress p = tl_headline_check(s, &index, 1, refuted);
    return p == TL_DONE && !*refuted ? explain(s, index, refuted) : p;
}

static enum tl_search_progress alone(struct tl_search *s, bool *refuted)
{
    bool pending = false;
    for (int pass = 0; pass < 2 && !pending; pass++) {
        for (size_t a = 0; a < s->n && !*refuted; a++) {
            if (!is_free(s, a))
                continue;
            uint64_t *index = tl_index_copy(s, tl_search_beside(s, a, s->space->axes[a].count - 1));
            enum tl_judgement j = judge(s, index, 0.01, a);
            pending = pending || j == TL_JUDGE_PENDING;
            if (pass == 1 && j == TL_JUDGE_PASS && passed(s, index, refuted) == TL_PENDING)
                pending = true;
            free(index);
        }
    }
    return pending ? TL_PENDING : TL_DONE;
}

/* A variant with M's trigger and the known needs, all else at random, that is not among the draws; NULL when none
 * is easy to find. */
static uint64_t *draw(struct tl_search *s)
{
    struct tl_needs_state *d = &s->isolate->needs;
    for (int tries = 0; tries < 100; tries++) {
        uint64_t random = s->options.seed * 0x9e3779b97f4a7c15u + ++d->number;
        uint64_t *index = tl_index_copy(s, s->best);
        for (size_t a = 0; a < s->n; a++)
            if (is_free(s, a))
                index[a] = tl_random_below(&random, s->space->axes[a].count);
        bool again = tl_index_equal(s, index, s->best) || tl_point_closed(tl_point_get(s, index));
        for (size_t i = 0; i < d->n_draws; i++)
            again = again || tl_index_equal(s, index, d->draws[i]);
        if (!again)
            return index;
        free(index);
    }
    return NULL;
}

/* Counts the draws that are told, in order, up to the first that is not. */
static enum tl_search_progress count_draws(struct tl_search *s, bool *refuted)
{
    struct tl_needs_state *d = &s->isolate->needs;
    uint32_t ahead = 0;
    bool pending = false;
    d->failed = d->otherwise = 0;
    for (size_t i = 0; i < MOST_DRAWS && !d->exhausted; i++) {
        if (d->failed + ahead >= s->options.generalise_runs || d->otherwise >= MOST_OTHERWISE)
            break;
        if (i == d->n_draws) {
            uint64_t *index = draw(s);
            if (index == NULL) {
                d->exhausted = true;
                break;
            }
            *TL_GROW(d->draws, d->n_draws) = index;
        }
        enum tl_judgement j = tl_judge(s, d->draws[i], 1, false, 0.01, TL_SEARCH_HOLD, TL_NO_AXIS, 0, 0);
        if (j == TL_JUDGE_PENDING) {
            pending = true;
            if (++ahead == s->options.width)
                break;
        } else if (!pending && j == TL_JUDGE_PASS) {
            if (passed(s, d->draws[i], refuted) == TL_PENDING)
                return TL_PENDING;
            return *refuted ? TL_DONE : TL_AGAIN;
        } else if (!pending) {
            d->failed += j == TL_JUDGE_FAIL;
            d->otherwise += j == TL_JUDGE_OTHER;
        }
    }
    return pending ? TL_PENDING : TL_DONE;
}

/* Every value of one axis of a need; where it has several axes the others are moved. */
static enum tl_search_progress all_values(struct tl_search *s, const struct tl_search_need *need,
                                          struct tl_search_need_axis *x)
{
    uint64_t *index = tl_index_copy(s, need->passes), count = s->space->axes[x->axis].count;
    bool pending = false;
    x->n_fails = x->n_passes = 0; /* all from the beginning whenever it is called */
    for (uint64_t v = 0; v < count && v < MOST_VALUES; v++) {
        index[x->axis] = v;
        enum tl_judgement j = judge(s, index, 0.01, x->axis);
        pending = pending || j == TL_JUDGE_PENDING;
        if (j == TL_JUDGE_FAIL)
            add_value(&x->fails_with, &x->n_fails, v);
        else if (j == TL_JUDGE_PASS)
            add_value(&x->passes_with, &x->n_passes, v);
    }
    free(index);
    /* Fails up to some value, and passes with all that were tried beyond it. */
    x->has_up_to = s->space->axes[x->axis].ordered && x->n_fails > 0 && x->n_passes > 0 &&
                   x->fails_with[x->n_fails - 1] < x->passes_with[0];
    if (x->has_up_to)
        x->up_to = x->fails_with[x->n_fails - 1];
    return pending ? TL_PENDING : TL_DONE;
}

/* The last value of a range that fails, between M's and one that passes. */
static enum tl_search_progress last_value(struct tl_search *s, const struct tl_search_need *need,
                                          struct tl_search_need_axis *x)
{
    uint64_t *index = tl_index_copy(s, need->passes), low = x->value, high = need->passes[x->axis];
    enum tl_judgement j = TL_JUDGE_PASS;
    while (high - low > 1 && j != TL_JUDGE_PENDING) {
        index[x->axis] = low + (high - low) / 2;
        j = judge(s, index, 0.01, x->axis);
        if (j == TL_JUDGE_FAIL)
            low = index[x->axis];
        else
            high = index[x->axis];
    }
    free(index);
    if (j == TL_JUDGE_PENDING)
        return TL_PENDING;
    x->has_up_to = true;
    x->up_to = low;
    add_value(&x->fails_with, &x->n_fails, low);
    add_value(&x->passes_with, &x->n_passes, high);
    return TL_DONE;
}

static enum tl_search_progress values(struct tl_search *s)
{
    struct tl_needs_state *d = &s->isolate->needs;
    while (d->value_of < d->n_needs) {
        struct tl_search_need *need = &d->needs[d->value_of];
        bool pending = false;
        for (size_t i = 0; i < need->n; i++) {
            struct tl_search_need_axis *x = &need->any_of[i];
            const struct tl_search_axis *axis = &s->space->axes[x->axis];
            bool is_long = axis->ordered && axis->count > MOST_VALUES;
            if (is_long && x->has_up_to)
                continue;
            enum tl_search_progress p = is_long ? last_value(s, need, x) : all_values(s, need, x);
            pending = pending || p == TL_PENDING;
        }
        if (pending)
            return TL_PENDING;
        d->value_of++;
    }
    return TL_DONE;
}

enum tl_search_progress tl_needs_step(struct tl_search *s, bool *refuted)
{
    struct tl_needs_state *d = &s->isolate->needs;
    *refuted = false;
    if (!s->options.needs)
        return TL_DONE;
    if (d->held == NULL)
        d->held = tl_calloc(s->n + 1, sizeof *d->held);
    enum tl_search_progress p = TL_DONE;
    if (!d->alone_done) {
        p = alone(s, refuted);
        if (p != TL_DONE || *refuted)
            return p;
        d->alone_done = true;
    }
    do
        p = count_draws(s, refuted);
    while (p == TL_AGAIN);
    if (p == TL_PENDING || *refuted)
        return p;
    p = values(s);
    if (p == TL_DONE && d->failed < s->options.generalise_runs && !d->exhausted)
        tl_search_note(s, TL_NOTE_NEEDS_OPEN);
    return p;
}
