#include "cases/onnx/given_inputs.h"

#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tl_path_as_text(const char *path, const char *doing, struct tl_error *e)
{
    unsigned code;
    size_t left = strlen(path), n = 1;
    for (const char *at = path; left && n; at += n, left -= n)
        if ((n = tl_utf8_decode(at, left, &code)) && (code < ' ' || code == 127))
            n = 0;
    if (n)
        return 0;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_add_visible(&b, path, "");
    tl_fail(e, TL_ERROR_INPUT, doing, b.data ? b.data : "",
            "its path is no text of UTF-8 without control characters; a copy with another path was expected");
    tl_buffer_free(&b);
    return -1;
}

#define STRINGS 8    /* TensorProto.STRING, which no file of numbers holds */
#define NAMED_MOST 8 /* inputs that a message names */

static const char doing_inputs[] = "--inputs";

char *tl_onnx_input_words(const struct tl_onnx_input *x)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *dtype = x->dtype == STRINGS ? "string" : tl_dtype_name((enum tl_dtype)x->dtype);
    tl_buffer_printf(&b, "%s%s", x->sequence ? "a sequence of " : "", dtype ? dtype : "?");
    tl_buffer_add_string(&b, x->shaped ? "[" : " of any shape");
    for (size_t d = 0; d < x->rank; d++) {
        tl_buffer_add_string(&b, d ? "," : "");
        if (x->dims[d] >= 0)
            tl_buffer_printf(&b, "%lld", (long long)x->dims[d]);
        else
            tl_buffer_add_string(&b, x->symbols[d] && *x->symbols[d] ? x->symbols[d] : "?");
    }
    tl_buffer_add_string(&b, x->shaped ? "]" : "");
    return tl_buffer_take(&b);
}

/* A type of the model's that .npy has no word for is written as another one. */
static bool takes_type(const struct tl_onnx_input *x, const char *dtype)
{
    const char *own = tl_dtype_name((enum tl_dtype)x->dtype);
    return x->dtype != STRINGS && (!own || !strcmp(own, dtype) || !strcmp(own, "bfloat16"));
}

int tl_onnx_input_check(const struct tl_onnx_input *x, const json_t *input, const char *doing,
                        const char *text, struct tl_error *e)
{
    const json_t *shape = json_object_get(input, "shape");
    const char *dtype = json_string_value(json_object_get(input, "dtype"));
    bool fits =
        dtype && takes_type(x, dtype) && !x->sequence && (!x->shaped || json_array_size(shape) == x->rank);
    for (size_t d = 0; fits && d < x->rank; d++)
        fits = x->dims[d] < 0 || x->dims[d] == json_integer_value(json_array_get(shape, d));
    if (fits)
        return 0;
    char *want = tl_onnx_input_words(x), *got = json_dumps(shape, JSON_COMPACT);
    tl_fail(e, TL_ERROR_INPUT, doing, text, "the input %s of the model is %s, and %s %s%s", x->name, want,
            json_object_get(input, "npy") ? "the file holds" : "what is given is", dtype ? dtype : "?",
            got ? got : "");
    free(want);
    free(got);
    return -1;
}

int tl_onnx_input_sizes(const struct tl_onnx_inputs *declared, const json_t *inputs, json_t *sizes,
                        const char **unlike, struct tl_error *e)
{
    json_t *found = json_object(), *size;
    const char *name, *first = NULL;
    unlike = unlike ? unlike : &first;
    *unlike = NULL;
    int result = 0;
    for (size_t i = 0; i < declared->n && !result; i++) {
        const struct tl_onnx_input *x = &declared->list[i];
        const json_t *shape = json_object_get(json_object_get(inputs, x->name), "shape");
        for (size_t d = 0; d < x->rank && json_array_size(shape) == x->rank && !result; d++) {
            const json_t *asked, *before, *now = json_array_get(shape, d);
            if (x->dims[d] >= 0 || !x->symbols[d] || !*x->symbols[d] || !json_is_integer(now))
                continue;
            asked = json_object_get(sizes, x->symbols[d]);
            before = json_object_get(found, x->symbols[d]);
            if (e && json_is_integer(asked) && !json_equal(asked, now))
                result =
                    tl_fail(e, TL_ERROR_INPUT, "the inputs do not fit", x->name,
                            "its extent %s is %lld, and %s=%lld is set; leave one of them out", x->symbols[d],
                            json_integer_value(now), x->symbols[d], json_integer_value(asked));
            /* Two that have one name for different extents: it says nothing of others. */
            if (before && !json_equal(before, now) && !*unlike)
                *unlike = x->symbols[d];
            json_object_set(found, x->symbols[d],
                            before && !json_equal(before, now) ? json_null() : (json_t *)(uintptr_t)now);
        }
    }
    json_object_foreach(found, name, size)
        if (json_is_integer(size) && !json_object_get(sizes, name))
            json_object_set(sizes, name, size);
    json_decref(found);
    return result;
}

static int no_such_input(const struct tl_onnx_inputs *declared, const char *text, struct tl_error *e)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < declared->n && i < NAMED_MOST; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : ": ", declared->list[i].name);
    tl_fail(e, TL_ERROR_INPUT, doing_inputs, text, "the model has %zu input%s%s%s", declared->n,
            declared->n == 1 ? "" : "s", b.data ? b.data : "", declared->n > NAMED_MOST ? ", …" : "");
    tl_buffer_free(&b);
    return -1;
}

/* Once each: a runtime would take one of two. */
static bool is_given(const json_t *list, const char *name)
{
    const json_t *input;
    size_t i;
    json_array_foreach(list, i, input)
        if (!strcmp(json_string_value(json_object_get(input, "name")), name))
            return true;
    return false;
}

int tl_given_input(const struct tl_onnx_inputs *declared, const char *text, size_t index, json_t *list,
                   size_t *declared_at, struct tl_error *e)
{
    const char *equals = strchr(text, '='), *file = text;
    size_t n = equals ? (size_t)(equals - text) : 0, at = declared->n;
    struct tl_npy h;
    for (size_t k = 0; equals && k < declared->n && at == declared->n; k++)
        if (strlen(declared->list[k].name) == n && !strncmp(declared->list[k].name, text, n)) {
            at = k;
            file = equals + 1;
        }
    at = at == declared->n ? index : at;
    if (at >= declared->n)
        return no_such_input(declared, text, e);
    if (is_given(list, declared->list[at].name))
        return tl_fail(e, TL_ERROR_INPUT, doing_inputs, text, "the input %s of the model is given twice",
                       declared->list[at].name);
    char *own = realpath(file, NULL);
    if (!own)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, doing_inputs, file,
                             "expected [NAME=]FILE.npy, NAME being an input of the model");
    int result = tl_path_as_text(own, doing_inputs, e) || tl_npy_open(own, &h, e) ? -1 : 0;
    json_t *shape = json_array();
    for (size_t k = 0; !result && k < h.rank; k++)
        json_array_append_new(shape, json_integer(h.dims[k]));
    json_t *input = result ? NULL
                           : json_pack("{s:s,s:s,s:O,s:s}", "name", declared->list[at].name, "dtype",
                                       tl_dtype_name(h.dtype), "shape", shape, "npy", own);
    if (!result)
        result = tl_onnx_input_check(&declared->list[at], input, doing_inputs, text, e);
    if (!result)
        json_array_append(list, input);
    if (declared_at)
        *declared_at = at;
    json_decref(input);
    json_decref(shape);
    free(own);
    return result;
}
