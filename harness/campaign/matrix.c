/* Runs every variant on every unit, and says what came of each cell.
 *
 * Everything that is known already is taken from the database: the k-th of `repeat` trials of a cell is the k-th that
 * is stored. A matrix that was interrupted therefore goes on where it stopped when it is asked for again, and one
 * that is complete costs no trial but those that try whether it still holds (matrix_guard.c). Variants that the case
 * forbids and units that cannot be used are not tried, and leave nothing in the database. */
#include "harness/campaign/matrix.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/quantile.h"
#include "harness/campaign/changed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 16 /* times that cells are run anew */

/* --- what came of a trial ------------------------------------------------------------------------------- */

static void add_reason(struct tl_matrix *m, const char *unit, const char *why)
{
    char *text = tl_format("%s: %s", unit, why ? why : "no reason is recorded");
    size_t i = 0;
    while (i < m->n_reasons && strcmp(m->reasons[i].text, text))
        i++;
    if (i == m->n_reasons) {
        *TL_GROW(m->reasons, m->n_reasons) = (struct tl_matrix_reason){text, 0};
    } else {
        free(text);
    }
    m->reasons[i].trials++;
}

/* Of a result against the reference, as struct tl_matrix_trial has it. */
static double error_of(const json_t *result)
{
    const json_t *error = json_object_get(json_object_get(result, "reference"), "max_error");
    return !error ? NAN : json_is_number(error) ? json_number_value(error) : INFINITY; /* not finite */
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_matrix_trial *t = arg;
    struct tl_matrix *m = t->matrix;
    if (failure)
        return;
    if (r->outcome == TL_OUTCOME_LOST && (tl_executor_interrupted(m->x) || tl_executor_out_of_time(m->x)))
        return; /* it was stopped, and will be run another time */
    memcpy(t->id, r->id, sizeof t->id);
    t->ended = true;
    t->cached = cached && r->started_us < tl_executor_started_us(m->x);
    if (t->cached)
        tl_stored_seen(&m->span, r->started_us);
    t->fresh = r->fresh;
    t->outcome = r->outcome;
    t->standing = tl_expected_of_record(t->expected, r, NULL);
    t->label = tl_labels_count(&m->labels, r->signature.id, r->signature.coarse_id, r->signature.title,
                               r->outcome, r->phase, r->signal);
    t->seconds = r->wall_seconds;
    t->peak_rss = r->peak_rss;
    t->error = error_of(t->outcome == TL_OUTCOME_PASS || t->outcome == TL_OUTCOME_WRONG ? r->result : NULL);
    if (r->outcome == TL_OUTCOME_UNSUPPORTED)
        add_reason(m, r->unit, r->message);
    m->ended++;
    m->cached += t->cached;
    m->failed += tl_standing_is_failure(t->standing, r->outcome);
    m->judged += r->outcome != TL_OUTCOME_UNSUPPORTED && r->outcome != TL_OUTCOME_LOST;
    m->not_judged += tl_outcome_is_not_judged(r->outcome, r->phase);
}

/* --- running -------------------------------------------------------------------------------------------- */

/* A case and a unit may not go together: steps run on command:host, and nothing else does. */
static bool applies(const struct tl_matrix_case *k, const struct tl_unit *u)
{
    return (k->c->model_kind == TL_MODEL_STEPS) == !strcmp(u->runner, "command");
}

/* Where a trial of the whole matrix is: repeats turn fastest, then units, so that a variant's model is made
 * once and used while it is warm. */
struct place {
    size_t at_case, row, unit;
    unsigned repeat;
};

static void go_on(const struct tl_matrix *m, struct place *p)
{
    if (++p->repeat < m->wishes.repeat)
        return;
    p->repeat = 0;
    if (++p->unit < m->n_units)
        return;
    p->unit = 0;
    if (++p->row < m->cases[p->at_case].n_rows)
        return;
    p->row = 0;
    p->at_case++;
}

