/* The nodes in between, as a set (harness/search/subset.h): those before the last one, which always stays.
 *
 * The set is minimised in two ways, for two models. In the one that is fed from the original's inputs only a node leaves by
 * handing on a value that was made earlier (graph.c says which); nodes for which there is none leave only where
 * nothing needs them any more. In the other one, which is searched where the last node does not fail alone, what the nodes
 * that left had made becomes inputs, with the values that were recorded: that is always a model of the right types.
 *
 * Most failures are of values. So the first that is tried is whether the nodes that change nothing can all leave at once: those
 * that hand on the very elements that they make. Where most nodes do change something the search is told instead that those are
 * likelier (likely.c). What is needed with recorded values is tried without the others before that. What is left after the search
 * is looked at once more, node by node (look.c), and what has bodies is opened and searched itself. */
#include "harness/campaign/reduce/graph.h"
#include "harness/campaign/reduce/values.h"

#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/search/subset.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS_MOST 100 /* of bodies in bodies */
#define AHEAD_MOST 30   /* tests that are asked for ahead of one */
#define MOST_NEUTRAL                                                                                         \
    4 /* nodes of which one at most changes something, so that the others are tried to leave at once */

/* A search: which nodes may leave, and which are kept in a test. */
struct choice {
    struct tl_reduce_graph g;
    size_t n_elements, *elements; /* places of the nodes that may leave in this search */
    bool *kept;                   /* of all nodes */
};

static void release(struct choice *c)
{
    tl_reduce_graph_free(&c->g);
    free(c->elements);
    free(c->kept);
    *c = (struct choice){.n_elements = 0};
}

/* The graph of the smallest that is fed from the original's inputs. */
static int read_now(struct tl_reduce_state *s, struct choice *c, struct tl_error *e)
{
    release(c);
    int result = tl_reduce_graph_read(s, &s->now, &c->g, e);
    c->kept = tl_calloc(c->g.n + 1, sizeof *c->kept);
    c->elements = tl_calloc(c->g.n + 1, sizeof *c->elements);
    return result;
}

/* recorded: … whose values are known, of those that leave by becoming inputs; NULL: those that leave by a bypass. */
static void find_elements(struct choice *c, const json_t *recorded)
{
    const struct tl_reduce_graph *g = &c->g;
    bool by_bypass = !recorded;
    c->n_elements = 0;
    for (size_t i = 0; i + 1 < g->n; i++) {
        bool leaves = true;
        for (size_t k = 0; by_bypass && leaves && k < g->nodes[i]->n_outputs; k++) {
            const struct tl_reduce_value *v = tl_reduce_graph_value(g, g->nodes[i]->outputs[k]);
            leaves = !v || !v->n_readers || g->ways[v - g->values];
        }
        for (size_t k = 0; recorded && leaves && k < g->nodes[i]->n_outputs; k++) {
            const struct tl_reduce_value *v = tl_reduce_graph_value(g, g->nodes[i]->outputs[k]);
            leaves = !v || !v->n_readers || json_object_get(recorded, v->name);
        }
        if (leaves)
            c->elements[c->n_elements++] = i;
    }
}

/* What stands for a value when nodes have left: what the first kept one of those that it is handed on from makes. NULL: an
 * input, or nothing. */
static const struct tl_reduce_value *kept_for(const struct choice *c, const struct tl_reduce_value *v)
{
    while (v && v->maker != TL_ONNX_NO_NAME && !c->kept[v->maker])
        v = c->g.ways[v - c->g.values];
    return v && v->maker != TL_ONNX_NO_NAME ? v : NULL;
}

/* The outputs of the model hold their nodes: of a node that leaves, what it hands on is the output. */
static void move_outputs(const struct choice *c, struct tl_reduce_candidate *k)
{
    const char **old = NULL, **names;
    size_t n_old = 0, n = 0;
    bool moved = false;
    tl_onnx_outputs(c->g.m, &old, &n_old);
    names = tl_calloc(n_old + 1, sizeof *names);
    for (size_t i = 0; i < n_old; i++) {
        const struct tl_reduce_value *own = tl_reduce_graph_value(&c->g, old[i]), *v = kept_for(c, own);
        bool there = false;
        moved = moved || v != own;
        for (size_t at = 0; v && at < n; at++)
            there = there || !strcmp(names[at], v->name);
        if (v && !there)
            names[n++] = v->name;
    }
    if (moved && n)
        tl_onnx_edit_outputs(&k->edits, names, n);
    free(names);
    free(old);
}

