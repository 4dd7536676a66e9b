/* trapline run: one variant on one unit or several, once or many times. */
#include "harness/cli/cli.h"

#include "cases/load.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/style.h"
#include "harness/base/utf8.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/labels_show.h"
#include "harness/cli/run_for.h"
#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"
#include "reports/trial.h"

#include <stdlib.h>
#include <string.h>

struct sums {
    uint64_t ended;
    uint64_t by_outcome[TL_OUTCOME_COUNT], failed, as_expected, not_expected;
    uint64_t not_judged; /* of the unsupported ones */
};

struct run {
    struct tl_options *o;
    struct tl_executor *x;
    struct tl_unit_list names;
    struct tl_cli_progress progress;
    uint64_t total;
    struct sums all, shown;
    /* What is said of trials that are not durable yet: it is held back until they are, so that nobody reads of one that the
     * database will not know. */
    struct tl_buffer held;
    const json_t *expected; /* of the case */
    struct tl_verdicts verdicts;
    bool colour, begun;
    size_t printed;
};

static void show_held(struct run *r)
{
    if (r->held.size) {
        tl_cli_progress_clear();
        fwrite(r->held.data, 1, r->held.size, stdout);
        r->held.size = 0;
    }
    r->shown = r->all;
}

/* One line for each trial: what came of it, and enough to look closer. */
static void add_line(struct run *r, const struct tl_trial_record *t, bool cached, enum tl_standing standing,
                     const char *expected)
{
    const char *name = tl_outcome_name(t->outcome);
    char *summary = tl_trial_summary(t), *what = tl_one_line(summary), *unit = tl_one_line(t->unit),
         *right = tl_one_line(expected ? expected : "");
    tl_buffer_printf(&r->held, "%.36s  %s%-11s%s %-8s %8.3f s  %s%s%s%s", t->id,
                     r->colour ? tl_cli_standing_colour(standing, t->outcome) : "", name,
                     r->colour ? tl_style(TL_STYLE_PLAIN) : "", tl_phase_name(t->phase), t->wall_seconds,
                     unit, *what ? "  " : "", what, cached ? "  (known already)" : "");
    if (standing == TL_STANDING_EXPECTED && t->outcome != TL_OUTCOME_PASS)
        tl_buffer_printf(&r->held, "  (as expected)");
    else if (standing == TL_STANDING_OTHER)
        tl_buffer_printf(&r->held, "  (%s was expected)", right);
    tl_buffer_printf(&r->held, "\n");
    free(right);
    free(unit);
    free(what);
    free(summary);
}

static void on_done(void *arg, const struct tl_trial_record *t, bool cached, const struct tl_error *failure)
{
    struct run *r = arg;
    if (failure)
        return;
    struct sums *sums = &r->all;
    sums->ended++;
    sums->by_outcome[t->outcome]++;
    char *expected;
    enum tl_standing standing = tl_expected_of_record(r->expected, t, &expected);
    bool failed = tl_standing_is_failure(standing, t->outcome);
    sums->failed += failed;
    tl_run_for_trial(&r->verdicts, t, failed);
    sums->as_expected += standing == TL_STANDING_EXPECTED && t->outcome != TL_OUTCOME_PASS;
    sums->not_expected += standing == TL_STANDING_OTHER;
    sums->not_judged += tl_outcome_is_not_judged(t->outcome, t->phase);
    if (r->o->json) {
        json_t *j = tl_trial_json_short(t, cached);
        if (standing != TL_STANDING_NONE) {
            json_object_set_new(j, "expected", json_string(expected));
            json_object_set_new(j, "as_expected", json_boolean(standing == TL_STANDING_EXPECTED));
        }
        char *text = json_dumps(j, JSON_COMPACT);
        tl_buffer_printf(&r->held, "%s\n    %s", r->printed++ ? "," : "", text);
        free(text);
        json_decref(j);
    } else {
        add_line(r, t, cached, standing, expected);
    }
    free(expected);
    if (!tl_executor_unsaved(r->x)) /* the group was full with this one */
        show_held(r);
}

static void show_progress(struct run *r, struct tl_executor *x)
{
    double elapsed = tl_awake_since(r->progress.started_ns);
    tl_watch_line(&r->progress.watch, "run: %llu of %llu trials, %zu in flight, %llu not passed, %.0f s",
                  (unsigned long long)r->all.ended, (unsigned long long)r->total, tl_executor_in_flight(x),
                  (unsigned long long)(r->all.failed + r->all.by_outcome[TL_OUTCOME_UNSUPPORTED]), elapsed);
}

static int run_all(struct run *r, struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                   const struct tl_unit **units, struct tl_error *e)
{
    size_t most = (size_t)tl_executor_jobs(x) * 2;
    uint64_t next = 0;
    while ((next < r->total || tl_executor_pending(x)) && !tl_executor_interrupted(x)) {
        while (next < r->total && tl_executor_pending(x) < most) {
            struct tl_request q = {
                .c = c,
                .variant = v,
                .unit = units[next % r->names.n],
                .fresh = r->o->fresh,
                .use_cache = r->o->cached && !r->o->no_cache,
                .keep_outputs = r->o->keep_outputs,
                .repeat = (unsigned)(next / r->names.n),
            };
            if (tl_executor_submit(x, &q, on_done, r, e))
                return -1;
            next++;
        }
        if (tl_executor_step(x, e))
            return -1;
        if (!tl_executor_unsaved(x))
            show_held(r);
        show_progress(r, x);
    }
    return tl_executor_interrupted(x) ? tl_executor_finish(x, e) : 0;
}

