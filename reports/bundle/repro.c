/* The reproducers are whole programs, templates/repro.c and templates/repro.py, which hold everything but the
 * settings of the two variants. Those are put in at markers (@TITLE@, @SETTINGS@, …); what comes from outside
 * is quoted for the language that it is put into, so that it can end neither a string nor a comment. */
#include "reports/bundle/repro.h"

#include "cases/element.h"
#include "harness/base/buffer.h"
#include "reports/members.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

extern const char tl_repro_c_text[], tl_repro_py_text[];

/* A C string literal: what is not plain ASCII is three octal digits, which no digit after them can extend. */
static void add_c_string(struct tl_buffer *b, const char *s)
{
    if (!s) {
        tl_buffer_add_string(b, "NULL");
        return;
    }
    tl_buffer_add_string(b, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            tl_buffer_printf(b, "\\%c", c);
        else if (c < 32 || c > 126 || c == '?') /* no trigraphs */
            tl_buffer_printf(b, "\\%03o", c);
        else
            tl_buffer_add(b, s, 1);
    }
    tl_buffer_add_string(b, "\"");
}

static void add_path(struct tl_buffer *b, const struct tl_repro_side *s, const char *name)
{
    char *path = tl_format("%s%s", s->directory, name);
    add_c_string(b, path);
    free(path);
}

/* The type of elements, and the shape: {"dtype","shape"} of a tensor that is written down. */
static const struct tl_element_type *type_of(const json_t *tensor)
{
    const char *name = tl_member_text(tensor, "dtype");
    return name ? tl_element_type_find(name) : NULL;
}

static uint64_t elements_of(const json_t *tensor)
{
    const json_t *extent;
    uint64_t n = 1;
    size_t i;
    json_array_foreach(json_object_get(tensor, "shape"), i, extent)
        n *= (uint64_t)json_integer_value(extent);
    return n;
}

/* {"inputs/0.npy", type, bytes, rank, {dims}} */
static void add_tensor(struct tl_buffer *b, const struct tl_repro_side *s, const json_t *tensor)
{
    const struct tl_element_type *type = type_of(tensor);
    const char *npy = tl_member_text(tensor, "npy");
    const json_t *shape = json_object_get(tensor, "shape"), *extent;
    uint64_t n = elements_of(tensor), bits = type && type->size ? (npy ? type->size * 8u : type->bits) : 0;
    size_t i;
    tl_buffer_add_string(b, "{");
    if (npy)
        add_path(b, s, npy);
    else
        tl_buffer_add_string(b, "NULL");
    tl_buffer_printf(b, ", %d, %llu, %zu, {", type ? type->number : 0,
                     (unsigned long long)((n * bits + 7) / 8), json_array_size(shape));
    json_array_foreach(shape, i, extent)
        tl_buffer_printf(b, "%s%" JSON_INTEGER_FORMAT, i ? ", " : "", json_integer_value(extent));
    tl_buffer_printf(b, "%s}}", json_array_size(shape) ? "" : "0");
}

static const char *dtype_name(const json_t *tensor)
{
    const struct tl_element_type *type = type_of(tensor);
    return type ? type->name : "of no known type";
}

/* The tensors of an input, which is one or a sequence of them. */
static size_t add_input_tensors(struct tl_buffer *b, const char *name, size_t at,
                                const struct tl_repro_side *s, const json_t *input)
{
    const json_t *sequence = json_object_get(input, "sequence"), *item;
    size_t i, n = sequence ? json_array_size(sequence) : 1;
    tl_buffer_printf(b, "static const struct tensor %s_input_%zu[] = {\n", name, at);
    if (!sequence) {
        tl_buffer_add_string(b, "    ");
        add_tensor(b, s, input);
        tl_buffer_printf(b, ", /* %s */\n", dtype_name(input));
    }
    json_array_foreach(sequence, i, item) {
        tl_buffer_add_string(b, "    ");
        add_tensor(b, s, item);
        tl_buffer_printf(b, ", /* %s */\n", dtype_name(item));
    }
    tl_buffer_printf(b, "%s};\n", n ? "" : "    {NULL, 0, 0, 0, {0}},\n");
    return n;
}

