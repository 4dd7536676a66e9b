/* Which of the five places says what a setting is. The files are looked for and read first, so that a mistake in one is
 * told even where an option would win: a file that is wrong would say something else the next time. */
#include "harness/cli/config.h"

#include "harness/base/buffer.h"
#include "harness/base/paths.h"
#include "harness/cli/begin.h"
#include "harness/cli/cli.h"
#include "reports/redact/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files ---------------------------------------------------------------------------------------------- */

/* A file may name a database to write and a program to run as a unit. In a directory that everybody may write to, such as
 * /tmp, anybody could have left one: only those of this user and of the system count. */
static char *why_aside(const struct stat *st)
{
    if (st->st_uid != geteuid() && st->st_uid != 0)
        return tl_format("it belongs to another user (%u)", (unsigned)st->st_uid);
    if ((st->st_mode & S_IWOTH) && S_ISREG(st->st_mode))
        return tl_strdup("everybody may write to it");
    return NULL;
}

/* The nearest trapline.json, of the working directory or above it. */
static char *find_project(struct stat *st)
{
    char *directory = getcwd(NULL, 0), *found = NULL;
    while (directory && !found) {
        char *path = tl_format("%s/trapline.json", strcmp(directory, "/") ? directory : "");
        if (!stat(path, st) && S_ISREG(st->st_mode))
            found = path;
        else
            free(path);
        char *slash = strrchr(directory, '/');
        if (!strcmp(directory, "/") || !slash)
            break;
        slash[slash == directory] = '\0';
    }
    free(directory);
    return found;
}

/* -1 to go on, or the exit status after printing what is wrong. */
static int read_file(struct tl_config *k, struct tl_config_file *f, enum tl_config_place place,
                     const struct stat *st)
{
    struct tl_mistakes m;
    struct tl_error e;
    f->aside = why_aside(st);
    if (f->aside) {
        tl_cli_note("%s is left aside: %s", f->path, f->aside);
        return -1;
    }
    int status = tl_config_read(k, place, f->path, &m, &e) ? tl_cli_print_mistakes(f->path, &m, &e) : -1;
    tl_mistakes_free(&m);
    f->read = status < 0;
    if (status >= 0 && place == TL_PLACE_PROJECT)
        fputs("  a trapline.json is the configuration of what is below its directory (docs/commands.md); any "
              "other file "
              "needs another name\n",
              stderr);
    return status;
}

static int read_files(struct tl_config *k)
{
    struct stat st;
    int status = -1;
    k->user.path = tl_config_home("trapline/config.json");
    if (k->user.path && !stat(k->user.path, &st))
        status = read_file(k, &k->user, TL_PLACE_USER, &st);
    k->project.path = find_project(&st);
    if (k->project.path) {
        int project = read_file(k, &k->project, TL_PLACE_PROJECT, &st);
        status = status < 0 ? project : status;
    }
    return status;
}

/* --- variables ------------------------------------------------------------------------------------------ */

static json_t *words_of(const char *text, const char *between, size_t least)
{
    json_t *list = json_array();
    char *copy = tl_strdup(text), *save;
    bool bad = false;
    for (char *w = strtok_r(copy, between, &save); w; w = strtok_r(NULL, between, &save)) {
        json_t *word = strlen(w) >= least ? json_string(w) : NULL; /* NULL: it is no UTF-8 */
        bad = bad || !word;
        if (word)
            json_array_append_new(list, word);
    }
    free(copy);
    if (!bad && json_array_size(list))
        return list;
    json_decref(list);
    return NULL;
}

/* What a variable's text is as a value; NULL, and what was expected. */
static json_t *value_of(enum tl_config_setting s, const char *text, const char **expected)
{
    char *end;
    long n;
    switch (s) {
    case TL_SETTING_DATABASE:
        *expected = "a path in UTF-8";
        return json_string(text);
    case TL_SETTING_UNITS:
        *expected = "units with spaces between: RUNNER[@BUILD]:DEVICE[%ALIAS]";
        return words_of(text, " \t\n", 1);
    case TL_SETTING_JOBS:
        *expected = "an integer from 1 to 1024";
        errno = 0;
        n = strtol(text, &end, 10);
        return !errno && end != text && !*end && n >= 1 && n <= TL_CONFIG_JOBS_MAX ? json_integer(n) : NULL;
    case TL_SETTING_COLOR:
        *expected = "auto, always or never";
        return tl_cli_is_colour(text) ? json_string(text) : NULL;
    case TL_SETTING_KEEP_PATHS:
        *expected = "1 or 0";
        return !strcmp(text, "1") ? json_true() : !strcmp(text, "0") ? json_false() : NULL;
    case TL_SETTING_WORDS:
        *expected = "words of at least 3 characters with commas between";
        return words_of(text, ",", TL_CONFIG_WORD_LEAST);
    case TL_SETTING_COUNT:
        break;
    }
    return NULL;
}

