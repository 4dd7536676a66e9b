/* Edits of small models: what is left, as text. */
#include "cases/onnx/graph_alike.h"
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_query.h"
#include "harness/base/buffer.h"
#include "onnx_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const int64_t two[] = {2};
static const float ones[] = {1, 1};

/* x -> a -> b, and from both c; d for itself. 0 Relu, 1 Add, 2 Mul, 3 Neg */
static void diamond(struct fixture *f)
{
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 1, two);
    fixture_input(f->graph, "u", 1, two);
    fixture_floats(f->graph, "w", 2, ones);
    fixture_node(f->graph, "Relu", "x", "a");
    fixture_node(f->graph, "Add", "a w", "b");
    fixture_node(f->graph, "Mul", "a b", "c");
    fixture_node(f->graph, "Neg", "u", "d");
    fixture_output(f->graph, "c");
    fixture_output(f->graph, "d");
}

Test(onnx_edits, outputs)
{
    struct fixture f;
    diamond(&f);
    EDITED(&f, "[]", "x,u; w: Relu(x)->a, Add(a,w)->b, Mul(a,b)->c, Neg(u)->d: c,d");
    EDITED(&f, "[{\"outputs\":[\"d\"]}]", "u; : Neg(u)->d: d");
    EDITED(&f, "[{\"outputs\":[\"b\",\"b\"]}]", "x; w: Relu(x)->a, Add(a,w)->b: b");
    EDITED(&f, "[{\"expose\":[\"a\",\"c\"]}]",
           "x,u; w: Relu(x)->a, Add(a,w)->b, Mul(a,b)->c, Neg(u)->d: c,d,a");
    FAILS(&f, "[{\"outputs\":[\"nobody\"]}]",
          "edits[0], outputs: the main graph has no value with the name nobody");
    FAILS(&f, "[{\"outputs\":[\"\\u001b[31mq\"]}]", "the name q"); /* nothing that a terminal would act on */
    FAILS(&f, "[{\"outputs\":[]}]", "at least one name is expected");
    FAILS(&f, "[{\"outputs\":[1]}]", "a list of names is expected");
    FAILS(&f, "[{\"outputs\":\"d\"}]", "is expected");
    FAILS(&f, "[{\"shrink\":true}]", "there is no such kind");
}

Test(onnx_edits, prefix)
{
    struct fixture f;
    diamond(&f);
    EDITED(&f, "[{\"prefix\":{\"place\":1}}]", "x; : Relu(x)->a: a");
    EDITED(&f, "[{\"prefix\":{\"place\":2}}]", "x; w: Relu(x)->a, Add(a,w)->b: a,b");
    EDITED(&f, "[{\"prefix\":{\"place\":2,\"outputs\":[\"b\"]}}]", "x; w: Relu(x)->a, Add(a,w)->b: b");
    EDITED(&f, "[{\"prefix\":{\"place\":4}}]",
           "x,u; w: Relu(x)->a, Add(a,w)->b, Mul(a,b)->c, Neg(u)->d: c,d");
    FAILS(&f, "[{\"prefix\":{\"place\":1,\"outputs\":[\"b\"]}}]", "made behind this place");
    FAILS(&f, "[{\"prefix\":{\"place\":0}}]", "the place is 0");
    FAILS(&f, "[{\"prefix\":{\"place\":5}}]", "the place is 5");
    FAILS(&f, "[{\"prefix\":{\"place\":-1}}]", "not negative");
    /* A body behind the place reads a value in front of it. */
    fixture_node(fixture_body(fixture_node(f.graph, "If", "c", "r"), "then_branch", "y"), "Neg", "b", "y");
    fixture_output(f.graph, "r");
    f.graph->output[0] = f.graph->output[2];
    f.graph->n_output = 1;
    EDITED(&f, "[{\"prefix\":{\"place\":3}}]", "x; w: Relu(x)->a, Add(a,w)->b, Mul(a,b)->c: b,c");
}

