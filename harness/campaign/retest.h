/* A failure that was isolated is tried again: on another build, after a change of the OS, or where it was found. */
#ifndef TL_CAMPAIGN_RETEST_H
#define TL_CAMPAIGN_RETEST_H

#include "harness/base/watch.h"
#include "harness/executor/executor.h"

#include <jansson.h>

#define TL_RETEST_RUNS 3       /* of each side */
#define TL_RETEST_RUNS_MOST 30 /* of a failure that does not always show */

struct tl_retest_sides;
struct tl_retest {
    struct tl_executor *x;
    const struct tl_case *c;
    const json_t *finding;                /* its document */
    const struct tl_trial_record *before; /* the trial that showed the failure; NULL: it is not known */
    struct tl_variant failing, control;
    bool has_control;
    const struct tl_unit
        *good;     /* where no variant is the control: the unit of a build on which this one passed; NULL */
    bool forked;   /* the failure shows in forked children alone: everything else is a fresh process */
    unsigned runs; /* of the failing variant */
    uint64_t evidence; /* passes in a row that luck does not explain */
    const struct tl_watch *watch;
    struct tl_retest_sides *sides; /* of every unit that was tried: the executor may still answer for them */
};

/* Runs both sides on a unit, nothing of it taken from what is stored, and stores the trials. *entry is of the form of the
 * entries of "retests" of a night (docs/nightly.md), with "control" (docs/reports.md); the caller's. -1 also when
 * something is missing that a trial takes, and when it was interrupted. */
int tl_retest_run(struct tl_retest *t, const struct tl_unit *u, json_t **entry, struct tl_error *e);
/* After the executor is gone. */
void tl_retest_release(struct tl_retest *t);

#endif
