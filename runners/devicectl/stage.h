/* What the app on the device is to call, with what: put together here, so that the same inputs are the same bytes there
 * as anywhere, and the app needs to know of .npy files alone. */
#ifndef TL_STAGE_H
#define TL_STAGE_H

#include "harness/base/error.h"

#include <jansson.h>

/* Makes a directory with calls.json and the .npy files that it names:
 *
 *   {"calls": [{"asset": PATH, "function": "main", "inputs": [{"name", "dtype", "shape", "npy"}],
 *               "state": [{"name", "dtype", "shape"}], "feed": {INPUT: OUTPUT}}]}
 *
 * PATH is below the model, or empty for the model itself. The calls are those of the model's own calls.json where it is
 * a directory that has one (docs/iphone.md), else one call of "main" with the inputs of the trial. inputs may be NULL.
 * -1 with *e, whose why says what is wrong with which file. */
int tl_stage_calls(const char *model, const char *inputs, const json_t *variant, const char *directory,
                   struct tl_error *e);

#endif
