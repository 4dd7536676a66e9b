/* trapline fleet: the server of a fleet of machines, who may come to it, and who is there. What is done about it is done by the process that
 * has the keys (harness/fleet/link.h). */
#include "harness/cli/cli.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/paths.h"
#include "harness/cli/fleet.h"
#include "harness/cli/fleet_status.h"
#include "harness/fleet/link.h"
#include "reports/commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGREE_S 60          /* until several servers have chosen one that leads */
#define BEGINS_S 15         /* until a server that was started listens */
#define ANSWER_MS 40000     /* of the server */
#define AGAIN_NS 100000000l /* between two attempts */

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

char *tl_cli_fleet_directory(const struct tl_options *o, struct tl_error *e)
{
    char *directory = o->directory ? tl_strdup(o->directory) : tl_config_home("trapline/fleet");
    if (!directory)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "no place for a fleet", "HOME",
                "there is no home directory; name one with --dir");
    return directory;
}

/* Connects to a server that has only just been started, perhaps. */
static int connect_to(const json_t *done, double wait_s, struct tl_fleet_link **link, struct tl_error *e)
{
    const struct tl_fleet_link_wish wish = {text_of(done, "url"), text_of(done, "admin_key"), TL_FLEET_ADMIN};
    const struct timespec pause = {0, AGAIN_NS};
    uint64_t since = tl_monotonic_ns();
    while (tl_fleet_link_open(&wish, link, e)) {
        if (e->kind != TL_ERROR_ENVIRONMENT || (double)(tl_monotonic_ns() - since) / 1e9 > wait_s)
            return -1;
        nanosleep(&pause, NULL);
    }
    return 0;
}

static size_t servers_of(const json_t *done)
{
    return json_array_size(json_object_get(done, "servers"));
}

/* Of several servers more than half have to be there, and agree on who leads. */
static int set_up(const json_t *done, struct tl_error *e)
{
    struct tl_fleet_link *link;
    struct tl_frame_in f = {0};
    const struct timespec pause = {1, 0};
    uint64_t since = tl_monotonic_ns();
    size_t n = servers_of(done);
    if (connect_to(done, BEGINS_S, &link, e))
        return -1;
    int result = -1;
    for (bool again = true; result && again;) {
        result = tl_fleet_link_send(link, json_pack("{s:{s:I}}", "setup", "replicas", (json_int_t)n), NULL, 0,
                                    e) ||
                         tl_fleet_link_answer(link, "done", ANSWER_MS, &f, e)
                     ? -1
                     : 0;
        again =
            n > 1 && e->kind == TL_ERROR_ENVIRONMENT && (double)(tl_monotonic_ns() - since) / 1e9 < AGREE_S;
        if (result && again)
            nanosleep(&pause, NULL);
    }
    if (result && n > 1)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "the servers of the fleet do not agree yet", text_of(done, "url"),
                "%zu of %zu have to run. Start the others as was said, and type `trapline fleet up` here "
                "once more",
                n / 2 + 1, n);
    tl_frame_in_free(&f);
    tl_fleet_link_close(link);
    return result;
}

/* What is to be done about the others, before they are waited for. */
static void tell_replicas(const json_t *done)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(done, "servers"), i, one)
        if (i)
            tl_cli_note(
                "server %zu, %s: bring %s to its machine, which holds a secret, and type there: trapline "
                "fleet up --dir DIRECTORY",
                i + 1, text_of(one, "listen"), text_of(one, "directory"));
}

static void print_word(const char *word)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_shell_word(&b, word, false);
    printf(" %s", b.data);
    tl_buffer_free(&b);
}

