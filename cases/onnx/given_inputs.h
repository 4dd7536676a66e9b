/* Inputs of a model that somebody gives as files, [NAME=]FILE.npy. */
#ifndef TL_GIVEN_INPUTS_H
#define TL_GIVEN_INPUTS_H

#include "cases/onnx/model_inputs.h"
#include "harness/base/error.h"

#include <jansson.h>

/* Whether a path can stand in a case, which is a text: -1 with *e, in which `doing` says what it is for. */
int tl_path_as_text(const char *path, const char *doing, struct tl_error *e);

/* What the model declares of an input, for people: "float32[batch,3,32]". The caller's. */
char *tl_onnx_input_words(const struct tl_onnx_input *x);
/* Whether an input as lists of inputs have it is what the model declares: its type, its rank, and its extents but for those that are
 * not known. -1 with *e, whose place is `text`. */
int tl_onnx_input_check(const struct tl_onnx_input *x, const json_t *input, const char *doing,
                        const char *text, struct tl_error *e);

/* Adds to `sizes` (NAME -> extent) the symbolic extents that these inputs (NAME -> input) have. *unlike (it may be NULL): one about
 * which they do not agree, a name of `declared`, which is not added; or NULL. A size that is there already stays: -1 with *e where an
 * input has another one, unless e is NULL. */
int tl_onnx_input_sizes(const struct tl_onnx_inputs *declared, const json_t *inputs, json_t *sizes,
                        const char **unlike, struct tl_error *e);

/* Adds one to a list of inputs as cases have it, with its absolute path, its type and its shape. Without a name of the model's it is
 * the input at that index. *declared_at: which of the model's inputs it is; may be NULL. -1 with *e: the model has no such input, it
 * is in the list already, the file is none that can be read, or it holds something else than the model declares. */
int tl_given_input(const struct tl_onnx_inputs *declared, const char *text, size_t index, json_t *list,
                   size_t *declared_at, struct tl_error *e);

#endif