Test(onnx_edits, begin)
{
    struct fixture f;
    diamond(&f);
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"b\",\"type\":\"float32\",\"shape\":[2,\"n\",null]}]},{\"outputs\":["
           "\"c\"]}]",
           "x,b; : Relu(x)->a, Mul(a,b)->c: c");
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"a\",\"type\":\"int64\"},{\"name\":\"b\",\"type\":\"float32\","
           "\"sequence\":true}]}]",
           "u,a,b; : Mul(a,b)->c, Neg(u)->d: c,d");
    /* Two floats: 08 02 dims, 10 01 type, 4a raw data. */
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"b\",\"tensor\":{\"pb\":\"080210014a080000803f00000040\"}}]},{"
           "\"outputs\":[\"c\"]}]",
           "x; b: Relu(x)->a, Mul(a,b)->c: c");
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"a\",\"constant\":true,\"tensor\":{\"pb\":"
           "\"080210014a080000803f00000040\"}}]},{\"outputs\":[\"c\"]}]",
           "; w: Constant()->a, Add(a,w)->b, Mul(a,b)->c: c");
    /* An initializer and an input, too. */
    EDITED(&f, "[{\"begin\":[{\"name\":\"w\",\"type\":\"float32\"}]},{\"outputs\":[\"b\"]}]",
           "x,w; : Relu(x)->a, Add(a,w)->b: b");
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"x\",\"tensor\":{\"pb\":\"080210014a080000803f00000040\"}}]},{"
           "\"outputs\":[\"a\"]}]",
           "; x: Relu(x)->a: a");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"type\":\"float33\"}]}]", "the type of an input");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"type\":\"float32\",\"shape\":[-1]}]}]", "a dimension");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"tensor\":\"00000000000000000000000000000000\"}]}]",
          "is not there");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"tensor\":{\"pb\":\"0802\"}}]}]", "says no type");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"tensor\":{\"pb\":\"080\"}}]}]", "hexadecimal");
    FAILS(&f, "[{\"begin\":[{\"name\":\"a\",\"type\":\"int8\"},{\"name\":\"a\",\"type\":\"int8\"}]}]",
          "named twice");
    FAILS(&f, "[{\"begin\":[]}]", "a list of values");
    f.model.ir_version = 3; /* where an initializer is an input, too */
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"b\",\"tensor\":{\"pb\":\"080210014a080000803f00000040\"}}]},{"
           "\"outputs\":[\"c\"]}]",
           "x; : Constant()->b, Relu(x)->a, Mul(a,b)->c: c");
}

Test(onnx_edits, bypass_and_constant)
{
    struct fixture f;
    diamond(&f);
    EDITED(&f, "[{\"bypass\":[[1,0,0]]}]", "x,u; : Relu(x)->a, Mul(a,a)->c, Neg(u)->d: c,d");
    EDITED(&f, "[{\"bypass\":[[1,1,0]]}]", "x,u; w: Relu(x)->a, Mul(a,w)->c, Neg(u)->d: c,d");
    /* Several at once, each followed to one that stays; the last one makes an output. */
    EDITED(&f, "[{\"bypass\":[[1,0,0],[0,0,0]]}]", "x,u; : Mul(x,x)->c, Neg(u)->d: c,d");
    EDITED(&f, "[{\"bypass\":[[2,1,0],[1,0,0],[3,0,0]]}]", "x,u; : Relu(x)->a: a,u");
    EDITED(&f, "[{\"constant\":[[1,0,{\"pb\":\"080210014a080000803f00000040\"}]]}]",
           "x,u; : Relu(x)->a, Constant()->b, Mul(a,b)->c, Neg(u)->d: c,d");
    FAILS(&f, "[{\"bypass\":[[9,0,0]]}]", "no node with the number 9");
    FAILS(&f, "[{\"bypass\":[[1,2,0]]}]", "no input 2");
    FAILS(&f, "[{\"bypass\":[[1,0,0]]},{\"bypass\":[[1,0,0]]}]",
          "edits[1], bypass: there is no node with the number 1 (any more)");
    FAILS(&f, "[{\"constant\":[[1,3,{\"pb\":\"\"}]]}]", "no output 3");
    FAILS(&f, "[{\"bypass\":[1]}]", "[NODE, INPUT, OUTPUT] is expected");
    /* In a body an output stays where it is. */
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, two);
    Onnx__GraphProto *g = fixture_body(fixture_node(f.graph, "If", "x", "r"), "then_branch", "z");
    fixture_node(g, "Neg", "x", "y");
    fixture_node(g, "Abs", "y", "z");
    fixture_output(f.graph, "r");
    EDITED(&f, "[{\"bypass\":[[1,0,0]]}]", "x; : If(x)->r{Abs(x)->z: z}: r");
    EDITED(&f, "[{\"bypass\":[[2,0,0]]}]", "x; : If(x)->r{Neg(x)->y, Identity(y)->z: z}: r");
    EDITED(&f, "[{\"bypass\":[[2,0,0],[1,0,0]]}]", "x; : If(x)->r{Identity(x)->z: z}: r");
}

