#include "harness/executor/lent_model.h"

#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int copy(const char *from, const char *to)
{
    bool reading;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, failed = -1;
    if (in >= 0 && !tl_make_parents(to, 0700))
        out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out >= 0)
        failed = tl_copy_bytes(in, out, &reading);
    int err = errno;
    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) && !failed) {
        failed = -1;
        err = errno;
    }
    errno = err;
    return failed;
}

int tl_lent_model(const char *below, const char *from, char **directory, char **model, struct tl_error *e)
{
    const char *name = tl_base_name(from), *beside;
    json_t *data = tl_onnx_external(from), *unused;
    *directory = tl_format("%s/lent-XXXXXX", below);
    *model = NULL;
    int failed = mkdtemp(*directory) ? 0 : -1;
    if (!failed)
        *model = tl_format("%s/%s", *directory, name);
    failed = failed || copy(from, *model) ? -1 : 0;
    json_object_foreach(data, beside, unused) {
        char *own = tl_format("%.*s%s", (int)(name - from), from, beside),
             *to = tl_format("%s/%s", *directory, beside);
        failed = failed || copy(own, to) ? -1 : 0;
        free(to);
        free(own);
    }
    json_decref(data);
    if (!failed)
        return 0;
    tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot copy a model for a run", *directory,
                  "free some space");
    tl_remove_tree(*directory);
    free(*directory);
    free(*model);
    *directory = *model = NULL;
    return -1;
}
