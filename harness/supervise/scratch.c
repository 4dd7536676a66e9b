#include "harness/supervise/scratch.h"

#include "harness/base/staging.h"

#include <errno.h>
#include <stdlib.h>

char *tl_scratch_root_new(const char *parent, int *lock, struct tl_error *e)
{
    const char *tmp = parent ? parent : getenv("TMPDIR");
    if (!tmp || !*tmp)
        tmp = "/tmp";
    char *real = realpath(tmp, NULL);
    if (!real) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot use the directory for scratch files", tmp,
                      "name another one with TMPDIR");
        return NULL;
    }
    struct tl_staging root;
    if (tl_staging_begin(&root, real, "trapline-"))
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a scratch directory", real,
                      "name another place with TMPDIR, or free some space");
    free(real);
    *lock = root.lock;
    return root.path;
}
