/* trapline isolate: the smallest set of choices that triggers a failure; the builds between which it came and
 * went; the boundary over two axes. */
#include "harness/cli/cli.h"

#include "cases/load.h"
#include "db/finding.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/campaign/finding_document.h"
#include "harness/campaign/isolation.h"
#include "harness/campaign/over_builds.h"
#include "harness/cli/isolate_text.h"
#include "harness/executor/unit_list.h"
#include "harness/search/covering.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_LEVELS 5    /* values of a range that a sweep tries */
#define SWEEP_TRIALS 2000 /* at most, when the user sets no budget */

/* --- a failing variant, when none is given ------------------------------------------------------------- */

struct sweep {
    bool found;
    size_t at, ended, unsupported, rows; /* rows: of the whole covering array */
    struct tl_error failure;
    bool failed;
};
struct sweep_errand {
    struct sweep *s;
    size_t row;
};

static void on_swept(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct sweep_errand *errand = arg;
    struct sweep *s = errand->s;
    (void)cached;
    s->ended++;
    s->unsupported += !failure && r->outcome == TL_OUTCOME_UNSUPPORTED;
    if (failure && !s->failed && failure->kind != TL_ERROR_INTERRUPTED) {
        s->failed = true;
        s->failure = *failure;
    }
    /* The first row that fails, whichever ends first: the result does not depend on the order. */
    if (!failure && tl_outcome_is_failure(r->outcome) && r->outcome != TL_OUTCOME_LOST &&
        (!s->found || errand->row < s->at)) {
        s->found = true;
        s->at = errand->row;
    }
    free(errand);
}

static bool row_forbidden(void *context, const uint64_t *index)
{
    const struct tl_isolate *s = context;
    struct tl_variant v = tl_variant_baseline(s->c);
    for (size_t i = 0; i < s->c->n_axes; i++) {
        uint64_t count = s->c->axes[i].count;
        v.index[i] = count > SWEEP_LEVELS && s->c->axes[i].kind == TL_AXIS_RANGE
                         ? (count - 1) / (SWEEP_LEVELS - 1) * index[i]
                         : index[i];
    }
    char *why = tl_variant_forbidden(s->c, &v);
    tl_variant_free(&v);
    free(why);
    return why != NULL;
}

static void row_variant(const struct tl_isolate *s, const uint64_t *row, struct tl_variant *v)
{
    for (size_t i = 0; i < s->c->n_axes; i++) {
        uint64_t count = s->c->axes[i].count;
        bool cut = count > SWEEP_LEVELS && s->c->axes[i].kind == TL_AXIS_RANGE;
        v->index[i] = !cut                         ? row[i]
                      : row[i] == SWEEP_LEVELS - 1 ? (count == UINT64_MAX ? count : count - 1)
                                                   : (count - 1) / (SWEEP_LEVELS - 1) * row[i];
    }
}

/* Runs a covering array of all pairs of values until something fails. 1: found, 0: nothing fails, -1: failed.
 */
