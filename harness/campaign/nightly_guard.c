/* Nights are tried before they are given: do fresh processes do the same, do older trials still hold?
 *
 * Its trials are always run anew, and most are a fork server's children. One pass of each case on each unit is tried
 * in a fresh process, once for each environment (processes.h); where that differs, the cells of the case on that unit
 * are emptied and run in fresh processes, tonight and in the nights to come.
 *
 * Trials of this night that contradict stored ones set those aside (stored.h): what isolates a new failure afterwards
 * must not be told that it passes, by trials of the days before. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static struct tl_stored_cell cell_of(const struct tl_nightly_cell *c)
{
    return (struct tl_stored_cell){c->c, &c->variant, c->unit};
}

int tl_nightly_processes_known(struct tl_nightly *n, struct tl_error *e)
{
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_stored_cell cell = cell_of(&n->cells[i]);
        bool known;
        if (tl_processes_known(n->x, &cell, &n->cells[i].processes, &known, e))
            return -1;
    }
    return 0;
}

/* As if it had not been run this night. */
static void empty(struct tl_nightly_cell *c)
{
    tl_nightly_kinds_free(c);
    c->passed = c->failed = c->refused = c->as_expected = 0;
    memset(c->seconds, 0, sizeof c->seconds);
    memset(c->memory, 0, sizeof c->memory);
}

/* Of the cells of its case on its unit that passed (or failed) the one that is most worth it. */
static const struct tl_nightly_cell *best_of(const struct tl_nightly *n, const struct tl_nightly_cell *c,
                                             bool failed)
{
    const struct tl_nightly_cell *best = c;
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_nightly_cell *o = &n->cells[i];
        if (o->c == c->c && o->unit == c->unit && (failed ? o->failed : o->passed) &&
            tl_processes_worth(o->c, &o->variant) > tl_processes_worth(best->c, &best->variant))
            best = o;
    }
    return best;
}

int tl_nightly_processes(struct tl_nightly *n, bool *again, struct tl_error *e)
{
    for (int failed = 0; failed < 2; failed++) /* by what passed; where nothing did, by what failed */
        for (size_t i = 0; i < n->n_cells && !tl_executor_interrupted(n->x); i++) {
            struct tl_nightly_cell *c = &n->cells[i];
            struct tl_stored_cell cell = cell_of(c);
            struct tl_processes p;
            bool known;
            if (!tl_processes_forked(c->unit) || c->processes.differ || (failed ? !c->failed : !c->passed))
                continue;
            if (tl_processes_known(n->x, &cell, &p, &known, e))
                return -1;
            if (known || tl_nightly_left(n) <= 0)
                continue;
            tl_watch_line(n->watch, "nightly %s: is %s the same in fresh processes?", n->suite->name,
                          c->c->name);
            cell = cell_of(best_of(n, c, failed));
            if (tl_processes_try(n->x, &cell, &p, e))
                return -1;
            for (size_t k = 0; k < n->n_cells && p.differ; k++)
                if (n->cells[k].c == c->c && n->cells[k].unit == c->unit) {
                    n->cells[k].processes = p;
                    empty(&n->cells[k]);
                    n->total += n->suite->repeat;
                    *again = true;
                }
        }
    return 0;
}

int tl_nightly_settle(struct tl_nightly *n, struct tl_error *e)
{
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_nightly_cell *c = &n->cells[i];
        const struct tl_stored_cell cell = cell_of(c);
        bool contradicted = false;
        if (c->unit->usable && c->passed + c->failed + c->refused > 0 &&
            tl_stored_settle(n->x, &cell, n->night.started_us, &n->aside, &contradicted, e))
            return -1;
    }
    return 0;
}

json_t *tl_nightly_processes_json(const struct tl_nightly *n, json_t *notes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_nightly_cell *c = &n->cells[i];
        bool first = c->processes.differ;
        for (size_t k = 0; k < i && first; k++)
            first = n->cells[k].c != c->c || n->cells[k].unit != c->unit;
        if (!first)
            continue;
        json_t *j = tl_processes_json(&c->processes);
        json_object_set_new(j, "case", json_string(c->c->name));
        json_object_set_new(j, "unit", json_string(c->unit->text));
        json_array_append_new(list, j);
        char *text = tl_processes_text(&c->processes),
             *note = tl_format("%s on %s %s: it is run in fresh processes", c->c->name, c->unit->text, text);
        json_array_append_new(notes, json_string(note));
        free(text);
        free(note);
    }
    return list;
}
