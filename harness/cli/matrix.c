/* trapline matrix: every variant on every unit, side by side. */
#include "harness/cli/cli.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/fleet.h"
#include "harness/cli/matrix_show.h"

#include <stdlib.h>

static int run(struct tl_matrix *m, const struct tl_options *o, struct tl_cli_progress *progress)
{
    struct tl_error e, closing;
    if (!m->x && tl_cli_executor(&tl_command_matrix, o, &m->x, &e))
        return tl_print_error(&e);
    if (m->wishes.max_seconds)
        tl_executor_deadline(m->x, m->started_ns + m->wishes.max_seconds * 1000000000ull);
    for (size_t i = 0; i < m->n_cases; i++)
        tl_cli_warn_unread(m->x, m->cases[i].c, (const char *const *)m->names.list, m->names.n);
    int result = tl_matrix_run(m, &e);
    tl_cli_progress_clear();
    bool interrupted = tl_executor_interrupted(m->x);
    tl_cli_print_set_aside(m->aside.trials, m->aside.because);
    if (!result || m->ended) {
        struct tl_error unread;
        if (tl_matrix_load_known(m, &unread)) /* the table is as it is without */
            tl_print_error(&unread);
        tl_matrix_letters(m);
        if (o->json)
            tl_print_json(tl_cli_matrix_json(m, tl_awake_since(m->started_ns),
                                             !interrupted && !result && !m->cut_short));
        else
            tl_cli_matrix_print(m, tl_colour(stdout));
    }
    int closed = tl_executor_free(m->x, &closing);
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
    if (m->cut_short)
        fprintf(
            stderr,
            "trapline: the time was used up; %llu of %llu trials are stored. The same command goes on from "
            "here\n",
            (unsigned long long)m->ended, (unsigned long long)m->total);
    return tl_cli_trials_status(m->ended, m->failed, m->not_judged, m->judged);
}

/* Its columns. Which builds and machines of a fleet there are only that tells. */
static int plan_units(struct tl_matrix *m, const struct tl_options *o, struct tl_error *e)
{
    for (size_t i = 0; i < o->n_units; i++)
        if (tl_cli_unit_add(o, &m->names, o->units[i], e))
            return -1;
    if (tl_cli_in_fleet(o) &&
        (tl_cli_executor(&tl_command_matrix, o, &m->x, e) || tl_cli_machines(o, m->x, &m->names, e)))
        return -1;
    m->n_units = m->names.n;
    return 0;
}

static int matrix(struct tl_options *o)
{
    if (!o->n_args)
        return tl_usage_error(&tl_command_matrix, "one case file or several were expected");
    struct tl_matrix m = {
        .wishes = {.repeat = o->repeat,
                   .fresh = o->fresh,
                   .no_cache = o->no_cache,
                   .pairs = o->pairs,
                   .max_seconds = o->max_seconds},
        .sets = o->sets,
        .n_sets = o->n_sets,
    };
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
    tl_cli_usual_units(o, steps);
    if (status == TL_EXIT_OK && !o->n_units)
        status = tl_usage_error(&tl_command_matrix, "-u UNIT was expected, for example -u reference:cpu -u "
                                                    "onnxruntime@1.18..1.30:cpu; `trapline list units` "
                                                    "shows what is here");
    if (status == TL_EXIT_OK && (plan_units(&m, o, &e) || tl_matrix_plan_rows(&m, &e)))
        status = tl_print_error(&e);
    struct tl_cli_progress progress;
    tl_cli_progress_begin(&progress, o);
    m.watch = &progress.watch;
    m.started_ns = progress.started_ns;
    if (status == TL_EXIT_OK)
        status = run(&m, o, &progress);
    else
        tl_executor_free(m.x, NULL);
    tl_matrix_free(&m);
    return tl_finish_output(status);
}

const struct tl_command tl_command_matrix = {
    .name = "matrix",
    .arguments = "CASE… -u UNIT… [-s AXIS=V1,V2]… [--pairs] [--repeat N]",
    .about = "run many variants on many units, side by side",
    .options = "unit set pairs repeat max-time fresh no-cache keep-scratch no-cgroup sandbox network user "
               "fleet key on",
    .in_fleet = true,
    .run = matrix,
};
