/* Directories of the cache that are whole, or are not used: what was lost of them, to a crash of the machine, a full disk or
 * somebody's hand, is no fault of the runtime that is given them. */
#ifndef TL_KEPT_H
#define TL_KEPT_H

#include <jansson.h>
#include <stdbool.h>

/* Where what is to be at `place` is made: a name beside it that nobody else has. What was begun there more than a day ago, by a run
 * that was killed, is removed. The caller's. */
char *tl_kept_making(const char *place);
/* Gives a directory its name when all that is in it, and a list of that, is on the disk. What stands there and is whole is as good,
 * and `making` is removed; what is not gives way. -1 with errno: `making` is where it was. */
int tl_kept_put(const char *making, const char *place);
/* Whether what stands there is what was put there. Files that were added since do not matter. known: what this process has found
 * out already, an object; NULL: nothing is remembered. */
bool tl_kept_is_whole(const char *place, json_t *known);

#endif