static size_t add_inputs(struct tl_buffer *b, const char *name, const struct tl_repro_side *s)
{
    const json_t *input;
    struct tl_buffer list = TL_BUFFER_INIT;
    size_t i, n = json_array_size(s->inputs);
    json_array_foreach(s->inputs, i, input) {
        size_t tensors = add_input_tensors(b, name, i, s, input);
        tl_buffer_add_string(&list, "    {");
        add_c_string(&list, tl_member_text(input, "name"));
        tl_buffer_printf(&list, ", %d, %zu, %s_input_%zu},\n", json_object_get(input, "sequence") != NULL,
                         tensors, name, i);
    }
    if (n)
        tl_buffer_printf(b, "static const struct input %s_inputs[] = {\n%s};\n", name, list.data);
    tl_buffer_free(&list);
    return n;
}

static size_t add_expected(struct tl_buffer *b, const char *name, const struct tl_repro_side *s)
{
    const json_t *x;
    size_t i, n = json_array_size(s->expected);
    if (n)
        tl_buffer_printf(b, "static const struct expected %s_expected[] = {\n", name);
    json_array_foreach(s->expected, i, x) {
        const struct tl_element_type *type = type_of(x);
        tl_buffer_add_string(b, "    {");
        add_c_string(b, tl_member_text(x, "name"));
        tl_buffer_add_string(b, ", ");
        add_tensor(b, s, x);
        tl_buffer_printf(b, ", %d, %d, %d, %.17g, %.17g}, /* %s */\n", type ? type->bits : 0,
                         tl_member_true(x, "whole"), tl_member_true(x, "exact"),
                         json_number_value(json_object_get(x, "rtol")),
                         json_number_value(json_object_get(x, "atol")), dtype_name(x));
    }
    if (n)
        tl_buffer_add_string(b, "};\n");
    return n;
}

static bool add_pairs(struct tl_buffer *b, const char *name, const char *of, const json_t *environment)
{
    const char *variable;
    json_t *value;
    if (!json_object_size(environment))
        return false;
    tl_buffer_printf(b, "static const char *const %s_%s[] = {", name, of);
    json_object_foreach((json_t *)environment, variable, value) {
        add_c_string(b, variable);
        tl_buffer_add_string(b, ", ");
        add_c_string(b, json_string_value(value) ? json_string_value(value) : "");
        tl_buffer_add_string(b, ", ");
    }
    tl_buffer_add_string(b, "NULL};\n");
    return true;
}

static void add_c_provider(struct tl_buffer *b, const json_t *options)
{
    const json_t *provider = json_object_get(options, "provider_options");
    const char *key, *separator = "";
    json_t *value;
    struct tl_buffer values = TL_BUFFER_INIT;
    if (tl_member_text(options, "append")) {
        tl_buffer_add_string(b, "    .provider = ");
        add_c_string(b, tl_member_text(options, "append"));
        tl_buffer_printf(b, ", .n_provider_options = %zu,\n", json_object_size(provider));
    }
    if (!json_object_size(provider))
        return;
    tl_buffer_add_string(b, "    .keys = {");
    json_object_foreach((json_t *)provider, key, value) {
        tl_buffer_add_string(b, separator);
        add_c_string(b, key);
        tl_buffer_add_string(&values, separator);
        add_c_string(&values, json_string_value(value));
        separator = ", ";
    }
    tl_buffer_printf(b, "}, .values = {%s},\n", values.data);
    tl_buffer_free(&values);
}

