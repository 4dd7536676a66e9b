/* Reductions that a command judges. What it comes to is the outcome of a step of a case, as everywhere; three things are its own:
 *
 *   what it could not do     exit statuses 125 (as for `git bisect run`), 126 and 127, and a program that cannot be started, say
 *                            nothing of the model: no failure, and no pass
 *   what counts              with a text that is the failure, no trial counts that did not write it
 *   what is known            nothing can be recorded of a command: types are those that the model declares, and values are made
 *                            for them. With none declared, nodes hand on their operands, and the command judges
 *
 * Its inputs are files, whoever reads them: what makes values of a list's entry is trapline's own. */
#include "harness/campaign/reduce/judge.h"
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/given_inputs.h"
#include "cases/onnx/graph_declared.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

void tl_reduce_judged_begin(struct tl_reduce_state *s)
{
    s->judged = s->r->c->model_kind == TL_MODEL_STEPS;
    /* Ours reads, and nothing else. */
    s->lends = s->judged || strcmp(s->r->unit->runner, "onnxruntime") != 0;
    s->takes_inputs = tl_reduce_takes_inputs(s->r->c);
    s->named = tl_reduce_names_inputs(s->r->c);
}

/* The sizes of symbolic extents: those that the original's inputs have for them. */
static json_t *sizes_of(const struct tl_reduce_state *s)
{
    struct tl_onnx_inputs declared;
    char why[512];
    json_t *sizes = json_object();
    if (!tl_onnx_inputs_read(s->bytes, s->size, &declared, why, sizeof why))
        tl_onnx_input_sizes(&declared, s->inputs, sizes, NULL, NULL);
    tl_onnx_inputs_free(&declared);
    return sizes;
}

void tl_reduce_add_declared(struct tl_reduce_state *s, struct tl_onnx_model *m)
{
    struct tl_onnx_declared *list;
    size_t n;
    if (!s->judged || s->r->recorder)
        return;
    json_t *sizes = sizes_of(s);
    tl_onnx_declared(m, &list, &n);
    for (size_t i = 0; i < n; i++) {
        json_t *shape = json_array();
        bool known = !json_object_get(s->inputs, list[i].name);
        for (size_t d = 0; d < list[i].rank && known; d++) {
            const json_t *size = list[i].symbols[d] ? json_object_get(sizes, list[i].symbols[d]) : NULL;
            known = list[i].dims[d] >= 0 || size;
            json_array_append_new(shape, json_integer(size ? json_integer_value(size) : list[i].dims[d]));
        }
        if (known)
            json_object_set_new(s->inputs, list[i].name,
                                json_pack("{s:s,s:s,s:O,s:{s:i}}", "name", list[i].name, "dtype",
                                          tl_dtype_name(list[i].dtype), "shape", shape, "fill", "random", 1));
        json_decref(shape);
    }
    free(list);
    json_decref(sizes);
}

/* --- verdicts --------------------------------------------------------------------------------------------- */

static bool is_code(const struct tl_trial_record *r, const char *code)
{
    return r->error_code && !strcmp(r->error_code, code);
}

/* It says nothing of the model. */
static bool could_not_judge(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_ERROR && r->error_domain && !strcmp(r->error_domain, "step") &&
           (is_code(r, "exit 125") || is_code(r, "exit 126") || is_code(r, "exit 127") ||
            is_code(r, "exec") || is_code(r, "fork") || is_code(r, "request") || is_code(r, "memory"));
}

static bool holds(const char *bytes, size_t n, const char *text)
{
    return bytes && memmem(bytes, n, text, strlen(text));
}

static bool wrote(const struct tl_trial_record *r, const char *text)
{
    return is_code(r, "no_text") || holds(r->out.head, r->out.head_size, text) ||
           holds(r->out.tail, r->out.tail_size, text) || holds(r->err.head, r->err.head_size, text) ||
           holds(r->err.tail, r->err.tail_size, text);
}

bool tl_reduce_judged_verdict(struct tl_reduce_state *s, const struct tl_trial_record *r,
                              enum tl_reduce_verdict *v)
{
    const char *text = s->r->failure_text;
    *v = TL_REDUCE_INVALID;
    if (!s->judged || r->outcome == TL_OUTCOME_PASS || r->outcome == TL_OUTCOME_LOST ||
        r->outcome == TL_OUTCOME_UNSUPPORTED)
        return false;
    if (could_not_judge(r))
        return true;
    if (text && !wrote(r, text)) {
        /* It refuses the model, or fails in another way. */
        *v = r->outcome == TL_OUTCOME_ERROR ? TL_REDUCE_INVALID : TL_REDUCE_OTHER;
        return true;
    }
    if (!*s->target.id || r->outcome != TL_OUTCOME_ERROR || s->target.outcome != TL_OUTCOME_ERROR)
        return false;
    /* The text is what tells it; else another exit status is another failure, which no message tells: numbers are no part of
     * one. */
    if (text) {
        *v = TL_REDUCE_FAIL;
        return true;
    }
    *v = TL_REDUCE_OTHER;
    return (r->error_code && s->target.error_code && strcmp(r->error_code, s->target.error_code) != 0) ||
           !tl_reduce_said_alike(s, r);
}

/* --- inputs ----------------------------------------------------------------------------------------------- */

static const json_t *find(const json_t *list, const char *name)
{
    const json_t *input;
    size_t i;
    json_array_foreach(list, i, input)
        if (!strcmp(json_string_value(json_object_get(input, "name")), name))
            return input;
    return NULL;
}

void tl_reduce_add_named(const struct tl_reduce_state *s, json_t **list)
{
    const json_t *input;
    size_t i;
    if (!s->named)
        return;
    *list = *list ? *list : json_array();
    json_array_foreach(s->r->c->inputs, i, input) {
        const char *name = json_string_value(json_object_get(input, "name"));
        const json_t *dtype = json_object_get(input, "dtype");
        if (!name || find(*list, name))
            continue;
        json_t *zero = !strcmp(json_string_value(dtype), "bool") ? json_false() : json_integer(0);
        json_array_append_new(*list, json_pack("{s:s,s:O,s:O,s:{s:o}}", "name", name, "dtype", dtype, "shape",
                                               json_object_get(input, "shape"), "fill", "constant", zero));
    }
}

int tl_reduce_judged_inputs(const struct tl_reduce_state *s, const char *directory, json_t **list,
                            struct tl_error *e)
{
    json_t *named = NULL, *input;
    size_t i;
    tl_reduce_add_named(s, list);
    if (!s->judged || !s->takes_inputs || !*list)
        return 0;
    if (tl_reduce_write_inputs(s, *list, directory, "", &named, e)) {
        json_decref(named);
        return -1;
    }
    json_array_foreach(named, i, input) {
        char *path = tl_format("%s/%s", directory, json_string_value(json_object_get(input, "npy")));
        json_object_set_new(input, "npy", json_string(path));
        free(path);
    }
    json_decref(*list);
    *list = named;
    return 0;
}

json_t *tl_reduce_judge_json(const struct tl_reduce_state *s)
{
    const json_t *steps = json_object_get(json_object_get(s->r->c->document, "model"), "steps");
    if (!s->judged)
        return json_null();
    json_t *judge = json_pack("{s:O,s:s?,s:s?}", "steps", steps, "failure_text", s->r->failure_text,
                              "recorded_on", s->r->recorder ? s->r->recorder->text : NULL);
    if (s->said)
        json_object_set_new(judge, "lines", tl_reduce_said_json(s));
    return judge;
}
