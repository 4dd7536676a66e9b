/* Checking a profile's document, and the names that may stand in one. */
#ifndef TL_SIM_CHECK_H
#define TL_SIM_CHECK_H

#include "runners/sim/condition.h"

/* Reports every mistake; fills *scratch. */
void tl_sim_document_check(const json_t *document, struct tl_sim_scratch *scratch, struct tl_sim_mistakes *m);

extern const char *const tl_sim_devices[]; /* NULL-terminated */
/* Index of a place to crash in, by name, or for NULL the phase's own; -1: none of that name. */
int tl_sim_site(const char *name, const char *phase);
int tl_sim_signal(const char *name); /* -1: none that can be simulated */

#endif
