/* Units as they are named on a command line and in suites: lists and ranges of builds become one unit for
 * each. */
#ifndef TL_UNIT_LIST_H
#define TL_UNIT_LIST_H

#include "harness/base/error.h"

#include <stddef.h>

struct tl_unit_list {
    size_t n;
    char **list; /* RUNNER[@BUILD]:DEVICE, each once */
};

/* Adds the units that a text names: RUNNER@A,B:DEVICE, RUNNER@A..B:DEVICE (both ends included, and so
 * is 1.30.2 in 1.18..1.30; pre-releases only when an end is one) and RUNNER@installed:DEVICE become one for
 * each of those builds that is here. Fails with TL_ERROR_INPUT when there is none. */
int tl_unit_list_add(struct tl_unit_list *l, const char *text, struct tl_error *e);
void tl_unit_list_free(struct tl_unit_list *l); /* its contents */

#endif
