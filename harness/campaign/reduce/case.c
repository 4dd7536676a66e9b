/* The case of a reduction: of a model alone, or of a case file that names one. */
#include "harness/campaign/reduce/judge.h"
#include "harness/campaign/reduce/read.h"

#include "cases/onnx/given_inputs.h"
#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST 9007199254740991 /* whole numbers that every reader of JSON can hold */
#define MODEL_MOST ((size_t)1 << 31)

static const char doing[] = "cannot reduce it";

#define WORD_MOST 24     /* letters of a file's name, or of its directory's, in that of a case */
#define CONTENT_DIGITS 8 /* of what the model holds */

/* Adds a word as names of cases have it. */
static void add_word(struct tl_buffer *b, const char *word, size_t n)
{
    for (size_t i = 0; i < n && i < WORD_MOST; i++) {
        const char c = (char)tolower((unsigned char)word[i]);
        tl_buffer_printf(b, "%c",
                         isalnum((unsigned char)c)       ? c
                         : !b->size                      ? 'm'
                         : memchr("._-", c, 3) && c != 0 ? c
                                                         : '-');
    }
}

/* What everybody calls a model says nothing of it: then its directory does. */
static bool says_nothing(const char *stem, size_t n)
{
    static const char *const names[] = {"model", "network", "net",     "graph",     "onnx",
                                        "main",  "encoder", "decoder", "inference", "model_quantized"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (strlen(names[i]) == n && !strncmp(names[i], stem, n))
            return true;
    return false;
}

/* The name of the case of a model: that of the file, and digits of what it holds, as other models are called so, too. */
static int name_of(const char *path, const char *real, char **name, struct tl_error *e)
{
    const char *base = tl_base_name(path), *dot = strrchr(base, '.'), *above = tl_base_name(real);
    const size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    struct tl_buffer b = TL_BUFFER_INIT;
    char id[TL_ID_SIZE];
    if (tl_onnx_content_id(real, id))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", real, NULL);
    const char *end = above > real ? above - 1 : real, *begin = end;
    while (begin > real && begin[-1] != '/')
        begin--;
    if (says_nothing(base, n) && end > begin) {
        add_word(&b, begin, (size_t)(end - begin));
        tl_buffer_add_string(&b, "-");
    }
    add_word(&b, base, n);
    tl_buffer_printf(&b, "-%.*s", CONTENT_DIGITS, id);
    *name = tl_buffer_take(&b);
    return 0;
}

json_t *tl_reduce_value_of(const char *text)
{
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (*text && !*end && !errno)
        return json_integer(n);
    return !strcmp(text, "true") || !strcmp(text, "false") ? json_boolean(*text == 't') : json_string(text);
}

static int add_sets(const struct tl_reduce_wanted *w, json_t *axes, struct tl_error *e)
{
    for (size_t i = 0; i < w->n_sets; i++) {
        const char *equals = strchr(w->sets[i], '=');
        if (!equals || equals == w->sets[i])
            return tl_fail(e, TL_ERROR_INPUT, "not an assignment", w->sets[i], "expected AXIS=VALUE");
        char *name = tl_format("%.*s", (int)(equals - w->sets[i]), w->sets[i]);
        json_t *value = tl_reduce_value_of(equals + 1),
               *axis = json_pack("{s:s,s:[o]}", "name", name, "choices", value);
        free(name);
        if (!axis)
            return tl_fail(e, TL_ERROR_INPUT, "not an assignment", "-s", "UTF-8 was expected");
        json_array_append_new(axes, axis);
    }
    return 0;
}

/* The inputs that a model declares; to be released in any case. */
static int read_declared(const char *model, struct tl_onnx_inputs *declared, struct tl_error *e)
{
    size_t size;
    char why[512];
    *declared = (struct tl_onnx_inputs){0};
    char *bytes = tl_read_file(model, MODEL_MOST, &size);
    if (!bytes)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", model, NULL);
    int result = tl_onnx_inputs_read(bytes, size, declared, why, sizeof why)
                     ? tl_fail(e, TL_ERROR_INPUT, doing, model, "%s", why)
                     : 0;
    free(bytes);
    return result;
}

/* sizes: of symbolic extents that were assigned, which no file may contradict; NULL. */
static int add_inputs(const struct tl_reduce_wanted *w, const char *model, const json_t *sizes,
                      json_t *document, struct tl_error *e)
{
    struct tl_onnx_inputs declared;
    if (!w->n_inputs)
        return 0;
    int result = read_declared(model, &declared, e);
    json_t *list = json_array(), *named = json_object(), *own = json_deep_copy(sizes), *input;
    size_t k;
    for (size_t i = 0; !result && i < w->n_inputs; i++)
        result = tl_given_input(&declared, w->inputs[i], i, list, NULL, e);
    json_array_foreach(list, k, input)
        json_object_set(named, json_string_value(json_object_get(input, "name")), input);
    if (!result && own)
        result = tl_onnx_input_sizes(&declared, named, own, NULL, e);
    if (!result)
        json_object_set(document, "inputs", list);
    json_decref(named);
    json_decref(own);
    json_decref(list);
    tl_onnx_inputs_free(&declared);
    return result;
}

/* An extent that is assigned is a size. */
static int check_sizes(const struct tl_reduce_wanted *w, const char *model, const json_t *sizes,
                       struct tl_error *e)
{
    struct tl_onnx_inputs declared;
    if (!w->n_sets)
        return 0;
    int result = read_declared(model, &declared, e);
    for (size_t i = 0; i < declared.n && !result; i++)
        for (size_t d = 0; d < declared.list[i].rank && !result; d++) {
            const char *symbol = declared.list[i].symbols[d];
            const json_t *size = symbol && *symbol ? json_object_get(sizes, symbol) : NULL;
            if (size && (!json_is_integer(size) || json_integer_value(size) < 0))
                result = tl_fail(e, TL_ERROR_INPUT, "not a size", symbol,
                                 "it is an extent of the input %s of the model: %s=N was expected, N being a "
                                 "whole number of at least 0",
                                 declared.list[i].name, symbol);
        }
    tl_onnx_inputs_free(&declared);
    return result;
}

/* For a command that takes inputs: those that nobody gives, as a runner would make them. sizes: of symbolic extents, by name. */
static int complete_inputs(const char *model, json_t *document, const json_t *sizes, struct tl_error *e)
{
    struct tl_onnx_inputs declared;
    int result = read_declared(model, &declared, e);
    json_t *given = json_object_get(document, "inputs"), *list = given ? json_incref(given) : json_array(),
           *named = json_object(), *own = json_deep_copy(sizes), *input;
    size_t k;
    json_array_foreach(list, k, input)
        json_object_set(named, json_string_value(json_object_get(input, "name")), input);
    if (!result)
        tl_onnx_input_sizes(&declared, named, own, NULL, NULL);
    for (size_t i = 0; !result && i < declared.n; i++) {
        const struct tl_onnx_input *x = &declared.list[i];
        if (json_object_get(named, x->name))
            continue;
        if (x->sequence || !tl_dtype_name((enum tl_dtype)x->dtype)) {
            result = tl_fail(e, TL_ERROR_INPUT, doing, x->name,
                             "the command is handed inputs, and this one is of a type that no file holds");
            break;
        }
        json_array_append_new(list, tl_reduce_derived_input(x, i, own));
    }
    if (!result && json_array_size(list))
        json_object_set(document, "inputs", list);
    json_decref(named);
    json_decref(own);
    json_decref(list);
    tl_onnx_inputs_free(&declared);
    return result;
}

json_t *tl_reduce_derived_input(const struct tl_onnx_input *x, size_t i, const json_t *sizes)
{
    json_t *shape = json_array();
    for (size_t d = 0; d < x->rank; d++) {
        const json_t *axis = x->symbols[d] && *x->symbols[d] ? json_object_get(sizes, x->symbols[d]) : NULL;
        json_array_append_new(shape, json_integer(x->dims[d] >= 0         ? x->dims[d]
                                                  : json_is_integer(axis) ? json_integer_value(axis)
                                                                          : 1));
    }
    return json_pack("{s:s,s:s,s:o,s:{s:I}}", "name", x->name, "dtype",
                     tl_dtype_name((enum tl_dtype)x->dtype), "shape", shape, "fill", "random", (json_int_t)i);
}

/* What the command is handed, and the command. */
static int add_judge(const struct tl_reduce_wanted *w, const char *model, const char *directory,
                     const json_t *sizes, json_t *document, struct tl_error *e)
{
    if (!w->judge || w->recording)
        return 0;
    return (tl_reduce_judge_wants_inputs(w->judge) && complete_inputs(model, document, sizes, e)) ||
                   tl_reduce_judge_add(w, document, directory, sizes, e)
               ? -1
               : 0;
}

static void add_limits(const struct tl_reduce_wanted *w, json_t *document)
{
    json_t *limits = json_object_get(document, "limits");
    if (!w->timeout_s && !w->memory_mb)
        return;
    if (!json_is_object(limits))
        json_object_set_new(document, "limits", limits = json_object());
    if (w->timeout_s)
        json_object_set_new(limits, "timeout_s", json_integer((json_int_t)w->timeout_s));
    if (w->memory_mb)
        json_object_set_new(limits, "memory_mb", json_integer((json_int_t)w->memory_mb));
}

static int parse(const json_t *document, const char *path, struct tl_case **c, struct tl_mistakes *m,
                 struct tl_error *e)
{
    char *text = document ? json_dumps(document, JSON_INDENT(1)) : NULL;
    if (!text)
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "something that was given is no text: UTF-8 was expected");
    int result = tl_case_parse(text, strlen(text), path, c, m, e);
    free(text);
    return result;
}