static void add_c_side(struct tl_buffer *b, const char *name, const struct tl_repro *r,
                       const struct tl_repro_side *s)
{
    const json_t *o = s->options;
    if (!o) {
        tl_buffer_printf(b, "static const struct settings %s = {0}; /* none is known */\n", name);
        return;
    }
    size_t inputs = add_inputs(b, name, s), expected = add_expected(b, name, s);
    bool variables = add_pairs(b, name, "environment", r->environment),
         entries = add_pairs(b, name, "config", json_object_get(o, "config"));
    tl_buffer_printf(b, "static const struct settings %s = {\n    .about = ", name);
    add_c_string(b, s->about);
    tl_buffer_add_string(b, ",\n    .model = ");
    add_path(b, s, "model.onnx");
    tl_buffer_printf(b,
                     ",\n    .from_memory = %d,\n    .optimization = %d, .threads = %d, .memory_pattern = "
                     "%d, .arena = %d,\n",
                     tl_member_true(o, "from_memory"), (int)tl_member_integer(o, "optimization"),
                     (int)tl_member_integer(o, "threads"), tl_member_true(o, "memory_pattern"),
                     tl_member_true(o, "arena"));
    tl_buffer_printf(b, "    .loads = %ld, .runs = %ld, .stack_kb = %ld,\n",
                     (long)tl_member_integer(o, "loads"), (long)tl_member_integer(o, "runs"),
                     (long)tl_member_integer(o, "stack_kb"));
    if (r->timeout_s)
        tl_buffer_printf(b, "    .timeout_s = %llu,\n", (unsigned long long)r->timeout_s);
    if (r->memory_mb || r->stack_limit_kb)
        tl_buffer_printf(b, "    .memory_mb = %llu, .stack_limit_kb = %llu,\n",
                         (unsigned long long)r->memory_mb, (unsigned long long)r->stack_limit_kb);
    if (variables)
        tl_buffer_printf(b, "    .environment = %s_environment,\n", name);
    if (entries)
        tl_buffer_printf(b, "    .config = %s_config,\n", name);
    add_c_provider(b, o);
    tl_buffer_printf(b, "    .judge_finite = %d,\n", r->judge_finite);
    if (inputs)
        tl_buffer_printf(b, "    .n_inputs = %zu, .inputs = %s_inputs,\n", inputs, name);
    if (expected)
        tl_buffer_printf(b, "    .n_expected = %zu, .expected = %s_expected,\n", expected, name);
    tl_buffer_add_string(b, "};\n");
}

/* JSON is Python but for three words, and strings: json_dumps's escapes mean the same there. */
static void add_python(struct tl_buffer *b, const json_t *j)
{
    if (json_is_true(j) || json_is_false(j)) {
        tl_buffer_add_string(b, json_is_true(j) ? "True" : "False");
    } else if (!j || json_is_null(j)) {
        tl_buffer_add_string(b, "None");
    } else if (json_is_object(j)) {
        const char *key, *separator = "";
        json_t *value;
        tl_buffer_add_string(b, "{");
        json_object_foreach((json_t *)j, key, value) {
            json_t *name = json_string(key);
            tl_buffer_add_string(b, separator);
            add_python(b, name);
            tl_buffer_add_string(b, ": ");
            add_python(b, value);
            json_decref(name);
            separator = ", ";
        }
        tl_buffer_add_string(b, "}");
    } else if (json_is_array(j)) {
        const json_t *item;
        size_t i;
        tl_buffer_add_string(b, "[");
        json_array_foreach(j, i, item) {
            tl_buffer_add_string(b, i ? ", " : "");
            add_python(b, item);
        }
        tl_buffer_add_string(b, "]");
    } else {
        char *word = json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        tl_buffer_add_string(b, word);
        free(word);
    }
}

/* Inputs or expected outputs, whose files are named from the bundle. They nest as deep as a sequence: once. */
static json_t *with_paths(const json_t *list, const char *directory)
{
    json_t *copy = json_deep_copy(list ? list : json_null()), *tensor, *item;
    size_t i, k;
    json_array_foreach(copy, i, tensor) {
        const char *npy = tl_member_text(tensor, "npy");
        if (npy)
            json_object_set_new(tensor, "npy", json_sprintf("%s%s", directory, npy));
        json_array_foreach(json_object_get(tensor, "sequence"), k, item)
            if (tl_member_text(item, "npy"))
                json_object_set_new(item, "npy",
                                    json_sprintf("%s%s", directory, tl_member_text(item, "npy")));
    }
    if (json_is_array(copy))
        return copy;
    json_decref(copy);
    return json_array();
}

static void add_python_list(struct tl_buffer *b, const char *name, json_t *list)
{
    const json_t *item;
    size_t i;
    tl_buffer_printf(b, "    \"%s\": [", name);
    json_array_foreach(list, i, item) {
        tl_buffer_add_string(b, "\n        ");
        add_python(b, item);
        tl_buffer_add_string(b, ",");
    }
    tl_buffer_add_string(b, i ? "\n    ],\n" : "],\n");
    json_decref(list);
}

static void add_python_member(struct tl_buffer *b, const char *name, json_t *value)
{
    tl_buffer_printf(b, "    \"%s\": ", name);
    add_python(b, value);
    tl_buffer_add_string(b, ",\n");
    json_decref(value);
}