/* Both branches have names that are elsewhere too: in the other one, and in a body of their own. */
static void branches(struct fixture *f)
{
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 1, two);
    fixture_node(f->graph, "Relu", "x", "a");
    Onnx__NodeProto *outer = fixture_node(f->graph, "If", "a", "r s");
    Onnx__GraphProto *then = fixture_body(outer, "then_branch", "y a"),
                     *otherwise = fixture_body(outer, "else_branch", "y w");
    fixture_floats(otherwise, "w", 2, ones);
    fixture_node(otherwise, "Abs", "a", "y");
    Onnx__NodeProto *inner = fixture_node(then, "If", "a", "y");
    fixture_node(fixture_body(inner, "then_branch", "t"), "Neg", "a", "t");
    Onnx__GraphProto *second = fixture_body(inner, "else_branch", "y2");
    fixture_node(second, "Exp", "x", "t");
    fixture_node(second, "Add", "t a", "y2");
    fixture_node(f->graph, "Mul", "r s", "z");
    fixture_output(f->graph, "z");
}

Test(onnx_edits, branch)
{
    struct fixture f;
    branches(&f);
    /* 1 If, 3 If within, 4 Neg, 5 Exp, 6 Add, 7 Abs. What comes from outside of the branch needs an Identity. */
    EDITED(&f, "[{\"branch\":[[1,0]]}]", "x; w: Relu(x)->a, Abs(a)->r, Identity(w)->s, Mul(r,s)->z: z");
    EDITED(&f, "[{\"branch\":[[1,1]]}]",
           "x; : Relu(x)->a, If(a)->r{Neg(a)->t_1: t_1}{Exp(x)->t_2, Add(t_2,a)->y2: y2}, Identity(a)->s, "
           "Mul(r,s)->z: z");
    EDITED(&f, "[{\"branch\":[[1,1]]},{\"branch\":[[3,0]]}]",
           "x; : Relu(x)->a, Exp(x)->t_2, Add(t_2,a)->r, Identity(a)->s, Mul(r,s)->z: z");
    EDITED(&f, "[{\"branch\":[[3,1],[1,1]]}]", "x; : Relu(x)->a, Neg(a)->r, Identity(a)->s, Mul(r,s)->z: z");
    FAILS(&f, "[{\"branch\":[[0,1]]}]", "node 0 is no If");
    FAILS(&f, "[{\"branch\":[[1]]}]", "[NODE, 0 or 1] is expected");
    f.graph->node[1]->attribute[0]->g->n_output = 1;
    FAILS(&f, "[{\"branch\":[[1,1]]}]", "has 1 outputs, and the node 2");
}

/* Loop: trips, condition, one carried value; one value that is stacked. */
static void loops(struct fixture *f, int64_t opset)
{
    fixture_begin(f, opset);
    fixture_input(f->graph, "x", 1, two);
    fixture_input(f->graph, "n", 0, NULL);
    Onnx__GraphProto *g = fixture_body(fixture_node(f->graph, "Loop", "n - x", "last all"), "body", "go v p");
    fixture_input(g, "i", 0, NULL);
    fixture_input(g, "go_in", 0, NULL);
    fixture_input(g, "v_in", 1, two);
    fixture_node(g, "Add", "v_in i", "v");
    fixture_node(g, "Neg", "v_in", "p");
    fixture_node(g, "Identity", "go_in", "go");
    Onnx__NodeProto *scan = fixture_node(f->graph, "Scan", "last x", "sum each");
    fixture_int(scan, "num_scan_inputs", 1);
    g = fixture_body(scan, "body", "v t");
    fixture_input(g, "s", 1, two);
    fixture_input(g, "e", 0, NULL);
    fixture_node(g, "Sub", "s e", "v");
    fixture_node(g, "Abs", "e", "t");
    fixture_output(f->graph, "all");
    fixture_output(f->graph, "sum");
    fixture_output(f->graph, "each");
}

