/* What nats-server reads. Everybody may do what the role needs and nothing more: a worker can publish neither jobs nor records of
 * another machine, and reads no inbox but its own. That any worker can take, and acknowledge, a job of any kind stays: who asked for it
 * asks again. */
#include "harness/base/buffer.h"
#include "harness/fleet/server.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

/* Subjects, space between. {name} is the member's. */
static const struct {
    const char *publish, *subscribe;
} privileges[TL_FLEET_ROLES] = {
    [TL_FLEET_ADMIN] = {"$JS.API.> $JS.FC.> control.*", "_INBOX_{name}.>"},
    [TL_FLEET_SUBMIT] =
        {"jobs.> $JS.API.DIRECT.GET.JOBS $JS.API.DIRECT.GET.JOBS.> $JS.API.STREAM.MSG.DELETE.JOBS "
         "$JS.API.CONSUMER.INFO.RESULTS.* files.*.* $JS.API.DIRECT.GET.FILES $JS.API.DIRECT.GET.FILES.> "
         "$JS.API.DIRECT.GET.INTENTS $JS.API.DIRECT.GET.INTENTS.> "
         "$JS.API.CONSUMER.INFO.JOBS.* $JS.API.CONSUMER.DURABLE.CREATE.JOBS.* "
         "$JS.API.CONSUMER.CREATE.JOBS.> $JS.API.STREAM.INFO.MACHINES $JS.API.CONSUMER.INFO.MACHINES.* "
         "$JS.API.CONSUMER.CREATE.RESULTS $JS.API.CONSUMER.CREATE.RESULTS.> "
         "$JS.API.CONSUMER.DELETE.RESULTS.* $JS.API.CONSUMER.CREATE.MACHINES "
         "$JS.API.CONSUMER.CREATE.MACHINES.> $JS.API.CONSUMER.DELETE.MACHINES.* $JS.FC.>",
         "_INBOX_{name}.>"},
    [TL_FLEET_WORKER] = {"machines.{name} results.{name}.> intents.*.{name} $JS.API.DIRECT.GET.INTENTS "
                         "$JS.API.DIRECT.GET.INTENTS.> "
                         "$JS.API.CONSUMER.INFO.JOBS.* "
                         "$JS.API.CONSUMER.MSG.NEXT.JOBS.* $JS.ACK.JOBS.> $JS.API.DIRECT.GET.FILES "
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

static void add_subjects(struct tl_buffer *b, const char *subjects, const char *name)
{
    static const char place[] = "{name}";
    const char *glue = "[";
    while (*subjects) {
        size_t n = strcspn(subjects, " ");
        const char *at = strstr(subjects, place);
        tl_buffer_printf(b, "%s\"", glue);
        if (at && at < subjects + n) {
            tl_buffer_add(b, subjects, (size_t)(at - subjects));
            tl_buffer_add_string(b, name);
            at += sizeof place - 1;
            tl_buffer_add(b, at, (size_t)(subjects + n - at));
        } else {
            tl_buffer_add(b, subjects, n);
        }
        tl_buffer_add(b, "\"", 1);
        glue = ", ";
        subjects += n;
        subjects += *subjects == ' ';
    }
    tl_buffer_add(b, "]", 1);
}

char *tl_fleet_server_config(const struct tl_fleet_server *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *name;
    json_t *member;
    tl_buffer_add_string(&b, "# Written by `trapline fleet` out of fleet.json: changes are lost.\n"
                             "server_name: \"trapline-fleet\"\nlisten: ");
    add_text(&b, s->listen);
    tl_buffer_printf(&b, "\nmax_payload: %d\ntls {\n", TL_FLEET_PAYLOAD_MOST);
    add_setting(&b, "  cert_file", s, "server.pem");
    add_setting(&b, "  key_file", s, "server.key");
    add_setting(&b, "  ca_file", s, "authority.pem");
    tl_buffer_add_string(&b, "}\njetstream {\n");
    add_setting(&b, "  store_dir", s, "jetstream");
    tl_buffer_add_string(&b, "  max_file: 20G\n}\nauthorization {\n  users: [\n");
    json_object_foreach(s->members, name, member) {
        const char *key = json_string_value(json_object_get(member, "key")),
                   *role = json_string_value(json_object_get(member, "role"));
        int is = tl_fleet_role_parse(role);
        tl_buffer_printf(&b, "    # %s\n    {nkey: %s, permissions: {\n      publish: ", name, key);
        add_subjects(&b, privileges[is].publish, name);
        tl_buffer_add_string(&b, "\n      subscribe: ");
        add_subjects(&b, privileges[is].subscribe, name);
        tl_buffer_add_string(&b, "}}\n");
    }
    tl_buffer_add_string(&b, "  ]\n}\n");
    return tl_buffer_take(&b);
}
