/* Quick searches and suspects, on simulated problems: what they cost, how often they are right, and that a full search goes
 * on from a quick one without running a trial again. With --verbose the tables of docs/search-theory.md are printed;
 * TL_PROBLEMS says of how many problems. */
#include "test_search_sim.h"

#include <criterion/criterion.h>

static uint64_t problems(void)
{
    const char *n = getenv("TL_PROBLEMS");
    return n != NULL ? strtoull(n, NULL, 10) : 40;
}

static bool verbose(void)
{
    return getenv("TL_PROBLEMS") != NULL;
}

struct shape {
    size_t n, n_ordered, k;
    uint64_t choices; /* values of each choice axis */
};

static const struct shape shapes[] = {{10, 0, 1, 2},  {10, 0, 2, 2},  {10, 0, 3, 2},  {10, 0, 5, 2},
                                      {50, 0, 1, 2},  {50, 0, 2, 2},  {50, 0, 3, 2},  {50, 0, 5, 2},
                                      {200, 0, 1, 2}, {200, 0, 2, 2}, {200, 0, 3, 2}, {200, 0, 5, 2},
                                      {16, 4, 3, 2},  {16, 4, 5, 2},  {12, 4, 2, 5},  {3, 1, 1, 4},
                                      {1, 0, 1, 2},   {2, 0, 2, 2},   {4, 0, 0, 2},   {24, 0, 12, 2}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static struct sim *problem(const struct shape *p, uint64_t seed)
{
    struct sim *m = sim_new(p->n, seed * 31 + p->n + p->k);
    for (size_t i = 0; i < p->n; i++) {
        m->axes[i].ordered = i < p->n_ordered;
        m->axes[i].count = i < p->n_ordered ? 1024 : p->choices;
        m->failing[i] = m->axes[i].count - 1;
    }
    sim_plant(m, 0, "planted", p->k);
    /* F shows it: of a choice only the very value does. */
    for (size_t i = 0; i < p->k; i++)
        if (m->failures[0].needs[i].exact)
            m->failing[m->failures[0].needs[i].axis] = m->failures[0].needs[i].from;
    return m;
}

static bool right(const struct sim *m, const struct tl_search_result *r)
{
    uint64_t expected[SIM_AXES] = {0};
    for (size_t i = 0; i < m->failures[0].n; i++)
        expected[m->failures[0].needs[i].axis] = m->failures[0].needs[i].from;
    return r->minimal != NULL && memcmp(expected, r->minimal, m->space.n_axes * sizeof *expected) == 0;
}

/* Never more than 1.2 trials for each of the search, whatever the problem, and each answer right. */
Test(search_quick, costs_and_is_right)
{
    if (verbose())
        printf("| axes | needed | search trials | all | ratio | of the full search | both sides seen | twice "
               "|\n");
    for (size_t i = 0; i < SHAPES; i++) {
        uint64_t search = 0, all = 0, full = 0, n = problems();
        size_t pairs = 0, twice = 0;
        for (uint64_t seed = 0; seed < n; seed++) {
            struct sim *m = problem(&shapes[i], seed);
            const struct tl_search_options o = {
                .quick = true, .widen = true, .needs = true, .causes = true, .width = 4};
            struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
            cr_assert(sim_run(m, s, true), "more trials than were said at most");
            const struct tl_search_result *r = tl_search_result(s);
            cr_assert(r->reproduced && !r->complete && tl_search_has_note(r, TL_NOTE_QUICK));
            cr_assert(right(m, r), "shape %zu, seed %llu", i, (unsigned long long)seed);
            cr_assert(5 * r->trials <= 6 * r->search_trials, "%llu of %llu", (unsigned long long)r->trials,
                      (unsigned long long)r->search_trials);
            cr_assert_eq(m->fresh_runs, m->runs);
            search += r->search_trials;
            all += r->trials;
            pairs += r->n_decisive > 0 || shapes[i].k == 0;
            twice += r->rate[1] > 1 && (r->n_decisive == 0 || r->decisive[0].n_passes > 1);
            tl_search_free(s);
            s = tl_search_isolate(&m->space, m->failing, NULL);
            m->runs = 0;
            sim_run(m, s, false);
            full += m->runs;
            tl_search_free(s);
            free(m);
        }
        cr_assert_eq(pairs, n, "a shape without a decisive pair: %zu", i);
        double d = (double)n;
        if (verbose())
            printf("| %zu (%zu ordered of 1024, choices of %llu) | %zu | %.1f | %.1f | %.2f | %.1f | %.0f%% "
                   "| %.0f%% |\n",
                   shapes[i].n, shapes[i].n_ordered, (unsigned long long)shapes[i].choices, shapes[i].k,
                   (double)search / d, (double)all / d, (double)all / (double)search, (double)full / d,
                   100 * (double)pairs / d, 100 * (double)twice / d);
    }
}

/* Trials that are stored, as a search driver has them: each answers one request of its variant. */
struct stored {
    size_t n;
    uint64_t (*index)[SIM_AXES];
    bool *used;
};

static void keep(struct stored *t, const struct sim *m, const uint64_t *index)
{
    t->index = realloc(t->index, (t->n + 1) * sizeof *t->index);
    t->used = realloc(t->used, (t->n + 1) * sizeof *t->used);
    memcpy(t->index[t->n], index, m->space.n_axes * sizeof *index);
    t->used[t->n++] = false;
}

static bool take(struct stored *t, const struct sim *m, const uint64_t *index)
{
    for (size_t i = 0; i < t->n; i++)
        if (!t->used[i] && memcmp(t->index[i], index, m->space.n_axes * sizeof *index) == 0) {
            t->used[i] = true;
            return true;
        }
    return false;
}

/* Runs it to its end, with what is stored and without running that again; returns the trials that were run. */
static uint64_t run_with(struct sim *m, struct tl_search *s, struct stored *t, bool add)
{
    struct tl_search_request q[64];
    uint64_t before = m->runs, known = 0;
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 64);
        for (size_t i = 0; i < n; i++) {
            known += !add && take(t, m, q[i].index);
            if (add)
                keep(t, m, q[i].index);
            sim_answer(m, s, &q[i]);
        }
    }
    return m->runs - before - known;
}

