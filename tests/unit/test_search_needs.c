/* Values that the failure needs although they stand at their baseline, and second causes, in simulation.
 *
 * A problem has 6 to 14 axes, choices and ranges, and a failure that needs one to three of them away from the
 * baseline. A need says with which values of one of the other axes it fails: of a choice with some, the baseline's
 * among them; of a range up to one. What is exact: the very axes, grouped as they are planted, and no more. */
#include "test_search_sim.h"

#include <criterion/criterion.h>

#define AXES 14

struct need {
    size_t n, axis[2]; /* any of them is enough */
};

struct problem {
    struct sim *m;
    size_t n_needs;
    struct need needs[2];
    uint64_t fails_up_to[AXES]; /* of a range */
    uint64_t fails_with[AXES];  /* of a choice: a set of bits */
};

static bool keeps(const struct problem *p, size_t axis, uint64_t v)
{
    return p->m->axes[axis].ordered ? v <= p->fails_up_to[axis] : (p->fails_with[axis] >> v & 1) != 0;
}

static bool fails(struct problem *p, const uint64_t *index)
{
    for (size_t i = 0; i < p->n_needs; i++) {
        bool kept = false;
        for (size_t k = 0; k < p->needs[i].n; k++)
            kept = kept || keeps(p, p->needs[i].axis[k], index[p->needs[i].axis[k]]);
        if (!kept)
            return false;
    }
    double chance = sim_chance(&p->m->failures[0], index);
    return chance > 0 && (chance >= 1 || sim_uniform(p->m) < chance);
}

static struct problem *problem_new(size_t n_needs, size_t any_of, double rate, uint64_t seed)
{
    struct problem *p = calloc(1, sizeof *p);
    struct sim *m = p->m = sim_new(6 + seed % 9, seed);
    for (size_t i = 0; i < m->space.n_axes; i++) {
        m->axes[i].ordered = sim_random(m, 3) == 0;
        m->axes[i].count = m->axes[i].ordered ? 2 + sim_random(m, 63) : 2 + sim_random(m, 4);
        m->failing[i] = sim_random(m, m->axes[i].count);
    }
    size_t axes[SIM_NEEDS], k = 1 + (size_t)sim_random(m, 3), n = n_needs * any_of;
    sim_pick(m, axes, k + n);
    m->n_failures = 1;
    m->failures[0] = (struct sim_failure){.signature = "it", .n = k, .rate = rate};
    for (size_t i = 0; i < k; i++) {
        size_t x = axes[i];
        if (m->failing[x] == 0)
            m->failing[x] = 1 + sim_random(m, m->axes[x].count - 1);
        m->failures[0].needs[i] =
            (struct sim_need){.axis = x,
                              .from = m->axes[x].ordered ? 1 + sim_random(m, m->failing[x]) : m->failing[x],
                              .exact = !m->axes[x].ordered};
    }
    p->n_needs = n_needs;
    for (size_t i = 0; i < n; i++) {
        size_t x = axes[k + i];
        p->needs[i / any_of].axis[p->needs[i / any_of].n++] = x;
        /* At least one value passes. */
        p->fails_up_to[x] = sim_random(m, m->axes[x].count - 1);
        p->fails_with[x] = 1;
        uint64_t passes = 1 + sim_random(m, m->axes[x].count - 1);
        for (uint64_t v = 1; v < m->axes[x].count && !m->axes[x].ordered; v++)
            if (v != passes && sim_random(m, 3) == 0)
                p->fails_with[x] |= (uint64_t)1 << v;
        while (!keeps(p, x, m->failing[x]))
            m->failing[x] = sim_random(m, m->axes[x].count);
    }
    return p;
}

static void run(struct problem *p, struct tl_search *s)
{
    struct tl_search_request q[64];
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        for (size_t i = 0; i < n; i++)
            tl_search_tell(s, q[i].id, fails(p, q[i].index) ? TL_TOLD_FAIL : TL_TOLD_PASS, "it");
    }
}

static bool planted(const struct problem *p, const struct tl_search_need *need)
{
    for (size_t i = 0; i < p->n_needs; i++) {
        size_t found = 0;
        for (size_t k = 0; k < need->n; k++)
            for (size_t j = 0; j < p->needs[i].n; j++)
                found += need->any_of[k].axis == p->needs[i].axis[j];
        if (found == need->n && need->n == p->needs[i].n)
            return true;
    }
    return false;
}

struct tally {
    double exact, false_needs, trials; /* percent; those of the needs */
};

