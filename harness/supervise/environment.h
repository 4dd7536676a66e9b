/* What machine this is: recorded with every session, and part of what a cached outcome is valid for. */
#ifndef TL_ENVIRONMENT_H
#define TL_ENVIRONMENT_H

#include "db/store.h"

/* Fills *m from the operating system. Unknown things are "unknown" or 0. Release with tl_machine_free. */
void tl_machine_read(struct tl_machine *m);
void tl_machine_free(struct tl_machine *m);

#endif
