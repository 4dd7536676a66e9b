/* Theory of operation. The usual steps of a layered drawing (Sugiyama, Tagawa, Toda 1981), each in its simplest form that is
 * good enough for some dozens of items:
 *
 *   layers      from the bottom: an item stands above all that read it, as near as it can, and where a layer is as wide as it
 *               may be one further up. So an input stands by its first reader, and a wide layer becomes several.
 *   ways        a line that crosses layers gets a place in each of them, so that it runs beside the items there and
 *               never behind one. Lines of one value share these places.
 *   order       in each layer, by the mean of the places above, then below, some times; the order with the fewest
 *               crossings is kept.
 *   places      each item as near to the mean of its neighbours as the order and the gaps allow: a least-squares fit by
 *               pooling neighbours that push each other (isotonic regression), some times down and up.
 *
 * Items of a layer stand at its top. A line runs straight down to the bottom of its layer and bends in the gap below only. */
#include "reports/graph_layout.h"

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BESIDE 18     /* between two items of a layer */
#define BESIDE_WAY 8  /* where one of the two is a way */
#define WAY 4         /* as wide as the way of a line through a layer */
#define SWEEPS 8      /* over the order */
#define FITS 12       /* of the places */
#define HEAVY_WAY 4.0 /* the ways of long lines are straightened first */

/* An item, or the way of lines through a layer. */
struct cell {
    size_t layer, item; /* item: its number, or of a way the one that its lines come from */
    bool is_way;
    size_t source; /* of a way */
    double width, x, want, weight;
    size_t rank; /* in its layer */
    size_t n_above, n_below;
    struct end {
        size_t cell;
        double own, other; /* where on the width of this one, and of the other one */
    } * above, *below;
};

struct drawing {
    struct tl_graph_layout *g;
    size_t n_layers, n;
    struct cell *cells; /* items first, by their numbers */
    struct layer {
        size_t n, *cells; /* from left to right */
        double y, height;
    } * layers;
};

/* --- layers -------------------------------------------------------------------------------------------------- */

/* Counted from the bottom; turned round by the caller. */
static size_t assign_layers(struct tl_graph_layout *g)
{
    double *used = tl_calloc(g->n_items + 1, sizeof *used);
    size_t highest = 0;
    for (size_t i = 0; i < g->n_items; i++)
        g->items[i].layer = 0;
    for (size_t i = g->n_items; i-- > 0;) {
        struct tl_graph_item *x = &g->items[i];
        while (used[x->layer] > 0 && used[x->layer] + BESIDE + x->width > g->wide)
            x->layer++;
        used[x->layer] += x->width + (used[x->layer] > 0 ? BESIDE : 0);
        highest = x->layer > highest ? x->layer : highest;
        for (size_t k = 0; k < g->n_lines; k++) {
            const struct tl_graph_line *l = &g->lines[k];
            if (l->to == i && l->from < i && g->items[l->from].layer <= x->layer)
                g->items[l->from].layer = x->layer + 1;
        }
    }
    for (size_t i = 0; i < g->n_items; i++)
        g->items[i].layer = highest - g->items[i].layer;
    free(used);
    return g->n_items ? highest + 1 : 0;
}

/* --- ways ---------------------------------------------------------------------------------------------------- */

static size_t add_cell(struct drawing *d, struct cell c)
{
    *TL_GROW(d->cells, d->n) = c;
    return d->n - 1;
}

static void join(struct drawing *d, size_t above, double out, size_t below, double in)
{
    struct cell *a = &d->cells[above], *b = &d->cells[below];
    for (size_t i = 0; i < a->n_below; i++)
        if (a->below[i].cell == below && b->is_way)
            return; /* another line of the same value */
    *TL_GROW(a->below, a->n_below) = (struct end){below, out, in};
    *TL_GROW(b->above, b->n_above) = (struct end){above, in, out};
}

static size_t find_way(const struct drawing *d, const struct tl_graph_line *l, size_t layer)
{
    for (size_t i = d->g->n_items; i < d->n; i++)
        if (d->cells[i].layer == layer && d->cells[i].item == l->from && d->cells[i].source == l->source)
            return i;
    return d->n;
}

static void add_ways(struct drawing *d, const struct tl_graph_line *l)
{
    size_t last = l->from;
    for (size_t layer = d->g->items[l->from].layer + 1; layer < d->g->items[l->to].layer; layer++) {
        size_t way = find_way(d, l, layer);
        if (way == d->n)
            way = add_cell(d, (struct cell){.layer = layer,
                                            .item = l->from,
                                            .is_way = true,
                                            .source = l->source,
                                            .width = WAY,
                                            .weight = HEAVY_WAY});
        join(d, last, last == l->from ? l->out : .5, way, .5);
        last = way;
    }
    join(d, last, last == l->from ? l->out : .5, l->to, l->in);
}

/* --- order --------------------------------------------------------------------------------------------------- */