static int sweep(struct tl_isolate *s, struct sweep *found, const struct tl_cli_progress *progress,
                 struct tl_error *e)
{
    struct tl_search_axis *axes = tl_calloc(s->c->n_axes, sizeof *axes);
    for (size_t i = 0; i < s->c->n_axes; i++) {
        uint64_t count = s->c->axes[i].count;
        axes[i].count = count > SWEEP_LEVELS && s->c->axes[i].kind == TL_AXIS_RANGE ? SWEEP_LEVELS : count;
        axes[i].name = s->c->axes[i].name;
    }
    struct tl_search_space space = {s->c->n_axes, axes, row_forbidden, s};
    struct tl_covering rows;
    if (tl_covering_pairs(&space, 1, &rows)) {
        free(axes);
        return tl_fail(e, TL_ERROR_INPUT, "cannot look for a failing variant", s->c->path,
                       "the case has too many values to cover; name a failing variant with -s AXIS=VALUE");
    }
    size_t most =
        s->o->max_trials && s->o->max_trials < SWEEP_TRIALS ? (size_t)s->o->max_trials : SWEEP_TRIALS;
    size_t n = rows.n_rows < most ? rows.n_rows : most, next = 0;
    *found = (struct sweep){.rows = rows.n_rows};
    fputs("no failing variant is given: looking for one among ", stderr);
    if (n < rows.n_rows)
        fprintf(stderr, "the first %zu of ", n);
    fprintf(stderr, "%zu variants that cover all pairs of values\n", rows.n_rows);
    struct tl_variant v = tl_variant_baseline(s->c);
    int result = 0;
    while (!result && (next < n || tl_executor_pending(s->x)) && !tl_executor_interrupted(s->x)) {
        while (!result && next < n && !found->found && !tl_isolate_out_of_time(s) &&
               tl_executor_pending(s->x) < 2 * (size_t)tl_executor_jobs(s->x)) {
            struct sweep_errand *errand = tl_malloc(sizeof *errand);
            *errand = (struct sweep_errand){found, next};
            row_variant(s, rows.rows[next++], &v);
            struct tl_request q = {
                .c = s->c, .variant = &v, .unit = s->units[0], .use_cache = !s->o->no_cache};
            result = tl_executor_submit(s->x, &q, on_swept, errand, e);
            if (result)
                free(errand);
        }
        if (!result && (found->found || tl_isolate_out_of_time(s)) && !tl_executor_pending(s->x))
            break;
        if (!result)
            result = tl_executor_step(s->x, e);
        tl_watch_line(s->watch, "sweep: %zu of %zu variants", found->ended, n);
    }
    if (!result && found->failed) {
        *e = found->failure;
        result = -1;
    }
    if (!result && found->found) {
        row_variant(s, rows.rows[found->at], &s->failing);
        char *text = tl_variant_json(s->c, &s->failing);
        tl_cli_progress_clear(progress);
        fprintf(stderr, "found after %zu trials: %s\n", found->ended, text);
        free(text);
        result = 1;
    }
    tl_variant_free(&v);
    tl_covering_free(&rows);
    free(axes);
    return result;
}

static void print_nothing(const struct sweep *s)
{
    printf("nothing failed in %zu of the %zu variants", s->ended - s->unsupported, s->rows);
    if (s->unsupported)
        printf("; %zu could not be tried", s->unsupported);
    puts(": there is nothing to isolate");
}

/* --signature: the failure that is meant, by the beginning of its id, and a trial that shows it. */
static int find_signature(struct tl_isolate *s, struct tl_hunt_trial *shows, struct tl_error *e)
{
    struct tl_filter all = {.case_name = s->c->name, .limit = 100000};
    struct tl_trial_lines lines;
    if (tl_query_trials(tl_executor_store(s->x), &all, &lines, e))
        return -1;
    *shows = (struct tl_hunt_trial){0};
    for (size_t i = 0; i < lines.n && !*shows->id; i++)
        if (*lines.list[i].signature_id &&
            !strncmp(lines.list[i].signature_id, s->o->signature, strlen(s->o->signature))) {
            memcpy(shows->id, lines.list[i].id, TL_UUID_SIZE);
            memcpy(shows->signature_id, lines.list[i].signature_id, TL_ID_SIZE);
        }
    tl_trial_lines_free(&lines);
    return *shows->id
               ? 0
               : tl_fail(e, TL_ERROR_INPUT, "no such signature", s->o->signature,
                         "no trial of case %s has it; `trapline list signatures` shows those that are known",
                         s->c->name);
}

/* --- the command ---------------------------------------------------------------------------------------- */

static int parse_frontier(const struct tl_isolate *s, size_t at[2], struct tl_error *e)
{
    char *names = tl_strdup(s->o->frontier), *comma = strchr(names, ',');
    int result = 0;
    if (comma)
        *comma = '\0';
    const char *parts[] = {names, comma ? comma + 1 : ""};
    for (int i = 0; i < 2 && !result; i++) {
        const struct tl_axis *a = tl_case_axis(s->c, parts[i], &at[i]);
        if (!a || a->kind == TL_AXIS_CHOICES)
            result = tl_fail(e, TL_ERROR_INPUT, "--frontier", s->o->frontier,
                             "two ordered axes of the case with a comma between were expected; '%s' is %s",
                             parts[i], a ? "a choice axis" : "no axis of it");
    }
    if (!result && at[0] == at[1])
        result = tl_fail(e, TL_ERROR_INPUT, "--frontier", s->o->frontier, "two different axes were expected");
    free(names);
    return result;
}

