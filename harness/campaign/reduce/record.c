/* Values of a model as a run of it has them: what a smaller one is fed with.
 *
 * The values are outputs of the part that makes them, and nothing of the rest is in that model. It is run on the unit that
 * fails; where it dies there, on other builds of the same runtime, the newest first. What was recorded once is kept with the
 * reduction, so that the same command does not run it again, and smaller models have the same inputs each time. */
#include "harness/campaign/reduce/parts.h"

#include "cases/npy.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/builds/builds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 2048   /* values of one run */
#define OTHER_BUILDS 3 /* that are tried */

/* The outputs that a directory holds. */
static void take_values(struct tl_reduce_state *s, const char *directory)
{
    char *path = tl_format("%s/result.json", directory);
    json_t *result = json_load_file(path, 0, NULL), *output;
    size_t i;
    free(path);
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *name = json_string_value(json_object_get(output, "name")),
                   *file = json_string_value(json_object_get(output, "npy")),
                   *dtype = json_string_value(json_object_get(output, "dtype"));
        const json_t *shape = json_object_get(output, "shape");
        if (!name || !file || !dtype || !json_is_array(shape) || strchr(file, '/') ||
            tl_dtype_parse(dtype) == TL_DTYPE_NONE)
            continue;
        char *npy = tl_format("%s/%s", directory, file);
        if (!access(npy, R_OK))
            json_object_set_new(s->inputs, name,
                                json_pack("{s:s,s:s,s:O,s:s,s:b,s:O*}", "name", name, "dtype", dtype, "shape",
                                          shape, "npy", npy, "recorded", 1, "hash",
                                          json_object_get(output, "hash")));
        /* Where values that are not finite are the failure, whoever is fed with some is no cause of it. */
        if (!access(npy, R_OK) && s->target.outcome == TL_OUTCOME_WRONG && !s->difference &&
            json_is_false(json_object_get(output, "finite")))
            json_object_set_new(json_object_get(s->inputs, name), "tainted", json_true());
        free(npy);
    }
    json_decref(result);
}

static const struct tl_unit *recorder_of(const struct tl_reduce_state *s)
{
    return s->judged ? s->r->recorder : s->r->unit;
}

static int record_on_others(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                            const char *directory, bool *kept, struct tl_error *e)
{
    const struct tl_unit *own = recorder_of(s);
    struct tl_builds builds = {0};
    struct tl_error ignored;
    int result = 0, tried = 0;
    if (strchr(own->runner, '/') || tl_builds_installed(own->runner, &builds, &ignored))
        return 0;
    for (size_t i = builds.n; i-- > 0 && !result && !*kept && !s->stopped && tried < OTHER_BUILDS;) {
        char *text = tl_format("%s@%s:%s", own->runner, builds.list[i].version, own->device);
        const struct tl_unit *unit =
            !strcmp(text, own->text) ? NULL : tl_executor_unit(s->r->x, text, &ignored);
        if (unit && unit->usable && !unit->build_missing) {
            tried++;
            result = tl_reduce_keep_outputs(s, k, unit, directory, kept, e);
            if (*kept)
                json_object_set_new(s->step, "recorded_on", json_string(text));
        }
        free(text);
    }
    tl_builds_free(&builds);
    return result;
}

static int record_some(struct tl_reduce_state *s, const struct tl_reduce_candidate *of,
                       const char *const *names, size_t n, bool on_others, struct tl_error *e)
{
    struct tl_reduce_candidate k = tl_reduce_copy(of);
    uint64_t number;
    bool kept = false;
    tl_onnx_edit_outputs(&k.edits, names, n);
    int result = tl_reduce_number(s, &k, &number, e);
    char *directory = tl_format("%s/values/%llu", s->work, (unsigned long long)number);
    const bool asked = json_object_get(s->asked, directory) != NULL;
    json_object_set_new(s->asked, directory, json_true());
    if (!result && tl_reduce_has_value(directory)) {
        kept = true;
        if (!asked) /* before this command began: it is a trial as any other that is known */
            tl_reduce_count_known(s, tl_reduce_kept_passed(directory));
    } else if (!result) {
        char *values = tl_format("%s/values", s->work);
        if (tl_make_directories(values, 0700))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", values,
                                   TL_REDUCE_NO_DISK);
        free(values);
        if (!result)
            result = tl_reduce_keep_outputs(s, &k, recorder_of(s), directory, &kept, e);
        if (!result && !kept && !s->stopped && !s->difference && on_others)
            result = record_on_others(s, &k, directory, &kept, e);
    }
    if (!result && kept)
        take_values(s, directory);
    free(directory);
    tl_reduce_drop(&k);
    return result;
}

