/* The elements of a tensor that stand beside the model: in the original's file, or in the one that edits make, where each part
 * is made of others a piece at a time. */
#include "cases/inputs.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW ((uint64_t)1 << 16) /* elements that are read at once where single rows are wanted */

bool tl_onnx_is_made(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t)
{
    return m->part_location && !strcmp(tl_onnx_data_place_of(t).location, m->part_location);
}

const struct tl_onnx_data_part *tl_onnx_part_at(const struct tl_onnx_model *m, uint64_t offset,
                                                uint64_t elements)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].offset == offset && m->parts[i].elements >= elements)
            return &m->parts[i];
    return NULL;
}

static uint64_t stored(const struct tl_element_type *type, uint64_t elements)
{
    unsigned each = type->bits < 8 ? 8u / type->bits : 1;
    return type->bits < 8 ? (elements + each - 1) / each : elements * type->size;
}

/* What an edit before has made of the elements. */
static int read_made(const struct tl_onnx_model *m, const struct tl_onnx_data_place *place, uint64_t elements,
                     const char *directory, uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    const struct tl_onnx_data_part *p = tl_onnx_part_at(m, place->offset, elements);
    return p ? tl_onnx_part_read(m, p, directory, first, n, to, e)
             : tl_fail(e, TL_ERROR_INPUT, "cannot change a tensor again", m->name,
                       "it is not known what made it");
}

static int read_elements(const struct tl_onnx_model *m, const struct tl_onnx_data_place *place, bool made,
                         const struct tl_element_type *type, uint64_t elements, const char *directory,
                         uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    return made ? read_made(m, place, elements, directory, first, n, to, e)
                : tl_onnx_data_read_at(directory, place->location, place->offset + stored(type, first), to,
                                       (size_t)stored(type, n), e);
}

int tl_onnx_part_read_source(const struct tl_onnx_model *m, const struct tl_onnx_data_part *p,
                             const char *directory, uint64_t first, uint64_t n, unsigned char *to,
                             struct tl_error *e)
{
    return read_elements(m, &p->source, p->of_part, tl_element_type_number(p->source_type),
                         p->source_elements, directory, first, n, to, e);
}

/* --- what is made of them ------------------------------------------------------------------------------------ */

struct reading {
    const struct tl_onnx_model *m;
    const struct tl_onnx_data_part *p;
    const char *directory;
    unsigned char *window; /* WINDOW elements from that one on */
    uint64_t at, n;
};

static int read_source(void *arg, uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    const struct reading *r = arg;
    return tl_onnx_part_read_source(r->m, r->p, r->directory, first, n, to, e);
}

/* The same with a byte for each where there are several in a byte. */
static int read_plain(const struct reading *r, uint64_t first, uint64_t n, unsigned char *to,
                      struct tl_error *e)
{
    const struct tl_element_type *type = tl_element_type_number(r->p->source_type);
    if (type->bits >= 8)
        return tl_onnx_part_read_source(r->m, r->p, r->directory, first, n, to, e);
    unsigned each = 8u / type->bits, mask = (1u << type->bits) - 1;
    uint64_t begin = first / each * each;
    unsigned char *bytes = tl_malloc((size_t)(n / each) + 2);
    int rc = tl_onnx_part_read_source(r->m, r->p, r->directory, begin, first + n - begin, bytes, e);
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        to[i] = (unsigned char)(bytes[(first + i - begin) / each] >> (first + i) % each * type->bits & mask);
    free(bytes);
    return rc;
}

/* Short rows are taken out of what was read around them: the file is gone through once, and not asked for each of them. */
static int read_window(struct reading *r, uint64_t first, uint64_t n, size_t size, unsigned char *to,
                       struct tl_error *e)
{
    if (n > WINDOW / 4)
        return read_plain(r, first, n, to, e);
    if (first < r->at || first + n > r->at + r->n) {
        uint64_t left = r->p->source_elements - first;
        r->at = first;
        r->n = 0;
        if (read_plain(r, first, left < WINDOW ? left : WINDOW, r->window, e))
            return -1;
        r->n = left < WINDOW ? left : WINDOW;
    }
    memcpy(to, r->window + (size_t)(first - r->at) * size, (size_t)n * size);
    return 0;
}

