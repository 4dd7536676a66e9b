#include "db/intent.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], path[96];
static struct tl_error error;

static void setup(void)
{
    strcpy(directory, "/tmp/tl-intent-XXXXXX");
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/log", directory);
}

static void teardown(void)
{
    unlink(path);
    rmdir(directory);
}

TestSuite(intent, .init = setup, .fini = teardown);

static struct tl_intent make(const char *id)
{
    return (struct tl_intent){1234567, id,        "kv-write", "c0ffee", "{\"layers\":1}",
                              "beef",  "sim:cpu", "e1",       "s1"};
}

static struct tl_intent_log *open_log(void)
{
    struct tl_intent_log *log = NULL;
    cr_assert_eq(tl_intent_open(path, &log, &error), 0, "%s: %s", error.what, error.why);
    return log;
}

struct seen {
    size_t n;
    char ids[256][TL_UUID_SIZE];
    size_t variant_size;
};

static int note(void *arg, const struct tl_intent *i, struct tl_error *e)
{
    struct seen *s = arg;
    cr_assert_lt(s->n, 256);
    snprintf(s->ids[s->n++], TL_UUID_SIZE, "%s", i->id);
    s->variant_size = strlen(i->variant);
    cr_assert_eq(i->started_us, 1234567);
    cr_assert_str_eq(i->case_name, "kv-write");
    cr_assert_str_eq(i->case_hash, "c0ffee");
    cr_assert_str_eq(i->variant_hash, "beef");
    cr_assert_str_eq(i->unit, "sim:cpu");
    cr_assert_str_eq(i->environment_id, "e1");
    cr_assert_str_eq(i->session_id, "s1");
    return 0;
}

static size_t scan(struct tl_intent_log *log, const char *database)
{
    struct seen s = {0};
    cr_assert_eq(tl_intent_scan(log, database, note, &s, &error), 0);
    return s.n;
}

Test(intent, is_found_again_by_its_own_database_only)
{
    struct tl_intent_log *log = open_log();
    cr_assert_eq(tl_intent_reset(log, "db-1", &error), 0);
    struct tl_intent i[2] = {make("one"), make("two")};
    cr_assert_eq(tl_intent_write(log, i, 2, &error), 0);
    cr_assert_eq(tl_intent_live(log), 2);
    tl_intent_close(log);

    log = open_log();
    cr_assert_eq(scan(log, "db-1"), 2);
    cr_assert_eq(scan(log, "db-2"), 0);
    cr_assert_eq(tl_intent_reset(log, "db-1", &error), 0);
    cr_assert_eq(scan(log, "db-1"), 0);
    tl_intent_close(log);
}

Test(intent, a_place_is_free_only_after_the_commit)
{
    struct tl_intent_log *log = open_log();
    cr_assert_eq(tl_intent_reset(log, "db", &error), 0);
    struct tl_intent i = make("one");
    cr_assert_eq(tl_intent_write(log, &i, 1, &error), 0);
    tl_intent_committed(log);
    cr_assert_eq(tl_intent_live(log), 1, "it has no outcome yet");
    tl_intent_finish(log, "another");
    tl_intent_finish(log, "one");
    cr_assert_eq(tl_intent_live(log), 1, "its outcome is not durable yet");
    tl_intent_rolled_back(log);
    tl_intent_committed(log);
    cr_assert_eq(tl_intent_live(log), 1, "its outcome was undone");
    tl_intent_finish(log, "one");
    tl_intent_committed(log);
    cr_assert_eq(tl_intent_live(log), 0);
    tl_intent_close(log);
}

Test(intent, live_ones_survive_any_number_of_others)
{
    struct tl_intent_log *log = open_log();
    cr_assert_eq(tl_intent_reset(log, "db", &error), 0);
    struct tl_intent keep = make("keep");
    cr_assert_eq(tl_intent_write(log, &keep, 1, &error), 0);
    char *big = tl_calloc(1, 20001);
    memset(big, 'x', 20000);
    for (int k = 0; k < 700; k++) { /* several times around the file, with sizes that do not divide it */
        char id[32];
        snprintf(id, sizeof id, "n%d", k);
        struct tl_intent i = make(id);
        i.variant = big + (k * 37) % 19000;
        cr_assert_eq(tl_intent_write(log, &i, 1, &error), 0, "%s", error.why);
        tl_intent_finish(log, id);
        tl_intent_committed(log);
    }
    struct seen s = {0};
    tl_intent_close(log);
    log = open_log();
    cr_assert_eq(tl_intent_scan(log, "db", note, &s, &error), 0);
    int kept = 0;
    for (size_t k = 0; k < s.n; k++)
        kept += strcmp(s.ids[k], "keep") == 0;
    cr_assert_eq(kept, 1);
    free(big);
    tl_intent_close(log);
}

