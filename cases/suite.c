#include "cases/suite.h"

#include "cases/internal.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define CASES_MAX 10000
#define UNITS_MAX 1000
#define VALUES_MAX 4096
#define REPEAT_MAX 100000
#define WEEK_S 604800.0

static const char the_suite[] = "suite";

static void check_cases(struct tl_check *ck, const struct tl_place *at, struct tl_suite *s,
                        const char *directory)
{
    if (!tl_check_list(ck, at, 1, CASES_MAX, "case files"))
        return;
    s->cases = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *s->cases);
    for (struct tl_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *path = tl_check_string(ck, &it, 1, 4096);
        if (!path)
            continue;
        char *whole = path[0] == '/' ? tl_strdup(path) : tl_format("%s/%s", directory, path);
        s->cases[s->n_cases++] = tl_arena_string(ck->arena, whole);
        free(whole);
    }
}

/* Paths of a runner or a build are relative to the suite. NULL when the text is no unit. */
static const char *unit_of(struct tl_check *ck, const char *text, const char *directory)
{
    const char *colon = strrchr(text, ':'), *at = strchr(text, '@');
    if (!strcmp(text, "reference"))
        return tl_arena_string(ck->arena, text);
    if (!colon || colon == text || !colon[1] || strchr(colon, '/') || at == text || (at && at + 1 == colon))
        return NULL;
    size_t runner = at && at < colon ? (size_t)(at - text) : (size_t)(colon - text);
    const char *build = at && at < colon ? at + 1 : colon;
    bool far_runner = memchr(text, '/', runner) && text[0] != '/',
         far_build = memchr(build, '/', (size_t)(colon - build)) && build[0] != '/';
    char *whole =
        tl_format("%s%s%.*s%s%s%s%s", far_runner ? directory : "", far_runner ? "/" : "", (int)runner, text,
                  build != colon ? "@" : "", far_build ? directory : "", far_build ? "/" : "", build);
    const char *kept = tl_arena_string(ck->arena, whole);
    free(whole);
    return kept;
}

static void check_units(struct tl_check *ck, const struct tl_place *at, struct tl_suite *s,
                        const char *directory)
{
    if (!tl_check_list(ck, at, 1, UNITS_MAX, "units"))
        return;
    s->units = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *s->units);
    for (struct tl_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *text = tl_check_string(ck, &it, 1, 1024),
                   *unit = text ? unit_of(ck, text, directory) : NULL;
        if (unit)
            s->units[s->n_units++] = unit;
        else if (text)
            tl_note_found(ck, &it,
                          "expected a unit, RUNNER[@BUILD]:DEVICE, where BUILD may also be a list "
                          "(1.18.0,1.22.0), a range "
                          "(1.18..1.30), latest or installed");
    }
}

static void check_axis_values(struct tl_check *ck, const struct tl_place *at, struct tl_suite *s)
{
    s->variants = TL_SUITE_VALUES;
    s->values = tl_arena_alloc(ck->arena, json_object_size(at->value) + 1, sizeof *s->values);
    for (struct tl_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_suite_values *v = &s->values[s->n_values++];
        v->axis = tl_arena_string(ck->arena, it.key);
        if (!tl_check_list(ck, &it, 1, VALUES_MAX, "values of that axis"))
            continue;
        v->list = tl_arena_alloc(ck->arena, json_array_size(it.value), sizeof *v->list);
        for (struct tl_place one = tl_first(ck, &it); one.value; tl_next(ck, &one))
            v->n += tl_check_value(ck, &one, &v->list[v->n]);
    }
}

static void check_variants(struct tl_check *ck, const struct tl_place *at, struct tl_suite *s)
{
    const char *word = json_string_value(at->value);
    if (!at->value)
        return;
    if (json_is_object(at->value) && json_object_size(at->value))
        check_axis_values(ck, at, s);
    else if (word && !strcmp(word, "failing"))
        s->variants = TL_SUITE_FAILING;
    else if (word && !strcmp(word, "baseline"))
        s->variants = TL_SUITE_BASELINE;
    else
        tl_note_found(ck, at,
                      "expected \"failing\", \"baseline\", or an object {AXIS: [VALUE, …]}; without this key "
                      "both the failing "
                      "variant and the baseline are run");
}

static void check_truth(struct tl_check *ck, const struct tl_place *at, bool *out)
{
    if (!at->value)
        return;
    if (!json_is_boolean(at->value))
        tl_note_found(ck, at, "expected true or false");
    *out = json_is_true(at->value);
}

static void check_suite(struct tl_check *ck, struct tl_suite *s, const char *directory)
{
    enum { VERSION, SUITE, CASES, UNITS, REPEAT, VARIANTS, ISOLATE, BUDGET, FETCH, N };
    struct tl_key keys[N] = {{"trapline", true}, {"suite", true}, {"cases", true},
                             {"units", true},    {"repeat"},      {"variants"},
                             {"isolate_new"},    {"budget_s"},    {"fetch"}};
    const struct tl_place top = {.value = s->document};
    if (!tl_check_keys(ck, &top, keys, N, "a suite: an object"))
        return;
    const struct tl_place *version = &keys[VERSION].at;
    if (version->value && (!json_is_integer(version->value) || json_integer_value(version->value) != 1))
        tl_note_found(ck, version, "expected 1, the version of the format that this trapline reads");
    const char *name = tl_check_string(ck, &keys[SUITE].at, 1, 128);
    if (name && !tl_check_name(name))
        tl_note_found(ck, &keys[SUITE].at,
                      "expected lower-case letters, digits, '.', '_' and '-', a letter or digit first");
    s->name = tl_arena_string(ck->arena, name);
    check_cases(ck, &keys[CASES].at, s, directory);
    check_units(ck, &keys[UNITS].at, s, directory);
    int64_t repeat = TL_SUITE_REPEAT;
    tl_check_integer(ck, &keys[REPEAT].at, 1, REPEAT_MAX, &repeat);
    s->repeat = (uint64_t)repeat;
    check_variants(ck, &keys[VARIANTS].at, s);
    check_truth(ck, &keys[ISOLATE].at, &s->isolate_new);
    check_truth(ck, &keys[FETCH].at, &s->fetch);
    tl_check_number(ck, &keys[BUDGET].at, 0, WEEK_S, false, &s->budget_s);
}

int tl_suite_load(const char *path, struct tl_suite **out, struct tl_mistakes *m, struct tl_error *e)
{
    struct tl_check ck;
    json_t *document;
    size_t size;
    *out = NULL;
    *m = (struct tl_mistakes){0};
    char *text = tl_check_read(path, the_suite, &size, e);
    if (!text)
        return -1;
    int status = tl_check_begin(&ck, text, size, path, the_suite, &document, m, e);
    free(text);
    if (status)
        return -1;
    struct tl_suite *s = tl_calloc(1, sizeof *s);
    *s = (struct tl_suite){.arena = ck.arena, .document = document, .isolate_new = true, .fetch = true};
    s->path = tl_arena_string(ck.arena, path);
    check_suite(&ck, s, tl_check_directory(ck.arena, path));
    tl_check_end(&ck, m);
    if (m->n) {
        tl_suite_free(s);
        return tl_check_failed(path, the_suite, m, e);
    }
    *out = s;
    return 0;
}

void tl_suite_free(struct tl_suite *s)
{
    if (!s)
        return;
    json_decref(s->document);
    tl_arena_free(s->arena);
    free(s);
}
