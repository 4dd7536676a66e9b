/* The files of a database: writers that are killed or come second, what is damaged or foreign, places that
 * cannot be written, and older versions. */
#include "tests/unit/store_fixture.h"

#include "db/finding.h"
#include "db/migrate.h"
#include "db/query.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(store_files, .init = store_setup, .fini = store_teardown);

/* A writer is killed at random moments, also while it recovers. Every trial that it said was announced must
 * be there, every one that it said was flushed with its outcome, and nothing is damaged. */
Test(store_files, survives_kill_at_any_moment, .timeout = 80)
{
    char told[64 * 1024];
    for (int round = 0; round < 50; round++) {
        int pipes[2];
        cr_assert_eq(pipe(pipes), 0);
        pid_t pid = fork();
        if (pid == 0) {
            struct tl_store *s;
            if (tl_store_open(path, TL_STORE_WRITE, &s, NULL) ||
                tl_store_session_begin(s, &machine, "0.1", "run", NULL, NULL))
                _exit(1);
            for (int k = 0;; k++) {
                struct tl_trial_record a = k % 3 ? asked(k) : crashed(k);
                const struct tl_trial_record *list[] = {&a};
                char line[TL_UUID_SIZE + 1] = "b";
                memcpy(line + 1, a.id, TL_UUID_SIZE - 1);
                line[TL_UUID_SIZE] = '\n';
                if (tl_store_begin(s, list, 1, NULL) || write(pipes[1], line, sizeof line) != sizeof line)
                    _exit(1);
                line[0] = 'f';
                if (k % 5 == 4)
                    continue; /* it is still running */
                if (tl_store_trial(s, &a, NULL))
                    _exit(1);
                if (k % 2 && (tl_store_flush(s, NULL) || write(pipes[1], line, sizeof line) != sizeof line))
                    _exit(1);
                tl_trial_record_free(&a);
            }
        }
        close(pipes[1]);
        usleep((unsigned)(2000 + (round * 7919) % 23000));
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        cr_assert(WIFSIGNALED(status), "round %d: the writer failed by itself", round);
        size_t got = 0;
        ssize_t n;
        while ((n = read(pipes[0], told + got, sizeof told - got)) > 0)
            got += (size_t)n;
        close(pipes[0]);

        pid = fork(); /* a recovery that is killed in the middle */
        if (pid == 0) {
            struct tl_store *s;
            tl_store_open(path, TL_STORE_WRITE, &s, NULL);
            _exit(0);
        }
        usleep((unsigned)((round * 131) % 1500));
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);

        struct tl_store *s = open_store(TL_STORE_WRITE);
        for (size_t at = 0; at + TL_UUID_SIZE + 1 <= got; at += TL_UUID_SIZE + 1) {
            char id[TL_UUID_SIZE];
            memcpy(id, told + at + 1, TL_UUID_SIZE - 1);
            id[TL_UUID_SIZE - 1] = '\0';
            struct tl_trial_record r;
            OK(tl_query_trial(s, id, &r, &error));
            cr_assert(told[at] == 'b' || r.outcome != TL_OUTCOME_LOST, "%s was flushed, and then lost", id);
            tl_trial_record_free(&r);
        }
        if (round % 10 == 9)
            check(s);
        cr_assert_eq(count(s, "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'"), 0);
        close_store(s);
    }
}

#define WRITERS 4
#define TRIALS_OF_WRITER 60

/* One of several: announces and stores, some in groups that nobody commits yet; *told are the ids that it said were
 * stored, announced ones among them. */