static bool bypass_others(const struct choice *c, struct tl_reduce_candidate *k)
{
    const struct tl_reduce_graph *g = &c->g;
    struct tl_onnx_way *list = NULL;
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t o = 0; !c->kept[i] && o < g->nodes[i]->n_outputs; o++) {
            const struct tl_reduce_value *v = tl_reduce_graph_value(g, g->nodes[i]->outputs[o]);
            if (v && v->n_readers)
                *TL_GROW(list, n) = (struct tl_onnx_way){
                    .node = g->nodes[i]->number, .from = g->ways[v - g->values]->name, .output = (uint32_t)o};
        }
    if (n)
        tl_onnx_edit_bypass(&k->edits, list, n);
    move_outputs(c, k);
    free(list);
    return true;
}

/* What the last node makes, and what kept nodes make for none that is kept: else they would leave with those that read it. */
static void keep_ends(const struct choice *c, struct tl_reduce_candidate *k)
{
    const struct tl_reduce_graph *g = &c->g;
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    bool others = false;
    for (size_t i = 0; i < g->n_values; i++) {
        const struct tl_reduce_value *v = &g->values[i];
        bool read = false, last = v->maker == g->n - 1;
        for (size_t r = 0; r < v->n_readers && !read; r++)
            read = c->kept[v->readers[r]];
        if (v->maker == TL_ONNX_NO_NAME || !c->kept[v->maker] || (read && !last))
            continue;
        others = others || !last;
        names[n++] = v->name;
    }
    if (others)
        tl_onnx_edit_outputs(&k->edits, names, n);
    free(names);
}

static bool begin_at_others(const struct tl_reduce_state *s, const struct choice *c,
                            struct tl_reduce_candidate *k)
{
    const struct tl_reduce_graph *g = &c->g;
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < g->n_values; i++) {
        const struct tl_reduce_value *v = &g->values[i];
        bool read = false;
        for (size_t r = 0; r < v->n_readers && !read; r++)
            read = c->kept[v->readers[r]];
        if (read && v->maker != TL_ONNX_NO_NAME && !c->kept[v->maker])
            names[n++] = v->name;
    }
    keep_ends(c, k);
    bool known = tl_reduce_begin_at(s, k, names, n);
    free(names);
    return known;
}

/* Which elements of a test are kept; all that are none are. */
static void keep(struct choice *c, const struct tl_subset_range *ranges, size_t n)
{
    for (size_t i = 0; i < c->g.n; i++)
        c->kept[i] = true;
    for (size_t i = 0; i < c->n_elements; i++)
        c->kept[c->elements[i]] = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = ranges[i].first; k <= ranges[i].last && k < c->n_elements; k++)
            c->kept[c->elements[k]] = true;
}

/* What the set engine would ask for after each answer: it is told that nothing came of it, and asks again when that is so. */
struct ahead {
    const struct tl_reduce_state *s;
    struct choice *c;
    struct tl_subset *set;
    bool by_bypass;
    size_t n;
    uint64_t ids[AHEAD_MOST];
};

static int guess_part(void *arg, size_t i, struct tl_reduce_candidate *k)
{
    struct ahead *a = arg;
    struct tl_subset_test test;
    (void)i;
    if (a->n == AHEAD_MOST || tl_subset_next(a->set, &test) != TL_SUBSET_TEST)
        return -1;
    a->ids[a->n++] = test.id;
    if (test.kept == a->c->n_elements)
        return 0;
    keep(a->c, test.ranges, test.n_ranges);
    *k = tl_reduce_copy(&a->s->now);
    return a->by_bypass ? bypass_others(a->c, k) : begin_at_others(a->s, a->c, k);
}

/* Of a search for one cause more among so many, and its removal at the end. */
static unsigned trials_left(size_t open)
{
    unsigned n = 1;
    for (; open; open /= 2)
        n++;
    return n;
}

/* Shapes that the original does not say may be found wrong before anything runs. So what ended before the original fails is tried
 * once more with recorded values of other shapes than theirs. Where it fails then, that is the candidate, and how those after it
 * begin. */
