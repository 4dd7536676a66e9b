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
        return tl_fail(e, TL_ERROR_INPUT, "--inputs", text, "the model has %zu input%s", declared->n,
                       declared->n == 1 ? "" : "s");
    char *own = realpath(file, NULL);
    if (!own)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "--inputs", file,
                             "expected [NAME=]FILE.npy, NAME being an input of the model");
    int result = tl_path_as_text(own, "--inputs", e) || tl_npy_open(own, &h, e) ? -1 : 0;
    json_t *shape = json_array();
    for (size_t k = 0; !result && k < h.rank; k++)
        json_array_append_new(shape, json_integer(h.dims[k]));
    if (!result)
        json_array_append_new(list, json_pack("{s:s,s:s,s:O,s:s}", "name", declared->list[at].name, "dtype",
                                              tl_dtype_name(h.dtype), "shape", shape, "npy", own));
    if (declared_at)
        *declared_at = at;
    json_decref(shape);
    free(own);
    return result;
}
