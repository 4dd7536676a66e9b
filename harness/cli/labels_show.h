/* What tables of outcomes share: the colours of their cells, and the signatures under them by the letters that stand
 * for them. */
#ifndef TL_LABELS_SHOW_H
#define TL_LABELS_SHOW_H

#include "harness/campaign/groups.h"
#include "harness/campaign/labels.h"

/* A line for each, on stdout, and a word on what the numbers mean. */
void tl_cli_labels_print(const struct tl_labels *l);

/* Of a cell of a table: that of what it is called by; NULL for an empty one. */
const char *tl_cli_group_colour(const struct tl_groups *g);
/* Of an outcome beside what its case expects. */
const char *tl_cli_standing_colour(enum tl_standing standing, enum tl_outcome outcome);

#endif
