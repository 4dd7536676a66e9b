/* Isolation in simulation: known answers, and thousands of random problems. */
#include "test_search_sim.h"

#include <criterion/criterion.h>

static struct sim_need *need(struct sim *m, size_t which, size_t axis, uint64_t from)
{
    struct sim_failure *f = &m->failures[which];
    if (m->n_failures <= which)
        m->n_failures = which + 1;
    if (f->signature == NULL) {
        f->signature = which == 0 ? "asked-for" : which == 1 ? "another" : "a-third";
        f->rate = 1;
    }
    struct sim_need *n = &f->needs[f->n++];
    *n = (struct sim_need){.axis = axis, .from = from, .exact = !m->axes[axis].ordered};
    return n;
}

static void axis(struct sim *m, size_t i, bool ordered, uint64_t count, uint64_t failing)
{
    m->axes[i].ordered = ordered;
    m->axes[i].count = count;
    m->failing[i] = failing;
}

static const struct tl_search_trigger *trigger(const struct tl_search_result *r, size_t axis)
{
    for (size_t i = 0; i < r->n_triggers; i++)
        if (r->triggers[i].axis == axis)
            return &r->triggers[i];
    return NULL;
}

/* No variant that is simpler in one axis fails as M does, by the simulation's own word. */
static bool one_minimal(const struct sim *m, const uint64_t *minimal)
{
    uint64_t index[SIM_AXES];
    memcpy(index, minimal, m->space.n_axes * sizeof *index);
    if (sim_chance(&m->failures[0], index) <= 0)
        return false;
    for (size_t a = 0; a < m->space.n_axes; a++) {
        uint64_t v = index[a], least = m->axes[a].ordered && v > 1 ? v - 1 : 0;
        for (index[a] = least; index[a] < v; index[a]++) {
            bool masked = false;
            for (size_t i = 1; i < m->n_failures; i++)
                masked = masked || sim_chance(&m->failures[i], index) > 0;
            if (sim_chance(&m->failures[0], index) > 0 && !masked)
                return false;
        }
        index[a] = v;
    }
    return true;
}

Test(search, known_answer)
{
    struct sim *m = sim_new(6, 1);
    axis(m, 0, true, 48, 47);
    axis(m, 1, false, 4, 3);
    axis(m, 2, true, 4096, 3000);
    axis(m, 3, false, 5, 2);
    axis(m, 4, false, 2, 0);
    axis(m, 5, true, 2, 1);
    need(m, 0, 1, 3);
    need(m, 0, 2, 17);
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    cr_assert(sim_run(m, s, true));
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(r->reproduced && r->complete && !r->flaky);
    cr_assert_eq(r->n_triggers, 2);
    const struct tl_search_trigger *t = trigger(r, 2);
    cr_assert(t->threshold && !t->gap && t->value == 17);
    cr_assert_eq(t->passes_with[0], 16);
    t = trigger(r, 1);
    cr_assert_eq(t->value, 3);
    cr_assert_eq(t->n_fails, 1);
    cr_assert_eq(t->n_passes, 3);
    for (uint64_t v = 0; v < 3; v++)
        cr_assert_eq(t->passes_with[v], v);
    static const uint64_t minimal[6] = {0, 3, 17, 0, 0, 0};
    cr_assert_arr_eq(r->minimal, minimal, sizeof minimal);
    cr_assert_eq(r->n_decisive, 2);
    for (size_t i = 0; i < 2; i++) {
        size_t differ = 0;
        for (size_t a = 0; a < 6; a++)
            differ += r->decisive[i].fails[a] != r->decisive[i].passes[a];
        cr_assert_eq(differ, 1);
        cr_assert(r->decisive[i].n_fails >= 5 && r->decisive[i].n_passes >= 2);
    }
    cr_assert_eq(r->n_independent, 4);
    cr_assert_eq(r->n_reset, 0);
    cr_assert(r->held[0] == r->held[1] && r->held[1] > 0 && r->broken[0] == 0 && r->broken[1] > 0);
    cr_assert(r->rate[0] == 5 && r->rate[1] == 5 && r->rate_low > 0.4 && r->rate_high >= 1);
    cr_assert(r->n_notes == 0 && r->n_others == 0 && r->n_joint == 0);
    cr_assert_eq(r->trials, r->n_path);
    uint64_t sum = 0;
    for (int i = 0; i < TL_SEARCH_PURPOSE_COUNT; i++)
        sum += r->by_purpose[i];
    cr_assert_eq(sum, r->trials);
    cr_assert(r->search_trials < r->trials);
    tl_search_free(s);
    free(m);
}

