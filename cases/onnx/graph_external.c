#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *entry(const tl_onnx_tensor_pb *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *x = t->external_data[i];
        if (x->key && x->value && !strcmp(x->key, key))
            return x->value;
    }
    return NULL;
}

/* Digits alone. */
static bool number(const char *s, uint64_t *v)
{
    *v = 0;
    for (const char *p = s; *p; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(*v, UINT64_C(10), v) ||
            __builtin_add_overflow(*v, (uint64_t)(*p - '0'), v))
            return false;
    }
    return *s != '\0' && *v <= INT64_MAX;
}

static bool goes_up(const char *path)
{
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
            return true;
    }
    return false;
}

char *tl_onnx_data_check(const tl_onnx_tensor_pb *t)
{
    const char *location = entry(t, "location"), *offset = entry(t, "offset"), *length = entry(t, "length");
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    uint64_t from = 0, n = 0, bytes;
    if (!location || !*location)
        return tl_strdup("a tensor is in another file and does not say which");
    if (*location == '/' || strchr(location, '\\') || goes_up(location))
        return tl_strdup(
            "a tensor is in a file outside of the model's directory; save the model with its data beside it");
    if (offset && !number(offset, &from))
        return tl_strdup("the offset of a tensor in its file is no number");
    if (length && !number(length, &n))
        return tl_strdup("the length of a tensor in its file is no number");
    bool counted = tl_onnx_tensor_bytes(t, &bytes);
    if (!counted && type && type->kind != TL_ELEMENT_STRING)
        return tl_strdup("a tensor has more elements than can be counted");
    if (counted && length && bytes != n)
        return tl_format("a tensor has %" PRIu64 " bytes in its file, and %" PRIu64 " by its type and shape",
                         n, bytes);
    if (counted)
        n = bytes;
    if (n > INT64_MAX - from)
        return tl_strdup("a tensor ends beyond what any file can have");
    return NULL;
}

struct tl_onnx_data_place tl_onnx_data_place_of(const tl_onnx_tensor_pb *t)
{
    struct tl_onnx_data_place p = {.location = entry(t, "location")};
    const char *offset = entry(t, "offset"), *length = entry(t, "length");
    if (offset)
        number(offset, &p.offset);
    if (!length || !number(length, &p.length))
        tl_onnx_tensor_bytes(t, &p.length);
    return p;
}

void tl_onnx_data_set_place(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, struct tl_onnx_data_place place)
{
    static const char *const keys[] = {"location", "offset", "length"};
    tl_onnx_tensor_clear(t);
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->n_external_data = TL_COUNT(keys);
    t->external_data = tl_arena_alloc(m->arena, TL_COUNT(keys), sizeof *t->external_data);
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        Onnx__StringStringEntryProto *x = tl_arena_alloc(m->arena, 1, sizeof *x);
        onnx__string_string_entry_proto__init(x);
        x->key = tl_onnx_text(m, keys[i]);
        x->value = i == 0 ? tl_onnx_text(m, place.location)
                          : tl_onnx_text_format(m, "%" PRIu64, i == 1 ? place.offset : place.length);
        t->external_data[i] = x;
    }
}

/* Opens a file beside the model that has these bytes; -1 with the error set where there is none. Those who need memory for
 * them ask first: how many there are is said by the model, which may say anything. */
static int open_with(const char *path, uint64_t offset, size_t size, struct tl_error *e)
{
    static const char what[] = "cannot read the weights beside the model";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path, NULL);
    else if (!S_ISREG(st.st_mode))
        tl_fail(e, TL_ERROR_INPUT, what, path, "it is no regular file");
    else if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
        tl_fail(e, TL_ERROR_INPUT, what, path,
                "it ends before a tensor does that has %zu bytes from byte %" PRIu64 " on", size, offset);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static char *path_in(const char *directory, const char *location)
{
    return tl_format("%s/%s", directory && *directory ? directory : ".", location);
}

int tl_onnx_data_read_at(const char *directory, const char *location, uint64_t offset, void *to, size_t size,
                         struct tl_error *e)
{
    char *path = path_in(directory, location);
    int fd = open_with(path, offset, size, e), rc = -1;
    if (fd >= 0) {
        int64_t n = tl_read_at(fd, to, size, offset);
        rc = n == (int64_t)size ? 0
                                : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, n < 0 ? errno : EIO,
                                                "cannot read the weights beside the model", path, NULL);
        close(fd);
    }
    free(path);
    return rc;
}

int tl_onnx_data_is_there(const char *directory, const char *location, uint64_t offset, size_t size,
                          struct tl_error *e)
{
    char *path = path_in(directory, location);
    int fd = open_with(path, offset, size, e);
    if (fd >= 0)
        close(fd);
    free(path);
    return fd < 0 ? -1 : 0;
}
