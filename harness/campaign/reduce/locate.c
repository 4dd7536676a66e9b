/* Theory of operation. Where a difference begins: values are looked at one at a time, each beside the final output, as what a
 * runtime does changes with what it has to hand out: a fusion over a value that is looked at does not happen. So a row counts
 * only where the final output still differs. Where it does not, looking at the value cures the failure, which is a finding of
 * its own: the value lies inside of what is fused.
 *
 * A value differs where it is off by more than ten times what it is between two good configurations. Values are bisected in an
 * order in which the nodes can run. In a graph with branches that finds one that differs while the one looked at last before it is
 * equal, not the first; so then what its node reads is looked at, and where some of that differs the bisection goes on above
 * it. Values that cannot be looked at, or that cure the failure, are passed: the answer is a region, from values that are equal
 * to the first that differs.
 *
 * What is equal was seen in another run than what differs, and where the same fault is twice in a model the final output still
 * differs when only one of the two is cured. So both ends of a region are looked at in one run as well. Where the first that
 * differs does not there, looking at what is equal cures it, and the region is larger.
 *
 * That value alone accuses nobody: errors that are small add up, and the first that is seen may be an innocent one. The region
 * is run with the recorded values of what is right on both sides. Where it then agrees, the search goes on from the end: the
 * shortest part of the graph, fed with such values, that still makes the final output differ; its first node is the place. */
#include "harness/campaign/reduce/difference.h"

#include "cases/onnx/graph_names.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OF_NOISE 10
#define LEAST_MEASURED 1e-5 /* below that nothing differs, where the noise is known */
#define PASSED_MOST 64      /* values that are passed in one region */
#define ASIDE_MOST 4        /* values in a row that are passed in a bisection */

enum state { UNKNOWN, EQUAL, DIFFERS, CURES, UNSEEN };

static const char *const names_of_states[] = {"unknown", "equal", "differs", "cured", "unseen"};

struct row {
    const char *value;
    const struct tl_onnx_node_facts *node;
    enum state is;
    struct tl_reduce_gap gap;
    double noise; /* negative: not measured */
    bool open;    /* it may be the first */
};

struct table {
    struct tl_onnx_model *m;
    struct tl_onnx_node_facts *nodes;
    size_t n_nodes, n;
    struct row *rows; /* in an order in which they can be made; the last one is the final output */
    struct tl_onnx_names places;
    const char *final;
    json_t *shown; /* rows as they were looked at */
};

static void release(struct table *t)
{
    tl_onnx_names_free(&t->places);
    json_decref(t->shown);
    free(t->rows);
    free(t->nodes);
    tl_onnx_model_free(t->m);
}

/* The values before the final output, and that one as the last. */
static int begin(struct tl_reduce_state *s, struct table *t, struct tl_error *e)
{
    const struct tl_reduce_difference *d = s->difference;
    uint32_t *order = NULL;
    size_t n = 0;
    *t = (struct table){.final = d->output, .shown = json_array()};
    if (!(t->m = tl_reduce_load(s, &s->now, e)))
        return -1;
    tl_onnx_nodes(t->m, &t->nodes, &t->n_nodes);
    tl_onnx_ancestors(t->m, &t->final, 1, &order, &n);
    for (size_t i = 0; i < n; i++) {
        const struct tl_onnx_node_facts *node = tl_onnx_node_numbered(t->nodes, t->n_nodes, order[i]);
        for (size_t k = 0; node && k < node->n_outputs; k++)
            if (*node->outputs[k] && strcmp(node->op_type, "Constant") != 0 &&
                strcmp(node->outputs[k], t->final) != 0)
                *TL_GROW(t->rows, t->n) =
                    (struct row){.value = node->outputs[k],
                                 .node = node,
                                 .is = tl_reduce_in_both(s, node->outputs[k]) ? UNKNOWN : UNSEEN,
                                 .noise = -1,
                                 .open = true};
    }
    *TL_GROW(t->rows, t->n) =
        (struct row){.value = t->final,
                     .node = tl_onnx_node_numbered(t->nodes, t->n_nodes, tl_onnx_maker(t->m, t->final)),
                     .is = DIFFERS,
                     .gap = d->first,
                     .noise = d->noise,
                     .open = true};
    for (size_t i = 0; i < t->n; i++)
        tl_onnx_names_add(&t->places, t->rows[i].value, i);
    free(order);
    return 0;
}