Test(intent, too_large_or_too_many_is_said_and_harms_nothing)
{
    struct tl_intent_log *log = open_log();
    cr_assert_eq(tl_intent_reset(log, "db", &error), 0);
    char *big = tl_calloc(1, TL_INTENT_MAX + 2);
    memset(big, 'x', TL_INTENT_MAX + 1);
    struct tl_intent i = make("one");
    i.variant = big;
    cr_assert_eq(tl_intent_write(log, &i, 1, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    big[50000] = '\0';
    int fit = 0;
    while (tl_intent_write(log, &i, 1, &error) == 0)
        fit++;
    cr_assert_gt(fit, 20);
    cr_assert_eq(error.kind, TL_ERROR_ENVIRONMENT);
    cr_assert(strstr(error.why, "in flight"), "%s", error.why);
    cr_assert_eq(tl_intent_live(log), (size_t)fit);
    cr_assert_eq(scan(log, "db"), (size_t)fit);
    free(big);
    tl_intent_close(log);
}

/* Overwrites one byte in every place in turn: the intent is then either whole or not there, and nothing
 * crashes. */
Test(intent, a_torn_record_is_ignored)
{
    struct tl_intent_log *log = open_log();
    cr_assert_eq(tl_intent_reset(log, "db", &error), 0);
    struct tl_intent i[2] = {make("torn"), make("whole")};
    cr_assert_eq(tl_intent_write(log, i, 2, &error), 0);
    int fd = open(path, O_RDWR);
    /* closing fd drops the lock of this process, which does not matter here */
    for (off_t at = 512; at < 512 + 140; at++) {
        char c, flipped;
        cr_assert_eq(pread(fd, &c, 1, at), 1);
        flipped = (char)(c ^ 0x41);
        cr_assert_eq(pwrite(fd, &flipped, 1, at), 1);
        struct seen s = {0};
        cr_assert_eq(tl_intent_scan(log, "db", note, &s, &error), 0);
        cr_assert(s.n == 1, "byte %ld", (long)at);
        cr_assert_str_eq(s.ids[s.n - 1], "whole");
        cr_assert_eq(pwrite(fd, &c, 1, at), 1);
    }
    close(fd);
    tl_intent_close(log);
}

Test(intent, half_made_files_are_made_again_and_foreign_ones_left_alone)
{
    struct tl_intent_log *log = open_log();
    tl_intent_close(log);
    cr_assert_eq(truncate(path, 3000), 0);
    log = open_log();
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_gt(st.st_size, 1000000);
    tl_intent_close(log);

    FILE *f = fopen(path, "w");
    fputs("my diary, do not touch", f);
    fclose(f);
    cr_assert_eq(tl_intent_open(path, &log, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_size, 22);
}

static char *second_path(void)
{
    return tl_format("%s-1", path);
}

/* A process of its own that has a log with one intent; ends when it is told to, with the log closed or as it is. */
static pid_t another_writer(int *ready, int *go, bool closes)
{
    int up[2], down[2];
    cr_assert(!pipe(up) && !pipe(down));
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_intent_log *log;
        struct tl_intent i = make("of another");
        char byte = 0;
        bool failed = tl_intent_open(path, &log, NULL) || tl_intent_reset(log, "db", NULL) ||
                      tl_intent_write(log, &i, 1, NULL);
        if (write(up[1], &byte, 1) != 1 || read(down[0], &byte, 1) != 1)
            _exit(1);
        if (closes) {
            tl_intent_finish(log, "of another");
            tl_intent_committed(log);
            tl_intent_close(log);
        }
        _exit(failed);
    }
    close(up[1]);
    close(down[0]);
    *ready = up[0];
    *go = down[1];
    char byte;
    cr_assert_eq(read(*ready, &byte, 1), 1);
    return pid;
}

static void let_end(pid_t pid, int ready, int go)
{
    int status;
    cr_assert_eq(write(go, "", 1), 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    close(ready);
    close(go);
}

/* Whether a process that comes now could lock the file. */
static bool is_free(const char *name)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(name, O_RDWR);
        _exit(fd < 0 || fcntl(fd, F_SETLK, &lock) ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    return status != 0;
}

static int count_left(void *arg, struct tl_intent_log *log, struct tl_error *e)
{
    size_t *n = arg;
    *n += scan(log, "db");
    char *second = second_path();
    if (access(second, F_OK) == 0) {
        cr_assert_eq(tl_intent_another(log), 0);
        cr_assert_not(is_free(second), "who looks for others has not let go of it");
    }
    free(second);
    return tl_intent_reset(log, "db", e);
}

Test(intent, each_process_has_a_log_of_its_own)
{
    int ready, go;
    size_t n = 0;
    struct tl_intent_log *log, *twice = NULL;
    pid_t pid = another_writer(&ready, &go, true);
    log = open_log();
    char *second = second_path();
    cr_assert_eq(access(second, F_OK), 0, "the first one is taken");
    cr_assert_eq(tl_intent_another(log), pid);
    cr_assert_eq(tl_intent_left(log, count_left, &n, &error), 0);
    cr_assert_eq(n, 0, "whoever is at work is left alone");
    cr_assert_eq(tl_intent_open(path, &twice, &error), -1, "not twice in one process");
    let_end(pid, ready, go);
    cr_assert_eq(tl_intent_another(log), 0);
    tl_intent_close(log);
    cr_assert_eq(access(second, F_OK), -1, "it is removed by whom it was for");
    cr_assert_eq(access(path, F_OK), 0);
    free(second);
}

Test(intent, what_others_left_behind_is_found_and_removed)
{
    int ready[2], go[2];
    size_t n = 0;
    char *second = second_path();
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        pids[i] = another_writer(&ready[i], &go[i], false);
    for (int i = 0; i < 2; i++)
        let_end(pids[i], ready[i], go[i]);
    struct tl_intent_log *log = open_log();
    cr_assert_eq(scan(log, "db"), 1, "of the first one");
    cr_assert_eq(tl_intent_left(log, count_left, &n, &error), 0);
    cr_assert_eq(n, 1, "of the second one");
    cr_assert_eq(access(second, F_OK), -1);
    tl_intent_close(log);
    free(second);
}

/* A writer is killed at a random moment. Every intent whose write returned must be there, and none that is
 * not whole. */
Test(intent, survives_kill_at_any_moment, .timeout = 60)
{
    for (int round = 0; round < 25; round++) {
        int pipes[2];
        cr_assert_eq(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct tl_intent_log *log;
            if (tl_intent_open(path, &log, NULL) || tl_intent_reset(log, "db", NULL))
                _exit(1);
            for (int k = 0; k < 200; k++) {
                char id[TL_UUID_SIZE];
                memset(id, 0, sizeof id);
                snprintf(id, sizeof id, "%d-%d", round, k);
                struct tl_intent i = make(id);
                if (tl_intent_write(log, &i, 1, NULL) || write(pipes[1], id, sizeof id) != sizeof id)
                    _exit(1);
            }
            pause();
        }
        close(pipes[1]);
        usleep((unsigned)(1000 + (round * 7919) % 12000));
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFSIGNALED(status));
        struct tl_intent_log *log = open_log();
        struct seen s = {0};
        cr_assert_eq(tl_intent_scan(log, "db", note, &s, &error), 0);
        char id[TL_UUID_SIZE];
        size_t told = 0;
        while (read(pipes[0], id, sizeof id) == (ssize_t)sizeof id) {
            bool found = false;
            for (size_t k = 0; k < s.n; k++)
                found |= strcmp(s.ids[k], id) == 0;
            cr_assert(found, "%s was announced and is not in the log", id);
            told++;
        }
        cr_assert_leq(told, s.n);
        close(pipes[0]);
        tl_intent_close(log);
    }
}
