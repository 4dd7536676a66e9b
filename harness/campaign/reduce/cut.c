/* Where the failure ends, and where it begins.
 *
 * Execution stops at a node: what runs behind it does not matter. So the shortest prefix that fails is found by bisection, and
 * its last node is where the failure ends; what that node does not need leaves with its outputs being the only ones. Then the node
 * is tried alone, with the inputs that it had in a run of the part before it. */
#include "harness/campaign/reduce/parts.h"

#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"
#include "harness/base/plural.h"
#include "harness/search/prefix.h"

#include <stdlib.h>
#include <string.h>

/* A step ends with how many nodes were left when the next one begins. */
void tl_reduce_step(struct tl_reduce_state *s, const char *name)
{
    if (s->step) {
        double began = json_real_value(json_object_get(s->step, "elapsed_s")),
               now = tl_awake_since(s->r->started_ns);
        json_object_set_new(s->step, "elapsed_s", json_real(now - began));
    }
    if (s->step) {
        const bool structural = json_is_true(json_object_get(s->step, "structural"));
        const size_t nodes = structural ? tl_reduce_count(s, &s->now) : s->nodes;
        s->weights = tl_reduce_bytes(s, s->model.edits.list && !structural ? &s->model : &s->now);
        json_object_set_new(s->step, "nodes", json_integer((json_int_t)nodes));
        json_object_set_new(s->step, "bytes", json_integer((json_int_t)s->weights));
    }
    s->step = NULL;
    if (!name)
        return;
    s->step = json_pack("{s:s,s:i,s:i,s:i,s:f}", "step", name, "trials", 0, "rejected", 0, "invalid", 0,
                        "elapsed_s", tl_awake_since(s->r->started_ns));
    if (s->second)
        json_object_set_new(s->step, "structural", json_true());
    json_array_append_new(s->steps, s->step);
}

/* "1.2 MiB". */
static const char *size_words(uint64_t bytes, char words[24])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1024 && unit + 1 < TL_COUNT(units); unit++)
        size /= 1024;
    snprintf(words, 24, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return words;
}

void tl_reduce_tell_cost(const struct tl_reduce_state *s, const char *more, unsigned trials, bool at_most)
{
    char size[24], cost[80] = "", weights[40] = "";
    double elapsed = tl_awake_since(s->r->started_ns);
    uint64_t n = s->n_run + s->n_cached;
    if (trials && s->n_run)
        snprintf(cost, sizeof cost, ", %s %u more (%.0f s)", at_most ? "at most" : "about", trials,
                 trials * elapsed / (double)s->n_run);
    else if (trials)
        snprintf(cost, sizeof cost, ", %s %u more", at_most ? "at most" : "about", trials);
    if (s->weights_before)
        snprintf(weights, sizeof weights, ", %s", size_words(s->weights, size));
    tl_watch_line(s->r->watch, "reduce: %zu of %zu nodes%s left; %s%s%s; %llu trial%s%s; %.0f s", s->nodes,
                  s->nodes_before, weights,
                  s->step ? json_string_value(json_object_get(s->step, "step")) : "begin", *more ? ", " : "",
                  more, (unsigned long long)n, tl_plural(n), cost, elapsed);
}

void tl_reduce_tell(const struct tl_reduce_state *s, const char *more)
{
    tl_reduce_tell_cost(s, more, 0, false);
}

static bool has_constants(const struct tl_reduce_state *s)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, &ignored);
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0;
    bool any = false;
    if (m)
        tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < n && !any; i++)
        any = !strcmp(nodes[i].op_type, "Constant") && !*nodes[i].domain;
    free(nodes);
    tl_onnx_model_free(m);
    return any;
}

/* Nodes Constant are half of some models, and none of them is a cause by itself. */
int tl_reduce_fold(struct tl_reduce_state *s, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    s->folds = true;
    if (!has_constants(s))
        return 0;
    tl_reduce_step(s, "constants");
    tl_reduce_tell(s, "");
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    tl_onnx_edit_fold(&k.edits, true);
    int result = tl_reduce_try(s, &k, &v, e);
    s->folds = !result && v == TL_REDUCE_FAIL;
    if (!result && v == TL_REDUCE_FAIL)
        tl_reduce_take(&s->now, &k);
    tl_reduce_drop(&k);
    s->nodes = tl_reduce_count(s, &s->now);
    return result;
}