/* --- one row ------------------------------------------------------------------------------------------------------ */

static json_t *real_or_null(double v)
{
    return isfinite(v) && v >= 0 ? json_real(v) : json_null();
}

static void show(struct table *t, const struct row *r)
{
    const char *name = r->node ? r->node->original_name : NULL;
    json_t *j =
        json_pack("{s:s,s:s?,s:s?,s:s}", "value", r->value, "operator", r->node ? r->node->op_type : NULL,
                  "node", name && *name ? name : NULL, "is", names_of_states[r->is]);
    if (r->is == EQUAL || r->is == DIFFERS) {
        json_object_set_new(j, "kind", json_string(tl_reduce_kind_name(r->gap.kind)));
        json_object_set_new(j, "error", real_or_null(r->gap.error));
        json_object_set_new(j, "absolute", real_or_null(r->gap.absolute));
        json_object_set_new(j, "noise", real_or_null(r->noise));
    }
    json_object_set_new(j, "place", json_integer((json_int_t)(r - t->rows)));
    json_array_append_new(t->shown, j);
}

static struct tl_reduce_candidate beside_final(const struct tl_reduce_state *s, const struct table *t,
                                               const char *value)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    const char *names[] = {t->final, value};
    tl_onnx_edit_outputs(&k.edits, names, 2);
    return k;
}

static bool is_beyond_noise(const struct tl_reduce_difference *d, const struct row *r)
{
    const struct tl_reduce_gap *g = &r->gap;
    double least = d->has_tolerance ? d->tolerance : r->noise >= 0 ? LEAST_MEASURED : d->tolerance;
    if (g->kind != TL_REDUCE_FINITE)
        return g->kind != TL_REDUCE_EQUAL;
    if (!isfinite(g->error))
        return true;
    if (g->far && g->error <= d->tolerance) /* whole numbers have to be equal */
        least = 0;
    if (r->noise > 0 && OF_NOISE * r->noise > least)
        least = OF_NOISE * r->noise;
    return g->error > 0 && g->error >= least;
}

static void add_gap(struct row *r, const struct tl_reduce_gap *g)
{
    if (g->kind > r->gap.kind || (g->kind == r->gap.kind && g->error > r->gap.error))
        r->gap = *g;
}

static int look_at(struct tl_reduce_state *s, struct table *t, size_t at, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct row *r = &t->rows[at];
    json_t *in_use = s->inputs;
    bool there = false, seen = true;
    int result = 0;
    if (r->is != UNKNOWN)
        return 0;
    struct tl_reduce_candidate k = beside_final(s, t, r->value);
    for (size_t i = 0; i < (s->n_samples ? s->n_samples : 1) && seen && !result && !s->stopped; i++) {
        json_t *comparison = NULL;
        if (s->n_samples)
            s->inputs = s->samples[i];
        result = tl_reduce_compare(s, &k, NULL, &comparison, e);
        seen = comparison != NULL;
        if (seen) {
            struct tl_reduce_gap final = tl_reduce_gap_in(d, comparison, t->final),
                                 own = tl_reduce_gap_in(d, comparison, r->value);
            there = there || tl_reduce_gap_fails(d, &final);
            /* A runtime may hand out a value on the way in another type than it has in between. */
            seen = own.kind < TL_REDUCE_TYPE ||
                   (own.kind != TL_REDUCE_UNSEEN && d->first.kind >= TL_REDUCE_TYPE);
            add_gap(r, &own);
        }
        json_decref(comparison);
    }
    s->inputs = in_use;
    if (!result && !s->stopped && seen && there && r->gap.kind == TL_REDUCE_FINITE)
        result = tl_reduce_noise(s, &k, r->value, &r->noise, e);
    tl_reduce_drop(&k);
    if (result || s->stopped)
        return result;
    r->is = !seen ? UNSEEN : !there ? CURES : is_beyond_noise(d, r) ? DIFFERS : EQUAL;
    show(t, r);
    char *more = tl_format("%s: %s", r->value, names_of_states[r->is]);
    tl_reduce_tell(s, more);
    free(more);
    return 0;
}

