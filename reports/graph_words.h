/* What a drawing of a graph and its text in a terminal share: which part of it is shown, and its words. The form of a graph is
 * that of docs/reduce.md ("graph"); nothing in it is trusted. */
#ifndef TL_GRAPH_WORDS_H
#define TL_GRAPH_WORDS_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TL_GRAPH_NODES 60 /* that are shown at most, those in bodies too */
#define TL_GRAPH_MARK "the failure ends here"

/* The nodes around the marked one (else around the last one), as many as are shown; the others of the main graph are taken
 * out, and "left_out" says how many are, with those that were before. Bodies of more nodes than are shown become
 * {"attribute","left_out"}. A new reference; NULL: it is no graph, or nothing is in it. */
json_t *tl_graph_shown(const json_t *graph);
size_t tl_graph_count(const json_t *graph); /* nodes, those in bodies too */

/* "int32[1,4]", "float32[batch,?]", "sequence"; NULL where nothing is known. The caller's. */
char *tl_graph_type(const json_t *value, size_t columns);
/* Text from outside with what would be obeyed spelled out, on one line, in at most so many columns: the middle of what is
 * longer becomes "…" ("..." when ascii, and other signs "?"). The caller's. */
char *tl_graph_cut(const char *text, size_t columns, bool ascii);
/* A name for sentences and lists, where it is there to be found again: whole, unless it is longer than anybody reads; then both
 * ends of it. The caller's. */
char *tl_graph_name(const char *name);
/* The same without a limit. */
char *tl_graph_visible(const char *text);
/* As many columns as a terminal gives it, which a font of equal widths does too. */
size_t tl_graph_columns(const char *text);
/* Bytes at the start of a text that are at most so many columns wide. */
size_t tl_graph_fit(const char *text, size_t columns);
/* "zeros", "recorded in a run of the original", …: where the values of an input or a weight come from, and the file beside the model
 * in which they are. The caller's. */
char *tl_graph_source(const json_t *value, bool weight);
/* The value of this name among inputs, weights or what nodes make; NULL: it comes from outside. *kind: 'i', 'w', 'n'. */
const json_t *tl_graph_value(const json_t *graph, const char *name, char *kind);
bool tl_graph_is_output(const json_t *graph, const char *name);

#endif
