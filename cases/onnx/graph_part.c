/* The file beside a model that edits make. Each tensor has a part of it, but those whose elements are all one value share the
 * longest such part of their type: gigabytes of ones take the disk, and the cache of the system, of one tensor only. */
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_counted.h"
#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT UINT64_C(4096)
#define FILE_MOST ((uint64_t)INT64_MAX / ALIGNMENT * ALIGNMENT)
#define DEPTH_MOST 1000           /* parts that are made of each other */
#define PIECE ((uint64_t)1 << 18) /* elements that are counted at a time, a multiple of those in a byte */

/* A name that no file of the original's has. */
static char *free_name(struct tl_onnx_model *m, const char *prefix)
{
    struct tl_onnx_data_file *files;
    size_t n;
    char *found = NULL;
    tl_onnx_data_files(m, &files, &n);
    for (unsigned k = 0; !found; k++) {
        char *name = k ? tl_format("%svalues%u.data", prefix, k) : tl_format("%svalues.data", prefix);
        size_t i = 0;
        while (i < n && strcmp(files[i].location, name) != 0)
            i++;
        if (i == n)
            found = tl_onnx_text(m, name);
        free(name);
    }
    tl_onnx_data_files_free(files, n);
    return found;
}

/* In the memory of the model: others are its own. */
static void own_histogram(struct tl_onnx_model *m, struct tl_onnx_statistics *s)
{
    if (!s->histogram)
        return;
    uint64_t *own = tl_arena_alloc(m->arena, 256, sizeof *own);
    memcpy(own, s->histogram, 256 * sizeof *own);
    s->histogram = own;
}

/* Counts what a tensor has, a piece at a time. */
static int count_pieces(struct tl_onnx_model *m, struct tl_onnx_data_part *p, const char *directory,
                        struct tl_onnx_statistics *counted, struct tl_error *e)
{
    const struct tl_element_type *type = tl_element_type_number(p->source_type);
    unsigned each = type->bits < 8 ? 8u / type->bits : 1;
    unsigned char *bytes = tl_malloc((size_t)PIECE * type->size);
    struct tl_onnx_statistics s;
    int rc = 0;
    tl_onnx_statistics_begin(&s, type, p->source_elements);
    for (uint64_t first = 0; rc == 0 && first < p->source_elements; first += PIECE) {
        uint64_t n = p->source_elements - first < PIECE ? p->source_elements - first : PIECE;
        size_t size = type->bits < 8 ? (size_t)((n + each - 1) / each) : (size_t)n * type->size;
        int64_t dims[] = {(int64_t)n};
        Onnx__TensorProto piece = ONNX__TENSOR_PROTO__INIT;
        struct tl_tensor_pb plain;
        char why[256];
        piece.has_data_type = piece.has_raw_data = 1;
        piece.data_type = p->source_type;
        piece.n_dims = 1;
        piece.dims = dims;
        piece.raw_data = (ProtobufCBinaryData){size, bytes};
        rc = tl_onnx_part_read_source(m, p, directory, first, n, bytes, e);
        if (rc == 0 && tl_tensor_pb_take(&piece, &plain, why, sizeof why))
            rc = tl_fail(e, TL_ERROR_INPUT, "cannot read the weights beside the model", p->source.location,
                         "%s", why);
        else if (rc == 0) {
            tl_onnx_statistics_add(&s, type, plain.data, n);
            tl_tensor_pb_free(&plain);
        }
    }
    tl_onnx_statistics_end(&s);
    *counted = s;
    free(bytes);
    return rc;
}

static int count_beside(struct tl_onnx_model *m, struct tl_onnx_data_part *p, const char *directory,
                        struct tl_error *e)
{
    struct tl_onnx_counted_key key = {NULL};
    struct tl_onnx_statistics s;
    int rc = 0;
    if (!p->of_part) /* else it is made anew each time */
        key = tl_onnx_counted_key(directory, &p->source, p->source_type, p->source_elements);
    if (tl_onnx_counted_find(&key, &p->fill.statistics)) {
        own_histogram(m, &p->fill.statistics);
    } else {
        rc = count_pieces(m, p, directory, &s, e);
        if (!rc)
            tl_onnx_counted_put(&key, &s);
        p->fill.statistics = s;
        own_histogram(m, &p->fill.statistics);
        tl_onnx_statistics_free(&s);
    }
    tl_onnx_counted_key_free(&key);
    return rc;
}

static bool has_one_value(const struct tl_onnx_data_part *p)
{
    return p->kind == TL_ONNX_PART_FILLED && p->fill.kind != TL_ONNX_RANDOM && !p->fill.n_keep;
}

bool tl_onnx_stays_beside(const tl_onnx_tensor_pb *t)
{
    const struct tl_element_type *type = tl_element_type_number(t->data_type);
    uint64_t bytes;
    return tl_onnx_tensor_is_external(t) && type && tl_onnx_tensor_bytes(t, &bytes) && bytes &&
           (type->bits >= 8 || bytes >= TL_ONNX_PACKED_BESIDE_FROM);
}

/* Of elements that are all one value other ones are the same, however many, and of whatever type. */
static void simplify(const struct tl_onnx_model *m, struct tl_onnx_data_part *p)
{
    const struct tl_onnx_data_part *before =
        p->of_part ? tl_onnx_part_at(m, p->source.offset, p->source_elements) : NULL;
    if (before && has_one_value(before) && (p->kind == TL_ONNX_PART_ROWS || p->kind == TL_ONNX_PART_CAST)) {
        p->kind = TL_ONNX_PART_FILLED;
        p->fill = before->fill;
    }
}

