#include "cases/onnx/graph_edit.h"
#include "cases/element.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INLINE_MOST 128 /* bytes of a tensor that stand in the JSON */

void tl_onnx_edits_begin(struct tl_onnx_edits *edits, const struct tl_onnx_model *original)
{
    *edits = (struct tl_onnx_edits){.list = json_array()};
    memcpy(edits->original, tl_onnx_model_hash(original), sizeof edits->original);
}

static void add_tensor(struct tl_onnx_edits *edits, const char *id, const void *bytes, size_t size)
{
    for (size_t i = 0; i < edits->n_tensors; i++)
        if (!strcmp(edits->tensors[i].id, id))
            return;
    struct tl_onnx_recorded t = {.bytes = tl_malloc(size + 1), .size = size};
    memcpy(t.id, id, sizeof t.id);
    memcpy(t.bytes, bytes, size);
    *TL_GROW(edits->tensors, edits->n_tensors) = t;
}

void tl_onnx_edits_copy(struct tl_onnx_edits *to, const struct tl_onnx_edits *from)
{
    *to = (struct tl_onnx_edits){.list = json_deep_copy(from->list)};
    memcpy(to->original, from->original, sizeof to->original);
    for (size_t i = 0; i < from->n_tensors; i++)
        add_tensor(to, from->tensors[i].id, from->tensors[i].bytes, from->tensors[i].size);
}

void tl_onnx_edits_free(struct tl_onnx_edits *edits)
{
    json_decref(edits->list);
    for (size_t i = 0; i < edits->n_tensors; i++)
        free(edits->tensors[i].bytes);
    free(edits->tensors);
    *edits = (struct tl_onnx_edits){0};
}

char *tl_onnx_edits_text(const struct tl_onnx_edits *edits)
{
    json_t *j = json_pack("{s:s, s:O}", "original", edits->original, "edits", edits->list);
    char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(j);
    return text;
}

int tl_onnx_edits_parse(const char *text, struct tl_onnx_edits *edits, struct tl_error *e)
{
    static const char what[] = "cannot read the edits of a model";
    json_error_t error;
    *edits = (struct tl_onnx_edits){0};
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!j)
        return tl_fail(e, TL_ERROR_INPUT, what, NULL, "line %d: %s", error.line, error.text);
    const char *original = json_string_value(json_object_get(j, "original"));
    json_t *list = json_object_get(j, "edits"), *one;
    size_t i;
    int rc = 0;
    if (!original || strlen(original) != TL_SHA256_SIZE - 1 ||
        strspn(original, "0123456789abcdef") != TL_SHA256_SIZE - 1)
        rc = tl_fail(e, TL_ERROR_INPUT, what, "original",
                     "the SHA-256 of the model in 64 hexadecimal digits is expected");
    else if (!json_is_array(list))
        rc = tl_fail(e, TL_ERROR_INPUT, what, "edits", "a list is expected");
    for (i = 0; rc == 0 && i < json_array_size(list); i++) {
        one = json_array_get(list, i);
        if (!json_is_object(one) || json_object_size(one) != 1) {
            char where[48];
            snprintf(where, sizeof where, "edits[%zu]", i);
            rc = tl_fail(e, TL_ERROR_INPUT, what, where,
                         "an object with one member, the kind of edit, is expected");
        }
    }
    if (rc == 0) {
        memcpy(edits->original, original, sizeof edits->original);
        edits->list = json_incref(list);
    }
    json_decref(j);
    return rc;
}

void tl_onnx_edits_add(struct tl_onnx_edits *edits, const char *kind, json_t *value)
{
    json_t *one = json_object();
    json_object_set_new_nocheck(one, kind, value);
    json_array_append_new(edits->list, one);
}

