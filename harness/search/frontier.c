/* Boundary tracing: the whole boundary between pass and fail over two ordered axes.
 *
 * For a failure that is monotone in both axes the values (a, b) that fail are an upper set: from each of
 * them on, everything larger in both fails too. Such a set is given by its minimal elements, the corners of
 * a staircase. In the column a, b fails from the threshold t(a) on, and t falls, or stays, as a grows.
 *
 * So t is searched at both ends of a, then in the column halfway between, where it must lie between what the
 * two say, and so on in both halves: divide and conquer, as it is known from searching a matrix with sorted
 * rows and columns [1]. Where both ends of an interval have the same threshold everything between them has
 * it too, and nothing is left to try. A boundary with few corners thus costs few columns, and a diagonal one
 * costs each.
 *
 * That the failure is monotone is only believed. Eight points at random are compared with what the columns
 * say.
 *
 * [1] R. S. Bird: Improving saddleback search: a lesson in algorithm design. MPC 2006, LNCS 4014. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

struct column {
    uint64_t a, t; /* b fails from t on; B + 1: it never does */
    bool gap;
};

struct interval {
    size_t left, right; /* columns */
};

struct tl_frontier_state {
    size_t a, b;
    uint64_t most_a, most_b;
    bool reproduced;
    size_t n_columns;
    struct column *columns; /* in the order of searching */
    size_t n_open, capacity_open;
    struct interval *open; /* a stack */
    bool line_open;
    uint64_t at;
    size_t left, right;
    struct tl_search_line line;
    uint64_t least, most;         /* of the line at its beginning */
    uint64_t at_ends, in_between; /* columns that had the threshold of a neighbour, or one of their own */
    uint64_t checks[8][2];
    bool checks_made;
};

static void make_at(struct tl_search *s, uint64_t a, uint64_t b, uint64_t *index)
{
    memcpy(index, s->failing, s->n * sizeof *index);
    index[s->frontier->a] = a;
    index[s->frontier->b] = b;
}

static void make(struct tl_search *s, void *context, uint64_t position, uint64_t *index)
{
    const struct tl_frontier_state *f = context;
    make_at(s, f->at, position, index);
}

/* A boundary of few corners has columns with the same threshold as the one to the left or to the right: those
 * two are tried first, for as long as that is what is found. A slanted boundary is bisected. */
static uint64_t ideal(struct tl_search *s, void *context, const struct tl_search_line *line)
{
    const struct tl_frontier_state *f = context;
    if (f->n_columns >= 2 && f->at_ends + 2 >= f->in_between) {
        if (line->tmin == f->least && line->tmax == f->most)
            return line->tmin;
        if (line->tmin == f->least + 1 && line->tmax == f->most)
            return line->tmax - 1;
    }
    return line->tmin + (line->tmax - 1 - line->tmin) / 2;
}

/* Searches the threshold of b in the column a, between least and most. */
static enum tl_search_progress column(struct tl_search *s, uint64_t a, uint64_t least, uint64_t most,
                                      size_t *number)
{
    struct tl_frontier_state *f = s->frontier;
    if (!f->line_open) {
        f->at = a;
        f->least = least;
        f->most = most;
        tl_search_line_init(s, &f->line, least, most);
        f->line_open = true;
    }
    struct tl_search_line_use use = {
        .make = make, .ideal = ideal, .context = f, .purpose = TL_SEARCH_FRONTIER, .axis = f->b};
    if (tl_search_line_step(s, &f->line, &use) == TL_PENDING)
        return TL_PENDING;
    f->columns = tl_realloc(f->columns, f->n_columns + 1, sizeof *f->columns);
    f->columns[f->n_columns] = (struct column){a, f->line.tmax, f->line.gap};
    *number = f->n_columns++;
    if (f->line.tmax == f->least || f->line.tmax == f->most)
        f->at_ends++;
    else
        f->in_between++;
    tl_search_line_free(&f->line);
    f->line_open = false;
    return TL_DONE;
}

