/* Over an ordered list of builds: the first bad one, the first fixed one, or every bad range.
 *
 * The search starts from a build that fails, the anchor, and looks to both sides of it. Each side is a line
 * of the builds that can be tried, the anchor last, with an unknown t: the position from which on the builds
 * of that side fail, or 0 when all of them do. It is the change point that `git bisect` looks for, but it is
 * always searched by the Bayesian search of noise.c: for a failure that shows every time this is bisection,
 * with a few more runs of the last good build, and nothing has to be decided beforehand. The prior of t is
 * flat, but for one place: that the whole side fails. That it failed ever since the oldest build gets about
 * 3 %, and that it is not fixed yet about 23 % on top of what any build has.
 *
 * A build that cannot be tried is taken out of the line, and the range is reported with a gap.
 *
 * Bisection finds the borders of the one range that holds the anchor. Whether there are other ranges only
 * the exhaustive search tells, which runs every build: so often, where the failure is flaky, that the chance
 * that any build passed by luck is at most 1 - confidence (Bonferroni's correction). */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* A build that is said to fail is run until a failure of this rate would have been seen. */
#define LEAST_RATE 0.1

struct side {
    bool open, done;
    size_t n;     /* builds in the line */
    size_t *line; /* the anchor last */
    struct tl_noise noise;
    size_t fails; /* smallest position that was seen to fail */
    double confidence;
    bool asked;
    size_t position;
    uint32_t want, seen_match, seen_pass;
};

struct tl_builds_state {
    size_t n;
    size_t anchor; /* a build that fails; SIZE_MAX while none is known */
    size_t next;   /* in order: the one that is tried now */
    size_t *order; /* in which one is looked for */
    unsigned rounds;
    bool checked; /* a failure was seen, or the anchor was run until it was clear that there is none */
    struct side before, after;
};

static struct tl_point *want(struct tl_search *s, size_t build, uint32_t n, enum tl_search_purpose purpose)
{
    uint64_t index = build;
    return tl_want(s, &index, n, false, purpose, TL_NO_AXIS, build + 1, s->builds->n);
}

static struct tl_point *point(struct tl_search *s, size_t build)
{
    uint64_t index = build;
    return tl_point_get(s, &index);
}

/* The newest first, then ever finer divisions of the list. */
static void anchor_order(struct tl_builds_state *b)
{
    bool *taken = tl_calloc(b->n, sizeof *taken);
    size_t n = 0;
    b->order[n++] = b->n - 1;
    taken[b->n - 1] = true;
    for (size_t parts = 2; n < b->n; parts *= 2) {
        for (size_t i = parts - 1; i > 0; i--) {
            size_t at = (size_t)((double)b->n * (double)i / (double)parts);
            if (at < b->n && !taken[at]) {
                taken[at] = true;
                b->order[n++] = at;
            }
        }
        if (parts > 2 * b->n) {
            for (size_t i = b->n; i-- > 0;) {
                if (!taken[i]) {
                    taken[i] = true;
                    b->order[n++] = i;
                }
            }
        }
    }
    free(taken);
}

