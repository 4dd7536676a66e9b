/* Small families: one graph around one operator or one feature of the format, for failures that need no more.
 *
 *   arithmetic  one Div or Mod, with a chosen value in the divisor
 *   slice       one Slice, with a chosen axis
 *   functions   model-local functions that call each other to a chosen depth */
#ifndef TL_OPERATORS_H
#define TL_OPERATORS_H

#include "cases/family.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const struct tl_family tl_family_arithmetic, tl_family_slice, tl_family_functions;

/* An input of such a model: data holds `bytes` bytes, of the ONNX element type `dtype`. */
struct tl_operator_input {
    const char *name;
    int dtype;
    size_t rank;
    int64_t dims[8];
    void *data;
    size_t bytes;
};

struct tl_operator_model {
    uint8_t *model; /* a serialised ModelProto */
    size_t size;
    size_t n_inputs;
    struct tl_operator_input inputs[4];
};

/* Builds the model and its inputs for a variant (axes it leaves out are at their baseline, axes of others are
 * passed over). Release with tl_operator_model_free. */
int tl_operator_build(const char *family, const json_t *variant, struct tl_operator_model *m,
                      struct tl_error *e);
void tl_operator_model_free(struct tl_operator_model *m);

#endif
