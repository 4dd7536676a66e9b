/* Reads trapline.json or config.json, with the parts that load a case: every mistake is told with its line and place. */
#include "harness/cli/config.h"

#include "cases/check.h"
#include "cases/read.h"
#include "harness/base/buffer.h"
#include "harness/base/paths.h"
#include "harness/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define UNITS_MAX 1000
#define WORDS_MAX 1000
#define TEXT_MAX 4096

static const char the_kind[] = "configuration";

struct file {
    struct tl_config *k;
    struct tl_check *ck;
    enum tl_config_place place;
    const char *path, *directory;
};

/* Takes the value. */
static void set(const struct file *f, enum tl_config_setting s, const struct tl_json_place *at, json_t *value)
{
    tl_config_set(f->k, s, f->place, value,
                  tl_format("%s:%d", f->path, f->ck->positions.list[at->node].line));
}

static void check_database(const struct file *f, const struct tl_json_place *at)
{
    const char *text = tl_check_string(f->ck, at, 1, TEXT_MAX);
    if (!text)
        return;
    char *path = *text == '/'                  ? tl_strdup(text)
                 : strncmp(text, "~/", 2) == 0 ? tl_home(text + 2)
                                               : tl_format("%s/%s", f->directory, text);
    if (path)
        set(f, TL_SETTING_DATABASE, at, json_string(path));
    else
        tl_note(f->ck, at, "expected a path that can be found: there is no home directory for the ~");
    free(path);
}

static void check_units(const struct file *f, const struct tl_json_place *at)
{
    if (!tl_check_list(f->ck, at, 1, UNITS_MAX, "units"))
        return;
    json_t *list = json_array();
    for (struct tl_json_place it = tl_first(f->ck, at); it.value; tl_next(f->ck, &it)) {
        const char *text = tl_check_string(f->ck, &it, 1, TEXT_MAX),
                   *unit = text ? tl_check_unit(f->ck, text, f->directory) : NULL;
        if (unit)
            json_array_append_new(list, json_string(unit));
        else if (text)
            tl_note_found(f->ck, &it, "expected a unit, RUNNER[@BUILD]:DEVICE[%%ALIAS]");
    }
    set(f, TL_SETTING_UNITS, at, list);
}

static void check_jobs(const struct file *f, const struct tl_json_place *at)
{
    int64_t jobs;
    if (at->value && tl_check_integer(f->ck, at, 1, TL_CONFIG_JOBS_MAX, &jobs))
        set(f, TL_SETTING_JOBS, at, json_integer(jobs));
}

static void check_color(const struct file *f, const struct tl_json_place *at)
{
    const char *word = json_string_value(at->value);
    if (!at->value)
        return;
    if (word && tl_cli_is_colour(word))
        set(f, TL_SETTING_COLOR, at, json_string(word));
    else
        tl_note_found(f->ck, at, "expected \"auto\", \"always\" or \"never\"");
}

static void check_words(const struct file *f, const struct tl_json_place *at)
{
    if (!tl_check_list(f->ck, at, 0, WORDS_MAX, "words that are taken out of what is published"))
        return;
    json_t *list = json_array();
    for (struct tl_json_place it = tl_first(f->ck, at); it.value; tl_next(f->ck, &it)) {
        const char *word = tl_check_string(f->ck, &it, TL_CONFIG_WORD_LEAST, TEXT_MAX);
        if (word && strpbrk(word, ",\n"))
            tl_note_found(f->ck, &it, "expected a word without a comma, on one line");
        else if (word)
            json_array_append_new(list, json_string(word));
    }
    set(f, TL_SETTING_WORDS, at, list);
}

static void check_redaction(const struct file *f, const struct tl_json_place *at)
{
    enum { KEEP_PATHS, WORDS, N };
    struct tl_key keys[N];
    if (!at->value ||
        !tl_check_keys(f->ck, at, &tl_keys_redaction, keys, "an object with \"keep_paths\" and \"words\""))
        return;
    const struct tl_json_place *keep = &keys[KEEP_PATHS].at;
    if (json_is_boolean(keep->value))
        set(f, TL_SETTING_KEEP_PATHS, keep, json_incref(keep->value));
    else if (keep->value)
        tl_note_found(f->ck, keep, "expected true or false");
    if (keys[WORDS].at.value)
        check_words(f, &keys[WORDS].at);
}

static void check(const struct file *f, json_t *document)
{
    enum { SCHEMA, VERSION, DATABASE, UNITS, JOBS, COLOR, REDACTION, N };
    struct tl_key keys[N];
    const struct tl_json_place top = {.value = document};
    if (!tl_check_keys(f->ck, &top, &tl_keys_configuration, keys, "a configuration: an object"))
        return;
    tl_check_string(f->ck, &keys[SCHEMA].at, 1, TEXT_MAX);
    if (keys[VERSION].at.value && json_integer_value(keys[VERSION].at.value) != 1)
        tl_note_found(f->ck, &keys[VERSION].at, "expected 1, the version of this format");
    check_database(f, &keys[DATABASE].at);
    if (keys[UNITS].at.value)
        check_units(f, &keys[UNITS].at);
    check_jobs(f, &keys[JOBS].at);
    check_color(f, &keys[COLOR].at);
    check_redaction(f, &keys[REDACTION].at);
}

int tl_config_read(struct tl_config *k, enum tl_config_place place, const char *path, struct tl_mistakes *m,
                   struct tl_error *e)
{
    struct tl_check ck;
    json_t *document;
    size_t size;
    *m = (struct tl_mistakes){0};
    char *text = tl_check_read(path, the_kind, &size, e);
    if (!text)
        return -1;
    int status = tl_check_begin(&ck, text, size, path, the_kind, &document, m, e);
    free(text);
    if (status)
        return -1;
    struct tl_arena *arena = ck.arena;
    const struct file f = {k, &ck, place, path, tl_check_directory(arena, path)};
    check(&f, document);
    tl_check_end(&ck, m);
    tl_arena_free(arena);
    json_decref(document);
    return m->n ? tl_check_failed(path, the_kind, m, e) : 0;
}