/* Finds a build that fails. TL_DONE with anchor SIZE_MAX: there is none. */
static enum tl_search_progress find_anchor(struct tl_search *s)
{
    struct tl_builds_state *b = s->builds;
    const struct tl_search_options *o = &s->options;
    if (o->bad_known && !b->checked && o->known_failed > 0 && s->target != NULL) {
        /* It is known to fail, and how: the first failure on the way shows that it still does. */
        b->anchor = o->bad;
        return TL_DONE;
    }
    if (o->bad_known) {
        /* One failure is enough to begin with: its rate is measured on the way, where a run also tells about
         * the other builds. A range is looked for that somebody has seen, so it is given up late. */
        uint32_t n = 1, step = o->width, most = o->reproduce_most;
        uint32_t need = tl_passes_at(LEAST_RATE, 1 - o->confidence);
        most = need > most ? need : most;
        if (o->known_failed > 0) {
            struct tl_rate_belief rates;
            tl_search_rates_known(s, &rates);
            need = tl_rate_belief_passes(&rates, 1 - o->confidence);
            most = need > most ? need : most;
        }
        for (;;) {
            const struct tl_point *p = want(s, o->bad, n, TL_SEARCH_REPRODUCE);
            if (p == NULL)
                return TL_PENDING;
            tl_search_learn(s);
            if (p->seen[TL_SEARCH_MATCH] > 0)
                b->anchor = o->bad;
            else if (tl_point_closed(p))
                tl_search_note(s, TL_NOTE_FAILING_UNSUPPORTED);
            else if (n >= most)
                tl_search_note(s, p->seen[TL_SEARCH_OTHER] > 0 ? TL_NOTE_FAILS_OTHERWISE
                                                               : TL_NOTE_NOT_REPRODUCED);
            if (b->anchor != SIZE_MAX || n >= most || tl_point_closed(p))
                return TL_DONE;
            n = n + step < most ? n + step : most;
        }
    }
    unsigned rounds = 1 + o->reproduce_most / (unsigned)(b->n < 64 ? b->n : 64);
    for (; b->rounds < rounds; b->rounds++, b->next = 0) {
        for (; b->next < b->n; b->next++) {
            /* The newest is what people care about: it gets as many runs as F does otherwise. */
            size_t build = b->order[b->next];
            uint32_t runs = b->next == 0 && b->rounds == 0 ? o->reproduce_runs : b->rounds + 1;
            for (uint32_t n = 1; n <= runs; n++) {
                const struct tl_point *p =
                    want(s, build, n, b->next == 0 ? TL_SEARCH_REPRODUCE : TL_SEARCH_EVERY_BUILD);
                if (p == NULL)
                    return TL_PENDING;
                tl_search_learn(s);
                if (p->seen[TL_SEARCH_MATCH] > 0) {
                    b->anchor = build;
                    return TL_DONE;
                }
            }
        }
    }
    tl_search_note(s, TL_NOTE_NOT_REPRODUCED);
    return TL_DONE;
}

static void side_close(struct side *d)
{
    tl_noise_free(&d->noise);
    free(d->line);
    d->line = NULL;
    d->open = false;
}

static void feed(struct side *d, size_t position, uint32_t match, uint32_t pass)
{
    for (uint32_t i = 0; i < match; i++)
        tl_noise_observe(&d->noise, position, true);
    if (match > 0 && position < d->fails)
        d->fails = position;
    for (uint32_t i = 0; i < pass; i++)
        tl_noise_observe(&d->noise, position, false);
}

static void side_open(struct tl_search *s, struct side *d, size_t edge)
{
    struct tl_builds_state *b = s->builds;
    size_t most = edge < b->anchor ? b->anchor - edge : edge - b->anchor;
    d->line = tl_calloc(most + 1, sizeof *d->line);
    d->n = 0;
    for (size_t i = 0; i <= most; i++) {
        size_t build = edge < b->anchor ? edge + i : edge - i;
        if (build == b->anchor || !tl_point_closed(point(s, build)))
            d->line[d->n++] = build;
    }
    struct tl_rate_belief rates;
    tl_search_rates_known(s, &rates);
    tl_noise_init(&d->noise, 0, d->n - 1, &rates);
    /* Whole sides that fail are more likely than any one build; a fix is often not there yet. */
    if (d->n > 1)
        tl_noise_favour(&d->noise, 0, 1 + (double)d->n * (edge < b->anchor ? 0.03 : 0.3));
    d->fails = d->n - 1;
    for (size_t i = d->n; i-- > 0;) {
        const struct tl_point *p = point(s, d->line[i]);
        if (p->told > 0)
            feed(d, i, p->seen[TL_SEARCH_MATCH], p->seen[TL_SEARCH_PASS] + p->seen[TL_SEARCH_OTHER]);
    }
    d->open = true;
    d->asked = false;
}

static enum tl_search_progress side_step(struct tl_search *s, struct side *d, size_t edge,
                                         enum tl_search_purpose purpose)
{
    while (!d->done) {
        if (!d->open)
            side_open(s, d, edge);
        if (d->asked) {
            const struct tl_point *p = want(s, d->line[d->position], d->want, purpose);
            if (p == NULL)
                return TL_PENDING;
            d->asked = false;
            if (tl_point_closed(p)) {
                side_close(d); /* and open again without this build */
                continue;
            }
            feed(d, d->position, p->seen[TL_SEARCH_MATCH] - d->seen_match,
                 p->seen[TL_SEARCH_PASS] + p->seen[TL_SEARCH_OTHER] - d->seen_pass);
        }
        d->confidence = d->fails == 0 ? 1 : tl_noise_above(&d->noise, d->fails - 1);
        if (d->confidence >= s->options.confidence) {
            d->done = true;
            return TL_DONE;
        }
        d->position = (size_t)tl_noise_next(&d->noise);
        if (d->position >= d->n)
            d->position = d->n - 1;
        /* The anchor stays in the line even when it cannot be tried any more; there are others to ask. */
        if (d->position == d->n - 1 && tl_point_closed(point(s, s->builds->anchor)))
            d->position--;
        const struct tl_point *p = point(s, d->line[d->position]);
        d->seen_match = p->seen[TL_SEARCH_MATCH];
        d->seen_pass = p->seen[TL_SEARCH_PASS] + p->seen[TL_SEARCH_OTHER];
        d->want = p->told + s->options.width;
        d->asked = true;
    }
    return TL_DONE;
}

