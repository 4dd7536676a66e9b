/* The reproducers are whole programs, templates/repro.c and templates/repro.py, which hold everything but the
 * settings of the two variants. Those are put in at markers (@TITLE@, @SETTINGS@, …); what comes from outside
 * is quoted for the language that it is put into, so that it can end neither a string nor a comment. */
#include "reports/repro.h"

#include "cases/dtype.h"
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

static size_t add_inputs(struct tl_buffer *b, const char *name, const struct tl_repro_side *s)
{
    const json_t *input, *extent;
    size_t i, k, n = json_array_size(s->inputs);
    if (!n)
        return 0;
    tl_buffer_printf(b, "static const struct input %s_inputs[] = {\n", name);
    json_array_foreach(s->inputs, i, input) {
        const char *dtype_name = tl_member_text(input, "dtype"), *npy = tl_member_text(input, "npy");
        enum tl_dtype dtype = tl_dtype_parse(dtype_name ? dtype_name : "");
        const json_t *shape = json_object_get(input, "shape");
        tl_buffer_add_string(b, "    {");
        add_c_string(b, tl_member_text(input, "name"));
        tl_buffer_add_string(b, ", ");
        add_path(b, s, npy ? npy : "");
        tl_buffer_printf(b, ", %d, %zu, %zu, {", (int)dtype, tl_dtype_size(dtype), json_array_size(shape));
        json_array_foreach(shape, k, extent)
            tl_buffer_printf(b, "%s%" JSON_INTEGER_FORMAT, k ? ", " : "", json_integer_value(extent));
        tl_buffer_printf(b, "%s}}, /* %s */\n", json_array_size(shape) ? "" : "0", tl_dtype_name(dtype));
    }
    tl_buffer_add_string(b, "};\n");
    return n;
}

static void add_c_side(struct tl_buffer *b, const char *name, const struct tl_repro_side *s)
{
    const json_t *o = s->options, *value;
    const char *key, *separator = "";
    if (!o) {
        tl_buffer_printf(b, "static const struct settings %s = {0}; /* none is known */\n", name);
        return;
    }
    size_t n = add_inputs(b, name, s);
    tl_buffer_printf(b, "static const struct settings %s = {\n    .about = ", name);
    add_c_string(b, s->about);
    tl_buffer_add_string(b, ",\n    .model = ");
    add_path(b, s, "model.onnx");
    tl_buffer_printf(b, ",\n    .optimization = %d, .threads = %d, .memory_pattern = %d, .arena = %d,\n",
                     (int)tl_member_integer(o, "optimization"), (int)tl_member_integer(o, "threads"),
                     tl_member_true(o, "memory_pattern"), tl_member_true(o, "arena"));
    tl_buffer_printf(b, "    .loads = %ld, .runs = %ld, .stack_kb = %ld,\n",
                     (long)tl_member_integer(o, "loads"), (long)tl_member_integer(o, "runs"),
                     (long)tl_member_integer(o, "stack_kb"));
    const json_t *provider = json_object_get(o, "provider_options");
    if (tl_member_text(o, "append")) {
        tl_buffer_add_string(b, "    .provider = ");
        add_c_string(b, tl_member_text(o, "append"));
        tl_buffer_printf(b, ", .n_provider_options = %zu,\n", json_object_size(provider));
    }
    if (json_object_size(provider)) {
        struct tl_buffer values = TL_BUFFER_INIT;
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
    if (n)
        tl_buffer_printf(b, "    .n_inputs = %zu, .inputs = %s_inputs,\n", n, name);
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
    } else {
        char *word = json_dumps(j, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        tl_buffer_add_string(b, word);
        free(word);
    }
}

static void add_python_side(struct tl_buffer *b, const char *name, const struct tl_repro_side *s)
{
    static const char *const numbers[] = {"optimization", "threads",  "memory_pattern",
                                          "arena",        "loads",    "runs",
                                          "stack_kb",     "provider", "provider_options"};
    const json_t *input;
    size_t i;
    if (!s->options) {
        tl_buffer_printf(b, "%s = None  # none is known\n", name);
        return;
    }
    char *model = tl_format("%smodel.onnx", s->directory);
    json_t *word = json_string(s->about), *path = json_string(model);
    tl_buffer_printf(b, "%s = {\n    \"about\": ", name);
    add_python(b, word);
    tl_buffer_add_string(b, ",\n    \"model\": ");
    add_python(b, path);
    for (i = 0; i < TL_COUNT(numbers); i++) {
        tl_buffer_printf(b, ",\n    \"%s\": ", numbers[i]);
        add_python(b, json_object_get(s->options, numbers[i]));
    }
    tl_buffer_add_string(b, ",\n    \"inputs\": [");
    json_array_foreach(s->inputs, i, input) {
        const char *npy = tl_member_text(input, "npy");
        char *file = tl_format("%s%s", s->directory, npy ? npy : "");
        json_t *quoted = json_string(file);
        tl_buffer_add_string(b, i ? ",\n               (" : "(");
        add_python(b, json_object_get(input, "name"));
        tl_buffer_add_string(b, ", ");
        add_python(b, quoted);
        tl_buffer_add_string(b, ")");
        json_decref(quoted);
        free(file);
    }
    tl_buffer_add_string(b, "],\n}\n");
    json_decref(word);
    json_decref(path);
    free(model);
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

char *tl_repro_c(const char *title, const char *summary, const struct tl_repro_side *failing,
                 const struct tl_repro_side *control)
{
    struct tl_buffer settings = TL_BUFFER_INIT;
    char *comment = heading(title, summary, " * ");
    add_c_side(&settings, "failing", failing);
    add_c_side(&settings, "control", control);
    const char *pairs[] = {"@TITLE@",
                           comment,
                           "@FILES@",
                           control->options ? "model.onnx and inputs/ (with --control those in control/)"
                                            : "model.onnx and inputs/",
                           "/* @SETTINGS@ */\n",
                           settings.data};
    char *source = fill_in(tl_repro_c_text, pairs, 3);
    free(comment);
    tl_buffer_free(&settings);
    return source;
}

char *tl_repro_python(const char *title, const char *summary, const char *version,
                      const struct tl_repro_side *failing, const struct tl_repro_side *control)
{
    struct tl_buffer settings = TL_BUFFER_INIT;
    char *comment = heading(title, summary, ""), *pin;
    bool plain = version && *version;
    for (const char *p = version; plain && *p; p++)
        plain = isdigit((unsigned char)*p) || *p == '.';
    pin = plain ? tl_format("==%s", version) : tl_strdup("");
    add_python_side(&settings, "FAILING", failing);
    add_python_side(&settings, "CONTROL", control);
    const char *pairs[] = {"@TITLE@", comment, "@PIN@", pin, "# @SETTINGS@\n", settings.data};
    char *source = fill_in(tl_repro_py_text, pairs, 3);
    free(pin);
    free(comment);
    tl_buffer_free(&settings);
    return source;
}
