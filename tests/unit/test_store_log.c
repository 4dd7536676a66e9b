/* The write-ahead log of a database is cut off, written over or removed while it is written to; and what others may rightly do to
 * it. */
#include "tests/unit/store_fixture.h"

#include "db/store_impl.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char log_name[128], saved[512];

/* With what SQLite leaves beside those that were saved. */
static void teardown(void)
{
    tl_remove_tree(directory);
}

TestSuite(store_log, .init = store_setup, .fini = teardown, .timeout = 60);

static struct tl_store *begun(void)
{
    snprintf(log_name, sizeof log_name, "%s-wal", path);
    struct tl_store *s = open_store(TL_STORE_WRITE);
    OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
    return s;
}

static int try_to_store(struct tl_store *s, int number)
{
    struct tl_trial_record r = crashed(number);
    const struct tl_trial_record *list[] = {&r};
    int result =
        tl_store_begin(s, list, 1, &error) || tl_store_trial(s, &r, &error) || tl_store_flush(s, &error) ? -1
                                                                                                         : 0;
    tl_trial_record_free(&r);
    return result;
}

static void store(struct tl_store *s, int number)
{
    OK(try_to_store(s, number));
}

static void checkpoint(sqlite3 *db, const char *how)
{
    char *text = tl_format("PRAGMA wal_checkpoint(%s)", how);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    free(text);
}

/* That the log is why, and that nothing more is stored. */
static void refused(struct tl_store *s)
{
    cr_assert_eq(error.kind, TL_ERROR_ENVIRONMENT, "%s: %s", error.what, error.why);
    cr_assert_str_eq(error.where, path);
    cr_assert(strstr(error.what, "write-ahead log"), "%s", error.what);
    cr_assert_eq(try_to_store(s, 99), -1);
    cr_assert(strstr(error.why, saved), "%s", error.why);
    cr_assert_eq(tl_store_close(s, &error), -1);
}

/* The file, with what is left of its log: no page of it was written over. */
static int64_t left_in_file(void)
{
    struct tl_store *s = open_store(TL_STORE_WRITE);
    int64_t n = count(s, "SELECT count(*) FROM trial");
    check(s);
    close_store(s);
    return n;
}

/* What has no name any more is still open, and nothing of it is lost. */
Test(store_log, removed_with_all_in_it)
{
    static const char *const ends[] = {"-wal", "-shm"};
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        struct tl_store *s = begun();
        store(s, 1);
        store(s, 2);
        char *name = tl_format("%s%s", path, ends[i]);
        cr_assert_eq(unlink(name), 0);
        free(name);
        cr_assert_eq(try_to_store(s, 3), -1, "%s", ends[i]);
        cr_assert_eq(saved_beside(saved, sizeof saved, 0), 2);
        refused(s);
        unlink(saved);
        cr_assert(!tl_remove_tree(directory) && !mkdir(directory, 0700));
    }
}

/* A name of which there is room for what SQLite makes beside it, and for no longer one. */
Test(store_log, removed_and_saved_nowhere_is_in_the_file)
{
    struct tl_store *s;
    char nowhere[] = "/tmp/tl-nowhere-XXXXXX", name[237], *whole, *log;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    whole = tl_format("%s/%s", directory, name);
    log = tl_format("%s-wal", whole);
    OK(tl_store_open(whole, TL_STORE_WRITE, &s, &error));
    OK(tl_store_session_begin(s, &machine, "0.1", "run", NULL, &error));
    store(s, 1);
    store(s, 2);
    struct tl_trial_record r = crashed(3);
    OK(tl_store_trial(s, &r, &error));
    tl_trial_record_free(&r);
    cr_assert_eq(unlink(log), 0);
    setenv("XDG_STATE_HOME", "/dev/null/home", 1);
    cr_assert(mkdtemp(nowhere) && !chdir(nowhere) && !rmdir(nowhere));
    cr_assert_eq(tl_store_flush(s, &error), -1);
    cr_expect(strstr(error.why, "could not be saved"), "%s", error.why);
    cr_assert_eq(tl_store_close(s, &error), -1);
    cr_assert_eq(chdir("/"), 0);
    OK(tl_store_open(whole, TL_STORE_WRITE, &s, &error));
    cr_assert_eq(count(s, "SELECT count(*) FROM trial"), 3);
    check(s);
    close_store(s);
    free(whole);
    free(log);
}

