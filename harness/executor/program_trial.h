/* Programs of no case, run in isolated trials of which nothing is stored. */
#ifndef TL_PROGRAM_TRIAL_H
#define TL_PROGRAM_TRIAL_H

#include "harness/base/error.h"
#include "harness/base/limits.h"
#include "harness/base/record.h"

#include <stdbool.h>

struct tl_program_trial {
    const char *const *argv;        /* NULL-terminated; argv[0] is a path */
    const char *directory;          /* NULL: its scratch directory, which is empty */
    const char *const *environment; /* NAME=VALUE…, besides trapline's own; NULL */
    bool untraced;                  /* it hides something of what it starts from the tracer */
    struct tl_limits limits;
};

/* Runs it in a supervisor of its own, traced and limited as every trial is, and fills *r (tl_trial_record_free). Nothing is
 * written to a database. -1 when it could not be begun, or when trapline was interrupted (TL_ERROR_INTERRUPTED). Collects every
 * SIGCHLD while it runs: not to be called while another supervisor or a helper program runs. */
int tl_program_trial_run(const struct tl_program_trial *p, struct tl_trial_record *r, struct tl_error *e);

#endif
