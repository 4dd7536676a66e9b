/* What a session answered, as JSON: enough to compare without the bytes, and the bytes as .npy where asked
 * for. */
#include "cases/element.h"
#include "cases/npy.h"
#include "harness/base/hash.h"
#include "runners/onnxruntime/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 8                      /* values told */
#define DEPTH_MAX 8                  /* of sequences in maps in sequences */
#define TEXT_MOST (1u << 18)         /* bytes of a text that is stored */
#define TEXTS_MOST ((size_t)1 << 28) /* bytes of a table of texts */
#define TEXT_SHOWN 80                /* bytes of a text that are told */
#define ITEMS_MAX 4096               /* of one sequence that are looked at */

/* Everything below is collected over all tensors of one output. */
struct summary {
    struct tl_hash hash;
    uint64_t nan, inf, not_finite_at; /* values that are not finite, and where the first of them is */
    double least, greatest, sum;
    uint64_t numbers; /* finite ones */
    uint64_t elements;
    json_t *first;
    bool first_cut; /* of a text in it */
};

static json_t *number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *figure(double v)
{
    return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
}

static json_t *exact(enum tl_dtype t, const void *data, uint64_t i)
{
    double v = tl_element_value(t, data, i);
    if (t == TL_DTYPE_BOOL)
        return json_boolean(v != 0);
    if (t == TL_DTYPE_INT64 || t == TL_DTYPE_UINT64) {
        int64_t whole; /* a double would round it */
        memcpy(&whole, (const char *)data + 8 * i, sizeof whole);
        if (t == TL_DTYPE_INT64 || whole >= 0)
            return json_integer(whole);
        return json_sprintf("%llu", (unsigned long long)whole); /* more than JSON's integers hold */
    }
    if (!tl_dtype_is_float(t))
        return json_integer((json_int_t)v);
    return figure(v);
}

/* at: which of the values of its tensor it is. */
static void count_not_finite(struct summary *s, double v, uint64_t at)
{
    if (!s->nan && !s->inf)
        s->not_finite_at = at;
    if (isnan(v))
        s->nan++;
    else
        s->inf++;
}

static void count_number(struct summary *s, double v)
{
    if (s->numbers == 0 || v < s->least)
        s->least = v;
    if (s->numbers == 0 || v > s->greatest)
        s->greatest = v;
    s->sum += v;
    s->numbers++;
}

static void look_at_numbers(struct summary *s, enum tl_dtype t, const void *data, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        double v = tl_element_value(t, data, i);
        if (!isfinite(v)) {
            count_not_finite(s, v, i);
            continue;
        }
        count_number(s, v);
    }
    for (uint64_t i = 0; i < n && json_array_size(s->first) < FIRST; i++)
        json_array_append_new(s->first, exact(t, data, i));
}

static int look_at_strings(const struct tl_ort *ort, struct summary *s, const struct tl_ort_value *value,
                           uint64_t n, struct tl_error *e)
{
    static const char doing[] = "cannot read an output";
    size_t size = 0;
    if (n == 0)
        return 0;
    if (tl_ort_check(ort, ort->api.GetStringTensorDataLength(value, &size), doing, e) != 0)
        return -1;
    char *text = tl_malloc(size + 1);
    size_t *offsets = tl_calloc((size_t)n + 1, sizeof *offsets);
    int rc =
        tl_ort_check(ort, ort->api.GetStringTensorContent(value, text, size, offsets, (size_t)n), doing, e);
    offsets[n] = size;
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        size_t start = offsets[i] <= size ? offsets[i] : size;
        size_t end = offsets[i + 1] >= start && offsets[i + 1] <= size ? offsets[i + 1] : start;
        uint64_t length = end - start;
        tl_hash_add(&s->hash, &length, sizeof length);
        tl_hash_add(&s->hash, text + start, end - start);
        if (json_array_size(s->first) < FIRST) {
            bool cut = end - start > TEXT_SHOWN;
            json_t *item = json_stringn(text + start, cut ? TEXT_SHOWN : end - start);
            s->first_cut = s->first_cut || cut;
            json_array_append_new(s->first, item ? item : json_null());
        }
    }
    free(offsets);
    free(text);
    return rc;
}

struct tensor {
    int dtype;
    size_t rank;
    int64_t *dims;
    uint64_t elements;
    uint64_t bytes; /* 0 for strings */
};