static enum tl_search_progress every_build_step(struct tl_search *s)
{
    struct tl_builds_state *b = s->builds;
    uint32_t runs = 1;
    for (;;) {
        bool pending = false, mixed = false;
        for (size_t i = 0; i < b->n; i++) {
            const struct tl_point *p = point(s, i);
            /* A build that failed once is bad; more runs of it tell the rate, a few are enough. */
            uint32_t n = p->seen[TL_SEARCH_MATCH] > 0 && runs > 4 ? p->told : runs;
            pending = want(s, i, n, TL_SEARCH_EVERY_BUILD) == NULL || pending;
        }
        if (pending)
            return TL_PENDING;
        tl_search_learn(s);
        struct tl_rate_belief rates;
        tl_rate_belief_init(&rates);
        for (size_t i = 0; i < b->n; i++) {
            const struct tl_point *p = point(s, i);
            uint32_t failed = p->seen[TL_SEARCH_MATCH];
            if (failed == 0 || tl_point_closed(p))
                continue;
            b->anchor = i;
            mixed = mixed || failed < p->told;
            /* Builds count as bad because they failed, so their first failure tells nothing about the rate.
             */
            if (p->told > 1)
                tl_rate_belief_update(&rates, failed - 1, p->told - failed);
        }
        if (mixed) {
            s->noisy = true;
            tl_search_note(s, TL_NOTE_FLAKY);
        }
        uint32_t need = runs;
        if (b->anchor != SIZE_MAX && runs < 2)
            need = 2;
        if (s->noisy && runs < 4)
            need = 4;
        else if (s->noisy)
            need = tl_rate_belief_passes(&rates, (1 - s->options.confidence) / (double)b->n);
        if (need <= runs) {
            s->complete = true;
            return TL_DONE;
        }
        runs = need < runs + 16 ? need : runs + 16;
    }
}

static enum tl_search_progress builds_step(struct tl_search *s)
{
    struct tl_builds_state *b = s->builds;
    if (s->options.exhaustive) {
        enum tl_search_progress p = every_build_step(s);
        s->reproduced = b->anchor != SIZE_MAX;
        if (p == TL_DONE && !s->reproduced)
            tl_search_note(s, TL_NOTE_NOT_REPRODUCED);
        return p;
    }
    if (b->anchor == SIZE_MAX) {
        enum tl_search_progress p = find_anchor(s);
        if (p == TL_PENDING || b->anchor == SIZE_MAX)
            return p;
    }
    s->reproduced = true;
    s->best[0] = b->anchor;
    if (side_step(s, &b->before, 0, TL_SEARCH_FIRST_BAD) == TL_PENDING)
        return TL_PENDING;
    if (b->anchor + 1 < b->n && side_step(s, &b->after, b->n - 1, TL_SEARCH_FIRST_FIXED) == TL_PENDING)
        return TL_PENDING;
    if (!b->checked && b->before.fails == b->before.n - 1 &&
        point(s, b->anchor)->seen[TL_SEARCH_MATCH] == 0) {
        b->checked = true;
        s->reproduced = false;
        b->anchor = SIZE_MAX;
        return TL_AGAIN;
    }
    s->complete = true;
    return TL_DONE;
}

static uint64_t builds_left(const struct tl_search *s)
{
    const struct tl_builds_state *b = s->builds;
    if (s->options.exhaustive)
        return s->n_runs == 0 ? 2 * (uint64_t)b->n : b->n;
    uint64_t left = 0, bits = tl_log2_ceil(b->n) + 1;
    /* Bisection, and the runs of the last good build that make it certain. */
    if (!b->before.done)
        left += bits + 8;
    if (!b->after.done && (b->anchor == SIZE_MAX || b->anchor + 1 < b->n))
        left += bits + 8;
    if (b->anchor == SIZE_MAX)
        left += s->options.bad_known ? s->options.reproduce_runs : b->n;
    return left;
}

static bool failed(const struct tl_point *p)
{
    return p->seen[TL_SEARCH_MATCH] > 0;
}