static int take_variables(struct tl_config *k)
{
    int status = -1;
    for (int s = 0; s < TL_SETTING_COUNT; s++) {
        const char *name = tl_setting_names[s].variable, *text = getenv(name), *expected = "";
        json_t *value = text && *text ? value_of(s, text, &expected) : NULL;
        if (value)
            tl_config_set(k, s, TL_PLACE_VARIABLE, value, tl_strdup(name));
        else if (text && *text)
            status = tl_usage_error(NULL, "%s=%s: %s was expected", name, text, expected);
    }
    return status;
}

/* --- all of them ---------------------------------------------------------------------------------------- */

static void take_options(struct tl_config *k, const struct tl_options *o)
{
    json_t *const given[TL_SETTING_COUNT] = {
        [TL_SETTING_DATABASE] = o->db ? json_string(o->db) : NULL,
        [TL_SETTING_UNITS] = o->n_units ? json_array() : NULL,
        [TL_SETTING_JOBS] = o->jobs ? json_integer(o->jobs) : NULL,
        [TL_SETTING_COLOR] = o->color ? json_string(o->color) : NULL,
        [TL_SETTING_KEEP_PATHS] = o->keep_paths ? json_true() : NULL,
    };
    for (size_t i = 0; i < o->n_units; i++)
        json_array_append_new(given[TL_SETTING_UNITS], json_string(o->units[i]));
    for (int s = 0; s < TL_SETTING_COUNT; s++)
        if (given[s])
            tl_config_set(k, s, TL_PLACE_OPTION, given[s], tl_strdup(tl_setting_names[s].option));
}

int tl_config_load(struct tl_config *k, const struct tl_options *o)
{
    *k = (struct tl_config){0};
    int files = read_files(k), variables = take_variables(k);
    take_options(k, o);
    tl_config_set(k, TL_SETTING_COLOR, TL_PLACE_DEFAULT, json_string("auto"), NULL);
    tl_config_set(k, TL_SETTING_KEEP_PATHS, TL_PLACE_DEFAULT, json_false(), NULL);
    return files >= 0 ? files : variables;
}

/* NULL where the default holds: who asks knows it. */
static const json_t *held(const struct tl_config *k, enum tl_config_setting s)
{
    enum tl_config_place place = tl_config_place_of(k, s);
    return place == TL_PLACE_DEFAULT ? NULL : k->values[s][place].value;
}

void tl_config_apply(const struct tl_config *k, struct tl_options *o)
{
    const json_t *db = held(k, TL_SETTING_DATABASE), *jobs = held(k, TL_SETTING_JOBS),
                 *color = held(k, TL_SETTING_COLOR), *words = held(k, TL_SETTING_WORDS);
    o->config = k;
    o->db_given = o->db;
    if (!o->db && db)
        o->db = json_string_value(db);
    if (jobs)
        o->jobs = (unsigned)json_integer_value(jobs);
    if (color)
        tl_cli_set_colour(json_string_value(color));
    o->keep_paths = json_is_true(held(k, TL_SETTING_KEEP_PATHS));
    tl_redaction_also(words);
}

char *tl_config_words(const struct tl_config *k)
{
    const json_t *word, *words = held(k, TL_SETTING_WORDS);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(words, i, word)
        tl_buffer_printf(&b, "%s%s", i ? "," : "", json_string_value(word));
    return b.size ? tl_buffer_take(&b) : NULL;
}

void tl_cli_usual_units(struct tl_options *o, bool steps)
{
    const json_t *list = o->config ? held(o->config, TL_SETTING_UNITS) : NULL, *unit;
    size_t i;
    if (o->n_units)
        return;
    if (steps) {
        o->units[o->n_units++] = "command:host";
        return;
    }
    o->units = tl_realloc(o->units, json_array_size(list) + 1, sizeof *o->units);
    json_array_foreach(list, i, unit)
        o->units[o->n_units++] = json_string_value(unit);
}
