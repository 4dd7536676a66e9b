/* .npy files.
 *
 *   bytes 0 to 5   "\x93NUMPY"
 *   bytes 6, 7     the version: 1.0, 2.0 or 3.0
 *   bytes 8 ...    the length of the header: 2 bytes in version 1, 4 bytes afterwards, little endian
 *   the header     a Python dictionary as text, filled up with blanks and ended by a newline:
 *                  {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
 *   the data       the elements, in the order and the type that the header names
 *
 * The dictionary is Python, but nothing here evaluates Python: a small parser accepts what NumPy writes and
 * nothing else, three keys with a type, a flag and a tuple of integers. Files come from outside, so every
 * number in one is checked before it is used: the shape multiplies without overflow, and the size of the file
 * is what header and shape make of it, neither less (reading would fail later) nor more (it would be another
 * file than it says).
 *
 * bfloat16 is no type of NumPy's. Its files say '<V2', two bytes of no meaning, as ml_dtypes writes them. */
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are stored little endian, and copied as they are"
#endif

#define HEADER_MAX (TL_NPY_HEADER_MAX - 12) /* bytes that are looked at for a header */
#define ITEM_MAX (1u << 20)                 /* bytes of one text or raw element */

static const struct {
    const char *descr;
    enum tl_dtype dtype;
} types[] = {
    /* The first spelling of a type is the one that is written. */
    {"<f4", TL_DTYPE_FLOAT32},  {"<f2", TL_DTYPE_FLOAT16},  {"<f8", TL_DTYPE_FLOAT64},
    {"|i1", TL_DTYPE_INT8},     {"<i2", TL_DTYPE_INT16},    {"<i4", TL_DTYPE_INT32},
    {"<i8", TL_DTYPE_INT64},    {"|u1", TL_DTYPE_UINT8},    {"<u2", TL_DTYPE_UINT16},
    {"<u4", TL_DTYPE_UINT32},   {"<u8", TL_DTYPE_UINT64},   {"|b1", TL_DTYPE_BOOL},
    {"<V2", TL_DTYPE_BFLOAT16}, {"|V2", TL_DTYPE_BFLOAT16}, {"<i1", TL_DTYPE_INT8},
    {"<u1", TL_DTYPE_UINT8},    {"?", TL_DTYPE_BOOL},
};

struct scan {
    const char *at, *end;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool take(struct scan *s, const char *word)
{
    skip_space(s);
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

/* A quoted string without escapes, at most size - 1 bytes. */
static bool take_string(struct scan *s, char *out, size_t size)
{
    skip_space(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"'))
        return false;
    char quote = *s->at++;
    size_t n = 0;
    while (s->at < s->end && *s->at != quote) {
        if (n + 1 >= size || *s->at == '\\' || *s->at == '\0')
            return false;
        out[n++] = *s->at++;
    }
    if (s->at == s->end)
        return false;
    s->at++;
    out[n] = '\0';
    return true;
}

static bool take_integer(struct scan *s, int64_t *out)
{
    skip_space(s);
    const char *first = s->at;
    int64_t v = 0;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s->at - '0', &v))
            return false;
        s->at++;
    }
    *out = v;
    return s->at > first;
}

static bool take_shape(struct scan *s, struct tl_npy *h)
{
    if (!take(s, "("))
        return false;
    h->rank = 0;
    while (!take(s, ")")) {
        int64_t dim;
        if (h->rank == TL_RANK_MAX || !take_integer(s, &dim))
            return false;
        h->dims[h->rank++] = dim;
        take(s, "L"); /* written by Python 2 */
        if (take(s, ","))
            continue;
        if (h->rank < 2) /* (3) is a number, not a tuple */
            return false;
        return take(s, ")");
    }
    return true;
}

static int refuse(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return -1;
}

/* A type that no input has: texts, raw bytes and complex numbers. */
static bool take_other_type(const char *descr, struct tl_npy *h)
{
    char *end;
    if (*descr == '<' || *descr == '|' || *descr == '=')
        descr++;
    if (!*descr || !strchr("USVc", *descr) || descr[1] < '0' || descr[1] > '9')
        return false;
    unsigned long n = strtoul(descr + 1, &end, 10);
    if (*end || n > ITEM_MAX / 4 || (n == 0 && *descr == 'V') || (*descr == 'c' && n != 8 && n != 16))
        return false;
    h->letter = *descr;
    h->item = *descr == 'U' ? 4 * n : n;
    return true;
}