static void push(struct tl_frontier_state *f, size_t left, size_t right)
{
    if (f->columns[left].t == f->columns[right].t || f->columns[right].a - f->columns[left].a < 2)
        return;
    if (f->n_open == f->capacity_open) {
        f->capacity_open = f->capacity_open == 0 ? 32 : 2 * f->capacity_open;
        f->open = tl_realloc(f->open, f->capacity_open, sizeof *f->open);
    }
    f->open[f->n_open++] = (struct interval){left, right};
}

static int by_a(const void *x, const void *y)
{
    const struct column *c = x, *d = y;
    return c->a < d->a ? -1 : c->a > d->a;
}

/* What the columns say about a point: the nearest column to the left has the larger threshold. */
static bool predicted(const struct tl_frontier_state *f, uint64_t a, uint64_t b)
{
    uint64_t t = f->most_b + 1, at = 0;
    bool any = false;
    for (size_t i = 0; i < f->n_columns; i++) {
        if (f->columns[i].a <= a && (!any || f->columns[i].a >= at)) {
            any = true;
            at = f->columns[i].a;
            t = f->columns[i].t;
        }
    }
    return b >= t;
}

static enum tl_search_progress check(struct tl_search *s)
{
    struct tl_frontier_state *f = s->frontier;
    if (!f->checks_made) {
        for (size_t i = 0; i < 8; i++) {
            f->checks[i][0] = tl_search_random(s, f->most_a + 1);
            f->checks[i][1] = tl_search_random(s, f->most_b + 1);
        }
        f->checks_made = true;
    }
    bool pending = false;
    for (size_t i = 0; i < 8; i++) {
        make_at(s, f->checks[i][0], f->checks[i][1], s->scratch);
        enum tl_judgement j = tl_judge(s, s->scratch, 1, false, 0.01, TL_SEARCH_PROBE, f->b, 0, 0);
        pending = pending || j == TL_JUDGE_PENDING;
        if (j == TL_JUDGE_PENDING || j == TL_JUDGE_UNRESOLVED)
            continue;
        if ((j == TL_JUDGE_FAIL) != predicted(f, f->checks[i][0], f->checks[i][1]))
            tl_search_note(s, TL_NOTE_NON_MONOTONE);
    }
    return pending ? TL_PENDING : TL_DONE;
}

static enum tl_search_progress frontier_step(struct tl_search *s)
{
    struct tl_frontier_state *f = s->frontier;
    if (!f->reproduced) {
        uint32_t n = s->options.reproduce_runs;
        const struct tl_point *p;
        for (;; n = n + 3 < s->options.reproduce_most ? n + 3 : s->options.reproduce_most) {
            p = tl_want(s, s->failing, n, false, TL_SEARCH_REPRODUCE, TL_NO_AXIS, 0, 0);
            if (p == NULL)
                return TL_PENDING;
            tl_search_learn(s);
            if (p->seen[TL_SEARCH_MATCH] > 0 || tl_point_closed(p) || n == s->options.reproduce_most)
                break;
        }
        if (p->seen[TL_SEARCH_MATCH] == 0) {
            if (tl_point_closed(p))
                tl_search_note(s, TL_NOTE_FAILING_UNSUPPORTED);
            else if (p->seen[TL_SEARCH_OTHER] > 0)
                tl_search_note(s, TL_NOTE_FAILS_OTHERWISE);
            else
                tl_search_note(s, TL_NOTE_NOT_REPRODUCED);
            return TL_DONE;
        }
        s->reproduced = f->reproduced = true;
        s->noisy = p->seen[TL_SEARCH_MATCH] < p->told;
        if (s->noisy)
            tl_search_note(s, TL_NOTE_FLAKY);
    }
    size_t number;
    if (f->n_columns == 0 && column(s, f->most_a, 0, f->most_b, &number) == TL_PENDING)
        return TL_PENDING;
    if (f->n_columns == 1 && f->most_a > 0) {
        /* Nothing may fail here at all: one past the last value stands for that. */
        if (column(s, 0, f->columns[0].t, f->most_b + 1, &number) == TL_PENDING)
            return TL_PENDING;
        push(f, 1, 0);
    }
    while (f->n_open > 0 || f->line_open) {
        if (!f->line_open) {
            struct interval i = f->open[--f->n_open];
            f->left = i.left;
            f->right = i.right;
        }
        struct column l = f->columns[f->left], r = f->columns[f->right];
        if (column(s, l.a + (r.a - l.a) / 2, r.t, l.t, &number) == TL_PENDING)
            return TL_PENDING;
        push(f, number, f->right);
        push(f, f->left, number);
    }
    if (check(s) == TL_PENDING)
        return TL_PENDING;
    s->complete = !s->notes[TL_NOTE_NON_MONOTONE];
    return TL_DONE;
}

