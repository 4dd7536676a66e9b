/* trapline db: care of the database. */
#include "harness/cli/cli.h"

#include "db/store.h"

#include <string.h>

static void on_found(void *arg, const char *text)
{
    json_array_append_new(arg, json_string(text));
}

static int check(struct tl_options *o)
{
    struct tl_store *s;
    struct tl_error e;
    size_t wrong = 0, i;
    json_t *found = json_array(), *line;
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e)) {
        json_decref(found);
        return tl_print_error(&e);
    }
    int status = tl_store_check(s, on_found, found, &wrong, &e) ? tl_print_error(&e)
                 : wrong                                        ? TL_EXIT_INPUT
                                                                : TL_EXIT_OK;
    if (status == TL_EXIT_ENVIRONMENT) {
        json_decref(found);
    } else if (o->json) {
        tl_print_json(json_pack("{s:s,s:b,s:o}", "db", tl_store_path(s), "sound", !wrong, "found", found));
    } else {
        json_array_foreach(found, i, line) printf("%s\n", json_string_value(line));
        printf("%s: %s\n", tl_store_path(s), wrong ? "damaged" : "sound");
        json_decref(found);
    }
    tl_store_close(s, NULL);
    return tl_finish_output(status);
}

static int db(struct tl_options *o)
{
    if (o->n_args == 1 && !strcmp(o->args[0], "check"))
        return check(o);
    return tl_usage_error(&tl_command_db, "`check` was expected");
}

const struct tl_command tl_command_db = {
    .name = "db",
    .arguments = "check",
    .about = "check the database",
    .options = "",
    .run = db,
};
