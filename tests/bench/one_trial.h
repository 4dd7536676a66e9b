/* One trial through the supervisor, timed, and the bare process that it is compared with. */
#ifndef TL_BENCH_ONE_TRIAL_H
#define TL_BENCH_ONE_TRIAL_H

#include "harness/supervise/supervisor.h"

/* A child that does nothing: the entry of a trial. */
int tl_bench_nothing(void *unused);
/* Microseconds from the submission to the end; a trial that does not pass ends the program, with a message. */
double tl_bench_trial_us(uv_loop_t *loop, struct tl_supervisor *s, const struct tl_trial_spec *spec);
/* Microseconds of a fork, an exit and a wait of this process. */
double tl_bench_bare_us(void);

#endif
