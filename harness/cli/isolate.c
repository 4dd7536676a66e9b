/* trapline isolate: the smallest set of choices that triggers a failure; the builds between which it came and
 * went; the boundary over two axes. */
#include "harness/cli/cli.h"

#include "cases/family.h"
#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/campaign/sweep.h"
#include "harness/campaign/trigger_and_builds.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/follow_up.h"
#include "harness/cli/isolate_text.h"
#include "harness/cli/last.h"
#include "harness/executor/unit_list.h"
#include "reports/commands.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

/* One run of the command. */
struct command {
    const struct tl_options *o;
    struct tl_campaign_isolation s;
    struct tl_cli_progress progress;
    bool both; /* over builds as well, after the trigger */
    size_t known,
        unknown; /* units, or variants of a sweep: of which something is known, and of which nothing is */
};

static void print_plan(const struct tl_sweep *w)
{
    if (tl_cli_is_quiet())
        return;
    fputs("no failing variant is given: looking for one among ", stderr);
    if (w->n < w->n_variants)
        fprintf(stderr, "the first %zu of ", w->n);
    fprintf(stderr, "%zu variant%s that cover%s all pairs of values\n", w->n_variants,
            tl_plural(w->n_variants), tl_one_or_many(w->n_variants, "s", ""));
}

static void print_found(const struct command *k, const struct tl_sweep *w)
{
    if (tl_cli_is_quiet())
        return;
    char *text = tl_variant_json(k->s.c, &k->s.failing);
    tl_cli_progress_clear();
    tl_cli_error_line("found after %zu trial%s: %s", w->ended, tl_plural(w->ended), text);
    free(text);
}

static void print_nothing(struct command *k, const struct tl_sweep *w)
{
    size_t late = tl_isolation_out_of_time(&k->s) ? w->n - w->ended : 0;
    k->known = w->ended - w->unsupported;
    k->unknown = w->not_judged + late;
    if (k->o->json) {
        tl_print_json(json_pack("{s:n,s:s,s:b}", "finding", "case", k->s.c->name, "reproduced", 0));
        return;
    }
    printf("nothing failed in %zu of the %zu variant%s", w->ended - w->unsupported, w->n_variants,
           tl_plural(w->n_variants));
    if (w->unsupported > w->not_judged)
        printf("; %zu could not be tried", w->unsupported - w->not_judged);
    if (w->not_judged)
        printf("; %zu could not be judged (%s)", w->not_judged,
               w->why_not_judged ? w->why_not_judged : "no reason is recorded");
    if (late)
        printf("; the time was used up before the other %zu: the same command goes on from there\n", late);
    else
        puts(": there is nothing to isolate");
}

/* Looks for a failing variant. *found: there is one. */
static int sweep(struct command *k, bool *found, struct tl_error *e)
{
    struct tl_sweep w;
    if (k->s.over)
        return tl_fail(e, TL_ERROR_INPUT, "no failing variant", k->s.c->path,
                       "name one with -s AXIS=VALUE, or give the case a \"failing\"");
    if (tl_sweep_plan(&w, &k->s, e))
        return -1;
    print_plan(&w);
    int result = tl_sweep_run(&w, &k->s, e);
    *found = w.found;
    tl_cli_print_set_aside(w.aside.trials, w.aside.because);
    if (!result && w.found)
        print_found(k, &w);
    else if (!result && !tl_executor_interrupted(k->s.x))
        print_nothing(k, &w);
    tl_sweep_free(&w);
    return result;
}

static int parse_frontier(const struct tl_case *c, const char *text, size_t at[2], struct tl_error *e)
{
    char *names = tl_strdup(text), *comma = strchr(names, ',');
    int result = 0;
    if (comma)
        *comma = '\0';
    const char *parts[] = {names, comma ? comma + 1 : ""};
    for (int i = 0; i < 2 && !result; i++) {
        const struct tl_axis *a = tl_case_axis(c, parts[i], &at[i]);
        if (!a || a->kind == TL_AXIS_CHOICES || a->kind == TL_AXIS_SUBSET)
            result = tl_fail(e, TL_ERROR_INPUT, "--frontier", text,
                             "two ordered axes of the case with a comma between were expected; '%s' is %s",
                             parts[i],
                             a ? a->kind == TL_AXIS_SUBSET ? "a set" : "a choice axis" : "no axis of it");
    }
    if (!result && at[0] == at[1])
        result = tl_fail(e, TL_ERROR_INPUT, "--frontier", text, "two different axes were expected");
    free(names);
    return result;
}

