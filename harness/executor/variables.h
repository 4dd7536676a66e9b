/* The variables that trapline was started with, as a part of what something is known by. */
#ifndef TL_EXECUTOR_VARIABLES_H
#define TL_EXECUTOR_VARIABLES_H

#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Adds the variables whose names are in a list, or all that are not in it, in the order of their names. A name in the
 * list is the beginning of one, or all of it with '='. */
void tl_variables_add(struct tl_hash *h, const char *const *names, size_t n, bool listed);
/* Of those that are not in it "$NAME" -> {"content": a digest}. The caller's. */
json_t *tl_variables_digests(const char *const *names, size_t n);

#endif
