/* What a child in a sandbox gives up, and what is given to it: no namespaces are needed for that. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/supervise/sandbox_impl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has_no(const char *set)
{
    char *text = tl_read_file("/proc/self/status", 1 << 16, NULL), *line = text ? strstr(text, set) : NULL;
    bool none = line && !strtoull(line + strlen(set), NULL, 16);
    free(text);
    return none;
}

/* Whatever call failed before. */
Test(sandbox_child, has_no_capabilities_and_gains_none)
{
    static const int before[] = {0, EINVAL, EPERM};
    const struct tl_sandbox s = {.scope = -1};
    for (size_t i = 0; i < TL_COUNT(before); i++) {
        int status;
        pid_t pid = fork();
        if (!pid) {
            errno = before[i];
            if (tl_sandbox_enter(&s))
                _exit(1);
            _exit(!has_no("CapEff:") ? 2 : geteuid() == 0 && !has_no("CapBnd:") ? 3 : 0);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_expect(WIFEXITED(status) && !WEXITSTATUS(status), "%d: %d", before[i], status);
    }
}

/* Deep down, too; and of a link the link. */
Test(sandbox_child, is_given_all_that_is_below_a_directory)
{
    enum { DEPTH = 20 };
    const struct tl_sandbox s = {.other = true, .user = 65534, .group = 65534};
    struct tl_error e;
    struct stat st;
    char top[] = "/tmp/tl-given-XXXXXX", path[200], outside[] = "/tmp/tl-not-given-XXXXXX";
    if (geteuid())
        cr_skip_test("only root can give");
    cr_assert(mkdtemp(top) && mkdtemp(outside));
    strcpy(path, top);
    for (int i = 0; i < DEPTH; i++)
        cr_assert_eq(mkdir(strcat(path, "/d"), 0700), 0);
    int fd = open(strcat(path, "/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert(fd >= 0 && !close(fd));
    cr_assert_eq(tl_sandbox_give(&s, top, &e), 0, "%s: %s", e.where, e.why);
    for (int i = 0; i < DEPTH + 2; i++) {
        cr_assert(!lstat(path, &st) && st.st_uid == 65534 && st.st_gid == 65534, "%s", path);
        *strrchr(path, '/') = '\0';
    }
    snprintf(path, sizeof path, "%s/link", top);
    cr_assert_eq(symlink(outside, path), 0);
    cr_assert_eq(tl_sandbox_give(&s, top, &e), 0, "%s: %s", e.where, e.why);
    cr_expect(!lstat(path, &st) && st.st_uid == 65534);
    cr_expect(!stat(outside, &st) && st.st_uid == 0);
    rmdir(outside);
    tl_remove_tree(top);
    cr_assert_eq(tl_sandbox_give(&s, top, &e), -1);
    cr_expect_str_eq(e.where, top);
}