/* The axes that --suspect names, each once. Returns the exit status. */
static int parse_suspects(struct tl_options *o, const struct tl_case *c, size_t axes[TL_AXES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_suspects; i++) {
        size_t at, k = 0;
        struct tl_error e;
        if (!tl_case_axis(c, o->suspects[i], &at)) {
            struct tl_buffer names = TL_BUFFER_INIT;
            for (size_t a = 0; a < c->n_axes; a++)
                tl_buffer_printf(&names, "%s%s", a ? ", " : "", c->axes[a].name);
            tl_fail(&e, TL_ERROR_INPUT, "--suspect", o->suspects[i], "no such axis; the case has %s",
                    names.size ? names.data : "none");
            tl_buffer_free(&names);
            return tl_print_error(&e);
        }
        while (k < n && axes[k] != at)
            k++;
        axes[k] = at;
        n += k == n;
    }
    o->n_suspects = n;
    return TL_EXIT_OK;
}

/* Of a unit on which there was nothing to search for: all is as the case expects, or it passes where the case
 * expects something else. */
static void print_expected(const json_t *d)
{
    long long n = (long long)json_integer_value(json_array_get(json_object_get(d, "rate"), 0));
    const char *outcome = tl_member_text(d, "outcome"), *expected = tl_member_text(d, "expected"),
               *unit = tl_member_text(d, "unit");
    if (tl_member_true(d, "as_expected"))
        tl_cli_line("nothing is wrong on %s: %s in %lld of %lld, and the case expects %s", unit, outcome, n,
                    n, expected ? expected : outcome);
    else
        tl_cli_line(
            "not as expected on %s: %s in %lld of %lld, where the case expects %s; a pass has no trigger to "
            "isolate",
            unit, outcome, n, n, expected ? expected : "a failure");
}

/* Whether all axes of a trigger are the runtime's, so that it says nothing of the model. */
static bool is_of_runtime(const json_t *trigger)
{
    const json_t *t;
    size_t i;
    json_array_foreach(trigger, i, t) {
        const char *axis = tl_member_or(t, "axis", "");
        if (!tl_runtime_axis_find(axis) && strncmp(axis, "config:", 7) != 0)
            return false;
    }
    return true;
}

/* No axis is the reason, or one of the runtime: which operator of the model fails then, another command finds out. */
static void say_reduce(const struct command *k, const json_t *d)
{
    const struct tl_case *c = k->s.c;
    const json_t *trigger = json_object_get(d, "trigger");
    const char *dot = c->model_file && !c->generate.n ? strrchr(c->model_file, '.') : NULL;
    bool always = !json_array_size(trigger), is_wrong = !strcmp(tl_member_or(d, "outcome", ""), "wrong");
    if (!dot || strcmp(dot, ".onnx") != 0 || !is_of_runtime(trigger) ||
        !json_is_object(json_object_get(d, "minimal")))
        return;
    struct tl_buffer words = TL_BUFFER_INIT;
    tl_buffer_add_string(&words, "trapline reduce");
    tl_shell_word(&words, c->path, false);
    tl_buffer_add_string(&words, " -u");
    tl_shell_word(&words, tl_member_or(d, "unit", "UNIT"), false);
    for (size_t i = 0; i < k->o->n_sets; i++) {
        tl_buffer_add_string(&words, " -s");
        tl_shell_word(&words, k->o->sets[i], false);
    }
    if (is_wrong && c->reference.text && !c->reference.unit) /* files say nothing of a smaller model */
        tl_buffer_add_string(&words, " --against UNIT");
    char *text =
             tl_format(always ? "none of its axes is the reason: `%s -o reduced` finds the operator that is"
                              : "which operator of the model it is, `%s -o reduced` finds out",
                       words.data),
         *whole = tl_cli_follow_up(text, false);
    tl_buffer_free(&words);
    puts(whole);
    free(whole);
    free(text);
}

/* A command fails whatever is varied: what it depends on is none of the axes. */
static void say_more_axes(const struct command *k, const json_t *d)
{
    if (k->s.c->model_kind != TL_MODEL_STEPS || k->s.c->model_file || k->s.over ||
        json_array_size(json_object_get(d, "trigger")) ||
        !json_equal(json_object_get(d, "minimal"), json_object_get(d, "baseline")))
        return;
    puts("what it depends on is none of the axes of the case: more can vary, by `trapline init --axis "
         "NAME=V1,V2 -- COMMAND…`, or "
         "in the case file");
}

