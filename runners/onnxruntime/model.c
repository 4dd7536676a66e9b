/* Builds the model of a family, and keeps its inputs with it until a session wants them. */
#include "runners/onnxruntime/model.h"
#include "cases/decoder/decoder.h"
#include "cases/operators/operators.h"

#include <stdlib.h>
#include <string.h>

struct tl_ort_family_inputs {
    bool is_decoder;
    struct tl_decoder_tensors tensors; /* of the decoder */
    struct tl_operator_model small;    /* of the others; its model has been moved */
};

int tl_ort_model_build(const char *family, const json_t *variant, struct tl_ort_model *m, struct tl_error *e)
{
    struct tl_ort_family_inputs *inputs = tl_calloc(1, sizeof *inputs);
    int rc;
    memset(m, 0, sizeof *m);
    m->inputs = inputs;
    if (!strcmp(family, "decoder")) {
        struct tl_decoder_config config;
        inputs->is_decoder = true;
        rc = tl_decoder_config_parse(variant, &config, e);
        if (rc == 0)
            rc = tl_decoder_build(&config, &m->data, &m->size, e);
        if (rc == 0)
            rc = tl_decoder_inputs(&config, &inputs->tensors, e);
    } else {
        rc = tl_operator_build(family, variant, &inputs->small, e);
        m->data = inputs->small.model;
        m->size = inputs->small.size;
        inputs->small.model = NULL;
    }
    if (rc != 0)
        tl_ort_model_free(m);
    return rc;
}

void tl_ort_model_free(struct tl_ort_model *m)
{
    if (m->inputs && m->inputs->is_decoder)
        tl_decoder_tensors_free(&m->inputs->tensors);
    else if (m->inputs)
        tl_operator_model_free(&m->inputs->small);
    free(m->inputs);
    free(m->data);
    memset(m, 0, sizeof *m);
}

int tl_ort_model_feed(const struct tl_ort *ort, const struct tl_ort_model *m, struct tl_ort_feed *feed,
                      struct tl_error *e)
{
    int rc = 0;
    if (m->inputs->is_decoder) {
        const struct tl_decoder_tensors *t = &m->inputs->tensors;
        for (size_t i = 0; rc == 0 && i < t->n; i++)
            rc = tl_ort_feed_add(ort, feed, t->list[i].name, (int)t->list[i].dtype, (size_t)t->list[i].rank,
                                 t->list[i].shape, t->list[i].data,
                                 t->list[i].count * tl_dtype_size(t->list[i].dtype), e);
    } else {
        const struct tl_operator_model *s = &m->inputs->small;
        for (size_t i = 0; rc == 0 && i < s->n_inputs; i++)
            rc = tl_ort_feed_add(ort, feed, s->inputs[i].name, s->inputs[i].dtype, s->inputs[i].rank,
                                 s->inputs[i].dims, s->inputs[i].data, s->inputs[i].bytes, e);
    }
    return rc;
}
