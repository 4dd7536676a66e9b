/* The model of a trial: a file, or built in memory by a family. */
#ifndef TL_ORT_MODEL_H
#define TL_ORT_MODEL_H

#include "runners/onnxruntime/tensors.h"

struct tl_ort_model {
    const char *path; /* of a file; NULL when it is in memory */
    uint8_t *data;
    size_t size;
    struct tl_ort_family_inputs *inputs; /* of a family; NULL for a file */
};

/* Builds a family's model for a variant. -1: the family refused this variant. */
int tl_ort_model_build(const char *family, const json_t *variant, struct tl_ort_model *m, struct tl_error *e);
void tl_ort_model_free(struct tl_ort_model *m);

/* The inputs that belong to a family's model. */
int tl_ort_model_feed(const struct tl_ort *ort, const struct tl_ort_model *m, struct tl_ort_feed *feed,
                      struct tl_error *e);

#endif
