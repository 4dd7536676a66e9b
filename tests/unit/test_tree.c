/* Trees of any shape: what is in them is counted, and nothing of them is left, nor anything outside of them touched. */
#include "harness/base/files.h"

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
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

#define MIB (1u << 20)
#define DEEP 400 /* levels, of 50 bytes each: more than any path may have */

static char top[] = "/tmp/test-tree-XXXXXX";

static void setup(void)
{
    cr_assert(mkdtemp(top));
    cr_assert_eq(chdir(top), 0);
    umask(022);
}

static void teardown(void)
{
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(tl_remove_tree(top), 0);
}

TestSuite(tree, .init = setup, .fini = teardown);

static void write_mib(const char *name)
{
    static char block[MIB];
    memset(block, 'x', sizeof block);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, block, sizeof block), (ssize_t)sizeof block);
    cr_assert_eq(fsync(fd), 0); /* what is not written yet may take no room yet */
    close(fd);
}

static void assert_mib(const char *path, unsigned mib)
{
    uint64_t bytes = tl_tree_bytes(path, UINT64_MAX);
    cr_assert_geq(bytes, (uint64_t)mib * MIB);
    cr_assert_lt(bytes, (uint64_t)(mib + 3) * MIB, "%llu bytes", (unsigned long long)bytes);
}

/* In the child of a fork, which changes its directory and its user. */
static int status_of(void (*act)(void))
{
    pid_t pid = fork();
    if (!pid) {
        act();
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void go_deep(void)
{
    char name[51];
    memset(name, 'd', 50);
    name[50] = '\0';
    for (int i = 0; i < DEEP; i++)
        if (mkdir(name, 0700) || chdir(name))
            _exit(1);
    write_mib("file");
    if (symlink("/etc", "link") || mkfifo("pipe", 0600))
        _exit(1);
}

Test(tree, depth_hides_nothing_and_keeps_nothing)
{
    cr_assert_eq(mkdir("tree", 0700), 0);
    cr_assert_eq(chdir("tree"), 0);
    cr_assert_eq(status_of(go_deep), 0);
    cr_assert_eq(chdir(".."), 0);
    assert_mib("tree", 1);
    cr_assert_eq(tl_remove_tree("tree"), 0, "%s", strerror(errno));
    cr_assert_eq(access("tree", F_OK), -1);
}

Test(tree, a_file_with_many_names_counts_once)
{
    cr_assert_eq(tl_make_directories("tree/a", 0700), 0);
    write_mib("tree/file");
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "tree/a/%d", i);
        cr_assert_eq(link("tree/file", name), 0);
    }
    assert_mib("tree", 1);
    cr_assert_geq(tl_tree_bytes("tree", 4096), 4096u, "counting stops early");
}

static void count_and_remove(void)
{
    struct stat st;
    if (!geteuid() && (chown(top, 65534, 65534) || setgid(65534) || setuid(65534)))
        _exit(1);
    tl_make_directories("tree/shut/below", 0700);
    tl_make_directories("tree/unread", 0700);
    write_mib("tree/shut/below/file");
    write_mib("tree/unread/file");
    chmod("tree/shut", 0600);
    chmod("tree/unread", 0);
    assert_mib("tree", 2);
    if (stat("tree/shut", &st) || (st.st_mode & 0777) != 0600 || stat("tree/unread", &st) ||
        (st.st_mode & 0777))
        _exit(2); /* a program that looks at its modes finds them */
    if (tl_tree_bytes("tree", MIB / 2) < MIB / 2 || stat("tree/shut", &st) || (st.st_mode & 0777) != 0600)
        _exit(3);
    chmod("tree", 0);
    assert_mib("tree", 2);
    if (stat("tree", &st) || (st.st_mode & 0777))
        _exit(5);
    if (tl_remove_tree("tree") || !access("tree", F_OK))
        _exit(4);
}

Test(tree, modes_hide_nothing_and_keep_nothing)
{
    cr_assert_eq(status_of(count_and_remove), 0);
}

static void remove_what_another_owns(void)
{
    if (setgid(65534) || setuid(65534))
        _exit(1);
    if (!tl_remove_tree("tree") || (errno != EACCES && errno != EPERM))
        _exit(2);
    if (access("tree/mine", F_OK) == 0) /* what can be removed is */
        _exit(3);
}

Test(tree, what_cannot_be_removed_is_told)
{
    if (geteuid())
        return; /* every file here is its own */
    cr_assert_eq(tl_make_directories("tree/theirs/below", 0755), 0);
    write_mib("tree/mine");
    cr_assert_eq(chown("tree", 65534, 65534), 0);
    cr_assert_eq(chmod(top, 0755), 0);
    cr_assert_eq(status_of(remove_what_another_owns), 0);
    cr_assert_eq(access("tree/theirs/below", F_OK), 0);
}

#ifdef __linux__
static void remove_below_a_mount(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        _exit(77);
    if (mount("precious", "tree/a/mounted", NULL, MS_BIND, NULL))
        _exit(77);
    if (tl_tree_bytes("tree", UINT64_MAX) >= MIB)
        _exit(1); /* what is mounted is not of the tree */
    if (!tl_remove_tree("tree") || errno != EBUSY || access("precious/file", F_OK))
        _exit(2);
}

Test(tree, what_is_mounted_in_it_is_neither_counted_nor_removed)
{
    cr_assert_eq(tl_make_directories("tree/a/mounted", 0700), 0);
    cr_assert_eq(mkdir("precious", 0700), 0);
    write_mib("precious/file");
    int status = status_of(remove_below_a_mount);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return; /* nothing can be mounted here */
    cr_assert_eq(status, 0, "%d", status);
    cr_assert_eq(access("precious/file", F_OK), 0);
}
#endif

Test(tree, what_is_no_directory_is_removed_itself)
{
    write_mib("file");
    cr_assert_eq(symlink("file", "link"), 0);
    cr_assert_eq(mkdir("directory", 0700), 0);
    cr_assert_eq(symlink("directory", "to_directory"), 0);
    cr_assert_eq(tl_remove_tree("link"), 0);
    cr_assert_eq(tl_remove_tree("to_directory"), 0);
    cr_assert_eq(access("directory", F_OK), 0);
    cr_assert_eq(tl_remove_tree("file"), 0);
    cr_assert_eq(access("file", F_OK), -1);
    cr_assert_eq(tl_remove_tree("file"), 0);
}