/* --- bisection ---------------------------------------------------------------------------------------------------- */

static bool is_open(const struct row *r)
{
    return r->open && (r->is == UNKNOWN || r->is == EQUAL || r->is == DIFFERS);
}

/* The place in the middle of those between two that are open and were not passed. */
static size_t middle_of(const struct table *t, size_t low, size_t high)
{
    size_t n = 0;
    for (size_t i = low; i < high; i++)
        n += is_open(&t->rows[i]);
    size_t wanted = n / 2;
    for (size_t i = low; i < high && n; i++)
        if (is_open(&t->rows[i]) && !wanted--)
            return i;
    return SIZE_MAX;
}

/* One that differs, while what was looked at last before it does not. */
static int bisect(struct tl_reduce_state *s, struct table *t, size_t *first, struct tl_error *e)
{
    size_t low = 0, high = *first, at;
    int passed = 0;
    while (!s->stopped && passed <= ASIDE_MOST && (at = middle_of(t, low, high)) != SIZE_MAX) {
        if (look_at(s, t, at, e))
            return -1;
        bool differs = t->rows[at].is == DIFFERS, equal = t->rows[at].is == EQUAL;
        if (differs)
            high = at;
        else if (equal)
            low = at + 1;
        passed = differs || equal ? 0 : passed + 1;
    }
    *first = high;
    return 0;
}

/* Only what the value of a row needs may be the first from now on. */
static void keep_above(struct table *t, size_t at)
{
    uint32_t *numbers = NULL;
    size_t n = 0;
    const char *name = t->rows[at].value;
    tl_onnx_ancestors(t->m, &name, 1, &numbers, &n);
    for (size_t i = 0; i < at; i++) {
        bool needed = false;
        for (size_t k = 0; k < n && !needed; k++)
            needed = t->rows[i].node && numbers[k] == t->rows[i].node->number;
        t->rows[i].open = t->rows[i].open && needed;
    }
    free(numbers);
}

/* --- the region --------------------------------------------------------------------------------------------------- */

struct region {
    size_t first;             /* the row that differs */
    bool *inside;             /* rows that were passed */
    bool *border;             /* rows that are equal */
    size_t n_passed, differs; /* differs: a row that was met and differs; SIZE_MAX: none */
};

/* What a value was made of: it is passed where it cannot be told whether it is equal. */
static int walk(struct tl_reduce_state *s, struct table *t, struct region *g, struct tl_error *e)
{
    size_t *waiting = tl_calloc(t->n + 1, sizeof *waiting), n = 0;
    bool *met = tl_calloc(t->n + 1, sizeof *met);
    int result = 0;
    waiting[n++] = g->first;
    g->n_passed = 0;
    g->differs = SIZE_MAX;
    memset(g->inside, 0, t->n * sizeof *g->inside);
    memset(g->border, 0, t->n * sizeof *g->border);
    while (n && !result && !s->stopped && g->differs == SIZE_MAX) {
        const struct tl_onnx_node_facts *node = t->rows[waiting[--n]].node;
        for (size_t i = 0; node && i < node->n_inputs && !result && !s->stopped && g->differs == SIZE_MAX;
             i++) {
            size_t at = *node->inputs[i] ? tl_onnx_names_get(&t->places, node->inputs[i]) : TL_ONNX_NO_NAME;
            if (at == TL_ONNX_NO_NAME || met[at])
                continue;
            met[at] = true;
            result = look_at(s, t, at, e);
            if (result || s->stopped)
                break;
            if (t->rows[at].is == DIFFERS)
                g->differs = at;
            else if (t->rows[at].is == EQUAL || g->n_passed >= PASSED_MOST)
                g->border[at] = true;
            else {
                g->inside[at] = true;
                g->n_passed++;
                waiting[n++] = at;
            }
        }
    }
    free(met);
    free(waiting);
    return result;
}

