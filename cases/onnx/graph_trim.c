#include "cases/onnx/graph_trim.h"
#include "cases/inputs.h"
#include "cases/onnx/graph_elements.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_sweep.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* --- operands --- */

/* Of these an operand more or less changes nothing about the others. */
static bool takes_any_number(const tl_onnx_node_pb *n)
{
    static const char *const operators[] = {"Concat", "Max", "Mean", "Min", "SequenceConstruct", "Sum"};
    return tl_onnx_standard_domain(n->domain) && tl_is_one_of(n->op_type, operators, TL_COUNT(operators));
}

static int omit(struct tl_onnx_editing *x, tl_onnx_node_pb *n, uint32_t operand)
{
    if (operand >= n->n_input || !n->input[operand] || !*n->input[operand])
        return tl_onnx_edit_fail(x, "there is no operand %u", operand);
    char **names = tl_arena_alloc(x->m->arena, n->n_input + 1, sizeof *names); /* a copy may share them */
    memcpy(names, n->input, n->n_input * sizeof *names);
    n->input = names;
    if (takes_any_number(n)) {
        memmove(names + operand, names + operand + 1, (n->n_input - operand - 1) * sizeof *names);
        n->n_input--;
        return 0;
    }
    names[operand] = tl_onnx_text(x->m, "");
    while (n->n_input && !*names[n->n_input - 1])
        n->n_input--;
    return 0;
}

int tl_onnx_trim_omit(struct tl_onnx_editing *x, const json_t *list)
{
    if (!json_array_size(list))
        return tl_onnx_edit_form(x, "a list of [NODE, INPUT]");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        struct tl_onnx_body body;
        size_t at;
        uint32_t operand;
        if (json_array_size(one) != 2)
            return tl_onnx_edit_form(x, "[NODE, INPUT]");
        if (tl_onnx_edit_node(x, json_array_get(one, 0), &body, &at) ||
            tl_onnx_edit_number(x, json_array_get(one, 1), &operand) || omit(x, (*body.nodes)[at], operand))
            return -1;
    }
    tl_onnx_sweep(x->m);
    return 0;
}

/* --- what nothing needs --- */

struct domain {
    const char *name;
    bool used;
};

static int find_use(void *arg, struct tl_onnx_body body)
{
    struct domain *d = arg;
    for (size_t i = 0; i < *body.n; i++) {
        const char *own = (*body.nodes)[i]->domain;
        bool standard = tl_onnx_standard_domain(own) && tl_onnx_standard_domain(d->name);
        d->used = d->used || standard || (own && d->name && !strcmp(own, d->name));
    }
    return d->used;
}

static size_t used_imports(struct tl_onnx_model *m, Onnx__OperatorSetIdProto **list, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct domain d = {.name = list[i]->domain};
        tl_onnx_each_body(m, find_use, &d);
        if (d.used)
            list[kept++] = list[i];
    }
    return kept;
}

int tl_onnx_trim_unused(struct tl_onnx_editing *x, const json_t *value)
{
    Onnx__ModelProto *pb = x->m->pb;
    if (!json_is_true(value))
        return tl_onnx_edit_form(x, "true");
    tl_onnx_sweep(x->m);
    pb->n_opset_import = used_imports(x->m, pb->opset_import, pb->n_opset_import);
    return 0;
}

/* --- elements --- */

struct wanted {
    uint32_t number;
    tl_onnx_tensor_pb *found;
};

static int find_tensor(void *arg, struct tl_onnx_body body, tl_onnx_node_pb *node, tl_onnx_tensor_pb *t)
{
    struct wanted *w = arg;
    w->found = t;
    return tl_onnx_tensor_number(t) == w->number;
}

static void store(enum tl_dtype type, unsigned char *to, const json_t *value)
{
    if (tl_dtype_is_float(type))
        tl_store_real(type, (char *)to, json_number_value(value));
    else
        tl_store_integer(type, (char *)to, (uint64_t)json_integer_value(value));
}

static int set_element(struct tl_onnx_editing *x, uint32_t number, uint32_t place, const json_t *value)
{
    struct wanted w = {.number = number};
    struct tl_tensor_pb all;
    uint64_t elements = 0;
    const char *directory = x->sources ? x->sources->directory : NULL;
    if (tl_onnx_each_tensor(x->m, find_tensor, &w) != 1)
        return tl_onnx_edit_fail(x, "there is no tensor with the number %u (any more)", number);
    enum tl_dtype type = (enum tl_dtype)w.found->data_type;
    if (!tl_dtype_name(type) || !tl_onnx_tensor_elements(w.found, &elements) || place >= elements)
        return tl_onnx_edit_fail(x, "tensor %u has no number at place %u", number, place);
    if (tl_onnx_stays_beside(w.found)) {
        struct tl_onnx_data_part p = {.kind = TL_ONNX_PART_NUMBER, .place = place};
        store(type, p.number, value);
        return tl_onnx_part_add(x->m, w.found, &p, directory, x->error);
    }
    if (tl_onnx_tensor_take(x->m, w.found, directory, &all, x->error))
        return -1;
    store(type, all.data + place * all.type->size, value);
    int rc = tl_onnx_tensor_set(x->m, w.found, &all, x->error);
    tl_tensor_pb_free(&all);
    return rc;
}

int tl_onnx_trim_element(struct tl_onnx_editing *x, const json_t *list)
{
    if (!json_array_size(list))
        return tl_onnx_edit_form(x, "a list of [TENSOR-NUMBER, PLACE, NUMBER]");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i), *value = json_array_get(one, 2);
        uint32_t number, place;
        if (json_array_size(one) != 3 || !json_is_number(value))
            return tl_onnx_edit_form(x, "[TENSOR-NUMBER, PLACE, NUMBER]");
        if (tl_onnx_edit_number(x, json_array_get(one, 0), &number) ||
            tl_onnx_edit_number(x, json_array_get(one, 1), &place) || set_element(x, number, place, value))
            return -1;
    }
    return 0;
}
