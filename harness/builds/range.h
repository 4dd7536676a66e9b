/* Which builds a text names, in every command the same. It is a list, ',' between, of
 *
 *   1.22.0      one version; 1.22: the newest stable one that begins with it
 *   1.29..1.30  those from one version to the other, both ends included
 *   1.29..      those from one version on; "1.29..latest" too
 *   ..1.30      those up to one version; "..latest" has no end at all
 *   latest      the newest
 *   installed   those that are here
 *
 * A short end covers all that begins with it: 1.30 covers 1.30.2. A range takes pre-releases only when one of
 * its ends is one. Pure: which versions there are is not known here. */
#ifndef TL_BUILDS_RANGE_H
#define TL_BUILDS_RANGE_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum tl_builds_range_kind {
    TL_BUILDS_VERSION,
    TL_BUILDS_SPAN,
    TL_BUILDS_LATEST,
    TL_BUILDS_INSTALLED,
};

struct tl_builds_range {
    enum tl_builds_range_kind kind;
    char *text;      /* as it was written */
    char *from, *to; /* of a span; NULL: no end on that side */
};

struct tl_builds_ranges {
    size_t n; /* at least 1 */
    struct tl_builds_range *list;
};

/* Takes a text apart; a mistake in it is TL_ERROR_INPUT. What is written as one version is not looked at:
 * only its runner knows what a version is. Release with tl_builds_ranges_free, after a failure too. */
int tl_builds_ranges_parse(const char *text, struct tl_builds_ranges *out, struct tl_error *e);
void tl_builds_ranges_free(struct tl_builds_ranges *r); /* its contents */
/* Whether more than one build may be meant. */
bool tl_builds_ranges_several(const struct tl_builds_ranges *r);
/* Whether a version is in a range. TL_BUILDS_LATEST holds none: what is newest, only the caller knows. */
bool tl_builds_range_holds(const struct tl_builds_range *r, const char *version);

#endif
