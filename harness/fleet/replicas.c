/* A fleet with several servers: what one acknowledges the others have, so that any of them may die.
 *
 * Theory of operation. The first server has the authority, all keys, and a directory for each of the others with what that one needs and no
 * secret but its own: a certificate and its key, the public keys of members, and a configuration. It is brought to its machine and started
 * there by `trapline fleet up --dir`, which writes the configuration anew for the place where it stands now. Servers talk to each other at the port behind the one for
 * machines, and each shows the others a certificate that the authority has signed. */
#include "harness/fleet/server.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/fleet/certificate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST (4u << 20)

static const char what_[] = "cannot make a fleet";

char *tl_fleet_replica_path(const struct tl_fleet_server *s, size_t number)
{
    return tl_format("%s/servers/%zu", s->directory, number);
}

static int copy_authority(const struct tl_fleet_server *s, const char *to, struct tl_error *e)
{
    char *from = tl_fleet_server_path(s, "authority.pem");
    size_t size = 0;
    char *text = tl_read_file(from, FILE_MOST, &size);
    int result = text && !tl_keep_file(to, text, size, 0600, true)
                     ? 0
                     : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, text ? to : from, NULL);
    free(text);
    free(from);
    return result;
}

static int certify(const struct tl_fleet_server *s, const struct tl_fleet_server *replica, struct tl_error *e)
{
    char *authority = tl_fleet_server_path(s, "authority.pem"),
         *authority_key = tl_fleet_server_path(s, "authority.key"),
         *certificate = tl_fleet_server_path(replica, "server.pem"),
         *key = tl_fleet_server_path(replica, "server.key"), *host = tl_fleet_host_of(replica->listen);
    int result = 0;
    if (!tl_fleet_is_certified(authority, host, certificate) || access(key, F_OK))
        result = tl_fleet_certify(authority, authority_key, host, certificate, key, e);
    free(authority);
    free(authority_key);
    free(certificate);
    free(key);
    free(host);
    return result;
}

static int save_one(const struct tl_fleet_server *s, size_t number, struct tl_error *e)
{
    struct tl_fleet_server replica = {
        .directory = tl_fleet_replica_path(s, number),
        .listen = (char *)json_string_value(json_array_get(s->servers, number - 1)),
        .servers = s->servers,
        .number = number - 1,
        .members = s->members,
    };
    char *authority = tl_fleet_server_path(&replica, "authority.pem");
    int result = 0;
    if (tl_make_directories(replica.directory, 0700))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what_, replica.directory, NULL);
    result = result || copy_authority(s, authority, e) || certify(s, &replica, e) ||
                     tl_fleet_server_save(&replica, e) || tl_fleet_server_reload(&replica, e)
                 ? -1
                 : 0;
    free(authority);
    free(replica.directory);
    return result;
}

int tl_fleet_replicas_save(const struct tl_fleet_server *s, struct tl_error *e)
{
    for (size_t n = 2; n <= json_array_size(s->servers) && !s->number; n++)
        if (save_one(s, n, e))
            return -1;
    return 0;
}
