/* Models of ONNX read, changed and written: bench_onnx [MODEL], or chains made here. Prints milliseconds of processor time, the
 * least of several times. */
#include "cases/onnx/graph_edit.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "onnx.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMES 5

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static Onnx__ValueInfoProto *value(const char *name)
{
    Onnx__ValueInfoProto *v = tl_calloc(1, sizeof *v);
    onnx__value_info_proto__init(v);
    v->name = tl_strdup(name);
    return v;
}

static Onnx__TensorProto *weight(size_t bytes)
{
    Onnx__TensorProto *t = tl_calloc(1, sizeof *t);
    onnx__tensor_proto__init(t);
    t->name = tl_strdup("weight");
    t->has_data_type = t->has_raw_data = 1;
    t->data_type = 1;
    *TL_GROW(t->dims, t->n_dims) = (int64_t)(bytes / 4);
    t->raw_data.len = bytes / 4 * 4;
    t->raw_data.data = tl_calloc(1, bytes + 1);
    for (size_t i = 0; i < bytes; i += 3)
        t->raw_data.data[i] = (uint8_t)(i * 7);
    return t;
}

/* Nodes one behind the other, and one weight. */
static uint8_t *chain(size_t nodes, size_t bytes, size_t *size)
{
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
    m.graph = &g;
    m.has_ir_version = 1;
    m.ir_version = 8;
    *TL_GROW(g.input, g.n_input) = value("v0");
    *TL_GROW(g.initializer, g.n_initializer) = weight(bytes);
    for (size_t i = 0; i < nodes; i++) {
        Onnx__NodeProto *n = tl_calloc(1, sizeof *n);
        onnx__node_proto__init(n);
        n->op_type = tl_strdup("Add");
        n->name = tl_format("layers.%zu.add", i);
        *TL_GROW(n->input, n->n_input) = tl_format("v%zu", i);
        *TL_GROW(n->input, n->n_input) = tl_strdup("weight");
        *TL_GROW(n->output, n->n_output) = tl_format("v%zu", i + 1);
        *TL_GROW(g.node, g.n_node) = n;
    }
    char *last = tl_format("v%zu", nodes);
    *TL_GROW(g.output, g.n_output) = value(last);
    free(last);
    *size = onnx__model_proto__get_packed_size(&m);
    uint8_t *packed = tl_malloc(*size + 1);
    onnx__model_proto__pack(&m, packed);
    return packed;
}

static void least(double *best, double ms)
{
    *best = ms < *best ? ms : *best;
}

static void measure(const char *name, const void *bytes, size_t size)
{
    double read = 1e9, apply = 1e9, write = 1e9, nodes = 1e9;
    size_t n = 0, left = 0;
    for (int i = 0; i < TIMES; i++) {
        struct tl_onnx_model *m;
        struct tl_onnx_edits edits;
        struct tl_onnx_node_facts *list;
        struct tl_error e;
        uint8_t *out;
        double t = now();
        if (tl_onnx_model_read(bytes, size, name, &m, &e)) {
            fprintf(stderr, "%s: %s\n", e.where, e.why);
            exit(1);
        }
        least(&read, now() - t);
        t = now();
        tl_onnx_nodes(m, &list, &n);
        least(&nodes, now() - t);
        free(list);
        tl_onnx_edits_begin(&edits, m);
        uint32_t *order;
        size_t n_order;
        tl_onnx_order(m, &order, &n_order);
        free(order);
        tl_onnx_edit_prefix(&edits, n_order - n_order / 10, NULL, 0);
        t = now();
        if (tl_onnx_edits_apply(&edits, m, NULL, &e)) {
            fprintf(stderr, "%s: %s\n", e.where, e.why);
            exit(1);
        }
        least(&apply, now() - t);
        t = now();
        if (tl_onnx_model_write(m, &out, &left, &e))
            exit(1);
        least(&write, now() - t);
        free(out);
        tl_onnx_edits_free(&edits);
        tl_onnx_model_free(m);
    }
    printf("%-28s %6zu nodes %8.1f MB   read %7.1f   list %5.1f   prefix of 9/10 %5.1f   write %6.1f ms\n",
           name, n, (double)size / 1e6, read, nodes, apply, write);
}

int main(int argc, char **argv)
{
    static const struct {
        size_t nodes, bytes;
    } chains[] = {{1000, 4}, {1000, 10800000}, {20000, 4}, {1000, 200000000}};
    size_t size;
    if (argc > 1) {
        char *bytes = tl_read_file(argv[1], (size_t)INT32_MAX, &size);
        if (!bytes) {
            perror(argv[1]);
            return 1;
        }
        measure(strrchr(argv[1], '/') ? strrchr(argv[1], '/') + 1 : argv[1], bytes, size);
        return 0;
    }
    for (size_t i = 0; i < TL_COUNT(chains); i++) {
        uint8_t *bytes = chain(chains[i].nodes, chains[i].bytes, &size);
        measure("chain", bytes, size);
        free(bytes);
    }
    return 0;
}
