/* The failure itself as members of a finding's document, from the trial that stands for it: what came of it, which
 * tool it was, and how outputs differed. A title is made from these alone, so that lists need no trial. */
#include "harness/campaign/finding_parts.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/tool_name.h"
#include "harness/campaign/driver_impl.h"
#include "harness/campaign/finding_model.h"
#include "harness/verdict/wrong.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUTS_MOST 12 /* of a comparison */
#define VALUES_MOST 12  /* of an output */

/* The step that a trial ended in: the one that its message names, else the last one of its phase, else the last. */
static size_t step_of(const struct tl_trial_record *t, const json_t *steps)
{
    size_t n = json_array_size(steps), named, of, found = n - 1;
    if (t->message && sscanf(t->message, "step %zu of %zu (", &named, &of) == 2 && named >= 1 && named <= n &&
        of == n)
        return named - 1;
    for (size_t i = 0; i < n; i++) {
        const char *phase = json_string_value(json_object_get(json_array_get(steps, i), "phase"));
        if (phase && !strcmp(phase, tl_phase_name(t->phase)))
            found = i;
    }
    return found;
}

/* What a tool says of its version under its own name, or of the product that its name begins with: llama-cli, llama.cpp. */
static char *version_of(const json_t *versions, const char *tool)
{
    const char *name;
    json_t *text;
    char *version = NULL;
    size_t stem = strcspn(tool, "-_.");
    json_object_foreach((json_t *)versions, name, text) {
        bool own = !strcmp(name, tool),
             product = stem >= 4 && strcspn(name, "-_.") == stem && !strncmp(name, tool, stem);
        if (!own && (!product || version))
            continue;
        free(version);
        version = tl_tool_version(json_string_value(text));
        if (own)
            break;
    }
    return version;
}

/* The generator, or the tool of a step; null where a runtime is what failed. */
static json_t *tool_json(const struct tl_trial_record *t, const json_t *versions)
{
    json_t *request = t->request ? json_loads(t->request, 0, NULL) : NULL,
           *command = t->command ? json_loads(t->command, 0, NULL) : NULL,
           *variant = t->variant ? json_loads(t->variant, 0, NULL) : NULL, *j = NULL;
    const json_t *steps = json_object_get(request, "steps"), *argv = NULL;
    if (t->phase == TL_PHASE_GENERATE && !request) /* a trial of the generator alone */
        argv = command;
    else if (t->phase == TL_PHASE_GENERATE && json_array_size(json_object_get(request, "generate")))
        argv = json_object_get(request, "generate");
    else if (json_array_size(steps))
        argv = json_object_get(json_array_get(steps, step_of(t, steps)), "argv");
    struct tl_tool_name tool = tl_tool_name_find(argv, variant);
    if (tool.name) {
        char *version = version_of(versions, tool.name);
        j = json_pack("{s:s,s:s?,s:s?}", "name", tool.name, "command", tool.command, "version", version);
        free(version);
    }
    tl_tool_name_free(&tool);
    json_decref(request);
    json_decref(command);
    json_decref(variant);
    return j ? j : json_null();
}

/* The index of an element in C order as one number for each dimension. */
static json_t *index_json(json_int_t at, const json_t *shape)
{
    json_t *index = json_array();
    for (size_t i = json_array_size(shape); i-- > 0;) {
        json_int_t n = json_integer_value(json_array_get(shape, i));
        json_array_insert_new(index, 0, json_integer(n > 0 ? at % n : 0));
        at = n > 0 ? at / n : 0;
    }
    return index;
}

/* How many elements a shape has; 0: none, or more than can be. */
static json_int_t elements_of(const json_t *shape)
{
    json_int_t n = json_is_array(shape);
    for (size_t i = 0; i < json_array_size(shape); i++) {
        json_int_t size = json_integer_value(json_array_get(shape, i));
        if (size < 0 || __builtin_mul_overflow(n, size, &n))
            return 0;
    }
    return n;
}

/* What a runner tells of the values that are not finite: how many, and the first. */
static void add_not_finite(const json_t *output, json_t *j)
{
    const json_t *told = json_object_get(output, "not_finite"), *at = json_object_get(told, "at"),
                 *shape = json_object_get(output, "shape");
    json_int_t nan = json_integer_value(json_object_get(told, "nan")),
               inf = json_integer_value(json_object_get(told, "inf")), of = elements_of(shape);
    if (of)
        json_object_set_new(j, "of", json_integer(of));
    if (nan < 0 || inf < 0 || (!nan && !inf) || nan > of || inf > of - nan)
        return;
    json_object_set_new(j, "not_finite", json_pack("{s:I,s:I}", "nan", nan, "inf", inf));
    if (!json_is_integer(at) || json_integer_value(at) < 0 || json_integer_value(at) >= of || (nan && inf))
        return;
    json_object_set_new(j, "worst",
                        json_pack("{s:s,s:o,s:s,s:s}", "output",
                                  json_string_value(json_object_get(j, "output")), "index",
                                  index_json(json_integer_value(at), shape), "expected", "a finite value",
                                  "got", nan ? "nan" : "inf"));
    const char *first =
        json_string_value(json_array_get(json_object_get(output, "first"), (size_t)json_integer_value(at)));
    if (inf && first && !strcmp(first, "-inf"))
        json_object_set_new(json_object_get(j, "worst"), "got", json_string(first));
}

