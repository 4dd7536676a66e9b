/* Core AI takes neither int64 nor float64, so these are narrowed here, and an integer that does not fit is an error. */
#include "runners/devicectl/stage.h"

#include "cases/inputs.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MOST 1000
#define CALLS_FILE_MOST (64u << 20)

static const char doing[] = "cannot prepare the calls of a model";

/* Makes 64 bits 32, in place. -1: an integer does not fit. */
static int narrow(enum tl_dtype *dtype, void *data, uint64_t elements)
{
    char *to = data;
    const char *from = data;
    if (*dtype != TL_DTYPE_INT64 && *dtype != TL_DTYPE_FLOAT64)
        return 0;
    for (uint64_t i = 0; i < elements; i++, to += 4, from += 8) {
        int64_t whole;
        double real;
        memcpy(&whole, from, 8);
        memcpy(&real, from, 8);
        int32_t less = (int32_t)whole;
        float single = (float)real;
        if (*dtype == TL_DTYPE_INT64 && less != whole)
            return -1;
        memcpy(to, *dtype == TL_DTYPE_INT64 ? (const void *)&less : (const void *)&single, 4);
    }
    *dtype = *dtype == TL_DTYPE_INT64 ? TL_DTYPE_INT32 : TL_DTYPE_FLOAT32;
    return 0;
}

/* One input as a file of the directory; its description, NULL with *e. */
static json_t *stage_input(const struct tl_input *in, const char *directory, size_t number,
                           struct tl_error *e)
{
    char *name = tl_format("%zu.npy", number), *path = tl_format("%s/%s", directory, name);
    char *data = tl_malloc((size_t)in->bytes + 1);
    enum tl_dtype dtype = in->dtype;
    json_t *told = NULL, *shape = json_array();
    for (size_t i = 0; i < in->rank; i++)
        json_array_append_new(shape, json_integer(in->dims[i]));
    if (tl_input_fill(in, data, (size_t)in->bytes, e))
        ;
    else if (narrow(&dtype, data, in->elements))
        tl_fail(e, TL_ERROR_INPUT, doing, in->name,
                "an integer of it does not fit into 32 bits, which is what Core AI takes");
    else if (!tl_npy_write(path, dtype, in->rank, in->dims, data, e))
        told = json_pack("{s:s,s:s,s:O,s:s}", "name", in->name, "dtype", tl_dtype_name(dtype), "shape", shape,
                         "npy", name);
    json_decref(shape);
    free(data);
    free(path);
    free(name);
    return told;
}

static json_t *stage_inputs(const struct tl_input *inputs, size_t n, const char *directory, size_t *number,
                            struct tl_error *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *one = stage_input(&inputs[i], directory, (*number)++, e);
        if (!one) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, one);
    }
    return list;
}

/* --- a model's own calls -------------------------------------------------------------------------------- */

/* A path below the model. */
static bool is_below(const char *path)
{
    return path && *path && *path != '/' && !strstr(path, "..") && strlen(path) < 512;
}

static json_t *stage_call(const json_t *call, const char *model, const json_t *variant, const char *directory,
                          size_t *number, struct tl_error *e)
{
    const char *asset = json_string_value(json_object_get(call, "asset")),
               *function = json_string_value(json_object_get(call, "function"));
    const json_t *state = json_object_get(call, "state"), *feed = json_object_get(call, "feed"),
                 *listed = json_object_get(call, "inputs");
    if (!is_below(asset) || (state && !json_is_array(state)) || (feed && !json_is_object(feed)) ||
        (listed && !json_is_array(listed))) {
        tl_fail(e, TL_ERROR_INPUT, doing, "calls.json",
                "a call has \"asset\", a path below the model, and may have lists \"inputs\" and \"state\", "
                "and an object "
                "\"feed\"");
        return NULL;
    }
    struct tl_input *inputs = NULL;
    size_t n = 0;
    if (listed && tl_inputs_parse(listed, model, variant, &inputs, &n, e))
        return NULL;
    json_t *staged = stage_inputs(inputs, n, directory, number, e);
    tl_inputs_free(inputs, n);
    if (!staged)
        return NULL;
    json_t *told = json_pack("{s:s,s:s,s:o}", "asset", asset, "function", function ? function : "main",
                             "inputs", staged);
    json_object_set_new(told, "state", state ? json_incref((json_t *)state) : json_array());
    json_object_set_new(told, "feed", feed ? json_incref((json_t *)feed) : json_object());
    return told;
}

static json_t *own_calls(const char *text, size_t size, const char *model, const json_t *variant,
                         const char *directory, struct tl_error *e)
{
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL), *calls = json_array();
    const json_t *listed = json_object_get(root, "calls");
    size_t number = 0, n = json_array_size(listed);
    if (!n || n > CALLS_MOST) {
        tl_fail(e, TL_ERROR_INPUT, doing, "calls.json", "an object with a list \"calls\" was expected");
        json_decref(calls);
        calls = NULL;
    }
    for (size_t i = 0; i < n && calls; i++) {
        json_t *call = stage_call(json_array_get(listed, i), model, variant, directory, &number, e);
        if (call) {
            json_array_append_new(calls, call);
        } else {
            json_decref(calls);
            calls = NULL;
        }
    }
    json_decref(root);
    return calls;
}

static json_t *one_call(const char *path, const json_t *variant, const char *directory, struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0, number = 0;
    if (path && tl_inputs_load(path, variant, &inputs, &n, e))
        return NULL;
    json_t *staged = stage_inputs(inputs, n, directory, &number, e);
    tl_inputs_free(inputs, n);
    return staged ? json_pack("[{s:s,s:s,s:o,s:[],s:{}}]", "asset", "", "function", "main", "inputs", staged,
                              "state", "feed")
                  : NULL;
}

int tl_stage_calls(const char *model, const char *inputs, const json_t *variant, const char *directory,
                   struct tl_error *e)
{
    char *own = tl_format("%s/calls.json", model), *to = tl_format("%s/calls.json", directory);
    size_t size = 0;
    int result = tl_make_directories(directory, 0700)
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, directory, "free some space")
                     : 0;
    char *text = result ? NULL : tl_read_file(own, CALLS_FILE_MOST, &size);
    json_t *calls = result ? NULL
                    : text ? own_calls(text, size, model, variant, directory, e)
                           : one_call(inputs, variant, directory, e);
    json_t *document = calls ? json_pack("{s:o}", "calls", calls) : NULL;
    if (!document)
        result = -1;
    else if (json_dump_file(document, to, JSON_COMPACT))
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, to, "it cannot be written; free some space");
    json_decref(document);
    free(text);
    free(to);
    free(own);
    return result;
}
