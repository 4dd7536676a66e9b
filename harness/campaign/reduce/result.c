/* What is handed over: the smallest model with its inputs as files, the one that is fed from the original's inputs alone, what
 * passes next to it, and the case of it, of which the finding is made with fresh processes: from the files, and not from what
 * the search had in memory. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/tree.h"
#include "harness/campaign/reduce/difference.h"
#include "harness/executor/case_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- files ------------------------------------------------------------------------------------------------------ */

/* A model and its inputs into the directory, under a name. *inputs: the list, or NULL. */
static int hand_over(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                     const char *directory, const char *name, const char *prefix, json_t **inputs,
                     struct tl_error *e)
{
    json_t *list = NULL;
    char *from = tl_format("%s/model.onnx", directory), *to = tl_format("%s/%s", directory, name);
    *inputs = NULL;
    int result = tl_reduce_write_result(s, k, directory, prefix, &list, e);
    if (result > 0)
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make the reduced model", directory,
                         "what could be tried cannot be written any more");
    if (!result && strcmp(from, to) != 0 && rename(from, to))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write a model", to, TL_REDUCE_NO_DISK);
    if (!result)
        tl_reduce_add_named(s, &list);
    if (!result && list && s->takes_inputs)
        result = tl_reduce_write_inputs(s, list, directory, prefix, inputs, e);
    tl_reduce_remove_made_inputs(directory);
    json_decref(list);
    free(to);
    free(from);
    return result;
}

/* --- what is left ------------------------------------------------------------------------------------------- */

/* Each node with what it was in the original: by its name there, and where it has none by what it makes. */
static json_t *remaining(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k)
{
    struct tl_onnx_model *original = NULL, *m = NULL;
    struct tl_onnx_node_facts *before = NULL, *now = NULL;
    struct tl_error ignored;
    size_t n_before = 0, n_now = 0;
    json_t *list = json_array();
    if (!tl_onnx_model_read(s->bytes, s->size, s->r->c->model_file, &original, &ignored))
        tl_onnx_nodes(original, &before, &n_before);
    if ((m = tl_reduce_load(s, k, &ignored)))
        tl_onnx_nodes(m, &now, &n_now);
    for (size_t i = 0; i < n_now; i++) {
        const struct tl_onnx_node_facts *x = &now[i],
                                        *old = tl_onnx_node_numbered(before, n_before, x->origin);
        const char *made = old && old->n_outputs ? old->outputs[0] : NULL;
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:b}", "node", x->name ? x->name : "", "operator",
                            x->op_type, "domain", *x->domain ? x->domain : "ai.onnx", "original",
                            x->original_name && *x->original_name ? x->original_name : NULL,
                            "original_output", made, "inside", x->parent != TL_ONNX_NOWHERE));
    }
    free(before);
    free(now);
    tl_onnx_model_free(original);
    tl_onnx_model_free(m);
    return list;
}

/* Whether each element of an input that matters is another one by now. */
static bool is_chosen(const struct tl_reduce_values *v, const char *input)
{
    for (size_t i = 0; i < v->n; i++)
        if (!v->list[i].weight && !v->list[i].attribute && !strcmp(v->list[i].name, input))
            return tl_reduce_values_chosen(&v->list[i]);
    return false;
}

/* Inputs that hold what was recorded. */
static json_t *recorded_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                               const struct tl_reduce_values *v)
{
    json_t *names = tl_reduce_inputs(s, k), *list = json_array(), *name;
    size_t i;
    json_array_foreach(names, i, name) {
        const json_t *before = json_object_get(k->renamed, json_string_value(name));
        const char *known = before ? json_string_value(before) : json_string_value(name);
        const json_t *own = json_object_get(k->instead, known);
        if (s->takes_inputs && !is_chosen(v, known) && (!own || tl_reduce_holds(own)) &&
            (json_is_true(json_object_get(own, "recorded")) ||
             json_is_true(json_object_get(json_object_get(s->inputs, known), "recorded"))))
            json_array_append_new(list,
                                  json_pack("{s:s,s:s}", "name", json_string_value(name), "original", known));
    }
    json_decref(names);
    return list;
}

/* --- what passes next to it ----------------------------------------------------------------------------------- */

static const char inside_words[] = "its weights in its own file";
static const char *const other_words[] = {"ones", "random values", "zeros", "ones everywhere",
                                          "zeros for the weights"};

