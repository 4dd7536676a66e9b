/* "Did you mean": the nearest of a list of names. */
#ifndef TL_SUGGEST_H
#define TL_SUGGEST_H

#include <stddef.h>

/* The candidate that differs from `name` by a slip or two of the keyboard (case, a dash for an underscore and
 * one or two letters), or that one of the two begins with; NULL when none is that close. NULL candidates are
 * skipped. */
const char *tl_suggest(const char *name, const char *const *candidates, size_t n);

#endif
