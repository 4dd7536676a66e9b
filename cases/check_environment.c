/* Checks "environment" and "versions" of a case. */
#include "cases/check.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLES_MAX 1024
#define VERSIONS_MAX 64
#define WORDS_MAX 4096
#define VALUE_MAX 65536

struct text {
    struct tl_check *ck;
    const struct tl_json_place *at;
    bool axes; /* whether {AXIS} means something here */
};

static void check_placeholder(void *arg, const char *name, size_t size, bool bad)
{
    const struct text *t = arg;
    char *word = tl_format("%.*s", (int)(size < 79 ? size : 79), name);
    if (bad)
        tl_note_placeholder(t->ck, t->at);
    else if (t->axes && (tl_case_axis(t->ck->c, word, NULL) || tl_case_axis_of_file(t->ck->c, word)))
        tl_check_elements_fit(t->ck, t->at, word);
    else if (strcmp(word, "case_dir")) {
        const char *suggested = t->axes ? tl_suggest_axis(t->ck->c, NULL, word, false) : NULL;
        tl_note(t->ck, t->at, "{%s} means nothing here: expected %s{case_dir}; write {{ for a brace%s%s%s",
                word, t->axes ? "an axis of the case or " : "", suggested ? "; did you mean {" : "",
                suggested ? suggested : "", suggested ? "}?" : "");
    }
    free(word);
}

static bool is_variable(const char *name)
{
    if (!*name || (*name >= '0' && *name <= '9') || strlen(name) > 256)
        return false;
    for (const char *s = name; *s; s++)
        if (!(*s == '_' || (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')))
            return false;
    return true;
}

void tl_check_environment(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_case *c = ck->c;
    if (!at->value)
        return;
    if (!json_is_object(at->value) || json_object_size(at->value) > VARIABLES_MAX) {
        tl_note_found(ck, at, "expected an object of at most %d variables: {\"NAME\": \"VALUE\"}",
                      VARIABLES_MAX);
        return;
    }
    c->environment = tl_arena_alloc(ck->arena, json_object_size(at->value) + 1, sizeof *c->environment);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *value = json_string_value(it.value);
        if (!is_variable(it.key))
            tl_note(ck, &it, "expected the name of a variable: letters, digits and '_', no digit first");
        else if (!strcmp(it.key, "TMPDIR"))
            tl_note(ck, &it, "trapline sets TMPDIR itself, to the scratch directory of each trial");
        else if (!value || json_string_length(it.value) > VALUE_MAX)
            tl_note_found(ck, &it, "expected a string of at most %d bytes", VALUE_MAX);
        else {
            struct text t = {ck, &it, true};
            tl_placeholders(value, check_placeholder, &t);
            c->environment[c->n_environment++] =
                (struct tl_setting){tl_arena_string(ck->arena, it.key), tl_arena_string(ck->arena, value)};
        }
    }
}

static void check_argv(struct tl_check *ck, const struct tl_json_place *at, struct tl_version_command *v)
{
    if (!tl_check_list(ck, at, 1, WORDS_MAX, "arguments"))
        return;
    v->argv = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof *v->argv);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        const char *word = json_string_value(it.value);
        struct text t = {ck, &it, false};
        if (!word || json_string_length(it.value) > VALUE_MAX || (!*word && it.index == 0)) {
            tl_note_found(ck, &it, "expected a%s string", it.index ? "" : " non-empty");
            continue;
        }
        tl_placeholders(word, check_placeholder, &t);
        v->argv[v->n_argv++] = tl_arena_string(ck->arena, word);
    }
}

void tl_check_versions(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_case *c = ck->c;
    if (!at->value || !tl_check_list(ck, at, 0, VERSIONS_MAX, "versions"))
        return;
    c->versions = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof *c->versions);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_key keys[2];
        struct tl_version_command v = {0};
        if (!tl_check_keys(ck, &it, &tl_keys_version, keys, "an object with \"name\" and \"argv\""))
            continue;
        v.name = tl_arena_string(ck->arena, tl_check_string(ck, &keys[0].at, 1, 128));
        for (size_t i = 0; v.name && i < c->n_versions; i++)
            if (!strcmp(c->versions[i].name, v.name))
                tl_note_found(ck, &keys[0].at, "expected a name that is not listed before (at [%zu])", i);
        check_argv(ck, &keys[1].at, &v);
        if (v.name && v.n_argv)
            c->versions[c->n_versions++] = v;
    }
}
