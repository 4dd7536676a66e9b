/* A graph as text for a terminal: what graph_svg.h draws, node by node in an order in which they run. */
#ifndef TL_GRAPH_TEXT_H
#define TL_GRAPH_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Lines of at most `width` columns (at least 30), of ASCII signs alone where `ascii`. The caller's; NULL when there is nothing
 * to show. */
char *tl_graph_text(const json_t *graph, size_t width, bool ascii);

#endif
