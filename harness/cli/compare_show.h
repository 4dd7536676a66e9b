/* A comparison as tables and as a document. */
#ifndef TL_COMPARE_SHOW_H
#define TL_COMPARE_SHOW_H

#include "harness/campaign/compare.h"

#include <jansson.h>

void tl_cli_compare_print(const struct tl_compare *c, bool colour);
json_t *tl_cli_compare_json(const struct tl_compare *c);

#endif
