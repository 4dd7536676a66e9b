/* What a bundle needs of the case that its finding is of: trials of other variants, and expected outputs. */
#ifndef TL_BUNDLE_TRIALS_H
#define TL_BUNDLE_TRIALS_H

#include "cases/case.h"
#include "harness/base/record.h"
#include "harness/executor/executor.h"

/* Where they are run. The executor is made for each call, and gone after it. */
struct tl_bundle_trials {
    const struct tl_case *c;
    const char *unit;
    struct tl_sandbox_wish sandbox; /* in which they are run */
    const char *db, *command;       /* of the database, NULL: the default one; and for the session's row */
};

/* Of these, arg is a struct tl_bundle_trials (reports/bundle/bundle.h says what they do). Both store what they run. */
int tl_bundle_trial(void *arg, const json_t *variant, struct tl_trial_record *r, struct tl_error *e);
int tl_bundle_expected(void *arg, const json_t *variant, const char *directory, json_t **list,
                       struct tl_error *e);

#endif
