/* A graph as a drawing: what a reduction left of a model. The form of a graph is that of docs/reduce.md ("graph"). */
#ifndef TL_GRAPH_SVG_H
#define TL_GRAPH_SVG_H

#include <jansson.h>
#include <stdbool.h>

/* Files of a bundle that hold one. */
#define TL_REDUCTION_PICTURE "graph.svg"
#define TL_REDUCTION_STRUCTURAL_PICTURE "structural.svg"

/* The caller's; NULL when there is nothing to draw. alone: a file of its own, with its style; else page.css has that. */
char *tl_graph_svg(const json_t *graph, bool alone);
/* What stands below it: what is marked and how, and what is left out. The caller's. */
char *tl_graph_caption(const json_t *graph);

#endif
