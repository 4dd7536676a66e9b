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
    return tl_make_parents(to, 0700) ? -1 : tl_copy_file(from, to, 0600);
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