struct ahead {
    const struct tl_reduce_state *s;
    const struct tl_reduce_candidate *k;
    size_t turn;
};

static int guess_values(void *arg, size_t i, struct tl_reduce_candidate *k)
{
    const struct ahead *a = arg;
    return a->turn + 1 + i >= TL_COUNT(other_words) ? -1 : tl_reduce_beside(a->s, a->k, a->turn + 1 + i, k);
}

/* It passed once: where it does so surely it is what is handed over, with these words. */
static int take_what_passes(struct tl_reduce_state *s, struct tl_reduce_candidate *other, const char *words,
                            struct tl_reduce_candidate *passing, const char **with, struct tl_error *e)
{
    bool passes = true;
    int result = tl_reduce_passes_surely(s, other, &passes, e);
    if (!result && passes) {
        *with = words;
        tl_reduce_take(passing, other);
    }
    return result;
}

/* What passes with other values. */
static int other_inputs(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        struct tl_reduce_candidate *passing, const char **with, struct tl_error *e)
{
    int result = 0;
    for (size_t turn = 0; turn < TL_COUNT(other_words) && !result && !*with && !s->stopped; turn++) {
        struct tl_reduce_candidate other;
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        struct ahead ahead = {s, k, turn};
        bool any = tl_reduce_beside(s, k, turn, &other);
        if (any) {
            tl_reduce_guesses(s, guess_values, &ahead);
            result = tl_reduce_try(s, &other, &v, e);
        }
        if (!result && any && v == TL_REDUCE_PASS)
            result = take_what_passes(s, &other, other_words[turn], passing, with, e);
        tl_reduce_drop(&other);
    }
    return result;
}

/* What passes with the weights in it that lie beside it. */
static int weights_inside(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          struct tl_reduce_candidate *passing, const char **with, struct tl_error *e)
{
    struct tl_reduce_candidate other = tl_reduce_copy(k);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = tl_reduce_put_inside(s, &other) ? tl_reduce_try(s, &other, &v, e) : 0;
    if (!result && v == TL_REDUCE_PASS)
        result = take_what_passes(s, &other, inside_words, passing, with, e);
    tl_reduce_drop(&other);
    return result;
}

/* The model without its last node, which is what was recorded from. */
static int without_last(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                        struct tl_reduce_candidate *passing, bool *passes, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    uint32_t *order = NULL;
    size_t n = 0;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    if (m)
        tl_onnx_order(m, &order, &n);
    free(order);
    tl_onnx_model_free(m);
    if (n < 2)
        return 0;
    struct tl_reduce_candidate other = tl_reduce_copy(k);
    tl_onnx_edit_prefix(&other.edits, n - 1, NULL, 0);
    int result = tl_reduce_try(s, &other, &v, e);
    *passes = !result && v == TL_REDUCE_PASS;
    if (*passes)
        result = tl_reduce_passes_surely(s, &other, passes, e);
    if (!result && *passes)
        result = tl_reduce_declare(s, &other, TL_REDUCE_PASS, e);
    if (*passes)
        tl_reduce_take(passing, &other);
    tl_reduce_drop(&other);
    return result;
}

/* What passes with a size that is one less, as it was met when sizes were made smaller. */
static int smaller_size(struct tl_reduce_state *s, const struct tl_reduce_values *v,
                        struct tl_reduce_candidate *passing, bool *passes, struct tl_error *e)
{
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    if (!v->beside_size || s->stopped)
        return 0;
    struct tl_reduce_candidate other = tl_reduce_copy(&v->beside);
    int result = tl_reduce_try(s, &other, &verdict, e);
    *passes = !result && verdict == TL_REDUCE_PASS;
    if (*passes)
        result = tl_reduce_passes_surely(s, &other, passes, e);
    if (!result && *passes)
        tl_reduce_take(passing, &other);
    tl_reduce_drop(&other);
    return result;
}

