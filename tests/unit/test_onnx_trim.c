/* Single operands, single elements, what nothing needs, whole numbers of 32 bits, and tensors that are filled again. */
#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "onnx_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const float ones[] = {1, 1, 1, 1};

Test(onnx_trim, operands_are_left_out_and_what_made_them_leaves)
{
    struct fixture f;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, (const int64_t[]){4});
    fixture_floats(f.graph, "low", 1, ones);
    fixture_floats(f.graph, "high", 1, ones);
    fixture_node(f.graph, "Neg", "high", "h");
    fixture_node(f.graph, "Clip", "x low h", "c");
    fixture_node(f.graph, "Concat", "c x c", "y");
    fixture_output(f.graph, "y");
    EDITED(&f, "[{\"omit\":[[1,2]]}]", "x; low: Clip(x,low)->c, Concat(c,x,c)->y: y");
    EDITED(&f, "[{\"omit\":[[1,1]]}]", "x; high: Neg(high)->h, Clip(x,-,h)->c, Concat(c,x,c)->y: y");
    EDITED(&f, "[{\"omit\":[[1,1],[1,2]]}]", "x; : Clip(x)->c, Concat(c,x,c)->y: y");
    EDITED(&f, "[{\"omit\":[[2,0],[2,1]]}]", "x; : Concat(x)->y: y"); /* the next ones move up */
    FAILS(&f, "[{\"omit\":[[1,3]]}]", "no operand 3");
    FAILS(&f, "[{\"omit\":[[1,1],[1,1]]}]", "no operand 1");
    FAILS(&f, "[{\"omit\":[[9,1]]}]", "9");
    FAILS(&f, "[{\"omit\":[[1]]}]", "[NODE, INPUT]");
    FAILS(&f, "[{\"omit\":[]}]", "a list of");
}

Test(onnx_trim, what_nothing_needs_goes)
{
    struct fixture f;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, (const int64_t[]){4});
    fixture_floats(f.graph, "w", 4, ones);
    fixture_floats(f.graph, "spare", 4, ones);
    Onnx__OperatorSetIdProto *other = tl_calloc(1, sizeof *other);
    onnx__operator_set_id_proto__init(other);
    other->domain = tl_strdup("com.example");
    other->has_version = 1;
    other->version = 1;
    *TL_GROW(f.model.opset_import, f.model.n_opset_import) = other;
    fixture_function_node(fixture_function(&f, "com.example", "Never", "a", "b"), "Neg", "a", "b");
    fixture_node(f.graph, "Add", "x w", "y");
    fixture_output(f.graph, "y");
    struct tl_onnx_model *m = fixture_apply(&f, "[{\"unused\":true}]", NULL);
    json_t *imports = tl_onnx_opsets(m);
    cr_assert_eq(json_object_size(imports), 1);
    cr_assert(json_object_get(imports, "ai.onnx"));
    json_decref(imports);
    tl_onnx_model_free(m);
    EDITED(&f, "[{\"unused\":true}]", "x; w: Add(x,w)->y: y");
    FAILS(&f, "[{\"unused\":1}]", "true");
}

Test(onnx_trim, elements_and_places_along_an_axis)
{
    struct fixture f;
    static const float values[] = {1, 2, 3, 4, 5, 6};
    static const int64_t shape[] = {2, 1LL << 40};
    fixture_begin(&f, 13);
    Onnx__TensorProto *w = fixture_floats(f.graph, "w", 6, values);
    w->dims[0] = 2;
    *TL_GROW(w->dims, w->n_dims) = 3;
    fixture_ints(f.graph, "shape", 2, shape);
    fixture_node(f.graph, "Reshape", "w shape", "y");
    fixture_output(f.graph, "y");
    struct tl_onnx_model *m = fixture_apply(&f,
                                            "[{\"element\":[[0,4,-2.5],[1,1,7]]},{\"dimension\":{\"to\":2,"
                                            "\"tensors\":[[0,1]],\"take\":\"0,2\"}}]",
                                            NULL);
    struct tl_tensor_pb t = tensor_of(m, 0);
    cr_assert(t.elements == 4 && at(&t, 0) == 1 && at(&t, 1) == 3 && at(&t, 2) == 4 && at(&t, 3) == 6);
    tl_tensor_pb_free(&t);
    t = tensor_of(m, 1);
    cr_assert(at(&t, 0) == 2 && at(&t, 1) == 7);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    m = fixture_apply(
        &f, "[{\"element\":[[0,4,-2.5]]},{\"dimension\":{\"to\":1,\"tensors\":[[0,1]],\"take\":\"1\"}}]",
        NULL);
    t = tensor_of(m, 0);
    cr_assert(t.elements == 2 && at(&t, 0) == 2 && at(&t, 1) == -2.5);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    FAILS(&f, "[{\"element\":[[0,6,1]]}]", "no number at place 6");
    FAILS(&f, "[{\"element\":[[5,0,1]]}]", "no tensor with the number 5");
    FAILS(&f, "[{\"element\":[[0,0,\"1\"]]}]", "[TENSOR-NUMBER, PLACE, NUMBER]");
    FAILS(&f, "[{\"dimension\":{\"to\":2,\"tensors\":[[0,1]],\"take\":\"0-2\"}}]", "as many places");
    FAILS(&f, "[{\"dimension\":{\"to\":2,\"tensors\":[[0,1]],\"take\":\"2,0\"}}]", "a set like");
    FAILS(&f, "[{\"dimension\":{\"to\":2,\"tensors\":[[0,1]],\"take\":\"0-9223372036854775806\"}}]",
          "as many places");
}

