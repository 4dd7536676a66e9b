/* What becomes of plans when nobody traces them. */
#ifndef TL_TEST_RANDOM_NATIVE_H
#define TL_TEST_RANDOM_NATIVE_H

#include "tests/integration/random_plan.h"

#define NATIVE_FIRST 2 /* runs before the plan is run under trapline */
#define NATIVE_RUNS 20 /* in all, where these did not show what trapline says */

#define ENDED_BY_DEADLINE (-1) /* else a status as wait has it */

struct native {
    int ends[NATIVE_RUNS];
    int n;
};

bool native_has(const struct native *k, int end);
bool native_dies_of(const struct native *k, int signal);

/* Runs each plan until it has been run so often, and adds to natives[i] for plans[i] how it ended; beside processes that
 * are busy, when that is wished for. program: the path of the compiled one. Makes processes of its own, so the
 * caller has no children then that it waits for. */
void native_run(const char *program, const struct plan *plans, size_t n, int runs, bool loaded,
                struct native *natives);

#endif
