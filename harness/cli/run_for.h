/* `run --for git-bisect|cvise`: the exit status as a program wants it that calls trapline as its judge. */
#ifndef TL_CLI_RUN_FOR_H
#define TL_CLI_RUN_FOR_H

#include "harness/base/record.h"
#include "harness/cli/cli.h"

enum tl_purpose { TL_FOR_PEOPLE, TL_FOR_GIT_BISECT, TL_FOR_CVISE };

/* What the trials of a run came to, for the one that asks. */
struct tl_verdicts {
    enum tl_purpose purpose;
    const char *signature; /* the beginning of an id, of one build's failures or across builds; NULL: any */
    uint64_t trials, wanted, other, passed; /* failures that are asked for, failures that are not, passes */
};

/* What --for and --signature of `run` ask for. Prints what is wrong and returns the exit status, or -1 to go on. */
int tl_run_for(const struct tl_command *c, const struct tl_options *o, struct tl_verdicts *v);
/* Counts a trial that has ended; failed: whether it is a failure by what its case says is right. */
void tl_run_for_trial(struct tl_verdicts *v, const struct tl_trial_record *t, bool failed);
/* The exit status for who asked, and why in a line on stderr; status is the one for people, which is kept where trapline itself
 * failed or was interrupted, and for people. */
int tl_run_for_status(const struct tl_verdicts *v, int status);
/* The exit status of a command that ended without an answer, such as one with a mistake in it, by its words: git would take 2 for
 * "bad". */
int tl_run_for_no_answer(int argc, char *const *argv, int status);

#endif
