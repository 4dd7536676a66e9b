#include "harness/executor/program_trial.h"

#include "harness/supervise/supervisor.h"

#include <signal.h>
#include <string.h>

#define TICK_MS 200

struct waiting {
    struct tl_supervisor *supervisor;
    struct tl_trial_record *record;
    bool ended, interrupted;
};

static void on_end(void *arg, struct tl_trial_record *record, bool *taken)
{
    struct waiting *w = arg;
    *w->record = *record;
    w->ended = *taken = true;
}

static void on_interrupt(uv_signal_t *handle, int signal)
{
    struct waiting *w = handle->data;
    (void)signal;
    w->interrupted = true;
    tl_supervisor_cancel(w->supervisor);
}

static void on_tick(uv_timer_t *timer)
{
    (void)timer; /* the signals of children alone do not keep the loop alive */
}

static int run(const struct tl_program_trial *p, struct waiting *w, uv_loop_t *loop, struct tl_error *e)
{
    struct tl_trial_spec spec = {.argv = p->argv,
                                 .env = p->environment,
                                 .directory = p->directory,
                                 .phase = TL_PHASE_EXECUTE,
                                 .untraced = p->untraced,
                                 .limits = p->limits,
                                 .unit = p->argv[0]};
    if (tl_supervisor_submit(w->supervisor, &spec, on_end, w, e))
        return -1;
    while (!w->ended && (tl_supervisor_in_flight(w->supervisor) || tl_supervisor_waiting(w->supervisor)))
        uv_run(loop, UV_RUN_ONCE);
    if (!w->interrupted && w->ended)
        return 0;
    if (w->ended)
        tl_trial_record_free(w->record);
    w->ended = false;
    return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", p->argv[0], "while it ran");
}

int tl_program_trial_run(const struct tl_program_trial *p, struct tl_trial_record *r, struct tl_error *e)
{
    static const int signals[] = {SIGINT, SIGTERM};
    const struct tl_supervisor_options options = {.jobs = 1};
    struct waiting w = {.record = r};
    uv_signal_t interrupts[2];
    uv_timer_t tick;
    uv_loop_t loop;
    int err = uv_loop_init(&loop);
    if (err)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, -err, "cannot begin", "",
                             "raise the limit of open files (ulimit -n)");
    int result = tl_supervisor_new(&w.supervisor, &loop, &options, e);
    if (result == 0) {
        uv_timer_init(&loop, &tick);
        uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
        for (size_t i = 0; i < 2; i++) {
            uv_signal_init(&loop, &interrupts[i]);
            interrupts[i].data = &w;
            uv_signal_start(&interrupts[i], on_interrupt, signals[i]);
        }
        result = run(p, &w, &loop, e);
        tl_supervisor_free(w.supervisor);
        for (size_t i = 0; i < 2; i++)
            uv_close((uv_handle_t *)&interrupts[i], NULL);
        uv_close((uv_handle_t *)&tick, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    uv_loop_close(&loop);
    return result;
}