static int try_open(struct tl_reduce_state *s, const struct choice *c, struct tl_reduce_candidate *k,
                    enum tl_reduce_verdict *v, struct tl_error *e)
{
    static const enum tl_reduce_beginning ways[] = {TL_REDUCE_BEGIN_LISTS, TL_REDUCE_BEGIN_OPEN,
                                                    TL_REDUCE_BEGIN_FIXED};
    const enum tl_reduce_beginning before = s->begins;
    int result = 0;
    if (s->target.phase < TL_PHASE_EXECUTE || s->judged || s->difference)
        return 0;
    for (size_t i = 0; i < TL_COUNT(ways) && !result; i++) {
        if ((*v != TL_REDUCE_OTHER && *v != TL_REDUCE_INVALID) || s->reached >= s->target.phase)
            break;
        if (ways[i] == before)
            continue;
        struct tl_reduce_candidate open = tl_reduce_copy(&s->now);
        s->begins = ways[i];
        if (begin_at_others(s, c, &open))
            result = tl_reduce_try(s, &open, v, e);
        if (*v == TL_REDUCE_FAIL)
            tl_reduce_take(k, &open);
        else
            s->begins = before;
        tl_reduce_drop(&open);
    }
    return result;
}

/* Minimises the elements; the smallest part that failed becomes *to. *minimal: each of its nodes was taken away alone. */
static int search(struct tl_reduce_state *s, struct choice *c, bool by_bypass, bool empty_passes,
                  struct tl_reduce_candidate *to, bool *minimal, size_t *kept, struct tl_error *e)
{
    struct tl_subset_options options = {
        .n = c->n_elements, .rate = 1, .empty_passes = empty_passes, .seed = 1};
    double *chances = tl_calloc(c->n_elements + 1, sizeof *chances),
           *weights = tl_calloc(c->n_elements + 1, sizeof *weights);
    if (by_bypass && c->g.typed) {
        tl_reduce_likely(&c->g, c->elements, c->n_elements, chances, weights);
        options.chances = chances;
        options.weights = weights;
    }
    struct tl_subset *set = tl_subset_new(&options);
    free(chances);
    free(weights);
    struct tl_subset_test test;
    struct tl_reduce_candidate least = {0};
    const enum tl_reduce_beginning begins = s->begins;
    size_t n_least = c->n_elements;
    int result = 0;
    while (!result && !s->stopped && tl_subset_next(set, &test) == TL_SUBSET_TEST) {
        enum tl_reduce_verdict v = TL_REDUCE_INVALID;
        struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
        char more[80];
        keep(c, test.ranges, test.n_ranges);
        snprintf(more, sizeof more, "%zu kept, %zu open", test.kept, tl_subset_undecided(set));
        tl_reduce_tell_cost(s, more, trials_left(tl_subset_undecided(set)), false);
        struct ahead ahead = {.s = s, .c = c, .set = set, .by_bypass = by_bypass};
        if (test.kept == c->n_elements) {
            v = TL_REDUCE_FAIL; /* that is the model before */
        } else if (by_bypass ? bypass_others(c, &k) : begin_at_others(s, c, &k)) {
            tl_reduce_guesses(s, guess_part, &ahead);
            result = tl_reduce_try(s, &k, &v, e) || (!by_bypass && try_open(s, c, &k, &v, e)) ? -1 : 0;
        }
        for (size_t i = 0; i < ahead.n; i++)
            tl_subset_tell(set, ahead.ids[i], TL_SUBSET_LOST);
        if (!result && !s->stopped)
            tl_subset_tell(set, test.id, tl_reduce_subset_outcome(v));
        if (!result && !s->stopped && v == TL_REDUCE_FAIL && test.kept < n_least) {
            n_least = test.kept;
            tl_reduce_take(&least, &k);
        }
        tl_reduce_drop(&k);
    }
    const struct tl_subset_result *r = tl_subset_result(set);
    *minimal = r->done && r->minimal && !s->stopped;
    *kept = r->kept;
    if (least.edits.list && r->kept == n_least) /* what was reached counts, whatever ended the search */
        tl_reduce_take(to, &least);
    s->begins = begins;
    tl_reduce_drop(&least);
    tl_subset_free(set);
    return result;
}

/* Types and values of the nodes before the last, which have to be known for what leaves and for what becomes an input. anew:
 * what was recorded holds no more. */