static void write_beside_others(int number, int told)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, NULL) ||
        tl_store_session_begin(s, &machine, "0.1", "run", NULL, NULL))
        _exit(1);
    for (int k = 0; number == 0 || k < TRIALS_OF_WRITER; k++) { /* the first one goes on until it is killed */
        struct tl_trial_record r = k % 4 ? asked(1000 * number + k) : crashed(1000 * number + k);
        const struct tl_trial_record *list[] = {&r};
        char line[TL_UUID_SIZE + 1];
        memcpy(line + 1, r.id, TL_UUID_SIZE);
        line[0] = 'b';
        if (tl_store_begin(s, list, 1, NULL) || write(told, line, sizeof line) != sizeof line)
            _exit(2);
        line[0] = 'f';
        if (tl_store_trial(s, &r, NULL))
            _exit(3);
        if (k % 5 == 0 && (tl_store_flush(s, NULL) || write(told, line, sizeof line) != sizeof line))
            _exit(4);
        tl_trial_record_free(&r);
    }
    _exit(tl_store_close(s, NULL) ? 5 : 0);
}

static bool stop_it(void *arg, const char *format, va_list values)
{
    (void)arg, (void)format, (void)values;
    errno = ENOSYS; /* as any call leaves it that found another way */
    return true;
}

Test(store_files, a_wait_that_is_stopped_is_no_locked_database)
{
    const struct tl_watch watch = {.line = stop_it};
    struct tl_store *s;
    sqlite3 *other;
    OK(tl_store_open_watched(path, TL_STORE_WRITE, &watch, &s, &error));
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    json_t *finding = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "finding", "1", "kind", "isolation", "case", "c",
                                "case_hash", "h", "unit", "sim:gpu", "created_us", 1);
    errno = EOPNOTSUPP; /* of what was done before; nothing is refused by a system call here */
    cr_assert_eq(tl_finding_put(s, finding, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INTERRUPTED, "%s: %s", error.what, error.why);
    cr_assert_eq(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    OK(tl_finding_put(s, finding, &error));
    json_decref(finding);
    sqlite3_close(other);
    close_store(s);
}

Test(store_files, several_write_at_once_and_one_is_killed, .timeout = 60)
{
    static char told[1 << 20];
    int pipes[2], status;
    pid_t pids[WRITERS];
    size_t got = 0;
    ssize_t n;
    cr_assert_eq(pipe(pipes), 0);
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0)
            write_beside_others(i, pipes[1]);
    close(pipes[1]);
    bool killed = false;
    while ((n = read(pipes[0], told + got, sizeof told - got)) > 0) {
        got += (size_t)n;
        if (!killed && got > 100 * (TL_UUID_SIZE + 1))
            killed = !kill(pids[0], SIGKILL);
    }
    close(pipes[0]);
    for (int i = 0; i < WRITERS; i++) {
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert(i ? status == 0 : WIFSIGNALED(status), "writer %d: %x", i, (unsigned)status);
    }

    struct tl_store *s = open_store(TL_STORE_WRITE);
    size_t announced = 0;
    for (size_t at = 0; at + TL_UUID_SIZE + 1 <= got; at += TL_UUID_SIZE + 1) {
        struct tl_trial_record r;
        announced += told[at] == 'b';
        OK(tl_query_trial(s, told + at + 1, &r, &error));
        cr_assert(told[at] == 'b' || r.outcome != TL_OUTCOME_LOST, "%s was flushed, and then lost",
                  told + at + 1);
        tl_trial_record_free(&r);
    }
    cr_assert_gt(announced, (WRITERS - 1) * TRIALS_OF_WRITER);
    cr_assert_eq((size_t)count(s, "SELECT count(*) FROM trial WHERE outcome = 'lost'"),
                 tl_store_recovered(s));
    check(s);
    close_store(s);
    for (int i = 1; i < WRITERS; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s-intent-%d", path, i);
        cr_assert_eq(access(name, F_OK), -1, "%s: nobody has it any more", name);
    }
}

/* Files that are not what they should be. Each must be refused in clear words and left as it is. */

static char *slurp(size_t *size)
{
    char *data = tl_read_file(path, 64 << 20, size);
    cr_assert(data);
    return data;
}

