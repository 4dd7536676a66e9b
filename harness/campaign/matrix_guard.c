/* A matrix is tried before it is given.
 *
 * Stored trials: of each case on each runner that has some in the table, one cell that failed and one that passed are
 * run again, another one each time. After a contradiction (stored.h) the other units of the runner are tried as well,
 * and the cells whose trials were set aside are run anew.
 *
 * Processes: one pass of each case on each unit that a fork server runs is tried in a fresh process, once for each
 * environment (processes.h). Where that differs, the case is run on that unit in fresh processes, this time and from
 * then on: no table holds outcomes of both kinds. */
#include "harness/campaign/matrix.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static struct tl_stored_cell cell_at(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row,
                                     size_t unit)
{
    return (struct tl_stored_cell){k->c, &k->rows[row], m->units[unit]};
}

int tl_matrix_processes(struct tl_matrix *m, struct tl_error *e)
{
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        if (!k->processes)
            k->processes = tl_calloc(m->n_units + 1, sizeof *k->processes);
        for (size_t u = 0; u < m->n_units && k->n_rows; u++) {
            const struct tl_stored_cell cell = cell_at(m, k, 0, u);
            bool known;
            if (tl_processes_known(m->x, &cell, &k->processes[u], &known, e))
                return -1;
        }
    }
    return 0;
}

/* --- stored trials -------------------------------------------------------------------------------------- */

struct candidate {
    size_t row, unit;
    bool fresh;
};

/* A cell of a case on a unit, or where runner is not NULL on any unit of it, that failed (or passed) in trials that
 * were known before. Of several another one each time. False: there is none. */
static bool choose_stored(const struct tl_matrix *m, const struct tl_matrix_case *k, const char *runner,
                          size_t unit, bool failed, struct candidate *chosen)
{
    struct candidate *list = NULL;
    size_t n = 0;
    for (size_t u = 0; u < m->n_units; u++)
        for (size_t r = 0; r < k->n_rows && (runner ? !strcmp(m->units[u]->runner, runner) : u == unit);
             r++) {
            const struct tl_matrix_trial *t = tl_matrix_trials(m, k, r, u);
            for (uint64_t i = 0; i < m->wishes.repeat; i++)
                if (t[i].cached && tl_outcome_is_failure(t[i].outcome) == failed) {
                    *TL_GROW(list, n) = (struct candidate){r, u, t[i].fresh};
                    break;
                }
        }
    if (n)
        *chosen = list[(uint64_t)tl_executor_started_us(m->x) / 1000 % n];
    free(list);
    return n > 0;
}

static int try_stored(struct tl_matrix *m, const struct tl_matrix_case *k, const char *runner, size_t unit,
                      bool *again, struct tl_error *e)
{
    for (int failed = 1; failed >= 0; failed--) {
        struct candidate chosen;
        if (!choose_stored(m, k, runner, unit, failed, &chosen))
            continue;
        const struct tl_stored_cell cell = cell_at(m, k, chosen.row, chosen.unit);
        tl_watch_line(m->watch, "matrix: does what is known of %s still hold?", k->c->name);
        if (tl_stored_try(m->x, &cell, chosen.fresh, tl_executor_started_us(m->x), &m->aside, again, e))
            return -1;
        if (*again || tl_executor_interrupted(m->x))
            return 0;
    }
    return 0;
}

static int try_runner(struct tl_matrix *m, const struct tl_matrix_case *k, size_t first, bool *again,
                      struct tl_error *e)
{
    bool contradicted = false;
    const char *runner = m->units[first]->runner;
    if (try_stored(m, k, runner, 0, &contradicted, e))
        return -1;
    for (size_t u = first; u < m->n_units && contradicted && !tl_executor_interrupted(m->x); u++) {
        bool ignored = false;
        if (!strcmp(m->units[u]->runner, runner) && try_stored(m, k, NULL, u, &ignored, e))
            return -1;
    }
    *again = *again || contradicted;
    return 0;
}

/* Whether an earlier unit is of the same runner. */
static bool is_repeated(const struct tl_matrix *m, size_t unit)
{
    for (size_t u = 0; u < unit; u++)
        if (!strcmp(m->units[u]->runner, m->units[unit]->runner))
            return true;
    return false;
}

/* Trials that were run now are compared with those that they were added to, or that they were to replace. */
static int settle(struct tl_matrix *m, const struct tl_matrix_case *k, bool *again, struct tl_error *e)
{
    bool unheeded = false; /* of a table without stored trials nothing is wrong */
    for (size_t u = 0; u < m->n_units; u++)
        for (size_t r = 0; r < k->n_rows; r++) {
            const struct tl_matrix_trial *t = tl_matrix_trials(m, k, r, u);
            bool ran = false, known = false;
            for (uint64_t i = 0; i < m->wishes.repeat; i++) {
                ran = ran || (*t[i].id && !t[i].cached);
                known = known || t[i].cached;
            }
            const struct tl_stored_cell cell = cell_at(m, k, r, u);
            if (ran && (known || m->wishes.no_cache) &&
                tl_stored_settle(m->x, &cell, tl_executor_started_us(m->x), &m->aside,
                                 known ? again : &unheeded, e))
                return -1;
        }
    return 0;
}

/* --- processes ------------------------------------------------------------------------------------------ */

/* The variant by which it is found out: of those that passed in a child the one that is most worth it; where none
 * did, one that failed. */
static bool choose(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t unit, size_t *row)
{
    size_t best = 0;
    for (int failed = 0; failed < 2 && !best; failed++)
        for (size_t r = 0; r < k->n_rows; r++) {
            const struct tl_matrix_trial *t = tl_matrix_trials(m, k, r, unit);
            size_t worth = 1 + tl_processes_worth(k->c, &k->rows[r]);
            bool shows = false;
            for (uint64_t i = 0; i < m->wishes.repeat; i++)
                shows = shows ||
                        (*t[i].id && !t[i].fresh &&
                         (failed ? tl_outcome_is_failure(t[i].outcome) : t[i].outcome == TL_OUTCOME_PASS));
            if (!shows || worth <= best)
                continue;
            best = worth;
            *row = r;
        }
    return best > 0;
}

static int try_processes(struct tl_matrix *m, struct tl_matrix_case *k, size_t unit, bool *again,
                         struct tl_error *e)
{
    size_t row;
    bool known;
    if (!tl_processes_forked(m->units[unit]) || m->wishes.fresh || k->processes[unit].differ ||
        !choose(m, k, unit, &row))
        return 0;
    const struct tl_stored_cell cell = cell_at(m, k, row, unit);
    if (tl_processes_known(m->x, &cell, &k->processes[unit], &known, e))
        return -1;
    if (known && !k->processes[unit].differ)
        return 0;
    tl_watch_line(m->watch, "matrix: is %s the same in fresh processes?", k->c->name);
    if (!known && tl_processes_try(m->x, &cell, &k->processes[unit], e))
        return -1;
    *again = *again || k->processes[unit].differ;
    return 0;
}

int tl_matrix_guard(struct tl_matrix *m, bool *again, struct tl_error *e)
{
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        if (settle(m, k, again, e))
            return -1;
        for (size_t u = 0; u < m->n_units && !*again; u++)
            if (!is_repeated(m, u) && !tl_executor_interrupted(m->x) && try_runner(m, k, u, again, e))
                return -1;
        for (size_t u = 0; u < m->n_units && !*again && k->n_rows; u++)
            if (!tl_executor_interrupted(m->x) && try_processes(m, k, u, again, e))
                return -1;
    }
    return 0;
}
