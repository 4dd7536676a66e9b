/* Loads a suite with the same parts that load a case: read.c, mistakes.c, and the checks that both kinds of
 * file have in common. It keeps the positions of its document: what can be said only with its cases is said
 * later (tl_suite_check), at the right lines. */
#include "cases/suite.h"

#include "cases/check.h"
#include "cases/read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define CASES_MAX 10000
#define UNITS_MAX 1000
#define VALUES_MAX 4096
#define REPEAT_MAX 100000

static const char the_suite[] = "suite";

static void check_cases(struct tl_check *ck, const struct tl_json_place *at, struct tl_suite *s,
                        const char *directory)
{
    if (!tl_check_list(ck, at, 1, CASES_MAX, "case files"))
        return;
    s->cases = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *s->cases);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *path = tl_check_string(ck, &it, 1, 4096);
        if (!path)
            continue;
        char *whole = path[0] == '/' ? tl_strdup(path) : tl_format("%s/%s", directory, path);
        s->cases[s->n_cases++] = tl_arena_string(ck->arena, whole);
        free(whole);
    }
}

static void check_units(struct tl_check *ck, const struct tl_json_place *at, struct tl_suite *s,
                        const char *directory)
{
    if (!tl_check_list(ck, at, 1, UNITS_MAX, "units"))
        return;
    s->units = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *s->units);
    s->unit_lines = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *s->unit_lines);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *text = tl_check_string(ck, &it, 1, 1024),
                   *unit = text ? tl_check_unit(ck, text, directory) : NULL;
        if (unit) {
            s->unit_lines[s->n_units] = ck->positions.list[it.node].line;
            s->units[s->n_units++] = unit;
        } else if (text)
            tl_note_found(ck, &it,
                          "expected a unit, RUNNER[@BUILD]:DEVICE[%%ALIAS], where BUILD may also be a list "
                          "(1.18.0,1.22.0), a range "
                          "(1.18..1.30), latest or installed");
    }
}

static void check_axis_values(struct tl_check *ck, const struct tl_json_place *at, struct tl_suite *s)
{
    s->variants = TL_SUITE_VALUES;
    s->values = tl_arena_alloc(ck->arena, json_object_size(at->value) + 1, sizeof *s->values);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_suite_values *v = &s->values[s->n_values++];
        v->axis = tl_arena_string(ck->arena, it.key);
        if (!tl_check_list(ck, &it, 1, VALUES_MAX, "values of that axis"))
            continue;
        v->list = tl_arena_alloc(ck->arena, json_array_size(it.value), sizeof *v->list);
        for (struct tl_json_place one = tl_first(ck, &it); one.value; tl_next(ck, &one))
            v->n += tl_check_value(ck, &one, &v->list[v->n]);
    }
}

static void check_variants(struct tl_check *ck, const struct tl_json_place *at, struct tl_suite *s)
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

static void check_truth(struct tl_check *ck, const struct tl_json_place *at, bool *out)
{
    if (!at->value)
        return;
    if (!json_is_boolean(at->value))
        tl_note_found(ck, at, "expected true or false");
    *out = json_is_true(at->value);
}

static void check_sandbox(struct tl_check *ck, const struct tl_json_place *at, struct tl_suite *s)
{
    const char *word = json_string_value(at->value);
    s->network = word && !strcmp(word, "network");
    s->sandbox = s->network || json_is_true(at->value);
    if (at->value && !s->network && !json_is_boolean(at->value))
        tl_note_found(ck, at, "expected true, false, or \"network\" for a sandbox that has the network");
}

static void check_suite(struct tl_check *ck, struct tl_suite *s, const char *directory)
{
    enum { VERSION, SUITE, CASES, UNITS, REPEAT, VARIANTS, ISOLATE, BUDGET, FETCH, SANDBOX, SCHEMA, N };
    struct tl_key keys[N];
    const struct tl_json_place top = {.value = s->document};
    if (!tl_check_keys(ck, &top, &tl_keys_suite, keys, "a suite: an object"))
        return;
    s->name = tl_check_heading(ck, &keys[VERSION].at, &keys[SUITE].at);
    check_cases(ck, &keys[CASES].at, s, directory);
    check_units(ck, &keys[UNITS].at, s, directory);
    int64_t repeat = TL_SUITE_REPEAT;
    tl_check_integer(ck, &keys[REPEAT].at, 1, REPEAT_MAX, &repeat);
    s->repeat = (uint64_t)repeat;
    check_variants(ck, &keys[VARIANTS].at, s);
    check_truth(ck, &keys[ISOLATE].at, &s->isolate_new);
    check_truth(ck, &keys[FETCH].at, &s->fetch);
    check_sandbox(ck, &keys[SANDBOX].at, s);
    tl_check_schema(ck, &keys[SCHEMA].at);
    tl_check_number(ck, &keys[BUDGET].at, 0, TL_CHECK_WEEK_S, false, &s->budget_s);
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
    s->positions = tl_arena_alloc(ck.arena, 1, sizeof *s->positions);
    *s->positions = ck.positions;
    ck.positions = (struct tl_positions){0};
    tl_check_end(&ck, m);
    if (m->n) {
        tl_suite_free(s);
        return tl_check_failed(path, the_suite, m, e);
    }
    *out = s;
    return 0;
}