static int take_type(struct scan *s, struct tl_npy *h, bool any, char *why, size_t why_size)
{
    char descr[24];
    if (!take_string(s, descr, sizeof descr))
        return refuse(why, why_size, "its element type is not a simple one");
    if (descr[0] == '>')
        return refuse(why, why_size, "it is big endian; save it as little endian");
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (!h->dtype && !strcmp(types[i].descr, descr))
            h->dtype = types[i].dtype;
    h->item = tl_dtype_size(h->dtype);
    if (h->dtype || (any && take_other_type(descr, h)))
        return 0;
    if (!strcmp(descr, "|O"))
        return refuse(why, why_size,
                      "it holds Python objects; save texts with a type of fixed width, .astype(\"U\")");
    snprintf(why, why_size, "its element type %s is not supported", descr);
    return -1;
}

static int take_dictionary(struct scan *s, struct tl_npy *h, bool any, char *why, size_t why_size)
{
    bool have_type = false, have_order = false, have_shape = false;
    if (!take(s, "{"))
        return refuse(why, why_size, "its header is not a dictionary");
    while (!take(s, "}")) {
        char key[24];
        if (!take_string(s, key, sizeof key) || !take(s, ":"))
            return refuse(why, why_size, "its header is not a dictionary of descr, fortran_order and shape");
        if (!strcmp(key, "descr") && !have_type) {
            if (take_type(s, h, any, why, why_size))
                return -1;
            have_type = true;
        } else if (!strcmp(key, "fortran_order") && !have_order) {
            if (take(s, "True"))
                return refuse(why, why_size, "it is in Fortran order; save it in C order");
            if (!take(s, "False"))
                return refuse(why, why_size, "its fortran_order is neither True nor False");
            have_order = true;
        } else if (!strcmp(key, "shape") && !have_shape) {
            if (!take_shape(s, h))
                return refuse(why, why_size, "its shape is not a tuple of at most 16 sizes");
            have_shape = true;
        } else {
            return refuse(why, why_size, "its header has an unknown or repeated key");
        }
        if (take(s, ","))
            continue;
        if (take(s, "}"))
            break;
        return refuse(why, why_size, "its header is not closed");
    }
    skip_space(s);
    if (s->at != s->end)
        return refuse(why, why_size, "its header has something after the dictionary");
    if (!have_type || !have_order || !have_shape)
        return refuse(why, why_size, "its header lacks descr, fortran_order or shape");
    return 0;
}

/* How many elements a shape has, and bytes of `item` each. One without elements is no larger for its other sizes, in whatever order
 * they stand. False: they make no sense together. */
static bool size_of(size_t rank, const int64_t *dims, size_t item, uint64_t *elements, uint64_t *bytes)
{
    bool whole = true, none = false;
    *elements = 1;
    for (size_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return false;
        none = none || !dims[i];
        whole = !__builtin_mul_overflow(*elements, (uint64_t)dims[i], elements) && whole;
    }
    if (none)
        *elements = 0;
    return !__builtin_mul_overflow(*elements, (uint64_t)item, bytes) && (none || whole);
}

