/* Evidence that a process failed because its memory limit was reached. Pure. */
#ifndef TL_MEMORY_LIMIT_H
#define TL_MEMORY_LIMIT_H

#include "harness/verdict/classify.h"

/* How it is known that the limit was reached, of a process that says that an allocation failed. said: its words,
 * or NULL. NULL when it does not say so, and when there are only its words. A new string. */
char *tl_memory_limit_evidence(const struct tl_process_facts *f, const struct tl_trial_record *r,
                               const char *said);

/* The same of one that exited with a failure and says nothing; NULL. A new string. */
char *tl_memory_limit_left(const struct tl_process_facts *f);

/* An allocation of less is not seen when it is refused. */
#define TL_MEMORY_UNSEEN (1u << 20)

/* How it is known that the limit was reached, whatever the process says: from what held when it died (its capture)
 * or, with death NULL, when it exited with a failure. NULL when it is not known. A new string. */
char *tl_memory_limit_alone(const struct tl_process_facts *f, const struct tl_capture *death);

bool tl_memory_limit_is_meant(const char *said); /* whether words speak of memory that was not to be had */

/* Under a limit, an allocation that fails usually ends in abort(), or in a write to NULL. Of a process that
 * does not say so it is told by what it holds: nearly all, or so much that what was refused would be again.
 * capture: the decisive one of the record, or -1. */
bool tl_memory_limit_silent(const struct tl_process_facts *f, const struct tl_trial_record *r,
                            const char *said, int capture);

#endif