static int neighbour(struct tl_reduce_state *s, const struct tl_reduce_values *v, const char *directory,
                     json_t *document, struct tl_error *e)
{
    struct tl_reduce_candidate passing = {0};
    const char *with = NULL;
    bool sized = false, shorter = false, structural = false;
    json_t *inputs = NULL, *found = NULL;
    tl_reduce_step(s, "passing neighbour");
    tl_reduce_tell(s, "");
    int result = 0;
    if (json_array_size(json_object_get(document, "in_files")))
        result = weights_inside(s, &s->model, &passing, &with, e);
    if (!result && !with)
        result = other_inputs(s, &s->model, &passing, &with, e);
    if (!result && !with)
        result = smaller_size(s, v, &passing, &sized, e);
    if (!result && !with && !sized)
        result = without_last(s, &s->model, &passing, &shorter, e);
    if (!result && !with && !sized && !shorter && s->recorded) {
        result = without_last(s, &s->now, &passing, &shorter, e);
        structural = shorter;
    }
    if (!result && (with || sized || shorter)) {
        char *below = tl_format("%s/neighbour", directory);
        result = hand_over(s, &passing, below, "model.onnx", "", &inputs, e);
        free(below);
    }
    if (!result && (with || sized || shorter)) {
        char *size = tl_format("a size of %lld in the place of %lld", (long long)v->beside_size - 1,
                               (long long)v->beside_size);
        found = json_pack("{s:s,s:s,s:s,s:o}", "differs",
                          with == inside_words ? "files"
                          : with               ? "values"
                          : sized              ? "size"
                                               : "nodes",
                          "with",
                          with    ? with
                          : sized ? size
                                  : "the last node taken away",
                          "of", structural ? "structural.onnx" : "model.onnx", "inputs",
                          inputs ? inputs : json_null());
        free(size);
    }
    json_object_set_new(document, "neighbour", found ? found : json_null());
    tl_reduce_drop(&passing);
    return result;
}

/* --- all of it ------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* What the files of the original hold, by which a copy of one is known wherever it stands. */
static json_t *files_of_original(const struct tl_reduce_state *s)
{
    const char *path = s->r->c->model_file, *name;
    json_t *list = json_pack("[{s:s}]", "path", path), *beside = tl_onnx_external(path), *unused,
           *known = json_array();
    json_object_foreach(beside, name, unused) {
        char *other = tl_format("%s%s", s->directory, name);
        json_array_append_new(list, json_pack("{s:s}", "path", other));
        free(other);
    }
    json_t *files = json_pack("{s:o}", "files", list), *contents = tl_case_contents(files), *content;
    json_object_foreach(contents, name, content)
        json_array_append(known, content);
    json_decref(contents);
    json_decref(files);
    json_decref(beside);
    return known;
}

/* By which name a file has each of them: the original's is another one. */
static void name_in_files(json_t *kept, const json_t *graph)
{
    static const char *const lists[] = {"inputs", "weights"};
    json_t *one;
    size_t i, k;
    json_array_foreach(kept, i, one) {
        const char *original = json_string_value(json_object_get(one, "name"));
        for (size_t l = 0; l < TL_COUNT(lists); l++) {
            const json_t *value;
            json_array_foreach(json_object_get(graph, lists[l]), k, value) {
                const char *name = json_string_value(json_object_get(value, "name")),
                           *was = json_string_value(json_object_get(value, "original"));
                if (name && original && !strcmp(was ? was : name, original))
                    json_object_set_new(one, "called", json_string(name));
            }
        }
    }
}

/* What the search could show, or what was shown after nodes left once more. */
static bool is_minimal(bool searched, const struct tl_reduce_values *v)
{
    return v->shown || (searched && !v->fewer && !v->open);
}

