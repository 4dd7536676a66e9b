/* What the reference of a case makes of it.
 *
 * A reference that sets axes runs a case of its own: the same one, in which each of these axes has one value. So
 * everything that works on a case (its generator, its placeholders, what it forbids) works on it, too. */
#include "cases/reference.h"

#include "cases/arena.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *tl_reference_path(const struct tl_case *c, const struct tl_variant *v, const char *path,
                        const char *outputs)
{
    const struct tl_placeholder_paths paths = {.outputs = outputs};
    char *filled = tl_case_fill(c, v, path, &paths);
    if (*filled == '/')
        return filled;
    char *whole = tl_format("%s/%s", c->directory, filled);
    free(filled);
    return whole;
}

struct axes_of_path {
    const struct tl_case *c;
    bool *named; /* by index */
    bool made;   /* by the generator */
};

static void on_placeholder(void *arg, const char *name, size_t size, bool bad)
{
    struct axes_of_path *a = arg;
    char *word = tl_format("%.*s", (int)size, name);
    size_t i;
    if (!bad && tl_case_axis(a->c, word, &i))
        a->named[i] = true;
    a->made |= !bad && !strcmp(word, "outputs");
    free(word);
}

/* Counts on, the last named axis fastest; false at the end. */
static bool next(const struct tl_case *c, const bool *named, struct tl_variant *v)
{
    for (size_t i = c->n_axes; i-- > 0;) {
        if (!named[i])
            continue;
        if (++v->index[i] < c->axes[i].count)
            return true;
        v->index[i] = 0;
    }
    return false;
}

char **tl_reference_files(const struct tl_case *c)
{
    char **list = NULL;
    size_t n = 0;
    struct axes_of_path a = {c, tl_calloc(c->n_axes + 1, sizeof *a.named), false};
    for (size_t i = 0; i < c->reference.n_outputs; i++) {
        const char *path = c->reference.outputs[i].path;
        memset(a.named, 0, c->n_axes * sizeof *a.named);
        a.made = !path;
        if (path)
            tl_placeholders(path, on_placeholder, &a);
        if (a.made)
            continue;
        struct tl_variant v = tl_variant_baseline(c);
        do {
            char *file = tl_reference_path(c, &v, path, NULL);
            if (!access(file, F_OK))
                *TL_GROW(list, n) = file;
            else
                free(file);
        } while (next(c, a.named, &v));
        tl_variant_free(&v);
    }
    free(a.named);
    *TL_GROW(list, n) = NULL;
    return list;
}

struct tl_case *tl_reference_case(const struct tl_case *c, struct tl_arena *arena)
{
    const struct tl_reference *r = &c->reference;
    if (!r->n_with)
        return NULL;
    struct tl_case *as = tl_arena_alloc(arena, 1, sizeof *as);
    *as = *c;
    as->reference = (struct tl_reference){0};
    as->has_failing = false;
    as->axes = tl_arena_alloc(arena, c->n_axes + r->n_with, sizeof *as->axes);
    if (c->n_axes)
        memcpy(as->axes, c->axes, c->n_axes * sizeof *as->axes);
    for (size_t i = 0; i < r->n_with; i++) {
        size_t at = as->n_axes;
        tl_case_axis(c, r->with[i].name, &at);
        if (at == as->n_axes || !as->axes[at].sets) /* a set has its number (below) */
            as->axes[at] = r->with[i];
        as->n_axes += at == as->n_axes;
    }
    return as;
}

struct tl_variant tl_reference_variant(const struct tl_case *c, const struct tl_variant *v)
{
    const struct tl_case *as = c->reference.as ? c->reference.as : c;
    struct tl_variant made = tl_variant_baseline(as);
    for (size_t i = 0; i < c->n_axes; i++)
        made.index[i] = v->index[i];
    for (size_t i = 0; i < c->reference.n_with; i++) {
        size_t at;
        const struct tl_axis *a = tl_case_axis(as, c->reference.with[i].name, &at);
        if (a && (!a->sets || tl_axis_index(a, c->reference.with[i].values[0], &made.index[at])))
            made.index[at] = 0;
    }
    return made;
}
