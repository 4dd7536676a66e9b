/* Places for the items of a graph, in layers from the top to the bottom, and the ways of the lines between them. Pure. */
#ifndef TL_GRAPH_LAYOUT_H
#define TL_GRAPH_LAYOUT_H

#include <stddef.h>

#define TL_GRAPH_GAP 30 /* between two layers: where lines bend */

struct tl_graph_item {
    double width, height;
    double pull; /* how much others align with it: 1, or less for what stands at the side; 0 is 1 */
    double x, y; /* answer: its upper left corner */
    size_t layer;
};

/* A line from the lower side of an item to the upper side of one that comes later in the list. */
struct tl_graph_line {
    size_t from, to;
    size_t
        source; /* lines of one item with the same source leave it at one place, and go together as far as they can */
    double out, in; /* where on the width of each: 0 to 1 */
    size_t n; /* answer: its points, two for each layer that it crosses: at the top and at the bottom of it */
    double (*points)[2];
};

struct tl_graph_layout {
    size_t n_items, n_lines;
    struct tl_graph_item *items;
    struct tl_graph_line *lines;
    double wide;          /* as wide as a layer should be at most */
    double width, height; /* answer */
};

/* Lists are the caller's, and so are the points, which are to be released with free. Lines that go backwards get no points. */
void tl_graph_layout_make(struct tl_graph_layout *g);

#endif
