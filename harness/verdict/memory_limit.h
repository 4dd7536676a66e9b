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

/* Under a limit, an allocation that fails usually ends in abort(), or in a write to NULL. Of a process that
 * does not say so it is told by what it holds: nearly all, or so much that what was refused would be again.
 * capture: the decisive one of the record, or -1. */
bool tl_memory_limit_silent(const struct tl_process_facts *f, const struct tl_trial_record *r,
                            const char *said, int capture);

#endif
