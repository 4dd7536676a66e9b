/* The two parts of the program that misbehaves: what it does at its places (misbehave_places.c), and what leads
 * there (misbehave.c). */
#ifndef TL_MISBEHAVE_PLACES_H
#define TL_MISBEHAVE_PLACES_H

#include "tests/integration/runners/misbehave.h"

#include <pthread.h>
#include <signal.h>

#define CANNOT 77 /* exit status of a plan that this machine has no way for */
#define SEPARATE __attribute__((noinline, noclone))

extern struct plan plan;

extern pthread_t main_thread;

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT, SIGSYS};
#define N_CRASH_SIGNALS (sizeof crash_signals / sizeof *crash_signals)

void go_to_place(void);         /* the fatal one: does what the plan says, there */
void fault_at_place(int place); /* a fault that is handled */
void wait_until_killed(void);

#endif
