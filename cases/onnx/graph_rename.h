/* Names of values: new ones, and others in the place of those that are read. */
#ifndef TL_ONNX_GRAPH_RENAME_H
#define TL_ONNX_GRAPH_RENAME_H

#include "cases/onnx/graph_model.h"
#include "cases/onnx/graph_names.h"

/* How often each name is made in a model, over all graphs and functions. */
struct tl_onnx_taken {
    struct tl_onnx_names names;
    uint32_t *count;
    size_t n, capacity;
};
void tl_onnx_taken_begin(struct tl_onnx_taken *t, struct tl_onnx_model *m);
void tl_onnx_taken_end(struct tl_onnx_taken *t);
uint32_t tl_onnx_taken_count(const struct tl_onnx_taken *t, const char *name);
/* A name that nothing has, made of another one; it is taken from then on. */
char *tl_onnx_fresh(struct tl_onnx_model *m, struct tl_onnx_taken *t, const char *base);

/* What is read under another name from now on: names in one graph or function and the bodies in it that take them from there. */
struct tl_onnx_renames {
    struct tl_onnx_names from;
    size_t n, capacity;
    char **to;
};
void tl_onnx_renames_add(struct tl_onnx_renames *r, const char *from,
                         char *to); /* the texts stay the caller's */
void tl_onnx_renames_end(struct tl_onnx_renames *r);
char *tl_onnx_renamed(const struct tl_onnx_renames *r, const char *name); /* NULL: not renamed */
void tl_onnx_rename_reads(tl_onnx_node_pb *const *nodes, size_t n, const struct tl_onnx_renames *r);

#endif
