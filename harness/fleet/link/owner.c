/* The server of a fleet, for `trapline fleet`: asked once, answered once. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where each of them listens, and its directory as long as that is not where it belongs. */
static json_t *servers_of(const struct tl_fleet_server *s)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(s->servers, i, one) {
        char *below = i ? tl_fleet_replica_path(s, i + 1) : tl_strdup(s->directory);
        json_array_append_new(
            list, json_pack("{s:O,s:s}", "listen", one, "directory", i == s->number ? s->directory : below));
        free(below);
    }
    return list;
}

static json_t *result_of(const struct tl_fleet_server *s, const char *key)
{
    char *url = tl_fleet_server_url(s), *submit = tl_fleet_server_path(s, "keys/submit.key"),
         *admin = tl_fleet_server_path(s, "keys/admin.key");
    json_t *members = json_object(), *member;
    const char *name;
    json_object_foreach(s->members, name, member)
        json_object_set(members, name, json_object_get(member, "role"));
    json_t *j = json_pack("{s:{s:s,s:b,s:s?,s:s,s:s,s:s,s:o,s:o,s:I}}", "done", "url", url, "runs",
                          tl_fleet_server_runs(s), "key", key, "submit_key", submit, "admin_key", admin,
                          "directory", s->directory, "members", members, "servers", servers_of(s), "number",
                          (json_int_t)s->number + 1);
    free(url);
    free(submit);
    free(admin);
    return j;
}

int tl_owner_serve(const char *directory)
{
    struct tl_fleet_server s = {0};
    struct tl_error e = {0};
    if (!tl_fleet_server_open(directory, &s, &e))
        tl_fleet_server_become(&s, &e);
    char *text = tl_error_text(&e);
    fprintf(stderr, "trapline: %s\n", text);
    return tl_error_exit_status(e.kind);
}

void tl_owner_frame(const json_t *wish)
{
    const char *what = json_string_value(json_object_get(wish, "do")),
               *directory = json_string_value(json_object_get(wish, "directory")),
               *listen = json_string_value(json_object_get(wish, "listen")),
               *name = json_string_value(json_object_get(wish, "name"));
    struct tl_fleet_server s = {0};
    struct tl_error e = {0};
    char *key = NULL;
    if (!what || !directory)
        return;
    bool makes = !strcmp(what, "up") || !strcmp(what, "make");
    int result =
        makes ? tl_fleet_server_make(directory, listen, &s, &e) : tl_fleet_server_open(directory, &s, &e);
    if (!result && makes)
        result = tl_fleet_replicas_save(&s, &e);
    if (!result && !strcmp(what, "up"))
        result = tl_fleet_server_start(&s, &e);
    else if (!result && !strcmp(what, "down"))
        result = tl_fleet_server_stop(&s, &e);
    else if (!result && !strcmp(what, "invite"))
        result = tl_fleet_server_invite(&s, name ? name : "", TL_FLEET_WORKER, &key, &e);
    else if (!result && !strcmp(what, "revoke"))
        result = tl_fleet_server_revoke(&s, name ? name : "", &e);
    if (!result && (!strcmp(what, "invite") || !strcmp(what, "revoke")))
        result = tl_fleet_replicas_save(&s, &e);
    if (result)
        tl_tell_failure(NULL, NULL, &e);
    else
        tl_tell(result_of(&s, key), NULL, 0);
    free(key);
    tl_fleet_server_free(&s);
}
