/* Edits of a model: a list that makes a variant of it, and is what is stored of the variant.
 *
 * Each edit is applied to what the ones before it made. The same list gives the same bytes, on every machine. What an edit
 * names it names by number: a node by its place among the nodes of the original (those of the main graph first, as they stand
 * in the file, then those of bodies and functions), a tensor likewise among initializers and tensors in attributes; values of
 * the main graph by name. Numbers stay what they are whatever is taken out or moved; what an edit makes anew gets new ones.
 * Nodes, initializers, inputs and functions that nothing needs any more leave with each edit that cuts something off.
 *
 * As JSON a list is {"original": SHA-256, "edits": [{KIND: …}, …]}; the members of each kind stand below. TENSOR is a recorded
 * tensor: a TensorProto as {"pb": hexadecimal digits} where it is small, or its id, which somebody has to have
 * (tl_onnx_sources). SET is "0-4,7".
 *
 *   outputs     [NAME…]                               the model has these outputs, and what they need
 *   expose      [NAME…]                               these are outputs, too
 *   prefix      {place, outputs?: [NAME…]}            the first nodes, in an order in which they can run; outputs: those named,
 *                                                     else all that is made there and read behind
 *   begin       [{name, type, shape, sequence?}…]     values are inputs from now on; a dimension is a number, a name or null
 *               [{name, tensor: TENSOR, constant?}…]  or hold what was recorded, as initializer or (constant: true) as node
 *   declare     [{name, type, shape?, sequence?}…]    what the model says of values; a dimension as in "begin"
 *   constant    [[NODE, OUTPUT, TENSOR]…]             an output of a node, in a body too, is what was recorded
 *   bypass      [[NODE, INPUT, OUTPUT]…]              who reads the output gets the input; INPUT may be the name of another
 *                                                     value of the same graph, which is made earlier
 *   branch      [[NODE, 0|1]…]                        an If becomes its else (0) or then (1) branch
 *   trips       [[NODE, COUNT]…]                      a Loop or Scan runs so often
 *   iteration   [{node, index, state: [TENSOR|null…]}…]  a Loop or Scan becomes one iteration; null: the state it begins with
 *   narrow      [{node, carried?: [PLACE…], stacked?: [PLACE…], scanned?: [PLACE…]}…]  a Loop or Scan no longer carries these
 *                                                     values, of which the body reads what they begin with, hands these out that
 *                                                     it makes in each iteration, or goes through these; nobody may read them
 *   inline      [NODE|{node, levels, older?}…]        calls of functions become what is in those; levels: so is what then is the
 *                                                     last node, so often as long as it is a call. Of the versions of an
 *                                                     operator set that model and function import the newer one stays; older: true
 *   fold        true|false                            nodes Constant become initializers; false: initializers become nodes
 *   fill        {tensors: SET, with: zeros|ones|random, seed?, keep?: SET}   other elements; keep: places that keep theirs
 *   inside      SET                                   of these tensors those that stand in a file beside the model stand in it;
 *                                                     whatever else is done to them, they stay where they are
 *   dimension   {to, symbols?: [NAME…], inputs?: [[NAME, AXIS]…], tensors?: [[TENSOR-NUMBER, AXIS]…],
 *                elements?: [[TENSOR-NUMBER, PLACE]…], attributes?: [[NODE, NAME, PLACE]…]}   these are `to` from now on
 *                … take?: SET                       the places along the axis whose elements stay, `to` of them; else the first
 *   element     [[TENSOR-NUMBER, PLACE, NUMBER]…]     one element is this number
 *   attribute   [[NODE, NAME, null|INTEGER|REAL|TEXT|LIST]…]   null: away, which is its default
 *   omit        [[NODE, INPUT]…]                      a node is not given an operand
 *   float32     10|11|16                              float16, float64 or bfloat16 (by ONNX's number) become float32 everywhere
 *   int32       true                                  int64 becomes int32, but for operands that have to be int64
 *   opset       {domain, version}
 *   ir          VERSION
 *   strip       true                                  documentation, metadata and producer go
 *   texts       true|{keep: SET}                      texts that are the owner's (graph_texts.h) are s1, s2 …, equal ones alike;
 *                                                     keep: which of the different ones stay, as the model has them in order
 *   unread      true                                  what leads to no output stays from now on: in a body as it is, in the
 *                                                     main graph, and when a body becomes a part of that, as outputs
 *   unused      true                                  initializers, functions and imports that nothing needs go
 *   rename      true|"all"|"graphs"|"nodes"|"values"|"functions"   nodes are n1, n2 …, values v1, v2 …, graphs g; with "all" inputs,
 *                                                     outputs and functions (F1, of local1) too; the others: one kind of name alone
 */
#ifndef TL_ONNX_GRAPH_EDIT_H
#define TL_ONNX_GRAPH_EDIT_H

#include "cases/dtype.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_onnx_model;

