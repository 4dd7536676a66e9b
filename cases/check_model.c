/* Checks the model of a case, and its inputs.
 *
 * The model comes in two steps. Its kind is needed first, because the axes are checked against the family;
 * its commands are checked once the axes are known, because {AXIS} may stand in them (check_commands.c). */
#include "cases/check.h"
#include "cases/inputs.h"
#include "cases/suggest.h"
#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX_MAX 64

static void check_family(struct tl_check *ck, const struct tl_json_place *at)
{
    ck->c->model_kind = TL_MODEL_FAMILY;
    const char *name = tl_check_string(ck, at, 1, 128);
    if (!name)
        return;
    ck->family = tl_family_find(name);
    ck->c->family = tl_arena_string(ck->arena, name);
    if (ck->family)
        return;
    size_t n;
    const struct tl_family *const *all = tl_families(&n);
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", all[i]->name);
    tl_note_found(ck, at, "expected a family that is built in (%s)", b.data);
    tl_buffer_free(&b);
}

static void check_file(struct tl_check *ck, const struct tl_json_place *at)
{
    ck->c->model_kind = TL_MODEL_FILE;
    const char *name = tl_check_string(ck, at, 1, 4096);
    if (!name)
        return;
    char *path = *name == '/' ? tl_strdup(name) : tl_format("%s/%s", ck->c->directory, name);
    struct stat st;
    if (stat(path, &st)) /* a model may be a directory, as Core ML packages are */
        tl_note(ck, at, "expected the path of a model: %.512s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        tl_note(ck, at, "expected the path of a model: %.512s is neither a file nor a directory", path);
    ck->c->model_file = tl_arena_string(ck->arena, path);
    free(path);
}

/* The end of a file's name, as tools tell kinds of models by it. */
static void check_suffix(struct tl_check *ck, const struct tl_json_place *at, bool generated)
{
    const char *s = json_string_value(at->value);
    size_t n = json_string_length(at->value);
    ck->c->suffix = "";
    if (!at->value)
        return;
    if (!generated) {
        tl_note(ck, at, "expected \"generate\" as well: only the name of a generated model can be chosen");
        return;
    }
    bool good = s && n >= 2 && n <= SUFFIX_MAX && *s == '.' && s[n - 1] != '.';
    for (size_t i = 0; good && i < n; i++)
        good = tl_is_word(s[i]) || strchr(".-+", s[i]);
    if (!good)
        tl_note_found(
            ck, at,
            "expected the end of a file's name: '.', then at most %d letters, digits, '.', '_', '-' "
            "and '+', as in \".onnx\"",
            SUFFIX_MAX - 1);
    else
        ck->c->suffix = tl_arena_string(ck->arena, s);
}

void tl_check_model(struct tl_check *ck, const struct tl_json_place *at)
{
    enum { FAMILY, GENERATE, FILE_OF, STEPS, SUFFIX, N };
    struct tl_key keys[N];
    ck->c->suffix = "";
    if (!tl_check_keys(ck, at, &tl_keys_model, keys,
                       "a model: an object with one of \"family\", \"generate\", \"file\" and \"steps\""))
        return;
    size_t found = 0;
    for (size_t i = 0; i < SUFFIX; i++)
        found += keys[i].at.value != NULL;
    /* The steps run what is generated, or a file. */
    bool chain = keys[STEPS].at.value && !keys[GENERATE].at.value != !keys[FILE_OF].at.value;
    if (found > (chain ? 2 : 1) || json_object_size(at->value) == 0)
        tl_note(ck, at,
                "expected exactly one of the keys \"family\", \"generate\", \"file\" and \"steps\", or "
                "\"generate\" or \"file\" with \"steps\", found %s",
                found ? "several" : "none");
    if (keys[FAMILY].at.value)
        check_family(ck, &keys[FAMILY].at);
    if (keys[FILE_OF].at.value)
        check_file(ck, &keys[FILE_OF].at);
    if (keys[GENERATE].at.value)
        ck->c->model_kind = TL_MODEL_GENERATE;
    if (keys[STEPS].at.value)
        ck->c->model_kind = TL_MODEL_STEPS;
    check_suffix(ck, &keys[SUFFIX].at, keys[GENERATE].at.value);
}

struct inputs_check {
    struct tl_check *ck;
    const struct tl_json_place *list;
};

static int dimension_axis(void *arg, const char *name, int64_t *least, int64_t *most, char *why, size_t size)
{
    const struct inputs_check *x = arg;
    const struct tl_case *c = x->ck->c;
    const struct tl_axis *a = tl_case_axis(c, name, NULL);
    *least = *most = 1;
    if (!a) {
        const char *suggested = tl_suggest_axis(c, NULL, name, false);
        snprintf(why, size, "the case has no axis %.64s%s%s%s", name, suggested ? "; did you mean {" : "",
                 suggested ? suggested : "", suggested ? "}?" : "");
        return -1;
    }
    if (a->count == 0) /* was reported */
        return 0;
    if (tl_axis_value(a, 0).type != TL_VALUE_INTEGER) {
        snprintf(why, size, "expected an axis with integers; %.64s has none", name);
        return -1;
    }
    if (a->kind == TL_AXIS_RANGE) {
        *least = a->first < a->last ? a->first : a->last;
        *most = a->first < a->last ? a->last : a->first;
        return 0;
    }
    *least = INT64_MAX;
    *most = INT64_MIN;
    for (uint64_t i = 0; i < a->count; i++) {
        int64_t v = a->values[i].integer;
        *least = v < *least ? v : *least;
        *most = v > *most ? v : *most;
    }
    return 0;
}

/* The place below up that key or element names; up itself when there is none. */
static struct tl_json_place below(const struct tl_check *ck, const struct tl_json_place *up, const char *key,
                                  long element)
{
    for (struct tl_json_place it = tl_first(ck, up); it.value; tl_next(ck, &it))
        if (key ? it.key && !strcmp(it.key, key) : !it.key && it.index == (size_t)element)
            return it;
    return *up;
}

static void note_input(void *arg, const struct tl_inputs_place *where, const char *expected)
{
    struct inputs_check *x = arg;
    struct tl_json_place chain[5] = {*x->list};
    size_t n = 0;
    const char *keys[] = {NULL, where->key, where->subkey, NULL};
    const long elements[] = {where->input, -1, -1, where->element};
    for (size_t i = 0; i < 4; i++) {
        if (!keys[i] && elements[i] < 0)
            continue;
        chain[n + 1] = below(x->ck, &chain[n], keys[i], elements[i]);
        n++;
    }
    if (where->value)
        tl_note_found(x->ck, &chain[n], "%s", expected);
    else
        tl_note(x->ck, &chain[n], "%s", expected);
}

void tl_check_inputs(struct tl_check *ck, const struct tl_json_place *at)
{
    if (ck->c->model_kind == TL_MODEL_FAMILY && ck->family)
        tl_note(ck, at, "family %s makes its own inputs; expected none here", ck->family->name);
    struct inputs_check x = {ck, at};
    tl_inputs_check(at->value, ck->c->directory, dimension_axis, note_input, &x);
    if (!json_is_array(at->value))
        return;
    /* What runners get: the same list, with paths that mean the same everywhere. */
    ck->c->inputs = json_deep_copy(at->value);
    for (size_t i = 0; i < json_array_size(ck->c->inputs); i++) {
        json_t *input = json_array_get(ck->c->inputs, i);
        const char *npy = json_string_value(json_object_get(input, "npy"));
        if (!npy || *npy == '/')
            continue;
        char *path = tl_format("%s/%s", ck->c->directory, npy);
        json_object_set_new(input, "npy", json_string(path));
        free(path);
    }
}
