/* trapline matrix: every variant on every unit, side by side.
 *
 * Everything that is known already is taken from the database: the k-th of `--repeat` trials of a cell is the
 * k-th that is stored. A matrix that was interrupted therefore goes on where it stopped when it is asked for
 * again, and one that is complete costs no trial. Variants that the case forbids and units that cannot be
 * used are not tried, and leave nothing in the database. */
#include "harness/cli/matrix.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

static void add_reason(struct tl_matrix *m, const char *unit, const char *why)
{
    char *text = tl_format("%s: %s", unit, why ? why : "no reason is recorded");
    size_t i = 0;
    while (i < m->n_reasons && strcmp(m->reasons[i].text, text))
        i++;
    if (i == m->n_reasons) {
        m->reasons = tl_realloc(m->reasons, m->n_reasons + 1, sizeof *m->reasons);
        m->reasons[m->n_reasons++] = (struct tl_matrix_reason){text, 0};
    } else {
        free(text);
    }
    m->reasons[i].trials++;
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct tl_matrix_trial *t = arg;
    struct tl_matrix *m = t->matrix;
    if (failure) {
        if (!m->broken)
            m->failure = *failure;
        m->broken = true;
        return;
    }
    if (r->outcome == TL_OUTCOME_LOST && tl_executor_interrupted(m->x))
        return; /* it was stopped, and will be run another time */
    memcpy(t->id, r->id, sizeof t->id);
    t->ended = true;
    t->cached = cached;
    t->fresh = r->fresh;
    t->outcome = r->outcome;
    t->face = tl_faces_count(&m->faces, r->signature.id, r->signature.coarse_id, r->signature.title,
                             r->outcome, r->phase, r->signal);
    t->seconds = r->wall_seconds;
    t->peak_rss = r->peak_rss;
    t->error =
        tl_matrix_error(t->outcome == TL_OUTCOME_PASS || t->outcome == TL_OUTCOME_WRONG ? r->result : NULL);
    if (r->outcome == TL_OUTCOME_UNSUPPORTED)
        add_reason(m, r->unit, r->message);
    m->ended++;
    m->cached += cached;
    m->failed += tl_outcome_is_failure(r->outcome);
}

/* Where a trial of the whole matrix is: repeats turn fastest, then units, so that a variant's model is made
 * once and used while it is warm. */
struct place {
    size_t at_case, row, unit;
    unsigned repeat;
};

static void go_on(const struct tl_matrix *m, struct place *p)
{
    if (++p->repeat < m->o->repeat)
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
    t->face = TL_NO_FACE;
    if (!u->usable || !tl_matrix_applies(k, u)) {
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
        .fresh = m->o->fresh,
        .use_cache = !m->o->no_cache,
        .repeat = p->repeat,
    };
    return tl_executor_submit(m->x, &q, on_done, t, e);
}

