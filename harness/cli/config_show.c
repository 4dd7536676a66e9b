/* trapline config: what holds where a command line says nothing, and why. */
#include "harness/cli/cli.h"

#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/jobs.h"
#include "harness/cli/config.h"

#include <stdlib.h>
#include <string.h>

static const char *const place_names[TL_PLACE_COUNT] = {"option", "variable", "trapline.json", "config.json",
                                                        "default"};

/* The value of a default that no place has to hold. The caller's reference. */
static json_t *default_of(enum tl_config_setting s)
{
    struct tl_error ignored;
    char *path = s == TL_SETTING_DATABASE ? tl_store_default_path(&ignored) : NULL;
    json_t *value = path                                             ? json_string(path)
                    : s == TL_SETTING_JOBS                           ? json_integer(tl_jobs_default())
                    : s == TL_SETTING_UNITS || s == TL_SETTING_WORDS ? json_array()
                                                                     : json_null();
    free(path);
    return value;
}

/* A value at a place; a new reference, or NULL. */
static json_t *value_at(const struct tl_config *k, enum tl_config_setting s, enum tl_config_place place)
{
    json_t *value = k->values[s][place].value;
    return value ? json_incref(value) : place == TL_PLACE_DEFAULT ? default_of(s) : NULL;
}

static json_t *entry(const struct tl_config *k, enum tl_config_setting s, enum tl_config_place place)
{
    return json_pack("{s:o,s:s,s:s?}", "value", value_at(k, s, place), "from", place_names[place], "where",
                     k->values[s][place].where);
}

static json_t *file_json(const struct tl_config_file *f)
{
    return json_pack("{s:s?,s:b,s:s?}", "path", f->path, "read", f->read, "aside", f->aside);
}

static json_t *document(const struct tl_config *k)
{
    json_t *settings = json_array();
    for (int s = 0; s < TL_SETTING_COUNT; s++) {
        enum tl_config_place holds = tl_config_place_of(k, s);
        json_t *j = json_pack("{s:s,s:s?,s:s}", "name", tl_setting_names[s].name, "option",
                              tl_setting_names[s].option, "variable", tl_setting_names[s].variable),
               *holding = entry(k, s, holds), *instead = json_array();
        json_object_update(j, holding);
        json_decref(holding);
        for (int place = holds + 1; place < TL_PLACE_DEFAULT; place++)
            if (k->values[s][place].value)
                json_array_append_new(instead, entry(k, s, place));
        json_object_set_new(j, "instead_of", instead);
        json_array_append_new(settings, j);
    }
    return json_pack("{s:o,s:{s:o,s:o}}", "settings", settings, "files", "trapline.json",
                     file_json(&k->project), "config.json", file_json(&k->user));
}

/* A value in words; the caller's. */
static char *value_text(const json_t *value, enum tl_config_setting s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *word;
    size_t i;
    if (json_is_string(value))
        return tl_strdup(json_string_value(value));
    if (json_is_integer(value))
        return tl_format("%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return tl_strdup(json_is_true(value) ? "true" : "false");
    json_array_foreach(value, i, word)
        tl_buffer_printf(&b, "%s%s", i ? " " : "", json_string_value(word));
    if (!b.size)
        tl_buffer_add_string(&b, tl_setting_names[s].unset ? tl_setting_names[s].unset : "unknown");
    return tl_buffer_take(&b);
}

static void print_value(const struct tl_config *k, enum tl_config_setting s, enum tl_config_place place,
                        bool holds)
{
    json_t *value = value_at(k, s, place);
    char *text = value_text(value, s);
    const char *where = k->values[s][place].where;
    tl_cli_line("%-20s  %s%s  (%s%s%s)", holds ? tl_setting_names[s].name : "", holds ? "" : "instead of ",
                text,
                place == TL_PLACE_DEFAULT  ? "default"
                : place == TL_PLACE_OPTION ? "option "
                                           : "",
                place == TL_PLACE_VARIABLE ? "variable " : "", where ? where : "");
    free(text);
    json_decref(value);
}

static void print_file(const struct tl_config_file *f, const char *name, const char *none)
{
    tl_cli_line("%-20s  %s%s%s", name, f->path ? f->path : none,
                f->aside              ? ", left aside: "
                : f->path && !f->read ? ", not there"
                                      : "",
                f->aside ? f->aside : "");
}

static int config(struct tl_options *o)
{
    const struct tl_config *k = o->config;
    if (o->n_args)
        return tl_usage_error(&tl_command_config,
                              "no argument was expected: what is to hold stands in a file, "
                              "a variable or an option");
    if (o->json)
        return tl_print_json(document(k));
    for (int s = 0; s < TL_SETTING_COUNT; s++) {
        enum tl_config_place holds = tl_config_place_of(k, s);
        print_value(k, s, holds, true);
        for (int place = holds + 1; place < TL_PLACE_DEFAULT; place++)
            if (k->values[s][place].value)
                print_value(k, s, place, false);
    }
    print_file(&k->project, "trapline.json", "none here or above");
    print_file(&k->user, "config.json", "no home directory to look for it in");
    return tl_finish_output(TL_EXIT_OK);
}

const struct tl_command tl_command_config = {
    .name = "config",
    .arguments = "",
    .about = "show the configuration that holds here, and where each part of it is from",
    .options = "unit keep-paths",
    .run = config,
};