/* Submits the trial at a place; 0 also when there is nothing to try. */
static int submit(struct tl_matrix *m, const struct place *p, struct tl_error *e)
{
    const struct tl_matrix_case *k = &m->cases[p->at_case];
    const struct tl_unit *u = m->units[p->unit];
    struct tl_matrix_trial *t = tl_matrix_trials(m, k, p->row, p->unit) + p->repeat;
    t->matrix = m;
    t->label = TL_NO_LABEL;
    t->expected = k->c->expected;
    if (!u->usable || !applies(k, u)) {
        t->ended = true;
        t->outcome = TL_OUTCOME_UNSUPPORTED;
        add_reason(m, u->text,
                   !u->usable                           ? u->why
                   : k->c->model_kind == TL_MODEL_STEPS ? "a case with steps runs on command:host"
                                                        : "only cases with steps run here");
        m->total--;
        return 0;
    }
    const struct tl_request q = {
        .c = k->c,
        .variant = &k->rows[p->row],
        .unit = u,
        .fresh = m->wishes.fresh || tl_processes_need_fresh(&k->processes[p->unit]),
        .use_cache = !m->wishes.no_cache,
        .repeat = p->repeat,
    };
    return tl_executor_submit(m->x, &q, on_done, t, e);
}

static double seconds_left(const struct tl_matrix *m)
{
    return m->wishes.max_seconds ? (double)m->wishes.max_seconds - tl_awake_since(m->started_ns) : HUGE_VAL;
}

static void show_progress(struct tl_matrix *m)
{
    double elapsed = tl_awake_since(m->started_ns);
    uint64_t ran = m->ended - m->cached;
    char left[64] = "";
    if (ran >= 10 && m->total > m->ended)
        snprintf(left, sizeof left, ", about %.0f s left",
                 fmax(0, fmin(elapsed / (double)ran * (double)(m->total - m->ended), seconds_left(m))));
    tl_watch_line(m->watch,
                  "matrix: %llu of %llu trials (%llu known already), %zu in flight, %llu not passed, "
                  "%.0f s%s",
                  (unsigned long long)m->ended, (unsigned long long)m->total, (unsigned long long)m->cached,
                  tl_executor_in_flight(m->x), (unsigned long long)m->failed, elapsed, left);
}

static int run_all(struct tl_matrix *m, struct tl_error *e)
{
    size_t most = (size_t)tl_executor_jobs(m->x) * 2;
    struct place p = {0};
    while (p.at_case < m->n_cases && !m->cases[p.at_case].n_rows)
        p.at_case++;
    while ((p.at_case < m->n_cases || tl_executor_pending(m->x)) && !tl_executor_interrupted(m->x)) {
        if (tl_executor_out_of_time(m->x)) {
            m->cut_short = p.at_case < m->n_cases || tl_executor_pending(m->x);
            return tl_executor_finish(m->x, e);
        }
        while (p.at_case < m->n_cases && tl_executor_pending(m->x) < most) {
            if (submit(m, &p, e))
                return -1;
            go_on(m, &p);
            while (p.at_case < m->n_cases && !m->cases[p.at_case].n_rows)
                p.at_case++;
        }
        if (tl_executor_step(m->x, e))
            return -1;
        show_progress(m);
    }
    return tl_executor_interrupted(m->x) ? tl_executor_finish(m->x, e) : 0;
}

/* As it was before anything was run. */
static void reset(struct tl_matrix *m)
{
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        memset(k->trials, 0, k->n_rows * m->n_units * (size_t)m->wishes.repeat * sizeof *k->trials);
    }
    for (size_t i = 0; i < m->n_reasons; i++)
        free(m->reasons[i].text);
    free(m->reasons);
    m->reasons = NULL;
    m->n_reasons = 0;
    tl_labels_free(&m->labels);
    m->labels = (struct tl_labels){0};
    m->total = m->planned;
    m->ended = m->cached = m->failed = m->judged = m->not_judged = 0;
    m->span = (struct tl_stored_span){0};
}

/* Says why what is stored is not used, where that is so: of several reasons the first. */
static void say_changed(const struct tl_matrix *m)
{
    uint64_t n = 0, of_one;
    char *why = NULL, *one;
    for (size_t i = 0; i < m->n_cases && !m->wishes.no_cache; i++)
        for (size_t u = 0; u < m->n_units && m->cases[i].n_rows; u++) {
            tl_changed_of_case(m->x, m->cases[i].c, &m->cases[i].rows[0], m->units[u], &of_one, &one);
            n += of_one;
            if (why)
                free(one);
            else
                why = one;
        }
    tl_changed_warn(m->x, n, "in the database", why);
}

