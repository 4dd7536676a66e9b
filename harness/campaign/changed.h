/* Why what is stored is no answer any more: outcomes hold for as long as what they depend on is what it was, the files that a command
 * runs and reads, variables, the runtime. What that was is kept in a file, so that it can be said what differs: who runs the same
 * command once more wonders that all of it is run anew. */
#ifndef TL_CAMPAIGN_CHANGED_H
#define TL_CAMPAIGN_CHANGED_H

#include "harness/executor/executor.h"

/* Compares what outcomes of a case on a unit depend on now, for that variant, with what the file holds, and has the file hold what is
 * so now. *n: how many stored trials that ended were an answer then, and are none now; *why: what differs, in words, the caller's;
 * NULL where nothing does, or nothing is known of before. -1 with *e. */
int tl_changed_since(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     const struct tl_unit *unit, const char *file, uint64_t *n, char **why,
                     struct tl_error *e);
/* The same with a file of its own for each case file, unit and database. What cannot be written there is not told. */
void tl_changed_of_case(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                        const struct tl_unit *unit, uint64_t *n, char **why);
/* Warns that so many are not used, where there are some. what: "of k on sim:gpu". Takes why. */
void tl_changed_warn(struct tl_executor *x, uint64_t n, const char *what, char *why);

#endif
