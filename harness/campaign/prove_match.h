/* Whether what a reproducer came to is the failure that it was written for. Pure. */
#ifndef TL_PROVE_MATCH_H
#define TL_PROVE_MATCH_H

#include "harness/base/proof.h"

/* Of a run that ended as expected (tl_proof_holds). *by: what told it; untouched when it is another failure. */
bool tl_prove_match(const struct tl_proof_expected *x, const struct tl_trial_record *r, enum tl_proof_by *by);

#endif