/* The case of a model is nobody's file: a mistake in an axis is one of what was assigned to it. */
static void name_assignment(const struct tl_reduce_wanted *w, struct tl_mistakes *m, struct tl_error *e)
{
    static const char axes[] = "$.axes[";
    if (!m->n || strncmp(m->list[0].path, axes, sizeof axes - 1) != 0)
        return;
    size_t at = strtoul(m->list[0].path + sizeof axes - 1, NULL, 10); /* the first axis is ours */
    if (!at || at > w->n_sets)
        return;
    tl_fail(e, TL_ERROR_INPUT, "not an assignment", w->sets[at - 1], "%s", m->list[0].expected);
    tl_mistakes_free(m);
}

static json_t *edits_axis(void)
{
    return json_pack("{s:s,s:[I,I],s:s}", "name", TL_REDUCE_AXIS, "range", (json_int_t)0, (json_int_t)MOST,
                     "about",
                     "which variant of the model: a number made of the list of edits; 0 is the model");
}

static int of_model(const struct tl_reduce_wanted *w, struct tl_case **c, struct tl_mistakes *m,
                    struct tl_error *e)
{
    char *real = realpath(w->path, NULL), *name = NULL;
    if (!real)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the model", w->path, NULL);
    if (tl_path_as_text(real, doing, e) || name_of(w->path, real, &name, e)) {
        free(real);
        return -1;
    }
    json_t *axes = json_array(), *document = json_pack("{s:i,s:s,s:{s:s},s:o}", "trapline", 1, "name", name,
                                                       "model", "file", real, "axes", axes);
    json_array_append_new(axes, edits_axis());
    int result = add_sets(w, axes, e);
    json_t *sizes = json_object(), *axis;
    size_t i;
    json_array_foreach(axes, i, axis)
        if (json_object_get(axis, "choices"))
            json_object_set(sizes, json_string_value(json_object_get(axis, "name")),
                            json_array_get(json_object_get(axis, "choices"), 0));
    if (!result)
        result = check_sizes(w, real, sizes, e) || add_inputs(w, real, sizes, document, e) ? -1 : 0;
    add_limits(w, document);
    if (!result)
        result = add_judge(w, real, NULL, sizes, document, e) || parse(document, real, c, m, e) ? -1 : 0;
    if (result)
        name_assignment(w, m, e);
    json_decref(sizes);
    json_decref(document);
    free(name);
    free(real);
    return result;
}

