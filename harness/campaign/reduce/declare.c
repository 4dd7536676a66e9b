/* What the model says of its outputs: a type and a rank, without which those that check models refuse it.
 *
 * An output that was a value in between has none where the model said none of it. What a run had is tried first, with its own values
 * or others; where none comes to its end the runtime is asked: it refuses a model whose declared type is not the one that
 * the operator makes. What it refuses none of it says nothing of, and then nothing is declared. */
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_outline.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUTS_MOST 8
#define RANK_MOST 6
#define TRIALS_MOST 40

struct declaring {
    struct tl_reduce_state *s;
    struct tl_reduce_candidate *k;
    enum tl_reduce_verdict wanted;
    const char *name;
    unsigned trials;
};

/* rank -1: of the type alone. */
static struct tl_reduce_candidate with(const struct declaring *d, const char *type, int rank)
{
    struct tl_reduce_candidate more = tl_reduce_copy(d->k);
    json_t *one = json_pack("{s:s,s:s}", "name", d->name, "type", type), *shape = json_array();
    for (int i = 0; i < rank; i++)
        json_array_append_new(shape, json_null());
    if (rank >= 0)
        json_object_set(one, "shape", shape);
    json_decref(shape);
    tl_onnx_edits_add(&more.edits, "declare", json_pack("[o]", one));
    return more;
}

static int is_taken(struct declaring *d, const char *type, int rank, bool *taken, struct tl_error *e)
{
    struct tl_reduce_candidate more = with(d, type, rank);
    enum tl_reduce_verdict verdict = TL_REDUCE_INVALID;
    int result = d->s->stopped || d->trials++ >= TRIALS_MOST ? 0 : tl_reduce_try(d->s, &more, &verdict, e);
    *taken = !result && verdict == d->wanted;
    tl_reduce_drop(&more);
    return result;
}

static int keep(struct declaring *d, const char *type, int rank)
{
    struct tl_reduce_candidate more = with(d, type, rank);
    tl_reduce_take(d->k, &more);
    return 0;
}

static void add_once(json_t *list, json_t *value)
{
    const json_t *one;
    size_t i;
    bool there = false;
    json_array_foreach(list, i, one)
        there = there || json_equal(one, value);
    if (!there)
        json_array_append(list, value);
    json_decref(value);
}

/* Those of inputs and weights first. */
static void guesses(const json_t *graph, json_t *types, json_t *ranks)
{
    static const char *const lists[] = {"inputs", "weights"};
    static const enum tl_dtype all[] = {TL_DTYPE_FLOAT32, TL_DTYPE_INT64,  TL_DTYPE_BOOL,    TL_DTYPE_INT32,
                                        TL_DTYPE_UINT8,   TL_DTYPE_INT8,   TL_DTYPE_FLOAT16, TL_DTYPE_FLOAT64,
                                        TL_DTYPE_UINT16,  TL_DTYPE_UINT32, TL_DTYPE_UINT64,  TL_DTYPE_INT16};
    const json_t *one;
    size_t i;
    for (size_t l = 0; l < TL_COUNT(lists); l++)
        json_array_foreach(json_object_get(graph, lists[l]), i, one) {
            const char *type = json_string_value(json_object_get(one, "type"));
            if (type && tl_dtype_parse(type) != TL_DTYPE_NONE)
                add_once(types, json_string(type));
            if (json_is_array(json_object_get(one, "shape")))
                add_once(ranks, json_integer((json_int_t)json_array_size(json_object_get(one, "shape"))));
        }
    for (i = 0; i < TL_COUNT(all); i++)
        add_once(types, json_string(tl_dtype_name(all[i])));
    for (int rank = 0; rank <= RANK_MOST; rank++)
        add_once(ranks, json_integer(rank));
}

/* The one of a list that the runtime takes, where it refuses another one; NULL. */
static int ask(struct declaring *d, const json_t *list, const char *type, const json_t **found,
               struct tl_error *e)
{
    const json_t *one, *taken = NULL;
    bool takes = false, refuses = false;
    int result = 0;
    size_t i;
    json_array_foreach(list, i, one) {
        if (result || (taken && refuses))
            break;
        result = is_taken(d, type ? type : json_string_value(one), type ? (int)json_integer_value(one) : -1,
                          &takes, e);
        taken = takes && !taken ? one : taken;
        refuses = refuses || !takes;
        if (takes && taken != one)
            break; /* it takes any */
    }
    *found = refuses ? taken : NULL;
    return result;
}

