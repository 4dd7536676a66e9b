/* What outcomes of a case are known by besides its text, the variant and the unit. That is what its commands run and
 * read, what a runner in a script reads, the variables of the environment, the versions that its "versions" tell, and
 * the environment of its reference. */
#ifndef TL_IDENTITY_H
#define TL_IDENTITY_H

#include "harness/executor/executor.h"
#include "harness/executor/generate.h"

/* Of trials on a unit: a SHA-256 that is part of their environment. */
int tl_identity_of_trial(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                         const struct tl_unit *u, char sha[TL_SHA256_SIZE], struct tl_error *e);
/* The place of the model that the generator makes for a variant (generate.h), by all that it depends on. */
int tl_identity_plan(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     struct tl_generated *g, struct tl_error *e);
/* What the commands in "versions" answered in this run of trapline, as a JSON object; NULL: the case has none. As
 * long as the executor lives; NULL with *failed when they could not be run. */
const char *tl_identity_versions(struct tl_executor *x, const struct tl_case *c, bool *failed,
                                 struct tl_error *e);

/* The variables that trapline was started with and that count: "$NAME" -> {"content": a digest of the value}. The caller's. */
json_t *tl_identity_variables(void);

/* What cannot be seen of a case: for each of its commands that starts another one out of sight a text, while the case
 * has no "versions". An array of strings, the caller's. */
json_t *tl_identity_warnings(const struct tl_case *c);

#endif
