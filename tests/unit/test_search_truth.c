/* Failures that go away when they are looked at, constraints, budgets: the answer is true, or says what is
 * not known. */
#include "test_search_sim.h"

#include <criterion/criterion.h>

static struct sim *small(size_t n, uint64_t seed)
{
    struct sim *m = sim_new(n, seed);
    for (size_t i = 0; i < n; i++) {
        m->axes[i].count = 3;
        m->failing[i] = 2;
    }
    m->n_failures = 1;
    m->failures[0].signature = "asked-for";
    m->failures[0].rate = 1;
    return m;
}

static void need(struct sim *m, size_t which, size_t axis, uint64_t from)
{
    struct sim_failure *f = &m->failures[which];
    f->needs[f->n++] = (struct sim_need){.axis = axis, .from = from};
}

Test(search_truth, baseline_fails)
{
    struct sim *m = small(4, 1); /* needs nothing */
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    cr_assert(sim_run(m, s, true));
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && r->complete && tl_search_has_note(r, TL_NOTE_BASELINE_FAILS));
    cr_assert_eq(r->n_triggers, 0);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(r->minimal[i], 0);
    cr_assert(r->held[0] == r->held[1] && r->held[1] > 0 && r->broken[1] == 0);
    cr_assert_eq(r->rate[1], 5);
    tl_search_free(s);
    free(m);
}

Test(search_truth, no_axes)
{
    struct sim *m = small(0, 1);
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && r->complete && tl_search_has_note(r, TL_NOTE_BASELINE_FAILS));
    tl_search_free(s);
    free(m);
}

Test(search_truth, does_not_fail)
{
    struct sim *m = small(4, 1);
    m->n_failures = 0;
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(!r->reproduced && !r->complete && r->minimal == NULL && r->n_triggers == 0);
    cr_assert(tl_search_has_note(r, TL_NOTE_NOT_REPRODUCED));
    cr_assert(r->rate[0] == 0 && r->rate[1] == 21 && r->rate_low <= 0 && r->rate_high < 0.25);
    cr_assert_eq(r->trials, 21);
    tl_search_free(s);
    free(m);
}

Test(search_truth, warm_processes_only)
{
    struct sim *m = small(5, 1);
    need(m, 0, 2, 1);
    m->fresh_passes = true;
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && !r->complete && tl_search_has_note(r, TL_NOTE_NOT_CONFIRMED));
    cr_assert(r->rate[0] == 0 && r->rate[1] == 21);
    tl_search_free(s);
    free(m);
}

static bool all_but_failing(const struct sim *m, const uint64_t *index)
{
    return memcmp(index, m->failing, m->space.n_axes * sizeof *index) != 0;
}

Test(search_truth, neighbours_unsupported)
{
    struct sim *m = small(5, 1);
    need(m, 0, 2, 1);
    m->unsupported = all_but_failing;
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && !r->complete && tl_search_has_note(r, TL_NOTE_NEIGHBOURS_UNSUPPORTED));
    cr_assert_eq(r->n_triggers, 5);
    cr_assert_eq(r->n_decisive, 0);
    for (size_t i = 0; i < 5; i++)
        cr_assert(r->triggers[i].unresolved && r->triggers[i].n_passes == 0);
    tl_search_free(s);
    free(m);
}

static bool everything(const struct sim *m, const uint64_t *index)
{
    return true;
}

Test(search_truth, failing_unsupported)
{
    struct sim *m = small(5, 1);
    m->unsupported = everything;
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(!r->reproduced && r->trials == 1 && tl_search_has_note(r, TL_NOTE_FAILING_UNSUPPORTED));
    cr_assert_eq(r->rate[1], 0, "what cannot be tried was not run");
    tl_search_free(s);
    free(m);
}

