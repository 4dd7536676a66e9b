/* When two failures are the same failure: title and signature of a finished trial. Pure: no process, no file.
 */
#ifndef TL_SIGNATURE_H
#define TL_SIGNATURE_H

#include "harness/base/record.h"

/* Fills r->signature from outcome, phase, signal, message, error and the symbolised captures of r. For an
 * outcome that is not a failure it is left empty. */
void tl_signature_make(struct tl_trial_record *r);

#endif
