/* Units that a case speaks of in "expected". */
#ifndef TL_UNIT_KNOWN_H
#define TL_UNIT_KNOWN_H

#include "cases/case.h"

/* A text for each whose runner is not here, while one of nearly its name is: what is expected of it never holds. A name
 * that is like none may be that of a runner which another machine has. An array of strings, the caller's. */
json_t *tl_units_misspelt(const struct tl_case *c);

#endif
