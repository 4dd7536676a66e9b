/* Tensors into and out of the runtime. */
#ifndef TL_ORT_TENSORS_H
#define TL_ORT_TENSORS_H

#include "runners/onnxruntime/runtime.h"

/* What is fed to a session. Values belong to the runtime and are released by tl_ort_feed_free. */
struct tl_ort_feed {
    size_t n;
    char **names;
    struct tl_ort_value **values;
};
void tl_ort_feed_free(const struct tl_ort *ort, struct tl_ort_feed *feed);

/* Where a failure of this part comes from: the runtime refused (error), or the inputs cannot be made
 * (unsupported). */
enum tl_ort_fault { TL_ORT_FAULT_RUNTIME, TL_ORT_FAULT_INPUTS };

/* Takes a value over. */
void tl_ort_feed_put(struct tl_ort_feed *feed, const char *name, struct tl_ort_value *value);
/* A new tensor, and where its elements are; NULL of strings. *value is NULL when there is none. */
int tl_ort_tensor_new(const struct tl_ort *ort, int dtype, size_t rank, const int64_t *dims,
                      struct tl_ort_value **value, void **data, struct tl_error *e);
/* Adds one tensor; data holds `bytes` bytes of elements. */
int tl_ort_feed_add(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *name, int dtype,
                    size_t rank, const int64_t *dims, const void *data, size_t bytes, struct tl_error *e);
/* Every input that the list in a file says. */
int tl_ort_feed_file(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *path,
                     const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e);
/* Derived from the model's own input types: symbolic dimensions are 1, or the variant's axis of that name;
 * elements are random from a seed that is the input's place. */
int tl_ort_feed_derive(const struct tl_ort *ort, struct tl_ort_feed *feed,
                       const struct tl_ort_session *session, const json_t *variant, enum tl_ort_fault *fault,
                       struct tl_error *e);

/* The same from what the file of a model declares, for which no session is needed. Sequences and optional inputs can be
 * made of it, too. */
int tl_ort_feed_declared(const struct tl_ort *ort, struct tl_ort_feed *feed, const char *model,
                         const json_t *variant, enum tl_ort_fault *fault, struct tl_error *e);

/* Describes one output: name, kind, dtype, shape, hash, finite, min, max, mean, first. With `directory` a
 * tensor is stored there as INDEX.npy. NULL when the runtime or the disk refused. */
json_t *tl_ort_output(const struct tl_ort *ort, const char *name, struct tl_ort_value *value,
                      const char *directory, size_t index, struct tl_error *e);

/* Writes a tensor as DIRECTORY/NAME, a .npy file, and its "dtype", "shape" and "npy" into `about`. One of a type that
 * no such file has gets no file and no "npy": only zeros are ever fed of those. */
int tl_ort_tensor_write(const struct tl_ort *ort, struct tl_ort_value *value, const char *directory,
                        const char *name, json_t *about, struct tl_error *e);

#endif