struct tl_onnx_recorded {
    char id[TL_ID_SIZE];
    uint8_t *bytes; /* of a TensorProto */
    size_t size;
};
struct tl_onnx_edits {
    char original[TL_SHA256_SIZE];
    json_t *list;
    size_t n_tensors;
    struct tl_onnx_recorded *tensors; /* that the JSON names by id: to be stored beside it */
};

void tl_onnx_edits_begin(struct tl_onnx_edits *edits, const struct tl_onnx_model *original);
void tl_onnx_edits_copy(struct tl_onnx_edits *to, const struct tl_onnx_edits *from);
void tl_onnx_edits_free(struct tl_onnx_edits *edits);

char *tl_onnx_edits_text(const struct tl_onnx_edits *edits); /* compact JSON, always the same; the caller's */
/* The form is checked here, what an edit says when it is applied. */
int tl_onnx_edits_parse(const char *text, struct tl_onnx_edits *edits, struct tl_error *e);

/* One more edit at the end, from JSON that is made as above; the value is taken over. */
void tl_onnx_edits_add(struct tl_onnx_edits *edits, const char *kind, json_t *value);
/* TENSOR for such JSON, from the bytes of a TensorProto, which are copied. */
json_t *tl_onnx_edits_tensor(struct tl_onnx_edits *edits, const void *bytes, size_t size);

/* The usual ones. Names and numbers are copied. */
void tl_onnx_edit_outputs(struct tl_onnx_edits *edits, const char *const *names, size_t n);
void tl_onnx_edit_expose(struct tl_onnx_edits *edits, const char *const *names, size_t n);
void tl_onnx_edit_prefix(struct tl_onnx_edits *edits, size_t place, const char *const *names,
                         size_t n); /* n 0: all that live */
struct tl_onnx_beginning {
    const char *name;
    int type; /* of an input: ONNX's number, rank and dimensions (-1: not known) */
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    bool sequence;
    const void *tensor; /* or the bytes of a recorded TensorProto */
    size_t size;
    bool constant; /* as a node */
};
void tl_onnx_edit_begin(struct tl_onnx_edits *edits, const struct tl_onnx_beginning *list, size_t n);
struct tl_onnx_way {
    uint32_t node, input, output;
    const char *from; /* instead of an input: a value that is made earlier in the same graph; or NULL */
};
void tl_onnx_edit_bypass(struct tl_onnx_edits *edits, const struct tl_onnx_way *list, size_t n);
void tl_onnx_edit_branch(struct tl_onnx_edits *edits, uint32_t node, bool then);
void tl_onnx_edit_trips(struct tl_onnx_edits *edits, uint32_t node, int64_t count);
void tl_onnx_edit_inline(struct tl_onnx_edits *edits, const uint32_t *nodes, size_t n);
void tl_onnx_edit_inline_levels(struct tl_onnx_edits *edits, uint32_t node, uint32_t levels);
void tl_onnx_edit_fold(struct tl_onnx_edits *edits, bool fold);
/* keep: of n_keep ranges first, last, first, last …, ascending; seed: of random ones. */
void tl_onnx_edit_fill(struct tl_onnx_edits *edits, const uint32_t *tensors, size_t n, const char *with,
                       uint64_t seed, const uint64_t *keep, size_t n_keep);

/* The bytes of a TensorProto, the caller's: data is as ONNX stores it (raw_data), of a type by its number. */
int tl_onnx_tensor_make(int type, size_t rank, const int64_t *dims, const void *data, size_t size,
                        uint8_t **bytes, size_t *n, struct tl_error *e);

/* The same tensor with other elements, as the edit "fill" makes them; keep: n_keep ranges first, last, …, ascending. */
int tl_onnx_tensor_fill(const void *tensor, size_t size, const char *with, uint64_t seed,
                        const uint64_t *keep, size_t n_keep, uint8_t **bytes, size_t *n, struct tl_error *e);

/* What applying needs beside the model. */
struct tl_onnx_sources {
    const char *directory; /* of the original, for weights beside it; NULL: the working directory */
    /* A recorded tensor that the list itself does not hold: bytes that stay until the edits are applied. NULL: there are none. */
    int (*tensor)(void *arg, const char *id, const void **bytes, size_t *size, struct tl_error *e);
    void *arg;
};
/* Changes a model that was just read into the variant. -1, with the edit and its place: it does not fit the model, which is
 * then to be released. */
int tl_onnx_edits_apply(const struct tl_onnx_edits *edits, struct tl_onnx_model *m,
                        const struct tl_onnx_sources *sources, struct tl_error *e);

/* All in one: the bytes of the variant, the caller's, from those of the original. What has to be beside it is not told. */
int tl_onnx_variant(const void *original, size_t original_size, const char *name,
                    const struct tl_onnx_edits *edits, const struct tl_onnx_sources *sources, uint8_t **bytes,
                    size_t *size, struct tl_error *e);

#endif
