/* Whether a failure with another signature is the one that is isolated: by builds, else by words, else by stacks. It is the answer to
 * a request of the search (TL_SEARCH_JUDGE); judge.c has the theory. */
#ifndef TL_CAMPAIGN_JUDGE_H
#define TL_CAMPAIGN_JUDGE_H

#include "harness/campaign/driver.h"

enum tl_judged_by { TL_JUDGED_BY_NOTHING, TL_JUDGED_BY_STACK, TL_JUDGED_BY_WORDS, TL_JUDGED_BY_BUILDS };

/* What is known of one signature. */
struct tl_driver_judgement {
    char signature[TL_ID_SIZE];
    enum tl_search_relation relation;
    enum tl_judged_by by;
    const struct tl_unit *bad, *good; /* by builds: it was run on these two */
    char trials[4][TL_UUID_SIZE];     /* … twice each, the bad one first */
};

/* What two failures say themselves, where no build tells. */
enum tl_search_relation tl_judge_without_builds(const struct tl_trial_record *a,
                                                const struct tl_trial_record *b, enum tl_judged_by *by);
/* Takes up a request; it is answered by one of the next steps. */
void tl_driver_judge(struct tl_driver *d, const struct tl_search_request *q);
/* Submits what judging needs, and tells the search what is judged. *told: it was told something. */
int tl_driver_judge_step(struct tl_driver *d, bool *told, struct tl_error *e);
/* NULL: it was not judged. */
const struct tl_driver_judgement *tl_driver_judgement(const struct tl_driver *d, const char *signature);
void tl_driver_judge_free(struct tl_driver *d);

#endif
