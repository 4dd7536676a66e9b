/* Whether a program of a bundle shows the failure that it was written for. */
#ifndef TL_PROVE_H
#define TL_PROVE_H

#include "harness/base/proof.h"

/* Runs it as often as asked for, each time in an isolated trial of which nothing is stored, and says what was seen (a
 * tl_proof_run; release *p with tl_proof_free also after a failure). Collects every SIGCHLD while it runs. */
int tl_prove(const struct tl_proof_request *q, struct tl_proof *p, struct tl_error *e);

#endif
