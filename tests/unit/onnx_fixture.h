/* Small models of ONNX, put together in a test, and models as a line of text. */
#ifndef TL_ONNX_FIXTURE_H
#define TL_ONNX_FIXTURE_H

#include "cases/onnx/graph_edit.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/tensor_pb.h"
#include "onnx.pb-c.h"

#include <criterion/criterion.h>
#include <string.h>

/* Messages of one test; nothing of them is released. */
struct fixture {
    Onnx__ModelProto model;
    Onnx__GraphProto *graph;
};

void fixture_begin(struct fixture *f, int64_t opset);
/* Names are separated by blanks; "-" is one that is left out. */
Onnx__NodeProto *fixture_node(Onnx__GraphProto *g, const char *op, const char *inputs, const char *outputs);
Onnx__NodeProto *fixture_function_node(Onnx__FunctionProto *f, const char *op, const char *inputs,
                                       const char *outputs);
Onnx__AttributeProto *fixture_attribute(Onnx__NodeProto *n, const char *name, int type);
void fixture_int(Onnx__NodeProto *n, const char *name, int64_t value);
Onnx__GraphProto *fixture_body(Onnx__NodeProto *n, const char *name, const char *outputs);
/* Of float32; a dimension below zero is the symbol "batch". */
void fixture_input(Onnx__GraphProto *g, const char *name, size_t rank, const int64_t *dims);
void fixture_output(Onnx__GraphProto *g, const char *name);
Onnx__TensorProto *fixture_floats(Onnx__GraphProto *g, const char *name, size_t n, const float *values);
Onnx__TensorProto *fixture_ints(Onnx__GraphProto *g, const char *name, size_t n, const int64_t *values);
Onnx__TensorProto *fixture_external(Onnx__GraphProto *g, const char *name, int64_t n, const char *location,
                                    const char *offset);
Onnx__FunctionProto *fixture_function(struct fixture *f, const char *domain, const char *name,
                                      const char *inputs, const char *outputs);

uint8_t *fixture_pack(const struct fixture *f, size_t *size);
struct tl_onnx_model *fixture_read(const struct fixture *f); /* that has to succeed */
/* What reading says instead; "" when it succeeds. */
const char *fixture_refused(const struct fixture *f);

/* "x; w=Tensor[3]: Relu(x)->a, If(c)->r{then_branch: Neg(a)->y: y}: a": inputs; initializers: nodes: outputs. */
const char *fixture_text(const struct tl_onnx_model *m);
/* The model after edits, as that text, or the message of what is wrong. The bytes are written and read again. */
const char *fixture_edited(const struct fixture *f, const char *edits);
struct tl_onnx_model *fixture_apply(const struct fixture *f, const char *edits,
                                    const struct tl_onnx_sources *sources);

/* What edits come to, as that text, and a part of what is said of those that are wrong. */
#define EDITED(f, edits, expected)                                                                           \
    do {                                                                                                     \
        const char *text = fixture_edited(f, edits);                                                         \
        cr_assert_str_eq(text, expected, "%s\n  gives    %s\n  expected %s", edits, text, expected);         \
    } while (0)
#define FAILS(f, edits, part)                                                                                \
    do {                                                                                                     \
        const char *text = fixture_edited(f, edits);                                                         \
        cr_assert(strstr(text, part), "%s\n  gives    %s\n  expected %s", edits, text, part);                \
    } while (0)

/* A tensor of an edited model, by its number, and an element of it. */
struct tl_tensor_pb tensor_of(struct tl_onnx_model *m, uint32_t number);
double at(const struct tl_tensor_pb *t, size_t i);

#endif