/* Without a reference it is known of the first output that is not finite what the runner told of it. */
static json_t *not_finite_json(const struct tl_trial_record *t)
{
    const char *name = tl_wrong_output(t), *how = tl_wrong_how(t);
    const json_t *output;
    size_t i;
    if (!name || !how)
        return json_null();
    json_t *j = json_pack("{s:n,s:s,s:s}", "unit", "output", name, "how", how);
    json_array_foreach(json_object_get(t->result, "outputs"), i, output) {
        const char *its = json_string_value(json_object_get(output, "name"));
        static const char *const told[] = {"dtype", "shape", "first"};
        if (!its || strcmp(its, name) != 0 || !json_is_false(json_object_get(output, "finite")))
            continue;
        for (size_t k = 0; k < TL_COUNT(told); k++)
            if (json_object_get(output, told[k]))
                json_object_set_new(j, told[k], json_deep_copy(json_object_get(output, told[k])));
        while (json_array_size(json_object_get(j, "first")) > VALUES_MOST)
            json_array_remove(json_object_get(j, "first"), VALUES_MOST);
        add_not_finite(output, j);
        break;
    }
    return j;
}

json_t *tl_finding_comparison(const struct tl_trial_record *t)
{
    const json_t *found = json_object_get(t->result, "reference"), *output;
    size_t i;
    if (!json_is_object(found))
        return t->outcome == TL_OUTCOME_WRONG ? not_finite_json(t) : json_null();
    json_t *j = json_deep_copy(found), *outputs = json_array();
    json_array_foreach(json_object_get(found, "outputs"), i, output) {
        if (i == OUTPUTS_MOST) {
            json_object_set_new(
                j, "outputs_more",
                json_integer((json_int_t)json_array_size(json_object_get(found, "outputs")) - OUTPUTS_MOST));
            break;
        }
        json_t *short_form = json_pack("{s:O,s:O}", "name", json_object_get(output, "name"), "error",
                                       json_object_get(output, "error"));
        if (short_form && json_object_get(output, "how"))
            json_object_set(short_form, "how", json_object_get(output, "how"));
        if (short_form)
            json_array_append_new(outputs, short_form);
    }
    json_object_set_new(j, "outputs", outputs);
    json_object_del(j, "left_out");
    return j;
}

int tl_finding_add_failure(const struct tl_driver *d, const char *runner, const char *trial, json_t *document,
                           struct tl_error *e)
{
    struct tl_trial_record t;
    static const char *const none[] = {"outcome",     "signal",    "phase", "message",
                                       "exit_status", "signature", "tool",  "comparison"};
    if (!trial) {
        for (size_t i = 0; i < TL_COUNT(none); i++)
            json_object_set_new(document, none[i], json_null());
        return 0;
    }
    if (tl_query_trial(tl_executor_store(d->x), trial, &t, e))
        return -1;
    json_object_set_new(document, "outcome", json_string(tl_outcome_name(t.outcome)));
    json_object_set_new(document, "signal", t.signal ? json_string(tl_signal_name(t.signal)) : json_null());
    json_object_set_new(document, "phase", json_string(tl_phase_name(t.phase)));
    json_object_set_new(document, "message", t.message ? json_string(t.message) : json_null());
    json_object_set_new(document, "exit_status",
                        t.exit_status >= 0 ? json_integer(t.exit_status) : json_null());
    json_object_set_new(document, "signature",
                        json_pack("{s:s,s:s,s:s,s:s}", "id", t.signature.id, "title",
                                  t.signature.title ? t.signature.title : "", "coarse_id",
                                  t.signature.coarse_id, "coarse_title",
                                  t.signature.coarse_title ? t.signature.coarse_title : ""));
    json_object_set_new(document, "tool",
                        tool_json(&t, json_object_get(json_object_get(document, "environment"), "versions")));
    json_object_set_new(document, "comparison", tl_finding_comparison(&t));
    const json_t *operator_in_flight = json_object_get(t.result, "operator");
    if (json_is_object(operator_in_flight))
        json_object_set_new(document, "operator", json_deep_copy(operator_in_flight));
    json_t *model = tl_finding_model(runner, t.request);
    if (model)
        json_object_set_new(document, "model", model);
    tl_finding_add_kind(&t, document);
    tl_trial_record_free(&t);
    return 0;
}
