/* What nats-server reads. Everybody may do what the role needs and nothing more: a worker can publish neither jobs nor records of
 * another machine, and reads no inbox but its own. That any worker can take, and acknowledge, a job of any kind stays: who asked for it
 * asks again.
 *
 * Permissions alone do not hold that. Whoever asks JetStream for something names the subject of the answer, and the server publishes there as
 * nobody's: a machine that has what it published itself read out to the subject of another machine's records has forged one, and one that has
 * it read out to JetStream's own subjects deletes streams. So the streams are in an account in which there is nobody but the owner, and each
 * other member is in one of its own, where no subject means anything but those that it may use: what it may publish is a service of the
 * owner's account there, and what it may hear a stream of that. An answer that goes elsewhere goes nowhere. */
#include "harness/base/buffer.h"
#include "harness/fleet/server.h"
#include "harness/fleet/subjects.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define OWNERS "fleet" /* the account with the streams */

/* Subjects, space between. {name} is the member's. */
static const struct {
    const char *publish, *subscribe;
} privileges[TL_FLEET_ROLES] = {
    [TL_FLEET_ADMIN] = {"$JS.API.> $JS.FC.> control.*", "_INBOX_{name}.>"},
    [TL_FLEET_SUBMIT] =
        {"jobs.> $JS.API.DIRECT.GET.JOBS $JS.API.DIRECT.GET.JOBS.> $JS.API.STREAM.MSG.DELETE.JOBS "
         "on.> $JS.API.DIRECT.GET.ON $JS.API.DIRECT.GET.ON.> $JS.API.STREAM.MSG.DELETE.ON "
         "$JS.API.CONSUMER.INFO.ON.* $JS.API.CONSUMER.DURABLE.CREATE.ON.* $JS.API.CONSUMER.CREATE.ON.> "
         "$JS.API.DIRECT.GET.INTENTS $JS.API.DIRECT.GET.INTENTS.> "
         "$JS.API.DIRECT.GET.RESULTS $JS.API.DIRECT.GET.RESULTS.> $JS.API.STREAM.MSG.DELETE.RESULTS "
         "$JS.API.CONSUMER.INFO.RESULTS.* files.*.* "
         "$JS.API.DIRECT.GET.FILES $JS.API.DIRECT.GET.FILES.> "
         "$JS.API.CONSUMER.INFO.JOBS.* $JS.API.CONSUMER.DURABLE.CREATE.JOBS.* "
         "$JS.API.CONSUMER.CREATE.JOBS.> $JS.API.STREAM.INFO.MACHINES $JS.API.CONSUMER.INFO.MACHINES.* "
         "$JS.API.CONSUMER.CREATE.RESULTS $JS.API.CONSUMER.CREATE.RESULTS.> "
         "$JS.API.CONSUMER.DELETE.RESULTS.* $JS.API.CONSUMER.CREATE.MACHINES "
         "$JS.API.CONSUMER.CREATE.MACHINES.> $JS.API.CONSUMER.DELETE.MACHINES.* $JS.FC.>",
         "_INBOX_{name}.>"},
    [TL_FLEET_WORKER] =
        {"machines.{name} results.{name}.> intents.*.{name} $JS.API.DIRECT.GET.INTENTS "
         "$JS.API.DIRECT.GET.INTENTS.> "
         "$JS.API.CONSUMER.INFO.JOBS.* "
         "$JS.API.CONSUMER.MSG.NEXT.JOBS.* $JS.ACK.JOBS.> $JS.API.DIRECT.GET.FILES "
         "$JS.API.CONSUMER.INFO.ON.{name} $JS.API.CONSUMER.MSG.NEXT.ON.{name} $JS.ACK.ON.{name}.> "
         "$JS.API.DIRECT.GET.FILES.> $JS.API.DIRECT.GET.CONTROL.control.{name}",
         "_INBOX_{name}.> control.{name}"},
};