Test(onnx_edits, loops)
{
    struct fixture f;
    loops(&f, 13);
    EDITED(&f, "[{\"outputs\":[\"all\"]},{\"trips\":[[0,3]]}]",
           "x; : Constant()->trips_1, Loop(trips_1,-,x)->last,all{i,go_in,v_in; Add(v_in,i)->v, "
           "Neg(v_in)->p, Identity(go_in)->go: "
           "go,v,p}: all");
    EDITED(&f, "[{\"outputs\":[\"all\"]},{\"iteration\":[{\"node\":0,\"index\":2}]}]",
           "x; : Neg(x)->p, Constant()->axes_1, Unsqueeze(p,axes_1)->all: all");
    EDITED(&f,
           "[{\"iteration\":[{\"node\":0,\"index\":2,\"state\":[{\"pb\":\"080210014a080000803f00000040\"}]}]}"
           ",{\"outputs\":[\"sum\"]},"
           "{\"iteration\":[{\"node\":1,\"index\":4}]}]",
           "x; : Constant()->iteration_1, Constant()->x_1, Add(x_1,iteration_1)->last, Constant()->index_1, "
           "Gather(x,index_1)->x_2, "
           "Sub(last,x_2)->sum: sum");
    EDITED(&f,
           "[{\"begin\":[{\"name\":\"last\",\"type\":\"float32\"}]},{\"outputs\":[\"each\"]},{\"trips\":[[1,"
           "1]]}]",
           "x,last; : Constant()->starts_1, Constant()->ends_1, Constant()->axes_1, "
           "Slice(x,starts_1,ends_1,axes_1)->x_1, "
           "Scan(last,x_1)->sum,each{s,e; Sub(s,e)->v, Abs(e)->t: v,t}: each");
    FAILS(&f, "[{\"iteration\":[{\"node\":0,\"index\":0,\"state\":[]}]}]", "a list of 1 tensors");
    FAILS(&f, "[{\"trips\":[[2,1]]}]", "node 2 is no Loop and no Scan");
    loops(&f, 11); /* axes are an attribute */
    EDITED(&f, "[{\"outputs\":[\"all\"]},{\"iteration\":[{\"node\":0,\"index\":2}]}]",
           "x; : Neg(x)->p, Unsqueeze(p)->all: all");
    loops(&f, 8);
    FAILS(&f, "[{\"trips\":[[1,1]]}]", "Scan of opset 8");
    loops(&f, 13);
    f.graph->node[1]->attribute[0]->i = 7;
    FAILS(&f, "[{\"trips\":[[1,1]]}]", "does not say what it goes through");
    loops(&f, 13);
    f.graph->node[0]->attribute[0]->g->n_input = 2;
    f.graph->node[0]->attribute[0]->g->node[0]->input[0] = tl_strdup("i");
    f.graph->node[0]->attribute[0]->g->node[1]->input[0] = tl_strdup("i");
    FAILS(&f, "[{\"trips\":[[0,1]]}]", "has not the inputs and outputs");
}

/* y = G(x), G(a; k) = F(F(a)), F(a; alpha) = LeakyRelu(a) with a body */
static void functions(struct fixture *f)
{
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 1, two);
    Onnx__FunctionProto *leaf = fixture_function(f, "own", "F", "a b", "c");
    Onnx__NodeProto *leaky = fixture_function_node(leaf, "LeakyRelu", "a", "t");
    fixture_attribute(leaky, "alpha", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT)->ref_attr_name =
        tl_strdup("k");
    fixture_node(fixture_body(fixture_function_node(leaf, "If", "t", "c"), "then_branch", "x"), "Neg", "t",
                 "x");
    Onnx__FunctionProto *pair = fixture_function(f, "own", "G", "a", "c");
    Onnx__NodeProto *call = fixture_function_node(pair, "F", "a -", "t");
    call->domain = tl_strdup("own");
    fixture_int(call, "k", 3);
    fixture_function_node(pair, "F", "t", "c")->domain = tl_strdup("own");
    fixture_node(f->graph, "G", "x", "y")->domain = tl_strdup("own");
    fixture_output(f->graph, "y");
}

