/* What trials counted: a band whose edges are those of all trials, whenever they were run. */
#include "harness/search/noise.h"
#include "test_search_sim.h"

#include <criterion/criterion.h>

#define ROUNDS 0 /* the axis that is counted */

/* A model that dies at a round between `low` and `high`, or, at times, never. */
struct soak {
    uint64_t low, high;
    double silent; /* the share of deaths that leave no count */
    double lives;  /* the share of runs that do not die however long they are */
};

struct told {
    uint64_t own, died, rest; /* died: UINT64_MAX: it passed; rest: of an axis that tells nothing */
};

static struct told trials[4096];
static size_t n_trials;

static void answer(struct sim *m, const struct soak *k, struct tl_search *s,
                   const struct tl_search_request *q)
{
    uint64_t at = k->low + sim_random(m, k->high - k->low + 1);
    bool lives = k->lives > 0 && sim_uniform(m) < k->lives;
    bool held = q->index[1] == 1 && !lives, dies = held && q->index[ROUNDS] >= at;
    m->runs++;
    bool counts = !dies || k->silent <= 0 || sim_uniform(m) >= k->silent;
    if (q->index[1] == 1 && counts)
        trials[n_trials++] = (struct told){q->index[ROUNDS], dies ? at : UINT64_MAX, q->index[2]};
    if (counts)
        tl_search_counted(s, q->id, dies ? at : 0);
    if (dies)
        tl_search_tell(s, q->id, TL_TOLD_FAIL, "dies");
    else
        tl_search_tell(s, q->id, TL_TOLD_PASS, NULL);
}

static struct tl_search *isolate(struct sim *m, const struct soak *k, uint64_t seed)
{
    m->axes[ROUNDS] = (struct tl_search_axis){.ordered = true, .count = 1001};
    m->axes[1].count = m->axes[2].count = 2;
    m->failing[ROUNDS] = 1000;
    m->failing[1] = m->failing[2] = 1;
    struct tl_search_options o = {.seed = seed,
                                  .counted = true,
                                  .counted_axis = ROUNDS,
                                  .needs = true,
                                  .causes = true,
                                  .every_value = true,
                                  .max_trials = 3000};
    struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
    struct tl_search_request q[16];
    n_trials = 0;
    while (!tl_search_done(s)) {
        size_t n = tl_search_ask(s, q, 16);
        for (size_t i = 0; i < n; i++)
            answer(m, k, s, &q[i]);
    }
    return s;
}

/* What all trials say of a value. */
static struct tl_search_rate all_say(const struct tl_search_result *found, uint64_t value)
{
    struct tl_search_rate r = {.value = value};
    for (size_t i = 0; i < n_trials; i++) {
        bool died = trials[i].died != UINT64_MAX;
        if (trials[i].rest != found->minimal[2] || (!died && trials[i].own < value))
            continue;
        r.runs++;
        r.failed += died && trials[i].died <= value;
    }
    return r;
}

static const struct tl_search_trigger *rounds_of(const struct tl_search_result *r)
{
    for (size_t i = 0; i < r->n_triggers; i++)
        if (r->triggers[i].axis == ROUNDS)
            return &r->triggers[i];
    return NULL;
}

static void same(const struct tl_search_result *found, const struct tl_search_rate *said, uint64_t seed)
{
    struct tl_search_rate all = all_say(found, said->value);
    cr_assert(said->failed == all.failed && said->runs == all.runs,
              "seed %llu: at %llu said %u of %u, all trials say %u of %u", (unsigned long long)seed,
              (unsigned long long)said->value, said->failed, said->runs, all.failed, all.runs);
}

/* What is said of an edge that is no more true than its count allows: the rate beyond it with confidence 0.99. */
static double allowed(const struct tl_search_rate *edge)
{
    return 1 - pow(0.01, 1.0 / edge->runs);
}