static void add_python_side(struct tl_buffer *b, const char *name, const struct tl_repro *r,
                            const struct tl_repro_side *s)
{
    static const char *const taken[] = {"optimization", "threads",  "memory_pattern",
                                        "arena",        "loads",    "runs",
                                        "stack_kb",     "provider", "provider_options"};
    if (!s->options) {
        tl_buffer_printf(b, "%s = None  # none is known\n", name);
        return;
    }
    tl_buffer_printf(b, "%s = {\n", name);
    add_python_member(b, "about", json_string(s->about));
    add_python_member(b, "model", json_sprintf("%smodel.onnx", s->directory));
    for (size_t i = 0; i < TL_COUNT(taken); i++)
        add_python_member(b, taken[i], json_incref(json_object_get(s->options, taken[i])));
    if (json_object_size(json_object_get(s->options, "config")))
        add_python_member(b, "config", json_incref(json_object_get(s->options, "config")));
    add_python_member(b, "from_memory", json_boolean(tl_member_true(s->options, "from_memory")));
    add_python_member(b, "memory_mb", json_integer((json_int_t)r->memory_mb));
    add_python_member(b, "timeout_s", json_integer((json_int_t)r->timeout_s));
    add_python_member(b, "stack_limit_kb", json_integer((json_int_t)r->stack_limit_kb));
    add_python_member(b, "environment",
                      r->environment ? json_incref((json_t *)r->environment) : json_object());
    add_python_member(b, "judge_finite", json_boolean(r->judge_finite));
    add_python_list(b, "inputs", with_paths(s->inputs, s->directory));
    add_python_list(b, "expected", with_paths(s->expected, s->directory));
    tl_buffer_add_string(b, "}\n");
}

/* A title inside a comment or a docstring: nothing in it may end either. */
static char *harmless(const char *title)
{
    char *copy = tl_strdup(title);
    for (char *p = copy; *p; p++)
        if (*p == '*' || *p == '"' || *p == '\\' || (unsigned char)*p < 32)
            *p = *p == '"' ? '\'' : ' ';
    return copy;
}

#define COMMENT_WIDTH 110

/* A title with a summary below it, or alone: harmless, in lines that begin with `margin`. */
static char *heading(const char *title, const char *summary, const char *margin)
{
    char *first = harmless(title), *words = harmless(summary ? summary : "");
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t column = COMMENT_WIDTH;
    tl_buffer_add_string(&b, first);
    if (*words)
        tl_buffer_printf(&b, "\n%.*s", (int)(strlen(margin) ? strlen(margin) - 1 : 0), margin);
    for (const char *p = words; *p;) {
        size_t n = strcspn(p, " ");
        if (column + n + 1 > COMMENT_WIDTH) {
            tl_buffer_printf(&b, "\n%s", margin);
            column = 0;
        }
        tl_buffer_printf(&b, "%s%.*s", column ? " " : "", (int)n, p);
        column += n + (column > 0);
        p += n + strspn(p + n, " ");
    }
    free(first);
    free(words);
    return tl_buffer_take(&b);
}

/* The template with each marker replaced once. A marker and its replacement come in pairs, in the order of
 * the file. */
static char *fill_in(const char *template, const char *const *pairs, size_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(template, pairs[2 * i]);
        if (!at)
            continue;
        tl_buffer_add(&b, template, (size_t)(at - template));
        tl_buffer_add_string(&b, pairs[2 * i + 1]);
        template = at + strlen(pairs[2 * i]);
    }
    tl_buffer_add_string(&b, template);
    return tl_buffer_take(&b);
}

/* What it sets besides, in words: ", and the limit of …". */
static char *limits_in_words(const struct tl_repro *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (json_object_size(r->environment))
        tl_buffer_add_string(&b, ", variables of the environment");
    if (r->memory_mb)
        tl_buffer_printf(&b, ", a limit of memory (RLIMIT_DATA, %llu MiB)", (unsigned long long)r->memory_mb);
    if (r->stack_limit_kb)
        tl_buffer_printf(&b, ", a limit of the stack (RLIMIT_STACK, %llu KiB)",
                         (unsigned long long)r->stack_limit_kb);
    if (r->timeout_s)
        tl_buffer_printf(&b, ", and a time limit of %llu s", (unsigned long long)r->timeout_s);
    const char *provider = tl_member_text(r->failing.options, "append");
    if (provider) {
        char *name = harmless(provider);
        tl_buffer_printf(&b, ". The build has to have the execution provider %s", name);
        free(name);
    }
    return tl_buffer_take(&b);
}