/* A text between quotes. A path may hold anything. */
static void add_text(struct tl_buffer *b, const char *text)
{
    tl_buffer_add(b, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            tl_buffer_add(b, "\\", 1);
        tl_buffer_add(b, text, 1);
    }
    tl_buffer_add(b, "\"", 1);
}

static void add_setting(struct tl_buffer *b, const char *name, const struct tl_fleet_server *s,
                        const char *below)
{
    char *path = tl_format("%s/%s", s->directory, below);
    tl_buffer_printf(b, "%s: ", name);
    add_text(b, path);
    tl_buffer_add(b, "\n", 1);
    free(path);
}

/* The next subject of a list, with the name in it; NULL at its end. The caller's. */
static char *next_subject(const char **subjects, const char *name)
{
    static const char place[] = "{name}";
    const char *from = *subjects;
    size_t n = strcspn(from, " ");
    char *subject = tl_format("%.*s", (int)n, from), *at = strstr(subject, place);
    *subjects += n + (from[n] == ' ');
    if (!n) {
        free(subject);
        return NULL;
    }
    if (!at)
        return subject;
    char *named = tl_format("%.*s%s%s", (int)(at - subject), subject, name, at + sizeof place - 1);
    free(subject);
    return named;
}

/* What a subject of the owner's account is called in that of a member; the caller's. JetStream's own have another name there: by their
 * own each account has an answer of the server's that it has no JetStream. */
static char *local_name(const char *subject)
{
    static const char jetstream[] = "$JS.API.";
    return !strncmp(subject, jetstream, sizeof jetstream - 1)
               ? tl_format(TL_FLEET_API ".%s", subject + sizeof jetstream - 1)
               : tl_strdup(subject);
}

/* local: as a member's account knows them. */
static void add_subjects(struct tl_buffer *b, const char *subjects, const char *name, bool local)
{
    const char *glue = "[";
    for (char *subject; (subject = next_subject(&subjects, name));) {
        char *its = local ? local_name(subject) : tl_strdup(subject);
        tl_buffer_printf(b, "%s\"%s\"", glue, its);
        glue = ", ";
        free(its);
        free(subject);
    }
    tl_buffer_add(b, "]", 1);
}

static void add_user(struct tl_buffer *b, const char *name, const json_t *member, int role)
{
    tl_buffer_printf(b, "    # %s\n    users: [{nkey: %s, permissions: {\n      publish: ", name,
                     json_string_value(json_object_get(member, "key")));
    add_subjects(b, privileges[role].publish, name, role != TL_FLEET_ADMIN);
    tl_buffer_add_string(b, "\n      subscribe: ");
    add_subjects(b, privileges[role].subscribe, name, role != TL_FLEET_ADMIN);
    tl_buffer_add_string(b, "}}]\n");
}

static int role_of(const json_t *member)
{
    return tl_fleet_role_parse(json_string_value(json_object_get(member, "role")));
}

/* Each once, however many members have it. */
static void add_exports(struct tl_buffer *b, const char *kind, const char *subjects, const char *name,
                        json_t *done)
{
    for (char *subject; (subject = next_subject(&subjects, name));) {
        char *one = tl_format("      {%s: \"%s\"}\n", kind, subject);
        if (!json_object_get(done, one))
            tl_buffer_add_string(b, one);
        json_object_set_new(done, one, json_true());
        free(one);
        free(subject);
    }
}

static void add_imports(struct tl_buffer *b, const char *kind, const char *subjects, const char *name)
{
    for (char *subject; (subject = next_subject(&subjects, name));) {
        char *local = local_name(subject);
        tl_buffer_printf(b, "      {%s: {account: " OWNERS ", subject: \"%s\"}, to: \"%s\"}\n", kind, subject,
                         local);
        free(local);
        free(subject);
    }
}

