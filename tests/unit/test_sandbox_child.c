/* What a child in a sandbox gives up, call by call: no namespaces are needed for that. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/supervise/sandbox_impl.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
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