static int set_up_units(struct tl_isolate *s, struct tl_error *e)
{
    s->units = tl_calloc(s->o->n_units, sizeof *s->units);
    for (; s->n_units < s->o->n_units; s->n_units++) {
        const char *text = s->o->units[s->n_units];
        struct tl_unit_list names = {0};
        int result = tl_unit_list_add(&names, text, e);
        if (!result && names.n > 1)
            result =
                tl_fail(e, TL_ERROR_INPUT, "an isolation takes one build", text,
                        "it names %zu that are here, %s to %s; `--over build` finds those between which the "
                        "failure came or went, `trapline matrix` sets them side by side",
                        names.n, names.list[0], names.list[names.n - 1]);
        if (!result && !(s->units[s->n_units] = tl_executor_unit(s->x, names.list[0], e)))
            result = -1;
        tl_unit_list_free(&names);
        if (result)
            return -1;
    }
    return 0;
}

static int start_hunts(struct tl_isolate *s, struct tl_error *e)
{
    s->n_hunts = s->o->over ? 1 : s->n_units;
    s->hunts = tl_calloc(s->n_hunts, sizeof *s->hunts);
    for (size_t i = 0; i < s->n_hunts; i++) {
        s->hunts[i].no_cache = s->o->no_cache;
        s->hunts[i].max_trials = s->o->max_trials;
        s->hunts[i].all_fresh = s->o->fresh || s->o->over; /* each build's runs are its confirmation */
    }
    if (s->o->over)
        return tl_over_builds_start(s, e);
    size_t at[2] = {0, 0};
    if (s->o->frontier && parse_frontier(s, at, e))
        return -1;
    for (size_t i = 0; i < s->n_hunts; i++) {
        struct tl_hunt_trial shows;
        if (s->o->signature ? find_signature(s, &shows, e) : tl_isolate_signature(s, i, &shows, e))
            return -1;
        if (tl_executor_interrupted(s->x))
            return 0;
        if (tl_isolate_start(s, i, &shows, s->o->frontier ? at : NULL, e))
            return -1;
    }
    return 0;
}

/* Stores and prints what was found. */
static int conclude(struct tl_isolate *s, const struct tl_cli_progress *progress, bool *failing,
                    struct tl_error *e)
{
    json_t *all = json_array();
    int result = 0;
    tl_cli_progress_clear(progress);
    for (size_t i = 0; i < s->n_hunts && !result; i++) {
        const char *kind = s->o->over ? "builds" : s->o->frontier ? "frontier" : "isolation";
        json_t *d = tl_finding_document(&s->hunts[i], kind, &s->failing, e);
        if (!d || tl_finding_put(tl_executor_store(s->x), d, e)) {
            json_decref(d);
            result = -1;
            break;
        }
        *failing |= json_is_true(json_object_get(d, "reproduced"));
        if (!s->o->json) {
            char *text = tl_isolate_text(d, tl_colour(stdout));
            printf("%s%s", i ? "\n" : "", text);
            free(text);
            if (json_is_true(json_object_get(d, "reproduced")))
                printf("`trapline report %.18s` writes the report\n",
                       json_string_value(json_object_get(d, "finding")));
        }
        json_array_append_new(all, d);
    }
    if (!result && s->o->json)
        tl_print_json(json_array_size(all) == 1 ? json_incref(json_array_get(all, 0))
                                                : json_pack("{s:O}", "findings", all));
    json_decref(all);
    return result;
}

