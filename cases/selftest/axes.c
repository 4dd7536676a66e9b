/* The family of the selftest runner: not a model, but ways to misbehave (runners/selftest). */
#include "cases/family.h"

static const struct tl_family_axis axes[] = {
    {"behaviour", TL_VALUE_STRING, 0, 0, NULL, "pass", "what the runner does (trapline-selftest --list)"},
};

const struct tl_family tl_family_selftest = {
    .name = "selftest",
    .about = "misbehaves on request, to test trapline and this machine",
    .axes = axes,
    .n_axes = sizeof axes / sizeof axes[0],
};
