/* Where a bundle is put together, and how it gets to its target: complete or not at all. */
#ifndef TL_REPORTS_BUNDLE_PLACE_H
#define TL_REPORTS_BUNDLE_PLACE_H

#include "harness/base/error.h"
#include "harness/base/staging.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tl_bundle_place {
    const char
        *given;   /* a directory that does not exist or is empty; or an archive, DIR.tar.zst or DIR.zip */
    char *target; /* the same without the ending of an archive */
    char *name;   /* of what is made */
    bool archive;
    bool force;              /* what stands at the target is replaced, where it is a bundle of trapline */
    struct tl_staging stage; /* stage.path: the directory to fill */
};
int tl_bundle_place_begin(struct tl_bundle_place *p, const char *target, bool force, struct tl_error *e);
/* With failed 0, moves what is in the directory to the target (files: [{"name"}]; an archive is dated when_s). Releases the
 * place in any case. Returns -1 when it failed now or before. */
int tl_bundle_place_end(struct tl_bundle_place *p, int failed, const json_t *files, int64_t when_s,
                        struct tl_error *e);

#endif