static void print_sums(const struct sums *r)
{
    printf("%llu trial%s:", (unsigned long long)r->ended, tl_plural(r->ended));
    for (int i = 0; i < TL_OUTCOME_COUNT; i++)
        if (r->by_outcome[i])
            printf(" %llu %s", (unsigned long long)r->by_outcome[i], tl_outcome_name((enum tl_outcome)i));
    if (r->as_expected)
        printf("; %llu as expected", (unsigned long long)r->as_expected);
    if (r->not_expected)
        printf("; %llu not as expected", (unsigned long long)r->not_expected);
    putchar('\n');
}

static int run_case(struct run *r, const struct tl_case *c, const struct tl_variant *v)
{
    struct tl_options *o = r->o;
    struct tl_error e;
    struct tl_executor *x;
    if (tl_cli_executor(&tl_command_run, o, &x, &e))
        return tl_print_error(&e);
    r->x = x;
    int status = tl_cli_machines(o, x, &r->names, &e);
    r->total = o->repeat * r->names.n;
    const struct tl_unit **units = tl_calloc(r->names.n, sizeof *units);
    status = status || tl_executor_units(x, (const char *const *)r->names.list, r->names.n, units, &e) ||
                     tl_units_check_builds(units, r->names.n, &e)
                 ? -1
                 : 0;
    bool begun = r->begun = !status;
    if (begun)
        tl_cli_warn_unread(x, c, (const char *const *)r->names.list, r->names.n);
    if (begun && o->json)
        fputs("{\n  \"trials\": [", stdout);
    if (begun)
        status = run_all(r, x, c, v, units, &e);
    bool interrupted = tl_executor_interrupted(x);
    struct tl_error closing;
    int closed = tl_executor_free(x, &closing); /* tells of those that it stops */
    free(units);
    tl_cli_progress_clear();
    if (!status && !closed)
        show_held(r);
    tl_buffer_free(&r->held);
    const struct sums *sums = &r->shown;
    if (begun && o->json)
        puts("\n  ]\n}");
    else if (begun && (sums->ended || !status))
        print_sums(sums);
    if (status)
        return tl_print_error(&e);
    if (closed)
        return tl_print_error(&closing);
    if (interrupted) {
        fprintf(stderr,
                "trapline: interrupted; %llu of %llu trials are stored, those that were running as lost. "
                "With --cached the rest can be run another time\n",
                (unsigned long long)sums->ended, (unsigned long long)r->total);
        return TL_EXIT_INTERRUPTED;
    }
    return tl_cli_trials_status(sums->ended, sums->failed, sums->not_judged,
                                sums->ended - sums->by_outcome[TL_OUTCOME_UNSUPPORTED]);
}

/* A unit that names a file: one that another revision may have. */
static bool names_path(const struct tl_unit_list *names)
{
    for (size_t i = 0; i < names->n; i++)
        if (strchr(names->list[i], '/'))
            return true;
    return false;
}

static int run(struct tl_options *o)
{
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_run, "one case file was expected");
    int status = TL_EXIT_OK;
    struct tl_case *c = tl_load_case(o->args[0], &status);
    if (!c)
        return status;
    tl_cli_usual_units(o, c->model_kind == TL_MODEL_STEPS);
    struct tl_error e;
    struct tl_variant v = {0};
    if (!o->n_units) {
        status = tl_usage_error(&tl_command_run, "-u UNIT was expected, for example -u selftest:cpu; "
                                                 "`trapline list units` shows what is here");
    } else {
        struct run r = {.o = o, .held = TL_BUFFER_INIT, .expected = c->expected, .colour = tl_colour(stdout)};
        status = tl_run_for(&tl_command_run, o, &r.verdicts);
        if (status < 0)
            status = tl_cli_variant(o, c, &v);
        for (size_t i = 0; i < o->n_units && status == TL_EXIT_OK; i++)
            if (tl_cli_unit_add(o, &r.names, o->units[i], &e))
                status = tl_print_error(&e);
        if (status == TL_EXIT_OK) {
            tl_cli_progress_begin(&r.progress, o);
            status = run_case(&r, c, &v);
            if (r.begun || names_path(&r.names))
                status = tl_run_for_status(&r.verdicts, status);
        }
        tl_unit_list_free(&r.names);
    }
    tl_variant_free(&v);
    tl_case_free(c);
    return tl_finish_output(status);
}

const struct tl_command tl_command_run = {
    .name = "run",
    .arguments = "CASE -u UNIT [-s AXIS=VALUE]… [--repeat N] [--for git-bisect|cvise]",
    .about = "run one variant of a case",
    .options = "unit set repeat fresh cached no-cache keep-outputs keep-scratch no-cgroup sandbox network "
               "user for signature fleet key on",
    .in_fleet = true,
    .own_each = true,
    .run = run,
};
