/* What a large database costs those who look at it: the program itself, as a person starts it, over a
 * database of make_database.
 *
 * bench_scale TRAPLINE MAKE_DATABASE [DATABASE]: with a database that is one of some other size, otherwise
 * one of $TL_SCALE_TRIALS trials (100000) is made in $TMPDIR and removed. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"
#include "harness/base/quantile.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 9
#define LIST_MS 50
#define SITE_S 60
#define SITE_MB 500
#define FILE_MB 0.48 /* 500 KB */

static const char *program, *database;
static bool missed;

static void die(const char *what)
{
    fprintf(stderr, "bench_scale: %s\n", what);
    exit(3);
}

/* Runs it with stdout to a file. Milliseconds; the peak memory in bytes. */
static double run(const char *const argv[], const char *out, uint64_t *memory)
{
    uint64_t start = tl_monotonic_ns();
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
            _exit(127);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die(argv[1]);
    if (memory)
        *memory = (uint64_t)used.ru_maxrss * 1024;
    return (double)(tl_monotonic_ns() - start) / 1e6;
}

static void show(const char *name, double value, const char *unit, double most)
{
    bool fine = value <= most;
    missed = missed || !fine;
    printf("%-64s %8.1f %-4s wanted under %-6g %s\n", name, value, unit, most, fine ? "OK" : "MISSED");
}

/* The median; the first time, when nothing is read yet, does not count. */
static void time_command(const char *const words[])
{
    const char *argv[12] = {program};
    struct tl_buffer name = TL_BUFFER_INIT;
    size_t n = 1;
    for (size_t i = 0; words[i]; i++) {
        argv[n++] = words[i];
        tl_buffer_printf(&name, "%s%.24s", i ? " " : "", words[i]);
    }
    argv[n++] = "--db";
    argv[n++] = database;
    double ms[ROUNDS];
    run(argv, "/dev/null", NULL);
    for (int i = 0; i < ROUNDS; i++)
        ms[i] = run(argv, "/dev/null", NULL);
    tl_sort(ms, ROUNDS);
    show(name.data, ms[ROUNDS / 2], "ms", LIST_MS);
    tl_buffer_free(&name);
}

/* A value of the first element of the list that a command prints. The caller's. */
static char *first_of(const char *const argv[], const char *out, const char *list, const char *member)
{
    run(argv, out, NULL);
    json_t *j = json_load_file(out, 0, NULL), *one = json_array_get(json_object_get(j, list), 0);
    const char *text = json_string_value(json_object_get(one, member));
    if (!text)
        die("the database has no trial that failed, or no finding");
    char *copy = tl_strdup(text);
    json_decref(j);
    return copy;
}

int main(int argc, char **argv)
{
    const char *temporary = getenv("TMPDIR"), *wanted = getenv("TL_SCALE_TRIALS");
    if (argc < 3)
        die("usage: bench_scale TRAPLINE MAKE_DATABASE [DATABASE]");
    char *directory = tl_format("%s/bench-scale-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(directory))
        die("no directory can be made");
    char *made = tl_format("%s/trapline.db", directory), *out = tl_format("%s/out", directory),
         *site = tl_format("%s/site", directory);
    program = argv[1];
    database = argc > 3 ? argv[3] : made;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4) {
        const char *make[] = {argv[2], made, wanted ? wanted : "100000", NULL};
        printf("%s trials made in %.1f s\n", make[2], run(make, out, NULL) / 1000);
    }
    const char *list_trials[] = {program,   "list", "trials", "--json", "--outcome", "crash",
                                 "--limit", "1",    "--db",   database, NULL},
               *list_findings[] = {program, "list", "findings", "--json", "--limit",
                                   "1",     "--db", database,   NULL},
               *list_signatures[] = {program, "list", "signatures", "--json", "--limit",
                                     "1",     "--db", database,     NULL};
    char *trial = first_of(list_trials, out, "trials", "id"),
         *name = first_of(list_trials, out, "trials", "case"),
         *unit = first_of(list_trials, out, "trials", "unit"),
         *finding = first_of(list_findings, out, "findings", "finding"),
         *signature = first_of(list_signatures, out, "signatures", "id");
    const char *const commands[][8] = {
        {"list", "trials"},
        {"list", "trials", "--limit", "500"},
        {"list", "trials", "--case", name, "--unit", unit},
        {"list", "trials", "--outcome", "lost,hang"},
        {"list", "trials", "--signature", signature},
        {"list", "trials", "--after", trial},
        {"list", "cases", "--since", "36500d"}, /* what was run, not the case files */
        {"list", "signatures"},
        {"list", "findings"},
        {"show", trial},
        {"show", trial, "--json"},
        {"show", finding},
        {"report", finding},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        time_command(commands[i]);
    const char *make_site[] = {program, "report", "--site", site, "--json", "--db", database, NULL};
    uint64_t memory;
    double ms = run(make_site, out, &memory);
    json_t *told = json_load_file(out, 0, NULL);
    show("report --site", ms / 1000, "s", SITE_S);
    show("  peak memory", (double)memory / 1048576, "MiB", SITE_MB);
    show("  largest file", (double)json_integer_value(json_object_get(told, "largest")) / 1048576, "MiB",
         FILE_MB);
    printf("  %lld trials in %lld files, %.0f MiB\n",
           (long long)json_integer_value(json_object_get(told, "trials")),
           (long long)json_integer_value(json_object_get(told, "files")),
           (double)json_integer_value(json_object_get(told, "bytes")) / 1048576);
    json_decref(told);
    tl_remove_tree(directory);
    free(trial);
    free(name);
    free(unit);
    free(finding);
    free(signature);
    free(site);
    free(out);
    free(made);
    free(directory);
    return missed;
}
