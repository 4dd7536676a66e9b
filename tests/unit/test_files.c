/* Files that are written whole or not at all, directories, and the words for what went wrong with them. */
#include "harness/base/buffer.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/known_hash.h"
#include "harness/base/paths.h"
#include "harness/base/staging.h"

#include <criterion/criterion.h>
#include <dirent.h>
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

static char top[] = "/tmp/test-files-XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(top));
    cr_assert_eq(chdir(top), 0);
    umask(022);
}

static void teardown(void)
{
    cr_assert_eq(tl_remove_tree(top), 0);
    cr_assert_eq(access(top, F_OK), -1);
}

TestSuite(files, .init = setup, .fini = teardown);

static size_t entries(void)
{
    size_t n = 0;
    DIR *d = opendir(top);
    for (struct dirent *x; (x = readdir(d));)
        n += x->d_name[0] != '.';
    closedir(d);
    return n;
}

static void assert_holds(const char *path, const char *text, mode_t mode)
{
    struct stat st;
    char *held = tl_read_file(path, 1 << 20, NULL);
    cr_assert_str_eq(held, text);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, mode, "%o", st.st_mode);
    free(held);
}

Test(files, a_file_is_replaced_whole)
{
    cr_assert_eq(tl_replace_file("a", "first", 5, 0666, false), 0);
    assert_holds("a", "first", 0644);
    cr_assert_eq(tl_replace_file("a", "2", 1, 0600, true), 0);
    assert_holds("a", "2", 0600);
    cr_assert_eq(tl_replace_file("a", "", 0, 0600, false), 0);
    assert_holds("a", "", 0600);
    cr_assert_eq(entries(), 1);
}

Test(files, what_stood_there_stays_when_it_cannot_be_replaced)
{
    cr_assert_eq(mkdir("directory", 0755), 0);
    cr_assert_eq(tl_replace_file("directory", "x", 1, 0666, false), -1);
    cr_assert(errno == EISDIR || errno == EEXIST, "%s", strerror(errno));
    cr_assert_eq(tl_replace_file("none/a", "x", 1, 0666, false), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(entries(), 1);
}

static void assert_mode(const char *path, mode_t mode)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0, "%s", path);
    cr_assert_eq(st.st_mode & 0777, mode, "%s: %o", path, st.st_mode);
}

Test(files, directories_are_made_down_to_the_last)
{
    cr_assert_eq(tl_make_directories("a/b/c", 0700), 0);
    assert_mode("a", 0700);
    assert_mode("a/b/c", 0700);
    cr_assert_eq(tl_make_directories("a/b/d/", 0777), 0);
    assert_mode("a/b/d", 0755);
    assert_mode("a/b", 0700);
    cr_assert_eq(tl_make_parents("e/f/file", 0777), 0);
    assert_mode("e/f", 0755);
    cr_assert_eq(access("e/f/file", F_OK), -1);
    cr_assert_eq(tl_make_parents("file", 0777), 0);
    cr_assert_eq(tl_make_parents("/file", 0777), 0);
    cr_assert_eq(tl_replace_file("file", "x", 1, 0600, false), 0);
    cr_assert_eq(tl_make_directories("file/a", 0700), -1);
    cr_assert_eq(errno, ENOTDIR);
}

Test(files, a_tree_is_removed_whatever_its_modes_are)
{
    cr_assert_eq(tl_make_directories("tree/closed/below", 0700), 0);
    cr_assert_eq(tl_replace_file("tree/closed/file", "x", 1, 0, false), 0);
    cr_assert_eq(tl_replace_file("stays", "x", 1, 0600, false), 0);
    cr_assert_eq(symlink("../stays", "tree/link"), 0);
    cr_assert_eq(chmod("tree/closed", 0), 0);
    cr_assert_gt(tl_tree_bytes("tree", 1 << 20), 0);
    cr_assert_eq(tl_remove_tree("tree"), 0);
    cr_assert_eq(access("tree", F_OK), -1);
    cr_assert_eq(access("stays", F_OK), 0);
    cr_assert_eq(tl_remove_tree("tree"), 0, "it is gone already");
}

