/* Entries of the session's configuration, which are axes: config:KEY. */
#ifndef TL_ORT_CONFIG_H
#define TL_ORT_CONFIG_H

#include "runners/protocol.h"

#define TL_ORT_CONFIG "config:" /* what the names of these axes begin with */

/* {KEY: TEXT} of a variant, a new reference: a text or number as it is, true and false as 1 and 0, the elements of a set with
 * ";" between them. What is empty sets nothing, and is not in it. NULL when a file of elements cannot be read. */
json_t *tl_ort_config(const struct tl_run *run);

#endif
