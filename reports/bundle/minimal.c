/* case.json of a bundle: the minimal case, in which what named files of this machine names those in the bundle. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/unit_name.h"
#include "reports/bundle/minimal_case.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

static const char case_dir[] = "{case_dir}";

/* A text with placeholders: its paths, and {case_dir} itself. */
static char *text_in_bundle(const struct tl_bundle *b, const char *text)
{
    char *word = tl_layout_word(&b->layout, text, "\001/", NULL);
    struct tl_buffer to = TL_BUFFER_INIT;
    tl_buffer_add_string(&to, "");
    for (const char *at = word; *at;) {
        bool placeholder = !strncmp(at, case_dir, sizeof case_dir - 1);
        if (placeholder)
            tl_buffer_printf(&to, "%s/%s", case_dir, b->layout.case_at);
        else if (*at == '\001')
            tl_buffer_add_string(&to, case_dir);
        else
            tl_buffer_add(&to, at, 1);
        at += placeholder ? sizeof case_dir - 1 : 1;
    }
    free(word);
    return tl_buffer_take(&to);
}

static void set_texts(const struct tl_bundle *b, json_t *j, int depth)
{
    const char *key;
    json_t *value;
    size_t i;
    if (depth > 64)
        return;
    json_array_foreach(j, i, value) {
        if (json_is_string(value)) {
            char *text = text_in_bundle(b, json_string_value(value));
            json_array_set_new(j, i, json_string(text));
            free(text);
        } else {
            set_texts(b, value, depth + 1);
        }
    }
    json_object_foreach(j, key, value) {
        if (!strcmp(key, "when") || !strcmp(key, "regex") || !strcmp(key, "number") ||
            !strcmp(key, "phase_marker"))
            continue;
        if (json_is_string(value)) {
            char *text = text_in_bundle(b, json_string_value(value));
            json_string_set(value, text);
            free(text);
        } else {
            set_texts(b, value, depth + 1);
        }
    }
}

/* A member that is a path in the place of the case file. */
static void set_path(const struct tl_bundle *b, json_t *object, const char *key)
{
    const char *path = tl_member_text(object, key);
    char *place = path && !strstr(path, case_dir) && !strstr(path, "{outputs}")
                      ? tl_layout_relative(&b->layout, path)
                      : NULL;
    if (place)
        json_object_set_new(object, key, json_string(place));
    free(place);
}

/* The place of a program that $PATH had and that is in the bundle; NULL. */
static char *place_by_name(const struct tl_bundle *b, const char *name)
{
    const json_t *path;
    size_t i;
    json_array_foreach(json_object_get(b->o->files, "in_path"), i, path)
        if (!strcmp(tl_base_name(json_string_value(path)), name))
            return tl_layout_place(&b->layout, json_string_value(path));
    return NULL;
}

/* A program that is a path from the case file on, or one of the bundle. */
static void set_program(const struct tl_bundle *b, json_t *argv)
{
    const char *program = json_string_value(json_array_get(argv, 0));
    if (program && !strchr(program, '/')) {
        char *place = place_by_name(b, program), *here = place ? tl_format("./%s", place) : NULL;
        if (here)
            json_array_set_new(argv, 0, json_string(here));
        free(here);
        free(place);
        return;
    }
    char *place = program && *program != '/' && *program != '{' && strchr(program, '/')
                      ? tl_layout_relative(&b->layout, program)
                      : NULL;
    if (place)
        json_array_set_new(argv, 0, json_string(place));
    free(place);
}

/* A unit whose runner is a path. */
static void set_unit(const struct tl_bundle *b, json_t *object, const char *key)
{
    const char *text = tl_member_text(object, key);
    struct tl_unit_name name;
    if (!text || tl_unit_name_parse(text, &name))
        return;
    char *place = tl_unit_in_bundle(b, text);
    if (place)
        json_object_set_new(object, key, json_string(place));
    free(place);
}

char *tl_unit_in_bundle(const struct tl_bundle *b, const char *unit)
{
    struct tl_unit_name name;
    char *place = NULL;
    if (!b->layout.case_at || tl_unit_name_parse(unit, &name))
        return NULL;
    char *runner = tl_unit_part_text(name.runner);
    if (runner && strchr(runner, '/')) {
        char *path = *runner == '/' ? tl_strdup(runner) : tl_format("%s/%s", b->layout.directory, runner),
             *at = tl_layout_relative(&b->layout, path);
        if (at)
            place = tl_format("./%s%s", at, unit + (name.runner.at - unit) + name.runner.n);
        free(at);
        free(path);
    }
    free(runner);
    return place;
}

void tl_bundle_place_case(const struct tl_bundle *b, json_t *c)
{
    json_t *model = json_object_get(c, "model"), *reference = json_object_get(c, "reference"), *one;
    size_t i;
    if (!b->layout.case_at)
        return;
    set_program(b, json_object_get(model, "generate"));
    json_array_foreach(json_object_get(model, "steps"), i, one)
        set_program(b, json_object_get(one, "argv"));
    json_array_foreach(json_object_get(c, "versions"), i, one)
        set_program(b, json_object_get(one, "argv"));
    static const char *const texts[] = {"generate", "steps"}, *const members[] = {"environment", "versions",
                                                                                  "expect", "count"};
    for (i = 0; i < TL_COUNT(texts); i++)
        set_texts(b, json_object_get(model, texts[i]), 0);
    for (i = 0; i < TL_COUNT(members); i++)
        set_texts(b, json_object_get(c, members[i]), 0);
    json_array_foreach(json_object_get(c, "files"), i, one)
        set_path(b, one, "template");
    bool own = tl_member_true(json_object_get(b->report, "bundle"), "repro"); /* case.c named them */
    json_array_foreach(own ? NULL : json_object_get(c, "inputs"), i, one)
        set_path(b, one, "npy");
    json_array_foreach(own ? NULL : json_object_get(reference, "outputs"), i, one) {
        set_path(b, one, "npy");
        set_path(b, one, "pb");
    }
    set_unit(b, reference, "unit");
}
