/* Inside of the edits: the model that is being changed, and what an edit says, checked. */
#ifndef TL_ONNX_GRAPH_EDITING_H
#define TL_ONNX_GRAPH_EDITING_H

#include "cases/onnx/graph_edit.h"
#include "cases/onnx/graph_fill.h"
#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_rename.h"

struct tl_onnx_editing {
    struct tl_onnx_model *m;
    const struct tl_onnx_edits *edits;
    const struct tl_onnx_sources *sources;
    size_t at; /* the edit */
    const char *kind;
    struct tl_error *error;
};

/* -1: this edit does not fit the model. */
int tl_onnx_edit_fail(struct tl_onnx_editing *x, const char *why, ...) __attribute__((format(printf, 2, 3)));
int tl_onnx_edit_form(struct tl_onnx_editing *x, const char *expected); /* its JSON is of another form */

/* A whole number that is not negative, below 2^32. */
int tl_onnx_edit_number(struct tl_onnx_editing *x, const json_t *j, uint32_t *n);
int tl_onnx_edit_node(struct tl_onnx_editing *x, const json_t *j, struct tl_onnx_body *body, size_t *at);
/* A recorded tensor, in the model's memory, under a name. */
int tl_onnx_edit_tensor(struct tl_onnx_editing *x, const json_t *j, const char *name, tl_onnx_tensor_pb **t);
/* "0-4,7" as ranges, ascending; the caller's. */
int tl_onnx_edit_set(struct tl_onnx_editing *x, const json_t *j, struct tl_onnx_range **ranges, size_t *n);
bool tl_onnx_in_set(const struct tl_onnx_range *ranges, size_t n, uint64_t number);

/* Each of a list, which may not be empty, until one fails; expected: what it is a list of. */
typedef int (*tl_onnx_edit_one)(struct tl_onnx_editing *x, struct tl_onnx_taken *taken, const json_t *one);
int tl_onnx_edit_each(struct tl_onnx_editing *x, const json_t *list, const char *expected,
                      tl_onnx_edit_one edit);

/* A node Constant that makes a value. */
tl_onnx_node_pb *tl_onnx_constant_node(struct tl_onnx_model *m, const char *name, tl_onnx_tensor_pb *t);

#endif
