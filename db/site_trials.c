/* Every trial with its outputs and captures: four cursors over tables that are all ordered by the trial's id
 * walk side by side, so that each row is read once and nothing is looked up. */
#include "db/site.h"

#include "db/trial_row.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the trials for a site";

enum table { TRIAL, OUTPUT, CAPTURE, THREAD, TABLES };

/* The cursors, and the rows on which they stand: while q.rc is SQLITE_ROW. */
struct walk {
    struct tl_rows q[TABLES];
    struct tl_trial_row trial;
    struct tl_output_row output;
    struct tl_capture_row capture;
    struct tl_thread_row thread;
};

static int open_table(struct walk *w, struct tl_store *s, enum table t, struct tl_error *e)
{
    static const struct {
        const struct tl_column *columns;
        const char *chosen, *rest;
    } tables[TABLES] = {
        [OUTPUT] = {tl_output_columns, NULL, "FROM output ORDER BY trial_id, stream"},
        [CAPTURE] = {tl_capture_columns,
                     "trial_id number kind c.exe c.pid c.signal c.si_code c.fatal c.has_address "
                     "c.fault_address fault",
                     "FROM capture ORDER BY trial_id, capture"},
        [THREAD] = {tl_thread_columns, "trial_id capture t.tid t.crashed t.name t.state t.stack_id",
                    "FROM thread ORDER BY trial_id, capture, thread"},
    };
    if (t == TRIAL)
        return tl_trials_open(
            &w->q[t], s, tl_row_columns,
            "id case_name unit variant variant_hash environment_id session_id signature_id title "
            "coarse_title "
            "observed_device error_domain error_code message outcome phase started_us signal exit_status "
            "fresh "
            "wall_seconds user_seconds system_seconds peak_rss command phase_seconds",
            "FROM trial", "ORDER BY trial.id", what_, e);
    return tl_rows_choose(&w->q[t], s, tables[t].columns, tables[t].chosen, what_, e) ||
                   tl_rows_prepare(&w->q[t], tables[t].rest, e)
               ? -1
               : 0;
}

/* What a row owns is released, unless somebody has taken it. */
static bool advance(struct walk *w, enum table t)
{
    void *const rows[TABLES] = {&w->trial, &w->output, &w->capture, &w->thread};
    char **const owned[TABLES] = {&w->trial.command, NULL, &w->capture.c.exe, &w->thread.t.state};
    if (owned[t]) {
        free(*owned[t]);
        *owned[t] = NULL;
    }
    return tl_rows_next(&w->q[t], rows[t]);
}

/* Whether the cursor stands on a row of this trial; rows of trials that are not there are passed over. */
static bool belongs(struct walk *w, enum table t, const char *id)
{
    const char *const *const owners[TABLES] = {&w->trial.id, &w->output.trial_id, &w->capture.trial_id,
                                               &w->thread.trial_id};
    while (w->q[t].rc == SQLITE_ROW) {
        int order = strcmp(*owners[t] ? *owners[t] : "", id);
        if (order >= 0)
            return order == 0;
        advance(w, t);
    }
    return false;
}

static void take_threads(struct walk *w, const char *id, struct tl_capture *c)
{
    struct tl_thread_row *row = &w->thread;
    for (; belongs(w, THREAD, id) && row->capture <= w->capture.number; advance(w, THREAD)) {
        if (row->capture < w->capture.number)
            continue;
        *TL_GROW(c->threads, c->n_threads) = row->t;
        row->t.state = NULL;
    }
}

static int report(struct walk *w, tl_site_trial_found found, void *arg, struct tl_error *e)
{
    struct tl_site_belongings b = {.n_captures = 0};
    const char *id = w->trial.id;
    for (; belongs(w, OUTPUT, id); advance(w, OUTPUT))
        tl_output_take(w->q[OUTPUT].s, &w->output, &b.out, &b.err);
    for (; belongs(w, CAPTURE, id); advance(w, CAPTURE))
        take_threads(w, id, tl_capture_take(&w->capture, &b.captures, &b.n_captures));
    int stop = found(arg, &w->trial, &b, e);
    for (size_t i = 0; i < b.n_captures; i++)
        tl_capture_free(&b.captures[i]);
    free(b.captures);
    free(b.out.head);
    free(b.out.tail);
    free(b.err.head);
    free(b.err.tail);
    return stop;
}

int tl_site_trials(struct tl_store *s, tl_site_trial_found found, void *arg, struct tl_error *e)
{
    struct walk w = {.trial = {.id = NULL}};
    int n = 0, stop = 0;
    while (n < TABLES && !stop) {
        stop = open_table(&w, s, (enum table)n, e);
        n += !stop;
    }
    for (int t = OUTPUT; t < TABLES && !stop; t++)
        advance(&w, (enum table)t);
    while (!stop && advance(&w, TRIAL))
        stop = w.trial.id ? report(&w, found, arg, e) : 0;
    free(w.trial.command);
    free(w.capture.c.exe);
    free(w.thread.t.state);
    for (int t = 0; t < n; t++)
        stop = tl_rows_close(&w.q[t], stop, e);
    return stop;
}
