/* Plans of misbehaviour (runners/misbehave.h), and what is known of one without running it. */
#ifndef TL_TEST_RANDOM_PLAN_H
#define TL_TEST_RANDOM_PLAN_H

#include "tests/integration/runners/misbehave.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_TEXT_SIZE 256
#define MEMORY_MB 96 /* with the limit "memory" */
#define FILE_MB 1    /* with the limit "file_size" */

struct plan plan_random(uint64_t *state);
void plan_text(const struct plan *p, char text[PLAN_TEXT_SIZE]);
/* With or without "step:" before it, as plan_print has it. */
bool plan_parse(const char *text, struct plan *p);
void plan_print(const struct plan *p, char text[PLAN_TEXT_SIZE]);

bool plan_takes_memory(const struct plan *p); /* all that it can have */
bool plan_fails_as_child(
    const struct plan *p); /* whether a parent tells its child's death by an exit status */
bool plan_is_judged_itself(
    const struct plan *p); /* the process whose status counts is the one that misbehaves */
bool plan_exits_beside(const struct plan *p);
bool plan_hangs(const struct plan *p); /* where it is, if it comes to that */
/* Whether the signal that kills is one that its fatal place brings about in its own thread. */
bool plan_dies_at_place(const struct plan *p);
/* Whether nothing handles the signal of its place, whatever else there is: then it is the death. */
bool plan_signal_is_fatal(const struct plan *p);

/* Whether its handler ends with the default action of the signal. */
bool plan_brings_signal_back(const struct plan *p);

#endif
