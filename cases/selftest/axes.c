/* The family of the selftest runner: not a model, but ways to misbehave (runners/selftest). */
#include "cases/family.h"
#include "cases/selftest/behaviours.h"

#define NAME(name, about) #name,
static const char *const behaviours[] = {TL_SELFTEST_BEHAVIOURS(NAME) NULL};
static const char *const phases[] = {"execute", "start", "load", "compile", "check", "done", NULL};
static const char *const threads[] = {"main", "other", NULL};

static const struct tl_family_axis axes[] = {
    {"behaviour", TL_VALUE_STRING, 0, 0, behaviours, "pass",
     "what the runner does in the phase that is named (trapline-selftest --list explains each)"},
    {"phase", TL_VALUE_STRING, 0, 0, phases, "execute",
     "the phase in which it does so; done is after the result was sent"},
    {"thread", TL_VALUE_STRING, 0, 0, threads, "main",
     "the thread that does so; with other, the first thread waits for it in pthread_join"},
    {"count", TL_VALUE_INTEGER, 0, 1000000000, NULL, "0",
     "how much of it: frames, threads, MiB or bytes, as the behaviour says; 0: its default"},
    {"seconds", TL_VALUE_INTEGER, 0, 86400, NULL, "0", "how long a hang or a delay takes; 0: its default"},
    {"chance", TL_VALUE_INTEGER, 0, 100, NULL, "100",
     "percentage of trials that misbehave, drawn anew in each; the others pass"},
    {"layers", TL_VALUE_INTEGER, 1, 1000000000, NULL, "1",
     "compared with at_least; otherwise without effect"},
    {"at_least", TL_VALUE_INTEGER, 1, 1000000000, NULL, "1",
     "it misbehaves only when layers is at least this"},
    {"at_most", TL_VALUE_INTEGER, 1, 1000000000, NULL, "1000000000",
     "it misbehaves only when layers is at most this: a failure that is not monotone"},
    {"width", TL_VALUE_INTEGER, 1, 1000000000, NULL, "1", "without effect"},
};

const struct tl_family tl_family_selftest = {
    .name = "selftest",
    .about = "misbehaves on request, to test trapline and this machine",
    .axes = axes,
    .n_axes = sizeof axes / sizeof axes[0],
};
