/* Versions and their order, as a package and a runtime write them: 1.22.0, 1.24.0-dev.20260114-c343143a49,
 * 1.22.0+1a2b3c4d. */
#ifndef TL_VERSION_H
#define TL_VERSION_H

#include <stdbool.h>

/* Starts with a digit and holds only what a semantic version holds; "." and ".." and options are none. */
bool tl_version_valid(const char *v);
bool tl_version_stable(const char *v);
/* How many of the numbers of `v` are written: 2 for "1.22". */
unsigned tl_version_parts(const char *v);
/* The order of versions: by numbers, a pre-release (1.24.0-dev.1) before its release; <0, 0, >0. */
int tl_version_compare(const char *a, const char *b);
/* The same, but 0 for every version that begins with the prefix: 1.22.3 and 1.22.3+ab with 1.22. */
int tl_version_compare_prefix(const char *v, const char *prefix);

#endif
