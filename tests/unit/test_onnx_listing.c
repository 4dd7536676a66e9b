#include "cases/decoder/decoder.h"
#include "cases/onnx/listing.h"
#include "cases/operators/operators.h"
#include "onnx.pb-c.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *line(const json_t *j, const char *list, size_t i)
{
    const char *text = json_string_value(json_array_get(json_object_get(j, list), i));
    return text ? text : "(none)";
}

static json_int_t number(const json_t *j, const char *name)
{
    return json_integer_value(json_object_get(j, name));
}

static json_t *of_slice(void)
{
    struct tl_operator_model m;
    struct tl_error e;
    json_t *variant = json_object();
    cr_assert_eq(tl_operator_build("slice", variant, &m, &e), 0, "%s", e.why);
    json_t *j = tl_onnx_listing(m.model, m.size);
    tl_operator_model_free(&m);
    json_decref(variant);
    return j;
}

Test(onnx_listing, of_one_operator)
{
    json_t *j = of_slice();
    cr_assert_eq(number(j, "node_count"), 1);
    cr_assert(!strncmp(line(j, "nodes", 0), "Slice(", 6), "%s", line(j, "nodes", 0));
    cr_assert(strstr(line(j, "inputs", 0), "["), "%s", line(j, "inputs", 0));
    cr_assert_eq(number(json_object_get(j, "operators"), "Slice"), 1);
    cr_assert_gt(number(json_object_get(j, "opsets"), "ai.onnx"), 0);
    json_decref(j);
}

Test(onnx_listing, of_many_operators_is_their_count)
{
    struct tl_decoder_config c;
    struct tl_error e;
    uint8_t *model;
    size_t size;
    json_t *variant = json_pack("{s:i}", "layers", 4);
    cr_assert_eq(tl_decoder_config_parse(variant, &c, &e), 0);
    cr_assert_eq(tl_decoder_build(&c, &model, &size, &e), 0);
    json_t *j = tl_onnx_listing(model, size), *count;
    cr_assert_gt(number(j, "node_count"), TL_LISTING_NODES);
    cr_assert_eq(json_array_size(json_object_get(j, "nodes")), 0);
    const char *name;
    json_int_t sum = 0;
    json_object_foreach(json_object_get(j, "operators"), name, count)
        sum += json_integer_value(count);
    cr_assert_eq(sum, number(j, "node_count"));
    json_decref(j);
    /* What is cut off is no model, or one without what was cut; it is never read beyond. */
    for (size_t n = 0; n < size; n += 1 + size / 997) {
        uint8_t *part = malloc(n + 1);
        memcpy(part, model, n);
        json_decref(tl_onnx_listing(part, n));
        free(part);
    }
    free(model);
    json_decref(variant);
}

/* Names of any length and bytes, subgraphs as deep as somebody likes, attributes that say one thing and hold another. */
Test(onnx_listing, of_a_hostile_model_is_short)
{
    enum { NODES = 300, LONG = 100000 };
    char *name = malloc(LONG + 1);
    memset(name, 'x', LONG);
    memcpy(name, "\x1b[31m\xff\n|`", 9);
    name[LONG] = '\0';
    static Onnx__NodeProto nodes[NODES];
    static Onnx__NodeProto *list[NODES];
    Onnx__AttributeProto a = ONNX__ATTRIBUTE_PROTO__INIT, *attributes[1] = {&a};
    static int64_t ints[1000];
    a.name = name;
    a.n_ints = 1000;
    a.ints = ints;
    for (int i = 0; i < NODES; i++) {
        onnx__node_proto__init(&nodes[i]);
        nodes[i].op_type = i % 2 ? name : (char *)"Add";
        nodes[i].n_input = 1;
        nodes[i].input = &name;
        nodes[i].n_attribute = 1;
        nodes[i].attribute = attributes;
        list[i] = &nodes[i];
    }
    Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
    g.node = list;
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[1] = {&set};
    Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
    m.graph = &g;
    m.n_opset_import = 1;
    m.opset_import = sets;
    m.producer_name = name;
    for (size_t n = TL_LISTING_NODES; n <= NODES; n += NODES - TL_LISTING_NODES) {
        g.n_node = n;
        size_t size = onnx__model_proto__get_packed_size(&m);
        uint8_t *bytes = malloc(size);
        onnx__model_proto__pack(&m, bytes);
        json_t *j = tl_onnx_listing(bytes, size);
        char *text = json_dumps(j, JSON_COMPACT);
        cr_assert_not_null(text);
        cr_assert_lt(strlen(text), 8192);
        cr_assert_null(strpbrk(text, "\x1b\n"));
        cr_assert_eq(number(j, "node_count"), (json_int_t)n);
        free(text);
        json_decref(j);
        free(bytes);
    }
    free(name);
}

/* A graph in an attribute in a node in a graph, many thousand times: only that there is one is read. */
Test(onnx_listing, does_not_descend_into_subgraphs)
{
    enum { DEEP = 20000, ROOM = 1 << 20 };
    static uint8_t bytes[ROOM];
    size_t at = ROOM, size = 0;
    for (int i = 0; i < DEEP; i++) {
        static const uint8_t tags[] = {0x32, 0x2a,
                                       0x0a}; /* AttributeProto.g, NodeProto.attribute, GraphProto.node */
        for (size_t k = 0; k < sizeof tags && at > 16; k++) {
            uint8_t head[8];
            size_t n = 0, left = size;
            head[n++] = tags[k];
            do {
                head[n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
                left >>= 7;
            } while (left);
            at -= n;
            memcpy(bytes + at, head, n);
            size += n;
        }
    }
    uint8_t head[8] = {0x3a};
    size_t n = 1, left = size;
    do {
        head[n++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        left >>= 7;
    } while (left);
    at -= n;
    memcpy(bytes + at, head, n);
    size += n;
    static const uint8_t opset[] = {0x42, 0x02, 0x10, 0x0d};
    at -= sizeof opset;
    memcpy(bytes + at, opset, sizeof opset);
    size += sizeof opset;
    json_t *j = tl_onnx_listing(bytes + at, size);
    cr_assert_not_null(j);
    cr_assert_eq(number(j, "node_count"), 1);
    cr_assert_eq(number(j, "subgraphs"), 1);
    json_decref(j);
}

Test(onnx_listing, of_what_is_no_model_is_none)
{
    static const char *const texts[] = {"", "x", "{\"a\": 1}", "PK\x03\x04", "GGUF", "\x08\x07"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_null(tl_onnx_listing(texts[i], strlen(texts[i])), "%s", texts[i]);
}
