/* What the machine is that trapline runs on, for a session and for environments. */
#ifndef TL_MACHINE_H
#define TL_MACHINE_H

#include "db/store.h"

/* The machine's description and the storage of its strings. What cannot be found out is empty or 0. */
struct tl_machine_text {
    struct tl_machine machine;
    char id[TL_ID_SIZE];
    char name[256], arch[128], cpu[128], os[128], os_build[128], kernel[256];
};
void tl_machine_read(struct tl_machine_text *m); /* do not copy *m afterwards: it points into itself */

/* What names this run of the machine since it was booted; "" when it cannot be told. */
void tl_machine_boot(char id[TL_UUID_SIZE]);

#endif
