/* The families that are built in, the axes that every runner has in common, and what can be looked up in
 * both.
 *
 * A case may use an axis of its family or of the runners without listing its values: "forbid" may name it,
 * and it is then at its baseline. So both are searched wherever an axis is not the case's own. */
#include "cases/family.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LISTED_MAX 16 /* values that a message lists */

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
    {"tell_optimizers", TL_VALUE_BOOLEAN, 0, 1, NULL, "false",
     "tell as counts how often each optimiser of the session changed the graph"},
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
    for (size_t i = 0; i < TL_COUNT(families); i++)
        if (!strcmp(families[i]->name, name))
            return families[i];
    return NULL;
}

const struct tl_family *const *tl_families(size_t *n)
{
    *n = TL_COUNT(families);
    return families;
}

json_t *tl_family_about_values(const struct tl_family *f, const char *axis)
{
    json_t *values = json_object();
    for (size_t i = 0; f && i < f->n_values; i++)
        if (!strcmp(f->values[i].axis, axis))
            json_object_set_new(values, f->values[i].value, json_string(f->values[i].about));
    return values;
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
    *n = TL_COUNT(runtime_axes);
    return runtime_axes;
}

const struct tl_family_axis *tl_runtime_axis_find(const char *name)
{
    static const struct tl_family runners = {.axes = runtime_axes, .n_axes = TL_COUNT(runtime_axes)};
    return tl_family_axis_find(&runners, name);
}

const struct tl_family_axis *tl_known_axis(const struct tl_case *c, const struct tl_family *f,
                                           const char *name)
{
    if (c->model_kind == TL_MODEL_STEPS) /* its axes are its own: no runner reads them */
        return NULL;
    const struct tl_family_axis *found = f ? tl_family_axis_find(f, name) : NULL;
    return found ? found : tl_runtime_axis_find(name);
}

char *tl_family_axis_takes(const struct tl_family_axis *a)
{
    if (!a->values && a->type == TL_VALUE_INTEGER)
        return tl_format("an integer from %" PRId64 " to %" PRId64, a->least, a->most);
    if (!a->values)
        return tl_strdup(a->type == TL_VALUE_STRING ? "a string" : "true or false");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, a->type == TL_VALUE_STRING ? "a string, one of " : "one of ");
    for (size_t i = 0; i < LISTED_MAX && a->values[i]; i++)
        tl_buffer_printf(&b, "%s%s", i ? ", " : "", a->values[i]);
    size_t n = 0;
    while (a->values[n])
        n++;
    if (n > LISTED_MAX)
        tl_buffer_printf(&b, ", … (%zu values)", n);
    return tl_buffer_take(&b);
}

char *tl_known_axis_refuses(const struct tl_family_axis *a, struct tl_value v)
{
    if (v.type != a->type)
        return tl_family_axis_takes(a);
    if (!a->values)
        return v.type == TL_VALUE_INTEGER && (v.integer < a->least || v.integer > a->most)
                   ? tl_family_axis_takes(a)
                   : NULL;
    char *text = tl_value_text(v);
    bool listed = false;
    size_t n = 0;
    for (; a->values[n]; n++)
        listed |= !strcmp(a->values[n], text);
    const char *suggested = listed ? NULL : tl_suggest(text, a->values, n);
    free(text);
    if (listed)
        return NULL;
    return suggested ? tl_format("other values (did you mean \"%s\"?)", suggested) : tl_family_axis_takes(a);
}

const char *tl_suggest_axis(const struct tl_case *c, const struct tl_family *f, const char *name, bool beyond)
{
    const char *names[3 * TL_AXES_MAX];
    size_t n = 0, n_runtime;
    beyond = beyond && c->model_kind != TL_MODEL_STEPS; /* no other axis is known there */
    for (size_t i = 0; i < c->n_axes && n < TL_AXES_MAX; i++)
        names[n++] = c->axes[i].name;
    for (size_t i = 0; beyond && f && i < f->n_axes && n < 2 * TL_AXES_MAX; i++)
        names[n++] = f->axes[i].name;
    const struct tl_family_axis *runtime = tl_runtime_axes(&n_runtime);
    for (size_t i = 0; beyond && i < n_runtime && n < 3 * TL_AXES_MAX; i++)
        names[n++] = runtime[i].name;
    return tl_suggest(name, names, n);
}
