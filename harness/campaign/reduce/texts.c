/* Texts of the original that are its owner's: keys and labels, vocabularies, words to be stopped at. They become s1, s2 … as names
 * become n1, v1: equal ones alike, whether they stand in attributes or in tensors, for often one has to be found in the other.
 * Where it does not fail with all of them, those that have to stay are looked for, text by text, and what has them is told. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/graph_texts.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE 8      /* ONNX's number of texts */
#define TEXTS_MOST 65536 /* different ones that are looked at one by one */
#define TRIALS_MOST 60

/* --- which are left --------------------------------------------------------------------------------------------- */

void tl_reduce_texts_settle(struct tl_onnx_model *m, struct tl_reduce_values *v)
{
    struct tl_onnx_text_place *places = NULL;
    size_t n = 0, kept = 0;
    tl_onnx_text_places(m, &places, &n);
    for (size_t i = 0; i < v->n; i++) {
        struct tl_reduce_tensor *t = &v->list[i];
        const bool texts = t->attribute && !t->numbers;
        uint64_t owned = 0, elements = 0;
        for (size_t p = 0; p < n; p++) {
            const bool here = texts ? places[p].attribute && places[p].node == t->number &&
                                          tl_onnx_text_is_of_attribute(&places[p]) &&
                                          !strcmp(places[p].attribute, t->attribute)
                                    : t->weight && places[p].tensor == t->number;
            owned += here ? places[p].owned : 0;
            elements += here ? places[p].elements : 0;
        }
        if (texts && !owned) {
            tl_reduce_values_forget(t);
            continue;
        }
        if (texts) {
            t->elements = elements;
            t->n_kept = owned;
            t->dims[0] = (int64_t)elements;
        } else if (t->weight && t->type == TEXT_TYPE && t->number != UINT32_MAX) {
            t->named = !owned;
        }
        v->list[kept++] = *t;
    }
    v->n = kept;
    free(places);
}

/* --- others in their place --------------------------------------------------------------------------------------- */

struct others {
    const struct tl_reduce_state *s;
    size_t n;
};

static bool leave(const void *arg, const struct tl_subset_range *ranges, size_t n,
                  struct tl_reduce_candidate *k)
{
    const struct others *x = arg;
    struct tl_buffer kept = TL_BUFFER_INIT;
    if (json_integer_value(json_object_get(x->s->step, "trials")) >= TRIALS_MOST)
        return false; /* so that what is left is not shown to be the fewest */
    for (size_t i = 0; i < n; i++) {
        tl_buffer_printf(&kept, "%s%u", i ? "," : "", ranges[i].first);
        if (ranges[i].last > ranges[i].first)
            tl_buffer_printf(&kept, "-%u", ranges[i].last);
    }
    tl_onnx_edits_add(&k->edits, "texts", n ? json_pack("{s:s}", "keep", kept.data) : json_true());
    tl_buffer_free(&kept);
    return true;
}

int tl_reduce_texts(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    struct others others = {s, 0};
    char **texts = NULL;
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    bool minimal = true;
    if (m)
        tl_onnx_texts(m, &texts, &others.n);
    tl_onnx_texts_free(texts, others.n);
    tl_onnx_model_free(m);
    if (!others.n || s->stopped)
        return 0;
    tl_reduce_step(s, "texts");
    tl_reduce_tell(s, "");
    int result = tl_reduce_one_more(s, k, "texts", json_true(), &verdict, e);
    if (!result && verdict != TL_REDUCE_FAIL && others.n > 1 && others.n <= TEXTS_MOST && !s->stopped)
        result = tl_reduce_least(s, k, others.n, leave, &others, &minimal, e);
    for (size_t i = 0; i < v->n; i++)
        if (v->list[i].attribute && !v->list[i].numbers)
            v->list[i].minimal = minimal && others.n <= TEXTS_MOST && !s->stopped;
    return result;
}
