#include "cases/onnx/graph_editing.h"
#include "cases/onnx/graph_elements.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tl_onnx_edit_fail(struct tl_onnx_editing *x, const char *format, ...)
{
    char why[600];
    va_list ap;
    va_start(ap, format);
    vsnprintf(why, sizeof why, format, ap);
    va_end(ap);
    char *clean = tl_clean_text(why, strlen(why), false); /* names are those of the model */
    tl_fail(x->error, TL_ERROR_INPUT, "cannot change the model", x->m->name, "edits[%zu], %s: %s", x->at,
            x->kind, clean);
    free(clean);
    return -1;
}

int tl_onnx_edit_form(struct tl_onnx_editing *x, const char *expected)
{
    return tl_onnx_edit_fail(x, "%s is expected", expected);
}

int tl_onnx_edit_number(struct tl_onnx_editing *x, const json_t *j, uint32_t *n)
{
    json_int_t v = json_integer_value(j);
    if (!json_is_integer(j) || v < 0 || v > UINT32_MAX)
        return tl_onnx_edit_form(x, "a whole number that is not negative");
    *n = (uint32_t)v;
    return 0;
}

int tl_onnx_edit_node(struct tl_onnx_editing *x, const json_t *j, struct tl_onnx_body *body, size_t *at)
{
    uint32_t number;
    if (tl_onnx_edit_number(x, j, &number))
        return -1;
    if (!tl_onnx_find_node(x->m, number, body, at))
        return tl_onnx_edit_fail(x, "there is no node with the number %u (any more)", number);
    return 0;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The caller's; NULL: no hexadecimal digits. */
static unsigned char *bytes_of(const char *digits, size_t *size)
{
    size_t n = strlen(digits);
    unsigned char *bytes = tl_malloc(n / 2 + 1);
    for (size_t i = 0; i < n / 2; i++) {
        int high = digit(digits[2 * i]), low = digit(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            n = 1;
        else
            bytes[i] = (unsigned char)(high << 4 | low);
    }
    *size = n / 2;
    if (n % 2 == 0)
        return bytes;
    free(bytes);
    return NULL;
}

static int stored_tensor(struct tl_onnx_editing *x, const char *id, const void **bytes, size_t *size)
{
    for (size_t i = 0; i < x->edits->n_tensors; i++)
        if (!strcmp(x->edits->tensors[i].id, id)) {
            *bytes = x->edits->tensors[i].bytes;
            *size = x->edits->tensors[i].size;
            return 0;
        }
    if (!x->sources || !x->sources->tensor)
        return tl_onnx_edit_fail(x, "the recorded tensor %.40s is not there", id);
    return x->sources->tensor(x->sources->arg, id, bytes, size, x->error);
}

int tl_onnx_edit_tensor(struct tl_onnx_editing *x, const json_t *j, const char *name, tl_onnx_tensor_pb **t)
{
    const char *digits = json_string_value(json_object_get(j, "pb"));
    const void *bytes;
    size_t size;
    if (digits) {
        unsigned char *own = bytes_of(digits, &size);
        if (!own)
            return tl_onnx_edit_form(x, "a tensor in hexadecimal digits");
        int rc = tl_onnx_tensor_unpack(x->m, own, size, name, t, x->error);
        free(own);
        return rc;
    }
    if (!json_is_string(j))
        return tl_onnx_edit_form(x, "a tensor: its id, or {\"pb\": DIGITS}");
    if (stored_tensor(x, json_string_value(j), &bytes, &size))
        return -1;
    return tl_onnx_tensor_unpack(x->m, bytes, size, name, t, x->error);
}

static bool number_at(const char **s, uint64_t *v)
{
    if (**s < '0' || **s > '9')
        return false;
    for (*v = 0; **s >= '0' && **s <= '9'; (*s)++)
        if (__builtin_mul_overflow(*v, UINT64_C(10), v) ||
            __builtin_add_overflow(*v, (uint64_t)(**s - '0'), v) || *v > INT64_MAX)
            return false;
    return true;
}

int tl_onnx_edit_set(struct tl_onnx_editing *x, const json_t *j, struct tl_onnx_range **ranges, size_t *n)
{
    const char *s = json_string_value(j);
    size_t capacity = 0;
    bool good = s != NULL;
    *ranges = NULL;
    *n = 0;
    while (good && *s) {
        struct tl_onnx_range r;
        good = (!*n || *s++ == ',') && number_at(&s, &r.first);
        r.last = r.first;
        if (good && *s == '-') {
            s++;
            good = number_at(&s, &r.last);
        }
        good = good && r.last >= r.first && (!*n || r.first > (*ranges)[*n - 1].last);
        if (good && *n == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            *ranges = tl_realloc(*ranges, capacity, sizeof **ranges);
        }
        if (good)
            (*ranges)[(*n)++] = r;
    }
    if (good)
        return 0;
    free(*ranges);
    *ranges = NULL;
    return tl_onnx_edit_form(x, "a set like \"0-4,7\", ascending,");
}

bool tl_onnx_in_set(const struct tl_onnx_range *ranges, size_t n, uint64_t number)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && ranges[low].first <= number;
}

tl_onnx_node_pb *tl_onnx_constant_node(struct tl_onnx_model *m, const char *name, tl_onnx_tensor_pb *t)
{
    tl_onnx_node_pb *n = tl_onnx_new_node(m, NULL, "Constant", 0, 1);
    n->output[0] = tl_onnx_text(m, name);
    tl_onnx_new_attribute(m, n, "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)->t = t;
    return n;
}

int tl_onnx_edit_each(struct tl_onnx_editing *x, const json_t *list, const char *expected,
                      tl_onnx_edit_one edit)
{
    struct tl_onnx_taken taken;
    int rc = json_array_size(list) ? 0 : tl_onnx_edit_form(x, expected);
    tl_onnx_taken_begin(&taken, x->m);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++)
        rc = edit(x, &taken, json_array_get(list, i));
    tl_onnx_taken_end(&taken);
    return rc;
}
