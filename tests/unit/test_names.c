/* The names in a directory: all, or an error. */
#include "harness/base/names.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

Test(names, all_of_them_sorted_and_without_dots)
{
    char directory[] = "/tmp/names-XXXXXX";
    static const char *const made[] = {"b", "a", ".hidden", "\xff"};
    struct tl_names names;
    cr_assert(mkdtemp(directory));
    for (size_t i = 0; i < TL_COUNT(made); i++) {
        char *path = tl_format("%s/%s", directory, made[i]);
        cr_assert(!mkdir(path, 0700));
        free(path);
    }
    cr_assert(!tl_names_read(directory, &names));
    cr_assert_eq(names.n, 4);
    cr_expect_str_eq(names.list[0], ".hidden");
    cr_expect_str_eq(names.list[1], "a");
    cr_expect_str_eq(names.list[2], "b");
    cr_expect_str_eq(names.list[3], "\xff");
    tl_names_free(&names);
    cr_expect(!tl_remove_tree(directory));
}

Test(names, what_cannot_be_listed_is_not_empty)
{
    struct tl_names names;
    cr_expect(tl_names_read("/nonexistent", &names) && errno == ENOENT && !names.n && !names.list);
    cr_expect(tl_names_read("/dev/null", &names) && errno == ENOTDIR && !names.n);
}

#ifdef __linux__
/* In this process a directory is opened, and cannot be read. */
static void have_reading_fail(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getdents64, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {TL_COUNT(filter), filter};
    cr_assert(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    cr_assert(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static bool visit(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    (void)arg;
    (void)directory;
    (void)name;
    (void)path;
    (void)st;
    return false;
}

Test(names, a_directory_that_fails_as_it_is_read_is_not_empty)
{
    struct tl_names names;
    have_reading_fail();
    cr_expect(tl_names_read("/", &names) && errno == EIO && !names.n);
    cr_expect(tl_tree_each("/tmp", visit, NULL) && errno == EIO);
}
#endif
