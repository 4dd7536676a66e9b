/* What came of a process of which so much was seen, for tests of harness/verdict/classify.c. */
#ifndef TL_TEST_CLASSIFY_FIXTURE_H
#define TL_TEST_CLASSIFY_FIXTURE_H

#include "harness/verdict/classify.h"

/* What was seen of a process, captures and stderr included. Nothing of it is owned. */
struct seen {
    struct tl_process_facts facts;
    const struct tl_capture *captures;
    size_t n_captures;
    const char *said; /* on stderr */
};

struct seen passed(void); /* as of a runner that exited with status 0 after a result */
struct seen died(int signal);
struct seen exited(int code);

extern struct tl_trial_record record; /* that was judged last */
extern int decisive; /* index of the capture that comes first in it; -1: none of those seen */

enum tl_outcome outcome_of(const struct seen *s, struct tl_trial_record r);
enum tl_outcome outcome(const struct seen *s); /* in phase execute */
void forget(void);                             /* releases the record */
void says(const char *part);                   /* expects that in its message */

json_t *parsed(const char *text);

#endif
