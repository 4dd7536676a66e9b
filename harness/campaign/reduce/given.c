/* The inputs of the original: those that somebody gives, which have to be what the model declares, and those that are made of what it
 * declares.
 *
 * Who feeds a model with something else than it declares has made a mistake: what a runtime says of that is no failure of the model,
 * and is not reduced. A symbolic extent may be anything; what is made for the other inputs has that of the same name, as a mask
 * beside ids of eight tokens has eight. */
#include "harness/campaign/reduce/judge.h"
#include "harness/campaign/reduce/parts.h"

#include "cases/inputs.h"
#include "cases/onnx/given_inputs.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char doing[] = "cannot reduce it";

static const struct tl_onnx_input *declared_as(const struct tl_onnx_inputs *declared, const char *name)
{
    for (size_t i = 0; i < declared->n; i++)
        if (!strcmp(declared->list[i].name, name))
            return &declared->list[i];
    return NULL;
}

/* Inputs that the case says, with the sizes that they have in this variant. */
static int add_given(struct tl_reduce_state *s, const struct tl_onnx_inputs *declared, const json_t *variant,
                     struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0;
    if (!s->r->c->inputs)
        return 0;
    int result = tl_inputs_parse(s->r->c->inputs, s->r->c->directory, variant, &inputs, &n, e);
    for (size_t i = 0; !result && i < n; i++) {
        const struct tl_onnx_input *x = declared_as(declared, inputs[i].name);
        json_t *input = json_deep_copy(json_array_get(s->r->c->inputs, i)), *shape = json_array();
        for (size_t d = 0; d < inputs[i].rank; d++)
            json_array_append_new(shape, json_integer(inputs[i].dims[d]));
        json_object_set_new(input, "shape", shape);
        if (inputs[i].npy)
            json_object_set_new(input, "npy", json_string(inputs[i].npy));
        json_object_set_new(s->inputs, inputs[i].name, input);
        if (x)
            result = tl_onnx_input_check(x, input, doing, s->r->c->path, e);
    }
    tl_inputs_free(inputs, n);
    return result;
}

/* Whether it can be made as the model declares it. */
static bool is_too_large(const json_t *input)
{
    const json_t *size;
    uint64_t elements = 1;
    bool large = false;
    size_t i;
    json_array_foreach(json_object_get(input, "shape"), i, size)
        large = __builtin_mul_overflow(elements, (uint64_t)json_integer_value(size), &elements) || large;
    return large || elements > TL_INPUT_BYTES_MAX;
}

/* Those that nobody gives, as the runner would make them. Some can stand in no list. */
static int add_derived(struct tl_reduce_state *s, const struct tl_onnx_inputs *declared, const json_t *sizes,
                       struct tl_error *e)
{
    for (size_t i = 0; i < declared->n; i++) {
        const struct tl_onnx_input *x = &declared->list[i];
        if (json_object_get(s->inputs, x->name))
            continue;
        if (x->sequence || !tl_dtype_name((enum tl_dtype)x->dtype)) {
            s->derives = true;
            continue;
        }
        json_t *input = tl_reduce_derived_input(x, i, sizes);
        json_object_set_new(s->inputs, x->name, input);
        if (is_too_large(input))
            return tl_fail(e, TL_ERROR_INPUT, "cannot make an input", x->name,
                           "as the model declares it, it has more than 16 GiB; -s NAME=N gives a symbolic "
                           "extent another size, --inputs NAME=FILE.npy feeds a file");
    }
    return 0;
}

int tl_reduce_given(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_inputs declared;
    const char *unlike;
    char why[512];
    if (tl_onnx_inputs_read(s->bytes, s->size, &declared, why, sizeof why)) {
        tl_onnx_inputs_free(&declared);
        return tl_fail(e, TL_ERROR_INPUT, doing, s->r->c->model_file, "%s", why);
    }
    json_t *values = tl_variant_object(s->r->c, s->r->failing);
    int result = add_given(s, &declared, values, e);
    if (!result) {
        tl_onnx_input_sizes(&declared, s->inputs, values, &unlike, NULL);
        if (unlike) {
            char *text = tl_format("warning: inputs have different extents where the model has one name, %s; "
                                   "where it means one size "
                                   "by it, what fails is no fault of the runtime",
                                   unlike);
            tl_executor_warn(s->r->x, text);
            free(text);
        }
        result = add_derived(s, &declared, values, e);
    }
    json_decref(values);
    tl_onnx_inputs_free(&declared);
    return result;
}
