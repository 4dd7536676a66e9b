/* Models as bytes again. protobuf-c writes the fields in the order of their numbers, as other writers do. */
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/graph_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int too_large(const struct tl_onnx_model *m, size_t size, struct tl_error *e)
{
    if (size <= TL_ONNX_MODEL_BYTES_MAX)
        return 0;
    return tl_fail(e, TL_ERROR_INPUT, "cannot write the model", m->name,
                   "it would have %zu bytes, more than the 2 GiB that a file of protobuf can have", size);
}

int tl_onnx_model_write(const struct tl_onnx_model *m, uint8_t **bytes, size_t *size, struct tl_error *e)
{
    *bytes = NULL;
    *size = onnx__model_proto__get_packed_size(m->pb);
    if (too_large(m, *size, e))
        return -1;
    *bytes = malloc(*size + 1);
    if (!*bytes)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot write the model", m->name,
                       "there is not enough memory for it");
    onnx__model_proto__pack(m->pb, *bytes);
    return 0;
}

#define PIECE 65536

struct file_buffer {
    ProtobufCBuffer base;
    int fd, error;
    size_t n;
    unsigned char bytes[PIECE];
};

static void put(struct file_buffer *f, const uint8_t *data, size_t n)
{
    while (n && !f->error) {
        ssize_t written = write(f->fd, data, n);
        if (written < 0 && errno != EINTR)
            f->error = errno;
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        }
    }
}

static void append(ProtobufCBuffer *base, size_t n, const uint8_t *data)
{
    struct file_buffer *f = (struct file_buffer *)base;
    if (n > PIECE - f->n) {
        put(f, f->bytes, f->n);
        f->n = 0;
    }
    if (n > PIECE) {
        put(f, data, n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        f->bytes[f->n + i] = data[i];
    f->n += n;
}

int tl_onnx_model_write_to(const struct tl_onnx_model *m, int fd, const char *path, struct tl_error *e)
{
    if (too_large(m, onnx__model_proto__get_packed_size(m->pb), e))
        return -1;
    struct file_buffer *f = calloc(1, sizeof *f);
    if (!f)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot write the model", path,
                       "there is not enough memory for it");
    f->base.append = append;
    f->fd = fd;
    onnx__model_proto__pack_to_buffer(m->pb, &f->base);
    put(f, f->bytes, f->n);
    int error = f->error;
    free(f);
    return error ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, error, "cannot write the model", path, NULL) : 0;
}