static json_t *describe(struct tl_reduce_state *s, const char *directory,
                        const struct tl_reduce_values *values, const struct tl_reduce_values *of_structural)
{
    const struct tl_trial_record *t = &s->target;
    char *model = tl_format("%s/model.onnx", directory),
         *structural = tl_format("%s/structural.onnx", directory);
    bool minimal = is_minimal(s->recorded ? s->model_minimal : s->structural_minimal, values) &&
                   !s->stopped && s->failed == s->runs && (!s->of_memory || s->r->filled) && !s->n_untold;
    json_t *d = json_pack("{s:i,s:s,s:s,s:b,s:b,s:b,s:s,s:s,s:o,s:{s:s,s:o},s:[I,I],s:s,s:s,s:o,s:[I,I]}",
                          "reduction", 1, "case", s->r->c->name, "unit", s->r->unit->text, "reproduced", 1,
                          "complete", !s->stopped, "minimal", minimal, "outcome", tl_outcome_name(t->outcome),
                          "phase", tl_phase_name(t->phase), "signal",
                          text_or_null(t->signal ? tl_signal_name(t->signal) : NULL), "signature", "id",
                          t->signature.id, "title", text_or_null(t->signature.title), "rate",
                          (json_int_t)s->failed, (json_int_t)s->runs, "directory", directory, "model", model,
                          "structural", s->recorded ? json_string(structural) : json_null(), "nodes",
                          (json_int_t)s->nodes_before, (json_int_t)s->nodes);
    json_object_set_new(
        d, "bytes",
        json_pack("[I,I]", (json_int_t)s->weights_before, (json_int_t)tl_reduce_bytes(s, &s->model)));
    json_object_set_new(d, "original_rate", json_pack("[I,I]", (json_int_t)s->failed, (json_int_t)s->runs));
    json_object_set(d, "original_otherwise", s->otherwise);
    if (s->processes)
        json_object_set(d, "original_processes", s->processes);
    json_object_set_new(d, "structural_nodes", json_integer((json_int_t)tl_reduce_count(s, &s->now)));
    const bool shown = is_minimal(s->structural_minimal, s->recorded ? of_structural : values);
    json_object_set_new(d, "structural_minimal", json_boolean(shown && s->failed == s->runs));
    if (s->recorded && of_structural->open)
        json_object_set_new(d, "structural_open_since_values", json_true());
    json_object_set_new(d, "structural_recorded_state", json_boolean(s->fed));
    json_object_set_new(d, "judge", tl_reduce_judge_json(s));
    if (values->in_files)
        json_object_set(d, "in_files", values->in_files);
    if (values->open)
        json_object_set_new(d, "open_since_values", json_true());
    if (s->n_untold)
        json_object_set_new(d, "untold_refused", json_integer((json_int_t)s->n_untold));
    json_object_set_new(d, "memory", tl_reduce_memory_json(s));
    json_t *newest = tl_reduce_newest_json(s);
    if (newest)
        json_object_set_new(d, "newest_build", newest);
    json_object_set_new(d, "recorded_inputs", recorded_inputs(s, &s->model, values));
    json_object_set_new(d, "owner_data", tl_reduce_values_left(values));
    json_object_set_new(d, "kept_values", tl_reduce_values_kept(values));
    json_object_set(d, "sizes", values->sizes);
    json_object_set(d, "versions", values->versions);
    if (s->recorded && of_structural->sizes) {
        json_object_set_new(d, "structural_owner_data", tl_reduce_values_left(of_structural));
        json_object_set_new(d, "structural_kept_values", tl_reduce_values_kept(of_structural));
        json_object_set(d, "structural_sizes", of_structural->sizes);
    }
    json_object_set_new(d, "remaining", remaining(s, &s->model));
    json_object_set_new(d, "structural_remaining", s->recorded ? remaining(s, &s->now) : json_null());
    json_object_set_new(d, "original", json_string(s->now.edits.original));
    json_object_set_new(d, "original_files", files_of_original(s));
    if (s->difference)
        json_object_set_new(d, "difference", tl_reduce_difference_json(s));
    json_object_set_new(d, "graph", tl_reduce_outline(s, &s->model));
    json_object_set_new(d, "structural_graph", s->recorded ? tl_reduce_outline(s, &s->now) : json_null());
    name_in_files(json_object_get(d, "in_files"), json_object_get(d, "graph"));
    name_in_files(json_object_get(d, "kept_values"), json_object_get(d, "graph"));
    name_in_files(json_object_get(d, "structural_kept_values"), json_object_get(d, "structural_graph"));
    tl_reduce_outline_values(json_object_get(d, "graph"), json_object_get(d, "kept_values"));
    tl_reduce_outline_values(json_object_get(d, "structural_graph"),
                             json_object_get(d, "structural_kept_values"));
    free(model);
    free(structural);
    json_t *node;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(d, "graph"), "nodes"), i, node)
        if (s->n_untold) /* that one node is its end was not shown: whatever ends earlier was refused */
            json_object_del(node, "marked");
    return d;
}

static int write_json(const json_t *document, const char *directory, const char *name, struct tl_error *e)
{
    char *path = tl_format("%s/%s", directory, name);
    int result = json_dump_file(document, path, JSON_INDENT(1))
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", path, TL_REDUCE_NO_DISK)
                     : 0;
    free(path);
    return result;
}