static bool is_end(const struct table *t, const struct region *g, size_t i)
{
    return g->border[i] && t->rows[i].is == EQUAL;
}

/* Whether the first still differs where it is looked at beside what is equal: all of that, or one of it. */
static int differs_beside(struct tl_reduce_state *s, const struct table *t, const struct region *g,
                          size_t one, bool *differs, struct tl_error *e)
{
    struct row first = t->rows[g->first];
    const char **names = tl_calloc(t->n + 2, sizeof *names);
    json_t *in_use = s->inputs;
    size_t n = 0;
    bool seen = true;
    int result = 0;
    names[n++] = t->final;
    names[n++] = first.value;
    for (size_t i = 0; i < t->n; i++)
        if (is_end(t, g, i) && (one == SIZE_MAX || one == i))
            names[n++] = t->rows[i].value;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    tl_onnx_edit_outputs(&k.edits, names, n);
    *differs = false;
    for (size_t i = 0; i < (s->n_samples ? s->n_samples : 1) && seen && !*differs && !result && !s->stopped;
         i++) {
        json_t *comparison = NULL;
        if (s->n_samples)
            s->inputs = s->samples[i];
        result = tl_reduce_compare(s, &k, NULL, &comparison, e);
        if ((seen = comparison != NULL)) {
            first.gap = tl_reduce_gap_in(s->difference, comparison, first.value);
            *differs = is_beyond_noise(s->difference, &first);
        }
        json_decref(comparison);
    }
    s->inputs = in_use;
    *differs = *differs || !seen; /* nothing is known that says otherwise */
    tl_reduce_drop(&k);
    free(names);
    return result;
}

static void now_cures(struct table *t, size_t at)
{
    static const char *const measured[] = {"kind", "error", "absolute", "noise"};
    json_t *j;
    size_t i;
    t->rows[at].is = CURES;
    json_array_foreach(t->shown, i, j) {
        if (json_integer_value(json_object_get(j, "place")) != (json_int_t)at)
            continue;
        json_object_set_new(j, "is", json_string(names_of_states[CURES]));
        for (size_t k = 0; k < TL_COUNT(measured); k++)
            json_object_del(j, measured[k]);
    }
}

/* *grows: something that was equal cures the first that differs, and does not bound the region. */
static int check_ends(struct tl_reduce_state *s, struct table *t, const struct region *g, bool *grows,
                      struct tl_error *e)
{
    size_t n = 0, cure = 0;
    bool differs = true, *cures = tl_calloc(t->n + 1, sizeof *cures);
    int result = 0;
    for (size_t i = 0; i < t->n; i++)
        n += is_end(t, g, i);
    if (n && g->first + 1 < t->n) /* beside the final output each was looked at already */
        result = differs_beside(s, t, g, SIZE_MAX, &differs, e);
    *grows = !result && !s->stopped && !differs;
    for (size_t i = 0; i < t->n && *grows && n > 1 && !result && !s->stopped; i++)
        if (is_end(t, g, i)) {
            result = differs_beside(s, t, g, i, &differs, e);
            cures[i] = !differs;
            cure += cures[i];
        }
    *grows = *grows && !result && !s->stopped;
    for (size_t i = 0; i < t->n && *grows; i++)
        if (is_end(t, g, i) && (!cure || cures[i]))
            now_cures(t, i);
    free(cures);
    return result;
}

static int find_region(struct tl_reduce_state *s, struct table *t, struct region *g, struct tl_error *e)
{
    g->first = t->n - 1;
    for (;;) {
        bool grows = true;
        if (bisect(s, t, &g->first, e))
            return -1;
        while (grows && !s->stopped) {
            grows = false;
            if (walk(s, t, g, e) || (!s->stopped && g->differs == SIZE_MAX && check_ends(s, t, g, &grows, e)))
                return -1;
        }
        if (s->stopped || g->differs == SIZE_MAX)
            return 0;
        g->first = g->differs; /* further up, in each turn */
        keep_above(t, g->first);
    }
}

