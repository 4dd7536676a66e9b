/* Mean number of trials that isolations take, in simulation, next to those of published FIC_BS; and how often
 * flaky bisections are right. Prints tables; ends with 1 when a bound is not met. */
#include "tests/unit/test_search_sim.h"

#include <time.h>

static int missed;

static const char *bound(double mean, double most)
{
    if (mean <= most)
        return "ok";
    missed++;
    return "MISSED";
}

static double isolate(size_t n, size_t n_ordered, size_t k, uint64_t problems, double *all,
                      double *one_by_one)
{
    uint64_t search = 0, total = 0, oat = 0;
    for (uint64_t seed = 0; seed < problems; seed++) {
        struct sim *m = sim_new(n, seed * 31 + n + k);
        for (size_t i = 0; i < n; i++) {
            if (i < n_ordered) {
                m->axes[i].ordered = true;
                m->axes[i].count = 1024;
            }
            m->failing[i] = m->axes[i].count - 1;
        }
        sim_plant(m, 0, "planted", k);
        struct tl_search *s = tl_search_isolate(&m->space, m->failing, NULL);
        sim_run(m, s, false);
        const struct tl_search_result *r = tl_search_result(s);
        if (r->n_triggers != k || !r->complete) {
            printf("seed %llu: wrong result\n", (unsigned long long)seed);
            missed++;
        }
        search += r->search_trials;
        total += r->trials;
        oat += 1 + n;
        tl_search_free(s);
        free(m);
    }
    *all = (double)total / (double)problems;
    *one_by_one = (double)oat / (double)problems;
    return (double)search / (double)problems;
}

static void table(uint64_t problems)
{
    static const struct {
        size_t n, k;
        double published;
    } rows[] = {{10, 1, 5},  {10, 2, 9},  {10, 3, 12},  {10, 5, 18},  {50, 1, 8},   {50, 2, 14},
                {50, 3, 19}, {50, 5, 30}, {200, 1, 10}, {200, 2, 18}, {200, 3, 25}, {200, 5, 41}};
    printf("| axes | needed | FIC_BS | search trials | ratio | one at a time | all trials | |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double all, oat, mean = isolate(rows[i].n, 0, rows[i].k, problems, &all, &oat);
        printf("| %zu | %zu | %.0f | %.2f | %.2f | %.0f | %.1f | %s |\n", rows[i].n, rows[i].k,
               rows[i].published, mean, mean / rows[i].published, oat, all,
               bound(mean, 1.15 * rows[i].published));
    }
    for (size_t k = 3; k <= 5; k += 2) {
        double all, oat, mean = isolate(16, 4, k, problems, &all, &oat);
        printf("| 12 choice + 4 ordered of 1024 | %zu | %s | %.2f | | | %.1f | %s |\n", k,
               k == 3 ? "21.5" : "33.6", mean, all, bound(mean, k == 3 ? 23 : 36));
    }
    printf("\n| axes | needed | search trials | one at a time |\n| --- | --- | --- | --- |\n");
    for (size_t n = 6; n <= 24; n += 6) {
        for (size_t part = 3; part >= 1; part--) {
            double all, oat,
                mean = isolate(n, 0, n / part > SIM_NEEDS ? SIM_NEEDS : n / part, problems, &all, &oat);
            printf("| %zu | %zu | %.2f | %.0f |\n", n, n / part > SIM_NEEDS ? SIM_NEEDS : n / part, mean,
                   oat);
        }
    }
}

