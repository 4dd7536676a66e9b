/* Units as they are named on a command line and in suites: lists and ranges of builds (builds/range.h) become
 * one unit for each. */
#ifndef TL_UNIT_LIST_H
#define TL_UNIT_LIST_H

#include "harness/base/error.h"

#include <stddef.h>

struct tl_unit_list {
    size_t n;
    char **list; /* RUNNER[@BUILD]:DEVICE[%ALIAS], each once */
};

/* Which builds there are: of the runner and the device of a unit, oldest version first; the caller's. NULL: those in the cache. */
struct tl_unit;
struct tl_builds;
struct tl_unit_builds {
    int (*list)(void *arg, const struct tl_unit *u, struct tl_builds *all, struct tl_error *e);
    void *arg;
};

/* Adds the units that a text names. A range becomes one for each of its builds that is here, oldest first,
 * and fails with TL_ERROR_INPUT when there is none; a version that is named alone may be missing. */
int tl_unit_list_add(struct tl_unit_list *l, const char *text, struct tl_error *e);
/* Adds the units of a search over builds, oldest first: those that are here of a list or range of builds that
 * the text names, else every build of its runner; then *bad is which of them the text names (SIZE_MAX: none).
 * Fails with TL_ERROR_INPUT when there are fewer than two, or the one that it names is not here. */
int tl_unit_list_builds(struct tl_unit_list *l, const char *text, size_t *bad, struct tl_error *e);
/* The same of builds that are somewhere else: there a version, or "latest", is one that there is. */
int tl_unit_list_add_of(struct tl_unit_list *l, const char *text, const struct tl_unit_builds *builds,
                        struct tl_error *e);
int tl_unit_list_builds_of(struct tl_unit_list *l, const char *text, const struct tl_unit_builds *builds,
                           size_t *bad, struct tl_error *e);
/* Adds a text as it is, once. */
void tl_unit_list_put(struct tl_unit_list *l, const char *text);
void tl_unit_list_free(struct tl_unit_list *l); /* its contents */

#endif