static int record_one(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      const char *const *names, size_t n, bool on_others, bool *all, struct tl_error *e)
{
    const char **wanted = tl_calloc(n + 1, sizeof *wanted);
    struct tl_error unfit;
    size_t n_wanted = 0;
    int result = 0;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &unfit);
    struct tl_onnx_index *index = m ? tl_onnx_index_of(m) : NULL;
    for (size_t i = 0; index && i < n; i++)
        if (!json_object_get(s->inputs, names[i]) && tl_onnx_maker_in(m, index, names[i]) != TL_ONNX_NOWHERE)
            wanted[n_wanted++] = names[i];
    if (index)
        tl_onnx_index_done(index);
    tl_onnx_model_free(m);
    for (size_t i = 0; i < n_wanted && !result && !s->stopped && recorder_of(s); i += AT_ONCE)
        result = record_some(s, k, wanted + i, n_wanted - i < AT_ONCE ? n_wanted - i : AT_ONCE, on_others, e);
    *all = m != NULL;
    for (size_t i = 0; i < n; i++)
        *all = *all && json_object_get(s->inputs, names[i]);
    free(wanted);
    return result;
}

/* Of a run with each sample. */
int tl_reduce_record(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, const char *const *names,
                     size_t n, bool *all, struct tl_error *e)
{
    json_t *in_use = s->inputs;
    bool every = true;
    int result = s->n_samples ? 0 : record_one(s, k, names, n, true, &every, e);
    for (size_t i = 0; i < s->n_samples && !result; i++) {
        s->inputs = s->samples[i];
        result = record_one(s, k, names, n, true, all, e);
        every = every && *all;
    }
    *all = every;
    s->inputs = in_use;
    return result;
}

int tl_reduce_record_beforehand(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                const char *const *names, size_t n, struct tl_error *e)
{
    bool all;
    return n <= AT_ONCE ? record_one(s, k, names, n, false, &all, e) : 0;
}

/* A recorded value as a tensor, the caller's; NULL: it is of none, or too large for a list of edits. */
static uint8_t *tensor_bytes(const json_t *input, size_t *size)
{
    const char *npy = json_string_value(json_object_get(input, "npy"));
    struct tl_error ignored;
    struct tl_npy h;
    uint8_t *bytes = NULL;
    if (!npy || tl_npy_open(npy, &h, &ignored) || h.bytes > TL_REDUCE_VALUE_MOST)
        return NULL;
    void *data = tl_malloc((size_t)h.bytes + 1);
    if (tl_npy_read(npy, &h, data, (size_t)h.bytes, &ignored) ||
        tl_onnx_tensor_make((int)h.dtype, h.rank, h.dims, data, (size_t)h.bytes, &bytes, size, &ignored))
        bytes = NULL;
    free(data);
    return bytes;
}

json_t *tl_reduce_recorded_tensor(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                                  const char *name)
{
    size_t n;
    uint8_t *bytes = tensor_bytes(json_object_get(s->inputs, name), &n);
    json_t *made = bytes ? tl_onnx_edits_tensor(&k->edits, bytes, n) : NULL;
    free(bytes);
    return made;
}

bool tl_reduce_begin_at(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                        const char *const *names, size_t n)
{
    struct tl_onnx_beginning *list = tl_calloc(n + 1, sizeof *list);
    bool known = true, constant = s->begins == TL_REDUCE_BEGIN_CONSTANT;
    for (size_t i = 0; i < n && known; i++) {
        bool open = s->begins == TL_REDUCE_BEGIN_OPEN;
        const json_t *input = json_object_get(s->inputs, names[i]), *shape = json_object_get(input, "shape");
        known = input && json_array_size(shape) <= TL_RANK_MAX && !json_object_get(input, "tainted");
        list[i] = (struct tl_onnx_beginning){.name = names[i], .rank = json_array_size(shape)};
        if (known)
            list[i].type = (int)tl_dtype_parse(json_string_value(json_object_get(input, "dtype")));
        if (s->begins == TL_REDUCE_BEGIN_LISTS)
            open = list[i].rank > 1 || list[i].type != TL_DTYPE_INT64;
        for (size_t d = 0; known && d < list[i].rank; d++)
            list[i].dims[d] = open ? -1 : json_integer_value(json_array_get(shape, d));
        if (known && constant)
            known = (list[i].tensor = tensor_bytes(input, &list[i].size)) != NULL;
    }
    if (known && n)
        tl_onnx_edit_begin(&k->edits, list, n);
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)list[i].tensor);
    free(list);
    return known;
}
