/* The elements of one output.
 *
 * A file is read through a block of fixed size. The elements of a .npy file are those of a type that NumPy has,
 * or raw bytes, for types that it has not: then the output itself says what they are. Small integers and floats
 * take a byte each there, however few of its bits count. */
#include "harness/executor/values.h"

#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/left_file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20)
#define PB_MOST ((size_t)1 << 30)
#define WHAT "cannot read an output"

static int open_file(int directory, const char *path, bool strict, uint64_t *size, struct tl_error *e)
{
    struct stat st;
    if (strict)
        return tl_open_left_file(directory, path, WHAT, size, e);
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, WHAT, path, NULL);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return tl_fail(e, TL_ERROR_INPUT, WHAT, path, "it is not a regular file");
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

/* What the elements of a file are, which says one thing, while the output may say another. NULL: they do not
 * go together. */
static const struct tl_element_type *type_of(const struct tl_npy *h, const struct tl_element_type *said)
{
    const struct tl_element_type *stored = NULL;
    if (h->dtype)
        stored = tl_element_type_number((int)h->dtype);
    else if (h->letter == 'U' || h->letter == 'S')
        stored = tl_element_type_find("string");
    else if (h->letter == 'c')
        stored = tl_element_type_find(h->item == 8 ? "complex64" : "complex128");
    if (!said || said == stored)
        return stored;
    if (said->size != h->item || said->kind == TL_ELEMENT_STRING)
        return NULL;
    /* Raw bytes, or integers that stand for the bits of what NumPy does not have. */
    bool foreign = said->number == TL_DTYPE_BFLOAT16 || (said->number > TL_DTYPE_BFLOAT16 && said->size == 1);
    bool carrier = h->letter == 'V' || h->dtype == TL_DTYPE_UINT8 || h->dtype == TL_DTYPE_INT8 ||
                   h->dtype == TL_DTYPE_UINT16;
    return foreign && carrier ? said : NULL;
}

int tl_values_open_npy(struct tl_values *v, int directory, const char *path,
                       const struct tl_element_type *type, bool strict, struct tl_error *e)
{
    struct tl_npy h;
    uint64_t file_size = 0;
    char why[160];
    *v = (struct tl_values){.fd = -1};
    int fd = open_file(directory, path, strict, &file_size, e);
    if (fd < 0)
        return -1;
    char *head = tl_malloc(TL_NPY_HEADER_MAX);
    int64_t n = tl_read_at(fd, head, TL_NPY_HEADER_MAX, 0);
    int failed = n < 0 ? tl_fail_errno(e, TL_ERROR_INPUT, errno, WHAT, path, NULL)
                 : tl_npy_header_any(head, (size_t)n, file_size, &h, why, sizeof why)
                     ? tl_fail(e, TL_ERROR_INPUT, WHAT, path, "%s", why)
                     : 0;
    free(head);
    if (!failed && !(v->type = type_of(&h, type)))
        failed = type ? tl_fail(e, TL_ERROR_INPUT, WHAT, path,
                                "the file does not hold %s, as its output is said to", type->name)
                      : tl_fail(e, TL_ERROR_INPUT, WHAT, path, "the file does not say what its elements are");
    if (failed) {
        close(fd);
        v->type = NULL;
        return -1;
    }
    v->fd = fd;
    v->rank = h.rank;
    memcpy(v->dims, h.dims, sizeof v->dims);
    v->elements = h.elements;
    v->offset = h.offset;
    v->item = h.item;
    v->letter = h.letter;
    size_t room = h.item > BLOCK_BYTES ? h.item : BLOCK_BYTES;
    v->block = tl_malloc(room);
    v->text = h.letter == 'U' ? tl_malloc(h.item + 4) : NULL;
    return 0;
}

