/* Models that are read and written: as they were, and what is refused with its place. */
#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_query.h"
#include "harness/base/buffer.h"
#include "onnx_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const int64_t two[] = {2};
static const float ones[] = {1, 1};

static void chain(struct fixture *f)
{
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 1, two);
    fixture_floats(f->graph, "w", 2, ones);
    fixture_node(f->graph, "Relu", "x", "a");
    fixture_node(f->graph, "Add", "a w", "b");
    fixture_output(f->graph, "b");
}

static void refused(const uint8_t *bytes, size_t size, const char *part)
{
    struct tl_onnx_model *m;
    struct tl_error e = {0};
    cr_assert_eq(tl_onnx_model_read(bytes, size, "test.onnx", &m, &e), -1, "%s was expected", part);
    cr_assert_eq(e.kind, TL_ERROR_INPUT);
    cr_assert(strstr(e.why, part), "%s, not: %s", part, e.why);
    cr_assert_null(m);
}

#define REFUSED(f, part)                                                                                     \
    do {                                                                                                     \
        const char *why = fixture_refused(f);                                                                \
        cr_assert(strstr(why, part), "%s, not: %s", part, why);                                              \
    } while (0)

Test(onnx_read, bytes_are_written_as_they_were)
{
    struct fixture f;
    size_t size, again_size;
    uint8_t *again;
    struct tl_onnx_model *m;
    struct tl_error e = {0};
    chain(&f);
    fixture_body(fixture_node(f.graph, "If", "b", "r"), "then_branch", "b");
    uint8_t *bytes = fixture_pack(&f, &size);
    /* A field that nobody knows yet, behind the others: number 99, and in it what looks like anything. */
    bytes = tl_realloc(bytes, size + 6, 1);
    memcpy(bytes + size, "\x9a\x06\x03\x0a\x01q", 6);
    cr_assert_eq(tl_onnx_model_read(bytes, size + 6, "test.onnx", &m, &e), 0, "%s", e.why);
    cr_assert_eq(tl_onnx_model_write(m, &again, &again_size, &e), 0);
    cr_assert_eq(again_size, size + 6);
    cr_assert_eq(memcmp(again, bytes, again_size), 0);
    free(again);
    free(bytes);
    tl_onnx_model_free(m);
}

/* protobuf-c reads tags and lengths of at most five bytes, and would take longer ones for a lack of memory. */
Test(onnx_read, numbers_that_zeros_fill_up_are_refused_with_their_place)
{
    static const char tag[] = "\x9d\x86\x80\x80\x80\x00zzzz", length[] = "\x9a\x06\x81\x80\x80\x80\x80\x00z";
    struct fixture f;
    size_t size;
    chain(&f);
    uint8_t *bytes = fixture_pack(&f, &size);
    bytes = tl_realloc(bytes, size + 16, 1);
    memcpy(bytes + size, tag, sizeof tag - 1);
    char *place = tl_format("at byte %zu", size);
    refused(bytes, size + sizeof tag - 1, place);
    refused(bytes, size + sizeof tag - 1, "a field was expected");
    memcpy(bytes + size, length, sizeof length - 1);
    refused(bytes, size + sizeof length - 1, "a length has no end");
    free(place);
    free(bytes);
}

Test(onnx_read, what_is_cut_off_is_refused_with_its_place)
{
    struct fixture f;
    size_t size;
    struct tl_onnx_model *m;
    struct tl_error e;
    chain(&f);
    uint8_t *bytes = fixture_pack(&f, &size);
    for (size_t n = 0; n < size; n++) {
        uint8_t *part = memcpy(tl_malloc(n + 1), bytes, n);
        e = (struct tl_error){0};
        if (!tl_onnx_model_read(part, n, "test.onnx", &m, &e)) /* cut behind the graph */
            tl_onnx_model_free(m);
        else
            cr_assert(strstr(e.why, "at byte") || strstr(e.why, "empty") || strstr(e.why, "no graph"),
                      "%zu: %s", n, e.why);
        free(part);
    }
    refused(bytes, size / 2, "(graph");
    refused((const uint8_t *)"PK\x03\x04 some archive", 17, "no ONNX model");
    refused((const uint8_t *)"\x08\x08", 2, "no graph");
    free(bytes);
}