Test(files, a_new_file_is_never_put_over_another)
{
    cr_assert_eq(tl_write_new_file("a", "first", 5, 0600, false), 0);
    cr_assert_eq(tl_write_new_file("a", "second", 6, 0600, false), -1);
    cr_assert_eq(errno, EEXIST);
    assert_holds("a", "first", 0600);
    cr_assert_eq(symlink("nowhere", "link"), 0);
    cr_assert_eq(tl_write_new_file("link", "x", 1, 0600, false), -1);
    cr_assert_eq(access("nowhere", F_OK), -1);
}

Test(files, nothing_is_left_of_a_file_that_cannot_be_written)
{
    struct rlimit little = {4, 4};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(tl_write_new_file("a", "old", 3, 0600, false), 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    cr_assert_eq(tl_write_new_file("b", "more than there is room for", 27, 0600, false), -1);
    cr_assert_eq(errno, EFBIG);
    cr_assert_eq(tl_replace_file("a", "more than there is room for", 27, 0600, false), -1);
    cr_assert_eq(errno, EFBIG);
    assert_holds("a", "old", 0600);
    cr_assert_eq(entries(), 1);
}

/* A process that begins a directory, puts something into it, and waits to be killed. */
static pid_t begin_elsewhere(char *path, size_t size)
{
    int said[2];
    cr_assert_eq(pipe(said), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct tl_staging s;
        if (tl_staging_begin(&s, top, ".new-") || mkdir(s.path, 0700) == 0 ||
            write(said[1], s.path, strlen(s.path) + 1) < 0)
            _exit(1);
        pause();
    }
    close(said[1]);
    cr_assert_gt(read(said[0], path, size), 0);
    close(said[0]);
    return pid;
}

Test(files, what_a_killed_process_staged_is_swept)
{
    char theirs[256];
    struct tl_staging mine, other;
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    pid_t pid = begin_elsewhere(theirs, sizeof theirs);
    char *young = tl_format("%s/.new-1-abcdef", top), *strange = tl_format("%s/.new-abcdef", top),
         *stranger = tl_format("%s/.new-1-abcdefg", top), *ancient = tl_format("%s/.new-1-ghijkl", top);
    const char *const made[] = {young, strange, stranger, ancient};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(mkdir(made[i], 0700), 0);
        cr_assert_eq(i && utimensat(AT_FDCWD, made[i], old, 0), 0);
    }
    cr_assert_eq(utimensat(AT_FDCWD, theirs, old, 0), 0);
    cr_assert_eq(tl_staging_begin(&mine, top, ".new-"), 0);
    cr_assert_eq(access(theirs, F_OK), 0, "it is locked");
    cr_assert_eq(access(young, F_OK), 0, "it may not have been locked yet");
    cr_assert_eq(access(strange, F_OK), 0, "it is not ours");
    cr_assert_eq(access(stranger, F_OK), 0, "it is not ours");
    cr_assert_eq(access(ancient, F_OK), -1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_assert_eq(tl_staging_begin(&other, top, ".new-"), 0);
    cr_assert_eq(access(theirs, F_OK), -1);
    cr_assert_eq(access(mine.path, F_OK), 0);
    cr_assert_eq(rename(mine.path, "place"), 0);
    tl_staging_end(&mine);
    tl_staging_end(&other);
    cr_assert_eq(entries(), 1);
    cr_assert_eq(access("place", F_OK), 0);
    cr_assert_eq(tl_staging_begin(&mine, "/nonexistent", ".new-"), -1);
    cr_assert_eq(errno, ENOENT);
    tl_staging_end(&mine);
    free(young);
    free(strange);
    free(stranger);
    free(ancient);
}

static void assert_hash(const char *path, char first)
{
    char hex[TL_SHA256_SIZE];
    cr_assert_eq(tl_known_hash(path, hex), 0);
    cr_assert_eq(hex[0], first, "%s", hex);
}

/* The record that is there: one line, which is not the truth when `hash` is not. */
static void set_record(const char *hash)
{
    char *directory = tl_cache_home("hashes");
    DIR *d = opendir(directory);
    struct dirent *x;
    while ((x = readdir(d)) && x->d_name[0] == '.')
        continue;
    cr_assert(x);
    char *path = tl_format("%s/%s", directory, x->d_name);
    char *text = tl_read_file(path, 1000, NULL);
    char *line = tl_format("%.*s %s", (int)(strrchr(text, ' ') - text), text, hash);
    cr_assert_eq(tl_replace_file(path, line, strlen(line), 0600, false), 0);
    closedir(d);
    free(line);
    free(text);
    free(path);
    free(directory);
}

Test(files, a_hash_is_remembered)
{
    static const char false_hash[] = "0123456789012345678901234567890123456789012345678901234567890123";
    const char *const bad[] = {"", "\n", "0123\n", "no\nhash", false_hash}; /* the last lacks its newline */
    char *lie = tl_format("%s\n", false_hash);
    setenv("XDG_CACHE_HOME", top, 1);
    char *directory = tl_cache_home("hashes");
    cr_assert_eq(tl_replace_file("a", "abc", 3, 0600, false), 0);
    assert_hash("a", 'b');
    cr_assert_eq(access(directory, F_OK), -1, "it may change again within this second");
    sleep(4);
    assert_hash("a", 'b');
    set_record(lie);
    assert_hash("a", '0'); /* not read again */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set_record(bad[i]);
        assert_hash("a", 'b');
    }
    set_record(lie);
    assert_hash("a", '0');
    cr_assert_eq(tl_replace_file("a", "abd", 3, 0600, false), 0);
    assert_hash("a", 'a');
    free(directory);
    free(lie);
}