static struct tally simulate(size_t n_needs, size_t any_of, double rate, uint64_t problems)
{
    size_t exact = 0, wrong = 0, counted = 0;
    uint64_t trials = 0;
    for (uint64_t seed = 0; seed < problems; seed++) {
        struct problem *p = problem_new(n_needs, any_of, rate, seed);
        struct tl_search_options o = {.seed = seed, .needs = true};
        struct tl_search *s = tl_search_isolate(&p->m->space, p->m->failing, &o);
        run(p, s);
        const struct tl_search_result *r = tl_search_result(s);
        /* Whether M is right is held elsewhere: a rare failure is missed now and then. */
        size_t right = 0, triggers = 0;
        for (size_t i = 0; i < p->m->failures[0].n && r->reproduced; i++)
            triggers += r->minimal[p->m->failures[0].needs[i].axis] == p->m->failures[0].needs[i].from;
        bool counts = triggers == p->m->failures[0].n && r->n_triggers == triggers;
        for (size_t i = 0; i < r->n_needs; i++)
            right += planted(p, &r->needs[i]);
        counted += counts;
        exact += counts && right == n_needs && r->n_needs == n_needs;
        wrong += counts && right < r->n_needs;
        trials += counts ? r->by_purpose[TL_SEARCH_NEED] + r->by_purpose[TL_SEARCH_HOLD] : 0;
        tl_search_free(s);
        free(p->m);
        free(p);
    }
    cr_assert(counted * 100 >= problems * 95);
    struct tally t = {100.0 * (double)exact / (double)counted, 100.0 * (double)wrong / (double)counted,
                      (double)trials / (double)counted};
    return t;
}

static void row(size_t n_needs, size_t any_of, double rate, uint64_t problems, double exact, double trials)
{
    struct tally t = simulate(n_needs, any_of, rate, problems);
    cr_log_info("%zu needs of %zu at %.1f: %.2f %% exact, %.2f %% false, %.1f trials", n_needs, any_of, rate,
                t.exact, t.false_needs, t.trials);
    cr_assert(t.exact >= exact, "%zu needs of %zu at %.1f: %.2f %% exact", n_needs, any_of, rate, t.exact);
    cr_assert(t.false_needs <= 0.5, "%zu needs of %zu at %.1f: %.2f %% false", n_needs, any_of, rate,
              t.false_needs);
    cr_assert(t.trials <= trials, "%zu needs of %zu at %.1f: %.1f trials", n_needs, any_of, rate, t.trials);
}

/* The trials of the last column hold those that find out the values of each axis that is found. */
Test(search_needs, table)
{
    row(0, 1, 1, 2000, 100, 16);
    row(1, 1, 1, 2000, 99.4, 22);
    row(2, 1, 1, 2000, 98.6, 28);
    row(1, 2, 1, 2000, 82, 32);
}

Test(search_needs, table_flaky)
{
    row(1, 1, 0.5, 300, 99.1, 85);
    row(2, 1, 0.2, 120, 98.6, 470);
}

/* A range that fails up to 40, and a choice that fails with the baseline's value and another one. */
Test(search_needs, values)
{
    struct problem *p = calloc(1, sizeof *p);
    struct sim *m = p->m = sim_new(5, 1);
    m->axes[1] = (struct tl_search_axis){.ordered = true, .count = 100};
    m->axes[2].count = 5;
    m->failing[0] = m->failing[1] = m->failing[3] = 1;
    m->n_failures = 1;
    m->failures[0] =
        (struct sim_failure){.signature = "it", .n = 1, .rate = 1, .needs = {{.axis = 0, .from = 1}}};
    p->n_needs = 2;
    p->needs[0] = (struct need){1, {1}};
    p->needs[1] = (struct need){1, {2}};
    p->fails_up_to[1] = 40;
    p->fails_with[2] = 1 | 8;
    struct tl_search_options o = {.needs = true};
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
    run(p, s);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->complete && r->n_triggers == 1 && r->n_needs == 2 && r->n_notes == 0);
    /* All there are besides M. */
    cr_assert(r->held[0] == 3 && r->held[1] == 3 && r->not_held == NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct tl_search_need_axis *x = &r->needs[i].any_of[0];
        cr_assert_eq(r->needs[i].n, 1);
        cr_assert(r->needs[i].passes[x->axis] != 0 && r->needs[i].n_passes > 0 && x->value == 0);
        if (x->axis == 1) {
            cr_assert(x->has_up_to && x->up_to == 40 && x->n_passes == 1 && x->passes_with[0] == 41);
        } else {
            cr_assert(!x->has_up_to && x->n_fails == 2 && x->n_passes == 3);
            cr_assert(x->fails_with[0] == 0 && x->fails_with[1] == 3);
        }
    }
    /* Axis 1 was reset and is needed: it is neither. Of 3 and 4 all values failed. */
    cr_assert(r->n_reset == 0 && r->n_independent == 2 && r->independent[0] == 3 && r->independent[1] == 4);
    tl_search_free(s);
    free(m);
    free(p);
}