/* One of several, which has no keys. */
static int replica_up(const struct tl_options *o, json_t *done)
{
    if (o->json)
        return tl_print_json(done);
    printf("server %lld of the fleet at %s runs, from %s\n",
           (long long)json_integer_value(json_object_get(done, "number")), text_of(done, "url"),
           text_of(done, "directory"));
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

/* That as many addresses are named as there are to be servers. */
static int check_replicas(const struct tl_options *o)
{
    size_t n = 1;
    for (const char *at = o->listen; at && (at = strchr(at, ',')); at++)
        n++;
    if (!o->replicas || (o->listen && n == o->replicas))
        return -1;
    return tl_usage_error(
        &tl_command_fleet,
        "--replicas %llu: --listen with as many addresses was expected, the first of this machine: "
        "HOST:PORT,HOST:PORT,HOST:PORT",
        (unsigned long long)o->replicas);
}

static int up(struct tl_options *o, const char *directory)
{
    struct tl_error e;
    json_t *done;
    int mistake = check_replicas(o);
    if (mistake >= 0)
        return mistake;
    bool only_files = o->install || o->foreground;
    if (o->install && o->foreground)
        return tl_usage_error(&tl_command_fleet, "--install or --foreground was expected, not both");
    if (tl_fleet_link_server(only_files ? "make" : "up", directory, o->listen, NULL, &done, &e))
        return tl_print_error(&e);
    if (o->foreground) {
        json_decref(done);
        return tl_cli_fleet_become(directory);
    }
    int status = o->install ? tl_cli_fleet_install(o, text_of(done, "directory")) : TL_EXIT_OK;
    if (status) {
        json_decref(done);
        return status;
    }
    if (json_integer_value(json_object_get(done, "number")) > 1)
        return replica_up(o, done);
    if (servers_of(done) > 1)
        tell_replicas(done);
    if (set_up(done, &e)) {
        json_decref(done);
        return tl_print_error(&e);
    }
    if (o->json)
        return tl_print_json(done);
    printf("the fleet runs at %s, from %s\n\na machine comes in by:   trapline fleet invite NAME%s",
           text_of(done, "url"), text_of(done, "directory"), o->directory ? " --dir" : "");
    if (o->directory)
        print_word(o->directory);
    printf("\ntrials are run there by: trapline run CASE -u UNIT --fleet %s --key", text_of(done, "url"));
    print_word(text_of(done, "submit_key"));
    putchar('\n');
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

static int down(struct tl_options *o, const char *directory)
{
    struct tl_error e;
    json_t *done;
    int status = o->uninstall ? tl_cli_fleet_uninstall(o) : TL_EXIT_OK;
    if (status)
        return status;
    if (tl_fleet_link_server("down", directory, NULL, NULL, &done, &e))
        return tl_print_error(&e);
    if (o->json && o->uninstall) { /* that was the document */
        json_decref(done);
        return TL_EXIT_OK;
    }
    if (o->json)
        return tl_print_json(done);
    printf("the server has ended; what waits in it stays, and `trapline fleet up` goes on\n");
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

static int invite(struct tl_options *o, const char *directory)
{
    struct tl_error e;
    json_t *done;
    if (tl_fleet_link_server("invite", directory, NULL, o->args[1], &done, &e))
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(done);
    const char *key = text_of(done, "key");
    tl_cli_note("bring the key file to %s first; it is a secret: %s", o->args[1], key);
    printf("trapline worker %s --key %s.key\n", text_of(done, "url"), o->args[1]);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

static int revoke(struct tl_options *o, const char *directory)
{
    struct tl_error e;
    json_t *done;
    if (tl_fleet_link_server("revoke", directory, NULL, o->args[1], &done, &e))
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(done);
    printf("%s is no longer of the fleet\n", o->args[1]);
    json_decref(done);
    return tl_finish_output(TL_EXIT_OK);
}

static json_t *look(const json_t *done, struct tl_error *e)
{
    struct tl_fleet_link *link;
    struct tl_frame_in f = {0};
    json_t *status = NULL;
    if (connect_to(done, 0, &link, e))
        return NULL;
    if (!tl_fleet_link_send(link, json_pack("{s:i}", "status", 1), NULL, 0, e) &&
        !tl_fleet_link_answer(link, "status", ANSWER_MS, &f, e))
        status = json_incref(json_object_get(f.head, "status"));
    tl_frame_in_free(&f);
    tl_fleet_link_close(link);
    return status;
}

static int status(struct tl_options *o, const char *directory)
{
    struct tl_error e;
    json_t *done, *told = NULL;
    int result = tl_fleet_link_server("look", directory, NULL, NULL, &done, &e);
    bool runs = !result && json_is_true(json_object_get(done, "runs"));
    if (runs && !(told = look(done, &e)))
        result = -1;
    if (result) {
        json_decref(done);
        return tl_print_error(&e);
    }
    json_t *j = tl_cli_fleet_document(done, told);
    json_decref(told);
    json_decref(done);
    if (o->json) {
        result = tl_print_json(j);
        return result || runs ? result : TL_EXIT_FAILURE;
    }
    tl_cli_fleet_print(j, tl_output_width(80));
    json_decref(j);
    return tl_finish_output(runs ? TL_EXIT_OK : TL_EXIT_FAILURE);
}

/* What is wanted of a machine: it hears of it at once, or when it comes back. */
static int control(struct tl_options *o, const char *directory, const char *want, const char *what)
{
    struct tl_error e;
    json_t *done;
    struct tl_fleet_link *link = NULL;
    struct tl_frame_in f = {0};
    const char *name = o->args[1];
    if (tl_fleet_link_server("look", directory, NULL, NULL, &done, &e))
        return tl_print_error(&e);
    const char *role = json_string_value(json_object_get(json_object_get(done, "members"), name));
    int result = role && !strcmp(role, "worker")
                     ? connect_to(done, 0, &link, &e)
                     : tl_fail(&e, TL_ERROR_INPUT, "no such machine", name,
                               "`trapline fleet status` shows those that there are");
    if (!result)
        result = tl_fleet_link_send(link,
                                    json_pack("{s:{s:s,s:s,s:s}}", "control", "machine", name, "want", want,
                                              "why", o->why ? o->why : ""),
                                    NULL, 0, &e) ||
                         tl_fleet_link_answer(link, "done", ANSWER_MS, &f, &e)
                     ? -1
                     : 0;
    tl_frame_in_free(&f);
    tl_fleet_link_close(link);
    json_decref(done);
    if (result)
        return tl_print_error(&e);
    if (o->json)
        return tl_print_json(
            json_pack("{s:s,s:s,s:s}", "machine", name, "want", want, "why", o->why ? o->why : ""));
    printf("%s %s\n", name, what);
    return tl_finish_output(TL_EXIT_OK);
}

static int drain(struct tl_options *o, const char *directory)
{
    return control(o, directory, "drained",
                   "ends after what runs, and takes nothing until `trapline fleet release`");
}

static int hold(struct tl_options *o, const char *directory)
{
    return control(o, directory, "held", "takes nothing until `trapline fleet release`; what runs goes on");
}

static int release(struct tl_options *o, const char *directory)
{
    return control(o, directory, "well", "works again, once it has found itself well");
}

static int fleet_command(struct tl_options *o)
{
    static const struct {
        const char *name;
        int n_args;
        int (*run)(struct tl_options *o, const char *directory);
    } parts[] = {{"up", 1, up},         {"down", 1, down},   {"invite", 2, invite}, {"revoke", 2, revoke},
                 {"status", 1, status}, {"drain", 2, drain}, {"hold", 2, hold},     {"release", 2, release}};
    struct tl_error e;
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        if (o->n_args == parts[i].n_args && !strcmp(o->args[0], parts[i].name)) {
            char *directory = tl_cli_fleet_directory(o, &e);
            int result = directory ? parts[i].run(o, directory) : tl_print_error(&e);
            free(directory);
            return result;
        }
    return tl_usage_error(
        &tl_command_fleet,
        "`up`, `down`, `invite NAME`, `revoke NAME`, `status`, `drain NAME`, `hold NAME` or "
        "`release NAME` was expected");
}

const struct tl_command tl_command_fleet = {
    .name = "fleet",
    .arguments =
        "up --listen HOST:PORT [--replicas N] [--install] | down [--uninstall] | invite NAME | revoke NAME | "
        "status | drain NAME | "
        "hold NAME [--why TEXT] | release NAME",
    .about = "run trials on a lab of machines: its server, who may come, who is there",
    .options = "dir listen replicas install uninstall foreground why",
    .run = fleet_command,
};