static int read_rows(struct reading *r, uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    const struct tl_onnx_data_part *p = r->p;
    const struct tl_element_type *type = tl_element_type_number(p->type);
    size_t size = type->size;
    unsigned char *plain = type->bits < 8 ? tl_malloc((size_t)n + 1) : to;
    int rc = 0;
    r->window = tl_malloc((size_t)WINDOW * size);
    for (uint64_t i = first, end = first + n; i < end && rc == 0;) {
        uint64_t row = i / p->inner, within = i % p->inner, along = row % p->now;
        uint64_t from = p->places ? p->places[along] : along, count = p->inner - within;
        /* The first ones stand one behind the other. */
        if (!p->places && from < p->before)
            count += ((p->now < p->before ? p->now : p->before) - from - 1) * p->inner;
        count = count < end - i ? count : end - i;
        rc = read_window(r, (row / p->now * p->before + from % p->before) * p->inner + within, count, size,
                         plain + (size_t)(i - first) * size, e);
        i += count;
    }
    free(r->window);
    if (plain != to) {
        unsigned each = 8u / type->bits;
        memset(to, 0, (size_t)stored(type, n));
        for (uint64_t i = 0; i < n && rc == 0; i++)
            to[i / each] |= (unsigned char)(plain[i] << i % each * type->bits);
        free(plain);
    }
    return rc;
}

static int read_cast(struct reading *r, uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    enum tl_dtype from = (enum tl_dtype)r->p->source_type, type = (enum tl_dtype)r->p->type;
    size_t before = tl_dtype_size(from), size = tl_dtype_size(type);
    unsigned char *bytes = tl_malloc((size_t)n * before + 1);
    int rc = read_source(r, first, n, bytes, e);
    for (uint64_t i = 0; rc == 0 && i < n; i++) {
        if (tl_dtype_is_float(type)) {
            tl_store_real(type, (char *)to + i * size, tl_element_value(from, bytes, i));
        } else {
            struct tl_element x;
            tl_element_read(tl_element_type_number(from), bytes + i * before, &x);
            tl_store_integer(type, (char *)to + i * size, x.negative ? -x.magnitude : x.magnitude);
        }
    }
    free(bytes);
    return rc;
}

int tl_onnx_part_read(const struct tl_onnx_model *m, const struct tl_onnx_data_part *p, const char *directory,
                      uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    struct reading r = {.m = m, .p = p, .directory = directory};
    const struct tl_element_type *type = tl_element_type_number(p->type);
    switch (p->kind) {
    case TL_ONNX_PART_ROWS:
        return read_rows(&r, first, n, to, e);
    case TL_ONNX_PART_CAST:
        return read_cast(&r, first, n, to, e);
    case TL_ONNX_PART_NUMBER:
        if (read_source(&r, first, n, to, e))
            return -1;
        if (p->place >= first && p->place < first + n)
            memcpy(to + (size_t)(p->place - first) * type->size, p->number, type->size);
        return 0;
    default:
        return tl_onnx_fill_piece(&p->fill, type, read_source, &r, first, n, to, e);
    }
}

/* --- of a tensor --------------------------------------------------------------------------------------------- */

int tl_onnx_data_read(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                      unsigned char **data, size_t *size, struct tl_error *e)
{
    struct tl_onnx_data_place p = tl_onnx_data_place_of(t);
    *size = (size_t)p.length;
    *data = NULL;
    if (!tl_onnx_is_made(m, t) && tl_onnx_data_is_there(directory, p.location, p.offset, *size, e))
        return -1;
    *data = malloc(*size + 1);
    if (!*data)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot read the weights beside the model", p.location,
                       "there is not enough memory");
    uint64_t elements = 0;
    tl_onnx_tensor_elements(t, &elements);
    if (tl_onnx_is_made(m, t) ? !read_made(m, &p, elements, directory, 0, elements, *data, e)
                              : !tl_onnx_data_read_at(directory, p.location, p.offset, *data, *size, e))
        return 0;
    free(*data);
    *data = NULL;
    return -1;
}

int tl_onnx_data_piece(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                       uint64_t first, uint64_t n, unsigned char *to, struct tl_error *e)
{
    struct tl_onnx_data_place p = tl_onnx_data_place_of(t);
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    uint64_t elements = 0;
    tl_onnx_tensor_elements(t, &elements);
    if (!type || type->bits < 8 || first > elements || n > elements - first)
        return 1;
    return read_elements(m, &p, tl_onnx_is_made(m, t), type, elements, directory, first, n, to, e);
}
