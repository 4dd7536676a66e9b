/* The fork server against a process for each trial: the same random variants of a case on the same unit, in
 * one run.
 *
 *   bench_serve CASE UNIT [VARIANTS]
 *
 * Both must judge every variant alike (exit status 1 when they do not). Flaky variants would differ by
 * themselves, so each that differs is run again, in processes of its own: it counts when those agree with
 * each other. */
#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/executor/executor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 12 /* of the baseline, for each rate */
#define ROUND_TRIALS 40
#define AGAIN 5

struct verdict {
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    bool served, known;
};

static struct tl_executor *x;
static struct tl_case *c;
static const struct tl_unit *unit;
static uint64_t random_state = 20261120;

static uint64_t draw(uint64_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % below;
}

static void fail(const struct tl_error *e)
{
    fprintf(stderr, "bench_serve: %s: %s: %s\n", e->what, e->where, e->why);
    exit(2);
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct verdict *v = arg;
    (void)cached;
    if (failure)
        fail(failure);
    *v = (struct verdict){r->outcome, r->phase, r->signal, !r->fresh, true};
}

static void open_executor(const char *db, unsigned jobs, const char *name)
{
    struct tl_error e;
    struct tl_executor_options o = {.db_path = db, .command = "bench_serve", .jobs = jobs};
    if (tl_executor_new(&x, &o, &e) || !(unit = tl_executor_unit(x, name, &e)))
        fail(&e);
}

static void submit(const struct tl_variant *v, bool fresh, struct verdict *verdict)
{
    struct tl_error e;
    struct tl_request q = {.c = c, .variant = v, .unit = unit, .fresh = fresh};
    if (tl_executor_submit(x, &q, on_done, verdict, &e))
        fail(&e);
}

static void finish(size_t most)
{
    struct tl_error e;
    while (tl_executor_pending(x) > most)
        if (tl_executor_step(x, &e))
            fail(&e);
}

static bool alike(const struct verdict *a, const struct verdict *b)
{
    return a->outcome == b->outcome && a->phase == b->phase && a->signal == b->signal;
}

/* Seconds for one round of trials of a kind, one at a time. */
static double round_of(const struct tl_variant *v, bool fresh)
{
    struct verdict one;
    submit(v, fresh, &one);
    finish(0); /* a server is loaded now, files are in the page cache */
    uint64_t start = tl_monotonic_ns();
    for (int i = 0; i < ROUND_TRIALS; i++) {
        submit(v, fresh, &one); /* the next one waits already, as in every command */
        finish(1);
    }
    finish(0);
    return (double)(tl_monotonic_ns() - start) * 1e-9;
}

/* Both kinds in turn, and the best round of each counts: what else the machine does only ever adds to a
 * round, and adds more to the one that happens to meet it. Seconds for a trial. */
static void measure(const struct tl_variant *v, double *served, double *fresh)
{
    *served = *fresh = INFINITY;
    for (int i = 0; i < ROUNDS; i++) {
        *served = fmin(*served, round_of(v, false) / ROUND_TRIALS);
        *fresh = fmin(*fresh, round_of(v, true) / ROUND_TRIALS);
    }
}

static bool flaky(const struct tl_variant *v)
{
    struct verdict again[AGAIN];
    for (int i = 0; i < AGAIN; i++)
        submit(v, true, &again[i]);
    finish(0);
    for (int i = 1; i < AGAIN; i++)
        if (!alike(&again[0], &again[i]))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    struct tl_error e = {0};
    struct tl_mistakes m = {0};
    char directory[] = "/tmp/trapline-bench-XXXXXX";
    size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 2000;
    if (argc < 3 || !mkdtemp(directory) || tl_case_load(argv[1], &c, &m, &e)) {
        fprintf(stderr, "usage: bench_serve CASE UNIT [VARIANTS]\n%s\n", e.why);
        return 2;
    }
    char *db = tl_format("%s/bench.db", directory);
    open_executor(db, 1, argv[2]);
    if (!unit->usable) {
        printf("skipped: %s\n", unit->why);
        tl_executor_free(x, &e);
        tl_remove_tree(directory);
        return 77;
    }
    struct tl_variant v = tl_variant_baseline(c);
    double served, fresh;
    measure(&v, &served, &fresh);
    printf("%s, baseline, one at a time\n  own process %8.0f us\n  fork server %8.0f us\n  ratio       %8.1f "
           "(at least 8 "
           "wanted)%s\n",
           argv[2], fresh * 1e6, served * 1e6, fresh / served, fresh / served >= 8 ? "" : "  MISSED");
    fflush(stdout);
    if (tl_executor_free(x, &e)) /* judging is not timed: as many at a time as there are cores */
        fail(&e);
    open_executor(db, 0, argv[2]);
    struct verdict *both = tl_calloc(2 * n, sizeof *both);
    struct tl_variant *variants = tl_calloc(n, sizeof *variants);
    size_t by_outcome[TL_OUTCOME_COUNT] = {0}, different = 0, unsteady = 0;
    for (size_t i = 0; i < n; i++) {
        variants[i] = tl_variant_baseline(c);
        for (size_t k = 0; k < c->n_axes; k++)
            variants[i].index[k] = draw(c->axes[k].count);
        submit(&variants[i], false, &both[2 * i]);
        submit(&variants[i], true, &both[2 * i + 1]);
        finish(8);
    }
    finish(0);
    for (size_t i = 0; i < n; i++) {
        by_outcome[both[2 * i].outcome]++;
        if (alike(&both[2 * i], &both[2 * i + 1]))
            continue;
        char *text = tl_variant_json(c, &variants[i]);
        bool by_itself = flaky(&variants[i]);
        printf("  %s: served %s, own process %s%s\n", text, tl_outcome_name(both[2 * i].outcome),
               tl_outcome_name(both[2 * i + 1].outcome), by_itself ? " (flaky)" : "");
        free(text);
        unsteady += by_itself;
        different += !by_itself;
    }
    printf("%zu random variants:", n);
    for (int i = 0; i < TL_OUTCOME_COUNT; i++)
        if (by_outcome[i])
            printf(" %zu %s", by_outcome[i], tl_outcome_name((enum tl_outcome)i));
    printf("; %zu judged differently, %zu flaky\n", different, unsteady);
    for (size_t i = 0; i < n; i++)
        tl_variant_free(&variants[i]);
    tl_variant_free(&v);
    free(variants);
    free(both);
    if (tl_executor_free(x, &e))
        fail(&e);
    tl_case_free(c);
    tl_remove_tree(directory);
    free(db);
    return different ? 1 : 0;
}