/* measured: runs of the failing build that were made before, for the rate; they are not counted. */
static void flaky(uint64_t problems, uint32_t measured)
{
    printf("\n%u earlier runs of the failing build\n\n"
           "| rate | builds | right | mean runs | |\n| --- | --- | --- | --- | --- |\n",
           measured);
    static const struct {
        double rate, right, runs, runs_unmeasured;
    } rows[] = {{1, 1, 9, 15.2},
                {0.9, 0.99, 13, 20},
                {0.5, 0.99, 32, 45},
                {0.2, 0.97, 90, 125},
                {0.1, 0.95, 190, 260}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t right = 0, runs = 0, said = 0;
        for (uint64_t seed = 0; seed < problems; seed++) {
            struct sim *m = sim_new(1, seed * 7 + 3);
            m->axes[0].count = 256;
            m->n_failures = 1;
            m->failures[0] = (struct sim_failure){.signature = "flaky", .n = 1, .rate = rows[i].rate};
            m->failures[0].needs[0].from = 1 + sim_random(m, 255);
            struct tl_search_options o = {.bad_known = true, .bad = 255, .known_runs = measured};
            for (uint32_t n = 0; n < measured; n++)
                o.known_failed += sim_uniform(m) < rows[i].rate;
            if (measured > 0)
                o.signature = "flaky";
            struct tl_search *s = tl_search_builds(256, &o);
            sim_run(m, s, false);
            const struct tl_search_result *r = tl_search_result(s);
            right += r->n_ranges == 1 && r->ranges[0].first_bad == m->failures[0].needs[0].from;
            said += !r->complete;
            runs += m->runs;
            tl_search_free(s);
            free(m);
        }
        double share = (double)right / (double)problems, mean = (double)runs / (double)problems;
        printf("| %.1f | 256 | %.2f%% (%.2f%% not reproduced) | %.1f | %s |\n", rows[i].rate, 100 * share,
               100 * (double)said / (double)problems, mean,
               share >= rows[i].right ? bound(mean, measured > 0 ? rows[i].runs : rows[i].runs_unmeasured)
                                      : bound(1, 0));
    }
}

static void flaky_axes(uint64_t problems)
{
    printf("\n10 axes, 3 of them ordered of 64 values, 2 needed\n\n"
           "| rate | reproduced | right | taken for a band | wrongly minimal | mean trials | |\n"
           "| --- | --- | --- | --- | --- | --- | --- |\n");
    static const double rates[] = {1, 0.95, 0.9, 0.8, 0.5, 0.2};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        uint64_t right = 0, wrong = 0, bands = 0, reproduced = 0, runs = 0;
        for (uint64_t seed = 0; seed < problems; seed++) {
            struct sim *m = sim_new(10, seed * 3 + 1);
            for (size_t a = 0; a < 10; a++) {
                m->axes[a].ordered = a < 3;
                m->axes[a].count = a < 3 ? 64 : 2;
                m->failing[a] = m->axes[a].count - 1;
            }
            sim_plant(m, 0, "flaky", 2);
            m->failures[0].rate = rates[i];
            struct tl_search_options o = {.seed = seed};
            struct tl_search *s = tl_search_isolate(&m->space, m->failing, &o);
            sim_run(m, s, false);
            const struct tl_search_result *r = tl_search_result(s);
            bool same = r->n_triggers == 2;
            for (size_t k = 0; k < 2 && same; k++)
                same = r->minimal[m->failures[0].needs[k].axis] == m->failures[0].needs[k].from;
            reproduced += r->reproduced;
            right += r->complete && same;
            bool band = false;
            for (size_t k = 0; k < r->n_triggers; k++)
                band = band || r->triggers[k].band.is_band;
            bands += r->complete && !same && band;
            wrong += r->complete && !same && !band;
            runs += m->runs;
            tl_search_free(s);
            free(m);
        }
        double n = (double)problems;
        printf("| %.2f | %.2f%% | %.2f%% | %.2f%% | %.2f%% | %.1f | %s |\n", rates[i],
               100 * (double)reproduced / n, 100 * (double)right / n, 100 * (double)bands / n,
               100 * (double)wrong / n, (double)runs / n,
               bound((double)(wrong * 5 > bands ? wrong * 5 : bands) / n, 0.01));
    }
}

int main(int argc, char **argv)
{
    uint64_t problems = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
    clock_t start = clock();
    printf("%llu problems a row, seeds from 0\n\n", (unsigned long long)problems);
    table(problems);
    flaky(problems, 200);
    flaky(problems, 0);
    flaky_axes(problems);
    printf("\n%.2f s\n", (double)(clock() - start) / CLOCKS_PER_SEC);
    return missed > 0;
}