Test(onnx_edits, inline)
{
    struct fixture f;
    functions(&f);
    EDITED(&f, "[{\"inline\":[0]}]",
           "x; : F(x,-)->t_1, F(t_1)->y: y | F: LeakyRelu(a)->t, If(t)->c{Neg(t)->x: x}");
    /* 0 G, then LeakyRelu, If, Neg within, F, F; the copies are 6 and 7. */
    EDITED(&f, "[{\"inline\":[0]},{\"inline\":[6,7]}]",
           "x; : LeakyRelu(x)->t_2, If(t_2)->t_1{Neg(t_2)->x_1: x_1}, LeakyRelu(t_1)->t_3, "
           "If(t_3)->y{Neg(t_3)->x_2: x_2}: y");
    /* Two levels at once: that and the last of what it holds, with which it ends. */
    for (int levels = 2; levels < 4; levels++) {
        char *edits = tl_format("[{\"inline\":[{\"node\":0,\"levels\":%d}]}]", levels);
        EDITED(
            &f, edits,
            "x; : F(x,-)->t_1, LeakyRelu(t_1)->t_2, If(t_2)->y{Neg(t_2)->x_1: x_1}: y | F: LeakyRelu(a)->t, "
            "If(t)->c{Neg(t)->x: x}");
        free(edits);
    }
    FAILS(&f, "[{\"inline\":[{\"node\":0,\"levels\":0}]}]", "at least 1");
    struct tl_onnx_model *m = fixture_apply(&f, "[{\"inline\":[0]},{\"inline\":[6,7]}]", NULL);
    struct tl_onnx_node_facts *nodes;
    size_t n;
    tl_onnx_nodes(m, &nodes, &n);
    cr_assert_eq(n, 6);
    cr_assert_eq(nodes[0].n_attributes, 1); /* the call says k, the other one does not */
    const char **names;
    size_t n_names;
    tl_onnx_attributes(m, nodes[0].number, &names, &n_names);
    cr_assert_eq(n_names, 1);
    cr_assert_str_eq(names[0], "alpha");
    free(names);
    tl_onnx_attributes(m, 4711, &names, &n_names); /* there is no such node */
    cr_assert_eq(n_names, 0);
    free(names);
    cr_assert_eq(nodes[3].n_attributes, 0);
    cr_assert_str_eq(nodes[0].original_name, "the LeakyRelu of t");
    cr_assert_eq(nodes[0].origin, nodes[3].origin);
    cr_assert_neq(nodes[0].number, nodes[3].number);
    free(nodes);
    tl_onnx_model_free(m);
    FAILS(&f, "[{\"inline\":[1]},{\"inline\":[1]}]", "node 1 calls no function");
    f.model.functions[1]->n_input = 0;
    f.model.functions[1]->node[0]->n_input = 0;
    FAILS(&f, "[{\"inline\":[0]}]", "more inputs or outputs than its function");
}

/* A function may import another version than the model does: one of them is what stays. */
Test(onnx_edits, inline_of_another_version)
{
    static const struct {
        int64_t function;
        const char *older;
        int64_t stays;
    } table[] = {{15, "", 15}, {15, ",\"older\":true", 13}, {11, "", 13}, {11, ",\"older\":true", 11}};
    for (size_t i = 0; i < TL_COUNT(table); i++) {
        struct fixture f;
        functions(&f);
        Onnx__OperatorSetIdProto own;
        onnx__operator_set_id_proto__init(&own);
        own.has_version = 1;
        own.version = table[i].function;
        for (size_t k = 0; k < f.model.n_functions; k++)
            *TL_GROW(f.model.functions[k]->opset_import, f.model.functions[k]->n_opset_import) = &own;
        char *edits = tl_format("[{\"inline\":[{\"node\":0,\"levels\":2%s}]}]", table[i].older);
        struct tl_onnx_model *m = fixture_apply(&f, edits, NULL);
        json_t *opsets = tl_onnx_opsets(m);
        cr_assert_eq(json_integer_value(json_object_get(opsets, "ai.onnx")), table[i].stays, "%zu", i);
        json_decref(opsets);
        tl_onnx_model_free(m);
        free(edits);
    }
}

/* Each function calls the next twice: what it means has no end. */
Test(onnx_edits, functions_that_grow_are_stopped)
{
    struct fixture f;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, two);
    for (int i = 0; i < 4; i++) {
        char name[8], next[8];
        snprintf(name, sizeof name, "F%d", i);
        snprintf(next, sizeof next, i == 3 ? "Neg" : "F%d", i + 1);
        Onnx__FunctionProto *x = fixture_function(&f, "own", name, "a", "b");
        for (int k = 0; k < 40; k++) {
            char from[8], to[8];
            snprintf(from, sizeof from, k ? "v%d" : "a", k);
            snprintf(to, sizeof to, k == 39 ? "b" : "v%d", k + 1);
            fixture_function_node(x, next, from, to)->domain = tl_strdup(i == 3 ? "" : "own");
        }
    }
    fixture_node(f.graph, "F0", "x", "y")->domain = tl_strdup("own");
    fixture_output(f.graph, "y");
    const char *text = fixture_edited(&f, "[{\"inline\":[0]}]");
    cr_assert(strstr(text, "F1(x)->v1_1") || strstr(text, "F1(x)->v1"), "%s", text);
}