static json_t *names_of(const struct table *t, const bool *chosen, enum state is)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++)
        if (chosen[i] && t->rows[i].is == is)
            json_array_append_new(list, json_string(t->rows[i].value));
    return list;
}

static json_t *node_json(const struct row *r)
{
    const char *name = r->node ? r->node->original_name : NULL;
    return json_pack("{s:s?,s:s?,s:s}", "operator", r->node ? r->node->op_type : NULL, "node",
                     name && *name ? name : NULL, "makes", r->value);
}

static json_t *region_json(const struct table *t, const struct region *g)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < t->n; i++)
        if (g->inside[i] || i == g->first)
            json_array_append_new(nodes, node_json(&t->rows[i]));
    return json_pack("{s:o,s:s,s:o,s:o,s:o}", "from", names_of(t, g->border, EQUAL), "to",
                     t->rows[g->first].value, "nodes", nodes, "cured_by", names_of(t, g->inside, CURES),
                     "unseen", names_of(t, g->inside, UNSEEN));
}

/* --- who is accused ------------------------------------------------------------------------------------------------ */

static int end_at(struct tl_reduce_state *s, const struct row *r, bool *ends, struct tl_error *e)
{
    return tl_reduce_end_at(s, r->value, &r->gap, r->noise, ends, e);
}

/* The region, with the values that go into it as they are where it is right. */
static int accuse(struct tl_reduce_state *s, const struct table *t, const struct region *g, bool *accused,
                  struct tl_error *e)
{
    const char **names = tl_calloc(t->n + 1, sizeof *names);
    size_t n = 0;
    bool all = true;
    enum tl_reduce_verdict v = TL_REDUCE_FAIL; /* of the inputs alone: it was tried */
    for (size_t i = 0; i < t->n; i++)
        if (g->border[i])
            names[n++] = t->rows[i].value;
    int result = n ? tl_reduce_record(s, &s->now, names, n, &all, e) : 0;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    if (!result && n && !s->stopped) {
        v = TL_REDUCE_INVALID;
        if (all && tl_reduce_begin_at(s, &k, names, n))
            result = tl_reduce_try(s, &k, &v, e);
    }
    *accused = !result && v == TL_REDUCE_FAIL;
    if (*accused && n) { /* until less of it fails so */
        s->recorded = true;
        tl_reduce_take(&s->model, &k);
    }
    tl_reduce_drop(&k);
    free(names);
    return result;
}

/* --- from the end ---------------------------------------------------------------------------------------------------- */

static int try_suffix(struct tl_reduce_state *s, struct tl_onnx_model *m, size_t place, bool *fails,
                      struct tl_error *e)
{
    const char **needed = NULL, **names = NULL;
    size_t n_needed = 0, n = 0;
    bool all = false;
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    tl_onnx_needed(m, place, &needed, &n_needed);
    tl_reduce_known_in_both(s, m, needed, n_needed, &names, &n);
    int result = tl_reduce_record(s, &s->now, names, n, &all, e);
    if (!result && all && !s->stopped && tl_reduce_begin_at(s, &k, names, n))
        result = tl_reduce_try(s, &k, &v, e);
    *fails = !result && v == TL_REDUCE_FAIL;
    tl_reduce_drop(&k);
    free(needed);
    free(names);
    return result;
}

/* The shortest part before the final output that makes it differ by itself; it begins with the node that is accused. */
static int from_the_end(struct tl_reduce_state *s, struct table *t, size_t *row, struct tl_error *e)
{
    uint32_t *order = NULL;
    size_t n = 0, low = 0, high;
    int result = 0;
    struct tl_onnx_model *m = tl_reduce_load(s, &s->now, e);
    *row = SIZE_MAX;
    if (!m)
        return -1;
    tl_onnx_order(m, &order, &n);
    high = n;
    while (high - low > 1 && !result && !s->stopped) {
        size_t middle = low + (high - low) / 2;
        bool fails = false;
        char *more = tl_format("the last %zu nodes", n - middle);
        tl_reduce_tell(s, more);
        free(more);
        result = try_suffix(s, m, middle, &fails, e);
        if (fails)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = 0; i < t->n && n && low && !s->stopped && *row == SIZE_MAX; i++)
        if (t->rows[i].node && t->rows[i].node->number == order[low])
            *row = i;
    free(order);
    tl_onnx_model_free(m);
    return result;
}