Test(search, requests_say_what_they_are)
{
    struct sim *m = sim_new(2, 1);
    axis(m, 0, true, 100, 99);
    m->axes[0].name = "seq";
    axis(m, 1, false, 3, 1);
    need(m, 0, 0, 50);
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
    struct tl_search_request q[64];
    bool seen[300][64] = {{false}}, fresh = false, named = false;
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 3);
        cr_assert(n <= 3);
        for (size_t i = 0; i < n; i++) {
            /* The same variant and repeat is never asked twice. */
            size_t v = (size_t)(q[i].index[0] + 100 * q[i].index[1]);
            cr_assert(q[i].repeat < 64 && !seen[v][q[i].repeat]);
            seen[v][q[i].repeat] = true;
            cr_assert(strlen(q[i].text) > 0);
            named = named || strcmp(q[i].text, "threshold of seq") == 0;
            fresh = fresh || q[i].fresh;
            cr_assert_eq(tl_search_tell(s, q[i].id + 1000, TL_TOLD_PASS, NULL), -1);
            sim_answer(m, s, &q[i]);
            cr_assert_eq(tl_search_tell(s, q[i].id, TL_TOLD_PASS, NULL), -1);
        }
    }
    cr_assert(fresh && named);
    cr_assert_eq(tl_search_ask(s, q, 64), 0);
    tl_search_free(s);
    free(m);
}

Test(search, bad_spaces)
{
    struct tl_search_axis axes[2] = {{.count = 2}, {.count = 0}};
    struct tl_search_space space = {.n_axes = 2, .axes = axes};
    uint64_t failing[2] = {1, 0};
    cr_assert_null(tl_search_isolate(&space, failing, NULL));
    axes[1].count = 3;
    failing[1] = 3;
    cr_assert_null(tl_search_isolate(&space, failing, NULL));
    cr_assert_null(tl_search_frontier(&space, failing, 0, 0, NULL));
    cr_assert_null(tl_search_builds(0, NULL));
    tl_search_free(NULL);
}

/* 64-bit ranges: no overflow, a bisection of 64 trials. */
Test(search, whole_range)
{
    for (int i = 0; i < 3; i++) {
        struct sim *m = sim_new(1, 1);
        axis(m, 0, true, UINT64_MAX, UINT64_MAX - 1);
        uint64_t t = i == 0 ? 1 : i == 1 ? UINT64_MAX - 1 : 0x123456789abcdefu;
        need(m, 0, 0, t);
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
        cr_assert(sim_run(m, s, false));
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_triggers == 1 && r->triggers[0].value == t);
        cr_assert(r->search_trials <= 66);
        tl_search_free(s);
        free(m);
    }
}

/* Random monotone problems: the answer is exact, 1-minimal, and the same for any order of answers and any
 * width. */
Test(search, random_monotone)
{
    for (uint64_t seed = 0; seed < 5000; seed++) {
        size_t n = 1 + seed % 40, k;
        struct sim *m = sim_new(n, seed);
        k = 1 + (size_t)sim_random(m, n < SIM_NEEDS ? n : SIM_NEEDS);
        for (size_t i = 0; i < n; i++) {
            bool ordered = sim_random(m, 2) == 0;
            uint64_t count = 2 + sim_random(m, ordered ? 200 : 5);
            axis(m, i, ordered, count, sim_random(m, count));
        }
        sim_plant(m, 0, "asked-for", k);
        for (size_t i = 0; i < k; i++) {
            const struct sim_need *d = &m->failures[0].needs[i];
            m->failing[d->axis] =
                d->exact ? d->from : d->from + sim_random(m, m->axes[d->axis].count - d->from);
        }
        struct tl_search_options o = {.seed = seed, .width = 1 + (unsigned)(seed % 9)};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        bool kept = sim_run(m, s, true);
        cr_assert(kept, "seed %llu: more trials than promised", (unsigned long long)seed);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->complete && r->n_notes == 0, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(r->n_triggers, k, "seed %llu", (unsigned long long)seed);
        for (size_t i = 0; i < k; i++) {
            const struct sim_need *d = &m->failures[0].needs[i];
            const struct tl_search_trigger *t = trigger(r, d->axis);
            cr_assert(t != NULL && t->value == d->from, "seed %llu axis %zu", (unsigned long long)seed,
                      d->axis);
            cr_assert(t->threshold == m->axes[d->axis].ordered && !t->gap && !t->masked && !t->unresolved);
        }
        cr_assert(one_minimal(m, r->minimal));
        cr_assert(r->held[0] == r->held[1] && r->broken[0] == 0);
        /* At most twice as many as one at a time, and the bisections. */
        size_t away = 0, bits = 0;
        for (size_t i = 0; i < n; i++) {
            away += m->failing[i] != 0;
            bits += m->axes[i].ordered ? 8 : 0;
        }
        cr_assert(r->search_trials <= 2 * away + 20 + bits, "seed %llu", (unsigned long long)seed);
        tl_search_free(s);
        free(m);
    }
}

/* A failure of any shape: whatever is reported as complete is 1-minimal. */
struct shape {
    uint64_t salt;
    const uint64_t *failing;
    size_t n;
    unsigned density;
};

static bool shape_fails(const struct shape *h, const uint64_t *index)
{
    if (memcmp(index, h->failing, h->n * sizeof *index) == 0)
        return true;
    uint64_t x = h->salt;
    for (size_t i = 0; i < h->n; i++) {
        x = (x ^ (index[i] + 0x9e3779b97f4a7c15u)) * 0xbf58476d1ce4e5b9u;
        x ^= x >> 29;
    }
    return x % 100 < h->density;
}