static bool is_plain_version(const char *version)
{
    bool plain = version && *version;
    for (const char *p = version; plain && *p; p++)
        plain = isdigit((unsigned char)*p) || *p == '.';
    return plain;
}

/* What is typed for the control, and what that is: without a variant that passes it is a build. */
static char *control_in_words(const struct tl_repro *r, const char *command, const char *other_build)
{
    char *build = r->good_build ? harmless(r->good_build) : NULL,
         *words = r->control.options ? tl_format("%s    the nearest variant that was seen to pass", command)
                  : build ? tl_format("%s    with ONNX Runtime %s the same passes", other_build, build)
                          : tl_strdup("(no variant that passes is known: there is no control)");
    free(build);
    return words;
}

/* What it says that is asked for a control that is no variant. */
static char *no_control(const struct tl_repro *r)
{
    char *build = r->good_build ? harmless(r->good_build) : NULL,
         *words = build ? tl_format("no variant that passes is known: the control is another build, the same "
                                    "passes with ONNX Runtime %s",
                                    build)
                        : tl_strdup("no variant that passes is known: there is no control");
    free(build);
    return words;
}

char *tl_repro_c(const struct tl_repro *r)
{
    struct tl_buffer settings = TL_BUFFER_INIT, reference = TL_BUFFER_INIT;
    char *comment = heading(r->title, r->summary, " * "), *limits = limits_in_words(r),
         *version = is_plain_version(r->version) ? tl_format(" %s", r->version) : tl_strdup("");
    add_c_side(&settings, "failing", r, &r->failing);
    add_c_side(&settings, "control", r, &r->control);
    add_c_string(&reference, r->reference ? r->reference : "");
    struct tl_buffer none = TL_BUFFER_INIT;
    char *without = no_control(r),
         *control = control_in_words(r, "./a.out /path/to/libonnxruntime.so --control",
                                     "./a.out /path/to/another/libonnxruntime.so");
    add_c_string(&none, without);
    const char *pairs[] = {
        "@TITLE@",         comment,       "@VERSION@",          version,       "@CONTROL@",        control,
        "@LIMITS@",        limits,        "/* @SETTINGS@ */\n", settings.data, "\"@NO_CONTROL@\"", none.data,
        "\"@REFERENCE@\"", reference.data};
    char *source = fill_in(tl_repro_c_text, pairs, TL_COUNT(pairs) / 2);
    free(without);
    free(control);
    tl_buffer_free(&none);
    free(comment);
    free(limits);
    free(version);
    tl_buffer_free(&settings);
    tl_buffer_free(&reference);
    return source;
}

/* The package that has the provider. */
static const char *package_of(const json_t *options)
{
    const char *provider = tl_member_text(options, "append");
    return provider && !strcmp(provider, "CUDA") ? "onnxruntime-gpu" : "onnxruntime";
}

char *tl_repro_python(const struct tl_repro *r)
{
    struct tl_buffer settings = TL_BUFFER_INIT, reference = TL_BUFFER_INIT;
    char *comment = heading(r->title, r->summary, ""), *limits = limits_in_words(r),
         *pin = tl_format("%s%s%s", package_of(r->failing.options), is_plain_version(r->version) ? "==" : "",
                          is_plain_version(r->version) ? r->version : "");
    json_t *whose = json_string(r->reference ? r->reference : "");
    add_python_side(&settings, "FAILING", r, &r->failing);
    add_python_side(&settings, "CONTROL", r, &r->control);
    add_python(&reference, whose);
    char *without = no_control(r),
         *control = control_in_words(r, "python3 repro.py --control", "python3 repro.py             ");
    json_t *none = json_string(without);
    struct tl_buffer said = TL_BUFFER_INIT;
    add_python(&said, none);
    const char *pairs[] = {"@TITLE@",          comment,       "@PIN@",           pin,
                           "@CONTROL@",        control,       "@LIMITS@",        limits,
                           "# @SETTINGS@\n",   settings.data, "\"@REFERENCE@\"", reference.data,
                           "\"@NO_CONTROL@\"", said.data,     "@PIN@",           pin};
    char *source = fill_in(tl_repro_py_text, pairs, TL_COUNT(pairs) / 2);
    json_decref(whose);
    json_decref(none);
    tl_buffer_free(&said);
    free(without);
    free(control);
    free(pin);
    free(limits);
    free(comment);
    tl_buffer_free(&settings);
    tl_buffer_free(&reference);
    return source;
}
