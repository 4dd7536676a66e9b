/* The inputs that a model declares, from its bytes alone. */
#include "cases/onnx/model_inputs.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <string.h>

/* A field with a length, whose content is a text or another field. */
static struct tl_buffer field(unsigned number, struct tl_buffer content)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    cr_assert(number < 16 && content.size < 128 * 128);
    const char key = (char)(number << 3 | 2), low = (char)(content.size & 127),
               high = (char)(content.size >> 7), first = (char)(low | 0x80);
    tl_buffer_add(&b, &key, 1);
    tl_buffer_add(&b, high ? &first : &low, 1);
    if (high)
        tl_buffer_add(&b, &high, 1);
    if (content.size)
        tl_buffer_add(&b, content.data, content.size);
    tl_buffer_free(&content);
    return b;
}

static struct tl_buffer text(const char *s)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, s);
    return b;
}

static struct tl_buffer number(unsigned at, unsigned char value)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char bytes[] = {(char)(at << 3), (char)value};
    tl_buffer_add(&b, bytes, 2);
    return b;
}

static struct tl_buffer both(struct tl_buffer a, struct tl_buffer b)
{
    if (b.size)
        tl_buffer_add(&a, b.data, b.size);
    tl_buffer_free(&b);
    return a;
}

/* A tensor of [2, "n", ?]. */
static struct tl_buffer tensor(unsigned char dtype)
{
    struct tl_buffer shape =
        both(both(field(1, number(1, 2)), field(1, field(2, text("n")))), field(1, text("")));
    return field(1, both(number(1, dtype), field(2, shape)));
}

static struct tl_buffer input(const char *name, struct tl_buffer type)
{
    return field(11, both(field(1, text(name)), field(2, type)));
}

static struct tl_buffer model(struct tl_buffer graph)
{
    return both(number(1, 8), field(7, graph));
}

static int read_model(struct tl_buffer m, struct tl_onnx_inputs *inputs)
{
    char why[512] = "";
    int rc = tl_onnx_inputs_read(m.data, m.size, inputs, why, sizeof why);
    cr_assert(rc == 0 || *why);
    /* Every beginning of it is read without harm. */
    for (size_t n = 0; n < m.size; n++) {
        struct tl_onnx_inputs part;
        char *copy = tl_malloc(n + 1);
        memcpy(copy, m.data, n);
        tl_onnx_inputs_read(copy, n, &part, why, sizeof why);
        tl_onnx_inputs_free(&part);
        free(copy);
    }
    tl_buffer_free(&m);
    return rc;
}

Test(model_inputs, kinds)
{
    struct tl_onnx_inputs in;
    struct tl_buffer graph = input("x", tensor(1));
    graph = both(graph, input("texts", tensor(8)));
    graph = both(graph, input("given", tensor(1)));
    graph = both(graph, input("s", field(4, field(1, tensor(7)))));
    graph = both(graph, input("o", field(9, field(1, tensor(10)))));
    graph = both(graph, input("os", field(9, field(1, field(4, field(1, tensor(1)))))));
    graph = both(graph, input("sparse", tensor(1)));
    graph = both(graph, field(5, both(field(9, text("weights")), field(8, text("given")))));
    graph = both(graph, field(15, field(1, field(8, text("sparse")))));
    cr_assert_eq(read_model(model(graph), &in), 0);
    cr_assert_eq(in.n, 5);
    cr_assert_str_eq(in.list[0].name, "x");
    cr_assert_eq(in.list[0].dtype, 1);
    cr_assert_eq(in.list[0].rank, 3);
    cr_assert_eq(in.list[0].dims[0], 2);
    cr_assert_eq(in.list[0].dims[1], -1);
    cr_assert_str_eq(in.list[0].symbols[1], "n");
    cr_assert_eq(in.list[0].dims[2], -1);
    cr_assert_null(in.list[0].symbols[2]);
    cr_assert_eq(in.list[1].dtype, 8);
    cr_assert(in.list[2].sequence && !in.list[2].optional && in.list[2].dtype == 7);
    cr_assert(!in.list[3].sequence && in.list[3].optional && in.list[3].dtype == 10);
    cr_assert(in.list[4].sequence && in.list[4].optional && in.list[4].rank == 3);
    tl_onnx_inputs_free(&in);
}

Test(model_inputs, what_cannot_be_made)
{
    struct tl_onnx_inputs in;
    cr_assert_eq(read_model(model(input("m", field(5, number(1, 7)))), &in), -1, "a map");
    tl_onnx_inputs_free(&in);
    cr_assert_eq(read_model(model(input("s", field(4, field(1, field(4, field(1, tensor(1))))))), &in), -1,
                 "a sequence of sequences");
    tl_onnx_inputs_free(&in);
    cr_assert_eq(read_model(number(1, 8), &in), -1, "no graph");
    tl_onnx_inputs_free(&in);
    cr_assert_eq(read_model(text("ORTM and other bytes"), &in), -1, "another format");
    tl_onnx_inputs_free(&in);
    struct tl_buffer nested = tensor(1);
    for (int i = 0; i < 1000; i++)
        nested = field(i % 2 ? 4 : 9, field(1, nested));
    cr_assert_eq(read_model(model(input("deep", nested)), &in), -1, "types in types in types");
    tl_onnx_inputs_free(&in);
    cr_assert_eq(read_model(model(text("")), &in), 0, "a model without inputs");
    cr_assert_eq(in.n, 0);
    tl_onnx_inputs_free(&in);
}
