/* Inputs of a model that somebody gives as files, [NAME=]FILE.npy. */
#ifndef TL_GIVEN_INPUTS_H
#define TL_GIVEN_INPUTS_H

#include "cases/onnx/model_inputs.h"
#include "harness/base/error.h"

#include <jansson.h>

/* Whether a path can stand in a case, which is a text: -1 with *e, in which `doing` says what it is for. */
int tl_path_as_text(const char *path, const char *doing, struct tl_error *e);

/* Adds one to a list of inputs as cases have it, with its absolute path, its type and its shape. Without a name of the model's it is
 * the input at that index. *declared_at: which of the model's inputs it is; may be NULL. -1 with *e: the model has no such input, or
 * the file is none that can be read. */
int tl_given_input(const struct tl_onnx_inputs *declared, const char *text, size_t index, json_t *list,
                   size_t *declared_at, struct tl_error *e);

#endif
