/* Outputs that are kept (--keep-outputs), on their way from the machine that made them: they are a part of the record. */
#ifndef TL_REMOTE_OUTPUTS_H
#define TL_REMOTE_OUTPUTS_H

#include "harness/base/error.h"

#include <jansson.h>

/* Those of a result that a directory has, [{"name", "base64"}, …]. A new reference; NULL with *e where they are too large, or cannot be read. */
json_t *tl_remote_outputs_write(const char *directory, const json_t *result, struct tl_error *e);
/* Leaves them in a directory, as a trial that ran here would have: only what the result names, by plain names. -1 with *e. */
int tl_remote_outputs_take(const json_t *outputs, const char *directory, const json_t *result,
                           struct tl_error *e);

#endif
