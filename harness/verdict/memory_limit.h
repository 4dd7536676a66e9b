/* Evidence that a process failed because its memory limit was reached. Pure. */
#ifndef TL_MEMORY_LIMIT_H
#define TL_MEMORY_LIMIT_H

#include "harness/verdict/classify.h"

/* How it is known that the limit was reached, of a process that says that an allocation failed, or that exited
 * and says nothing. said: its words, or NULL. NULL when it says something else, and when there are only its words.
 * A new string. */
char *tl_memory_limit_evidence(const struct tl_process_facts *f, const struct tl_trial_record *r,
                               const char *said);

/* Under a limit, an allocation that fails usually ends in abort(), or in a write to NULL. Of a process that
 * does not say so it is told by what it holds: nearly all, or so much that what was refused would be again.
 * capture: the decisive one of the record, or -1. */
bool tl_memory_limit_silent(const struct tl_process_facts *f, const struct tl_trial_record *r,
                            const char *said, int capture);

#endif