Test(onnx_edits, fold)
{
    struct fixture f;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, two);
    fixture_attribute(fixture_node(f.graph, "Constant", "", "c"), "value",
                      ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR)
        ->t = fixture_floats(f.graph, "", 2, ones);
    f.graph->n_initializer = 0;
    fixture_int(fixture_node(f.graph, "Constant", "", "k"), "value_int", 5);
    fixture_node(f.graph, "Add", "x c", "a");
    fixture_node(f.graph, "Mul", "a k", "b");
    fixture_output(f.graph, "b");
    EDITED(&f, "[{\"fold\":true}]", "x; c,k: Add(x,c)->a, Mul(a,k)->b: b");
    EDITED(&f, "[{\"fold\":true},{\"fold\":false}]",
           "x; : Constant()->c, Constant()->k, Add(x,c)->a, Mul(a,k)->b: b");
    FAILS(&f, "[{\"fold\":1}]", "true or false is expected");
    fixture_output(f.graph, "k"); /* stays what a node makes */
    EDITED(&f, "[{\"fold\":true}]", "x; c: Constant()->k, Add(x,c)->a, Mul(a,k)->b: b,k");
    f.model.ir_version = 3;
    FAILS(&f, "[{\"fold\":true}]", "set the version to 4");
    EDITED(&f, "[{\"ir\":4},{\"fold\":true}]", "x; c: Constant()->k, Add(x,c)->a, Mul(a,k)->b: b,k");
}

Test(onnx_edits, plain)
{
    struct fixture f;
    size_t n;
    struct tl_onnx_node_facts *nodes;
    branches(&f);
    fixture_int(f.graph->node[0], "axis", 1);
    f.graph->doc_string = tl_strdup("from \xff somewhere");
    EDITED(&f, "[{\"rename\":true},{\"strip\":true}]",
           "x; : Relu(x)->v1, If(v1)->v2,v3{If(v1)->v4{Neg(v1)->v5: v5}{Exp(x)->v6, Add(v6,v1)->v7: v7}: "
           "v4,v1}{v8: Abs(v1)->v9: "
           "v9,v8}, Mul(v2,v3)->z: z");
    EDITED(&f, "[{\"branch\":[[1,0]]},{\"rename\":\"all\"}]",
           "v1; v2: Relu(v1)->v3, Abs(v3)->v4, Identity(v2)->v5, Mul(v4,v5)->v6: v6");
    EDITED(&f, "[{\"branch\":[[1,0]]},{\"rename\":\"values\"},{\"rename\":\"graphs\"}]",
           "v1; v2: Relu(v1)->v3, Abs(v3)->v4, Identity(v2)->v5, Mul(v4,v5)->v6: v6");
    for (int kind = 0; kind < 2; kind++) {
        struct tl_onnx_model *one = fixture_apply(
            &f, kind ? "[{\"rename\":\"nodes\"}]" : "[{\"rename\":\"values\"},{\"rename\":\"graphs\"}]",
            NULL);
        tl_onnx_nodes(one, &nodes, &n);
        cr_assert_eq(kind, !strcmp(nodes[0].name, "n1"));
        cr_assert_str_eq(nodes[0].outputs[0], kind ? "a" : "v2");
        free(nodes);
        tl_onnx_model_free(one);
    }
    FAILS(&f, "[{\"rename\":\"n\"}]", "\"nodes\"");
    struct tl_onnx_model *m = fixture_apply(
        &f, "[{\"branch\":[[1,0]]},{\"rename\":true},{\"attribute\":[[0,\"axis\",null],[0,\"k\",[1,2]]]}]",
        NULL);
    tl_onnx_nodes(m, &nodes, &n);
    cr_assert_str_eq(nodes[1].name, "n2");
    cr_assert_str_eq(nodes[1].original_name, "the Abs of y");
    cr_assert_str_eq(nodes[2].original_name, "");
    cr_assert_eq(nodes[0].n_attributes, 1);
    free(nodes);
    tl_onnx_model_free(m);
    FAILS(&f, "[{\"opset\":{\"domain\":\"com.nobody\",\"version\":1}}]",
          "imports no operators of the domain com.nobody");
    FAILS(&f, "[{\"opset\":{\"domain\":\"\",\"version\":0}}]", "from 1 on");
    FAILS(&f, "[{\"attribute\":[[0,\"k\",{}]]}]", "null, a number, a text or a list");
    FAILS(&f, "[{\"attribute\":[[0,\"k\",[1,\"a\"]]]}]", "a list of whole numbers");
    m = fixture_apply(&f, "[{\"opset\":{\"domain\":\"\",\"version\":12}},{\"ir\":6}]", NULL);
    json_t *opsets = tl_onnx_opsets(m);
    cr_assert_eq(json_integer_value(json_object_get(opsets, "ai.onnx")), 12);
    cr_assert_eq(tl_onnx_ir_version(m), 6);
    json_decref(opsets);
    tl_onnx_model_free(m);
}