static int tensor_of(const struct tl_ort *ort, const struct tl_ort_value *value, struct tensor *t,
                     struct tl_error *e)
{
    static const char doing[] = "cannot read an output";
    struct tl_ort_tensor_info *info = NULL;
    size_t elements = 0;
    memset(t, 0, sizeof *t);
    int rc = tl_ort_check(ort, ort->api.GetTensorTypeAndShape(value, &info), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.GetTensorElementType(info, &t->dtype), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.GetDimensionsCount(info, &t->rank), doing, e);
    t->dims = tl_calloc(t->rank + 1, sizeof *t->dims);
    if (rc == 0 && t->rank)
        rc = tl_ort_check(ort, ort->api.GetDimensions(info, t->dims, t->rank), doing, e);
    if (rc == 0)
        rc = tl_ort_check(ort, ort->api.GetTensorShapeElementCount(info, &elements), doing, e);
    if (info)
        ort->api.ReleaseTensorTypeAndShapeInfo(info);
    t->elements = elements;
    t->bytes = (t->elements * tl_ort_dtype_bits(t->dtype) + 7) / 8;
    return rc;
}

/* The elements one byte each, as a .npy file has them of a type of fewer bits. NULL: it has no such type. */
static unsigned char *unpacked(const struct tensor *t, const unsigned char *data)
{
    const unsigned bits = tl_ort_dtype_bits(t->dtype), each = bits ? 8 / bits : 0;
    if (!bits || bits > 4)
        return NULL;
    unsigned char *bytes = tl_malloc((size_t)t->elements + 1);
    for (uint64_t i = 0; i < t->elements; i++)
        bytes[i] = (unsigned char)(data[i / each] >> (i % each * bits) & ((1u << bits) - 1));
    return bytes;
}

/* Elements of a type that no input has: small integers and floats, and complex numbers. */
static void look_at_others(struct summary *s, const struct tensor *t, const unsigned char *data)
{
    const struct tl_element_type *type = tl_element_type_number(t->dtype);
    unsigned char *bytes = unpacked(t, data);
    for (uint64_t i = 0; type && type->size && i < t->elements; i++) {
        struct tl_element x;
        tl_element_read(type, (bytes ? bytes : data) + i * type->size, &x);
        bool whole = type->kind == TL_ELEMENT_INTEGER, complex = type->kind == TL_ELEMENT_COMPLEX;
        double v = !whole ? x.real : x.negative ? -(double)x.magnitude : (double)x.magnitude;
        if (json_array_size(s->first) < FIRST)
            json_array_append_new(s->first, whole     ? json_integer((json_int_t)v)
                                            : complex ? json_pack("[o,o]", figure(v), figure(x.imaginary))
                                                      : figure(v));
        if (!isfinite(v) || !isfinite(x.imaginary))
            count_not_finite(s, isfinite(v) ? x.imaginary : v, i);
        else if (!complex)
            count_number(s, v);
    }
    free(bytes);
}

static int look_at_tensor(const struct tl_ort *ort, struct summary *s, struct tl_ort_value *value,
                          const struct tensor *t, struct tl_error *e)
{
    void *data = NULL;
    s->elements += t->elements;
    if (t->dtype == TL_ORT_STRING)
        return look_at_strings(ort, s, value, t->elements, e);
    if (t->bytes == 0)
        return 0;
    if (tl_ort_check(ort, ort->api.GetTensorMutableData(value, &data), "cannot read an output", e) != 0)
        return -1;
    tl_hash_add(&s->hash, data, (size_t)t->bytes);
    if (tl_dtype_size((enum tl_dtype)t->dtype))
        look_at_numbers(s, (enum tl_dtype)t->dtype, data, t->elements);
    else
        look_at_others(s, t, data);
    return 0;
}

/* Sequences and maps, to a bounded depth. The type and shape of every tensor inside is part of the hash. */
static int look_inside(const struct tl_ort *ort, struct summary *s, struct tl_ort_value *value, int depth,
                       size_t *count, struct tl_error *e)
{
    static const char doing[] = "cannot read an output";
    struct tl_ort_allocator *allocator = NULL;
    int kind = 0;
    size_t n = 0;
    if (tl_ort_check(ort, ort->api.GetValueType(value, &kind), doing, e) != 0)
        return -1;
    if (kind == TL_ORT_KIND_TENSOR) {
        struct tensor t;
        int rc = tensor_of(ort, value, &t, e);
        if (rc == 0) {
            tl_hash_add(&s->hash, &t.dtype, sizeof t.dtype);
            tl_hash_add(&s->hash, t.dims, t.rank * sizeof *t.dims);
            rc = look_at_tensor(ort, s, value, &t, e);
        }
        free(t.dims);
        return rc;
    }
    if ((kind != TL_ORT_KIND_SEQUENCE && kind != TL_ORT_KIND_MAP) || depth >= DEPTH_MAX)
        return 0;
    if (tl_ort_check(ort, ort->api.GetAllocatorWithDefaultOptions(&allocator), doing, e) != 0 ||
        tl_ort_check(ort, ort->api.GetValueCount(value, &n), doing, e) != 0)
        return -1;
    if (count)
        *count = n;
    for (size_t i = 0; i < n && i < ITEMS_MAX; i++) {
        struct tl_ort_value *item = NULL;
        if (tl_ort_check(ort, ort->api.GetValue(value, (int)i, allocator, &item), doing, e) != 0)
            return -1;
        int rc = look_inside(ort, s, item, depth + 1, NULL, e);
        ort->api.ReleaseValue(item);
        if (rc != 0)
            return -1;
    }
    return 0;
}

