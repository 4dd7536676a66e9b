/* The nights that a cell goes on from, newest first. A cell goes on from the last night that ran it on the same
 * runner and device: on the same build if that night had it, else on the nearest older one, else on the nearest; and
 * that one from what it went on from. */
#include "harness/campaign/nightly_past.h"

#include "harness/base/buffer.h"
#include "harness/base/version.h"

#include <stdlib.h>
#include <string.h>

#define NIGHTS 20 /* that are looked at; counts are carried along with each cell */

int tl_nightly_remember(struct tl_nightly_cell *c, struct tl_error *e)
{
    struct tl_nightly *n = c->nightly;
    size_t of_builds = 1; /* cells that a night has of it */
    for (size_t i = 0; i < n->names.n; i++)
        of_builds += n->units[i] != c->unit && !strcmp(n->units[i]->runner, c->unit->runner) &&
                     !strcmp(n->units[i]->device, c->unit->device);
    tl_night_cells_free(&c->history);
    return tl_night_history(tl_executor_store(n->x), &n->night, c->c->name, c->c->hash, c->variant_hash,
                            c->runner_device, NIGHTS * of_builds, &c->history, e);
}

static char *build_of(const char *unit)
{
    struct tl_unit u;
    struct tl_error ignored;
    char *build = tl_unit_parse(unit, &u, &ignored) ? NULL : tl_strdup(u.build);
    tl_unit_free(&u);
    return build;
}

/* Of the cells of the newest night: that of the same unit, else of the nearest older build, else of the
 * nearest. */
static const struct tl_night_cell *predecessor(const struct tl_nightly_cell *c)
{
    const struct tl_night_cells *h = &c->history;
    const struct tl_night_cell *best = NULL;
    char *mine = build_of(c->unit->text), *best_build = NULL;
    for (size_t i = 0; i < h->n && !strcmp(h->list[i].night_id, h->list[0].night_id); i++) {
        const struct tl_night_cell *one = &h->list[i];
        if (!strcmp(one->unit, c->unit->text)) {
            best = one;
            break;
        }
        char *build = build_of(one->unit);
        bool older = mine && build && tl_version_compare(build, mine) < 0,
             best_older = mine && best_build && tl_version_compare(best_build, mine) < 0,
             nearer =
                 best_build && build &&
                 (tl_version_compare(build, best_build) > 0) == older; /* older ones: the newest of them */
        if (!best || (older && !best_older) || (older == best_older && nearer)) {
            best = one;
            free(best_build);
            best_build = build;
        } else {
            free(build);
        }
    }
    free(best_build);
    free(mine);
    return best;
}

/* The cell that an earlier cell continues. */
static const struct tl_night_cell *before(const struct tl_night_cells *h, const struct tl_night_cell *cell)
{
    if (!cell->continues)
        return NULL;
    for (const struct tl_night_cell *i = cell + 1; i < h->list + h->n; i++)
        if (strcmp(i->night_id, cell->night_id) != 0 && !strcmp(i->unit, cell->continues))
            return i;
    return NULL;
}

void tl_nightly_past(const struct tl_nightly_cell *c, struct tl_nightly_past *p)
{
    *p = (struct tl_nightly_past){0};
    for (const struct tl_night_cell *i = predecessor(c); i && p->n < TL_COUNT(p->list);
         i = before(&c->history, i))
        p->list[p->n++] = i;
}

static bool has_verdict(const struct tl_night_cell *c)
{
    return c->passed + c->failed + c->refused > 0;
}

size_t tl_nightly_of_build(const struct tl_nightly_cell *c, const struct tl_nightly_past *past)
{
    json_t *mine = tl_nightly_environment(c);
    size_t n = 1, i = 0;
    /* A night in which it could not be tried says nothing of a build. */
    for (; i < past->n && (!has_verdict(past->list[i]) || json_equal(past->list[i]->environment, mine)); i++)
        n += has_verdict(past->list[i]);
    json_decref(mine);
    return i < past->n ? n : 0;
}