Test(onnx_trim, whole_numbers_of_32_bits_where_the_operators_let_them)
{
    struct fixture f;
    static const int64_t numbers[] = {2, -3}, shape[] = {1, 2}, large[] = {1LL << 40, 1};
    fixture_begin(&f, 13);
    fixture_ints(f.graph, "n", 2, numbers);
    fixture_ints(f.graph, "shape", 2, shape);
    fixture_node(f.graph, "Reshape", "n shape", "y");
    fixture_output(f.graph, "y");
    struct tl_onnx_model *m = fixture_apply(&f, "[{\"int32\":true}]", NULL);
    struct tl_tensor_pb t = tensor_of(m, 0);
    cr_assert(t.type->number == TL_DTYPE_INT32 && at(&t, 0) == 2 && at(&t, 1) == -3);
    tl_tensor_pb_free(&t);
    t = tensor_of(m, 1);
    cr_assert(t.type->number == TL_DTYPE_INT64 && at(&t, 1) == 2);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    fixture_ints(f.graph, "l", 2, large);
    fixture_node(f.graph, "Neg", "l", "z");
    fixture_output(f.graph, "z");
    FAILS(&f, "[{\"int32\":true}]", "more than 32 bits");
    FAILS(&f, "[{\"int32\":7}]", "true");
}

/* Where all weights were replaced at once, a later edit is about what those became. */
Test(onnx_trim, what_is_beside_the_model_is_filled_again)
{
    enum { LARGE = 1 << 19 };
    char directory[] = "/tmp/tl-onnx-trim-XXXXXX";
    struct fixture f;
    float *values = tl_calloc(LARGE, sizeof *values);
    cr_assert(mkdtemp(directory));
    char *path = tl_format("%s/w.bin", directory);
    for (size_t i = 0; i < LARGE; i++)
        values[i] = (float)i + 5;
    cr_assert_eq(tl_write_new_file(path, values, LARGE * sizeof *values, 0600, false), 0);
    fixture_begin(&f, 13);
    fixture_external(f.graph, "w", LARGE, "w.bin", NULL);
    fixture_node(f.graph, "Neg", "w", "y");
    fixture_output(f.graph, "y");
    const struct tl_onnx_sources sources = {.directory = directory};
    static const struct {
        const char *then;
        double first, second, third;
    } rows[] = {{"{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\"}}", 1, 1, 1},
                {"{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\",\"keep\":\"1\"}}", 1, 0, 1},
                {"{\"element\":[[0,2,3]]}", 0, 0, 3},
                {"{\"dimension\":{\"to\":4,\"tensors\":[[0,0]]}}", 0, 0, 0}};
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *edits = tl_format("[{\"fill\":{\"tensors\":\"0\",\"with\":\"zeros\"}},%s]", rows[i].then);
        struct tl_onnx_model *m = fixture_apply(&f, edits, &sources);
        struct tl_tensor_pb t = tensor_of(m, 0);
        cr_assert(at(&t, 0) == rows[i].first && at(&t, 1) == rows[i].second && at(&t, 2) == rows[i].third,
                  "%s", edits);
        cr_assert_eq(t.elements, i == 3 ? 4u : LARGE);
        tl_tensor_pb_free(&t);
        tl_onnx_model_free(m);
        free(edits);
    }
    cr_assert_eq(tl_remove_tree(directory), 0);
    free(values);
    free(path);
}

Test(onnx_trim, numbers_that_stand_in_no_tensor_with_a_number)
{
    static const float numbers[] = {0.5f, 2};
    struct fixture f;
    const struct tl_onnx_float_list *list;
    struct tl_onnx_float_list *lists;
    const char **names;
    size_t n;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, (const int64_t[]){4});
    Onnx__NodeProto *node = fixture_node(f.graph, "Scaler", "x", "y");
    Onnx__AttributeProto *a = fixture_attribute(node, "scale", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS);
    a->n_floats = 2;
    a->floats = memcpy(tl_malloc(sizeof numbers), numbers, sizeof numbers);
    Onnx__NodeProto *constant = fixture_node(f.graph, "Constant", "", "s");
    a = fixture_attribute(constant, "tensors", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSORS);
    *TL_GROW(a->tensors, a->n_tensors) = fixture_floats(NULL, "inner", 4, ones);
    fixture_output(f.graph, "y");
    fixture_output(f.graph, "s");
    struct tl_onnx_model *m = fixture_apply(&f, "[]", NULL);
    tl_onnx_float_lists(m, &lists, &n);
    cr_assert_eq(n, 1);
    list = &lists[0];
    cr_assert(list->node == 0 && !strcmp(list->name, "scale") && list->n == 2 && list->values[1] == 2);
    free(lists);
    tl_onnx_unnumbered(m, &names, &n);
    cr_assert(n == 1 && !strcmp(names[0], "s"));
    free(names);
    tl_onnx_model_free(m);
}