static void rank(struct drawing *d)
{
    for (size_t i = 0; i < d->n_layers; i++)
        for (size_t k = 0; k < d->layers[i].n; k++)
            d->cells[d->layers[i].cells[k]].rank = k;
}

static size_t crossings_below(const struct drawing *d, const struct layer *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = i + 1; k < l->n; k++) {
            const struct cell *a = &d->cells[l->cells[i]], *b = &d->cells[l->cells[k]];
            for (size_t x = 0; x < a->n_below; x++)
                for (size_t y = 0; y < b->n_below; y++)
                    n += d->cells[a->below[x].cell].rank > d->cells[b->below[y].cell].rank;
        }
    return n;
}

static size_t crossings(const struct drawing *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_layers; i++)
        n += crossings_below(d, &d->layers[i]);
    return n;
}

static double mean_rank(const struct drawing *d, const struct cell *c, bool above)
{
    const struct end *ends = above ? c->above : c->below;
    size_t n = above ? c->n_above : c->n_below;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)d->cells[ends[i].cell].rank + ends[i].other;
    return n ? sum / (double)n : (double)c->rank;
}

/* Those that are equal stay as they stand. */
static void order_layer(struct drawing *d, struct layer *l, bool above)
{
    for (size_t i = 0; i < l->n; i++)
        d->cells[l->cells[i]].want = mean_rank(d, &d->cells[l->cells[i]], above);
    for (size_t i = 1; i < l->n; i++) {
        size_t moved = l->cells[i], k = i;
        for (; k && d->cells[l->cells[k - 1]].want > d->cells[moved].want; k--)
            l->cells[k] = l->cells[k - 1];
        l->cells[k] = moved;
    }
    for (size_t i = 0; i < l->n; i++)
        d->cells[l->cells[i]].rank = i;
}

static void copy_order(const struct drawing *d, size_t *to)
{
    for (size_t i = 0; i < d->n_layers; i++) {
        memcpy(to, d->layers[i].cells, d->layers[i].n * sizeof *to);
        to += d->layers[i].n;
    }
}

static void order(struct drawing *d)
{
    size_t *best = tl_calloc(d->n + 1, sizeof *best), fewest, *from = best;
    rank(d);
    copy_order(d, best);
    fewest = crossings(d);
    for (int sweep = 0; sweep < SWEEPS && fewest; sweep++) {
        for (size_t i = 0; i < d->n_layers; i++)
            order_layer(d, &d->layers[sweep % 2 ? d->n_layers - 1 - i : i], sweep % 2 == 0);
        size_t n = crossings(d);
        if (n < fewest) {
            fewest = n;
            copy_order(d, best);
        }
    }
    for (size_t i = 0; i < d->n_layers; i++) {
        memcpy(d->layers[i].cells, from, d->layers[i].n * sizeof *from);
        from += d->layers[i].n;
    }
    rank(d);
    free(best);
}

/* --- places --------------------------------------------------------------------------------------------------- */

/* Cells that push each other move together: a block wants the mean of what they want. */
struct block {
    double sum, weight;
    size_t first;
};

/* To the next one. */
static double gap_behind(const struct drawing *d, const struct layer *l, size_t i)
{
    bool way = d->cells[l->cells[i]].is_way || (i + 1 < l->n && d->cells[l->cells[i + 1]].is_way);
    return way ? BESIDE_WAY : BESIDE;
}

static void fit_layer(struct drawing *d, const struct layer *l)
{
    struct block *blocks = tl_calloc(l->n + 1, sizeof *blocks);
    double *before = tl_calloc(l->n + 1, sizeof *before); /* of the first cell, when all stand close */
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const struct cell *c = &d->cells[l->cells[i]];
        before[i + 1] = before[i] + c->width + gap_behind(d, l, i);
        blocks[n++] = (struct block){(c->want - before[i]) * c->weight, c->weight, i};
        while (n > 1 && blocks[n - 2].sum * blocks[n - 1].weight > blocks[n - 1].sum * blocks[n - 2].weight) {
            blocks[n - 2].sum += blocks[n - 1].sum;
            blocks[n - 2].weight += blocks[n - 1].weight;
            n--;
        }
    }
    for (size_t b = 0; b < n; b++)
        for (size_t i = blocks[b].first; i < (b + 1 < n ? blocks[b + 1].first : l->n); i++)
            d->cells[l->cells[i]].x = blocks[b].sum / blocks[b].weight + before[i];
    free(before);
    free(blocks);
}

/* Where the neighbours on one side would have a cell, and how much they pull. */
static void add_ends(const struct drawing *d, const struct cell *c, const struct end *ends, size_t n,
                     double *sum, double *weight)
{
    for (size_t i = 0; i < n; i++) {
        const struct cell *other = &d->cells[ends[i].cell];
        double pull = other->is_way || other->weight >= 1 ? 1 : other->weight;
        *sum += pull * (other->x + other->width * ends[i].other - c->width * ends[i].own);
        *weight += pull;
    }
}

