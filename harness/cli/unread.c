/* Warns of axes that nothing reads: a name that is wrong, or an option that the runner does not know. */
#include "harness/cli/begin.h"

#include "cases/family.h"
#include "harness/base/buffer.h"
#include "harness/executor/reading.h"

#include <stdlib.h>
#include <string.h>

/* Adds the names of axes with commas and "and" between. */
static void add_names(struct tl_buffer *b, const struct tl_case *c, const enum tl_reading *by_axis,
                      enum tl_reading reading)
{
    size_t n = 0, at = 0;
    for (size_t a = 0; a < c->n_axes; a++)
        n += by_axis[a] == reading;
    for (size_t a = 0; a < c->n_axes; a++) {
        if (by_axis[a] != reading)
            continue;
        tl_buffer_printf(b, "%s%s", !at ? "" : at + 1 == n ? " and " : ", ", c->axes[a].name);
        const char *suggested = tl_suggest_axis(&(struct tl_case){0}, NULL, c->axes[a].name, true);
        if (suggested && strcmp(suggested, c->axes[a].name) != 0)
            tl_buffer_printf(b, " (did you mean %s?)", suggested);
        at++;
    }
}

/* where: the unit; NULL: there are several */
static void warn_unread(const struct tl_case *c, const char *where, const enum tl_reading *by_axis,
                        enum tl_reading reading)
{
    struct tl_buffer names = TL_BUFFER_INIT;
    add_names(&names, c, by_axis, reading);
    if (names.size)
        tl_cli_note(
            "warning: %s: nothing reads %s%s: no command or input of the case does, and %s "
            "%s it among the axes that it understands. No answer speaks of its values",
            c->path, names.data,
            reading == TL_READING_DIMENSION ? ", unless the model has a symbolic dimension of that name" : "",
            where ? where : "none of the units", where ? "does not list" : "lists");
    tl_buffer_free(&names);
}

void tl_cli_warn_unread(struct tl_executor *x, const struct tl_case *c, const char *const *units, size_t n)
{
    struct tl_error ignored; /* the command says it when it comes to it */
    const struct tl_unit **found = tl_calloc(n + 1, sizeof(const struct tl_unit *));
    enum tl_reading *by_axis = tl_calloc(c->n_axes + 1, sizeof *by_axis);
    const char *where = NULL;
    size_t described = 0;
    if (tl_executor_units(x, units, n, found, &ignored))
        n = 0;
    for (size_t a = 0; a < c->n_axes; a++)
        by_axis[a] = TL_READING_NO;
    for (size_t i = 0; i < n; i++) {
        if (found[i]->build_missing ||
            (c->model_kind == TL_MODEL_STEPS) != !strcmp(found[i]->runner, "command"))
            continue;
        where = described++ ? NULL : found[i]->text;
        for (size_t a = 0; a < c->n_axes; a++) { /* one that reads it is enough */
            enum tl_reading reading = tl_executor_reading(x, c, NULL, found[i], a);
            by_axis[a] = reading < by_axis[a] ? reading : by_axis[a];
        }
    }
    if (described) {
        warn_unread(c, where, by_axis, TL_READING_NO);
        warn_unread(c, where, by_axis, TL_READING_DIMENSION);
    }
    free(by_axis);
    free(found);
}