Test(search_counted, no_trial_contradicts_the_edges)
{
    enum { PROBLEMS = 400 };
    uint64_t runs = 0, most = 0, wrong = 0, edges = 0, complete = 0;
    for (uint64_t seed = 0; seed < PROBLEMS; seed++) {
        struct sim *m = sim_new(3, seed + 7);
        struct soak k = {0};
        k.low = 2 + sim_random(m, 600);
        k.high = k.low + 3 + sim_random(m, 380);
        struct tl_search *s = isolate(m, &k, seed);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = rounds_of(r);
        cr_assert(r->reproduced && t != NULL && t->band.is_band && r->n_triggers == 2,
                  "seed %llu: %zu triggers", (unsigned long long)seed, r->n_triggers);
        complete += r->complete;
        const struct tl_search_band *b = &t->band;
        cr_assert(b->has_never && b->never.failed == 0 && b->always.failed == b->always.runs);
        cr_assert(r->minimal[ROUNDS] == b->always.value && b->never.value < b->always.value);
        same(r, &b->never, seed);
        same(r, &b->always, seed);
        cr_assert(b->n_samples >= 4);
        for (size_t i = 0; i < b->n_samples; i++)
            same(r, &b->samples[i], seed);
        cr_assert(all_say(r, b->never.value + 1).failed > 0);
        cr_assert(all_say(r, b->always.value - 1).failed < all_say(r, b->always.value - 1).runs);
        /* The truth. */
        double width = (double)(k.high - k.low + 1);
        double at_never = b->never.value < k.low ? 0 : (double)(b->never.value - k.low + 1) / width,
               at_always = b->always.value >= k.high ? 0 : (double)(k.high - b->always.value) / width;
        wrong += (at_never > allowed(&b->never)) + (at_always > allowed(&b->always));
        edges += 2;
        runs += m->runs;
        most = m->runs > most ? m->runs : most;
        tl_search_free(s);
        free(m);
    }
    printf("counted: %llu of %llu edges contradict the truth, %.1f runs, at most %llu, %llu complete\n",
           (unsigned long long)wrong, (unsigned long long)edges, (double)runs / PROBLEMS,
           (unsigned long long)most, (unsigned long long)complete);
    cr_assert(wrong * 100 <= edges, "%llu of %llu edges", (unsigned long long)wrong,
              (unsigned long long)edges);
    cr_assert(complete == PROBLEMS && runs < 75 * PROBLEMS);
}

Test(search_counted, one_place)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim *m = sim_new(3, seed + 7);
        struct soak k = {0};
        k.low = k.high = 2 + sim_random(m, 990);
        struct tl_search *s = isolate(m, &k, seed);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = rounds_of(r);
        cr_assert(r->complete && !r->flaky && t != NULL && !t->band.is_band && t->value == k.low);
        cr_assert(t->n_passes > 0 && t->passes_with[0] == k.low - 1);
        cr_assert(m->runs < 65, "seed %llu: %llu runs", (unsigned long long)seed,
                  (unsigned long long)m->runs);
        tl_search_free(s);
        free(m);
    }
}

/* Where the failing variant passes at times no value always fails: it is as often from the last death on. */
Test(search_counted, what_lives_at_times)
{
    uint64_t runs = 0, found = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim *m = sim_new(3, seed + 7);
        struct soak k = {.lives = 0.4};
        k.low = 100;
        k.high = 200;
        struct tl_search *s = isolate(m, &k, seed);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = rounds_of(r);
        runs += m->runs;
        if (r->reproduced && t != NULL && t->band.is_band) {
            found++;
            cr_assert(t->band.has_never && t->band.never.failed == 0);
            same(r, &t->band.never, seed);
            same(r, &t->band.always, seed);
            cr_assert(t->band.always.value > 150 && t->band.always.value <= 200);
        }
        tl_search_free(s);
        free(m);
    }
    printf("lives: %llu of 100, %.1f runs\n", (unsigned long long)found, (double)runs / 100);
    cr_assert(found >= 95 && runs < 300 * 100);
}

/* Some deaths leave no count: they tell of their own value alone, and the others still tell of all. */
Test(search_counted, what_dies_silently_at_times)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim *m = sim_new(3, seed + 7);
        struct soak k = {.low = 100, .high = 200, .silent = 0.2};
        struct tl_search *s = isolate(m, &k, seed);
        const struct tl_search_result *r = tl_search_result(s);
        const struct tl_search_trigger *t = rounds_of(r);
        cr_assert(r->complete && t != NULL && t->band.is_band, "seed %llu", (unsigned long long)seed);
        cr_assert(t->band.has_never && t->band.never.failed == 0 && t->band.never.value < 150);
        cr_assert(t->band.always.failed == t->band.always.runs && t->band.always.value > 150);
        cr_assert(m->runs < 150, "seed %llu: %llu runs", (unsigned long long)seed,
                  (unsigned long long)m->runs);
        tl_search_free(s);
        free(m);
    }
}