/* 20,000 bodies in bodies: each is a node with an attribute with a graph, whose length has to be known before. */
Test(onnx_read, bodies_in_bodies_are_refused_where_they_become_too_many)
{
    enum { BODIES = 20000 };
    size_t *lengths = tl_calloc(3 * BODIES + 1, sizeof *lengths), n = 0, at = 0;
    for (size_t i = 1; i <= 3 * BODIES; i++) { /* of the content at each level, from the inside out */
        size_t below = lengths[i - 1], digits = 1;
        for (size_t v = below; v > 127; v >>= 7)
            digits++;
        lengths[i] = below + digits + 1;
    }
    n = lengths[3 * BODIES];
    uint8_t *bytes = tl_malloc(n + 16);
    bytes[at++] = 0x3a; /* graph */
    for (size_t v = n, more = 1; more; v >>= 7) {
        more = v > 127;
        bytes[at++] = (uint8_t)((v & 127) | (more ? 128 : 0));
    }
    for (size_t i = 3 * BODIES; i > 0; i--) { /* node, attribute, g, node … */
        static const uint8_t tags[] = {0x0a, 0x2a, 0x32};
        bytes[at++] = tags[(3 * BODIES - i) % 3];
        for (size_t v = lengths[i - 1], more = 1; more; v >>= 7) {
            more = v > 127;
            bytes[at++] = (uint8_t)((v & 127) | (more ? 128 : 0));
        }
    }
    refused(bytes, at, "more than 300 messages deep");
    refused(bytes, at, "graph.node[0].attribute[0].g.node[0]");
    free(lengths);
    free(bytes);
}

/* Two bytes are an empty node, which takes a hundred times as much memory. */
Test(onnx_read, what_would_take_too_much_memory_is_refused)
{
    enum { NODES = 8000000 };
    uint8_t *bytes = tl_malloc(2 * NODES + 8);
    size_t at = 0, n = 2 * NODES;
    bytes[at++] = 0x3a;
    for (size_t v = n, more = 1; more; v >>= 7) {
        more = v > 127;
        bytes[at++] = (uint8_t)((v & 127) | (more ? 128 : 0));
    }
    for (size_t i = 0; i < NODES; i++) {
        bytes[at++] = 0x0a;
        bytes[at++] = 0;
    }
    refused(bytes, at, "more memory");
    free(bytes);
}

Test(onnx_read, fields_that_are_not_what_they_should_be)
{
    /* The graph as a number; a name with a NUL; a name that is no UTF-8; a group; two graphs. */
    refused((const uint8_t *)"\x38\x01", 2, "at byte 0 (graph): a field is of another type");
    refused((const uint8_t *)"\x3a\x05\x12\x03"
                             "a\0b",
            7, "(graph.name): a text has a NUL");
    refused((const uint8_t *)"\x3a\x04\x12\x02\xc3\x28", 6, "(graph.name): a name is not UTF-8");
    refused((const uint8_t *)"\x3b\x00", 2, "no more");
    refused((const uint8_t *)"\x3a\x00\x3a\x00", 4, "at byte 2 (graph): a field that can be there once");
    refused((const uint8_t *)"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13, "no end");
}

Test(onnx_read, names)
{
    struct fixture f;
    chain(&f);
    fixture_node(f.graph, "Neg", "nothing", "c");
    REFUSED(&f, "(graph.node[2].input[0]): there is no value with the name nothing");
    chain(&f);
    fixture_node(f.graph, "Neg", "x", "a");
    REFUSED(&f, "(graph.node[2].output[0]): a second value has the name a");
    chain(&f);
    fixture_node(f.graph, "Neg", "x", "x");
    REFUSED(&f, "a second value has the name x");
    chain(&f);
    fixture_floats(f.graph, "w", 2, ones);
    REFUSED(&f, "(graph.initializer[1]): a second value");
    chain(&f);
    fixture_floats(f.graph, "x", 2, ones); /* the default of an input */
    cr_assert_str_eq(fixture_refused(&f), "");
    chain(&f);
    fixture_output(f.graph, "nobody");
    REFUSED(&f, "(graph.output[1])");
    chain(&f);
    fixture_node(f.graph, "", "x", "c");
    REFUSED(&f, "(graph.node[2]): a node does not say which operator");
    /* A body reads what is around it, and nobody reads what is in one. */
    chain(&f);
    fixture_node(fixture_body(fixture_node(f.graph, "If", "x", "r"), "then_branch", "y"), "Neg", "a", "y");
    cr_assert_str_eq(fixture_refused(&f), "");
    fixture_node(f.graph, "Neg", "y", "z");
    REFUSED(&f, "(graph.node[3].input[0]): there is no value with the name y");
}

Test(onnx_read, nodes_need_no_order_and_have_no_cycle)
{
    struct fixture f;
    uint32_t *order;
    size_t n;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, two);
    fixture_node(f.graph, "Add", "a b", "c");
    fixture_node(f.graph, "Neg", "a", "b");
    fixture_node(f.graph, "Relu", "x", "a");
    fixture_output(f.graph, "c");
    struct tl_onnx_model *m = fixture_read(&f);
    tl_onnx_order(m, &order, &n);
    cr_assert_eq(n, 3);
    cr_assert(order[0] == 2 && order[1] == 1 && order[2] == 0, "%u %u %u", order[0], order[1], order[2]);
    free(order);
    tl_onnx_model_free(m);
    fixture_node(f.graph, "Add", "c e", "d");
    fixture_node(f.graph, "Neg", "d", "e");
    REFUSED(&f, "a cycle");
    /* By way of a body. */
    chain(&f);
    f.graph->node[0]->input[0] = tl_strdup("r");
    fixture_node(fixture_body(fixture_node(f.graph, "If", "x", "r"), "then_branch", "y"), "Neg", "b", "y");
    REFUSED(&f, "a cycle");
}