static void refused(enum tl_store_mode mode, const char *why)
{
    size_t before_size, after_size;
    char *before = slurp(&before_size);
    struct tl_store *s;
    memset(&error, 0, sizeof error);
    cr_assert_eq(tl_store_open(path, mode, &s, &error), -1);
    cr_assert_null(s);
    cr_assert(strstr(error.why, why), "expected \"%s\", got: %s", why, error.why);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    char *after = slurp(&after_size);
    cr_assert(before_size == after_size && memcmp(before, after, before_size) == 0, "it was changed");
    char name[128];
    snprintf(name, sizeof name, "%s-intent", path);
    cr_assert(access(name, F_OK) != 0, "a log was made beside it");
    free(before);
    free(after);
}

static void drop_log(void)
{
    char name[128];
    snprintf(name, sizeof name, "%s-intent", path);
    unlink(name);
}

Test(store_files, newer_foreign_garbage_and_truncated)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 20; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    close_store(s);
    drop_log();
    for (int mode = TL_STORE_READ; mode <= TL_STORE_WRITE; mode++) {
        sql("PRAGMA user_version = 99");
        refused((enum tl_store_mode)mode, "newer trapline");
        sql("PRAGMA user_version = 1; PRAGMA application_id = 7");
        refused((enum tl_store_mode)mode, "another program");
        sql("PRAGMA application_id = 0x54724c44");
    }
    size_t size;
    char *data = slurp(&size);
    cr_assert_eq(truncate(path, (off_t)size / 2), 0);
    refused(TL_STORE_READ, "cut short");
    refused(TL_STORE_WRITE, "cut short");
    cr_assert_eq(truncate(path, 50), 0);
    refused(TL_STORE_READ, "cut short");
    refused(TL_STORE_WRITE, "cut short");
    free(data);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputc(i * 31 % 251, f);
    fclose(f);
    refused(TL_STORE_READ, "not a database");
    refused(TL_STORE_WRITE, "not a database");
}

Test(store_files, check_finds_damage_and_lies)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    for (int i = 0; i < 200; i++) {
        struct tl_trial_record a = crashed(i);
        OK(tl_store_trial(s, &a, &error));
        tl_trial_record_free(&a);
    }
    close_store(s);
    sql("PRAGMA foreign_keys = OFF; DELETE FROM stack WHERE n_frames = 30; UPDATE summary SET trials = 2 "
        "WHERE variant_hash = (SELECT min(variant_hash) FROM summary)");
    s = open_store(TL_STORE_READ);
    size_t wrong;
    OK(tl_store_check(s, NULL, NULL, &wrong, &error));
    cr_assert_geq(wrong, 102, "100 of the dangling threads, one sum and one row too many; found %zu", wrong);
    struct tl_trial_lines l;
    OK(tl_query_trials(s, &(struct tl_filter){.limit = 1}, &l, &error));
    struct tl_trial_record r;
    OK(tl_query_trial(s, l.list[0].id, &r, &error)); /* what is there is still shown */
    cr_assert_eq(r.captures[0].threads[0].n_frames, 0);
    cr_assert_eq(r.captures[0].threads[1].n_frames, 12);
    tl_trial_record_free(&r);
    tl_trial_lines_free(&l);
    close_store(s);

    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    int fd = open(path, O_WRONLY); /* no connection is open in this process */
    for (off_t at = st.st_size / 2 / 4096 * 4096; at < st.st_size; at += 8192)
        cr_assert_eq(pwrite(fd, "damage", 6, at), 6);
    close(fd);
    s = open_store(TL_STORE_READ);
    OK(tl_store_check(s, NULL, NULL, &wrong, &error));
    cr_assert_gt(wrong, 0);
    close_store(s);
}