/* What nobody reads may be what fails. */
Test(onnx_edits, unread)
{
    struct fixture f;
    branches(&f);
    fixture_node(f.graph->node[1]->attribute[1]->g, "Neg", "a", "nobody");
    fixture_node(f.graph, "Exp", "x", "also");
    EDITED(&f, "[{\"branch\":[[1,0]]}]", "x; w: Relu(x)->a, Abs(a)->r, Identity(w)->s, Mul(r,s)->z: z");
    EDITED(&f, "[{\"unread\":true},{\"branch\":[[1,0]]}]",
           "x; w: Relu(x)->a, Abs(a)->r, Neg(a)->nobody, Identity(w)->s, Mul(r,s)->z, Exp(x)->also: "
           "z,also,nobody");
    FAILS(&f, "[{\"unread\":1}]", "true");
}

/* Names of extents are the owner's as well. */
Test(onnx_edits, names_of_extents)
{
    static const char *const edits[][2] = {{"[{\"rename\":\"all\"}]", "d1"},
                                           {"[{\"rename\":true}]", "theirs"}};
    struct fixture f;
    branches(&f);
    Onnx__TensorShapeProto__Dimension *d = f.graph->input[0]->type->tensor_type->shape->dim[0];
    d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    d->dim_param = tl_strdup("theirs");
    for (size_t i = 0; i < 2; i++) {
        struct tl_onnx_model *m = fixture_apply(&f, edits[i][0], NULL);
        cr_assert_str_eq(m->pb->graph->input[0]->type->tensor_type->shape->dim[0]->dim_param, edits[i][1]);
        tl_onnx_model_free(m);
    }
}

/* Of texts those that an operator knows stay, and equal ones stay equal, wherever they stand. */
Test(onnx_edits, texts)
{
    static const char *const edits[][3] = {{"[{\"texts\":true}]", "s1", "s2"},
                                           {"[{\"texts\":{\"keep\":\"1\"}}]", "s1", "theirs"},
                                           {"[{\"texts\":{\"keep\":\"0-1\"}}]", "theirs, too", "theirs"}};
    struct fixture f;
    branches(&f);
    Onnx__NodeProto *node = f.graph->node[0];
    node->attribute = tl_realloc(node->attribute, 3, sizeof *node->attribute);
    const char *const said[] = {"theirs, too", "edge", "theirs"}, *const names[] = {"label", "mode", "title"};
    for (size_t i = 0; i < TL_COUNT(said); i++) {
        Onnx__AttributeProto *a = tl_calloc(1, sizeof *a);
        onnx__attribute_proto__init(a);
        a->name = tl_strdup(names[i]);
        a->has_s = 1;
        a->s = (ProtobufCBinaryData){strlen(said[i]), (uint8_t *)tl_strdup(said[i])};
        node->attribute[node->n_attribute++] = a;
    }
    for (size_t i = 0; i < TL_COUNT(edits); i++) {
        struct tl_onnx_model *m = fixture_apply(&f, edits[i][0], NULL);
        Onnx__AttributeProto *const *a = m->pb->graph->node[0]->attribute;
        const char *const expected[] = {edits[i][1], "edge", edits[i][2]};
        for (size_t k = 0; k < TL_COUNT(expected); k++) {
            cr_assert_eq(a[k]->s.len, strlen(expected[k]), "%zu %zu", i, k);
            cr_assert_arr_eq(a[k]->s.data, expected[k], a[k]->s.len);
        }
        tl_onnx_model_free(m);
    }
    FAILS(&f, "[{\"texts\":1}]", "true");
    FAILS(&f, "[{\"texts\":{\"keep\":\"b\"}}]", "0-4");
}

