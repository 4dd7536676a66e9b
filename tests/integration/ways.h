/* What tests of programs that die, each in a way of its own, share: the programs run directly under the supervisor, or as a
 * step of the runner for commands, and each way says what must come of it. */
#ifndef TL_TEST_WAYS_H
#define TL_TEST_WAYS_H

#include "harness/supervise/supervisor.h"

#define NO_STACK "without a stack" /* where nobody looked, or when that of another place would be worse */

enum { IN_A_NAMESPACE = 1, AS_A_STEP = 2 };

struct way {
    const char *name;
    enum tl_outcome outcome;
    int signal;
    const char *function; /* in the title, before what called it; NULL: not looked at */
    unsigned only;        /* where a namespace can be made, as a step: both are flags */
};

/* A program that takes the name of a way, and what it runs under. */
struct ways {
    const char *program, *runner; /* runner: of steps */
    unsigned memory_mb;           /* 0: without a limit */
    bool no_cgroup;
    uv_loop_t loop;
    struct tl_supervisor *supervisor;
};

void ways_begin(struct ways *w, unsigned jobs);
void ways_submit(struct ways *w, const struct way *way, bool step, double timeout_s);

/* Waits for all that was submitted; nothing of it may be left. */
void ways_end(struct ways *w);

/* Each of them once; a hang is told after two seconds, or more where TRAPLINE_TESTS_SLOWER says so. */
void ways_run(struct ways *w, const struct way *ways, size_t n, bool step);

#endif
