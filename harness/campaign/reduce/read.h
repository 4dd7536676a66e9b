/* What is handed to `reduce`, before it is read: what it is, and whether reading it does any harm. */
#ifndef TL_CAMPAIGN_REDUCE_READ_H
#define TL_CAMPAIGN_REDUCE_READ_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* A model of ONNX, as far as its first bytes tell, or a case file; -1 with what it is instead and what was expected. */
int tl_reduce_kind(const char *path, bool *is_case, struct tl_error *e);
/* Reads and checks a model of ONNX in a child: one that kills or holds up its reader ends nothing else. -1 with the place in the
 * file and what was expected there. */
int tl_reduce_read(const char *path, struct tl_error *e);
/* What a case file would say of the value in AXIS=VALUE; a new reference. In case.c. */
json_t *tl_reduce_value_of(const char *text);

#endif
