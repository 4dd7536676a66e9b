/* The families that are built in, and the axes that every runner has in common. */
#include "cases/family.h"

#include <string.h>

extern const struct tl_family tl_family_decoder, tl_family_arithmetic, tl_family_slice, tl_family_functions,
    tl_family_selftest;

static const struct tl_family *const families[] = {
    &tl_family_decoder, &tl_family_arithmetic, &tl_family_slice, &tl_family_functions, &tl_family_selftest};

static const char *const optimization[] = {"0", "1", "2", "99", NULL};

/* The baseline of a runtime axis is what a runner does when the variant does not name it. */
static const struct tl_family_axis runtime_axes[] = {
    {"optimization", TL_VALUE_INTEGER, 0, 99, optimization, "99",
     "graph optimisation level: 0 none, 1 basic, 2 extended, 99 all"},
    {"threads", TL_VALUE_INTEGER, 0, 1024, NULL, "1",
     "threads inside an operator; 0: what the runtime chooses"},
    {"runs", TL_VALUE_INTEGER, 1, 1000000, NULL, "1", "times the loaded model is run, one after the other"},
    {"loads", TL_VALUE_INTEGER, 1, 100000, NULL, "1",
     "times the model is loaded and released before it is run"},
    {"memory_pattern", TL_VALUE_BOOLEAN, 0, 1, NULL, "true",
     "plan memory ahead from the shapes of the first run"},
    {"stack_kb", TL_VALUE_INTEGER, 0, 1048576, NULL, "0",
     "stack of the thread that runs the trial, in KiB; 0: the main thread's"},
    {"arena", TL_VALUE_BOOLEAN, 0, 1, NULL, "true", "allocate from the runtime's own arena"},
    {"aot", TL_VALUE_BOOLEAN, 0, 1, NULL, "false", "compile ahead of time, and load what came of it"},
    {"externalise_sdpa", TL_VALUE_BOOLEAN, 0, 1, NULL, "false",
     "export attention as one operator of the runtime's own, not as its parts"},
    {"masks_in_graph", TL_VALUE_BOOLEAN, 0, 1, NULL, "false",
     "make the mask of each kind of layer inside the graph"},
    {"kv_padding", TL_VALUE_INTEGER, 0, 65536, NULL, "0",
     "rows that the KV cache is allocated beyond what the model is told of"},
    {"kv_contiguous", TL_VALUE_BOOLEAN, 0, 1, NULL, "true", "the KV cache is one piece of memory"},
};

const struct tl_family *tl_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (!strcmp(families[i]->name, name))
            return families[i];
    return NULL;
}

const struct tl_family *const *tl_families(size_t *n)
{
    *n = sizeof families / sizeof families[0];
    return families;
}

const struct tl_family_axis *tl_family_axis_find(const struct tl_family *f, const char *name)
{
    for (size_t i = 0; i < f->n_axes; i++)
        if (!strcmp(f->axes[i].name, name))
            return &f->axes[i];
    return NULL;
}

const struct tl_family_axis *tl_runtime_axes(size_t *n)
{
    *n = sizeof runtime_axes / sizeof runtime_axes[0];
    return runtime_axes;
}