/* Every trial of a quick search is one that the full search asks for: it is used, and not run again. */
Test(search_quick, full_search_goes_on_from_it)
{
    uint64_t anew = 0, after = 0, quick = 0;
    for (size_t i = 0; i < SHAPES; i++) {
        for (uint64_t seed = 0; seed < 10 + problems() / 4; seed++) {
            struct sim *m = problem(&shapes[i], seed);
            struct stored t = {0};
            const struct tl_search_options quickly = {.quick = true};
            const struct tl_search_options fully = {
                .widen = true, .needs = true, .causes = true, .every_value = true};
            struct tl_search *s = tl_search_isolate(&m->space, m->failing, &quickly);
            uint64_t n = run_with(m, s, &t, true);
            tl_search_free(s);
            s = tl_search_isolate(&m->space, m->failing, &fully);
            uint64_t more = run_with(m, s, &t, false);
            for (size_t k = 0; k < t.n; k++)
                cr_assert(t.used[k], "shape %zu, seed %llu: trial %zu was run in vain", i,
                          (unsigned long long)seed, k);
            cr_assert_eq(n + more, tl_search_result(s)->trials);
            quick += n;
            after += more;
            anew += tl_search_result(s)->trials;
            tl_search_free(s);
            free(t.index);
            free(t.used);
            free(m);
        }
    }
    if (verbose())
        printf("\nquick %llu trials, then %llu more; at once %llu\n", (unsigned long long)quick,
               (unsigned long long)after, (unsigned long long)anew);
    cr_assert_eq(quick + after, anew);
}

