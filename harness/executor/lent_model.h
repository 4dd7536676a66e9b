/* A model of which each run gets a copy, as what runs it may write to it, or take it away. */
#ifndef TL_EXECUTOR_LENT_MODEL_H
#define TL_EXECUTOR_LENT_MODEL_H

#include "harness/base/error.h"

/* Copies a model, and the data beside it that it names, into a new directory below one: *directory, and *model in it, which are
 * the caller's. -1 with nothing left. */
int tl_lent_model(const char *below, const char *from, char **directory, char **model, struct tl_error *e);

#endif
