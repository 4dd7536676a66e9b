/* The reproducers of a bundle, or of an attempt at one, as files. */
#include "reports/bundle/ort.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tl_bundle_write_programs(struct tl_bundle_ort *o, const char *directory,
                             const struct tl_bundle_side *failing, const struct tl_bundle_side *control,
                             struct tl_error *e)
{
    struct tl_repro r = o->repro;
    r.failing = (struct tl_repro_side){failing->where, failing->about, failing->options, failing->inputs,
                                       failing->expected};
    r.control = (struct tl_repro_side){"control/", "", NULL, NULL, NULL};
    if (control && control->model)
        r.control = (struct tl_repro_side){control->where, control->about, control->options, control->inputs,
                                           control->expected};
    char *texts[] = {tl_repro_c(&r), tl_repro_python(&r)},
         *paths[] = {tl_format("%s/repro.c", directory), tl_format("%s/repro.py", directory)};
    int rc = 0;
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        if (rc == 0 && tl_replace_file(paths[i], texts[i], strlen(texts[i]), 0666, false))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the bundle", paths[i],
                               "the disk may be full");
        free(texts[i]);
        free(paths[i]);
    }
    return rc;
}