/* Types that NumPy does not have are stored as bytes without meaning; what they mean is told with the output. */
static int store_bytes(const struct tensor *t, void *data, const char *path, struct tl_error *e)
{
    enum tl_dtype dtype = (enum tl_dtype)t->dtype;
    if (tl_dtype_size(dtype))
        return tl_npy_write(path, dtype, t->rank, t->dims, data, e);
    if (t->dtype == TL_ORT_COMPLEX64 || t->dtype == TL_ORT_COMPLEX128)
        return tl_npy_write_any(path, t->dtype == TL_ORT_COMPLEX64 ? "<c8" : "<c16",
                                tl_ort_dtype_bits(t->dtype) / 8, t->rank, t->dims, data, e);
    unsigned char *bytes = unpacked(t, data);
    int rc = tl_npy_write_any(path, "|V1", 1, t->rank, t->dims, bytes ? bytes : data, e);
    free(bytes);
    return rc;
}

/* Texts, filled up with NULs to one width. 1: one of them ends in a NUL, or they are too long together. */
static int store_texts(const struct tl_ort *ort, struct tl_ort_value *value, const struct tensor *t,
                       const char *path, struct tl_error *e)
{
    static const char doing[] = "cannot read an output";
    size_t size = 0, n = (size_t)t->elements, longest = 1;
    if (n && tl_ort_check(ort, ort->api.GetStringTensorDataLength(value, &size), doing, e) != 0)
        return -1;
    char *text = tl_calloc(size + 1, 1), *table = NULL, descr[32];
    size_t *offsets = tl_calloc(n + 1, sizeof *offsets);
    int rc =
        n ? tl_ort_check(ort, ort->api.GetStringTensorContent(value, text, size, offsets, n), doing, e) : 0;
    offsets[n] = size;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t length = offsets[i + 1] - offsets[i];
        if (offsets[i + 1] < offsets[i] || offsets[i + 1] > size || (length && !text[offsets[i + 1] - 1]))
            rc = 1;
        longest = length > longest ? length : longest;
    }
    if (rc == 0 && (longest > TEXT_MOST || (n && longest > TEXTS_MOST / n)))
        rc = 1;
    if (rc == 0) {
        table = tl_calloc(n + 1, longest);
        for (size_t i = 0; i < n; i++)
            memcpy(table + i * longest, text + offsets[i], offsets[i + 1] - offsets[i]);
        snprintf(descr, sizeof descr, "|S%zu", longest);
        rc = tl_npy_write_any(path, descr, longest, t->rank, t->dims, table, e);
    }
    free(table);
    free(offsets);
    free(text);
    return rc;
}

static int store(const struct tl_ort *ort, struct tl_ort_value *value, const struct tensor *t,
                 const char *directory, size_t index, json_t *out, struct tl_error *e)
{
    void *data = NULL;
    bool texts = t->dtype == TL_ORT_STRING;
    if ((!texts && !tl_ort_dtype_bits(t->dtype)) || t->rank > TL_RANK_MAX)
        return 0; /* the hash has to do */
    if (!texts &&
        tl_ort_check(ort, ort->api.GetTensorMutableData(value, &data), "cannot read an output", e) != 0)
        return -1;
    char *file = tl_format("%zu.npy", index), *path = tl_format("%s/%s", directory, file);
    int rc = texts ? store_texts(ort, value, t, path, e) : store_bytes(t, data, path, e);
    if (rc == 0)
        json_object_set_new(out, "npy", json_string(file));
    free(path);
    free(file);
    return rc < 0 ? -1 : 0;
}

static json_t *shape_json(const struct tensor *t)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < t->rank; i++)
        json_array_append_new(shape, json_integer(t->dims[i]));
    return shape;
}