static int declare(struct declaring *d, const json_t *graph, const json_t *value, const json_t *ran,
                   struct tl_error *e)
{
    const json_t *seen = json_object_get(ran, d->name),
                 *recorded = seen ? seen : json_object_get(d->s->inputs, d->name),
                 *shape = json_object_get(recorded, "shape"), *found = NULL;
    const char *said = json_string_value(json_object_get(value, "type")),
               *type = said ? said : json_string_value(json_object_get(recorded, "dtype"));
    bool taken = false;
    int result = 0;
    if (said && tl_dtype_parse(said) == TL_DTYPE_NONE)
        return 0; /* of another kind than a tensor */
    if (type && json_is_array(shape))
        result = is_taken(d, type, (int)json_array_size(shape), &taken, e);
    if (taken)
        return keep(d, type, (int)json_array_size(shape));
    json_t *types = json_array(), *ranks = json_array();
    guesses(graph, types, ranks);
    if (!result && !said)
        result = ask(d, types, NULL, &found, e);
    type = said ? said : json_string_value(found);
    found = NULL;
    if (!result && type)
        result = ask(d, ranks, type, &found, e);
    if (!result && type && (found || !said))
        result = keep(d, type, found ? (int)json_integer_value(found) : -1);
    json_decref(types);
    json_decref(ranks);
    return result;
}

/* What outputs a run of the candidate has: NAME -> {dtype, shape}. NULL: it had none. */
static int run_once(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t **ran,
                    struct tl_error *e)
{
    uint64_t number;
    bool kept = false;
    if (tl_reduce_number(s, k, &number, e))
        return -1;
    char *directory = tl_format("%s/values/%llu", s->work, (unsigned long long)number),
         *path = tl_format("%s/result.json", directory);
    int result = !tl_reduce_has_value(directory) && tl_make_parents(directory, 0700) == 0
                     ? tl_reduce_keep_outputs(s, k, s->r->unit, directory, &kept, e)
                     : 0;
    json_t *document = result ? NULL : json_load_file(path, 0, NULL), *output;
    size_t i;
    json_array_foreach(json_object_get(document, "outputs"), i, output) {
        const char *name = json_string_value(json_object_get(output, "name"));
        *ran = *ran ? *ran : json_object();
        if (name)
            json_object_set(*ran, name, output);
    }
    json_decref(document);
    free(path);
    free(directory);
    return result;
}

/* The same with other values, where it does not come to an end with its own. */
static int run_for_types(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t **ran,
                         struct tl_error *e)
{
    const bool ours = !s->judged && !strchr(s->r->unit->runner, '/'); /* its outputs have types */
    int result = ours && s->target.outcome == TL_OUTCOME_WRONG ? run_once(s, k, ran, e) : 0;
    for (size_t turn = 0; turn < 5 && !result && !*ran && !s->stopped && ours; turn++) {
        struct tl_reduce_candidate other;
        if (tl_reduce_beside(s, k, turn, &other))
            result = run_once(s, &other, ran, e);
        tl_reduce_drop(&other);
    }
    return result;
}

int tl_reduce_declare(struct tl_reduce_state *s, struct tl_reduce_candidate *k, enum tl_reduce_verdict wanted,
                      struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, k, &ignored);
    json_t *graph = m ? tl_onnx_outline(m, 1) : NULL, *ran = NULL;
    bool asked = false;
    const json_t *output, *outputs = json_object_get(graph, "outputs"),
                          *values = json_object_get(graph, "values");
    int result = 0;
    size_t i;
    tl_onnx_model_free(m);
    json_array_foreach(outputs, i, output) {
        struct declaring d = {s, k, wanted, json_string_value(json_object_get(output, "name")), 0};
        const json_t *value = d.name ? json_object_get(values, d.name) : NULL;
        bool said = json_object_get(value, "type") && json_object_get(value, "shape");
        if (result || s->stopped || said || !d.name || i >= OUTPUTS_MOST)
            continue;
        if (!asked)
            result = run_for_types(s, k, &ran, e);
        asked = true;
        result = result ? result : declare(&d, graph, value, ran, e);
    }
    json_decref(graph);
    json_decref(ran);
    return result;
}
