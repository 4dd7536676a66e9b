/* Trials that ended are an answer only for as long as what they depend on is what it was (harness/campaign/changed.h): who interrupted
 * a long reduction is told why nothing of before is used. */
#include "harness/campaign/changed.h"
#include "harness/campaign/reduce/parts.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

static const char file_name[] = "known-by.json";

int tl_reduce_say_changed(const struct tl_reduce_state *s, struct tl_error *e)
{
    char *path = tl_format("%s/%s", s->work, file_name), *why;
    uint64_t n;
    int result = tl_changed_since(s->r->x, s->r->c, s->r->failing, s->r->unit, path, &n, &why, e);
    tl_changed_warn(s->r->x, s->r->no_cache ? 0 : n, "of an earlier run of this reduction", why);
    free(path);
    return result;
}