Test(store_files, missing_directory_and_special_files)
{
    struct tl_store *s;
    cr_assert_eq(tl_store_open(path, TL_STORE_READ, &s, &error), -1);
    cr_assert(strstr(error.why, "none yet"), "%s", error.why);
    cr_assert(access(path, F_OK) != 0, "looking must not make it");
    cr_assert_eq(tl_store_open(directory, TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "directory"), "%s", error.why);
    cr_assert_eq(tl_store_open("/dev/null", TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "regular"), "%s", error.why);
    char name[128];
    snprintf(name, sizeof name, "%s/no/such/place.db", directory);
    cr_assert_eq(tl_store_open(name, TL_STORE_WRITE, &s, &error), -1);
    cr_assert(strstr(error.why, "No such file"), "%s", error.why);
    FILE *f = fopen(path, "w"); /* an empty file is what SQLite makes of a new name: it is taken for new */
    fclose(f);
    cr_assert_eq(tl_store_open(path, TL_STORE_READ, &s, &error), -1);
    cr_assert(strstr(error.why, "empty"), "%s", error.why);
    close_store(open_store(TL_STORE_WRITE));
    close_store(open_store(TL_STORE_READ));
}

Test(store_files, default_path_and_its_directories)
{
    setenv("XDG_STATE_HOME", directory, 1);
    struct tl_store *s;
    OK(tl_store_open(NULL, TL_STORE_WRITE, &s, &error));
    char *expected = tl_format("%s/trapline/trapline.db", directory);
    cr_assert_str_eq(tl_store_path(s), expected);
    close_store(s);
    char *command = tl_format("rm -r %s/trapline", directory);
    cr_assert_eq(system(command), 0);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", "/home/me", 1);
    char *p = tl_store_default_path(&error);
    cr_assert_str_eq(p, "/home/me/.local/state/trapline/trapline.db");
    unsetenv("HOME");
    cr_assert_null(tl_store_default_path(&error));
    free(p);
    free(command);
    free(expected);
}

/* As an ordinary user when the tests run as root, whom permissions do not stop. */
static int as_nobody(int (*what)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(99);
        _exit(what());
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int try_write(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) == 0)
        return 1;
    fprintf(stderr, "writing: %s: %s: %s\n", error.what, error.where, error.why);
    return error.kind == TL_ERROR_ENVIRONMENT && (strstr(error.why, "writ") || strstr(error.why, "read-only"))
               ? 0
               : 2;
}

static int try_read(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_READ, &s, &error)) {
        fprintf(stderr, "reading: %s: %s: %s\n", error.what, error.where, error.why);
        return 1;
    }
    struct tl_trial_lines l;
    struct tl_filter f = {0};
    int bad = tl_query_trials(s, &f, &l, &error) || l.n != 1;
    tl_trial_lines_free(&l);
    return tl_store_close(s, &error) || bad ? 2 : 0;
}

static int try_unreadable(void)
{
    struct tl_store *s;
    if (tl_store_open(path, TL_STORE_READ, &s, &error) == 0)
        return 1;
    return strstr(error.why, "Permission denied") ? 0 : 2;
}

Test(store_files, read_only_file_and_directory)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1);
    OK(tl_store_trial(s, &a, &error));
    close_store(s);
    tl_trial_record_free(&a);
    chmod(path, 0444);
    chmod(directory, 0755);
    cr_assert_eq(as_nobody(try_write), 0, "read-only file, writing");
    chmod(directory, 0555);
    cr_assert_eq(as_nobody(try_read), 0, "read-only file and directory, reading");
    chmod(path, 0666);
    cr_assert_eq(as_nobody(try_write), 0, "read-only directory, writing");
    cr_assert_eq(as_nobody(try_read), 0, "read-only directory, reading");
    chmod(path, 0);
    cr_assert_eq(as_nobody(try_unreadable), 0);
    chmod(path, 0644);
    chmod(directory, 0755);
}