/* A bug at two places: where one more axis has its value it shows elsewhere. M needs that axis by signature alone. */
Test(search_quick, places)
{
    uint64_t search = 0, all = 0, n = problems(), good = 0;
    for (uint64_t seed = 0; seed < n; seed++) {
        struct sim *m = problem(&(const struct shape){12, 3, 2, 3}, seed);
        size_t extra = 0;
        while (extra == m->failures[0].needs[0].axis || extra == m->failures[0].needs[1].axis)
            extra++;
        const struct tl_search_options o = {.quick = true, .widen = true};
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
        struct tl_search_request q[64];
        while (!tl_search_done(s)) {
            size_t k = tl_search_ask(s, q, 64);
            for (size_t i = 0; i < k; i++) {
                struct tl_search_failure f = {.kind = "crash"};
                f.signature = q[i].index[extra] == m->failing[extra] ? "there" : "here";
                if (sim_chance(&m->failures[0], q[i].index) > 0)
                    tl_search_tell_failure(s, q[i].id, &f);
                else
                    tl_search_tell(s, q[i].id, TL_TOLD_PASS, NULL);
            }
        }
        const struct tl_search_result *r = tl_search_result(s);
        cr_assert_leq(5 * r->trials, 6 * r->search_trials);
        good += right(m, r);
        cr_assert(!right(m, r) || r->wide);
        search += r->search_trials;
        all += r->trials;
        tl_search_free(s);
        free(m);
    }
    if (verbose())
        printf("\nat two places: %.1f search trials, %.1f in all, right in %llu of %llu\n",
               (double)search / (double)n, (double)all / (double)n, (unsigned long long)good,
               (unsigned long long)n);
    cr_assert(100 * good >= 95 * n, "%llu of %llu", (unsigned long long)good, (unsigned long long)n);
}

/* What does not fail every time: the share of wrong answers that do not say that it is flaky. */
Test(search_quick, flaky)
{
    static const struct {
        double rate, wrong;
    } rows[] = {{0.99, 0.13}, {0.95, 0.4}, {0.9, 0.6}, {0.5, 0.35}, {0.2, 0.3}};
    if (verbose())
        printf("\n| rate | not reproduced | said to be flaky | right | wrong | trials |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t n = 5 * problems(), not_seen = 0, flaky = 0, good = 0, wrong = 0, runs = 0;
        for (uint64_t seed = 0; seed < n; seed++) {
            struct sim *m = problem(&(const struct shape){10, 3, 2, 2}, seed);
            m->failures[0].rate = rows[i].rate;
            const struct tl_search_options o = {.quick = true};
            struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
            sim_run(m, s, false);
            const struct tl_search_result *r = tl_search_result(s);
            cr_assert(!r->complete && r->trials <= r->search_trials * 6 / 5);
            cr_assert(!r->reproduced || sim_chance(&m->failures[0], r->minimal) > 0);
            not_seen += !r->reproduced;
            flaky += r->reproduced && r->flaky;
            good += r->reproduced && !r->flaky && right(m, r);
            wrong += r->reproduced && !r->flaky && !right(m, r);
            runs += r->trials;
            tl_search_free(s);
            free(m);
        }
        double d = (double)n;
        if (verbose())
            printf("| %.2f | %.1f%% | %.1f%% | %.1f%% | %.1f%% | %.1f |\n", rows[i].rate,
                   100 * (double)not_seen / d, 100 * (double)flaky / d, 100 * (double)good / d,
                   100 * (double)wrong / d, (double)runs / d);
        cr_assert((double)wrong <= rows[i].wrong * d, "rate %.2f: %llu of %llu", rows[i].rate,
                  (unsigned long long)wrong, (unsigned long long)n);
    }
}

/* --- suspects --------------------------------------------------------------------------------------------- */

/* The kinds of guesses: the trigger, nothing of it, a part, more than it, a part and something else. */
enum guess { RIGHT, WRONG, PART, MORE, MIXED, GUESSES };
static const char *const guesses[] = {"right", "wrong", "a part", "more than it", "a part and another"};

static bool is_needed(const struct sim *m, size_t axis)
{
    for (size_t i = 0; i < m->failures[0].n; i++)
        if (m->failures[0].needs[i].axis == axis)
            return true;
    return false;
}

