/* Reading checks twice: the bytes before they are unpacked (graph_wire.h), and what they mean afterwards (graph_check.h), so
 * that no edit has to ask whether a name is there, a list ends or a function calls itself. */
#include "cases/onnx/graph_read.h"
#include "cases/onnx/graph_check.h"
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_wire.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static void *allocate(void *arg, size_t size)
{
    return tl_onnx_alloc(arg, 1, size);
}

static void release_nothing(void *arg, void *p)
{
}

static int number_nodes(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_model *m = arg;
    for (size_t i = 0; i < *body.n; i++) {
        struct tl_onnx_node_part *part = tl_arena_alloc(m->arena, 1, sizeof *part);
        part->pb = *(*body.nodes)[i];
        part->number = part->origin = m->n_nodes++;
        part->name = part->pb.name ? part->pb.name : "";
        (*body.nodes)[i] = &part->pb;
    }
    return 0;
}

static tl_onnx_tensor_pb *numbered(struct tl_onnx_model *m, const tl_onnx_tensor_pb *t)
{
    struct tl_onnx_tensor_part *part = tl_arena_alloc(m->arena, 1, sizeof *part);
    part->pb = *t;
    part->number = m->n_tensors++;
    return &part->pb;
}

static int number_tensors(void *arg, struct tl_onnx_body body)
{
    struct tl_onnx_model *m = arg;
    for (size_t i = 0; body.graph && i < body.graph->n_initializer; i++)
        body.graph->initializer[i] = numbered(m, body.graph->initializer[i]);
    for (size_t i = 0; i < *body.n; i++) {
        tl_onnx_node_pb *n = (*body.nodes)[i];
        for (size_t k = 0; k < n->n_attribute; k++)
            if (n->attribute[k]->t)
                n->attribute[k]->t = numbered(m, n->attribute[k]->t);
    }
    return 0;
}

static void take_hash(struct tl_onnx_model *m, const void *bytes, size_t size)
{
    struct tl_hash h;
    if (tl_hash_begin(&h))
        abort(); /* SHA-256 in memory does not fail on a working libcrypto */
    tl_hash_add(&h, bytes, size);
    tl_hash_end(&h, m->hash);
}

static int unpack(struct tl_onnx_model *m, const void *bytes, size_t size, struct tl_error *e)
{
    ProtobufCAllocator memory = {allocate, release_nothing, m};
    if (tl_onnx_wire_check(bytes, size, &onnx__model_proto__descriptor, m->name, e))
        return -1;
    m->pb = onnx__model_proto__unpack(&memory, size, bytes);
    if (!m->pb)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the model", m->name,
                       "it is damaged: its bytes are none that protobuf reads");
    if (!m->pb->graph)
        return tl_fail(e, TL_ERROR_INPUT, "cannot read the model", m->name,
                       "it has no graph; is it a model of ONNX?");
    tl_onnx_each_body(m, number_nodes, m);
    tl_onnx_each_body(m, number_tensors, m);
    return tl_onnx_check(m, bytes, size, e);
}

int tl_onnx_model_read(const void *bytes, size_t size, const char *name, struct tl_onnx_model **model,
                       struct tl_error *e)
{
    struct tl_onnx_model *m = tl_onnx_model_new(name);
    *model = NULL;
    if (unpack(m, bytes, size, e)) {
        tl_onnx_model_free(m);
        return -1;
    }
    take_hash(m, bytes, size);
    *model = m;
    return 0;
}

const char *tl_onnx_model_hash(const struct tl_onnx_model *m)
{
    return m->hash;
}