/* Prints the findings that are stored; whether one of them is a failure. */
static bool print_findings(struct command *k, json_t *documents, bool all)
{
    bool failing = false;
    json_t *d;
    size_t i;
    tl_cli_progress_clear();
    json_array_foreach(documents, i, d) {
        bool reproduced = tl_member_true(d, "reproduced"),
             unstored = json_is_null(json_object_get(d, "finding")),
             nothing = unstored && json_object_get(d, "as_expected");
        const json_t *aside = json_object_get(d, "set_aside");
        failing = failing || reproduced || (nothing && !tl_member_true(d, "as_expected"));
        k->unknown += unstored && !nothing;
        k->known += !unstored || nothing;
        tl_cli_print_set_aside((size_t)tl_member_integer(aside, "trials"),
                               tl_member_or(aside, "because", "unknown"));
        if (k->o->json)
            continue;
        if (nothing) {
            print_expected(d);
            continue;
        }
        char *text = tl_isolate_text(d, tl_colour(stdout));
        printf("%s%s", i ? "\n" : "", text);
        free(text);
        if (reproduced)
            tl_isolate_say_report(tl_member_text(d, "finding"));
        if (reproduced)
            say_reduce(k, d);
        if (reproduced)
            say_more_axes(k, d);
    }
    if (all && k->o->json && i)
        tl_print_json(i == 1 ? json_incref(json_array_get(documents, 0))
                             : json_pack("{s:O}", "findings", documents));
    return failing;
}

/* Over builds they are named later: the newest that is meant stands for all. */
static void warn_unread(const struct command *k)
{
    const struct tl_campaign_isolation *s = &k->s;
    struct tl_unit_list names = {0};
    struct tl_error ignored;
    for (size_t i = 0; i < k->o->n_units; i++)
        if (tl_cli_unit_add(k->o, &names, k->o->units[i], &ignored))
            break;
    if (tl_cli_machines(k->o, s->x, &names, &ignored)) {
        tl_unit_list_free(&names);
        return;
    }
    const char *newest = s->over && names.n ? names.list[names.n - 1] : NULL;
    if (names.n)
        tl_cli_warn_unread(s->x, s->c, newest ? &newest : (const char *const *)names.list,
                           newest ? 1 : names.n);
    tl_unit_list_free(&names);
}

static int list_units(struct command *k, struct tl_error *e)
{
    struct tl_unit_list names = {0};
    int result = 0;
    for (size_t i = 0; i < k->o->n_units && !result; i++)
        result = tl_cli_unit_add(k->o, &names, k->o->units[i], e);
    result =
        result || tl_cli_machines(k->o, k->s.x, &names, e) || tl_isolation_units(&k->s, &names, e) ? -1 : 0;
    tl_unit_list_free(&names);
    return result;
}

static int run(struct command *k, bool given)
{
    struct tl_error e, closing, over_failed;
    struct tl_campaign_isolation *s = &k->s;
    const struct tl_options *o = k->o;
    bool failing = false;
    int over = 0, status;
    char signature[TL_UUID_SIZE];
    size_t frontier[2];
    if (s->wishes.max_seconds)
        tl_executor_deadline(s->x, s->started_ns + s->wishes.max_seconds * 1000000000ull);
    int result = s->over ? 0 : list_units(k, &e);
    if (!result)
        warn_unread(k);
    if (!result && (status = tl_cli_last(tl_executor_store(s->x), TL_STARTED_SIGNATURE, &s->signature,
                                         signature)) >= 0) {
        free(s->units);
        tl_executor_free(s->x, NULL);
        return status;
    }
    if (!result && !given)
        result = sweep(k, &given, &e);
    if (!result && given && !s->over && o->frontier) {
        result = parse_frontier(s->c, o->frontier, frontier, &e);
        s->frontier = frontier;
    }
    if (!result && given) {
        json_t *documents;
        result = tl_isolation_run(s, &documents, &e);
        if (!result && k->both) /* what was found before is told whatever comes of it */
            over = tl_isolation_run_over(s, o->units, o->n_units, documents, &over_failed);
        failing = print_findings(k, documents, !result);
        json_decref(documents);
    }
    bool interrupted = tl_executor_interrupted(s->x);
    free(s->units);
    int closed = tl_executor_free(s->x, &closing);
    if (result)
        return tl_print_error(&e);
    if (closed)
        return tl_print_error(&closing);
    if (over && !interrupted)
        return tl_print_error(&over_failed);
    if (interrupted) {
        fputs("stopped; the same command goes on where it was\n", stderr);
        return TL_EXIT_INTERRUPTED;
    }
    if (failing)
        return TL_EXIT_FAILURE;
    if (k->known && !k->unknown)
        return TL_EXIT_OK;
    fputs(k->known ? "trapline: a part of it could not be tried or judged, and so not all is known\n"
                   : "trapline: nothing was tried or judged, and so nothing is known\n",
          stderr);
    return TL_EXIT_INPUT;
}