/* The state of a file at the other end of a path. */
static struct stat state_of(const char *path)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    return st;
}

Test(files, many_hashes_are_remembered_in_one_file)
{
    struct tl_known_hashes t;
    char hex[TL_SHA256_SIZE];
    setenv("XDG_CACHE_HOME", top, 1);
    cr_assert_eq(tl_replace_file("a", "abc", 3, 0600, false), 0);
    sleep(4);
    struct stat st = state_of("a");
    tl_known_hashes_open(&t, "some");
    cr_assert_eq(tl_known_hashes_of(&t, "a", &st, hex), 0);
    cr_assert_eq(hex[0], 'b');
    tl_known_hashes_put(&t, "note:a", &st, "a word");
    tl_known_hashes_close(&t);

    tl_known_hashes_open(&t, "other");
    cr_assert_null(tl_known_hashes_text(&t, "a", &st), "each table is its own");
    tl_known_hashes_close(&t);
    tl_known_hashes_open(&t, "some");
    cr_assert_str_eq(tl_known_hashes_text(&t, "note:a", &st), "a word");
    cr_assert_str_eq(tl_known_hashes_text(&t, "a", &st), hex);
    cr_assert_eq(tl_replace_file("a", "abd", 3, 0600, false), 0);
    st = state_of("a");
    cr_assert_null(tl_known_hashes_text(&t, "a", &st), "of another state");
    cr_assert_eq(tl_known_hashes_of(&t, "a", &st, hex), 0);
    cr_assert_eq(hex[0], 'a');
    cr_assert_null(tl_known_hashes_text(&t, "a", &st), "it may change again within this second");
    cr_assert_eq(tl_replace_file(t.file, "[\"no table\"", 10, 0600, false), 0);
    tl_known_hashes_close(&t);
    tl_known_hashes_open(&t, "some");
    cr_assert_eq(tl_known_hashes_of(&t, "a", &st, hex), 0, "a damaged table is none");
    cr_assert_eq(tl_known_hashes_of(&t, "none", &st, hex), -1);
    tl_known_hashes_close(&t);
}

Test(files, what_cannot_be_hashed)
{
    char hex[TL_SHA256_SIZE];
    setenv("XDG_CACHE_HOME", top, 1);
    cr_assert_eq(tl_known_hash("none", hex), -1);
    cr_assert_eq(errno, ENOENT);
    cr_assert_eq(tl_known_hash(top, hex), -1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    cr_assert_eq(tl_replace_file("a", "abc", 3, 0600, false), 0);
    assert_hash("a", 'b');
}

Test(files, an_error_without_a_reason_is_the_system_s_text)
{
    struct tl_error e;
    tl_fail_errno(&e, TL_ERROR_INPUT, ENOENT, "what", "where", NULL);
    cr_assert_str_eq(e.why, strerror(ENOENT));
    tl_fail_errno(&e, TL_ERROR_INPUT, ENOENT, "what", "where", "reading %d", 3);
    char *expected = tl_format("reading 3: %s", strerror(ENOENT));
    cr_assert_str_eq(e.why, expected);
    free(expected);
}