/* The same list gives the same bytes, also after it was text; a list is of one original. */
Test(onnx_edits, as_text)
{
    struct fixture f;
    struct tl_onnx_edits edits, again;
    struct tl_error e = {0};
    uint8_t *first, *second, *tensor;
    size_t first_size, second_size, size;
    float values[64] = {1};
    branches(&f);
    struct tl_onnx_model *m = fixture_read(&f), *other = fixture_read(&f);
    cr_assert_eq(tl_onnx_tensor_make(1, 1, (const int64_t[]){64}, values, sizeof values, &tensor, &size, &e),
                 0);
    tl_onnx_edits_begin(&edits, m);
    tl_onnx_edit_branch(&edits, 1, true);
    tl_onnx_edit_begin(&edits,
                       (const struct tl_onnx_beginning[]){{.name = "a", .tensor = tensor, .size = size}}, 1);
    tl_onnx_edit_fill(&edits, (const uint32_t[]){1}, 1, "random", 7, NULL, 0);
    cr_assert_eq(edits.n_tensors, 1); /* too large to stand in the text */
    char *text = tl_onnx_edits_text(&edits);
    cr_assert_lt(strlen(text), 300, "%s", text);
    cr_assert_eq(tl_onnx_edits_parse(text, &again, &e), 0, "%s", e.why);
    cr_assert_eq(tl_onnx_edits_apply(&edits, m, NULL, &e), 0, "%s", e.why);
    cr_assert_eq(tl_onnx_edits_apply(&again, other, NULL, &e), -1);
    cr_assert(strstr(e.why, "is not there"), "%s", e.why);
    tl_onnx_model_free(other);
    other = fixture_read(&f);
    struct tl_onnx_edits whole;
    tl_onnx_edits_copy(&whole, &edits);
    cr_assert_eq(tl_onnx_edits_apply(&whole, other, NULL, &e), 0, "%s", e.why);
    cr_assert_eq(tl_onnx_model_write(m, &first, &first_size, &e), 0);
    cr_assert_eq(tl_onnx_model_write(other, &second, &second_size, &e), 0);
    cr_assert(first_size == second_size && !memcmp(first, second, first_size));
    edits.original[0] = edits.original[0] == '0' ? '1' : '0';
    cr_assert_eq(tl_onnx_edits_apply(&edits, m, NULL, &e), -1);
    cr_assert(strstr(e.why, "of another file"));
    free(first);
    free(second);
    free(text);
    free(tensor);
    tl_onnx_edits_free(&edits);
    tl_onnx_edits_free(&whole);
    tl_onnx_edits_free(&again);
    tl_onnx_model_free(m);
    tl_onnx_model_free(other);
    cr_assert_eq(tl_onnx_edits_parse("{\"original\":\"x\",\"edits\":[]}", &again, &e), -1);
    cr_assert_eq(tl_onnx_edits_parse("{", &again, &e), -1);
    char *bad = tl_format("{\"original\":\"%064d\",\"edits\":[{}]}", 0);
    cr_assert_eq(tl_onnx_edits_parse(bad, &again, &e), -1);
    cr_assert_str_eq(e.where, "edits[0]");
    free(bad);
}

/* Two exports of one network: only the names of values are others. */
Test(onnx_edits, names_of_another_model)
{
    static const struct {
        int change;
        bool alike;
    } table[] = {{0, true}, {1, false}, {2, false}, {3, false}};
    for (size_t i = 0; i < TL_COUNT(table); i++) {
        struct fixture f;
        diamond(&f);
        struct tl_onnx_model *from = fixture_read(&f), *m = fixture_apply(&f, "[{\"rename\":true}]", NULL);
        struct tl_onnx_node_facts *own, *others;
        size_t n, n_others;
        tl_onnx_nodes(m, &own, &n);
        if (table[i].change == 1)
            m->pb->graph->node[0]->op_type = "Abs";
        if (table[i].change == 2)
            m->pb->graph->node[2]->input[1] = m->pb->graph->node[2]->input[0];
        if (table[i].change == 3)
            m->pb->graph->output[0]->name = m->pb->graph->node[2]->output[0] = "other";
        free(own);
        cr_assert_eq(tl_onnx_take_names(m, from), table[i].alike, "%zu", i);
        tl_onnx_nodes(m, &own, &n);
        tl_onnx_nodes(from, &others, &n_others);
        cr_assert_eq(n, n_others);
        for (size_t k = 0; k < n && table[i].alike; k++)
            for (size_t o = 0; o < own[k].n_outputs; o++)
                cr_assert_str_eq(own[k].outputs[o], others[k].outputs[o]);
        free(own);
        free(others);
        tl_onnx_model_free(from);
        tl_onnx_model_free(m);
    }
}