static void place_across(struct drawing *d)
{
    for (size_t i = 0; i < d->n_layers; i++) {
        double x = 0;
        for (size_t k = 0; k < d->layers[i].n; k++) {
            struct cell *c = &d->cells[d->layers[i].cells[k]];
            c->x = x;
            x += c->width + gap_behind(d, &d->layers[i], k);
        }
        for (size_t k = 0; k < d->layers[i].n; k++) /* all in the middle to begin with */
            d->cells[d->layers[i].cells[k]].x -= x / 2;
    }
    for (int fit = 0; fit < FITS; fit++)
        for (size_t i = 0; i < d->n_layers; i++) {
            const struct layer *l = &d->layers[fit % 2 ? d->n_layers - 1 - i : i];
            for (size_t k = 0; k < l->n; k++) {
                struct cell *c = &d->cells[l->cells[k]];
                bool both = fit > FITS / 2 || !c->n_above || !c->n_below, down = fit % 2 == 0;
                double sum = 0, weight = 0;
                if (both || down)
                    add_ends(d, c, c->above, c->n_above, &sum, &weight);
                if (both || !down)
                    add_ends(d, c, c->below, c->n_below, &sum, &weight);
                c->want = weight > 0 ? sum / weight : c->x;
            }
            fit_layer(d, l);
        }
    double left = 0, right = 0;
    for (size_t i = 0; i < d->n; i++) {
        left = !i || d->cells[i].x < left ? d->cells[i].x : left;
        right = !i || d->cells[i].x + d->cells[i].width > right ? d->cells[i].x + d->cells[i].width : right;
    }
    for (size_t i = 0; i < d->n; i++)
        d->cells[i].x -= left;
    d->g->width = right - left;
}

static void place_down(struct drawing *d)
{
    double y = 0;
    for (size_t i = 0; i < d->g->n_items; i++) {
        struct layer *l = &d->layers[d->g->items[i].layer];
        l->height = d->g->items[i].height > l->height ? d->g->items[i].height : l->height;
    }
    for (size_t i = 0; i < d->n_layers; i++) {
        d->layers[i].y = y;
        y += d->layers[i].height + TL_GRAPH_GAP;
    }
    d->g->height = d->n_layers ? y - TL_GRAPH_GAP : 0;
    for (size_t i = 0; i < d->g->n_items; i++) {
        d->g->items[i].x = d->cells[i].x;
        d->g->items[i].y = d->layers[d->g->items[i].layer].y;
    }
}

static void add_point(struct tl_graph_line *l, double x, double y)
{
    double(*p)[2] = TL_GROW(l->points, l->n);
    (*p)[0] = x;
    (*p)[1] = y;
}

static void route(const struct drawing *d, struct tl_graph_line *l)
{
    const struct tl_graph_item *a = &d->g->items[l->from], *b = &d->g->items[l->to];
    double x = a->x + a->width * l->out;
    add_point(l, x, a->y + a->height);
    add_point(l, x, d->layers[a->layer].y + d->layers[a->layer].height);
    for (size_t layer = a->layer + 1; layer < b->layer; layer++) {
        const struct cell *way = &d->cells[find_way(d, l, layer)];
        x = way->x + way->width / 2;
        add_point(l, x, d->layers[layer].y);
        add_point(l, x, d->layers[layer].y + d->layers[layer].height);
    }
    add_point(l, b->x + b->width * l->in, b->y);
}

void tl_graph_layout_make(struct tl_graph_layout *g)
{
    struct drawing d = {.g = g};
    d.n_layers = assign_layers(g);
    d.layers = tl_calloc(d.n_layers + 1, sizeof *d.layers);
    for (size_t i = 0; i < g->n_items; i++)
        add_cell(&d, (struct cell){.layer = g->items[i].layer,
                                   .item = i,
                                   .width = g->items[i].width,
                                   .weight = g->items[i].pull > 0 ? g->items[i].pull : 1});
    for (size_t i = 0; i < g->n_lines; i++) {
        g->lines[i].n = 0;
        g->lines[i].points = NULL;
        if (g->lines[i].from < g->lines[i].to)
            add_ways(&d, &g->lines[i]);
    }
    for (size_t i = 0; i < d.n; i++) {
        struct layer *l = &d.layers[d.cells[i].layer];
        *TL_GROW(l->cells, l->n) = i;
    }
    order(&d);
    place_across(&d);
    place_down(&d);
    for (size_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].from < g->lines[i].to)
            route(&d, &g->lines[i]);
    for (size_t i = 0; i < d.n; i++) {
        free(d.cells[i].above);
        free(d.cells[i].below);
    }
    for (size_t i = 0; i < d.n_layers; i++)
        free(d.layers[i].cells);
    free(d.layers);
    free(d.cells);
}
