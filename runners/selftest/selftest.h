/* The selftest runner: does in a trial what its behaviour says, and nothing else.
 *
 * One of the project's circles that stay. main.c calls handlers, hangs, memory, messages, processes,
 * resources, serving, stacks and threads, a function for each behaviour, all of them out of the one table
 * that is made of behaviours.h; and they call main.c for what belongs to its trial: how long to sleep, how to
 * leave, what the result of a trial that passes is, and to begin again as another process in main()
 * (--misbehave). A behaviour is a part of the trial that is misbehaving, and not a layer below it; and the
 * runner is compiled as one program, from sources that nothing else uses. */
#ifndef TL_SELFTEST_H
#define TL_SELFTEST_H

#include "cases/selftest/behaviours.h"
#include "runners/channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_selftest {
    struct tl_run *run;
    int64_t count;   /* 0: the behaviour's default */
    int64_t seconds; /* 0: the behaviour's default */
};

/* What a behaviour that comes back wants next. */
enum tl_selftest_next {
    TL_SELFTEST_GO_ON, /* go on with the trial, which then passes */
    TL_SELFTEST_OVER,  /* everything has been said: leave */
};

#define TL_SELFTEST_DECLARE(name, about) int tl_selftest_##name(const struct tl_selftest *t);
TL_SELFTEST_BEHAVIOURS(TL_SELFTEST_DECLARE)

/* count, or a default when it is 0. */
int64_t tl_selftest_count(const struct tl_selftest *t, int64_t otherwise);
/* Sleeps; 0 seconds: for ever. */
void tl_selftest_nap(int64_t seconds);
/* Ends the process at once in the way that suits it: exit(), or _exit() after flushing in a forked child. */
void tl_selftest_leave(const struct tl_selftest *t, int status) __attribute__((noreturn));
/* The result of a trial that passes, whose values are all larger by `shift`. A new reference. */
json_t *tl_selftest_result_of(const struct tl_selftest *t, double shift);
/* Replaces this process by the executable, which then does the behaviour and nothing else. Comes back on
 * failure. */
void tl_selftest_exec(const char *behaviour);
/* A function that reads address 0 and comes from code with .debug_frame only. */
int tl_selftest_bare_fault(void);

/* The part of the fork server: does what the request's build.selftest (or $TRAPLINE_SELFTEST_SERVE) says. */
int tl_selftest_load(const json_t *request, void **state, char *why, size_t why_size);

#endif