/* What fails in another way says nothing, and where nearly all does so that is said. */
Test(search_needs, otherwise_counts_neither_way)
{
    struct sim *m = sim_new(6, 1);
    for (size_t i = 0; i < 6; i++)
        m->axes[i].count = 4;
    m->failing[0] = 1;
    m->n_failures = 2;
    m->failures[0] =
        (struct sim_failure){.signature = "another", .n = 1, .rate = 1, .needs = {{.axis = 3, .from = 1}}};
    m->failures[1] =
        (struct sim_failure){.signature = "it", .n = 1, .rate = 1, .needs = {{.axis = 0, .from = 1}}};
    struct tl_search_options o = {.needs = true};
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
    sim_run(m, s, true);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->complete && r->n_needs == 0 && r->held[0] == r->held[1]);
    cr_assert(r->held[1] == 8 || tl_search_has_note(r, TL_NOTE_NEEDS_OPEN));
    for (size_t i = 0; i < r->n_independent; i++)
        cr_assert_neq(r->independent[i], 3);
    tl_search_free(s);
    free(m);
}

/* --- Second causes ------------------------------------------------------------------------------------ */

static bool is_cause(const struct sim *m, const struct sim_failure *f,
                     const struct tl_search_trigger *triggers, size_t n)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < f->n; k++)
            found += triggers[i].axis == f->needs[k].axis && triggers[i].value == f->needs[k].from;
    (void)m;
    return found == f->n && n == f->n;
}

/* In how many of 100 problems both causes are found; F holds both, or one. */
static double causes(bool both, double *trials)
{
    size_t found = 0, problems = 0;
    *trials = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct sim *m = sim_new(6 + seed % 9, seed);
        for (size_t i = 0; i < m->space.n_axes; i++) {
            m->axes[i].ordered = sim_random(m, 3) == 0;
            m->axes[i].count = m->axes[i].ordered ? 2 + sim_random(m, 63) : 2 + sim_random(m, 4);
            m->failing[i] = sim_random(m, m->axes[i].count);
        }
        /* Disjoint, as one of the two is none otherwise. */
        size_t axes[SIM_NEEDS], k = 1 + (size_t)sim_random(m, 2), n = k + 1 + (size_t)sim_random(m, 2);
        sim_pick(m, axes, n);
        m->n_failures = 2;
        m->failures[0] = m->failures[1] = (struct sim_failure){.signature = "it", .rate = 1};
        for (size_t i = 0; i < n; i++) {
            struct sim_failure *f = &m->failures[i >= k];
            uint64_t v = 1 + sim_random(m, m->axes[axes[i]].count - 1);
            f->needs[f->n++] =
                (struct sim_need){.axis = axes[i], .from = v, .exact = !m->axes[axes[i]].ordered};
            m->failing[axes[i]] = both || i < k ? v : 0;
        }
        struct tl_search_options o = {.seed = seed, .causes = true};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, false);
        const struct tl_search_result *r = tl_search_result(s);
        size_t first = !is_cause(m, &m->failures[0], r->triggers, r->n_triggers), other = 0;
        cr_assert(r->complete && is_cause(m, &m->failures[first], r->triggers, r->n_triggers));
        for (size_t i = 0; i < r->n_causes; i++) {
            const struct tl_search_answer *c = &r->causes[i];
            cr_assert(sim_chance(&m->failures[!first], c->minimal) > 0);
            other += is_cause(m, &m->failures[!first], c->triggers, c->n_triggers);
            /* What a cause needs is never called not needed. */
            for (size_t k2 = 0; k2 < c->n_triggers; k2++)
                for (size_t a = 0; a < r->n_independent + r->n_reset; a++)
                    cr_assert_neq(c->triggers[k2].axis,
                                  a < r->n_independent ? r->independent[a] : r->reset[a - r->n_independent]);
        }
        cr_assert(r->n_causes <= 1 && other == r->n_causes, "seed %llu", (unsigned long long)seed);
        found += other;
        problems++;
        *trials += (double)r->trials;
        tl_search_free(s);
        free(m);
    }
    *trials /= (double)problems;
    return 100.0 * (double)found / (double)problems;
}

