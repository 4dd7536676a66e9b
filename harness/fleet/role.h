/* Who is in a fleet: what a key is for, and what its owner is called. */
#ifndef TL_FLEET_ROLE_H
#define TL_FLEET_ROLE_H

#include "harness/base/error.h"

enum tl_fleet_role {
    TL_FLEET_ADMIN,  /* makes streams, looks at everything: `fleet` */
    TL_FLEET_SUBMIT, /* asks for trials, and is told of them */
    TL_FLEET_WORKER, /* runs trials, and tells of its own */
};
#define TL_FLEET_ROLES 3
const char *tl_fleet_role_name(enum tl_fleet_role role); /* "admin", "submit", "worker" */
int tl_fleet_role_parse(const char *name);               /* -1 when it is none */

#define TL_FLEET_NAME_SIZE 33 /* 1 to 32 of a-z, 0-9 and '-', and a NUL: it is a part of subjects */
/* Whether a text can be the name of a machine; -1 with *e that says what is expected. */
int tl_fleet_check_name(const char *name, struct tl_error *e);

#endif