int tl_values_open_pb(struct tl_values *v, const char *path, struct tl_error *e)
{
    char why[160];
    uint64_t size = 0;
    *v = (struct tl_values){.fd = -1};
    int fd = open_file(AT_FDCWD, path, false, &size, e);
    if (fd < 0)
        return -1;
    if (size > PB_MOST) {
        close(fd);
        return tl_fail(e, TL_ERROR_INPUT, WHAT, path, "it has more than a GiB; save it as .npy");
    }
    unsigned char *bytes = tl_malloc((size_t)size + 1);
    int64_t n = tl_read_at(fd, bytes, (size_t)size, 0);
    int failed = n < 0 ? tl_fail_errno(e, TL_ERROR_INPUT, errno, WHAT, path, NULL)
                 : tl_tensor_pb_read(bytes, (size_t)n, &v->tensor, why, sizeof why)
                     ? tl_fail(e, TL_ERROR_INPUT, WHAT, path, "%s", why)
                     : 0;
    free(bytes);
    close(fd);
    if (failed)
        return -1;
    v->type = v->tensor.type;
    v->rank = v->tensor.rank;
    memcpy(v->dims, v->tensor.dims, sizeof v->dims);
    v->elements = v->tensor.elements;
    return 0;
}

/* --- what stands in a result ---------------------------------------------------------------------------- */

