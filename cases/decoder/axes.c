/* The axes of the decoder family and the combinations of them that make no sense. */
#include "cases/family.h"

static const struct tl_family_axis axes[] = {
    {"layers", TL_VALUE_INTEGER, 1, 96, NULL, "1", "number of decoder layers"},
};

const struct tl_family tl_family_decoder = {
    .name = "decoder",
    .about = "a decoder-only transformer as an ONNX model",
    .axes = axes,
    .n_axes = sizeof axes / sizeof axes[0],
};