static int run_isolation(struct tl_isolate *s, const struct tl_cli_progress *progress, bool given)
{
    struct tl_error e;
    bool failing = false, nothing = false;
    struct sweep swept = {0};
    int result = s->o->over ? 0 : set_up_units(s, &e);
    if (!result && !given) {
        int found = s->o->over ? tl_fail(&e, TL_ERROR_INPUT, "no failing variant", s->c->path,
                                         "name one with -s AXIS=VALUE, or give the case a \"failing\"")
                               : sweep(s, &swept, progress, &e);
        result = found < 0 ? -1 : 0;
        nothing = found == 0;
    }
    if (!result && nothing && !tl_executor_interrupted(s->x)) {
        if (s->o->json)
            tl_print_json(json_pack("{s:n,s:s,s:b}", "finding", "case", s->c->name, "reproduced", 0));
        else
            print_nothing(&swept);
    } else if (!result && !nothing) {
        result = start_hunts(s, &e);
        bool begun = !result && s->n_hunts && s->hunts[s->n_hunts - 1].search;
        if (begun)
            result = tl_isolate_drive(s, &e) || conclude(s, progress, &failing, &e);
    }
    bool interrupted = tl_executor_interrupted(s->x);
    for (size_t i = 0; i < s->n_hunts; i++)
        tl_hunt_free(&s->hunts[i]);
    free(s->hunts);
    free(s->units);
    struct tl_error closing;
    int closed = tl_executor_free(s->x, &closing);
    if (result)
        return tl_print_error(&e);
    if (closed)
        return tl_print_error(&closing);
    if (interrupted) {
        fputs("stopped; the same command goes on where it was\n", stderr);
        return TL_EXIT_INTERRUPTED;
    }
    return failing ? TL_EXIT_FAILURE : TL_EXIT_OK;
}

static int isolate(struct tl_options *o)
{
    static const char *const host[] = {"command:host"};
    struct tl_cli_progress progress;
    struct tl_isolate s = {.o = o, .watch = &progress.watch};
    struct tl_error e;
    int status = TL_EXIT_OK;
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_isolate, "one case file was expected");
    if (o->exhaustive && !o->over)
        return tl_usage_error(&tl_command_isolate, "--exhaustive goes with --over build");
    if (o->over && o->frontier)
        return tl_usage_error(&tl_command_isolate, "--over and --frontier are two different searches");
    if (!(s.c = tl_load_case(o->args[0], &status)))
        return status;
    if (!o->n_units && s.c->model_kind == TL_MODEL_STEPS)
        o->units[o->n_units++] = host[0];
    s.failing =
        s.c->has_failing && !o->n_sets ? tl_variant_copy(s.c, &s.c->failing) : tl_variant_baseline(s.c);
    if (!o->n_units)
        status = tl_usage_error(&tl_command_isolate,
                                "-u UNIT was expected, for example -u onnxruntime@1.22.0:cpu");
    for (size_t i = 0; i < o->n_sets && status == TL_EXIT_OK; i++)
        if (tl_variant_assign(s.c, &s.failing, o->sets[i], &e))
            status = tl_print_error(&e);
    if (status == TL_EXIT_OK) {
        char *command = tl_format("isolate %s", o->args[0]);
        struct tl_executor_options options = {
            .db_path = o->db, .command = command, .jobs = o->jobs, .no_cgroup = o->no_cgroup};
        /* A case without axes has one variant: there is nothing to look for. */
        bool given = s.c->has_failing || o->n_sets || !s.c->n_axes;
        tl_cli_progress_begin(&progress, o);
        s.started_ns = progress.started_ns;
        status =
            tl_executor_new(&s.x, &options, &e) ? tl_print_error(&e) : run_isolation(&s, &progress, given);
        free(command);
    }
    tl_variant_free(&s.failing);
    tl_case_free(s.c);
    return tl_finish_output(status);
}

const struct tl_command tl_command_isolate = {
    .name = "isolate",
    .arguments = "CASE [-u UNIT]… [-s AXIS=VALUE]… [--over build | --frontier AXIS,AXIS]",
    .about = "find the minimal trigger of a failure",
    .options = "unit set signature over exhaustive frontier max-trials max-time no-cache fresh no-cgroup",
    .run = isolate,
};