/* The number of nodes of the main graph, and the last of them. */
static size_t order_of(const struct tl_reduce_state *s, struct tl_onnx_model **m, uint32_t *last)
{
    struct tl_error ignored;
    uint32_t *numbers = NULL;
    size_t n = 0;
    *last = TL_ONNX_NOWHERE;
    if ((*m = tl_reduce_load(s, &s->now, &ignored)))
        tl_onnx_order(*m, &numbers, &n);
    if (n)
        *last = numbers[n - 1];
    free(numbers);
    return n;
}

struct ahead {
    const struct tl_reduce_state *s;
    struct tl_prefix p;
    size_t length; /* that is tried now */
};

/* After the answers that the digits of i + 2 say, the first of which is left out: 10 fails, 11 passes, 100 fails twice. That it
 * fails is no likelier, but the model that is tried then is smaller. */
static int guess_prefix(void *arg, size_t i, struct tl_reduce_candidate *k)
{
    const struct ahead *a = arg;
    struct tl_prefix p = a->p;
    size_t length = a->length, answers = i + 2, digit = 1;
    while (digit * 2 <= answers)
        digit *= 2;
    while (digit > 1) {
        digit /= 2;
        tl_prefix_tell(&p, length, !(answers & digit));
        if (!tl_prefix_next(&p, &length))
            return 0;
    }
    *k = tl_reduce_copy(&a->s->now);
    tl_onnx_edit_prefix(&k->edits, length, NULL, 0);
    return 1;
}

static int bisect(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_model *m;
    uint32_t last;
    struct tl_prefix p;
    size_t length, n = order_of(s, &m, &last);
    int result = 0;
    tl_onnx_model_free(m);
    if (!n)
        return 0;
    struct tl_reduce_candidate best = {0};
    tl_prefix_begin(&p, n);
    while (!result && !s->stopped && tl_prefix_next(&p, &length)) {
        char more[64];
        enum tl_reduce_verdict v;
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        snprintf(more, sizeof more, "the first %zu", length);
        tl_reduce_tell_cost(s, more, tl_prefix_left(&p), true);
        tl_onnx_edit_prefix(&k.edits, length, NULL, 0);
        struct ahead ahead = {s, p, length};
        tl_reduce_guesses(s, guess_prefix, &ahead);
        result = tl_reduce_try(s, &k, &v, e);
        if (result || s->stopped) {
            tl_reduce_drop(&k);
            break;
        }
        tl_prefix_tell(&p, length, v == TL_REDUCE_FAIL);
        if (v == TL_REDUCE_FAIL) {
            tl_reduce_take(&best, &k);
            s->nodes = tl_reduce_count(s, &best);
        }
        tl_reduce_drop(&k);
    }
    if (best.edits.list)
        tl_reduce_take(&s->now, &best);
    tl_reduce_drop(&best);
    s->nodes = tl_reduce_count(s, &s->now);
    return result;
}

/* The names of a list that are not empty. */
static size_t named(char *const *list, size_t n, const char **names)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (*list[i])
            names[kept++] = list[i];
    return kept;
}