static size_t guess(struct sim *m, enum guess g, size_t *axes)
{
    size_t n = 0, k = m->failures[0].n, others = g == WRONG ? 1 + (size_t)sim_random(m, 2) : g >= MORE;
    for (size_t i = 0; i < k && g != WRONG; i++)
        if (i < (g == PART || g == MIXED ? k - 1 : k))
            axes[n++] = m->failures[0].needs[i].axis;
    for (size_t a = (size_t)sim_random(m, m->space.n_axes); others > 0; a = (a + 1) % m->space.n_axes) {
        if (is_needed(m, a))
            continue;
        axes[n++] = a;
        others--;
    }
    return n;
}

static struct tl_search_result *run(struct sim *m, const struct tl_search_options *o, struct tl_search **s)
{
    *s = tl_search_isolate(&m->space, m->failing, o);
    cr_assert(sim_run(m, *s, false), "more trials than were said at most");
    return (struct tl_search_result *)tl_search_result(*s);
}

/* Two trials when the guess is right, at most two more than without when it is wrong. */
Test(search_quick, suspects)
{
    static const struct shape of[] = {{10, 0, 1, 2},  {10, 0, 2, 2},  {10, 3, 3, 2},  {50, 0, 2, 2},
                                      {50, 10, 3, 2}, {200, 0, 1, 2}, {200, 0, 3, 2}, {16, 4, 3, 4}};
    if (verbose())
        printf("\n| guess | axes | needed | search trials without | with | at most more | all without | with "
               "|\n");
    for (int quick = 0; quick < 2; quick++)
        for (int g = 0; g < GUESSES; g++)
            for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
                int64_t worst = INT64_MIN;
                uint64_t without = 0, with = 0, all_without = 0, all_with = 0, count = 0;
                for (uint64_t seed = 0; seed < problems() / 2; seed++) {
                    struct sim *m = problem(&of[i], seed);
                    size_t axes[SIM_AXES], n = guess(m, (enum guess)g, axes);
                    struct tl_search_options o = {.quick = quick != 0};
                    struct tl_search *plain, *told;
                    const struct tl_search_result *p = run(m, &o, &plain);
                    o.suspects = axes;
                    o.n_suspects = n;
                    m->runs = 0;
                    const struct tl_search_result *r = run(m, &o, &told);
                    cr_assert(right(m, r) && r->complete == !quick, "%s, shape %zu, seed %llu", guesses[g], i,
                              (unsigned long long)seed);
                    cr_assert(right(m, p));
                    int64_t more = (int64_t)r->search_trials - (int64_t)p->search_trials;
                    worst = more > worst ? more : worst;
                    cr_assert_leq(more, 2, "%s, shape %zu, seed %llu: %lld more", guesses[g], i,
                                  (unsigned long long)seed, (long long)more);
                    /* What is drawn at random later is drawn among what was not tried. */
                    if (g == WRONG && quick)
                        cr_assert_leq(r->trials, p->trials + 2);
                    if (g == RIGHT && n > 0)
                        cr_assert(r->by_purpose[TL_SEARCH_SUSPECT] == 2 &&
                                  r->by_purpose[TL_SEARCH_AXES] == (quick && n > 1 ? n : 0));
                    without += p->search_trials;
                    with += r->search_trials;
                    all_without += p->trials;
                    all_with += r->trials;
                    count++;
                    tl_search_free(plain);
                    tl_search_free(told);
                    free(m);
                }
                double d = (double)count;
                if (g == WRONG)
                    cr_assert_leq(all_with, all_without + 2 * count);
                if (verbose())
                    printf("| %s%s | %zu (%zu, %llu) | %zu | %.1f | %.1f | %lld | %.1f | %.1f |\n",
                           guesses[g], quick ? ", quick" : "", of[i].n, of[i].n_ordered,
                           (unsigned long long)of[i].choices, of[i].k, (double)without / d, (double)with / d,
                           (long long)worst, (double)all_without / d, (double)all_with / d);
            }
}
