/* What the search for the smallest part of a set takes: 10,000 simulated problems, next to ddmin, ProbDD and FIC_BS, with
 * parts that cannot be tried, with failures that do not always show, and with several tests at once. Prints tables; ends
 * with 1 when a bound is not met. */
#include "tests/unit/subset_peers.h"
#include "tests/unit/subset_world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static int missed;

static const char *bound(bool met)
{
    missed += !met;
    return met ? "ok" : "MISSED";
}

static double choose_bits(size_t n, size_t k)
{
    return (lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1)) / log(2);
}

static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

struct answer {
    bool minimal, right, honest;
    size_t runs, rounds;
    uint64_t search, final;
    double confidence;
};

static struct answer solve(struct world *w, double rate, unsigned jobs)
{
    struct tl_subset_options o = {.n = w->n, .rate = rate, .seed = w->seed};
    struct tl_subset *s = tl_subset_new(&o);
    struct answer a = {.rounds = world_drive(w, s, jobs, 0)};
    const struct tl_subset_result *r = tl_subset_result(s);
    a.runs = w->runs;
    a.minimal = r->minimal;
    a.right = world_right(w, r);
    a.honest = r->done && (!r->minimal || a.right);
    a.search = r->search;
    a.final = r->final;
    a.confidence = r->confidence;
    tl_subset_free(s);
    return a;
}

static const struct {
    size_t n, k, problems;
} rows[] = {
    {10, 1, 700},   {10, 2, 700},   {10, 3, 700},    {10, 5, 700},    {50, 1, 700},
    {50, 2, 700},   {50, 3, 700},   {50, 5, 700},    {50, 20, 700},   {200, 1, 700},
    {200, 2, 700},  {200, 3, 700},  {200, 5, 700},   {200, 20, 400},  {1000, 1, 200},
    {1000, 3, 200}, {1000, 20, 60}, {100000, 1, 50}, {100000, 3, 50}, {100000, 20, 30},
};
#define ROWS (sizeof rows / sizeof *rows)

static double best_peer[ROWS];

static void monotone(void)
{
    size_t problems = 0;
    printf("| elements | needed | log2 C(n,k) | search | ddmin | ProbDD | FIC_BS | to the best | | 1.2 log2 "
           "C + 5 | final | "
           "ms of CPU | |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < ROWS; i++) {
        size_t n = rows[i].n, k = rows[i].k;
        double mean = 0, final = 0, ddmin = 0, probdd = 0, ficbs = 0, cpu = 0,
               share = 1 / (double)rows[i].problems;
        bool right = true;
        for (uint64_t seed = 0; seed < rows[i].problems; seed++, problems++) {
            struct world w;
            world_make(&w, n, k, 1000 * i + seed);
            double start = seconds();
            struct answer a = solve(&w, 1, 1);
            cpu += (seconds() - start) * share;
            right = right && a.minimal && a.right;
            mean += (double)a.search * share;
            final += (double)a.final * share;
            ddmin += n > 1000 ? NAN : (double)peer_ddmin(n, w.needed, k) * share;
            probdd += (double)peer_probdd(n, w.needed, k) * share;
            ficbs += (double)peer_ficbs(n, w.needed, k) * share;
        }
        double best = best_peer[i] = fmin(fmin(ddmin, probdd), ficbs), bits = choose_bits(n, k);
        char plain[32] = "";
        if (n <= 1000)
            snprintf(plain, sizeof plain, "%.0f", ddmin);
        printf("| %zu | %zu | %.0f | %.1f | %s | %.1f | %.1f | %.2f | %s | %.0f | %.1f | %.2f | %s |\n", n, k,
               bits, mean, plain, probdd, ficbs, mean / best, bound(mean <= 1.1 * best && right),
               1.2 * bits + 5, final, 1000 * cpu, bound(mean <= 1.2 * bits + 5));
        fflush(stdout);
    }
    printf("\n%zu problems, every answer %s\n", problems, missed == 0 ? "minimal and right" : "looked at");
}