/* JSON has no number that is not finite; null is one of them, and does not say which. */
static bool real_of(const json_t *value, double *real)
{
    const char *s = json_string_value(value);
    if (json_is_number(value))
        *real = json_number_value(value);
    else if (s && (!strcmp(s, "nan") || !strcmp(s, "-nan")))
        *real = NAN;
    else if (s && (!strcmp(s, "inf") || !strcmp(s, "-inf")))
        *real = *s == '-' ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

static bool integer_of(const json_t *value, struct tl_element *x)
{
    const char *s = json_string_value(value);
    double real = json_real_value(value);
    if (json_is_integer(value)) {
        json_int_t n = json_integer_value(value);
        x->negative = n < 0;
        x->magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;
        return true;
    }
    if (json_is_real(value) && real == trunc(real) && fabs(real) <= 0x1p53) {
        x->negative = real < 0;
        x->magnitude = (uint64_t)fabs(real);
        return true;
    }
    if (!s || !*s) /* a number of more than 63 bits has to be a text */
        return false;
    char *end;
    x->negative = *s == '-';
    s += x->negative;
    errno = 0;
    x->magnitude = *s >= '0' && *s <= '9' ? strtoull(s, &end, 10) : (end = (char *)s, 0);
    return end != s && !*end && !errno;
}

static bool listed(const struct tl_element_type *t, const json_t *value, struct tl_element *x)
{
    *x = (struct tl_element){0};
    switch (t->kind) {
    case TL_ELEMENT_FLOAT:
        if (!real_of(value, &x->real))
            return false;
        if (t->number == TL_DTYPE_FLOAT32) /* as the runtime has it, of what may have more digits */
            x->real = (double)(float)x->real;
        return true;
    case TL_ELEMENT_COMPLEX:
        return json_array_size(value) == 2 && real_of(json_array_get(value, 0), &x->real) &&
               real_of(json_array_get(value, 1), &x->imaginary);
    case TL_ELEMENT_INTEGER:
        return integer_of(value, x);
    case TL_ELEMENT_BOOL:
        if (json_is_boolean(value))
            x->magnitude = json_is_true(value);
        return json_is_boolean(value) || (integer_of(value, x) && x->magnitude <= 1);
    case TL_ELEMENT_STRING:
        x->text = json_string_value(value);
        x->size = json_string_length(value);
        return x->text != NULL;
    }
    return false;
}

int tl_values_of_first(struct tl_values *v, const json_t *output, bool *broken)
{
    *broken = false;
    const char *name = json_string_value(json_object_get(output, "dtype"));
    const json_t *shape = json_object_get(output, "shape"), *list = json_object_get(output, "first"), *item;
    size_t i;
    *v = (struct tl_values){.fd = -1};
    const struct tl_element_type *type = name ? tl_element_type_find(name) : NULL;
    if (!type || !json_is_array(list) || !json_is_array(shape) || json_array_size(shape) > TL_RANK_MAX ||
        json_is_true(json_object_get(output, "first_cut")))
        return -1;
    v->elements = 1;
    json_array_foreach(shape, i, item) {
        v->dims[v->rank++] = json_integer_value(item);
        if (__builtin_mul_overflow(v->elements, (uint64_t)json_integer_value(item), &v->elements))
            return -1;
    }
    *broken = json_array_size(list) > v->elements;
    json_array_foreach(list, i, item) {
        struct tl_element x;
        if (!listed(type, item, &x) && !json_is_null(item))
            *broken = true;
        if (json_is_null(item) && !listed(type, item, &x))
            return -1; /* something that is not finite, and which is not said */
    }
    if (*broken || v->elements != json_array_size(list))
        return -1;
    v->type = type;
    v->list = list;
    return 0;
}

/* --- elements ------------------------------------------------------------------------------------------- */

static int load(struct tl_values *v, uint64_t i)
{
    uint64_t most = v->item ? BLOCK_BYTES / v->item : v->elements, count = v->elements - i;
    if (!most)
        most = 1;
    if (count > most)
        count = most;
    if (tl_read_at(v->fd, v->block, (size_t)count * v->item, v->offset + i * v->item) !=
        (int64_t)(count * v->item))
        return -1;
    v->block_first = i;
    v->block_count = count;
    return 0;
}

/* UTF-32 as UTF-8; what is no character becomes U+FFFD. */
static size_t narrow(const unsigned char *from, size_t n, char *to)
{
    char *at = to;
    for (size_t i = 0; i < n; i++) {
        uint32_t c;
        memcpy(&c, from + 4 * i, sizeof c);
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
            c = 0xfffd;
        if (c < 0x80) {
            *at++ = (char)c;
        } else if (c < 0x800) {
            *at++ = (char)(0xc0 | c >> 6);
            *at++ = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            *at++ = (char)(0xe0 | c >> 12);
            *at++ = (char)(0x80 | (c >> 6 & 0x3f));
            *at++ = (char)(0x80 | (c & 0x3f));
        } else {
            *at++ = (char)(0xf0 | c >> 18);
            *at++ = (char)(0x80 | (c >> 12 & 0x3f));
            *at++ = (char)(0x80 | (c >> 6 & 0x3f));
            *at++ = (char)(0x80 | (c & 0x3f));
        }
    }
    return (size_t)(at - to);
}

/* A text of fixed width is filled up with NULs, which do not belong to it. */
static void stored_text(struct tl_values *v, const unsigned char *at, struct tl_element *x)
{
    size_t n = v->item;
    *x = (struct tl_element){.text = (const char *)at};
    while (n && !at[n - 1])
        n--;
    if (v->letter == 'S') {
        x->size = n;
        return;
    }
    x->size = narrow(at, (n + 3) / 4, v->text);
    x->text = v->text;
}

int tl_values_get(struct tl_values *v, uint64_t i, struct tl_element *x)
{
    if (v->list)
        return listed(v->type, json_array_get(v->list, (size_t)i), x) ? 0 : -1;
    if (v->tensor.texts) {
        *x = (struct tl_element){.text = v->tensor.texts[i], .size = v->tensor.sizes[i]};
        return 0;
    }
    if (v->tensor.type) {
        tl_element_read(v->type, v->tensor.data + i * v->type->size, x);
        return 0;
    }
    if ((i < v->block_first || i - v->block_first >= v->block_count) && load(v, i))
        return -1;
    const unsigned char *at = v->block + (i - v->block_first) * v->item;
    if (v->type->kind == TL_ELEMENT_STRING)
        stored_text(v, at, x);
    else
        tl_element_read(v->type, at, x);
    return 0;
}

void tl_values_close(struct tl_values *v)
{
    if (v->type && v->fd >= 0)
        close(v->fd);
    free(v->block);
    free(v->text);
    tl_tensor_pb_free(&v->tensor);
    *v = (struct tl_values){.fd = -1};
}