Test(search_needs, second_cause)
{
    double trials, found = causes(true, &trials);
    cr_assert(found >= 99.9, "F holds both: %.1f %%, %.1f trials", found, trials);
    found = causes(false, &trials);
    cr_assert(found >= 77, "F holds one: %.1f %%, %.1f trials", found, trials);
}

/* F holds three causes: what is left when two are broken is the third. None of them is called not needed. */
Test(search_needs, third_cause)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim *m = sim_new(8, seed);
        m->n_failures = 3;
        for (size_t i = 0; i < 3; i++) {
            m->failures[i] = (struct sim_failure){.signature = "it", .n = 1, .rate = 1};
            m->failures[i].needs[0] = (struct sim_need){.axis = 2 * i, .from = 1, .exact = true};
        }
        for (size_t a = 0; a < 8; a++)
            m->failing[a] = 1;
        struct tl_search_options o = {.seed = seed, .causes = true};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, false);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->n_triggers == 1 && r->n_causes == 2, "seed %llu: %zu", (unsigned long long)seed,
                  r->n_causes);
        bool seen[8] = {false};
        seen[r->triggers[0].axis] = true;
        for (size_t i = 0; i < r->n_causes; i++)
            seen[r->causes[i].triggers[0].axis] = true;
        cr_assert(seen[0] && seen[2] && seen[4]);
        for (size_t i = 0; i < r->n_independent; i++)
            cr_assert(r->independent[i] % 2 == 1 || r->independent[i] == 6);
        tl_search_free(s);
        free(m);
    }
}

/* M always fails, and another value of an axis makes that rare, as it is in F: it is no need, for F fails, too. */
Test(search_needs, an_axis_that_changes_the_rate)
{
    size_t right = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim *m = sim_new(6, seed);
        m->axes[1].count = 4;
        for (size_t a = 0; a < 6; a++)
            m->failing[a] = 1;
        struct tl_search_options o = {.seed = seed, .needs = true, .every_value = true};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t n = tl_search_ask(s, q, 64);
            for (size_t i = 0; i < n; i++) {
                bool fails = q[i].index[0] == 1 && (q[i].index[1] == 0 || sim_uniform(m) < 0.3);
                tl_search_tell(s, q[i].id, fails ? TL_TOLD_FAIL : TL_TOLD_PASS, "it");
            }
        }
        const struct tl_search_result *r = tl_search_result(s);
        right += !r->reproduced || (r->n_triggers == 1 && r->n_needs == 0 && r->n_local_needs == 0);
        tl_search_free(s);
        free(m);
    }
    cr_assert(right >= 188, "%zu of 200", right);
}

/* --- Every value -------------------------------------------------------------------------------------- */

static bool in_set(uint64_t set, uint64_t v)
{
    return (set >> v & 1) != 0;
}

/* A small range fails with a set of values: the whole set is found, also beyond F's value. */
Test(search_needs, every_value)
{
    static const struct {
        uint64_t set, failing;
    } rows[] = {{1 << 5 | 1 << 7, 7}, {1 << 5 | 1 << 7, 5}, {0x5550, 8},
                {3 << 9, 10},         {0xfff0, 6},          {1 << 2 | 1 << 9 | 1 << 14, 14}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sim *m = sim_new(3, i);
        m->axes[0] = (struct tl_search_axis){.ordered = true, .count = 16};
        m->failing[0] = rows[i].failing;
        m->failing[1] = 1;
        struct tl_search_options o = {.seed = i, .every_value = true};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t n = tl_search_ask(s, q, 64);
            for (size_t k = 0; k < n; k++)
                tl_search_tell(s, q[k].id, in_set(rows[i].set, q[k].index[0]) ? TL_TOLD_FAIL : TL_TOLD_PASS,
                               "it");
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_triggers == 1, "row %zu", i);
        const struct tl_search_trigger *t = &r->triggers[0];
        uint64_t fails = 0, passes = 0;
        for (size_t k = 0; k < t->n_fails; k++)
            fails |= (uint64_t)1 << t->fails_with[k];
        for (size_t k = 0; k < t->n_passes; k++)
            passes |= (uint64_t)1 << t->passes_with[k];
        cr_assert(fails == rows[i].set && passes == (0xffff & ~rows[i].set), "row %zu: %llx %llx", i,
                  (unsigned long long)fails, (unsigned long long)passes);
        cr_assert(in_set(rows[i].set, t->value) && (rows[i].set & (((uint64_t)1 << t->value) - 1)) == 0);
        cr_assert(t->every && t->set == (rows[i].set != 0xfff0), "row %zu", i);
        cr_assert_eq(t->passes_with[0], t->value - 1);
        tl_search_free(s);
        free(m);
    }
}