static bool add_name(void *names, int directory, const char *name, const char *path, const struct stat *st)
{
    (void)directory;
    (void)name;
    if (S_ISREG(st->st_mode))
        json_array_append_new(names, json_string(path));
    return false;
}

/* The names of all files of the result, by which a later one knows what it may replace. NULL with errno. */
static json_t *files_of(const char *directory)
{
    json_t *names = json_array();
    if (tl_tree_each(directory, add_name, names)) {
        int err = errno;
        json_decref(names);
        errno = err;
        return NULL;
    }
    json_array_append_new(names, json_string("reduce.json"));
    return names;
}

static int replace(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                   struct tl_error *e)
{
    return tl_reduce_optional(s, k, e) || (!s->stopped && tl_reduce_in_files(s, k, v, e)) ||
                   (!s->stopped && tl_reduce_data(s, k, v, e))
               ? -1
               : 0;
}

/* Both models become plain: first the smallest, which is the answer. */
static int make_plain(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                      struct tl_error *e)
{
    static const tl_reduce_pass passes[] = {replace, tl_reduce_sizes, tl_reduce_small, tl_reduce_plain};
    int result = v->second ? tl_reduce_surely_begin(s, k, e) : 0;
    for (size_t i = 0; i < TL_COUNT(passes) && !result && !s->stopped; i++)
        if (!v->second || passes[i] != tl_reduce_small)
            result = tl_reduce_surely(s, k, v, passes[i], e);
    return result;
}

static int finish(struct tl_reduce_state *s, struct tl_reduce_values *v, struct tl_reduce_values *structural,
                  struct tl_error *e)
{
    if (make_plain(s, &s->model, v, e))
        return -1;
    if (!v->sizes) /* it was stopped before */
        tl_reduce_values_read(s, &s->model, v);
    s->nodes = tl_reduce_count(s, &s->model);
    structural->second = true;
    s->second = s->recorded && !s->stopped;
    int result = s->second ? make_plain(s, &s->now, structural, e) : 0;
    if (s->second)
        tl_reduce_step(s, NULL);
    s->second = false;
    tl_reduce_values_settle(s, &s->model, v);
    tl_reduce_values_settle(s, &s->now, structural);
    return result;
}

int tl_reduce_so_far(struct tl_reduce_state *s, json_t **document, struct tl_error *e)
{
    const struct tl_reduce_candidate *k = s->model.edits.list ? &s->model : &s->now;
    char *directory = tl_format("%s/so-far", s->work), *model = tl_format("%s/model.onnx", directory);
    /* Once the last one has ended its result is confirmed. */
    const json_t *last = s->step ? s->step : json_array_get(s->steps, json_array_size(s->steps) - 1);
    json_t *inputs = NULL;
    tl_remove_tree(directory);
    int result = hand_over(s, k, directory, "model.onnx", "", &inputs, e);
    if (!result)
        *document = json_pack("{s:i,s:s,s:s,s:b,s:b,s:b,s:s,s:[I,I],s:[I,I],s:I,s:s,s:s,s:o,s:n}",
                              "reduction", 1, "case", s->r->c->name, "unit", s->r->unit->text, "reproduced",
                              1, "complete", 0, "interrupted", 1, "step",
                              last ? json_string_value(json_object_get(last, "step")) : "original", "nodes",
                              (json_int_t)s->nodes_before, (json_int_t)tl_reduce_count(s, k), "bytes",
                              (json_int_t)s->weights_before, (json_int_t)tl_reduce_bytes(s, k), "trials",
                              (json_int_t)(s->n_run + s->n_cached), "directory", directory, "model", model,
                              "inputs", inputs ? json_incref(inputs) : json_null(), "finding");
    json_decref(inputs);
    free(model);
    free(directory);
    return result;
}

static int hand_over_again(struct tl_reduce_state *s, const char *directory, struct tl_error *e)
{
    json_t *ignored = NULL, *too = NULL;
    int result =
        s->recorded && hand_over(s, &s->now, directory, "structural.onnx", "structural-", &ignored, e) ? -1
                                                                                                       : 0;
    result = result || hand_over(s, &s->model, directory, "model.onnx", "", &too, e) ? -1 : 0;
    json_decref(ignored);
    json_decref(too);
    return result;
}