Test(search, random_shapes_are_never_wrongly_minimal)
{
    size_t non_monotone = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t n = 1 + seed % 8;
        struct sim *m = sim_new(n, seed);
        for (size_t i = 0; i < n; i++) {
            uint64_t count = 2 + sim_random(m, 6);
            axis(m, i, sim_random(m, 2) == 0, count, 1 + sim_random(m, count - 1));
        }
        struct shape h = {seed, m->failing, n, 5 + (unsigned)(seed % 60)};
        struct tl_search_options o = {.seed = seed};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t k = tl_search_ask(s, q, 64);
            for (size_t i = 0; i < k; i++)
                tl_search_tell(s, q[i].id, shape_fails(&h, q[i].index) ? TL_TOLD_FAIL : TL_TOLD_PASS, "it");
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->reproduced && shape_fails(&h, r->minimal));
        cr_assert(r->complete, "seed %llu", (unsigned long long)seed);
        uint64_t index[8];
        memcpy(index, r->minimal, n * sizeof *index);
        for (size_t a = 0; a < n; a++) {
            uint64_t v = index[a];
            for (index[a] = 0; index[a] < v; index[a]++)
                if (!m->axes[a].ordered || index[a] + 1 == v || index[a] == 0)
                    cr_assert(!shape_fails(&h, index), "seed %llu", (unsigned long long)seed);
            index[a] = v;
        }
        non_monotone +=
            tl_search_has_note(r, TL_NOTE_NON_MONOTONE) || tl_search_has_note(r, TL_NOTE_OTHER_TRIGGER) ||
            tl_search_has_note(r, TL_NOTE_NOT_INDEPENDENT) || tl_search_has_note(r, TL_NOTE_BASELINE_FAILS);
        tl_search_free(s);
        free(m);
    }
    /* Such failures are hardly ever monotone, and that is said. */
    cr_assert(non_monotone > 1500, "%zu of 2000", non_monotone);
}

/* Slippage: another failure anywhere, before or behind the one that is asked for. */
Test(search, another_failure_is_never_isolated)
{
    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t n = 4 + seed % 20;
        struct sim *m = sim_new(n, seed);
        for (size_t i = 0; i < n; i++) {
            bool ordered = sim_random(m, 2) == 0;
            uint64_t count = 2 + sim_random(m, ordered ? 60 : 4);
            axis(m, i, ordered, count, 1 + sim_random(m, count - 1));
        }
        sim_plant(m, 0, "asked-for", 1 + (size_t)sim_random(m, 3));
        sim_plant(m, 1, "another", 1 + (size_t)sim_random(m, 3));
        for (size_t w = 0; w < 2; w++) {
            for (size_t i = 0; i < m->failures[w].n; i++) {
                const struct sim_need *d = &m->failures[w].needs[i];
                if (w == 0)
                    m->failing[d->axis] = d->from;
            }
        }
        /* Half of the time the other one comes first, where it is not met in F. */
        bool first = seed % 2 == 0 && sim_chance(&m->failures[1], m->failing) <= 0;
        if (first) {
            struct sim_failure swap = m->failures[0];
            m->failures[0] = m->failures[1];
            m->failures[1] = swap;
        }
        const struct sim_failure *asked = &m->failures[first];
        struct tl_search_options o = {.seed = seed};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        sim_run(m, s, true);
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert(r->reproduced);
        cr_assert_str_eq(r->signature, "asked-for");
        cr_assert(sim_chance(asked, r->minimal) > 0 &&
                      (!first || sim_chance(&m->failures[0], r->minimal) <= 0),
                  "seed %llu", (unsigned long long)seed);
        /* Every needed axis is there; one more is there only where going without it shows the other failure.
         */
        for (size_t i = 0; i < asked->n; i++)
            cr_assert_not_null(trigger(r, asked->needs[i].axis), "seed %llu", (unsigned long long)seed);
        for (size_t i = 0; i < r->n_triggers; i++) {
            bool needed = false;
            for (size_t j = 0; j < asked->n; j++)
                needed = needed || asked->needs[j].axis == r->triggers[i].axis;
            cr_assert(needed || r->triggers[i].masked, "seed %llu", (unsigned long long)seed);
        }
        for (size_t i = 0; i < r->n_others; i++) {
            cr_assert_str_eq(r->others[i].signature, "another");
            cr_assert(sim_chance(&m->failures[!first], r->others[i].index) > 0);
        }
        cr_assert(r->n_others <= 1);
        tl_search_free(s);
        free(m);
    }
}

/* The signature can be asked for; F that fails otherwise is said to. */
Test(search, asked_signature)
{
    struct sim *m = sim_new(3, 1);
    for (size_t i = 0; i < 3; i++)
        m->failing[i] = 1;
    need(m, 0, 0, 1);
    struct tl_search_options o = {.signature = "not-this-one"};
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
    sim_run(m, s, false);
    const struct tl_search_result *r = tl_search_result(s);
    cr_assert(!r->reproduced && tl_search_has_note(r, TL_NOTE_FAILS_OTHERWISE) && r->n_others == 1);
    cr_assert_null(r->minimal);
    tl_search_free(s);
    free(m);
}