/* A trial that takes the machine down is not asked for again, and the search goes around it. */
Test(search_truth, lost)
{
    for (int at_failing = 0; at_failing < 2; at_failing++) {
        struct sim *m = small(8, 1);
        need(m, 0, 2, 1);
        need(m, 0, 5, 1);
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
        struct tl_search_request q[64];
        uint64_t asked = 0, lost[8];
        bool any = false;
        while (!tl_search_done(s)) {
            size_t n = tl_search_ask(s, q, 64);
            for (size_t i = 0; i < n; i++, asked++) {
                cr_assert(!any || memcmp(q[i].index, lost, sizeof lost) != 0);
                if (asked == (at_failing ? 0u : 5u)) {
                    memcpy(lost, q[i].index, sizeof lost);
                    any = true;
                    tl_search_tell(s, q[i].id, TL_TOLD_LOST, NULL);
                } else {
                    sim_answer(m, s, &q[i]);
                }
            }
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(any && tl_search_has_note(r, TL_NOTE_LOST));
        cr_assert_eq(r->reproduced, !at_failing);
        if (at_failing)
            cr_assert_eq(r->trials, 1);
        else
            cr_assert(r->complete && r->n_triggers == 2);
        tl_search_free(s);
        free(m);
    }
}

/* Whatever the budget: never over it, M fails, and it is complete only when it is minimal. */
Test(search_truth, budget)
{
    size_t complete = 0;
    for (uint64_t budget = 1; budget < 120; budget++) {
        struct sim *m = small(12, budget);
        for (size_t i = 0; i < 4; i++) {
            m->axes[i].ordered = true;
            m->axes[i].count = 100;
            m->failing[i] = 99;
        }
        need(m, 0, 1, 37);
        need(m, 0, 7, 2);
        need(m, 0, 9, 1);
        struct tl_search_options o = {.max_trials = budget};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t n = tl_search_ask(s, q, 64);
            cr_assert(tl_search_left(s) <= budget - m->runs);
            for (size_t i = 0; i < n; i++)
                sim_answer(m, s, &q[i]);
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(m->runs <= budget && r->trials == m->runs);
        cr_assert(sim_chance(&m->failures[0], r->minimal) > 0);
        cr_assert(r->complete || tl_search_has_note(r, TL_NOTE_BUDGET));
        if (r->complete) {
            complete++;
            cr_assert(r->n_triggers == 3 && r->minimal[1] == 37);
        }
        tl_search_free(s);
        free(m);
    }
    cr_assert(complete > 30 && complete < 100);
}

Test(search_truth, stopped)
{
    struct sim *m = small(4, 1);
    need(m, 0, 1, 1);
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    struct tl_search_request q[64];
    size_t n = tl_search_ask(s, q, 64);
    cr_assert_eq(n, 1);
    sim_answer(m, s, &q[0]);
    n = tl_search_ask(s, q, 64);
    tl_search_stop(s, TL_NOTE_STOPPED);
    cr_assert(tl_search_done(s));
    sim_answer(m, s, &q[0]); /* one that was under way */
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && !r->complete && tl_search_has_note(r, TL_NOTE_STOPPED));
    cr_assert_arr_eq(r->minimal, m->failing, 4 * sizeof *r->minimal);
    tl_search_free(s);
    free(m);
}

/* Axes that a constraint ties together: 1 may be at its baseline only when 2 is. */
static bool tied(void *context, const uint64_t *index)
{
    return (index[1] == 0) != (index[2] == 0);
}

Test(search_truth, tied_axes)
{
    for (uint64_t needed = 0; needed < 6; needed++) {
        struct sim *m = small(6, 1);
        m->space.forbidden = tied;
        need(m, 0, needed, 1);
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert_eq(m->distinct_errors, 0, "a forbidden variant was asked for");
        bool in_tie = needed == 1 || needed == 2;
        cr_assert(r->complete == !in_tie || (in_tie && r->complete));
        cr_assert_eq(r->n_triggers, in_tie ? 2 : 1);
        cr_assert_eq(tl_search_has_note(r, TL_NOTE_NEIGHBOUR_UNSUPPORTED), in_tie);
        cr_assert(r->minimal[needed] == 1 && !tied(NULL, r->minimal));
        tl_search_free(s);
        free(m);
    }
}

static bool gap(const struct sim *m, const uint64_t *index)
{
    return index[0] > 40 && index[0] < 52;
}

Test(search_truth, threshold_in_a_gap)
{
    struct sim *m = small(3, 1);
    m->axes[0].ordered = true;
    m->axes[0].count = 100;
    m->failing[0] = 99;
    m->unsupported = gap;
    need(m, 0, 0, 45);
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, true);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->complete && r->n_triggers == 1);
    const struct tl_search_trigger *t = &r->triggers[0];
    cr_assert_eq(t->value, 52);
    cr_assert(t->gap && t->n_passes > 0);
    cr_assert_eq(t->passes_with[0], 40);
    tl_search_free(s);
    free(m);
}

/* Random unsupported variants, told by the trial or by the constraint: never asked for again, never counted
 * as passes, and nothing that is reported is wrong. */
