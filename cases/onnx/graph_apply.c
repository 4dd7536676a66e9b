/* Edits, one after the other: which function each kind is. */
#include "cases/onnx/graph_branch.h"
#include "cases/onnx/graph_bypass.h"
#include "cases/onnx/graph_constants.h"
#include "cases/onnx/graph_cut.h"
#include "cases/onnx/graph_dimension.h"
#include "cases/onnx/graph_editing.h"
#include "cases/onnx/graph_float.h"
#include "cases/onnx/graph_inline.h"
#include "cases/onnx/graph_loop.h"
#include "cases/onnx/graph_plain.h"
#include "cases/onnx/graph_texts.h"
#include "cases/onnx/graph_trim.h"
#include "harness/base/buffer.h"

#include <string.h>

static const struct {
    const char *kind;
    int (*apply)(struct tl_onnx_editing *x, const json_t *value);
} kinds[] = {
    {"attribute", tl_onnx_plain_attribute},
    {"begin", tl_onnx_cut_begin},
    {"branch", tl_onnx_branch},
    {"bypass", tl_onnx_bypass},
    {"constant", tl_onnx_cut_constant},
    {"declare", tl_onnx_cut_declare},
    {"dimension", tl_onnx_dimension},
    {"element", tl_onnx_trim_element},
    {"expose", tl_onnx_cut_expose},
    {"fill", tl_onnx_constants_fill},
    {"float32", tl_onnx_float32},
    {"fold", tl_onnx_constants_fold},
    {"inline", tl_onnx_inline},
    {"inside", tl_onnx_constants_inside},
    {"int32", tl_onnx_int32},
    {"ir", tl_onnx_plain_ir},
    {"iteration", tl_onnx_loop_iteration},
    {"narrow", tl_onnx_loop_narrow},
    {"omit", tl_onnx_trim_omit},
    {"opset", tl_onnx_plain_opset},
    {"outputs", tl_onnx_cut_outputs},
    {"prefix", tl_onnx_cut_prefix},
    {"rename", tl_onnx_plain_rename},
    {"strip", tl_onnx_plain_strip},
    {"texts", tl_onnx_texts_edit},
    {"trips", tl_onnx_loop_trips},
    {"unread", tl_onnx_cut_unread},
    {"unused", tl_onnx_trim_unused},
};

static int apply_one(struct tl_onnx_editing *x, const json_t *one)
{
    void *member = json_object_iter((json_t *)(uintptr_t)one); /* jansson does not change it */
    if (!member)
        return tl_fail(x->error, TL_ERROR_INPUT, "cannot change the model", x->m->name, "edits[%zu] is empty",
                       x->at);
    x->kind = json_object_iter_key(member);
    for (size_t i = 0; i < TL_COUNT(kinds); i++)
        if (!strcmp(kinds[i].kind, x->kind))
            return kinds[i].apply(x, json_object_iter_value(member));
    return tl_onnx_edit_fail(x, "there is no such kind of edit");
}

int tl_onnx_edits_apply(const struct tl_onnx_edits *edits, struct tl_onnx_model *m,
                        const struct tl_onnx_sources *sources, struct tl_error *e)
{
    struct tl_onnx_editing x = {.m = m, .edits = edits, .sources = sources, .error = e};
    if (strcmp(edits->original, m->hash) != 0)
        return tl_fail(e, TL_ERROR_INPUT, "cannot change the model", m->name,
                       "the edits are of another file: of the one with the SHA-256 %s", edits->original);
    for (x.at = 0; x.at < json_array_size(edits->list); x.at++)
        if (apply_one(&x, json_array_get(edits->list, x.at)))
            return -1;
    return 0;
}

int tl_onnx_variant(const void *original, size_t original_size, const char *name,
                    const struct tl_onnx_edits *edits, const struct tl_onnx_sources *sources, uint8_t **bytes,
                    size_t *size, struct tl_error *e)
{
    struct tl_onnx_model *m;
    *bytes = NULL;
    if (tl_onnx_model_read(original, original_size, name, &m, e))
        return -1;
    int rc = tl_onnx_edits_apply(edits, m, sources, e);
    if (rc == 0)
        rc = tl_onnx_model_write(m, bytes, size, e);
    tl_onnx_model_free(m);
    return rc;
}