static int of_case(const struct tl_reduce_wanted *w, struct tl_case **c, struct tl_variant *failing,
                   struct tl_mistakes *m, struct tl_error *e)
{
    struct tl_case *own;
    struct tl_variant v;
    size_t at;
    if (tl_case_load(w->path, &own, m, e))
        return -1;
    int result = 0;
    bool steps = own->model_kind == TL_MODEL_STEPS && own->model_file && !w->judge && !w->recording;
    if (!own->model_file || own->generate.n)
        result = tl_fail(
            e, TL_ERROR_INPUT, doing, w->path,
            "its model is made when it is run; a case whose model is a file was expected, or the file");
    else if (own->reference.text && !own->reference.unit && !w->against)
        result =
            tl_fail(e, TL_ERROR_INPUT, doing, w->path,
                    "its \"reference\" is files, and smaller models have other outputs; say with --against "
                    "what computes the right ones: a unit, or a model");
    else if (tl_case_axis(own, TL_REDUCE_AXIS, &at))
        result =
            tl_fail(e, TL_ERROR_INPUT, doing, w->path, "it has an axis \"" TL_REDUCE_AXIS "\" of its own");
    if (!result && w->judge && own->model_kind == TL_MODEL_STEPS)
        result = tl_fail(e, TL_ERROR_INPUT, doing, w->path,
                         "it has steps of its own, and a command was given as well; one of them can judge");
    result = result || tl_reduce_read(own->model_file, e) ? -1 : 0;
    if (result) {
        tl_case_free(own);
        return -1;
    }
    v = own->has_failing && !w->n_sets ? tl_variant_copy(own, &own->failing) : tl_variant_baseline(own);
    for (size_t i = 0; i < w->n_sets && !result; i++)
        result = tl_variant_assign(own, &v, w->sets[i], e);
    json_t *document = json_deep_copy(own->document), *axes = json_object_get(document, "axes"),
           *variant = tl_variant_object(own, &v);
    if (!axes)
        json_object_set_new(document, "axes", axes = json_array());
    json_array_append_new(axes, edits_axis());
    json_t *model = json_pack("{s:s}", "file", own->model_file);
    if (steps)
        json_object_set(model, "steps", json_object_get(json_object_get(document, "model"), "steps"));
    json_object_set_new(document, "model", model);
    if (own->inputs)
        json_object_set(document, "inputs", own->inputs);
    for (size_t i = 0; i < own->n_files; i++) /* the result is a case in another place */
        json_object_set_new(json_array_get(json_object_get(document, "files"), i), "template",
                            json_string(own->files[i].path));
    json_object_del(document, "failing");
    json_object_del(document, "expected");
    if (w->against)
        json_object_del(document, "reference");
    add_limits(w, document);
    result = result || add_inputs(w, own->model_file, NULL, document, e) ||
                     add_judge(w, own->model_file, own->directory, variant, document, e) ||
                     parse(document, w->path, c, m, e)
                 ? -1
                 : 0;
    if (!result && tl_variant_from_json(*c, variant, failing, e)) {
        tl_case_free(*c);
        result = -1;
    }
    json_decref(variant);
    json_decref(document);
    tl_variant_free(&v);
    tl_case_free(own);
    return result;
}