static bool scattered(const struct sim *m, const uint64_t *index)
{
    uint64_t x = 7;
    for (size_t i = 0; i < m->space.n_axes; i++)
        x = (x ^ index[i]) * 0xbf58476d1ce4e5b9u, x ^= x >> 31;
    return all_but_failing(m, index) && x % 100 < 30;
}
static bool scattered_constraint(void *context, const uint64_t *index)
{
    return scattered(context, index);
}

Test(search_truth, scattered_unsupported)
{
    size_t exact = 0, possible = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct sim *m = small(4 + seed % 16, seed);
        for (size_t i = 0; i < m->space.n_axes; i++)
            m->axes[i].ordered = sim_random(m, 2) == 0;
        need(m, 0, seed % 4, 1 + sim_random(m, 2));
        need(m, 0, (seed + 1) % 4, 1 + sim_random(m, 2));
        if (seed % 2 == 0) {
            m->unsupported = scattered;
        } else {
            m->space.forbidden = scattered_constraint;
            m->space.context = m;
        }
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->reproduced && m->distinct_errors == 0);
        cr_assert(sim_chance(&m->failures[0], r->minimal) > 0);
        uint64_t index[SIM_AXES];
        memcpy(index, r->minimal, m->space.n_axes * sizeof *index);
        for (size_t a = 0; a < m->space.n_axes; a++) {
            uint64_t v = index[a];
            for (index[a] = 0; index[a] < v && r->complete; index[a]++)
                cr_assert(scattered(m, index) || sim_chance(&m->failures[0], index) <= 0, "seed %llu",
                          (unsigned long long)seed);
            index[a] = v;
        }
        for (size_t i = 0; i < r->n_triggers; i++)
            for (size_t j = 0; j < r->triggers[i].n_passes; j++) {
                memcpy(index, r->minimal, m->space.n_axes * sizeof *index);
                index[r->triggers[i].axis] = r->triggers[i].passes_with[j];
                cr_assert(!scattered(m, index) && sim_chance(&m->failures[0], index) <= 0);
            }
        /* Where the simplest variant of all can be tried, it is found most of the time. */
        memset(index, 0, sizeof index);
        for (size_t i = 0; i < 2; i++)
            index[m->failures[0].needs[i].axis] = m->failures[0].needs[i].from;
        possible += !scattered(m, index);
        exact += !scattered(m, index) && memcmp(index, r->minimal, m->space.n_axes * sizeof *index) == 0;
        tl_search_free(s);
        free(m);
    }
    cr_assert(exact > possible * 9 / 10, "%zu of %zu", exact, possible);
}

Test(search_truth, not_monotone)
{
    size_t detected = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim *m = small(3, seed);
        m->axes[1].ordered = true;
        m->axes[1].count = 1000;
        m->failing[1] = 998;
        need(m, 0, 1, 100 + sim_random(m, 400));
        m->failures[0].needs[0].even = true;
        struct tl_search_options o = {.seed = seed};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_triggers == 1 && r->triggers[0].value % 2 == 0);
        if (tl_search_has_note(r, TL_NOTE_NON_MONOTONE)) {
            detected++;
            cr_assert(r->triggers[0].non_monotone);
        }
        tl_search_free(s);
        free(m);
    }
    cr_assert(detected > 120, "%zu of 200", detected);
}

/* Two thresholds that depend on each other: it fails when a + b >= 100. */
Test(search_truth, joint_thresholds)
{
    struct sim *m = small(3, 1);
    for (size_t i = 0; i < 2; i++) {
        m->axes[i].ordered = true;
        m->axes[i].count = 100;
        m->failing[i] = 80;
    }
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    struct tl_search_request q[64];
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        for (size_t i = 0; i < n; i++)
            tl_search_tell(s, q[i].id, q[i].index[0] + q[i].index[1] >= 100 ? TL_TOLD_FAIL : TL_TOLD_PASS,
                           "it");
    }
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->complete && r->n_triggers == 2 && r->minimal[0] + r->minimal[1] == 100);
    cr_assert(tl_search_has_note(r, TL_NOTE_JOINT) && r->n_joint == 1);
    cr_assert(r->joint[0].witness[0] + r->joint[0].witness[1] >= 100);
    cr_assert(r->joint[0].witness[r->joint[0].less] < r->minimal[r->joint[0].less]);
    tl_search_free(s);
    free(m);
}

