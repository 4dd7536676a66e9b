/* Single elements of tensors, of every type that ONNX names, as a comparison needs them: exactly. */
#ifndef TL_ELEMENT_H
#define TL_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tl_element_kind {
    TL_ELEMENT_FLOAT,
    TL_ELEMENT_COMPLEX,
    TL_ELEMENT_INTEGER,
    TL_ELEMENT_BOOL,
    TL_ELEMENT_STRING,
};

struct tl_element_type {
    int number;       /* ONNX's (TensorProto.DataType) */
    const char *name; /* "float32" */
    enum tl_element_kind kind;
    unsigned char size; /* bytes of one element that has bytes of its own; 0: a string */
    unsigned char bits; /* that count, where ONNX packs several into a byte */
    bool is_signed;
};

/* Names are ONNX's in lower case; those of NumPy and ml_dtypes (float8_e4m3fn, str_) are understood, too. NULL:
 * there is no such type. */
const struct tl_element_type *tl_element_type_find(const char *name);
const struct tl_element_type *tl_element_type_number(int number);

/* A value, by the kind of its type: real, and for complex imaginary; an integer or a boolean as sign and
 * magnitude, so that all 64 bits of either kind are exact; a text that is not terminated. */
struct tl_element {
    double real, imaginary;
    bool negative;
    uint64_t magnitude;
    const char *text;
    size_t size;
};

/* Reads one element of a type with a size, which needs not be aligned. */
void tl_element_read(const struct tl_element_type *t, const void *at, struct tl_element *v);

#endif
