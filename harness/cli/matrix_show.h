/* A matrix as tables and as a document. */
#ifndef TL_MATRIX_SHOW_H
#define TL_MATRIX_SHOW_H

#include "harness/campaign/matrix.h"

#include <jansson.h>

void tl_cli_matrix_print(const struct tl_matrix *m, bool colour);
json_t *tl_cli_matrix_json(const struct tl_matrix *m, double elapsed_s, bool complete);

#endif
