/* The case of what is handed over, which names nothing of the original's directory, and the finding that is made of it with fresh
 * processes. */
#include "harness/campaign/reduce/values.h"

#include "cases/reading.h"
#include "db/finding.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/campaign/reduce/difference.h"
#include "harness/campaign/trigger_and_builds.h"

#include <stdlib.h>
#include <string.h>

/* The axes of the original at their values, and the level of optimisation, which tells whether it takes a fusion. */
static void add_axes(const struct tl_reduce_state *s, const json_t *optimiser, json_t *document)
{
    const struct tl_case *c = s->r->c;
    json_t *axes = json_array(), *failing = json_object(), *values = tl_variant_object(c, s->r->failing),
           *value;
    const char *name;
    size_t at;
    json_object_foreach(values, name, value) {
        /* What its inputs were made by: they are files now, and its name is no longer in the model. */
        if (!s->judged && !s->derives && !s->r->keep_names && !tl_reduce_takes(s->r->unit, name) &&
            tl_model_has_dimension(c->model_file, name))
            continue;
        if (!strcmp(name, TL_REDUCE_AXIS) || (s->difference && !strcmp(name, TL_REDUCE_MODEL_AXIS)))
            continue;
        json_array_append_new(axes, json_pack("{s:s,s:[O]}", "name", name, "choices", value));
        json_object_set(failing, name, value);
    }
    if (tl_reduce_takes(s->r->unit, "optimization") && !tl_case_axis(c, "optimization", &at)) {
        json_array_append_new(axes,
                              json_pack("{s:s,s:[i,i,i,i]}", "name", "optimization", "ordered", 0, 1, 2, 99));
        json_object_set_new(failing, "optimization", json_integer(99));
    }
    const json_t *names = json_object_get(optimiser, "names");
    if (json_array_size(names) &&
        !json_object_get(optimiser, "model")) /* that may be left out: it passes then */
        json_array_append_new(axes, json_pack("{s:s,s:O,s:s}", "name", TL_REDUCE_OPTIMISERS, "subset", names,
                                              "about", "optimisers of the session that are left out"));
    if (json_array_size(axes)) {
        json_object_set(document, "axes", axes);
        json_object_set(document, "failing", failing);
    }
    json_decref(axes);
    json_decref(failing);
    json_decref(values);
}

/* Texts of a case as another one has them that stands elsewhere: its directory by name. */
static json_t *with_directory(const json_t *value, const char *directory)
{
    static const char place[] = "{case_dir}";
    json_t *copy, *one;
    const char *key;
    size_t i;
    if (json_is_string(value)) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "");
        for (const char *at = json_string_value(value); *at;) {
            bool is = !strncmp(at, place, sizeof place - 1);
            for (const char *c = directory; is && *c; c++) /* a brace is one of its name */
                tl_buffer_printf(&b, strchr("{}", *c) ? "%c%c" : "%c", *c, *c);
            if (!is)
                tl_buffer_add(&b, at, 1);
            at += is ? sizeof place - 1 : 1;
        }
        copy = json_string(b.data);
        tl_buffer_free(&b);
        return copy;
    }
    copy = json_deep_copy(value);
    if (json_is_array(copy)) {
        json_array_foreach(copy, i, one)
            json_array_set_new(copy, i, with_directory(one, directory));
    } else if (json_is_object(copy)) {
        json_object_foreach(copy, key, one)
            json_object_set_new(copy, key, with_directory(one, directory));
    }
    return copy;
}

/* A program with a '/' is one of the directory of its case. */
static json_t *with_programs(const json_t *steps, const char *directory)
{
    json_t *copy = json_deep_copy(steps), *step, *placed;
    size_t i;
    json_array_foreach(copy, i, step) {
        json_t *argv = json_object_get(step, "argv");
        const char *program = json_string_value(json_array_get(argv, 0));
        if (program && strchr(program, '/') && *program != '/' && *program != '{')
            json_array_set_new(argv, 0, json_sprintf("{case_dir}/%s", program));
    }
    placed = with_directory(copy, directory);
    json_decref(copy);
    return placed;
}

