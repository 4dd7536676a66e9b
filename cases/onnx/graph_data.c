#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct files {
    struct tl_onnx_model *m;
    struct tl_onnx_data_file *list;
    size_t n;
};

static void note(struct files *f, const tl_onnx_tensor_pb *t)
{
    if (!t || !tl_onnx_tensor_is_external(t))
        return;
    struct tl_onnx_data_place p = tl_onnx_data_place_of(t);
    size_t i = 0;
    while (i < f->n && strcmp(f->list[i].location, p.location) != 0)
        i++;
    if (i == f->n)
        *TL_GROW(f->list, f->n) = (struct tl_onnx_data_file){
            .location = tl_strdup(p.location),
            .made = f->m->part_location && !strcmp(p.location, f->m->part_location)};
    if (p.offset + p.length > f->list[i].size)
        f->list[i].size = p.offset + p.length;
}

static void note_sparse(struct files *f, const Onnx__SparseTensorProto *s)
{
    note(f, s ? s->values : NULL);
    note(f, s ? s->indices : NULL);
}

static int note_all(void *arg, struct tl_onnx_body body)
{
    for (size_t i = 0; body.graph && i < body.graph->n_initializer; i++)
        note(arg, body.graph->initializer[i]);
    for (size_t i = 0; body.graph && i < body.graph->n_sparse_initializer; i++)
        note_sparse(arg, body.graph->sparse_initializer[i]);
    for (size_t i = 0; i < *body.n; i++) {
        const tl_onnx_node_pb *n = (*body.nodes)[i];
        for (size_t k = 0; k < n->n_attribute; k++) {
            note(arg, n->attribute[k]->t);
            note_sparse(arg, n->attribute[k]->sparse_tensor);
            for (size_t j = 0; j < n->attribute[k]->n_sparse_tensors; j++)
                note_sparse(arg, n->attribute[k]->sparse_tensors[j]);
            for (size_t j = 0; j < n->attribute[k]->n_tensors; j++)
                note(arg, n->attribute[k]->tensors[j]);
        }
    }
    return 0;
}

void tl_onnx_data_files(struct tl_onnx_model *m, struct tl_onnx_data_file **list, size_t *n)
{
    struct files f = {.m = m};
    tl_onnx_each_body(m, note_all, &f);
    *list = f.list;
    *n = f.n;
}

void tl_onnx_data_files_free(struct tl_onnx_data_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(files[i].location);
    free(files);
}

static int write_at(int fd, const unsigned char *data, size_t n, uint64_t offset)
{
    while (n) {
        ssize_t written = pwrite(fd, data, n, (off_t)offset);
        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            data += written;
            offset += (uint64_t)written;
            n -= (size_t)written;
        }
    }
    return 0;
}

#define BLOCK ((size_t)1 << 16)

/* What is zero stays a hole of the file, which is new. */
static int write_blocks(int fd, const unsigned char *data, size_t n, uint64_t offset)
{
    static const unsigned char zeros[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        size_t size = n - i < BLOCK ? n - i : BLOCK;
        if (memcmp(data + i, zeros, size) && write_at(fd, data + i, size, offset + i))
            return -1;
    }
    return 0;
}

#define PIECE ((uint64_t)1 << 20) /* elements, a multiple of those in a byte */

static int write_part(const struct tl_onnx_model *m, const struct tl_onnx_data_part *p, const char *directory,
                      int fd, const char *path, struct tl_error *e)
{
    const struct tl_element_type *type = tl_element_type_number(p->type);
    unsigned each = type->bits < 8 ? 8u / type->bits : 1;
    unsigned char *bytes = tl_malloc((size_t)PIECE * type->size);
    int rc = 0;
    for (uint64_t first = 0; rc == 0 && first < p->elements; first += PIECE) {
        uint64_t n = p->elements - first < PIECE ? p->elements - first : PIECE;
        size_t size = type->bits < 8 ? (size_t)((n + each - 1) / each) : (size_t)n * type->size;
        uint64_t skipped = type->bits < 8 ? first / each : first * type->size;
        rc = m->over && m->over(m->of_over)
                 ? tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", path, "the weights are not needed any more")
                 : tl_onnx_part_read(m, p, directory, first, n, bytes, e);
        if (rc == 0 && write_blocks(fd, bytes, size, p->offset + skipped))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the weights", path, NULL);
    }
    free(bytes);
    return rc;
}

struct used {
    const struct tl_onnx_model *m;
    bool *parts;
};

static int note_used(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct used *u = arg;
    uint64_t elements = 0;
    if (!tl_onnx_tensor_is_external(t) || !tl_onnx_is_made(u->m, t))
        return 0;
    tl_onnx_tensor_elements(t, &elements);
    const struct tl_onnx_data_part *p = tl_onnx_part_at(u->m, tl_onnx_data_place_of(t).offset, elements);
    if (p)
        u->parts[p - u->m->parts] = true;
    return 0;
}

void tl_onnx_data_patience(struct tl_onnx_model *m, bool (*over)(void *arg), void *arg)
{
    m->over = over;
    m->of_over = arg;
}

/* Of what an edit made and another one changed again there is a hole. */
int tl_onnx_data_write(struct tl_onnx_model *m, const char *directory, int fd, const char *path,
                       struct tl_error *e)
{
    struct used u = {m, tl_calloc(m->n_parts + 1, sizeof *u.parts)};
    int rc = 0;
    tl_onnx_each_tensor(m, note_used, &u);
    if (ftruncate(fd, (off_t)m->part_bytes))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the weights", path, NULL);
    for (size_t i = 0; i < m->n_parts && rc == 0; i++) {
        const struct tl_onnx_data_part *p = &m->parts[i];
        bool hole = p->kind == TL_ONNX_PART_FILLED && p->fill.kind == TL_ONNX_ZEROS && !p->fill.n_keep;
        if (u.parts[i] && !hole)
            rc = write_part(m, p, directory, fd, path, e);
    }
    free(u.parts);
    return rc;
}
