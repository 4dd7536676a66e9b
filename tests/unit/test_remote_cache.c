/* What a worker keeps of others: an end to it, the longest unused first, and nothing that is in use. */
#include "harness/executor/remote_cache.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1 << 20)

static char top[] = "/tmp/test-cache-XXXXXX";
static struct tl_remote_cache cache;
static struct tl_error e;
static const char *busy_name;

static void setup(void)
{
    cr_assert(mkdtemp(top));
    cr_assert_eq(setenv("XDG_CACHE_HOME", top, 1), 0);
    cr_assert_eq(tl_remote_cache_open(&cache, 5 * MIB, &e), 0, "%s", e.why);
    busy_name = "";
}

static void teardown(void)
{
    tl_remote_cache_close(&cache);
    tl_remove_tree(top);
}

static bool is_busy(void *arg, const char *kind, const char *name)
{
    (void)arg;
    (void)kind;
    return !strcmp(name, busy_name);
}

static char *path_of(const char *below)
{
    return tl_format("%s/%s", cache.top, below);
}

/* A file of a MiB, used at a second. */
static void put(const char *kind, const char *name, const char *inside, long used_s)
{
    char *path = tl_format("%s/%s/%s%s", cache.top, kind, name, inside), *block = tl_malloc(MIB),
         *mark = tl_format("%s/used/%s-%s", cache.top, kind, name);
    const struct timespec times[2] = {{used_s, 0}, {used_s, 0}};
    memset(block, 'x', MIB);
    cr_assert_eq(tl_make_parents(path, 0700), 0);
    cr_assert_eq(tl_write_new_file(path, block, MIB, 0600, false), 0);
    tl_remote_cache_used(&cache, kind, name);
    cr_assert_eq(utimensat(AT_FDCWD, mark, times, 0), 0);
    free(path);
    free(block);
    free(mark);
}

static bool is_there(const char *below)
{
    char *path = path_of(below);
    bool is = !access(path, F_OK);
    free(path);
    return is;
}

Test(remote_cache, loses_what_was_used_longest_ago, .init = setup, .fini = teardown)
{
    put("files", "a", "", 1000);
    put("cases", "b", "/sub/model", 2000);
    put("files", "c", "", 500);
    put("files", "d", "", 3000);
    cr_assert_eq(tl_remote_cache_make_room(&cache, MIB / 2, is_busy, NULL, &e), 0);
    cr_assert(is_there("files/a") && is_there("cases/b") && is_there("files/c") && is_there("files/d"));
    tl_remote_cache_used(&cache, "files", "c"); /* just now */
    busy_name = "a";
    cr_assert_eq(tl_remote_cache_make_room(&cache, 2 * MIB, is_busy, NULL, &e), 0);
    cr_assert(is_there("files/a") && !is_there("cases/b") && is_there("files/c"));
    cr_assert_not(is_there("used/cases-b"));
    cr_assert_eq(tl_remote_cache_make_room(&cache, 4 * MIB, is_busy, NULL, &e), 0);
    cr_assert(is_there("files/a") && !is_there("files/c") && !is_there("files/d"));
    cr_assert_eq(tl_remote_cache_make_room(&cache, 6 * MIB, is_busy, NULL, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_INPUT);
    cr_assert(strstr(e.why, "--cache-gb"));
}

/* What a case has under its name is the file itself: both have to go for its bytes to be free. */
Test(remote_cache, frees_what_has_two_names, .init = setup, .fini = teardown)
{
    put("files", "a", "", 1000);
    put("files", "new", "", 9000);
    char *from = path_of("files/a"), *to = path_of("cases/b/model");
    cr_assert_eq(tl_make_parents(to, 0700), 0);
    cr_assert_eq(link(from, to), 0);
    tl_remote_cache_used(&cache, "cases", "b");
    char *mark = path_of("used/cases-b");
    const struct timespec times[2] = {{1001, 0}, {1001, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, mark, times, 0), 0);
    cr_assert_eq(tl_remote_cache_make_room(&cache, MIB * 7 / 2, is_busy, NULL, &e), 0);
    cr_assert(!is_there("files/a") && !is_there("cases/b") && is_there("files/new"));
    free(from);
    free(to);
    free(mark);
}

/* Of another worker's jobs nothing is known here. */
Test(remote_cache, leaves_all_to_another_worker, .init = setup, .fini = teardown)
{
    struct tl_remote_cache other;
    for (long i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        put("files", name, "", 1000 + i);
    }
    cr_assert_eq(tl_remote_cache_open(&other, 5 * MIB, &e), 0);
    cr_assert_eq(tl_remote_cache_make_room(&cache, 4 * MIB, is_busy, NULL, &e), 0);
    cr_assert(is_there("files/a") && is_there("files/d"));
    tl_remote_cache_close(&other);
    cr_assert_eq(tl_remote_cache_make_room(&cache, 4 * MIB, is_busy, NULL, &e), 0);
    cr_assert(!is_there("files/a") && !is_there("files/c"));
}