int tl_reduce_result(struct tl_reduce_state *s, json_t **document, struct tl_error *e)
{
    struct tl_reduce_values values = {0}, of_structural = {0};
    json_t *inputs = NULL, *structural = NULL, *d = NULL, *own = NULL, *optimiser = NULL;
    uint64_t number;
    char *directory = NULL, *path = NULL;
    if (!s->model.edits.list) {
        struct tl_reduce_candidate same = tl_reduce_copy(&s->now);
        tl_reduce_take(&s->model, &same);
    }
    s->takes_untold = true; /* from here on no node is taken away by a cut */
    int result = finish(s, &values, &of_structural, e);
    result = result || tl_reduce_number(s, &s->model, &number, e) ? -1 : 0;
    if (!result) {
        directory = tl_format("%s/result-%llu", s->work, (unsigned long long)number);
        path = tl_format("%s/case.json", directory);
        tl_remove_tree(directory);
        d = describe(s, directory, &values, &of_structural);
        if (s->recorded)
            result =
                tl_reduce_samples_choose(s, &s->now, e) ||
                        hand_over(s, &s->now, directory, "structural.onnx", "structural-", &structural, e)
                    ? -1
                    : 0;
    }
    if (!result)
        result = tl_reduce_samples_choose(s, &s->model, e) ||
                         hand_over(s, &s->model, directory, "model.onnx", "", &inputs, e)
                     ? -1
                     : 0;
    if (!result) {
        tl_reduce_outline_files(json_object_get(d, "graph"), directory, "model.onnx");
        tl_reduce_outline_files(json_object_get(d, "structural_graph"), directory, "structural.onnx");
    }
    if (!result)
        result = neighbour(s, &values, directory, d, e) || tl_reduce_optimiser(s, &optimiser, e) ? -1 : 0;
    if (!result) {
        tl_reduce_ahead_end(s);
        json_object_set_new(d, "speculated", json_integer((json_int_t)s->n_ahead));
        json_object_set_new(d, "wasted", json_integer((json_int_t)(s->n_ahead - s->n_ahead_used)));
        tl_reduce_step(s, NULL);
        json_object_set_new(d, "trials", json_integer((json_int_t)(s->n_run + s->n_cached)));
        json_object_set_new(d, "passed", json_integer((json_int_t)s->n_passed));
        json_object_set_new(d, "cached", json_integer((json_int_t)s->n_cached));
        json_object_set(d, "steps", s->steps);
        json_object_set(d, "others", s->others);
        json_object_set(d, "inputs", inputs ? inputs : json_null());
        json_object_set(d, "structural_inputs", structural ? structural : json_null());
        json_object_set(d, "optimiser", optimiser ? optimiser : json_null());
        json_object_set_new(d, "case_file", json_string(path));
        own = tl_reduce_result_case(s, inputs, optimiser);
        if (s->difference)
            result = tl_reduce_hand_over_reference(s, directory, own, e);
    }
    if (!result) {
        result = write_json(own, directory, "case.json", e);
    }
    if (!result)
        result = tl_reduce_result_finding(s, path, d, e);
    if (!result && s->lends) /* what ran it may have written to it */
        result = hand_over_again(s, directory, e) || write_json(own, directory, "case.json", e) ? -1 : 0;
    json_t *files = result ? NULL : files_of(directory);
    if (!result && !files)
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot list the result", directory,
                               TL_REDUCE_NO_DISK);
    if (!result) {
        json_t *own_paths = tl_reduce_result_of_finding(d); /* it goes where its directory goes */
        json_object_set_new(own_paths, "model", json_string("model.onnx"));
        json_object_set_new(own_paths, "structural",
                            s->recorded ? json_string("structural.onnx") : json_null());
        json_object_set(own_paths, "files", files);
        result = write_json(own_paths, directory, "reduce.json", e);
        json_decref(own_paths);
    }
    if (!result)
        *document = json_incref(d);
    json_decref(files);
    json_decref(own);
    json_decref(optimiser);
    json_decref(d);
    json_decref(inputs);
    json_decref(structural);
    tl_reduce_values_free(&values);
    tl_reduce_values_free(&of_structural);
    free(path);
    free(directory);
    return result;
}
