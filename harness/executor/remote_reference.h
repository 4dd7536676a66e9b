/* The trial of a reference, which comes with the one that is compared with it.
 *
 * What is right is computed by the machine that runs the trial, in a trial of its own, where it has not kept it from before. By which id that is
 * known both sides make of the trial's, so that nobody can name another one. */
#ifndef TL_REMOTE_REFERENCE_H
#define TL_REMOTE_REFERENCE_H

#include "harness/executor/remote_job.h"

struct tl_job;

/* The id of the reference's trial that belongs to a trial. */
void tl_remote_reference_id(const char *trial_id, char id[TL_UUID_SIZE]);
/* {"id", "place", "trial"} of the one that was run for a job; NULL: none was. */
json_t *tl_remote_reference_write(struct tl_executor *x, const struct tl_remote_job *job);
/* Stores those that came with the record of a job; what is none of its is left out. -1 with *e: the database cannot be written. */
int tl_remote_reference_take(const struct tl_job *j, const char *machine, const json_t *more,
                             struct tl_error *e);

#endif
