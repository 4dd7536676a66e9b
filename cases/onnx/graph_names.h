/* Names of a model, each with a number: a table of texts that stay where they are. */
#ifndef TL_ONNX_GRAPH_NAMES_H
#define TL_ONNX_GRAPH_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define TL_ONNX_NO_NAME ((size_t)-1)

struct tl_onnx_names {
    size_t n, capacity;
    struct tl_onnx_name *slots;
};

/* The number that a name was given, or TL_ONNX_NO_NAME. */
size_t tl_onnx_names_get(const struct tl_onnx_names *names, const char *name);
/* Gives it one; false: it had one, which it keeps. The text is not copied. */
bool tl_onnx_names_add(struct tl_onnx_names *names, const char *name, size_t number);
void tl_onnx_names_free(struct tl_onnx_names *names);

#endif
