/* The unit `reference`: the decoder family's own engine (cases/decoder), in plain C with fp64 accumulation.
 * It is slow, simple, and what the outputs of real runtimes are compared with. */
#include "cases/decoder/decoder.h"
#include "runners/outputs.h"
#include "runners/protocol.h"

#include <string.h>

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    (void)build;
    json_array_append_new(devices, json_pack("{s:s,s:b}", "name", "cpu", "usable", 1));
    for (size_t i = 0; i < tl_family_decoder.n_axes; i++)
        json_array_append_new(axes, json_string(tl_family_decoder.axes[i].name));
    return 0;
}

static int answer(struct tl_run *run, const struct tl_decoder_tensors *outputs)
{
    const char *directory = json_string_value(json_object_get(run->request, "outputs"));
    json_t *list = json_array();
    for (size_t i = 0; i < outputs->n; i++) {
        const struct tl_decoder_tensor *t = &outputs->list[i];
        struct tl_error e;
        enum tl_dtype dtype = t->dtype == TL_DTYPE_FLOAT16 ? TL_DTYPE_FLOAT16 : TL_DTYPE_FLOAT32;
        json_t *out =
            tl_output_json_of_floats(t->name, dtype, (size_t)t->rank, t->shape, t->data, directory, i, &e);
        if (!out) {
            json_decref(list);
            tl_run_error(run, "reference", "outputs", "%s: %s", e.where, e.why);
            return -1;
        }
        json_array_append_new(list, out);
    }
    json_t *result = json_pack("{s:o,s:s}", "outputs", list, "observed", run->device);
    tl_run_result(run, result);
    return 0;
}

static int trial(struct tl_run *run, void *state)
{
    struct tl_decoder_config c;
    struct tl_decoder_tensors outputs = {0};
    struct tl_error e;
    const char *family = json_string_value(json_object_get(run->request, "family"));
    (void)state;
    if (!family || strcmp(family, "decoder")) {
        tl_run_unsupported(run, "the reference engine knows the decoder family only");
        return 0;
    }
    tl_run_phase(run, "load");
    if (tl_decoder_config_parse(run->variant, &c, &e)) {
        tl_run_unsupported(run, "%s: %s", e.where, e.why);
        return 0;
    }
    const char *why = tl_decoder_no_answer(&c);
    if (why) {
        tl_run_unsupported(run, "there is no right answer: %s", why);
        return 0;
    }
    tl_run_phase(run, "execute");
    if (tl_decoder_reference(&c, &outputs, &e)) {
        tl_run_error(run, "reference", "execute", "%s: %s", e.where, e.why);
        return -1;
    }
    int result = answer(run, &outputs);
    tl_decoder_tensors_free(&outputs);
    return result;
}

static int load(const json_t *request, void **state, char *why, size_t why_size)
{
    (void)request;
    (void)why;
    (void)why_size;
    *state = NULL;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {
        .name = "reference",
        .version = "1",
        .describe = describe,
        .trial = trial,
        .no_builds = true,
        .fixed = true,
        .load = load,
        .can_serve = true,
    };
    return tl_runner_main(argc, argv, &runner);
}