json_t *tl_reduce_result_case(const struct tl_reduce_state *s, const json_t *inputs, const json_t *optimiser)
{
    static const char *const kept[] = {"environment", "limits", "versions", "source", "impact", "notes"};
    const struct tl_case *c = s->r->c;
    const bool all = s->nodes == s->nodes_before;
    char *size = all ? tl_format("a model of %zu node%s", s->nodes, tl_plural(s->nodes))
                     : tl_format("%zu of the %zu nodes of a model", s->nodes, s->nodes_before),
         *title = tl_format("%s%s%s", c->title ? c->title : "", c->title ? ": " : "", size);
    json_t *document = json_pack("{s:i,s:s,s:s,s:{s:s}}", "trapline", 1, "name", c->name, "title", title,
                                 "model", "file", "model.onnx");
    for (size_t i = 0; i < TL_COUNT(kept); i++) {
        json_t *member = json_object_get(c->document, kept[i]);
        if (member)
            json_object_set_new(document, kept[i], with_directory(member, c->directory));
    }
    if (s->judged)
        json_object_set_new(
            json_object_get(document, "model"), "steps",
            with_programs(json_object_get(json_object_get(c->document, "model"), "steps"), c->directory));
    if (inputs)
        json_object_set(document, "inputs", (json_t *)(uintptr_t)inputs);
    add_axes(s, optimiser, document);
    free(title);
    free(size);
    return document;
}

static int load_case(const char *path, struct tl_case **c, struct tl_error *e)
{
    struct tl_mistakes mistakes = {0};
    int result = tl_case_load(path, c, &mistakes, e);
    if (result && mistakes.n)
        tl_fail(e, TL_ERROR_ENVIRONMENT, "the case of the reduced model is wrong", path, "%s: %s",
                mistakes.list[0].path, mistakes.list[0].expected);
    tl_mistakes_free(&mistakes);
    return result;
}

/* What stands in the finding of a reduction: all of it but where its files are. */
json_t *tl_reduce_result_of_finding(const json_t *document)
{
    static const char *const paths[] = {"directory", "model", "structural", "case_file"};
    json_t *copy = json_deep_copy(document);
    for (size_t i = 0; i < TL_COUNT(paths); i++)
        json_object_del(copy, paths[i]);
    return copy;
}

/* What its confirmation measured of the result, which may not fail as surely as the original did: of that no single pass is
 * evidence. */
static void take_rate(const struct tl_reduce_state *s, json_t *document, const json_t *found, bool confirmed)
{
    static const char *const sizes[] = {"sizes", "structural_sizes"};
    const json_t *rate = json_object_get(found, "rate");
    json_t *size;
    size_t i;
    if (confirmed && json_array_size(rate) != 2)
        return;
    if (confirmed)
        json_object_set(document, "rate", (json_t *)(uintptr_t)rate);
    if (confirmed && json_object_get(found, "processes"))
        json_object_set(document, "processes", json_object_get(found, "processes"));
    if (confirmed && s->failed == s->runs &&
        json_integer_value(json_array_get(rate, 0)) == json_integer_value(json_array_get(rate, 1)))
        return;
    json_object_set_new(document, "minimal", json_false());
    if (!json_is_string(json_object_get(document, "structural")))
        json_object_set_new(document, "structural_minimal", json_false());
    for (size_t k = 0; k < TL_COUNT(sizes); k++)
        json_array_foreach(json_object_get(document, sizes[k]), i, size)
            json_object_set_new(size, "below", json_null());
}

/* That no optimiser has to be left out is no need of the failure: which one it takes is told by itself. */
static void drop_optimisers(json_t *found)
{
    static const char *const lists[] = {"needs", "local_needs"};
    for (size_t l = 0; l < TL_COUNT(lists); l++) {
        json_t *list = json_object_get(found, lists[l]);
        for (size_t i = json_array_size(list); i-- > 0;) {
            const json_t *any_of = json_object_get(json_array_get(list, i), "any_of"),
                         *axis = json_object_get(json_array_get(any_of, 0), "axis");
            if (json_array_size(any_of) == 1 && json_is_string(axis) &&
                !strcmp(json_string_value(axis), TL_REDUCE_OPTIMISERS))
                json_array_remove(list, i);
        }
    }
}