static int make(const struct tl_reduce_wanted *w, struct tl_case **c, struct tl_variant *failing,
                struct tl_mistakes *m, struct tl_error *e)
{
    bool is_case;
    if (tl_reduce_kind(w->path, &is_case, e))
        return -1;
    if (is_case)
        return of_case(w, c, failing, m, e);
    if (tl_reduce_read(w->path, e) || of_model(w, c, m, e))
        return -1;
    *failing = tl_variant_baseline(*c);
    return 0;
}

char *tl_reduce_against_of_case(const struct tl_case *c)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!c->reference.unit)
        return NULL;
    tl_buffer_add_string(&b, c->reference.unit);
    for (size_t i = 0; i < c->reference.n_with; i++) {
        char *value = tl_value_text(c->reference.with[i].values[0]);
        tl_buffer_printf(&b, ",%s=%s", c->reference.with[i].name, value);
        free(value);
    }
    return tl_buffer_take(&b);
}

int tl_reduce_case(const struct tl_reduce_wanted *w, struct tl_case **c, struct tl_variant *failing,
                   struct tl_mistakes *m, struct tl_error *e)
{
    *failing = (struct tl_variant){0};
    int result = make(w, c, failing, m, e);
    if (result && w->judge)
        tl_reduce_judge_mistakes(w->judge, m, e);
    return result;
}
