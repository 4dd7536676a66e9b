/* A simulated runtime for tests and the bench of the search: failures of known shape, in a space of known
 * size. */
#ifndef TEST_SEARCH_SIM_H
#define TEST_SEARCH_SIM_H

#include "harness/search/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_AXES 256
#define SIM_NEEDS 16

/* One failure: it happens when every need is met. */
struct sim_need {
    size_t axis;
    uint64_t from; /* values from here on … */
    bool exact;    /* … or this one only … */
    bool even;     /* … or only the even ones from here on: not monotone */
    uint64_t ramp; /* the rate climbs over so many values, from 0 at `from` - 1 to 1 … */
    enum { SIM_LINEAR, SIM_LOG, SIM_STEP, SIM_STEP_AND_RAMP } shape; /* … in this way */
};
struct sim_failure {
    const char *signature;
    size_t n;
    struct sim_need needs[SIM_NEEDS];
    double rate;
};

struct sim {
    struct tl_search_axis axes[SIM_AXES];
    struct tl_search_space space;
    uint64_t failing[SIM_AXES];
    size_t n_failures; /* the first that happens is what the trial shows */
    struct sim_failure failures[3];
    bool (*unsupported)(const struct sim *, const uint64_t *index); /* told by the trial */
    uint64_t random;
    uint64_t runs, fresh_runs, distinct_errors;
    bool fresh_passes; /* the failure needs a warm process */
    size_t worst_batch;
};

static inline uint64_t sim_random(struct sim *m, uint64_t below)
{
    m->random += 0x9e3779b97f4a7c15u;
    uint64_t x = m->random;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (x ^ (x >> 31)) % below;
}

static inline double sim_uniform(struct sim *m)
{
    return (double)sim_random(m, (uint64_t)1 << 52) / (double)((uint64_t)1 << 52);
}

/* Axes of any kind and length, and any failing variant of them. */
static inline void sim_random_axes(struct sim *m)
{
    for (size_t i = 0; i < m->space.n_axes; i++) {
        m->axes[i].ordered = sim_random(m, 2) == 0;
        m->axes[i].count = 1 + sim_random(m, 40);
        m->failing[i] = sim_random(m, m->axes[i].count);
    }
}

static inline struct sim *sim_new(size_t n, uint64_t seed)
{
    struct sim *m = calloc(1, sizeof *m);
    m->space.n_axes = n;
    m->space.axes = m->axes;
    /* Mixed, as the streams of neighbouring seeds would be the same numbers one place on. */
    m->random = seed;
    m->random = sim_random(m, UINT64_MAX);
    for (size_t i = 0; i < n; i++)
        m->axes[i].count = 2;
    return m;
}

/* The part of the rate at the value number `at` of a slope over `width` values. */
static inline double sim_slope(int shape, double at, double width)
{
    switch (shape) {
    case SIM_LOG:
        return log(at + 2) / log(width + 2);
    case SIM_STEP:
        return 0.45;
    case SIM_STEP_AND_RAMP:
        return 0.3 + 0.7 * at / width;
    default:
        return (at + 1) / (width + 1);
    }
}

/* The chance that a failure happens. */
static inline double sim_chance(const struct sim_failure *f, const uint64_t *index)
{
    double p = f->rate;
    for (size_t i = 0; i < f->n; i++) {
        const struct sim_need *n = &f->needs[i];
        uint64_t v = index[n->axis];
        if (n->exact ? v != n->from : v < n->from)
            return 0;
        if (n->even && v % 2 != 0)
            return 0;
        if (n->ramp > 0 && v - n->from < n->ramp)
            p *= sim_slope(n->shape, (double)(v - n->from), (double)n->ramp);
    }
    return p;
}

/* Distinct axes, at random. */
static inline void sim_pick(struct sim *m, size_t *axes, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        bool again;
        do {
            again = false;
            axes[i] = (size_t)sim_random(m, m->space.n_axes);
            for (size_t j = 0; j < i; j++)
                again = again || axes[j] == axes[i];
        } while (again);
    }
}

/* A failure that needs k axes, and lets F show it. */
static inline void sim_plant(struct sim *m, size_t which, const char *signature, size_t k)
{
    size_t axes[SIM_NEEDS];
    struct sim_failure *f = &m->failures[which];
    sim_pick(m, axes, k);
    *f = (struct sim_failure){.signature = signature, .n = k, .rate = 1};
    for (size_t i = 0; i < k; i++) {
        size_t a = axes[i];
        f->needs[i].axis = a;
        f->needs[i].from = 1 + sim_random(m, m->axes[a].count - 1);
        f->needs[i].exact = !m->axes[a].ordered;
    }
    if (m->n_failures <= which)
        m->n_failures = which + 1;
}

static inline void sim_answer(struct sim *m, struct tl_search *s, const struct tl_search_request *r)
{
    m->runs++;
    m->fresh_runs += r->fresh;
    if (m->space.forbidden != NULL && m->space.forbidden(m->space.context, r->index))
        m->distinct_errors++; /* must never be asked for */
    if (m->unsupported != NULL && m->unsupported(m, r->index)) {
        tl_search_tell(s, r->id, TL_TOLD_UNSUPPORTED, NULL);
        return;
    }
    for (size_t i = 0; i < m->n_failures; i++) {
        double p = sim_chance(&m->failures[i], r->index);
        if (m->fresh_passes && r->fresh)
            p = 0;
        if (p >= 1 || (p > 0 && sim_uniform(m) < p)) {
            tl_search_tell(s, r->id, TL_TOLD_FAIL, m->failures[i].signature);
            return;
        }
    }
    tl_search_tell(s, r->id, TL_TOLD_PASS, NULL);
}

/* Runs a search to its end. shuffle: answers come in another order than they were asked for. Returns false
 * when the promised number of trials left was too small. */
static inline bool sim_run(struct sim *m, struct tl_search *s, bool shuffle)
{
    struct tl_search_request q[64];
    uint64_t promised = UINT64_MAX;
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        if (n == 0)
            continue;
        uint64_t left = tl_search_left(s) + m->runs;
        promised = left < promised ? left : promised;
        if (n > m->worst_batch)
            m->worst_batch = n;
        for (size_t i = n; shuffle && i > 1; i--) {
            size_t j = (size_t)sim_random(m, i);
            struct tl_search_request swap = q[i - 1];
            q[i - 1] = q[j];
            q[j] = swap;
        }
        for (size_t i = 0; i < n; i++)
            sim_answer(m, s, &q[i]);
    }
    return m->runs <= promised;
}

#endif
