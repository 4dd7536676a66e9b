/* What the instruction did at which a process took a fatal signal. */
#ifndef TL_VERDICT_FAULT_H
#define TL_VERDICT_FAULT_H

#include "harness/base/record.h"

/* Fills in the instruction and what it did, of every capture that has a fault. Nothing is said that is not certain. */
void tl_verdict_faults(struct tl_trial_record *r);

#endif