/* Only what the last node needs, and nothing where there is nothing else. */
static int only_last(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_onnx_model *m;
    uint32_t last, *needed = NULL;
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n_nodes = 0, n_needed = 0, n_old = 0, n = order_of(s, &m, &last);
    const char **old = NULL;
    int result = 0;
    if (!n) {
        tl_onnx_model_free(m);
        return 0;
    }
    tl_onnx_nodes(m, &nodes, &n_nodes);
    const struct tl_onnx_node_facts *node = tl_onnx_node_numbered(nodes, n_nodes, last);
    const char **names = tl_calloc(node ? node->n_outputs + 1 : 1, sizeof *names);
    size_t n_names = node ? named(node->outputs, node->n_outputs, names) : 0;
    tl_onnx_ancestors(m, names, n_names, &needed, &n_needed);
    tl_onnx_outputs(m, &old, &n_old);
    bool same = n_old == n_names;
    for (size_t i = 0; i < n_names && same; i++)
        same = !strcmp(old[i], names[i]);
    if (n_names && !(same && n_needed == n)) {
        enum tl_reduce_verdict v;
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        tl_onnx_edit_outputs(&k.edits, names, n_names);
        result = tl_reduce_try(s, &k, &v, e);
        if (!result && v == TL_REDUCE_FAIL)
            tl_reduce_take(&s->now, &k);
        tl_reduce_drop(&k);
    }
    free(old);
    free(needed);
    free(names);
    free(nodes);
    tl_onnx_model_free(m);
    s->nodes = tl_reduce_count(s, &s->now);
    return result;
}

int tl_reduce_end(struct tl_reduce_state *s, struct tl_error *e)
{
    tl_reduce_step(s, "end");
    if (bisect(s, e))
        return -1;
    if (s->stopped)
        return 0;
    tl_reduce_step(s, "outputs");
    tl_reduce_tell(s, "");
    return only_last(s, e);
}

/* With what was recorded as inputs of the very shapes; where that is refused, or fails otherwise, in the other ways: shapes that
 * the original does not say may be found wrong before anything runs, and what fails while a session is made needs tensors of
 * the model. What was tried then and can be run is how later steps begin. */
static int try_alone(struct tl_reduce_state *s, const char *const *names, size_t n_names, size_t n_nodes,
                     bool *found, bool *alone, struct tl_error *e)
{
    const bool early = s->target.phase < TL_PHASE_EXECUTE;
    const enum tl_reduce_beginning ways[] = {TL_REDUCE_BEGIN_FIXED,
                                             early ? TL_REDUCE_BEGIN_CONSTANT : TL_REDUCE_BEGIN_OPEN,
                                             early ? TL_REDUCE_BEGIN_OPEN : TL_REDUCE_BEGIN_FIXED};
    enum tl_reduce_beginning best = TL_REDUCE_BEGIN_FIXED;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = 0;
    for (size_t i = 0; i < TL_COUNT(ways) && !result && !s->stopped && !*found; i++) {
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        s->begins = ways[i];
        if (i && (ways[i] == TL_REDUCE_BEGIN_FIXED || (v == TL_REDUCE_PASS && !early))) {
            tl_reduce_drop(&k);
            break;
        }
        /* Where other nodes make outputs that matter, they are still there, and it is not alone. Nor is it with what the model
         * that is right has no like of: so it may be less, all the same. */
        size_t n_left = tl_reduce_begin_at(s, &k, names, n_names) ? tl_reduce_main_nodes(s, &k) : 0;
        bool one = n_left == 1 || (n_left && n_left < n_nodes && tl_reduce_other_graph(s));
        if (one)
            result = tl_reduce_try(s, &k, &v, e);
        if (one && !result && v == TL_REDUCE_FAIL) {
            *found = true;
            *alone = n_left == 1;
            tl_reduce_take(&s->model, &k);
            s->nodes = tl_reduce_count(s, &s->model);
        }
        if (one && (v == TL_REDUCE_PASS || v == TL_REDUCE_FAIL))
            best = ways[i];
        tl_reduce_drop(&k);
        if (!one && !i)
            break;
    }
    s->begins = best;
    return result;
}

/* What all nodes before the last make is asked for sooner or later, so one run does for both. *wanted: of names, those that
 * became known by that. */