/* Stores until there is no room, and checks what is said and what is left. */
static int fill_up(struct tl_store *s)
{
    int stored = 0;
    for (int i = 0; i < 20000; i++) {
        struct tl_trial_record a = crashed(i);
        const struct tl_trial_record *list[] = {&a};
        for (int k = 0; k < 5000; k++) /* incompressible */
            a.out.head[k] = (char)(rand() >> 7);
        int rc = tl_store_begin(s, list, 1, &error) || tl_store_trial(s, &a, &error);
        tl_trial_record_free(&a);
        if (rc)
            break;
        stored++;
    }
    fprintf(stderr, "after %d: %s: %s\n", stored, error.what, error.why);
    if (error.kind != TL_ERROR_ENVIRONMENT || !strstr(error.why, "What was stored before is safe"))
        return 11;
    size_t wrong;
    if (stored < TL_STORE_GROUP || tl_store_check(s, say_wrong, NULL, &wrong, &error) || wrong)
        return 12;
    tl_store_close(s, NULL);
    return 0;
}

/* A file size limit stands in for a full disk: writes fail in the middle, in the same calls. */
Test(store_files, no_room_is_said_and_harms_nothing, .timeout = 60)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_store *s;
        signal(SIGXFSZ, SIG_IGN);
        if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
            _exit(10);
        struct rlimit limit = {3 << 20, 3 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(fill_up(s));
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0, "exit status %d", WEXITSTATUS(status));
    struct tl_store *s = open_store(TL_STORE_WRITE); /* without the limit */
    cr_assert_gt(tl_store_recovered(s), 0, "what could not be stored is lost, not forgotten");
    cr_assert_leq(tl_store_recovered(s), TL_STORE_GROUP);
    check(s);
    close_store(s);
}

#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>

/* A disk that is really full, where this user may mount one in a namespace of its own. */
static int full_disk(void)
{
    struct tl_store *s;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", directory, "tmpfs", 0, "size=6m"))
        return 77;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error))
        return 10;
    int rc = fill_up(s);
    if (rc || mount(NULL, directory, NULL, MS_REMOUNT, "size=32m"))
        return rc ? rc : 13;
    size_t wrong;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) || tl_store_recovered(s) == 0 ||
        tl_store_check(s, say_wrong, NULL, &wrong, &error) || wrong)
        return 14;
    tl_store_close(s, NULL);
    if (mount(NULL, directory, NULL, MS_REMOUNT | MS_RDONLY, NULL))
        return 15;
    if (tl_store_open(path, TL_STORE_WRITE, &s, &error) == 0 || !strstr(error.why, "Read-only file system"))
        return 16;
    struct tl_trial_lines l;
    if (tl_store_open(path, TL_STORE_READ, &s, &error) ||
        tl_query_trials(s, &(struct tl_filter){0}, &l, &error) || l.n != 50)
        return 17;
    tl_trial_lines_free(&l);
    tl_store_close(s, NULL);
    return 0;
}

Test(store_files, full_disk_and_read_only_file_system, .timeout = 60)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(full_disk());
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip("this user may not mount");
    cr_assert_eq(status, 0, "exit status %d: %s", WEXITSTATUS(status), error.why);
}
#endif

/* A database that is moved or removed under its writer: nothing of it is lost, and nothing of it is taken for what a new one
 * of that name holds. */
Test(store_files, one_that_is_moved_or_removed_is_saved_beside)
{
    char away[128], saved[512], log[128];
    snprintf(away, sizeof away, "%s/away.db", directory);
    snprintf(log, sizeof log, "%s-wal", path);
    for (int removed = 0; removed < 2; removed++) {
        struct tl_store *s = open_store(TL_STORE_WRITE);
        OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
        struct tl_trial_record a = crashed(1), b = crashed(2), c = asked(3);
        const struct tl_trial_record *list[] = {&c};
        OK(tl_store_begin(s, list, 1, &error));
        OK(tl_store_trial(s, &a, &error));
        OK(tl_store_flush(s, &error));
        OK(tl_store_trial(s, &b, &error));
        cr_assert_eq(removed ? unlink(path) : rename(path, away), 0);
        cr_assert_eq(tl_store_flush(s, &error), -1);
        cr_assert_eq(error.kind, TL_ERROR_ENVIRONMENT);
        cr_assert_str_eq(error.where, path);
        cr_assert_eq(saved_beside(saved, sizeof saved, 1), 3);
        /* Nothing is begun any more, and the same is said once more. */
        cr_assert_eq(tl_store_begin(s, list, 1, &error), -1);
        cr_assert_neq(strstr(error.why, saved), NULL);
        cr_assert_eq(tl_store_close(s, &error), -1);
        tl_trial_record_free(&a);
        tl_trial_record_free(&b);
        tl_trial_record_free(&c);
        cr_assert_neq(access(log, F_OK), 0, "the log of what was moved is taken for that of a new one");
        s = open_store(TL_STORE_WRITE);
        cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 0);
        close_store(s);
        unlink(path);
        unlink(saved);
    }
}