/* A part that says the same as this one, and as much of it. */
static const struct tl_onnx_data_part *same_part(const struct tl_onnx_model *m,
                                                 const struct tl_onnx_data_part *p)
{
    for (size_t i = 0; has_one_value(p) && i < m->n_parts; i++) {
        const struct tl_onnx_data_part *x = &m->parts[i];
        if (has_one_value(x) && x->fill.kind == p->fill.kind && x->type == p->type &&
            x->elements >= p->elements)
            return x;
    }
    return NULL;
}

int tl_onnx_part_add(struct tl_onnx_model *m, tl_onnx_tensor_pb *t, struct tl_onnx_data_part *p,
                     const char *directory, struct tl_error *e)
{
    tl_onnx_tensor_pb becomes = *t;
    int64_t elements_now;
    uint64_t bytes = 0;
    p->source = tl_onnx_data_place_of(t);
    p->of_part = tl_onnx_is_made(m, t);
    p->source_type = t->data_type;
    tl_onnx_tensor_elements(t, &p->source_elements);
    p->type = p->type ? p->type : t->data_type;
    p->elements = p->kind == TL_ONNX_PART_ROWS ? p->elements : p->source_elements;
    elements_now = (int64_t)p->elements;
    becomes.data_type = p->type;
    becomes.n_dims = 1;
    becomes.dims = &elements_now;
    if (!tl_onnx_tensor_bytes(&becomes, &bytes) || bytes > FILE_MOST - m->part_bytes)
        return tl_fail(e, TL_ERROR_INPUT, "cannot change a tensor", m->name,
                       "it would end beyond what any file can have");
    if (!p->of_part &&
        tl_onnx_data_is_there(directory, p->source.location, p->source.offset, p->source.length, e))
        return -1;
    if (p->kind == TL_ONNX_PART_FILLED && p->fill.kind == TL_ONNX_RANDOM && count_beside(m, p, directory, e))
        return -1;
    simplify(m, p);
    const struct tl_onnx_data_part *before =
        p->of_part ? tl_onnx_part_at(m, p->source.offset, p->source_elements) : NULL;
    p->depth = before ? before->depth + 1 : 0;
    if (p->depth > DEPTH_MOST)
        return tl_fail(e, TL_ERROR_INPUT, "cannot change a tensor again", m->name,
                       "it was changed more than %d times", DEPTH_MOST);
    if (!m->part_location)
        m->part_location = free_name(m, "");
    p->source.location = tl_onnx_text(m, p->source.location);
    const struct tl_onnx_data_part *same = same_part(m, p);
    if (same) {
        tl_onnx_data_set_place(m, t, (struct tl_onnx_data_place){m->part_location, same->offset, bytes});
        return 0;
    }
    struct tl_onnx_range *keep = tl_arena_alloc(m->arena, p->fill.n_keep + 1, sizeof *keep);
    if (p->fill.n_keep)
        memcpy(keep, p->fill.keep, p->fill.n_keep * sizeof *keep);
    p->fill.keep = keep;
    p->offset = m->part_bytes;
    m->part_bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    m->parts = tl_realloc(m->parts, m->n_parts + 1, sizeof *m->parts);
    m->parts[m->n_parts++] = *p;
    tl_onnx_data_set_place(m, t, (struct tl_onnx_data_place){m->part_location, p->offset, bytes});
    return 0;
}

/* --- all that is kept, in one file ------------------------------------------------------------------------- */

struct packing {
    struct tl_onnx_model *m;
    const char *directory;
    char *name;
    uint64_t bytes;
    struct tl_error *e;
};

/* The bytes of a tensor that is in a file of the original's; false: it is not, or cannot be taken apart. */
static bool is_kept(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, uint64_t *elements,
                    uint64_t *bytes)
{
    return tl_onnx_tensor_is_external(t) && !tl_onnx_is_made(m, t) && tl_element_type_number(t->data_type) &&
           tl_onnx_tensor_elements(t, elements) && *elements && tl_onnx_tensor_bytes(t, bytes);
}

static int count_kept(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct packing *p = arg;
    uint64_t elements, bytes;
    if (is_kept(p->m, t, &elements, &bytes) && __builtin_add_overflow(p->bytes, bytes, &p->bytes))
        p->bytes = UINT64_MAX; /* of a model that says so, whatever its files have */
    return p->bytes == UINT64_MAX;
}

uint64_t tl_onnx_data_kept(struct tl_onnx_model *m)
{
    struct packing p = {.m = m};
    tl_onnx_each_tensor(m, count_kept, &p);
    return p.bytes;
}

static int pack(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct packing *p = arg;
    uint64_t elements, bytes;
    if (!is_kept(p->m, t, &elements, &bytes))
        return 0;
    const struct tl_onnx_range all = {0, elements - 1};
    struct tl_onnx_data_part part = {.fill = {.kind = TL_ONNX_ZEROS, .keep = &all, .n_keep = 1}};
    return tl_onnx_part_add(p->m, t, &part, p->directory, p->e);
}

int tl_onnx_data_pack(struct tl_onnx_model *m, const char *directory, struct tl_error *e)
{
    struct packing p = {.m = m, .directory = directory, .e = e};
    return tl_onnx_each_tensor(m, pack, &p);
}

static int rename_one(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct packing *p = arg;
    if (tl_onnx_tensor_is_external(t) && tl_onnx_is_made(p->m, t)) {
        struct tl_onnx_data_place place = tl_onnx_data_place_of(t);
        place.location = p->name;
        tl_onnx_data_set_place(p->m, t, place);
    }
    return 0;
}

void tl_onnx_data_name(struct tl_onnx_model *m, const char *prefix)
{
    if (!m->part_location)
        return;
    struct packing p = {.m = m, .name = free_name(m, prefix)};
    tl_onnx_each_tensor(m, rename_one, &p);
    m->part_location = p.name;
}