Test(search_truth, baseline_other_or_unsupported)
{
    struct sim *m = small(5, 1);
    need(m, 0, 3, 1);
    /* Another failure that everything but axis 3 at its failing value shows. */
    m->n_failures = 2;
    m->failures[1] = (struct sim_failure){.signature = "another", .rate = 1};
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    sim_run(m, s, true);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->complete && tl_search_has_note(r, TL_NOTE_BASELINE_OTHER) &&
              tl_search_has_note(r, TL_NOTE_MASKED));
    cr_assert(r->n_triggers == 1 && r->triggers[0].masked && r->n_others == 1 && r->n_decisive == 0);
    cr_assert_str_eq(r->others[0].signature, "another");
    tl_search_free(s);
    free(m);
}

/* The same answers in any order, and whatever the device runs at once: the same result. */
Test(search_truth, order_and_width)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t minimal[30], trials[2] = {0, 0};
        for (unsigned run = 0; run < 6; run++) {
            struct sim *m = small(30, seed);
            for (size_t i = 0; i < 6; i++) {
                m->axes[i].ordered = true;
                m->axes[i].count = 50;
                m->failing[i] = 49;
            }
            sim_plant(m, 0, "asked-for", 3);
            for (size_t i = 0; i < 3; i++)
                m->failing[m->failures[0].needs[i].axis] = m->failures[0].needs[i].from;
            m->random += run;
            struct tl_search_options o = {.seed = 1, .width = run < 2 ? 1 : run * 2};
            struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
            sim_run(m, s, run > 0);
            const struct tl_search_result *r = tl_search_result(s);
            if (run == 0)
                memcpy(minimal, r->minimal, sizeof minimal);
            cr_assert_arr_eq(minimal, r->minimal, sizeof minimal);
            if (run < 2)
                trials[run] = r->trials;
            tl_search_free(s);
            free(m);
        }
        cr_assert_eq(trials[0], trials[1]);
    }
}

static bool few(const struct sim *m, const uint64_t *index)
{
    return index[m->space.n_axes - 1] == 1;
}

/* Any options, any answers, asked in small bites, told late, looked at and stopped at any moment. */
Test(search_truth, robust)
{
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct sim *m = small(1 + seed % 9, seed);
        sim_random_axes(m);
        struct tl_search_options o = {.seed = seed,
                                      .width = (unsigned)sim_random(m, 20),
                                      .max_trials = sim_random(m, 2) == 0 ? 0 : 1 + sim_random(m, 300),
                                      .confirm_runs = (unsigned)sim_random(m, 4),
                                      .generalise_runs = (unsigned)sim_random(m, 4),
                                      .no_generalise = sim_random(m, 4) == 0,
                                      .exhaustive = sim_random(m, 2) == 0};
        struct tl_search *s = NULL;
        if (seed % 3 == 0)
            s = tl_search_builds(1 + (size_t)sim_random(m, 60), &o);
        else if (seed % 3 == 1 && m->space.n_axes > 1)
            s = tl_search_frontier(&m->space, m->failing, 0, 1, &o);
        if (s == NULL)
            s = tl_search_isolate(&m->space, m->failing, &o);
        cr_assert_not_null(s);
        double rate = 0.05 + sim_uniform(m);
        uint64_t end = sim_random(m, 2) == 0 ? UINT64_MAX : sim_random(m, 200), limit = 10000;
        struct tl_search_request q[16];
        while (!tl_search_done(s) && m->runs < limit) {
            size_t n = tl_search_ask(s, q, 1 + (size_t)sim_random(m, 16));
            for (size_t i = 0; i < n; i++, m->runs++) {
                if (m->runs == end)
                    tl_search_stop(s, TL_NOTE_STOPPED);
                uint64_t kind = sim_random(m, 40);
                enum tl_search_told told = kind == 0               ? TL_TOLD_LOST
                                           : kind < 3              ? TL_TOLD_UNSUPPORTED
                                           : sim_uniform(m) < rate ? TL_TOLD_FAIL
                                                                   : TL_TOLD_PASS;
                if (m->space.n_axes > 2 && seed % 3 == 2 && few(m, q[i].index))
                    told = TL_TOLD_UNSUPPORTED;
                tl_search_tell(s, q[i].id, told, kind % 7 == 0 ? "another" : "it");
                if (sim_random(m, 10) == 0) {
                    const struct tl_search_result *r = tl_search_result(s);
                    cr_assert(r->trials <= m->runs + 1 && r->n_notes <= TL_SEARCH_NOTE_COUNT);
                }
            }
            (void)tl_search_left(s);
        }
        cr_assert(tl_search_done(s), "seed %llu does not end", (unsigned long long)seed);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(o.max_trials == 0 || r->trials <= o.max_trials);
        cr_assert(r->reproduced == (r->minimal != NULL) || !r->reproduced);
        tl_search_free(s);
        free(m);
    }
}
