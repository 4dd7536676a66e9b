/* The reference engine answers in floats; where the model's tensors are fp16 the result says so, and has
 * halves. */
#include "runners/sim/output.h"

#include "harness/base/buffer.h"
#include "runners/outputs.h"

#include <stdlib.h>

/* The values of an fp16 tensor, which the engine has as floats. The caller's to free. */
static uint16_t *halves(const struct tl_decoder_tensor *t)
{
    const float *values = t->data;
    uint16_t *bits = tl_calloc(t->count ? t->count : 1, sizeof *bits);
    for (size_t i = 0; i < t->count; i++)
        bits[i] = tl_half_from_double((double)values[i]);
    return bits;
}

json_t *tl_sim_outputs(const struct tl_decoder_tensors *t, const char *directory, struct tl_error *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct tl_decoder_tensor *x = &t->list[i];
        bool half = x->dtype == TL_DTYPE_FLOAT16;
        uint16_t *bits = half ? halves(x) : NULL;
        json_t *output = tl_output_json(x->name, half ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32, (size_t)x->rank,
                                        x->shape, half ? (const void *)bits : x->data, directory, i, e);
        free(bits);
        if (!output) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, output);
    }
    return list;
}