/* The same file is there, under the same name, and another program has put something else in it. */
Test(store_files, one_that_is_written_over_is_noticed)
{
    char other[128];
    snprintf(other, sizeof other, "%s/other.db", directory);
    struct tl_store *s;
    OK(tl_store_open(other, TL_STORE_WRITE, &s, &error));
    close_store(s);
    const char *const over[] = {other, "/bin/sh", "/dev/null"};
    for (size_t i = 0; i < TL_COUNT(over); i++) {
        s = open_store(TL_STORE_WRITE);
        OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
        struct tl_trial_record r = crashed(1);
        OK(tl_store_trial(s, &r, &error));
        OK(tl_store_flush(s, &error));
        /* What is in the log still is not lost with the file. */
        cr_assert_eq(sqlite3_exec(s->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
        size_t size = 0;
        char *bytes = tl_read_file(over[i], 64 << 20, &size);
        int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        cr_assert(fd >= 0 && write(fd, bytes ? bytes : "", size) == (ssize_t)size);
        close(fd);
        free(bytes);
        cr_expect_eq(tl_store_close(s, &error), -1, "%s", over[i]);
        cr_expect_eq(error.kind, TL_ERROR_ENVIRONMENT);
        tl_trial_record_free(&r);
        static const char *const ends[] = {"", "-wal", "-shm", "-intent"};
        for (size_t k = 0; k < TL_COUNT(ends); k++) {
            char *name = tl_format("%s%s", path, ends[k]);
            unlink(name);
            free(name);
        }
    }
}

static void removed_directory(char *name)
{
    cr_assert(mkdtemp(name) && !chdir(name) && !rmdir(name));
}

Test(store_files, one_that_cannot_be_saved_anywhere_says_what_to_do)
{
    char nowhere[] = "/tmp/tl-nowhere-XXXXXX";
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
    struct tl_trial_record a = crashed(1);
    OK(tl_store_trial(s, &a, &error));
    removed_directory(nowhere);
    setenv("XDG_STATE_HOME", "/dev/null/home", 1);
    store_teardown(); /* its directory, too */
    cr_assert_eq(tl_store_flush(s, &error), -1);
    cr_expect_eq(error.kind, TL_ERROR_ENVIRONMENT);
    cr_expect_str_eq(error.where, path);
    cr_expect(strstr(error.why, "No such file or directory"), "%s", error.why);
    cr_expect(strstr(error.why, "--db in a directory that can be written"), "%s", error.why);
    cr_assert_eq(tl_store_close(s, &error), -1);
    tl_trial_record_free(&a);
    cr_assert_eq(chdir("/"), 0);
}

/* Whoever copies a database there begins with its log, say. */
Test(store_files, the_log_of_another_one_stays_where_the_database_was_moved_away)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    static const char other[] = "of another one";
    char saved[512], from[128], to[128];
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
    struct tl_trial_record a = crashed(1);
    OK(tl_store_trial(s, &a, &error));
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        snprintf(from, sizeof from, "%s%s", path, ends[i]);
        snprintf(to, sizeof to, "%s/away.db%s", directory, ends[i]);
        cr_assert_eq(rename(from, to), 0, "%s", from);
    }
    for (size_t i = 1; i < TL_COUNT(ends); i++) {
        snprintf(from, sizeof from, "%s%s", path, ends[i]);
        FILE *f = fopen(from, "wx");
        cr_assert(f && fputs(other, f) >= 0 && !fclose(f));
    }
    cr_assert_eq(tl_store_flush(s, &error), -1);
    cr_expect_eq(saved_beside(saved, sizeof saved, 0), 1);
    for (size_t i = 1; i < TL_COUNT(ends); i++) {
        snprintf(from, sizeof from, "%s%s", path, ends[i]);
        char *text = tl_read_file(from, 100, NULL);
        cr_expect(text && !strcmp(text, other), "%s was removed", from);
        free(text);
    }
    cr_assert_eq(tl_store_close(s, &error), -1);
    tl_trial_record_free(&a);
    unlink(saved);
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        snprintf(to, sizeof to, "%s/away.db%s", directory, ends[i]);
        unlink(to);
    }
}

