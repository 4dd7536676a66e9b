/* Texts of a model that are its owner's data: labels, vocabularies, words to be stopped at; in attributes, and in tensors of
 * texts wherever they stand, in bodies and functions as well. A text that an operator knows ("SAME_UPPER", "constant") is none
 * of them, nor is an empty one, or one that the edit "texts" makes: s1, s2 … */
#ifndef TL_ONNX_GRAPH_TEXTS_H
#define TL_ONNX_GRAPH_TEXTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;

/* Where such texts stand. */
struct tl_onnx_text_place {
    const char *attribute; /* the model's; NULL: an initializer */
    uint32_t
        node; /* that has the attribute, or TL_ONNX_NOWHERE: an initializer, or the default of a function's attribute */
    uint32_t
        tensor; /* the number of the tensor that they stand in, or TL_ONNX_NOWHERE: in none, or in one without a number */
    const char *of; /* what the node makes first, the name of the tensor or of the function; "" */
    bool in_tensor;
    uint64_t elements, owned; /* texts, and how many of them are the owner's */
};
/* Only places with texts of the owner's. A list to be released with free. */
void tl_onnx_text_places(struct tl_onnx_model *m, struct tl_onnx_text_place **places, size_t *n);

/* Not in a tensor that is told of as such. */
bool tl_onnx_text_is_of_attribute(const struct tl_onnx_text_place *p);

/* The different ones, in the order of the model, by which the edit "texts" counts them: copies that end with a zero, to be released
 * with tl_onnx_texts_free. A text may hold zeros itself. */
void tl_onnx_texts(struct tl_onnx_model *m, char ***texts, size_t *n);
void tl_onnx_texts_free(char **texts, size_t n);

struct tl_onnx_editing;
int tl_onnx_texts_edit(struct tl_onnx_editing *x, const json_t *value);

#endif
