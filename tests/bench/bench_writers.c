/* What several processes that write to one database cost each other: each stores trials as fast as it can, and one of
 * them is killed in the middle. Says how long a trial took from its announcement until it was durable, alone and beside
 * the others in the same run, and that nothing was lost but what was in flight of the one that was killed.
 *
 * bench_writers [DIRECTORY [WRITERS [TRIALS]]] */
#include "db/query.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/quantile.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct tl_error error;

static void die(const char *what)
{
    fprintf(stderr, "bench_writers: %s: %s: %s\n", what, error.what, error.why);
    _exit(3);
}

static struct tl_trial_record make(unsigned serial)
{
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    tl_uuid7(r.id);
    r.started_us = tl_wall_us();
    r.case_name = tl_strdup("kv-write");
    tl_content_id("case", 4, r.case_hash);
    r.variant = tl_format("{\"layers\":%u}", serial);
    tl_content_id(r.variant, strlen(r.variant), r.variant_hash);
    tl_content_id("environment", 11, r.environment_id);
    r.unit = tl_strdup("sim:cpu");
    r.outcome = TL_OUTCOME_PASS;
    r.phase = TL_PHASE_DONE;
    return r;
}

/* What the processes tell each other. */
struct shared {
    unsigned stored; /* of the one that is killed */
    double us[];     /* of each trial of each writer */
};

static void write_trials(const char *path, unsigned trials, double *us, unsigned *stored)
{
    static const struct tl_machine machine = {"box", "x86_64", "a cpu", 2, 8ull << 30, "Linux", "12", "6.1"};
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) ||
        tl_store_session_begin(s, &machine, "bench", "bench", NULL, &error))
        die("open");
    for (unsigned i = 0; i < trials; i++) {
        struct tl_trial_record r = make(i);
        const struct tl_trial_record *list[] = {&r};
        uint64_t from = tl_monotonic_ns();
        if (tl_store_begin(s, list, 1, &error) || tl_store_trial(s, &r, &error) || tl_store_flush(s, &error))
            die("store");
        if (us)
            us[i] = (double)(tl_monotonic_ns() - from) / 1e3;
        if (stored)
            *stored = i + 1;
        tl_trial_record_free(&r);
    }
    if (tl_store_close(s, &error))
        die("close");
}

static void show(const char *name, double *us, size_t n)
{
    tl_sort(us, n);
    printf("%-32s %9.1f %9.1f %9.1f %9.1f\n", name, us[0], us[n / 2], us[n * 99 / 100], us[n - 1]);
}

static int64_t count(const char *path)
{
    struct tl_store *s;
    struct tl_sums sums;
    int64_t n = 0;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) ||
        tl_query_sums(s, TL_SUM_CASE, &(struct tl_filter){0}, &sums, &error))
        die("count");
    for (size_t i = 0; i < sums.n; i++)
        n += (int64_t)sums.list[i].trials;
    printf("%zu recorded as lost when it was opened again\n", tl_store_recovered(s));
    tl_sums_free(&sums);
    tl_store_close(s, NULL);
    return n;
}

int main(int argc, char **argv)
{
    unsigned writers = argc > 2 ? (unsigned)atoi(argv[2]) : 4,
             trials = argc > 3 ? (unsigned)atoi(argv[3]) : 1000;
    char *directory = tl_format("%s/bench-writers-XXXXXX", argc > 1 ? argv[1] : ".");
    if (writers < 2 || writers > 64 || trials < 10 || !mkdtemp(directory)) {
        fprintf(stderr,
                "bench_writers: 2 to 64 writers, at least 10 trials each, and a directory were expected\n");
        return 2;
    }
    char *alone = tl_format("%s/alone.db", directory), *path = tl_format("%s/several.db", directory);
    size_t size = sizeof(struct shared) + sizeof(double) * writers * trials;
    struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[64];
    if (shared == MAP_FAILED)
        return 3;
    printf("%-32s %9s %9s %9s %9s   microseconds\n", "", "least", "median", "99 %", "most");
    write_trials(alone, trials, shared->us, NULL);
    show("one writer", shared->us, trials);
    fflush(stdout);
    for (unsigned i = 0; i < writers; i++)
        if ((pids[i] = fork()) == 0) {
            write_trials(path, i ? trials : trials * 1000, i ? shared->us + (size_t)i * trials : NULL,
                         i ? NULL : &shared->stored);
            _exit(0);
        }
    while (shared->stored < trials / 2)
        usleep(1000);
    kill(pids[0], SIGKILL);
    int failed = 0, status;
    for (unsigned i = 0; i < writers; i++)
        failed |= waitpid(pids[i], &status, 0) != pids[i] || (i && status);
    char *name = tl_format("%u writers, one was killed", writers);
    show(name, shared->us + trials, (size_t)(writers - 1) * trials);
    int64_t there = count(path), wanted = (int64_t)(writers - 1) * trials + shared->stored;
    printf("%lld trials are there, %lld were said to be durable\n", (long long)there, (long long)wanted);
    tl_remove_tree(directory);
    return failed || there < wanted || there > wanted + 1;
}
