/* The reference engine answers in floats; where the model's tensors are fp16 the result says so, and has
 * halves. */
#include "runners/sim/output.h"

#include "runners/outputs.h"

json_t *tl_sim_outputs(const struct tl_decoder_tensors *t, const char *directory, struct tl_error *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct tl_decoder_tensor *x = &t->list[i];
        json_t *output = tl_output_json_of_floats(
            x->name, x->dtype == TL_DTYPE_FLOAT16 ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32, (size_t)x->rank,
            x->shape, x->data, directory, i, e);
        if (!output) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, output);
    }
    return list;
}