static int record_all(struct tl_reduce_state *s, struct choice *c, bool anew, bool *all, struct tl_error *e)
{
    const struct tl_reduce_graph *g = &c->g;
    const char **names = tl_calloc(g->n_values + 1, sizeof *names);
    size_t n = 0;
    bool one_alone = false; /* something that only one of two models has */
    for (size_t i = 0; i < g->n_values; i++) {
        bool before = g->values[i].maker != TL_ONNX_NO_NAME && g->values[i].maker + 1 < g->n;
        bool known = before && tl_reduce_in_both(s, g->values[i].name);
        one_alone = one_alone || (before && !known);
        if (known)
            names[n++] = g->values[i].name;
        if (g->values[i].maker != TL_ONNX_NO_NAME && anew)
            json_object_del(s->inputs, g->values[i].name);
    }
    tl_reduce_tell(s, "recording");
    int result = tl_reduce_record(s, &s->now, names, n, all, e);
    *all = *all && !one_alone;
    tl_reduce_graph_learn(s, &c->g, *all);
    free(names);
    return result;
}

static bool has_inside(const struct tl_reduce_graph *g, size_t node)
{
    return g->nodes[node]->n_bodies || tl_reduce_is_call(g->all, g->n_all, g->nodes[node]);
}

/* Every node before the last that has something inside is opened, as often as there are some in those. *all: every value is
 * known of what is left. *any: some were. */
static int open_others(struct tl_reduce_state *s, struct choice *c, bool *all, bool *any, struct tl_error *e)
{
    int result = 0;
    bool anew = false;
    *any = false;
    for (size_t i = 0; i + 1 < c->g.n && !result && !s->stopped; i++) {
        bool opened = false;
        if (!has_inside(&c->g, i))
            continue;
        result = tl_reduce_open_node(s, &c->g, i, &opened, e);
        anew = anew || (opened && c->g.nodes[i]->n_bodies && strcmp(c->g.nodes[i]->op_type, "If") != 0);
        *any = *any || opened;
    }
    s->nodes = tl_reduce_count(s, &s->now);
    return !result && *any && !s->stopped && (read_now(s, c, e) || record_all(s, c, anew, all, e)) ? -1
                                                                                                   : result;
}

/* Whether what is marked as kept does, without the others. */
static int keep_marked(struct tl_reduce_state *s, struct choice *c, const char *what, struct tl_error *e)
{
    struct tl_reduce_candidate k = tl_reduce_copy(&s->now);
    enum tl_reduce_verdict v = TL_REDUCE_INVALID;
    int result = 0;
    tl_reduce_tell(s, what);
    bypass_others(c, &k);
    result = tl_reduce_try(s, &k, &v, e);
    if (!result && v == TL_REDUCE_FAIL) {
        tl_reduce_take(&s->now, &k);
        s->nodes = tl_reduce_count(s, &s->now);
        bool typed = c->g.typed;
        result = read_now(s, c, e);
        if (!result)
            tl_reduce_graph_learn(s, &c->g, typed);
        if (!result)
            find_elements(c, NULL);
    }
    tl_reduce_drop(&k);
    return result;
}

/* What hands on what it makes leaves at once, where that is most of all. */
static int drop_neutral(struct tl_reduce_state *s, struct choice *c, struct tl_error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < c->g.n; i++)
        c->kept[i] = true;
    for (size_t i = 0; i < c->n_elements; i++) {
        bool neutral = tl_reduce_graph_neutral(&c->g, c->elements[i]);
        c->kept[c->elements[i]] = !neutral;
        n += neutral;
    }
    return (c->n_elements - n) * MOST_NEUTRAL <= c->n_elements && n
               ? keep_marked(s, c, "without what changes nothing", e)
               : 0;
}

/* What is needed with recorded values is so without them, too: is it enough? */
static int keep_those_of_the_model(struct tl_reduce_state *s, struct choice *c, struct tl_error *e)
{
    struct tl_error ignored;
    struct tl_onnx_model *m = s->model.edits.list ? tl_reduce_load(s, &s->model, &ignored) : NULL;
    struct tl_onnx_node_facts *nodes = NULL;
    size_t n = 0, gone = 0;
    if (!m)
        return 0;
    tl_onnx_nodes(m, &nodes, &n);
    for (size_t i = 0; i < c->g.n; i++)
        c->kept[i] = true;
    for (size_t i = 0; i < c->n_elements; i++) {
        const size_t at = c->elements[i];
        c->kept[at] = tl_onnx_node_numbered(nodes, n, c->g.nodes[at]->number) != NULL;
        gone += !c->kept[at];
    }
    const bool some = gone && gone < c->n_elements;
    free(nodes);
    tl_onnx_model_free(m);
    return some ? keep_marked(s, c, "what is needed with recorded values", e) : 0;
}