static int isolate(struct tl_options *o)
{
    struct command k = {.o = o};
    struct tl_campaign_isolation *s = &k.s;
    struct tl_case *c;
    struct tl_error e;
    size_t suspects[TL_AXES_MAX];
    int status = TL_EXIT_OK;
    if (o->n_args != 1)
        return tl_usage_error(&tl_command_isolate, "one case file was expected");
    if (o->exhaustive && !o->over)
        return tl_usage_error(&tl_command_isolate, "--exhaustive goes with --over build");
    if (o->over && strcmp(o->over, "build") != 0 && strcmp(o->over, "trigger,build") != 0)
        return tl_usage_error(&tl_command_isolate, "--over is build or trigger,build");
    if (o->over && o->frontier)
        return tl_usage_error(&tl_command_isolate, "--over and --frontier are two different searches");
    if (o->quick && o->thorough)
        return tl_usage_error(&tl_command_isolate, "--quick and --thorough are two different searches");
    if ((o->quick || o->thorough || o->n_suspects) && (o->frontier || (o->over && !strcmp(o->over, "build"))))
        return tl_usage_error(&tl_command_isolate,
                              "--quick, --thorough and --suspect are for the trigger, not for %s",
                              o->frontier ? "--frontier" : "--over build");
    if (o->match && strcmp(o->match, "strict") != 0 && strcmp(o->match, "wide") != 0)
        return tl_usage_error(&tl_command_isolate, "--match is strict or wide");
    if (!(c = tl_load_case(o->args[0], &status)))
        return status;
    tl_cli_usual_units(o, c->model_kind == TL_MODEL_STEPS);
    status = o->n_units ? tl_cli_variant(o, c, &s->failing)
                        : tl_usage_error(&tl_command_isolate,
                                         "-u UNIT was expected, for example -u onnxruntime@1.22.0:cpu");
    if (status == TL_EXIT_OK)
        status = parse_suspects(o, c, suspects);
    if (status == TL_EXIT_OK) {
        /* A case without axes has one variant: there is nothing to look for. */
        bool given = c->has_failing || o->n_sets || !c->n_axes;
        tl_cli_progress_begin(&k.progress, o);
        s->wishes = (struct tl_campaign_wishes){
            .effort = o->quick      ? TL_EFFORT_QUICK
                      : o->thorough ? TL_EFFORT_THOROUGH
                                    : TL_EFFORT_DEFAULT,
            .max_trials = o->max_trials,
            .max_seconds = o->max_seconds,
            .fresh = o->fresh,
            .no_cache = o->no_cache,
            .exhaustive = o->exhaustive,
            .strict = o->match ? !strcmp(o->match, "strict") : o->signature != NULL,
        };
        s->watch = &k.progress.watch;
        s->started_ns = k.progress.started_ns;
        s->c = c;
        s->signature = o->signature;
        s->announce = true;
        s->suspects = suspects;
        s->n_suspects = o->n_suspects;
        k.both = o->over && strcmp(o->over, "build") != 0;
        s->over = o->over && !k.both ? o->units[0] : NULL;
        status = tl_cli_executor(&tl_command_isolate, o, &s->x, &e) ? tl_print_error(&e) : run(&k, given);
    }
    tl_variant_free(&s->failing);
    tl_case_free(c);
    return tl_finish_output(status);
}

const struct tl_command tl_command_isolate = {
    .name = "isolate",
    .arguments = "CASE [-u UNIT]… [-s AXIS=VALUE]… [--over build|trigger,build | --frontier AXIS,AXIS]",
    .about = "find the minimal trigger of a failure",
    .options = "unit set quick thorough suspect signature match over exhaustive frontier max-trials max-time "
               "no-cache fresh "
               "no-cgroup sandbox network user fleet key on",
    .in_fleet = true,
    .run = isolate,
};
