/* What a machine or a person needs to come into a fleet: one file, which is a secret.
 *
 * A JSON object: {"trapline_key": 1, "name", "role", "seed", "authority"}, the last one the certificate (PEM) that the server's is
 * signed by. Nobody but its owner may read it. */
#ifndef TL_FLEET_KEY_FILE_H
#define TL_FLEET_KEY_FILE_H

#include "harness/base/error.h"
#include "harness/fleet/nkey.h"
#include "harness/fleet/role.h"

struct tl_fleet_key {
    char name[TL_FLEET_NAME_SIZE];
    enum tl_fleet_role role;
    struct tl_nkey key;
    char *authority; /* PEM */
};

/* Reads a key file. -1: it is not there, others may read it, or it is none. k is to be released in any case. */
int tl_fleet_key_read(const char *path, struct tl_fleet_key *k, struct tl_error *e);
/* Writes one that is not there yet, mode 0600. */
int tl_fleet_key_write(const char *path, const struct tl_fleet_key *k, struct tl_error *e);
void tl_fleet_key_free(struct tl_fleet_key *k); /* its contents, which are overwritten */

#endif