Test(onnx_read, tensors)
{
    struct fixture f;
    chain(&f);
    f.graph->initializer[0]->dims[0] = -2;
    REFUSED(&f, "(graph.initializer[0]): a tensor has a dimension that is negative");
    f.graph->initializer[0]->dims[0] = 3;
    REFUSED(&f, "a tensor has 8 bytes, and 12 by its type and shape");
    f.graph->initializer[0]->dims[0] = INT64_MAX;
    REFUSED(&f, "more elements than can be counted");
    f.graph->initializer[0]->dims[0] = 2;
    f.graph->initializer[0]->data_type = 0;
    REFUSED(&f, "no type");
    f.graph->initializer[0]->data_type = 99; /* of a format that is newer */
    cr_assert_str_eq(fixture_refused(&f), "");
    chain(&f);
    fixture_attribute(f.graph->node[0], "value", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    REFUSED(&f, "(graph.node[0].attribute[0]): an attribute is a tensor by its type");
    chain(&f);
    fixture_int(f.graph->node[0], "k", 1);
    f.graph->node[0]->attribute[0]->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
    REFUSED(&f, "an attribute is a graph by its type, and holds something else");
    chain(&f);
    fixture_int(f.graph->node[0], "k", 1);
    fixture_int(f.graph->node[0], "k", 2);
    REFUSED(&f, "(graph.node[0].attribute[1]): a node has two attributes of one name");
}

Test(onnx_read, weights_beside_the_model)
{
    static const char *const outside[] = {"../w.bin", "/etc/passwd",  "a/../../w.bin",
                                          "..",       "a\\..\\w.bin", ""};
    struct fixture f;
    struct tl_onnx_data_file *files;
    size_t n;
    for (size_t i = 0; i < TL_COUNT(outside); i++) {
        chain(&f);
        fixture_external(f.graph, "big", 4, outside[i], NULL);
        REFUSED(&f, i == 5 ? "does not say which" : "outside of the model's directory");
    }
    chain(&f);
    fixture_external(f.graph, "big", 4, "w.bin", "-1");
    REFUSED(&f, "the offset of a tensor in its file is no number");
    /* As many bytes as type and shape say where the model does not say how many they are. */
    chain(&f);
    fixture_external(f.graph, "big", INT64_MAX / 4 + 1, "w.bin", NULL);
    REFUSED(&f, "a tensor ends beyond what any file can have");
    chain(&f);
    fixture_external(f.graph, "big", INT64_MAX / 4, "w.bin", "4");
    REFUSED(&f, "a tensor ends beyond what any file can have");
    chain(&f);
    fixture_external(f.graph, "big", INT64_MAX, "w.bin", NULL);
    REFUSED(&f, "a tensor has more elements than can be counted");
    /* In what is sparse, too: as an initializer, and in an attribute. */
    chain(&f);
    Onnx__SparseTensorProto sparse = ONNX__SPARSE_TENSOR_PROTO__INIT;
    sparse.values = fixture_external(f.graph, "big", 4, "../w.bin", NULL);
    f.graph->n_initializer--;
    *TL_GROW(f.graph->sparse_initializer, f.graph->n_sparse_initializer) = &sparse;
    REFUSED(&f, "(graph.sparse_initializer[0].values): a tensor is in a file outside");
    f.graph->n_sparse_initializer = 0;
    fixture_attribute(f.graph->node[0], "k", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR)
        ->sparse_tensor = &sparse;
    REFUSED(&f, "(graph.node[0].attribute[0].sparse_tensor.values): a tensor is in a file outside");
    chain(&f);
    fixture_external(f.graph, "one", 4, "w.bin", NULL);
    fixture_external(f.graph, "two", 8, "w.bin", "4096");
    fixture_external(f.graph, "three", 2, "sub/v..bin", "16");
    struct tl_onnx_model *m = fixture_read(&f);
    tl_onnx_data_files(m, &files, &n);
    cr_assert_eq(n, 2);
    cr_assert_str_eq(files[0].location, "w.bin");
    cr_assert_eq(files[0].size, 4096 + 32);
    cr_assert_str_eq(files[1].location, "sub/v..bin");
    cr_assert_eq(files[1].size, 24);
    cr_assert(!files[0].made && !files[1].made);
    tl_onnx_data_files_free(files, n);
    tl_onnx_model_free(m);
}

Test(onnx_read, functions)
{
    struct fixture f;
    chain(&f);
    fixture_function_node(fixture_function(&f, "own", "F", "a", "b"), "Neg", "a", "b");
    fixture_node(f.graph, "F", "x", "y")->domain = tl_strdup("own");
    cr_assert_str_eq(fixture_refused(&f), "");
    fixture_function_node(fixture_function(&f, "own", "F", "a", "b"), "Neg", "a", "b");
    REFUSED(&f, "(functions[1]): a second function has this name");
    chain(&f);
    fixture_function_node(fixture_function(&f, "own", "F", "a", "b"), "Neg", "x", "b");
    REFUSED(
        &f,
        "(functions[0].node[0].input[0]): there is no value with the name x"); /* of the graph, not of the function */
    chain(&f);
    for (int i = 0; i < 3; i++) { /* each calls the next, the last one the first */
        char name[8], next[8];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(next, sizeof next, "F%d", (i + 1) % 3);
        fixture_function_node(fixture_function(&f, "own", name, "a", "b"), next, "a", "b")->domain =
            tl_strdup("own");
    }
    REFUSED(&f, "a function calls itself");
    chain(&f);
    fixture_attribute(f.graph->node[0], "k", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->ref_attr_name =
        tl_strdup("k");
    REFUSED(&f, "refers to one of a function");
}

Test(onnx_read, queries)
{
    struct fixture f;
    const char **names;
    uint32_t *numbers;
    struct tl_onnx_node_facts *nodes;
    struct tl_onnx_weight *weights;
    size_t n;
    chain(&f);
    Onnx__NodeProto *branch = fixture_node(f.graph, "If", "x", "r");
    fixture_node(fixture_body(branch, "then_branch", "y"), "Neg", "a", "y");
    fixture_node(fixture_body(branch, "else_branch", "z"), "Abs", "b", "z");
    fixture_output(f.graph, "r");
    struct tl_onnx_model *m = fixture_read(&f);
    tl_onnx_nodes(m, &nodes, &n);
    cr_assert_eq(n, 5);
    cr_assert_str_eq(nodes[3].op_type, "Neg");
    cr_assert(nodes[3].parent == 2 && nodes[3].number == 3 && nodes[2].n_bodies == 2);
    cr_assert_str_eq(nodes[3].original_name, "the Neg of y");
    free(nodes);
    tl_onnx_readers(m, "a", &numbers, &n); /* in itself, and in a body */
    cr_assert(n == 2 && numbers[0] == 1 && numbers[1] == 2);
    free(numbers);
    tl_onnx_ancestors(m, (const char *const[]){"r"}, 1, &numbers, &n);
    cr_assert_eq(n, 3);
    free(numbers);
    cr_assert_eq(tl_onnx_maker(m, "b"), 1);
    cr_assert_eq(tl_onnx_maker(m, "w"), TL_ONNX_NOWHERE);
    tl_onnx_live(m, 1, &names, &n);
    cr_assert(n == 1 && !strcmp(names[0], "a"));
    free(names);
    tl_onnx_needed(m, 2, &names, &n);
    cr_assert(n == 3, "%zu", n); /* x, a and b */
    free(names);
    tl_onnx_weights(m, &weights, &n);
    cr_assert(n == 1 && weights[0].bytes == 8 && weights[0].node == TL_ONNX_NOWHERE &&
              !strcmp(weights[0].name, "w"));
    free(weights);
    json_t *operators = tl_onnx_operators(m);
    cr_assert_eq(json_object_size(json_object_get(operators, "ai.onnx")), 5);
    json_decref(operators);
    tl_onnx_model_free(m);
}