static void add_range(struct tl_search *s, size_t first, size_t last, double before, double after)
{
    struct tl_search_result *r = &s->result;
    const struct tl_builds_state *b = s->builds;
    struct tl_search_build_range *range = TL_GROW(r->ranges, r->n_ranges);
    *range = (struct tl_search_build_range){.good_before = SIZE_MAX,
                                            .first_bad = first,
                                            .last_bad = last,
                                            .fixed = SIZE_MAX,
                                            .confidence_before = before,
                                            .confidence_after = after};
    size_t i = first;
    while (i > 0 && tl_point_closed(point(s, i - 1)))
        i--, range->unsupported_before++;
    if (i > 0)
        range->good_before = i - 1;
    i = last + 1;
    while (i < b->n && tl_point_closed(point(s, i)))
        i++, range->unsupported_after++;
    if (i < b->n)
        range->fixed = i;
}

static void builds_report(struct tl_search *s)
{
    struct tl_builds_state *b = s->builds;
    struct tl_search_result *r = &s->result;
    r->unsupported_builds = tl_calloc(b->n, sizeof *r->unsupported_builds);
    for (size_t i = 0; i < b->n; i++) {
        const struct tl_point *p = point(s, i);
        if (tl_point_closed(p))
            r->unsupported_builds[r->n_unsupported_builds++] = i;
        /* The rate is that of builds that fail for certain; mixed ones make the failure flaky. */
        if (failed(p) && !tl_point_closed(p)) {
            r->rate[0] += p->seen[TL_SEARCH_MATCH];
            r->rate[1] += p->told;
        }
    }
    r->flaky = r->rate[0] < r->rate[1];
    tl_wilson(r->rate[0], r->rate[1], s->options.confidence, &r->rate_low, &r->rate_high);
    if (r->flaky && !tl_search_has_note(r, TL_NOTE_FLAKY))
        r->notes[r->n_notes++] = TL_NOTE_FLAKY;
    if (b->anchor == SIZE_MAX)
        return;
    r->minimal = point(s, b->anchor)->index;
    if (s->options.exhaustive) {
        for (size_t i = 0; i < b->n; i++) {
            if (!failed(point(s, i)))
                continue;
            size_t last = i;
            for (size_t j = i + 1; j < b->n && (failed(point(s, j)) || tl_point_closed(point(s, j))); j++)
                if (failed(point(s, j)))
                    last = j;
            double certain = s->complete ? s->options.confidence : 0;
            add_range(s, i, last, certain, certain);
            i = last;
        }
        return;
    }
    size_t first = b->anchor, last = b->anchor;
    if (b->before.line != NULL)
        first = b->before.line[b->before.fails];
    if (b->after.line != NULL)
        last = b->after.line[b->after.fails];
    else if (b->anchor + 1 < b->n)
        last = b->anchor;
    add_range(s, first, last, b->before.done ? b->before.confidence : 0,
              b->after.done || b->anchor + 1 == b->n ? (b->after.done ? b->after.confidence : 1) : 0);
    /* What was not looked at yet is not known to pass. */
    if (!b->before.done)
        r->ranges[0].good_before = SIZE_MAX;
    if (!b->after.done)
        r->ranges[0].fixed = SIZE_MAX;
    if (s->complete)
        r->confidence = b->before.confidence;
}

static void builds_release(struct tl_search *s)
{
    side_close(&s->builds->before);
    side_close(&s->builds->after);
    free(s->builds->order);
    free(s->builds);
}

struct tl_search *tl_search_builds(size_t n_builds, const struct tl_search_options *options)
{
    if (n_builds == 0 || (options != NULL && options->bad_known && options->bad >= n_builds))
        return NULL;
    struct tl_search_axis axis = {.ordered = true, .count = n_builds, .name = "build"};
    struct tl_search_space space = {.n_axes = 1, .axes = &axis};
    uint64_t failing = options != NULL && options->bad_known ? options->bad : n_builds - 1;
    struct tl_search *s = tl_search_create(&space, &failing, options);
    s->own_axis = axis;
    s->wide = s->options.widen;
    s->own_space.axes = &s->own_axis;
    s->builds = tl_calloc(1, sizeof *s->builds);
    s->builds->n = n_builds;
    s->builds->anchor = SIZE_MAX;
    s->builds->order = tl_calloc(n_builds, sizeof *s->builds->order);
    anchor_order(s->builds);
    s->step = builds_step;
    s->left = builds_left;
    s->report = builds_report;
    s->release = builds_release;
    return s;
}