int tl_matrix_run(struct tl_matrix *m, struct tl_error *e)
{
    m->units = tl_calloc(m->n_units + 1, sizeof *m->units);
    tl_watch_line(m->watch, "matrix: asking %zu units what they are", m->n_units);
    if (tl_executor_units(m->x, (const char *const *)m->names.list, m->n_units, m->units, e) ||
        tl_units_check_builds(m->units, m->n_units, e))
        return -1;
    bool again = true;
    say_changed(m);
    m->planned = m->total;
    for (int round = 0; round < ROUNDS && again; round++) {
        if (round)
            reset(m);
        again = false;
        if (tl_matrix_processes(m, e) || run_all(m, e))
            return -1;
        m->cut_short = m->cut_short || (m->ended < m->total && tl_executor_out_of_time(m->x));
        if (m->cut_short || tl_executor_interrupted(m->x))
            return 0;
        if (round + 1 < ROUNDS && tl_matrix_guard(m, &again, e))
            return -1;
        if (tl_executor_interrupted(m->x) || tl_executor_out_of_time(m->x))
            return 0;
    }
    return 0;
}

/* --- what came of it all -------------------------------------------------------------------------------- */

struct tl_matrix_cell tl_matrix_cell_of(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row,
                                        size_t unit)
{
    const struct tl_matrix_trial *trials = tl_matrix_trials(m, k, row, unit);
    size_t repeat = (size_t)m->wishes.repeat;
    struct tl_matrix_cell c = {0};
    double *seconds = tl_calloc(repeat + 1, sizeof *seconds);
    for (size_t i = 0; i < repeat; i++) {
        const struct tl_matrix_trial *t = &trials[i];
        if (!t->ended)
            continue;
        seconds[c.groups.trials] = t->seconds;
        tl_groups_count(&c.groups, t->outcome, t->standing, t->label);
        c.cached += t->cached;
    }
    tl_sort(seconds, c.groups.trials);
    tl_groups_sort(&c.groups);
    tl_matrix_mark(m, k, row, unit, &c.groups);
    c.seconds = tl_median(seconds, c.groups.trials);
    free(seconds);
    return c;
}

void tl_matrix_letters(struct tl_matrix *m)
{
    for (size_t i = 0; i < m->n_cases; i++)
        for (size_t r = 0; r < m->cases[i].n_rows; r++)
            for (size_t u = 0; u < m->n_units; u++) {
                struct tl_matrix_cell c = tl_matrix_cell_of(m, &m->cases[i], r, u);
                for (size_t g = 0; g < c.groups.n; g++)
                    tl_labels_letter(&m->labels, c.groups.list[g].label);
                free(c.groups.list);
            }
    tl_labels_lettered(&m->labels);
}

struct tl_matrix_numerics tl_matrix_numerics_of(const struct tl_matrix *m, const struct tl_matrix_case *k,
                                                size_t unit)
{
    struct tl_matrix_numerics z = {.list = tl_calloc(k->n_rows + 1, sizeof *z.list)};
    double most = -1;
    for (size_t r = 0; r < k->n_rows; r++) {
        const struct tl_matrix_trial *t = tl_matrix_trials(m, k, r, unit);
        double error = -1;
        for (uint64_t i = 0; i < m->wishes.repeat; i++)
            if (t[i].ended && *t[i].id && !isnan(t[i].error))
                error = fmax(error, t[i].error);
        if (error < 0)
            continue;
        z.list[z.n++] = error;
        if (error > most) {
            most = error;
            z.largest = r;
        }
    }
    tl_sort(z.list, z.n);
    return z;
}

char *tl_matrix_row_name(const struct tl_matrix_case *k, const struct tl_variant *v)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < k->c->n_axes; i++)
        if (v->index[i]) {
            char *value = tl_value_text(tl_axis_value(&k->c->axes[i], v->index[i]));
            tl_buffer_printf(&b, "%s%s=%s", b.size ? " " : "", k->c->axes[i].name, value);
            free(value);
        }
    if (!b.size)
        tl_buffer_add_string(&b, "baseline");
    return tl_buffer_take(&b);
}

void tl_matrix_free(struct tl_matrix *m)
{
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        for (size_t r = 0; r < k->n_rows; r++)
            tl_variant_free(&k->rows[r]);
        free(k->rows);
        free(k->varied);
        free(k->forbidden);
        free(k->trials);
        free(k->processes);
        tl_case_free(k->c);
    }
    tl_unit_list_free(&m->names);
    for (size_t i = 0; i < m->n_reasons; i++)
        free(m->reasons[i].text);
    free(m->reasons);
    tl_labels_free(&m->labels);
    tl_known_list_free(&m->known);
    json_decref(m->marks);
    free(m->cases);
    free(m->units);
}
