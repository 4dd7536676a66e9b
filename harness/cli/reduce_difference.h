/* What `reduce --against` prints of a difference, on stdout. */
#ifndef TL_CLI_REDUCE_DIFFERENCE_H
#define TL_CLI_REDUCE_DIFFERENCE_H

#include <jansson.h>

/* Where it begins, from the document of a reduction; or that there is none. */
void tl_cli_difference(const json_t *document);

#endif
