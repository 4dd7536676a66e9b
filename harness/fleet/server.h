/* The server of a fleet: a directory with all that it needs, and nats-server, started from it and stopped again.
 *
 *   fleet.json        where it listens, and the public key of everybody who was invited
 *   authority.pem     authority.key: who signs; server.pem, server.key: what the server shows
 *   keys/NAME.key     a key file (key_file.h) of each machine, until it is there; admin.key, submit.key
 *   nats.conf         what nats-server reads, written anew from fleet.json
 *   servers/N/        of a fleet with several servers: what the N-th one needs, to be brought to its machine
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
    json_t *servers; /* [HOST:PORT, …] of all servers; listen is one of them */
    size_t number;   /* which, from 0: that one has the authority, and the directories of the others */
    json_t *members; /* {NAME: {"role", "key": PUBLIC}} */
};

/* Makes the directory and what is missing in it, for an address, or those of several servers with ',' between (NULL: what it has; it must be
 * there then). An address takes an older one's place; how many there are cannot change. Nothing is started. */
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
/* Its URL for clients, the caller's: tls://HOST:PORT[,HOST:PORT…]. */
char *tl_fleet_server_url(const struct tl_fleet_server *s);

/* --- addresses.c */
#define TL_FLEET_SERVERS_MOST 5
/* Takes addresses with ',' between: one, three or five. -1 with *e. */
int tl_fleet_servers_parse(const char *listen, json_t **servers, struct tl_error *e);
/* The host in HOST:PORT, where an address of IPv6 stands in brackets; without them, the caller's. NULL: it is none. */
char *tl_fleet_host_of(const char *listen);
/* The address at which a server talks to the others: the port behind its own. The caller's. */
char *tl_fleet_route_of(const char *listen);

/* --- replicas.c */
/* The directory of the N-th server, from 1 on; the caller's. */
char *tl_fleet_replica_path(const struct tl_fleet_server *s, size_t number);
/* After each change: makes the directories of the other servers anew, with certificates, and has those that run on this machine read them.
 * Of a server that has no others it does nothing. */
int tl_fleet_replicas_save(const struct tl_fleet_server *s, struct tl_error *e);

/* --- server.c, for replicas.c */
int tl_fleet_server_save(const struct tl_fleet_server *s, struct tl_error *e); /* fleet.json and nats.conf */
int tl_fleet_server_reload(const struct tl_fleet_server *s, struct tl_error *e); /* where it runs */

/* The text of its configuration, the caller's. For tests. */
char *tl_fleet_server_config(const struct tl_fleet_server *s);

#endif
