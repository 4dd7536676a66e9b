/* How likely each node is needed, before a trial says so. A search for the smallest set asks for what parts the likely ones in half,
 * so what is known beforehand saves trials, and never changes what comes out.
 *
 * Whatever makes the last node fail came to it through one of the values that it reads. Which one is not known: each is as likely
 * as the others, be there one node behind it or seven hundred. So somebody goes back from the last node, by any of the values that
 * a node reads alike, until an input; and one of the nodes that were met is needed, each of them alike. How likely a node is, is
 * how likely it is met, divided by how many are met on a way through it. As that may be wrong, half of all is divided evenly.
 *
 * A node that hands on the very elements that it makes is the less likely one. */
#include "harness/campaign/reduce/graph.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>

#define OF_WAYS 0.5     /* the rest is divided evenly */
#define OF_NEUTRAL 0.25 /* of a node that changes nothing, beside one that does */

struct before {
    size_t n, *nodes; /* that make what a node reads, each as often as it is read */
};

static struct before *find_before(const struct tl_reduce_graph *g)
{
    struct before *before = tl_calloc(g->n + 1, sizeof *before);
    for (size_t i = 0; i < g->n_values; i++) {
        const struct tl_reduce_value *v = &g->values[i];
        for (size_t r = 0; v->maker != TL_ONNX_NO_NAME && r < v->n_readers; r++)
            if (v->maker < v->readers[r]) {
                struct before *b = &before[v->readers[r]];
                *TL_GROW(b->nodes, b->n) = v->maker;
            }
    }
    return before;
}

/* met: how likely each node is; count: how many that count are met on a way through it, in the mean. */
static void walk(const struct tl_reduce_graph *g, const bool *counts, double *met, double *count)
{
    struct before *before = find_before(g);
    double *behind = tl_calloc(g->n + 1, sizeof *behind); /* of those behind it, times how likely it is met */
    for (size_t i = 0; i < g->n; i++) {                   /* and before it */
        double sum = 0;
        for (size_t b = 0; b < before[i].n; b++)
            sum += count[before[i].nodes[b]];
        count[i] = counts[i] + (before[i].n ? sum / (double)before[i].n : 0);
    }
    met[g->n - 1] = 1;
    for (size_t i = g->n; i-- > 0;)
        for (size_t b = 0; b < before[i].n; b++) {
            const size_t at = before[i].nodes[b];
            const double share = met[i] / (double)before[i].n;
            met[at] += share;
            behind[at] += share * (met[i] > 0 ? behind[i] / met[i] + counts[i] : 0);
        }
    for (size_t i = 0; i < g->n; i++) {
        count[i] += met[i] > 0 ? behind[i] / met[i] : 0;
        free(before[i].nodes);
    }
    free(before);
    free(behind);
}

void tl_reduce_likely(const struct tl_reduce_graph *g, const size_t *elements, size_t n, double *chances,
                      double *weights)
{
    bool *counts = tl_calloc(g->n + 1, sizeof *counts);
    double *met = tl_calloc(g->n + 1, sizeof *met), *count = tl_calloc(g->n + 1, sizeof *count), all = 0,
           evenly = 0;
    for (size_t i = 0; i < n; i++)
        counts[elements[i]] = !tl_reduce_graph_neutral(g, elements[i]);
    walk(g, counts, met, count);
    for (size_t i = 0; i < n; i++) {
        const size_t at = elements[i];
        chances[i] = counts[at] && count[at] > 0 ? met[at] / count[at] : 0;
        all += chances[i];
        evenly += counts[at] ? 1 : OF_NEUTRAL;
    }
    for (size_t i = 0; i < n; i++) {
        const bool neutral = !counts[elements[i]];
        chances[i] =
            (all > 0 ? OF_WAYS * chances[i] / all : 0) + (1 - OF_WAYS) * (neutral ? OF_NEUTRAL : 1) / evenly;
        /* What is least likely is taken away first, what is about as likely in its order. */
        weights[i] = neutral ? 1000 : -round(log2(chances[i]));
    }
    free(counts);
    free(met);
    free(count);
}
