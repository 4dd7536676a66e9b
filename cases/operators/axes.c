/* The axes of the small families, apart from their models so that the loader of cases needs no protobuf. */
#include "cases/family.h"

#include <stddef.h>

static const char *const op_values[] = {"Div", "Mod", NULL};
static const char *const dtype_values[] = {"int32", "int64", NULL};
static const char *const from_values[] = {"constant", "input", NULL};

static const struct tl_family_axis arithmetic_axes[] = {
    {"op", TL_VALUE_STRING, 0, 0, op_values, "Div", "the operator"},
    {"dtype", TL_VALUE_STRING, 0, 0, dtype_values, "int32", "type of the elements"},
    {"divisor", TL_VALUE_INTEGER, -1000, 1000, NULL, "1", "last element of the divisor; the others are 1"},
    {"divisor_from", TL_VALUE_STRING, 0, 0, from_values, "constant",
     "whether the divisor is part of the model"},
    {"size", TL_VALUE_INTEGER, 1, 1000000, NULL, "1", "elements of each operand"},
};

static const struct tl_family_axis slice_axes[] = {
    {"rank", TL_VALUE_INTEGER, 1, 8, NULL, "1", "dimensions of the tensor; each has 4 elements"},
    {"axis", TL_VALUE_INTEGER, -64, 64, NULL, "0",
     "the axis that is sliced, which need not be one of the tensor"},
    {"axis_from", TL_VALUE_STRING, 0, 0, from_values, "constant", "whether the axis is part of the model"},
};

static const struct tl_family_axis functions_axes[] = {
    {"depth", TL_VALUE_INTEGER, 1, 100000, NULL, "1", "functions, each of which calls the next one"},
};

static const struct tl_family_value arithmetic_values[] = {
    {"divisor_from", "constant", "the divisor is an initializer of the model"},
    {"divisor_from", "input", "the divisor is an input, known when the model runs"},
};
static const struct tl_family_value slice_values[] = {
    {"axis_from", "constant", "the axis is an initializer of the model"},
    {"axis_from", "input", "the axis is an input, known when the model runs"},
};

#define VALUES(list) .values = list, .n_values = sizeof list / sizeof list[0]
#define AXES(list) .axes = list, .n_axes = sizeof list / sizeof list[0]

const struct tl_family tl_family_arithmetic = {
    .name = "arithmetic",
    .about = "one integer division or remainder",
    AXES(arithmetic_axes),
    VALUES(arithmetic_values),
};
const struct tl_family tl_family_slice = {
    .name = "slice",
    .about = "one Slice whose axis may lie outside the rank",
    AXES(slice_axes),
    VALUES(slice_values),
};
const struct tl_family tl_family_functions = {
    .name = "functions",
    .about = "model-local functions nested in each other",
    AXES(functions_axes),
};
