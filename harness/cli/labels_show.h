/* The signatures under a table, by the letters that stand for them in it. */
#ifndef TL_LABELS_SHOW_H
#define TL_LABELS_SHOW_H

#include "harness/campaign/labels.h"

/* A line for each, on stdout, and a word on what the numbers mean. */
void tl_cli_labels_print(const struct tl_labels *l);

#endif