static void add_accounts(struct tl_buffer *b, const json_t *members)
{
    const char *name;
    json_t *member, *done = json_object();
    tl_buffer_add_string(b, "accounts {\n  " OWNERS " {\n    jetstream: enabled\n");
    json_object_foreach((json_t *)(uintptr_t)members, name, member)
        if (role_of(member) == TL_FLEET_ADMIN)
            add_user(b, name, member, TL_FLEET_ADMIN);
    tl_buffer_add_string(b, "    exports: [\n");
    json_object_foreach((json_t *)(uintptr_t)members, name, member) {
        int role = role_of(member);
        if (role == TL_FLEET_ADMIN)
            continue;
        add_exports(b, "service", privileges[role].publish, name, done);
        add_exports(b, "stream", privileges[role].subscribe, name, done);
    }
    tl_buffer_add_string(b, "    ]\n  }\n");
    json_object_foreach((json_t *)(uintptr_t)members, name, member) {
        int role = role_of(member);
        if (role == TL_FLEET_ADMIN)
            continue;
        tl_buffer_printf(b, "  member-%s {\n", name);
        add_user(b, name, member, role);
        tl_buffer_add_string(b, "    imports: [\n");
        add_imports(b, "service", privileges[role].publish, name);
        add_imports(b, "stream", privileges[role].subscribe, name);
        tl_buffer_add_string(b, "    ]\n  }\n");
    }
    tl_buffer_add_string(b, "}\n");
    json_decref(done);
}

/* How it finds the others, and shows them who it is. */
static void add_cluster(struct tl_buffer *b, const struct tl_fleet_server *s)
{
    char *own = tl_fleet_route_of(s->listen);
    json_t *one;
    size_t i;
    tl_buffer_add_string(b, "cluster {\n  name: \"trapline-fleet\"\n  listen: ");
    add_text(b, own);
    tl_buffer_add_string(b, "\n  tls {\n");
    add_setting(b, "    cert_file", s, "server.pem");
    add_setting(b, "    key_file", s, "server.key");
    add_setting(b, "    ca_file", s, "authority.pem");
    tl_buffer_add_string(b, "    verify: true\n  }\n  routes: [\n");
    json_array_foreach(s->servers, i, one) {
        char *route = tl_fleet_route_of(json_string_value(one)), *url = tl_format("nats-route://%s", route);
        tl_buffer_add_string(b, "    ");
        add_text(b, url);
        tl_buffer_add_string(b, "\n");
        free(url);
        free(route);
    }
    tl_buffer_add_string(b, "  ]\n}\n");
    free(own);
}

char *tl_fleet_server_config(const struct tl_fleet_server *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "# Written by `trapline fleet` out of fleet.json: changes are lost.\n"
                             "server_name: \"trapline-fleet");
    if (json_array_size(s->servers) > 1)
        tl_buffer_printf(&b, "-%zu", s->number + 1);
    tl_buffer_add_string(&b, "\"\nlisten: ");
    add_text(&b, s->listen);
    tl_buffer_printf(&b, "\nmax_payload: %d\nping_interval: \"%ds\"\nping_max: %d\ntls {\n",
                     TL_FLEET_PAYLOAD_MOST, 2 * TL_FLEET_PING_S, TL_FLEET_PINGS_MOST);
    add_setting(&b, "  cert_file", s, "server.pem");
    add_setting(&b, "  key_file", s, "server.key");
    add_setting(&b, "  ca_file", s, "authority.pem");
    tl_buffer_add_string(&b, "}\njetstream {\n");
    add_setting(&b, "  store_dir", s, "jetstream");
    /* Each stream has a limit of its own (link/admin.c), and their sum is less than half of this: a server that was started again counts a
     * stream that is set up again twice for a moment (2.9.10). */
    tl_buffer_add_string(&b, "  max_file: 48G\n}\n");
    if (json_array_size(s->servers) > 1)
        add_cluster(&b, s);
    add_accounts(&b, s->members);
    return tl_buffer_take(&b);
}
