/* What a command is told of the types of values in between. Exporters write none, and where a model is cut such a value becomes an
 * output: converters check the model first, and refuse one whose output has no type, which says nothing of the nodes that were
 * taken away.
 *
 * Where a runtime records beside the command, one run of the original says type and rank of all its values, which every variant then
 * has. Else a refusal of such a variant is no answer, unless the command was seen to take one. */
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <stdlib.h>

#define VALUES_MOST 4096 /* each becomes a file of the reduction */

int tl_reduce_tell_types(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_model *m =
        s->judged && s->r->recorder && !s->stopped ? tl_reduce_load(s, &s->now, e) : NULL;
    const char **names = NULL;
    bool all;
    if (!m)
        return s->judged && s->r->recorder && !s->stopped ? -1 : 0;
    size_t n = tl_reduce_untold(m, &names);
    int result = 0;
    json_t *told = json_array();
    if (n && n <= VALUES_MOST) {
        tl_reduce_step(s, "types");
        tl_reduce_tell(s, "");
        result = tl_reduce_record(s, &s->now, names, n, &all, e);
    }
    for (size_t i = 0; i < n && !result; i++) {
        const json_t *known = json_object_get(s->inputs, names[i]);
        json_t *shape = json_array();
        for (size_t d = 0; d < json_array_size(json_object_get(known, "shape")); d++)
            json_array_append_new(shape, json_null());
        if (known)
            json_array_append_new(told, json_pack("{s:s,s:O,s:O}", "name", names[i], "type",
                                                  json_object_get(known, "dtype"), "shape", shape));
        json_decref(shape);
    }
    if (json_array_size(told)) {
        struct tl_reduce_candidate more = tl_reduce_copy(&s->now);
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        tl_onnx_edits_add(&more.edits, "declare", json_incref(told));
        result = tl_reduce_try(s, &more, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            tl_reduce_take(&s->now, &more);
        tl_reduce_drop(&more);
    }
    json_decref(told);
    free(names);
    tl_onnx_model_free(m);
    return result;
}