static void show_progress(struct tl_matrix *m)
{
    double elapsed = tl_seconds_since(m->progress.started_ns);
    uint64_t ran = m->ended - m->cached;
    char left[64] = "";
    if (ran >= 10 && m->total > m->ended)
        snprintf(left, sizeof left, ", about %.0f s left",
                 elapsed / (double)ran * (double)(m->total - m->ended));
    tl_watch_line(&m->progress.watch,
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

static int start(struct tl_matrix *m, struct tl_error *e)
{
    const struct tl_options *o = m->o;
    struct tl_buffer command = TL_BUFFER_INIT;
    tl_buffer_add_string(&command, "matrix");
    for (int i = 0; i < o->n_args; i++)
        tl_buffer_printf(&command, " %s", o->args[i]);
    const struct tl_executor_options options = {
        .db_path = o->db,
        .command = command.data,
        .jobs = o->jobs,
        .keep_scratch = o->keep_scratch,
        .no_cgroup = o->no_cgroup,
    };
    int result = tl_executor_new(&m->x, &options, e);
    tl_buffer_free(&command);
    m->units = tl_calloc(m->n_units + 1, sizeof *m->units);
    tl_watch_line(&m->progress.watch, "matrix: asking %zu units what they are", m->n_units);
    if (!result)
        result = tl_executor_units(m->x, (const char *const *)m->names.list, m->n_units, m->units, e);
    return result;
}

static int run_matrix(struct tl_matrix *m)
{
    struct tl_error e, closing;
    int result = start(m, &e);
    if (!result)
        result = run_all(m, &e);
    if (!result && m->broken) {
        e = m->failure;
        result = -1;
    }
    tl_cli_progress_clear(&m->progress);
    bool interrupted = m->x && tl_executor_interrupted(m->x);
    if (m->x && (!result || m->ended)) {
        double elapsed = tl_seconds_since(m->progress.started_ns);
        tl_matrix_letters(m);
        if (m->o->json)
            tl_print_json(tl_matrix_json(m, elapsed, !interrupted && !result));
        else
            tl_matrix_print(m, tl_colour(stdout));
    }
    int closed = m->x ? tl_executor_free(m->x, &closing) : 0;
    if (result)
        return tl_print_error(&e);
    if (closed)
        return tl_print_error(&closing);
    if (interrupted) {
        fprintf(stderr,
                "trapline: interrupted; %llu of %llu trials are stored. The same command goes on from "
                "here\n",
                (unsigned long long)m->ended, (unsigned long long)m->total);
        return TL_EXIT_INTERRUPTED;
    }
    return m->failed ? TL_EXIT_FAILURE : TL_EXIT_OK;
}

static void release(struct tl_matrix *m)
{
    for (size_t i = 0; i < m->n_cases; i++) {
        struct tl_matrix_case *k = &m->cases[i];
        for (size_t r = 0; r < k->n_rows; r++)
            tl_variant_free(&k->rows[r]);
        free(k->rows);
        free(k->varied);
        free(k->forbidden);
        free(k->trials);
        tl_case_free(k->c);
    }
    tl_unit_list_free(&m->names);
    for (size_t i = 0; i < m->n_reasons; i++)
        free(m->reasons[i].text);
    free(m->reasons);
    tl_faces_free(&m->faces);
    free(m->cases);
    free(m->units);
}

static int matrix(struct tl_options *o)
{
    if (!o->n_args)
        return tl_usage_error(&tl_command_matrix, "one case file or several were expected");
    struct tl_matrix m = {.o = o};
    struct tl_error e;
    int status = TL_EXIT_OK;
    m.cases = tl_calloc((size_t)o->n_args, sizeof *m.cases);
    for (int i = 0; i < o->n_args; i++) { /* the mistakes of all of them are said */
        int bad = TL_EXIT_OK;
        struct tl_case *c = tl_load_case(o->args[i], &bad);
        if (c)
            m.cases[m.n_cases++].c = c;
        else if (bad > status)
            status = bad;
    }
    bool steps = status == TL_EXIT_OK;
    for (size_t i = 0; i < m.n_cases; i++)
        steps = steps && m.cases[i].c->model_kind == TL_MODEL_STEPS;
    if (!o->n_units && steps)
        o->units[o->n_units++] = "command:host";
    if (status == TL_EXIT_OK && !o->n_units)
        status = tl_usage_error(&tl_command_matrix, "-u UNIT was expected, for example -u reference:cpu -u "
                                                    "onnxruntime@1.18..1.30:cpu; `trapline list units` "
                                                    "shows what is here");
    if (status == TL_EXIT_OK && (tl_matrix_plan_units(&m, &e) || tl_matrix_plan_rows(&m, &e)))
        status = tl_print_error(&e);
    if (status == TL_EXIT_OK) {
        tl_cli_progress_begin(&m.progress, o);
        status = run_matrix(&m);
    }
    release(&m);
    return tl_finish_output(status);
}

const struct tl_command tl_command_matrix = {
    .name = "matrix",
    .arguments = "CASE… -u UNIT… [-s AXIS=V1,V2]… [--pairs] [--repeat N]",
    .about = "run many variants on many units, side by side",
    .options = "unit set pairs repeat fresh no-cache keep-scratch no-cgroup",
    .run = matrix,
};