/* Locks of an open file are its process's and what it forks: who shares none with us says whether the name is taken. */
Test(store_files, a_store_that_cannot_be_opened_leaves_the_name_to_the_one_that_is)
{
    char second[128], answer;
    int ask[2], told[2];
    snprintf(second, sizeof second, "%s/second.db", directory);
    cr_assert_eq(pipe(ask) || pipe(told), 0);
    pid_t pid = fork();
    if (!pid) {
        struct tl_store *s;
        close(ask[1]);
        while (read(ask[0], &answer, 1) == 1) {
            answer = tl_store_open(second, TL_STORE_WRITE, &s, NULL) ? 'n' : 'y';
            if (answer == 'y')
                tl_store_close(s, NULL);
            if (write(told[1], &answer, 1) != 1)
                break;
        }
        _exit(0);
    }
    struct tl_store *s = open_store(TL_STORE_WRITE), *again;
    cr_assert_eq(link(path, second), 0);
    cr_assert_eq(tl_store_open(path, TL_STORE_WRITE, &again, &error), -1);
    cr_assert(write(ask[1], "?", 1) == 1 && read(told[0], &answer, 1) == 1);
    cr_expect_eq(answer, 'n');
    close_store(s);
    cr_assert(write(ask[1], "?", 1) == 1 && read(told[0], &answer, 1) == 1);
    cr_expect_eq(answer, 'y');
    close(ask[1]);
    waitpid(pid, NULL, 0);
    unlink(second);
    strcat(second, "-intent");
    unlink(second);
}

/* Migrations. */

/* What a database says of a signal that has another number where it came from. */
Test(store_files, a_signal_is_known_by_its_name)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1), r;
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM trial WHERE signal_name = 'SIGSEGV'"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM capture WHERE signal_name = 'SIGSEGV'"), 1);
    cr_assert_eq(count(s, "SELECT count(*) FROM signature WHERE signal_name = 'SIGSEGV'"), 1);
    const struct {
        const char *number_and_name;
        int signal;
    } told[] = {{"10, signal_name = 'SIGBUS'", SIGBUS}, /* by a Mac */
                {"7, signal_name = 'SIGBUS'", SIGBUS},
                {"7, signal_name = 'SIGNOTHERE'", TL_SIGNAL_ELSEWHERE},
                {"11, signal_name = NULL", 11}}; /* before names were stored */
    for (size_t i = 0; i < TL_COUNT(told); i++) {
        for (size_t k = 0; k < 2; k++) {
            char *sql =
                tl_format("UPDATE %s SET signal = %s", k ? "capture" : "trial", told[i].number_and_name);
            cr_assert_eq(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK);
            free(sql);
        }
        OK(tl_query_trial(s, a.id, &r, &error));
        cr_expect_eq(r.signal, told[i].signal);
        cr_expect_eq(r.captures[0].signal, told[i].signal);
        tl_trial_record_free(&r);
    }
    close_store(s);
    tl_trial_record_free(&a);
}