/* The smallest that is fed from the original's inputs: by sets, then by what is inside, then node by node. */
static int search_structural(struct tl_reduce_state *s, struct choice *c, bool all, struct tl_error *e)
{
    bool opened = true, minimal = false;
    size_t kept = 0;
    int result = 0;
    for (int level = 0; level < LEVELS_MOST && opened && !result && !s->stopped; level++) {
        struct tl_reduce_candidate smaller = {0};
        opened = minimal = false;
        find_elements(c, NULL);
        kept = c->n_elements;
        if (all && !level)
            result = keep_those_of_the_model(s, c, e);
        if (all && !result && !s->stopped)
            result = drop_neutral(s, c, e);
        if (!result && !s->stopped && c->n_elements)
            result = search(s, c, true, false, &smaller, &minimal, &kept, e);
        if (smaller.edits.list)
            tl_reduce_take(&s->now, &smaller);
        tl_reduce_drop(&smaller);
        s->nodes = tl_reduce_count(s, &s->now);
        if (!result)
            result = read_now(s, c, e);
        if (!result)
            tl_reduce_graph_learn(s, &c->g, all);
        if (!result && !s->stopped)
            result = open_others(s, c, &all, &opened, e);
    }
    /* Whether a node that hands nothing on is needed was not tried. */
    s->structural_minimal = minimal && tl_reduce_main_nodes(s, &s->now) <= kept + 1;
    if (!result && !s->stopped && (all || s->judged))
        result = tl_reduce_look(s, &s->structural_minimal, e);
    return result;
}

int tl_reduce_between(struct tl_reduce_state *s, bool alone, struct tl_error *e)
{
    struct choice c = {.n_elements = 0};
    size_t kept = 0;
    bool all = false, shown;
    s->structural_minimal = s->model_minimal = true;
    if (read_now(s, &c, e))
        return -1;
    if (c.g.n == 1) {
        release(&c);
        return 0;
    }
    tl_reduce_step(s, "between");
    int result = record_all(s, &c, false, &all, e);
    /* The one with recorded values first: where it is small, the other one often is, too. */
    for (bool opened = !alone && all; opened && !result && all && !s->stopped;)
        result = open_others(s, &c, &all, &opened, e);
    find_elements(&c, s->inputs);
    if (!result && !alone && c.n_elements && !s->stopped) {
        struct tl_reduce_candidate smaller = {0};
        s->model_minimal = false;
        result = search(s, &c, false, all, &smaller, &s->model_minimal, &kept, e);
        /* The region of a difference may be less, where it was found before. */
        if (smaller.edits.list &&
            (!s->model.edits.list || tl_reduce_count(s, &smaller) <= tl_reduce_count(s, &s->model)))
            tl_reduce_take(&s->model, &smaller);
        tl_reduce_drop(&smaller);
        s->recorded = s->model.edits.list != NULL;
        s->model_minimal = s->model_minimal && all; /* what is not known cannot become an input */
    }
    if (!alone && !all) /* what was found on the way is not shown to be the least */
        s->model_minimal = false;
    /* Where a loop becomes one iteration other values come out of it: what is recorded of those is not for the first model. */
    json_t *before = json_copy(s->inputs);
    if (!result && !s->stopped) {
        tl_reduce_step(s, "structural");
        s->structural_minimal = false;
        result = search_structural(s, &c, all, e);
    }
    json_object_update(s->inputs, before);
    json_decref(before);
    /* What takes as many nodes as the smallest one with recorded values, of which each was taken away alone. */
    size_t least = s->model.edits.list ? tl_reduce_main_nodes(s, &s->model) : SIZE_MAX;
    shown = (alone || all) && s->model_minimal && !s->stopped;
    s->structural_minimal = s->structural_minimal || (shown && tl_reduce_main_nodes(s, &s->now) == least);
    release(&c);
    /* No recorded values are needed where they make nothing smaller. */
    if (s->recorded && tl_reduce_count(s, &s->now) <= tl_reduce_count(s, &s->model)) {
        tl_reduce_drop(&s->model);
        s->recorded = false;
    }
    s->nodes = tl_reduce_count(s, s->model.edits.list ? &s->model : &s->now);
    s->structural_minimal = s->structural_minimal && !s->stopped;
    s->model_minimal = s->model_minimal && !s->stopped;
    return result;
}
