/* What becomes of plans when nobody traces them. */
#ifndef TL_TEST_RANDOM_NATIVE_H
#define TL_TEST_RANDOM_NATIVE_H

#include "tests/integration/random_plan.h"

#define NATIVE_RUNS 20

#define ENDED_BY_DEADLINE (-1) /* else a status as wait has it */

struct native {
    int ends[NATIVE_RUNS];
    int n;
};

bool native_has(const struct native *k, int end);

/* Runs each plan NATIVE_RUNS times, half of them quietly and half of them beside processes that are busy, and
 * fills natives[i] for plans[i]. program: the path of the compiled one. Makes processes of its own, so the caller
 * has no children yet that it waits for. */
void native_run(const char *program, const struct plan *plans, size_t n, struct native *natives);

#endif
