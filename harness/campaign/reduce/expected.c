/* What goes with the result of a difference: what it is compared with. That is a unit; or of another model, which no case can
 * name as what is right, its outputs in files, and the model itself for whoever looks. */
#include "harness/campaign/reduce/difference.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The outputs of a run of it, as the case names them. */
static int add_expected(struct tl_reduce_state *s, const char *directory, json_t *reference,
                        struct tl_error *e)
{
    char *expected = tl_format("%s/expected", directory), *list = tl_format("%s/result.json", expected);
    json_t *outputs = json_array(), *output, *result = NULL;
    bool kept = false;
    size_t i;
    int failed = tl_reduce_keep_outputs(s, &s->model, NULL, expected, &kept, e);
    if (!failed && kept)
        result = json_load_file(list, 0, NULL);
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *name = json_string_value(json_object_get(output, "name")),
                   *file = json_string_value(json_object_get(output, "npy"));
        if (name && file && !strchr(file, '/'))
            json_array_append_new(
                outputs, json_pack("{s:s,s:o}", "name", name, "npy", json_sprintf("expected/%s", file)));
    }
    if (!failed && !json_array_size(outputs))
        failed = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make the expected outputs", directory,
                         "the model that is right does not run any more");
    json_object_set_new(reference, "outputs", outputs);
    unlink(list);
    json_decref(result);
    free(list);
    free(expected);
    return failed;
}

int tl_reduce_hand_over_reference(struct tl_reduce_state *s, const char *directory, json_t *document,
                                  struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    json_t *reference = json_object();
    int result = 0;
    /* What is no more than the least that counts is equal. */
    if (d->first.kind == TL_REDUCE_FINITE && isfinite(d->least) && d->least > 0)
        json_object_set_new(reference, "tolerance", json_real(d->least * (1 - 1e-9)));
    if (d->path) {
        s->stopped = false; /* what was found is handed over whole */
        char *below = tl_format("%s/reference", directory);
        result = tl_reduce_write_other(s, &s->model, below, e);
        free(below);
        if (result > 0)
            result = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make the reduced model", d->path,
                             "what could be tried cannot be written any more");
        result = result ? result : add_expected(s, directory, reference, e);
    } else {
        bool same = !strcmp(d->unit, s->r->unit->text);
        json_object_set_new(reference, "unit", json_string(same ? "same" : d->unit));
        if (json_object_size(d->with))
            json_object_set(reference, "with", d->with);
    }
    json_object_set_new(document, "reference", reference);
    return result;
}