static int read_header(const void *data, size_t size, uint64_t file_size, bool any, struct tl_npy *h,
                       char *why, size_t why_size)
{
    const unsigned char *b = data;
    memset(h, 0, sizeof *h);
    if (size < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return refuse(why, why_size, "it is not a .npy file");
    size_t start = b[6] == 1 ? 10 : 12;
    if (b[6] < 1 || b[6] > 3 || b[7] != 0 || size < start) {
        snprintf(why, why_size, "its version %d.%d is not 1.0, 2.0 or 3.0", b[6], b[7]);
        return -1;
    }
    uint64_t length = (uint64_t)b[8] | (uint64_t)b[9] << 8;
    if (start == 12)
        length |= (uint64_t)b[10] << 16 | (uint64_t)b[11] << 24;
    if (length > size - start)
        return refuse(why, why_size, "its header is cut off or too long");
    struct scan s = {(const char *)b + start, (const char *)b + start + length};
    if (take_dictionary(&s, h, any, why, why_size))
        return -1;
    h->offset = start + length;
    if (!size_of(h->rank, h->dims, h->item, &h->elements, &h->bytes) || h->bytes > TL_INPUT_BYTES_MAX ||
        (!h->item &&
         h->elements > ITEM_MAX)) /* texts of no bytes: the file says nothing of how many there are */
        return refuse(why, why_size, "its shape is too large");
    if (file_size < h->offset || file_size - h->offset != h->bytes) {
        snprintf(why, why_size, "its shape needs %llu bytes of data, but the file has %llu",
                 (unsigned long long)h->bytes,
                 (unsigned long long)(file_size < h->offset ? 0 : file_size - h->offset));
        return -1;
    }
    return 0;
}

int tl_npy_header(const void *data, size_t size, uint64_t file_size, struct tl_npy *h, char *why,
                  size_t why_size)
{
    return read_header(data, size, file_size, false, h, why, why_size);
}

int tl_npy_header_any(const void *data, size_t size, uint64_t file_size, struct tl_npy *h, char *why,
                      size_t why_size)
{
    return read_header(data, size, file_size, true, h, why, why_size);
}

static int open_regular(const char *path, uint64_t *size, struct tl_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not block */
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        return tl_fail_errno(e, TL_ERROR_INPUT, err, "cannot read the .npy file", path, "%s", "");
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the .npy file", path, "it is not a regular file");
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

static int open_header(const char *path, bool any, struct tl_npy *h, struct tl_error *e)
{
    uint64_t file_size;
    int fd = open_regular(path, &file_size, e);
    if (fd < 0)
        return -1;
    char *head = tl_malloc(HEADER_MAX + 12);
    int64_t n = tl_read_at(fd, head, HEADER_MAX + 12, 0);
    int err = errno;
    close(fd);
    char why[128];
    int status = 0;
    if (n < 0)
        status = tl_fail_errno(e, TL_ERROR_INPUT, err, "cannot read the .npy file", path, "%s", "");
    else if (read_header(head, (size_t)n, file_size, any, h, why, sizeof why))
        status = tl_fail(e, TL_ERROR_INPUT, "cannot read the .npy file", path, "%s", why);
    free(head);
    return status;
}

int tl_npy_open(const char *path, struct tl_npy *h, struct tl_error *e)
{
    return open_header(path, false, h, e);
}

int tl_npy_open_any(const char *path, struct tl_npy *h, struct tl_error *e)
{
    return open_header(path, true, h, e);
}

int tl_npy_read(const char *path, const struct tl_npy *h, void *buffer, size_t size, struct tl_error *e)
{
    if (size != h->bytes)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the .npy file", path, "its data has another size");
    uint64_t file_size;
    int fd = open_regular(path, &file_size, e);
    if (fd < 0)
        return -1;
    int64_t n = tl_read_at(fd, buffer, size, h->offset);
    int err = errno;
    close(fd);
    if (n < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, err, "cannot read the .npy file", path, "%s", "");
    if ((uint64_t)n != size)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the .npy file", path, "it became shorter meanwhile");
    if (h->dtype == TL_DTYPE_BOOL) /* any other byte is no boolean and would confuse a runtime */
        for (size_t i = 0; i < size; i++)
            ((unsigned char *)buffer)[i] = ((unsigned char *)buffer)[i] != 0;
    return 0;
}

int tl_npy_write(const char *path, enum tl_dtype dtype, size_t rank, const int64_t *dims, const void *data,
                 struct tl_error *e)
{
    const char *descr = NULL;
    for (size_t i = 0; !descr && i < TL_COUNT(types); i++)
        if (types[i].dtype == dtype)
            descr = types[i].descr;
    return tl_npy_write_any(path, descr, tl_dtype_size(dtype), rank, dims, data, e);
}

int tl_npy_write_any(const char *path, const char *descr, size_t item, size_t rank, const int64_t *dims,
                     const void *data, struct tl_error *e)
{
    if (!descr || rank > TL_RANK_MAX)
        return tl_fail(e, TL_ERROR_INPUT, "cannot write the .npy file", path, "it has no such type or rank");
    uint64_t elements, bytes;
    if (!size_of(rank, dims, item, &elements, &bytes))
        return tl_fail(e, TL_ERROR_INPUT, "cannot write the .npy file", path, "its shape makes no sense");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (size_t i = 0; i < rank; i++)
        tl_buffer_printf(&b, i + 1 < rank || rank == 1 ? "%lld, " : "%lld", (long long)dims[i]);
    tl_buffer_add_string(&b, "), }");
    while ((10 + b.size + 1) % 64 != 0) /* the data starts at a multiple of 64 bytes */
        tl_buffer_add_string(&b, " ");
    tl_buffer_add_string(&b, "\n");
    /* With at most 16 dimensions the header is far below the 64 KiB of version 1. */
    unsigned char head[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)b.size, (unsigned char)(b.size >> 8)};

    FILE *f = fopen(path, "wbe");
    if (!f) {
        int err = errno;
        tl_buffer_free(&b);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot write the .npy file", path, "%s", "");
    }
    bool ok = fwrite(head, 1, sizeof head, f) == sizeof head && fwrite(b.data, 1, b.size, f) == b.size &&
              (bytes == 0 || fwrite(data, 1, bytes, f) == bytes);
    int err = errno;
    if (fclose(f) && ok) {
        ok = false;
        err = errno;
    }
    tl_buffer_free(&b);
    return ok ? 0 : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, err, "cannot write the .npy file", path, "%s", "");
}