/* --- all of it --------------------------------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "place")),
               y = json_integer_value(json_object_get(*(json_t *const *)b, "place"));
    return (x > y) - (x < y);
}

/* In the order of the graph, and not in that in which they were looked at. */
static json_t *sorted(const json_t *rows)
{
    size_t n = json_array_size(rows);
    json_t **list = tl_calloc(n + 1, sizeof(json_t *)), *made = json_array();
    for (size_t i = 0; i < n; i++)
        list[i] = json_deep_copy(json_array_get(rows, i));
    qsort(list, n, sizeof *list, by_place);
    for (size_t i = 0; i < n; i++) {
        json_object_del(list[i], "place");
        json_array_append_new(made, list[i]);
    }
    free(list);
    return made;
}

static int locate(struct tl_reduce_state *s, struct table *t, json_t *where, struct tl_error *e)
{
    struct region g = {.inside = tl_calloc(t->n + 1, sizeof(bool)),
                       .border = tl_calloc(t->n + 1, sizeof(bool))};
    bool ends = false, accused = false;
    size_t row = SIZE_MAX;
    int result = find_region(s, t, &g, e);
    show(t, &t->rows[t->n - 1]);
    if (!result && !s->stopped) {
        json_t *region = region_json(t, &g);
        struct tl_reduce_candidate before = tl_reduce_copy(&s->now);
        struct tl_reduce_gap first = s->difference->first;
        double noise = s->difference->noise;
        result = end_at(s, &t->rows[g.first], &ends, e);
        if (!result && ends && !s->stopped)
            result = accuse(s, t, &g, &accused, e);
        json_object_set_new(region, "accused", json_boolean(accused));
        json_object_set_new(where, "region", region);
        if (!result && !accused && !s->stopped && g.first + 1 < t->n) { /* it is innocent: from the end */
            tl_reduce_take(&s->now, &before);
            tl_reduce_gap_target(s, &first, t->final, noise);
            result = tl_reduce_only_final(s, e) || from_the_end(s, t, &row, e) ? -1 : 0;
        }
        if (!result && row != SIZE_MAX && !s->stopped)
            result = look_at(s, t, row, e);
        /* What it makes may be right where it is looked at: that is said of it, but the model cannot end there. */
        if (!result && row != SIZE_MAX && !s->stopped) {
            json_object_set_new(where, "from_the_end", node_json(&t->rows[row]));
            if (t->rows[row].is == DIFFERS && row + 1 < t->n)
                result = end_at(s, &t->rows[row], &ends, e);
        }
        tl_reduce_drop(&before);
    }
    json_object_set_new(where, "table", sorted(t->shown));
    free(g.inside);
    free(g.border);
    return result;
}

static json_t *innermost(json_t *where)
{
    for (json_t *in; (in = json_object_get(where, "inside"));)
        where = in;
    return where;
}

int tl_reduce_locate(struct tl_reduce_state *s, struct tl_error *e)
{
    struct tl_reduce_difference *d = s->difference;
    struct table t;
    json_t *where = json_object();
    tl_reduce_step(s, "first difference");
    tl_reduce_tell(s, "");
    int result = tl_reduce_only_final(s, e);
    if (!result && !s->stopped) {
        char *final = tl_strdup(d->output); /* the target changes on the way */
        result = begin(s, &t, e);
        t.final = final;
        if (!result)
            t.rows[t.n - 1].value = final;
        if (!result)
            result = locate(s, &t, where, e);
        release(&t);
        free(final);
    }
    /* Of what was opened later the region is said as one inside of the first. */
    if (!d->where)
        d->where = json_incref(where);
    else if (json_object_get(where, "region"))
        json_object_set(innermost(d->where), "inside", where);
    json_decref(where);
    s->nodes = tl_reduce_count(s, &s->now);
    return result;
}
