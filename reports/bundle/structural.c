/* The second model of a reduction, which is fed with the inputs of the original alone: the one that somebody can run who has none
 * of its owner's values. It lies beside the case of the finding. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "reports/members.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char model[] = "structural.onnx", prefix[] = "structural-";

/* Its values, and what it is fed with. */
static int copy_beside(struct tl_bundle *b, const char *directory, const char *below, const char *about,
                       struct tl_error *e)
{
    char *from = tl_format("%s/%s", directory, below);
    DIR *d = opendir(from);
    int rc = 0;
    for (const struct dirent *one; d && rc == 0 && (one = readdir(d));) {
        if (strncmp(one->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        char *path = tl_format("%s%s", from, one->d_name), *name = tl_format("%s%s", below, one->d_name);
        rc = tl_bundle_copy_file(b, path, name, about, e);
        free(path);
        free(name);
    }
    if (d)
        closedir(d);
    free(from);
    return rc;
}

int tl_bundle_write_structural(struct tl_bundle *b, struct tl_error *e)
{
    const json_t *reduction = json_object_get(b->source->finding, "reduction");
    const char *own = tl_member_text(b->source->finding, "case_path"),
               *slash = own ? strrchr(own, '/') : NULL;
    if (!json_array_size(json_object_get(reduction, "structural_remaining")))
        return 0;
    char *directory = slash ? tl_format("%.*s", (int)(slash - own), own) : NULL,
         *path = tl_format("%s/%s", directory ? directory : ".", model);
    int rc = 0;
    if (!b->o->c || !directory || access(path, R_OK))
        tl_bundle_leave_out(b, tl_format("%s: it is gone from beside the case of the finding", model));
    else
        rc = tl_bundle_copy_file(b, path, model, "the smallest model that is fed with the original's inputs",
                                 e) ||
                     copy_beside(b, directory, "", "values of that model", e) ||
                     copy_beside(b, directory, "inputs/", "an input of that model", e)
                 ? -1
                 : 0;
    free(path);
    free(directory);
    return rc;
}
