/* What a reduction left of a model, as a picture of signs. */
#ifndef TL_CLI_REDUCE_PICTURE_H
#define TL_CLI_REDUCE_PICTURE_H

#include <jansson.h>
#include <stdbool.h>

/* Prints the graph as wide as the terminal is, in ASCII where its locale has no UTF-8. False: there is none, or it is so large
 * that a list says more. */
bool tl_reduce_print_picture(const json_t *graph);

#endif
