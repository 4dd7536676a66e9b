/* Checking a profile's document. */
#ifndef TL_SIM_CHECK_H
#define TL_SIM_CHECK_H

#include "runners/sim/condition.h"

/* Reports every mistake; fills *scratch. */
void tl_sim_document_check(const json_t *document, struct tl_sim_scratch *scratch, struct tl_sim_mistakes *m);

#endif
