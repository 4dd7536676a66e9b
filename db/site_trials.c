/* Every trial with its outputs and captures: four cursors over tables that are all ordered by the trial's id
 * walk side by side, so that each row is read once and nothing is looked up. */
#include "db/site.h"

#include "db/trial_row.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the trials for a site";

enum table { TRIAL, OUTPUT, CAPTURE, THREAD, TABLES };

struct capture_row {
    const char *trial_id, *kind, *exe;
    int64_t number;
    struct tl_site_capture c;
};

static const struct tl_column capture_columns[] = {
    TL_COLUMN(struct capture_row, trial_id, "trial_id"),
    TL_COLUMN(struct capture_row, number, "capture"),
    TL_COLUMN(struct capture_row, kind, "kind"),
    TL_COLUMN(struct capture_row, exe, "exe"),
    TL_COLUMN(struct capture_row, c.pid, "pid"),
    TL_COLUMN(struct capture_row, c.signal, "signal"),
    TL_COLUMN(struct capture_row, c.si_code, "si_code"),
    TL_COLUMN(struct capture_row, c.fatal, "fatal"),
    TL_COLUMN(struct capture_row, c.has_address, "fault_address IS NOT NULL"),
    TL_COLUMN(struct capture_row, c.fault_address, "fault_address"),
};

struct thread_row {
    const char *trial_id, *name, *state, *stack_id;
    int64_t capture;
    int tid;
    bool crashed;
};

static const struct tl_column thread_columns[] = {
    TL_COLUMN(struct thread_row, trial_id, "trial_id"), TL_COLUMN(struct thread_row, capture, "capture"),
    TL_COLUMN(struct thread_row, tid, "tid"),           TL_COLUMN(struct thread_row, crashed, "crashed"),
    TL_COLUMN(struct thread_row, name, "name"),         TL_COLUMN(struct thread_row, state, "state"),
    TL_COLUMN(struct thread_row, stack_id, "stack_id"),
};

/* The cursors, and the rows on which they stand: while q.rc is SQLITE_ROW. */
struct walk {
    struct tl_rows q[TABLES];
    struct tl_trial_row trial;
    struct tl_output_row output;
    struct capture_row capture;
    struct thread_row thread;
};

static int open_table(struct walk *w, struct tl_store *s, enum table t, struct tl_error *e)
{
    switch (t) {
    case TRIAL:
        return tl_trial_rows_open(
            &w->q[t], s,
            "id case_name unit variant environment_id session_id signature_id title coarse_title "
            "observed_device error_domain error_code message outcome phase started_us signal exit_status "
            "fresh "
            "wall_seconds user_seconds system_seconds peak_rss command phase_seconds",
            "FROM trial", "ORDER BY trial.id", what_, e);
    case OUTPUT:
        return tl_output_rows_open(&w->q[t], s, "FROM output ORDER BY trial_id, stream", what_, e);
    case CAPTURE:
        return TL_ROWS_OPEN(&w->q[t], s, capture_columns, "FROM capture ORDER BY trial_id, capture", what_,
                            e);
    default:
        return TL_ROWS_OPEN(&w->q[t], s, thread_columns, "FROM thread ORDER BY trial_id, capture, thread",
                            what_, e);
    }
}

static bool advance(struct walk *w, enum table t)
{
    void *const rows[TABLES] = {&w->trial, &w->output, &w->capture, &w->thread};
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

static void take_threads(struct walk *w, const char *id, struct tl_site_capture *c)
{
    const struct thread_row *row = &w->thread;
    for (; belongs(w, THREAD, id) && row->capture <= w->capture.number; advance(w, THREAD)) {
        if (row->capture < w->capture.number)
            continue;
        *TL_GROW(c->threads, c->n_threads) = (struct tl_site_thread){.tid = row->tid,
                                                                     .crashed = row->crashed,
                                                                     .name = tl_strdup(row->name),
                                                                     .state = tl_strdup(row->state),
                                                                     .stack_id = tl_strdup(row->stack_id)};
    }
}

static void take_captures(struct walk *w, const char *id, struct tl_site_belongings *b)
{
    for (; belongs(w, CAPTURE, id); advance(w, CAPTURE)) {
        struct tl_site_capture *c = TL_GROW(b->captures, b->n_captures);
        *c = w->capture.c;
        c->kind = tl_strdup(w->capture.kind);
        c->exe = tl_strdup(w->capture.exe);
        take_threads(w, id, c);
    }
}

static void release(struct tl_site_belongings *b)
{
    for (size_t i = 0; i < b->n_captures; i++) {
        struct tl_site_capture *c = &b->captures[i];
        for (size_t k = 0; k < c->n_threads; k++) {
            free(c->threads[k].name);
            free(c->threads[k].state);
            free(c->threads[k].stack_id);
        }
        free(c->threads);
        free(c->kind);
        free(c->exe);
    }
    free(b->captures);
    free(b->out.head);
    free(b->out.tail);
    free(b->err.head);
    free(b->err.tail);
}

static int report(struct walk *w, tl_site_trial_found found, void *arg, struct tl_error *e)
{
    struct tl_site_belongings b = {.n_captures = 0};
    const char *id = w->trial.id;
    for (; belongs(w, OUTPUT, id); advance(w, OUTPUT))
        tl_output_take(w->q[OUTPUT].s, &w->output, &b.out, &b.err);
    take_captures(w, id, &b);
    int stop = found(arg, &w->trial, &b, e);
    release(&b);
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
    while (!stop && advance(&w, TRIAL)) {
        stop = w.trial.id ? report(&w, found, arg, e) : 0;
        tl_trial_row_free(&w.trial);
    }
    for (int t = 0; t < n; t++)
        stop = tl_rows_close(&w.q[t], stop, e);
    return stop;
}
