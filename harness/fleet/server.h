/* The server of a fleet: a directory with all that it needs, and nats-server, started from it and stopped again.
 *
 *   fleet.json        where it listens, and the public key of everybody who was invited
 *   authority.pem     authority.key: who signs; server.pem, server.key: what the server shows
 *   keys/NAME.key     a key file (key_file.h) of each machine, until it is there; admin.key, submit.key
 *   nats.conf         what nats-server reads, written anew from fleet.json
 *   jetstream/        what waits; server.log, server.pid, server.lock
 *
 * nats-server inherits server.lock locked, so the lock says whether it runs, whatever became of who started it. Functions return 0, or
 * -1 with *e filled. */
#ifndef TL_FLEET_SERVER_H
#define TL_FLEET_SERVER_H

#include "harness/base/error.h"
#include "harness/fleet/key_file.h"

#include <jansson.h>
#include <stdbool.h>

struct tl_fleet_server {
    char *directory; /* absolute */
    char *listen;    /* HOST:PORT */
    json_t *members; /* {NAME: {"role", "key": PUBLIC}} */
};

/* Makes the directory and what is missing in it, for an address (NULL: the one that it has; it must be there then). Takes an older
 * address's place. Nothing is started. */
int tl_fleet_server_make(const char *directory, const char *listen, struct tl_fleet_server *s,
                         struct tl_error *e);
/* One that was made before. */
int tl_fleet_server_open(const char *directory, struct tl_fleet_server *s, struct tl_error *e);
void tl_fleet_server_free(struct tl_fleet_server *s); /* its contents; the server goes on */

/* Invites a machine: makes its key and keys/NAME.key, and has the server, where it runs, know it. -1 where the name is taken.
 * *path: of the key file, the caller's. */
int tl_fleet_server_invite(struct tl_fleet_server *s, const char *name, enum tl_fleet_role role, char **path,
                           struct tl_error *e);
/* Takes a key back; the server closes its connection. */
int tl_fleet_server_revoke(struct tl_fleet_server *s, const char *name, struct tl_error *e);

bool tl_fleet_server_runs(const struct tl_fleet_server *s);
/* Starts nats-server in the background, unless it runs already; it goes on when this process ends. Does not wait for it to
 * listen. */
int tl_fleet_server_start(struct tl_fleet_server *s, struct tl_error *e);
/* The same in the place of this process, for who starts it again when it ends. Returns -1 only. */
int tl_fleet_server_become(struct tl_fleet_server *s, struct tl_error *e);
/* Asks it to end, and waits for that, at most ten seconds. One that does not run is fine. */
int tl_fleet_server_stop(struct tl_fleet_server *s, struct tl_error *e);
/* A path below its directory, the caller's. */
char *tl_fleet_server_path(const struct tl_fleet_server *s, const char *below);
/* Its URL for clients, the caller's: tls://HOST:PORT. */
char *tl_fleet_server_url(const struct tl_fleet_server *s);

/* The text of its configuration, the caller's. For tests. */
char *tl_fleet_server_config(const struct tl_fleet_server *s);

#endif