static int record_all(struct tl_reduce_state *s, struct tl_onnx_model *m, const char *const *names, size_t n,
                      json_t *wanted, struct tl_error *e)
{
    struct tl_onnx_node_facts *nodes = NULL;
    uint32_t *order = NULL;
    size_t n_nodes = 0, n_order = 0, n_all = 0;
    const char **all = NULL;
    if (s->difference) /* what is looked at there is asked for by itself */
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!json_object_get(s->inputs, names[i]))
            json_object_set_new(wanted, names[i], json_null());
    tl_onnx_nodes(m, &nodes, &n_nodes);
    tl_onnx_order(m, &order, &n_order);
    for (size_t i = 0; i + 1 < n_order; i++) {
        const struct tl_onnx_node_facts *node = tl_onnx_node_numbered(nodes, n_nodes, order[i]);
        for (size_t o = 0; node && o < node->n_outputs; o++)
            if (*node->outputs[o])
                *TL_GROW(all, n_all) = node->outputs[o];
    }
    int result = tl_reduce_record_beforehand(s, &s->now, all, n_all, e);
    const char *name;
    json_t *unused;
    void *next;
    json_object_foreach_safe(wanted, next, name, unused) {
        json_t *known = json_object_get(s->inputs, name);
        if (known)
            json_object_set(wanted, name, known);
        else
            json_object_del(wanted, name);
    }
    free(all);
    free(order);
    free(nodes);
    return result;
}

/* A runtime may compute others where it has to hand out everything. So what was recorded with the rest is recorded by itself.
 * *differs: some of it is not the same. */
static int record_again(struct tl_reduce_state *s, const char *const *names, size_t n, const json_t *known,
                        bool *differs, struct tl_error *e)
{
    const char *name;
    json_t *before;
    bool all = false;
    json_object_foreach((json_t *)(uintptr_t)known, name, before)
        json_object_del(s->inputs, name);
    int result = tl_reduce_record(s, &s->now, names, n, &all, e);
    *differs = false;
    json_object_foreach((json_t *)(uintptr_t)known, name, before) {
        const json_t *now = json_object_get(s->inputs, name);
        char hashes[2][TL_SHA256_SIZE] = {"", ""};
        const char *files[] = {json_string_value(json_object_get(before, "npy")),
                               json_string_value(json_object_get(now, "npy"))};
        for (int i = 0; i < 2 && now; i++)
            if (!files[i] || tl_hash_file(files[i], hashes[i]))
                *hashes[i] = '\0';
        *differs = *differs || (now && strcmp(hashes[0], hashes[1]) != 0);
        if (!now)
            json_object_set(s->inputs, name, before);
    }
    return result;
}

int tl_reduce_alone(struct tl_reduce_state *s, bool *alone, struct tl_error *e)
{
    struct tl_onnx_model *m;
    uint32_t last;
    const char **needed = NULL, **names = NULL;
    size_t n_needed = 0, n_names = 0, n = order_of(s, &m, &last);
    bool all = false, made = false;
    json_t *by_the_way = json_object();
    int result = 0;
    *alone = n == 1;
    if (n > 1) {
        tl_reduce_step(s, "begin");
        tl_reduce_tell(s, "recording");
        tl_onnx_needed(m, n - 1, &needed, &n_needed);
        tl_reduce_known_in_both(s, m, needed, n_needed, &names, &n_names);
        for (size_t i = 0; i < n_names; i++)
            made = made || tl_onnx_maker(m, names[i]) != TL_ONNX_NOWHERE;
        result = record_all(s, m, names, n_names, by_the_way, e);
        if (!result && !s->stopped)
            result = tl_reduce_record(s, &s->now, names, n_names, &all, e);
    }
    if (n > 1 && !result && all && !s->stopped) {
        bool found = false, differs = false;
        tl_reduce_tell(s, "one node alone");
        result = try_alone(s, names, n_names, n, &found, alone, e);
        if (!found && !result && !s->stopped && json_object_size(by_the_way))
            result = record_again(s, names, n_names, by_the_way, &differs, e);
        if (differs && !result && !s->stopped)
            result = try_alone(s, names, n_names, n, &found, alone, e);
        s->recorded = found ? made : s->recorded; /* else of the region, where that fails so */
    } else if (n > 1 && !result && !s->stopped) {
        json_object_set_new(s->step, "why", json_string("what goes into the node could not be recorded"));
    }
    free(needed);
    free(names);
    json_decref(by_the_way);
    tl_onnx_model_free(m);
    return result;
}
