/* Outputs of the reference engine as a result of the protocol. */
#ifndef TL_SIM_OUTPUT_H
#define TL_SIM_OUTPUT_H

#include "cases/decoder/decoder.h"

#include <jansson.h>

/* The list of outputs. directory: where they are stored as .npy files; NULL: nowhere. NULL with *e filled
 * when that fails. */
json_t *tl_sim_outputs(const struct tl_decoder_tensors *t, const char *directory, struct tl_error *e);

#endif