static void invalid(void)
{
    static const double shares[] = {0.1, 0.3, 0.5};
    printf("\n| elements | needed | parts that cannot be tried | search | with final | minimal | 1.3 / (1 - "
           "q) of the best peer | "
           "|\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < ROWS; i++)
        for (size_t q = 0; q < sizeof shares / sizeof *shares; q++) {
            size_t problems = rows[i].problems < 200 ? rows[i].problems : 200, minimal = 0;
            if (rows[i].n > 1000)
                continue;
            double mean = 0, all = 0;
            bool honest = true;
            for (uint64_t seed = 0; seed < problems; seed++) {
                struct world w;
                world_make(&w, rows[i].n, rows[i].k, 1000 * i + seed);
                w.rule = WORLD_RANDOM;
                w.invalid = shares[q];
                struct answer a = solve(&w, 1, 1);
                honest = honest && a.honest;
                minimal += a.minimal;
                mean += (double)a.search / (double)problems;
                all += (double)a.runs / (double)problems;
            }
            double most = 1.3 / (1 - shares[q]) * best_peer[i];
            printf("| %zu | %zu | %.0f %% | %.1f | %.1f | %.1f %% | %.1f | %s |\n", rows[i].n, rows[i].k,
                   100 * shares[q], mean, all, 100 * (double)minimal / (double)problems, most,
                   bound(mean <= most && honest));
            fflush(stdout);
        }
}

static void flaky(void)
{
    static const struct {
        size_t n, k, problems;
        double rate;
        bool known;
        double right;
    } tries[] = {
        {10, 3, 1000, 0.5, true, 0.99},  {50, 3, 1000, 0.5, true, 0.99},   {200, 1, 1000, 0.5, true, 0.99},
        {200, 3, 1000, 0.5, true, 0.99}, {200, 20, 300, 0.5, true, 0.99},  {1000, 3, 300, 0.5, true, 0.99},
        {200, 3, 300, 0.2, true, 0.99},  {200, 3, 300, 0.9, true, 0.99},   {200, 3, 300, 0.9, false, 0.99},
        {200, 3, 300, 0.5, false, 0.99}, {200, 20, 100, 0.5, false, 0.99}, {200, 3, 200, 0.2, false, 0.98},
    };
    printf(
        "\n| rate | | elements | needed | right | minimal | wrongly minimal | runs | stated confidence | |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        size_t right = 0, minimal = 0, wrong = 0;
        double runs = 0, confidence = 0, share = 1 / (double)tries[i].problems;
        for (uint64_t seed = 0; seed < tries[i].problems; seed++) {
            struct world w;
            world_make(&w, tries[i].n, tries[i].k, 1000 * i + seed);
            w.rate = tries[i].rate;
            struct answer a = solve(&w, tries[i].known ? tries[i].rate : 0, 1);
            right += a.minimal && a.right;
            minimal += a.minimal;
            wrong += a.minimal && !a.right;
            runs += (double)a.runs * share;
            confidence += a.confidence * share;
        }
        printf("| %.1f | %s | %zu | %zu | %.2f %% | %.2f %% | %.2f %% | %.0f | %.4f | %s |\n", tries[i].rate,
               tries[i].known ? "given" : "learned", tries[i].n, tries[i].k, 100 * (double)right * share,
               100 * (double)minimal * share, 100 * (double)wrong * share, runs, confidence,
               bound((double)right >= tries[i].right * (double)tries[i].problems - 1e-6));
        fflush(stdout);
    }
}

static void at_once(void)
{
    static const unsigned jobs[] = {1, 2, 4, 8, 16};
    printf("\n| elements | needed | tests at once | rounds | of one | tests made |\n| --- | --- | --- | --- "
           "| --- | --- |\n");
    for (size_t i = 0; i < 3; i++) {
        size_t n = i == 0 ? 50 : i == 1 ? 200 : 1000, k = i == 2 ? 20 : 3, problems = 50;
        double alone = 0;
        for (size_t j = 0; j < sizeof jobs / sizeof *jobs; j++) {
            double rounds = 0, runs = 0;
            for (uint64_t seed = 0; seed < problems; seed++) {
                struct world w;
                world_make(&w, n, k, seed);
                struct answer a = solve(&w, 1, jobs[j]);
                rounds += (double)a.rounds / (double)problems;
                runs += (double)a.runs / (double)problems;
            }
            alone = j == 0 ? rounds : alone;
            printf("| %zu | %zu | %u | %.1f | %.0f %% | %.1f |\n", n, k, jobs[j], rounds,
                   100 * rounds / alone, runs);
        }
    }
}

/* First, as the most that the process ever had is what is asked. */
static void memory(void)
{
    for (int noisy = 0; noisy < 2; noisy++) {
        struct world w;
        world_make(&w, 100000, WORLD_NEEDED, 1);
        w.rate = noisy ? 0.5 : 1;
        double start = seconds();
        struct answer a = solve(&w, w.rate, 16);
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        double mib = (double)usage.ru_maxrss / 1024;
        printf("100,000 elements, %d needed, rate %.1f, 16 at once: %zu runs, %.1f s of CPU, at most %.0f "
               "MiB in the process: %s\n",
               WORLD_NEEDED, w.rate, a.runs, seconds() - start, mib, bound(mib <= 64 && a.right));
    }
    printf("\n");
}

int main(void)
{
    memory();
    monotone();
    invalid();
    flaky();
    at_once();
    if (missed > 0)
        printf("\n%d bounds were not met\n", missed);
    return missed > 0;
}