static uint64_t frontier_left(const struct tl_search *s)
{
    const struct tl_frontier_state *f = s->frontier;
    uint64_t least = f->most_a < f->most_b ? f->most_a : f->most_b;
    uint64_t most = f->most_a < f->most_b ? f->most_b : f->most_a;
    /* A column for every step of the shorter axis, each a bisection of what is left of the longer one. */
    uint64_t bits = tl_log2_ceil(most / (least + 1) + 2) + 2;
    uint64_t all = least > UINT64_MAX / (bits + 1) - 2 ? UINT64_MAX : (least + 2) * bits + 64;
    return all > s->told ? all - s->told : 0;
}

static void frontier_report(struct tl_search *s)
{
    struct tl_frontier_state *f = s->frontier;
    struct tl_search_result *r = &s->result;
    const struct tl_point *p = tl_point_get(s, s->failing);
    r->rate[0] = p->seen[TL_SEARCH_MATCH];
    r->rate[1] = tl_runs_seen(p->seen);
    tl_wilson(r->rate[0], r->rate[1], s->options.confidence, &r->rate_low, &r->rate_high);
    if (!s->reproduced)
        return;
    r->minimal = tl_point_get(s, s->best)->index;
    struct column *sorted = tl_calloc(f->n_columns + 1, sizeof *sorted);
    if (f->n_columns > 0)
        memcpy(sorted, f->columns, f->n_columns * sizeof *sorted);
    qsort(sorted, f->n_columns, sizeof *sorted, by_a);
    r->corners = tl_calloc(f->n_columns + 1, sizeof *r->corners);
    uint64_t before = f->most_b + 1;
    for (size_t i = 0; i < f->n_columns; i++) {
        if (sorted[i].t >= before)
            continue;
        before = sorted[i].t;
        r->corners[r->n_corners++] = (struct tl_search_corner){
            sorted[i].a, sorted[i].t, sorted[i].gap || (i > 0 && sorted[i].a - sorted[i - 1].a > 1)};
    }
    free(sorted);
}

static void frontier_release(struct tl_search *s)
{
    tl_search_line_free(&s->frontier->line);
    free(s->frontier->columns);
    free(s->frontier->open);
    free(s->frontier);
}

struct tl_search *tl_search_frontier(const struct tl_search_space *space, const uint64_t *failing, size_t a,
                                     size_t b, const struct tl_search_options *options)
{
    if (a >= space->n_axes || b >= space->n_axes || a == b || !space->axes[a].ordered ||
        !space->axes[b].ordered)
        return NULL;
    struct tl_search *s = tl_search_create(space, failing, options);
    if (s == NULL)
        return NULL;
    s->frontier = tl_calloc(1, sizeof *s->frontier);
    s->frontier->a = a;
    s->frontier->b = b;
    s->frontier->most_a = failing[a];
    s->frontier->most_b = failing[b];
    s->step = frontier_step;
    s->left = frontier_left;
    s->report = frontier_report;
    s->release = frontier_release;
    return s;
}