json_t *tl_onnx_edits_tensor(struct tl_onnx_edits *edits, const void *bytes, size_t size)
{
    if (size > INLINE_MOST) {
        char id[TL_ID_SIZE];
        tl_content_id(bytes, size, id);
        add_tensor(edits, id, bytes, size);
        return json_string(id);
    }
    char digits[2 * INLINE_MOST + 1] = "";
    for (size_t i = 0; i < size; i++)
        snprintf(digits + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    return json_pack("{s:s}", "pb", digits);
}

/* --- the usual ones --- */

static json_t *names_json(const char *const *names, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

void tl_onnx_edit_outputs(struct tl_onnx_edits *edits, const char *const *names, size_t n)
{
    tl_onnx_edits_add(edits, "outputs", names_json(names, n));
}

void tl_onnx_edit_expose(struct tl_onnx_edits *edits, const char *const *names, size_t n)
{
    tl_onnx_edits_add(edits, "expose", names_json(names, n));
}

void tl_onnx_edit_prefix(struct tl_onnx_edits *edits, size_t place, const char *const *names, size_t n)
{
    json_t *j = json_pack("{s:I}", "place", (json_int_t)place);
    if (n)
        json_object_set_new(j, "outputs", names_json(names, n));
    tl_onnx_edits_add(edits, "prefix", j);
}

void tl_onnx_edit_begin(struct tl_onnx_edits *edits, const struct tl_onnx_beginning *list, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct tl_onnx_beginning *b = &list[i];
        json_t *j = json_pack("{s:s}", "name", b->name);
        if (b->tensor) {
            json_object_set_new(j, "tensor", tl_onnx_edits_tensor(edits, b->tensor, b->size));
            if (b->constant)
                json_object_set_new(j, "constant", json_true());
        } else {
            const struct tl_element_type *type = tl_element_type_number(b->type);
            json_t *shape = json_array();
            for (size_t k = 0; k < b->rank; k++)
                json_array_append_new(shape, b->dims[k] < 0 ? json_null() : json_integer(b->dims[k]));
            json_object_set_new(j, "type", json_string(type ? type->name : ""));
            json_object_set_new(j, "shape", shape);
            if (b->sequence)
                json_object_set_new(j, "sequence", json_true());
        }
        json_array_append_new(all, j);
    }
    tl_onnx_edits_add(edits, "begin", all);
}

void tl_onnx_edit_bypass(struct tl_onnx_edits *edits, const struct tl_onnx_way *list, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            all, json_pack("[I,o,I]", (json_int_t)list[i].node,
                           list[i].from ? json_string(list[i].from) : json_integer((json_int_t)list[i].input),
                           (json_int_t)list[i].output));
    tl_onnx_edits_add(edits, "bypass", all);
}

void tl_onnx_edit_branch(struct tl_onnx_edits *edits, uint32_t node, bool then)
{
    tl_onnx_edits_add(edits, "branch", json_pack("[[I,i]]", (json_int_t)node, (int)then));
}

void tl_onnx_edit_trips(struct tl_onnx_edits *edits, uint32_t node, int64_t count)
{
    tl_onnx_edits_add(edits, "trips", json_pack("[[I,I]]", (json_int_t)node, (json_int_t)count));
}

void tl_onnx_edit_inline(struct tl_onnx_edits *edits, const uint32_t *nodes, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(nodes[i]));
    tl_onnx_edits_add(edits, "inline", list);
}

void tl_onnx_edit_fold(struct tl_onnx_edits *edits, bool fold)
{
    tl_onnx_edits_add(edits, "fold", json_boolean(fold));
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void add_range(struct tl_buffer *b, uint64_t first, uint64_t last)
{
    tl_buffer_printf(b, "%s%" PRIu64, b->size ? "," : "", first);
    if (last > first)
        tl_buffer_printf(b, "-%" PRIu64, last);
}

static json_t *text_json(struct tl_buffer *b)
{
    json_t *j = json_string(b->size ? b->data : "");
    tl_buffer_free(b);
    return j;
}

void tl_onnx_edit_fill(struct tl_onnx_edits *edits, const uint32_t *tensors, size_t n, const char *with,
                       uint64_t seed, const uint64_t *keep, size_t n_keep)
{
    struct tl_buffer set = TL_BUFFER_INIT, kept = TL_BUFFER_INIT;
    uint32_t *sorted = tl_calloc(n + 1, sizeof *sorted);
    if (n)
        memcpy(sorted, tensors, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_number);
    for (size_t i = 0, last; i < n; i = last + 1) {
        for (last = i; last + 1 < n && sorted[last + 1] <= sorted[last] + 1; last++)
            ;
        add_range(&set, sorted[i], sorted[last]);
    }
    free(sorted);
    for (size_t i = 0; i < n_keep; i++)
        add_range(&kept, keep[2 * i], keep[2 * i + 1]);
    json_t *j = json_pack("{s:o, s:s}", "tensors", text_json(&set), "with", with);
    if (seed)
        json_object_set_new(j, "seed", json_integer((json_int_t)seed));
    if (n_keep)
        json_object_set_new(j, "keep", text_json(&kept));
    tl_buffer_free(&kept);
    tl_onnx_edits_add(edits, "fill", j);
}