int tl_ort_tensor_write(const struct tl_ort *ort, struct tl_ort_value *value, const char *directory,
                        const char *name, json_t *about, struct tl_error *e)
{
    struct tensor t;
    void *data = NULL;
    bool texts = false, plain = false;
    char *path = tl_format("%s/%s", directory, name);
    int rc = tensor_of(ort, value, &t, e);
    if (rc == 0) {
        texts = t.dtype == TL_ORT_STRING;
        plain = tl_dtype_size((enum tl_dtype)t.dtype) != 0;
    }
    if (rc == 0 && t.rank > TL_RANK_MAX)
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot write a tensor", path, "it has more than %d dimensions",
                     TL_RANK_MAX);
    if (rc == 0 && texts)
        rc = store_texts(ort, value, &t, path, e);
    if (rc > 0)
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot write a tensor", path,
                     "its texts end in NULs, or are too long, for a .npy file");
    if (rc == 0 && plain)
        rc = tl_ort_check(ort, ort->api.GetTensorMutableData(value, &data), "cannot read a tensor", e);
    if (rc == 0 && plain)
        rc = tl_npy_write(path, (enum tl_dtype)t.dtype, t.rank, t.dims, data, e);
    if (rc == 0) {
        json_object_set_new(about, "dtype", json_string(tl_ort_dtype_name(t.dtype)));
        json_object_set_new(about, "shape", shape_json(&t));
        if (texts || plain)
            json_object_set_new(about, "npy", json_string(name));
    }
    free(path);
    free(t.dims);
    return rc;
}

/* Of an optional output that is absent there is no value at all, or one that has no type, which the runtime
 * must not be asked for: it dies. Either is NULL afterwards. */
static int has_value(const struct tl_ort *ort, struct tl_ort_value **value, struct tl_error *e)
{
    int has = 1;
    if (!*value || !ort->api.HasValue)
        return 0;
    int rc = tl_ort_check(ort, ort->api.HasValue(*value, &has), "cannot read an output", e);
    if (rc == 0 && !has)
        *value = NULL; /* whose it is, is released with the outputs */
    return rc;
}

json_t *tl_ort_output(const struct tl_ort *ort, const char *name, struct tl_ort_value *value,
                      const char *directory, size_t index, struct tl_error *e)
{
    struct summary s = {.first = json_array()};
    struct tensor t = {0};
    char hash[TL_SHA256_SIZE];
    int kind = TL_ORT_KIND_UNKNOWN, rc = 0;
    size_t count = 0;
    json_t *out = json_object(), *text = json_string(name);
    json_object_set_new(out, "name", text ? text : json_null());
    if (tl_hash_begin(&s.hash) != 0) {
        json_decref(out);
        json_decref(s.first);
        tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot hash an output", name, "no memory");
        return NULL;
    }
    rc = has_value(ort, &value, e);
    if (rc == 0 && value)
        rc = tl_ort_check(ort, ort->api.GetValueType(value, &kind), "cannot read an output", e);
    json_object_set_new(out, "kind", json_string(value ? tl_ort_kind_name(kind) : "none"));
    if (rc == 0 && kind == TL_ORT_KIND_TENSOR) {
        rc = tensor_of(ort, value, &t, e);
        if (rc == 0) {
            json_object_set_new(out, "dtype", json_string(tl_ort_dtype_name(t.dtype)));
            json_object_set_new(out, "shape", shape_json(&t));
            rc = look_at_tensor(ort, &s, value, &t, e);
        }
        if (rc == 0 && directory)
            rc = store(ort, value, &t, directory, index, out, e);
        free(t.dims);
    } else if (rc == 0 && value) {
        rc = look_inside(ort, &s, value, 0, &count, e);
        json_object_set_new(out, "count", json_integer((json_int_t)count));
    }
    tl_hash_end(&s.hash, hash);
    hash[TL_ID_SIZE - 1] = '\0'; /* a content id is the first half */
    json_object_set_new(out, "hash", json_string(hash));
    bool finite = !s.nan && !s.inf;
    json_object_set_new(out, "finite", json_boolean(finite));
    if (!finite)
        json_object_set_new(out, "not_finite",
                            json_pack("{s:I,s:I,s:I}", "nan", (json_int_t)s.nan, "inf", (json_int_t)s.inf,
                                      "at", (json_int_t)s.not_finite_at));
    json_object_set_new(out, "min", s.numbers ? number(s.least) : json_null());
    json_object_set_new(out, "max", s.numbers ? number(s.greatest) : json_null());
    json_object_set_new(out, "mean", s.numbers ? number(s.sum / (double)s.numbers) : json_null());
    json_object_set_new(out, "first", s.first);
    if (s.first_cut)
        json_object_set_new(out, "first_cut", json_true());
    if (rc != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}
