/* What the outputs of a variant are compared with, as files to be handed on. */
#ifndef TL_EXPECTED_OUTPUTS_H
#define TL_EXPECTED_OUTPUTS_H

#include "harness/executor/executor.h"

/* Writes DIRECTORY/N.npy for each output that the reference of the case tells, and lists them: [{"name", "dtype", "shape",
 * "npy", "exact", "whole", "rtol", "atol"}], the caller's. Those of a unit are computed anew, in a trial; texts are bytes of one
 * width. Those that no such file can hold are left out. -1 with *e when there are none to be had. */
int tl_expected_outputs(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                        const struct tl_unit *unit, const char *directory, json_t **list, struct tl_error *e);

#endif