/* Trials that were stored before are named where their session tells the system. */
Test(store_files, signals_of_an_older_schema_are_named)
{
    static const struct {
        const char *os, *name; /* of number 10 */
    } systems[] = {
        {"Debian GNU/Linux 12", "SIGUSR1"}, {"macOS 26.1", "SIGBUS"}, {"Darwin", "SIGBUS"}, {NULL, NULL}};
    struct tl_store *s = open_store(TL_STORE_WRITE);
    char session[TL_UUID_SIZE];
    OK(tl_store_session_begin(s, &machine, "0.1", "run x", session, &error));
    struct tl_trial_record a = crashed(1);
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    for (size_t i = 0; i < TL_COUNT(systems); i++) {
        char *sql = tl_format(
            "ALTER TABLE trial DROP COLUMN signal_name; ALTER TABLE capture DROP COLUMN signal_name; "
            "ALTER TABLE signature DROP COLUMN signal_name; DROP TABLE set_aside; DROP TABLE case_place; "
            "DROP TABLE ran_on; DROP INDEX environment_by_kind; ALTER TABLE environment DROP COLUMN kind; "
            "ALTER TABLE environment DROP COLUMN on_machine; "
            "DROP TABLE asked; DROP TABLE known_place; DROP TABLE known; "
            "DROP TABLE started_finding; DROP TABLE started; DROP TABLE processes; DROP "
            "TABLE anew; DROP TABLE report_of_trial; DROP TABLE system_report; ALTER TABLE trial DROP COLUMN "
            "pids; "
            "ALTER TABLE environment DROP COLUMN content_sha256; ALTER TABLE environment DROP COLUMN "
            "versions; ALTER TABLE machine DROP COLUMN processor; ALTER TABLE capture DROP COLUMN fault; "
            "PRAGMA user_version = 3; UPDATE trial SET signal "
            "= 10; "
            "UPDATE signature SET signal = 10; UPDATE session SET os = %s%s%s",
            systems[i].os ? "'" : "", systems[i].os ? systems[i].os : "NULL", systems[i].os ? "'" : "");
        cr_assert_eq(sqlite3_exec(s->db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(s->db));
        free(sql);
        OK(tl_migrate(s->db, tl_migrations, tl_schema_version, &error));
        for (size_t k = 0; k < 2; k++) {
            sql = tl_format("SELECT count(*) FROM %s WHERE ifnull(signal_name, '-') = '%s'",
                            k ? "signature" : "trial", systems[i].name ? systems[i].name : "-");
            cr_expect_eq(count(s, sql), 1, "%s: %s", systems[i].os ? systems[i].os : "no system", sql);
            free(sql);
        }
    }
    close_store(s);
    tl_trial_record_free(&a);
}

Test(store_files, migrations_are_applied_once_and_together)
{
    enum { MOST = 64 };
    static struct tl_migration steps[MOST];
    int n = tl_schema_version;
    memcpy(steps, tl_migrations, (size_t)n * sizeof *steps);
    steps[n++].sql = "CREATE TABLE extra(id TEXT PRIMARY KEY); ALTER TABLE trial ADD COLUMN x";
    steps[n++].sql = "INSERT INTO extra VALUES('f')";
    steps[n].sql = "CREATE TABLE z(a); INSERT INTO nowhere VALUES(1)";
    struct tl_store *s = open_store(TL_STORE_WRITE);
    struct tl_trial_record a = crashed(1), r;
    OK(tl_store_trial(s, &a, &error));
    OK(tl_store_flush(s, &error));
    OK(tl_migrate(s->db, steps, n, &error));
    cr_assert_eq(count(s, "PRAGMA user_version"), n);
    OK(tl_migrate(s->db, steps, n, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM extra"), 1);
    cr_assert_eq(tl_migrate(s->db, steps, n + 1, &error), -1);
    cr_assert_eq(count(s, "PRAGMA user_version"), n);
    cr_assert_eq(count(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'z'"), 0);
    OK(tl_query_trial(s, a.id, &r, &error));
    same_record(&a, &r);
    close_store(s);
    tl_trial_record_free(&a);
    tl_trial_record_free(&r);
}