/* Whether what the files did is the failure that was reduced. Of a difference the comparison says so, with another reference. */
static int is_confirmed(struct tl_reduce_state *s, const json_t *found, bool *is, struct tl_error *e)
{
    const char *trial = json_string_value(json_object_get(json_object_get(found, "evidence"), "trial"));
    struct tl_trial_record r = {0};
    *is = json_is_true(json_object_get(found, "reproduced"));
    if (!*is || !trial || s->difference)
        return 0;
    if (tl_query_trial(tl_executor_store(s->r->x), trial, &r, e))
        return -1;
    *is = s->judge(s, &r) == TL_REDUCE_FAIL;
    tl_trial_record_free(&r);
    return 0;
}

/* Whether variants were met that fail alike by their outcome, and otherwise by their words: what is left may do both by turns, and
 * which of them is meant is known here alone. */
static bool fails_otherwise(const struct tl_reduce_state *s)
{
    const json_t *other;
    size_t i;
    json_array_foreach(s->others, i, other)
        if (!strcmp(json_string_value(json_object_get(other, "outcome")), tl_outcome_name(s->target.outcome)))
            return *s->failed_as;
    return false;
}

int tl_reduce_result_finding(struct tl_reduce_state *s, const char *path, json_t *document,
                             struct tl_error *e)
{
    struct tl_case *c;
    json_t *findings = NULL, *found;
    if (load_case(path, &c, e))
        return -1;
    const struct tl_unit *units[] = {s->r->unit};
    struct tl_campaign_isolation isolation = {
        /* The search goes by what is stored as well, and a reduction that was ended runs nothing again. */
        .wishes = {.no_cache = s->r->no_cache, .stored_holds = true, .fresh = s->fresh},
        .watch = s->r->watch,
        .started_ns = s->r->started_ns,
        .x = s->r->x,
        .c = c,
        .failing = c->has_failing ? tl_variant_copy(c, &c->failing) : tl_variant_baseline(c),
        .units = units,
        .n_units = 1,
    };
    tl_executor_deadline(s->r->x, 0);
    const char *const texts[] = {s->r->unit->text};
    tl_executor_lend(s->r->x, s->lends ? s->staging.path : NULL);
    isolation.signature = fails_otherwise(s) ? s->failed_as : NULL;
    int result = tl_isolation_run(&isolation, &findings, e);
    if (!result && isolation.signature &&
        !json_is_true(json_object_get(json_array_get(findings, 0), "reproduced"))) {
        isolation.signature = NULL;
        json_decref(findings);
        findings = NULL;
        result = tl_isolation_run(&isolation, &findings, e);
    }
    if (!result && s->r->over_builds && !s->stopped)
        result = tl_isolation_run_over(&isolation, texts, 1, findings, e);
    tl_executor_lend(s->r->x, NULL);
    found = json_array_get(findings, 0);
    bool confirmed = false;
    if (!result && found)
        result = is_confirmed(s, found, &confirmed, e);
    if (!result) {
        json_object_set_new(document, "confirmed", json_boolean(confirmed));
        take_rate(s, document, found, confirmed);
    }
    if (!result && found && json_is_string(json_object_get(found, "finding"))) {
        json_object_set(document, "finding", json_object_get(found, "finding"));
        json_object_set(document, "trigger",
                        json_object_get(found, "trigger") ? json_object_get(found, "trigger") : json_null());
        drop_optimisers(found);
        json_object_set_new(found, "reduction", tl_reduce_result_of_finding(document));
        json_object_set_new(found, "kind", json_string("reduction"));
        if (json_object_get(found, "builds"))
            json_object_set(document, "builds", json_object_get(found, "builds"));
        result = tl_finding_put(tl_executor_store(s->r->x), found, e);
    }
    json_decref(findings);
    tl_variant_free(&isolation.failing);
    tl_case_free(c);
    return result;
}