Test(store_log, cut_to_nothing)
{
    struct tl_store *s = begun();
    store(s, 1);
    checkpoint(s->db, "TRUNCATE");
    store(s, 2);
    cr_assert_eq(truncate(log_name, 0), 0);
    cr_assert_eq(try_to_store(s, 3), -1);
    cr_assert_eq(saved_beside(saved, sizeof saved, 0), 2);
    refused(s);
    unlink(saved);
    cr_assert_eq(left_in_file(), 1);
}

/* Between the moment at which that is looked for and the commit that writes behind the hole. */
Test(store_log, cut_while_a_group_is_open)
{
    struct tl_store *s = begun();
    store(s, 1);
    checkpoint(s->db, "TRUNCATE");
    store(s, 2);
    struct tl_trial_record r = crashed(3);
    OK(tl_store_trial(s, &r, &error));
    tl_trial_record_free(&r);
    cr_assert_eq(truncate(log_name, 0), 0);
    cr_assert_eq(tl_store_flush(s, &error), -1);
    cr_assert_eq(saved_beside(saved, sizeof saved, 0), 3);
    refused(s);
    unlink(saved);
    cr_assert_eq(left_in_file(), 1);
}

/* As long as before: only what stands in it tells. SQLite would copy it into the file as that is closed. */
Test(store_log, filled_with_zeros)
{
    struct stat st;
    struct tl_store *s = begun();
    store(s, 1);
    checkpoint(s->db, "TRUNCATE");
    store(s, 2);
    cr_assert(!stat(log_name, &st) && !truncate(log_name, 0) && !truncate(log_name, st.st_size));
    cr_assert_eq(tl_store_close(s, &error), -1);
    cr_assert(strstr(error.what, "write-ahead log"), "%s", error.what);
    cr_assert_eq(saved_beside(saved, sizeof saved, 0), 2);
    unlink(saved);
    cr_assert_eq(left_in_file(), 1);
}

/* Pages that are neither in the log nor known any more are lost, and what the file had is not. */
Test(store_log, cut_when_its_pages_are_known_no_more)
{
    struct tl_store *s = begun();
    store(s, 1);
    store(s, 2);
    checkpoint(s->db, "TRUNCATE");
    store(s, 3);
    cr_assert_eq(sqlite3_db_release_memory(s->db), SQLITE_OK);
    cr_assert_eq(truncate(log_name, 0), 0);
    cr_assert_eq(try_to_store(s, 4), -1);
    cr_assert_eq(saved_beside(saved, sizeof saved, 0), 2);
    cr_expect(strstr(error.why, "what is missing is run again"), "%s", error.why);
    refused(s);
    unlink(saved);
    cr_assert_eq(left_in_file(), 2);
}

/* SQLite's own: another program may copy the log and cut it off whenever nobody needs it. */
Test(store_log, emptied_by_another_that_may)
{
    static const char *const ways[] = {"TRUNCATE", "RESTART", "FULL", "PASSIVE"};
    struct tl_store *s = begun();
    sqlite3 *other;
    cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
    for (int i = 0; i < 40; i++) {
        store(s, i);
        checkpoint(other, ways[i % (int)TL_COUNT(ways)]);
        s->read_back_ns = 0; /* what is looked at from time to time, too */
    }
    sqlite3_close(other);
    check(s);
    close_store(s);
    cr_assert_eq(left_in_file(), 40);
}

/* The log is copied into the file when it is long, as before. */
Test(store_log, does_not_grow_without_end)
{
    struct stat st;
    struct tl_store *s = begun();
    char *text = tl_format(
        "CREATE TABLE filler(x); INSERT INTO filler WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM n WHERE i < 5000) SELECT randomblob(3900) FROM n");
    cr_assert_eq(sqlite3_exec(s->db, text, NULL, NULL, NULL), SQLITE_OK);
    free(text);
    cr_assert(!stat(path, &st) && st.st_size > 5000 * 3900, "%lld", (long long)st.st_size);
    close_store(s);
}