/* --- with its cases --------------------------------------------------------------------------------------
 */

/* Nights know a case by its name. */
static void check_names(struct tl_check *ck, const struct tl_json_place *at, const struct tl_suite *s,
                        struct tl_case *const *cases)
{
    json_t *seen = json_object();
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const struct tl_case *c = it.index < s->n_cases ? cases[it.index] : NULL;
        const json_t *first = c ? json_object_get(seen, c->name) : NULL;
        if (first)
            tl_note(ck, &it,
                    "it is called %s, as $.cases[%lld] is; give one of them another name, or their nights "
                    "cannot be told apart",
                    c->name, (long long)json_integer_value(first));
        else if (c)
            json_object_set_new(seen, c->name, json_integer((json_int_t)it.index));
    }
    json_decref(seen);
}

/* Values of an axis are values of it in every case that has it, each of them once: a variant that is there
 * twice would be two cells of one identity. */
static void check_values_of(struct tl_check *ck, const struct tl_json_place *at, const struct tl_axis *a,
                            const struct tl_case *c, bool *noted)
{
    json_t *seen = json_object();
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_value v;
        struct tl_error why;
        uint64_t index;
        char number[24];
        if (noted[it.index] || tl_value_of_json(it.value, &v))
            continue;
        char *text = tl_value_text(v);
        if (a->kind == TL_AXIS_SUBSET ? tl_axis_index(a, v, &index) : tl_axis_parse(a, text, &index, &why)) {
            char *values = tl_axis_values_text(a);
            tl_note_found(ck, &it, "expected a value of axis %s of case %s: %s", a->name, c->name, values);
            noted[it.index] = true;
            free(values);
        } else {
            snprintf(number, sizeof number, "%llu", (unsigned long long)index);
            if (json_object_get(seen, number)) {
                tl_note_found(ck, &it, "expected every value once");
                noted[it.index] = true;
            }
            json_object_set_new(seen, number, json_true());
        }
        free(text);
    }
    json_decref(seen);
}

static void check_axis_of_cases(struct tl_check *ck, const struct tl_json_place *at, const struct tl_suite *s,
                                struct tl_case *const *cases)
{
    bool *noted = tl_calloc(json_array_size(at->value) + 1, sizeof *noted), found = false;
    for (size_t i = 0; i < s->n_cases; i++) {
        const struct tl_axis *a = cases[i] ? tl_case_axis(cases[i], at->key, NULL) : NULL;
        found = found || a || !cases[i]; /* a case that could not be loaded may have it */
        if (a)
            check_values_of(ck, at, a, cases[i], noted);
    }
    if (!found)
        tl_note(ck, at, "no case of the suite has an axis of this name");
    free(noted);
}

void tl_suite_check(struct tl_suite *s, struct tl_case *const *cases, struct tl_mistakes *m)
{
    struct tl_check ck = {.positions = *s->positions, .arena = s->arena};
    const struct tl_json_place top = {.value = s->document};
    *s->positions = (struct tl_positions){0};
    for (struct tl_json_place key = tl_first(&ck, &top); key.value; tl_next(&ck, &key)) {
        if (!strcmp(key.key, "cases"))
            check_names(&ck, &key, s, cases);
        if (!strcmp(key.key, "variants") && s->variants == TL_SUITE_VALUES)
            for (struct tl_json_place axis = tl_first(&ck, &key); axis.value; tl_next(&ck, &axis))
                check_axis_of_cases(&ck, &axis, s, cases);
    }
    tl_check_end(&ck, m);
}

void tl_suite_free(struct tl_suite *s)
{
    if (!s)
        return;
    free(s->positions->list);
    json_decref(s->document);
    tl_arena_free(s->arena);
    free(s);
}
