/* What a new case does when it is run: once as it was given, and where that fails once more with everything at its simplest.
 * From the two it is told what can be found out next, and with which command. */
#include "harness/cli/init.h"

#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/builds/builds.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/follow_up.h"
#include "harness/executor/beside.h"
#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"
#include "reports/commands.h"
#include "reports/trial.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_MOST 48 /* of a case, to find what of it the command refuses to be without */
#define SLOW_S 20
#define LOOKS 4 /* how often a case is corrected by what its run says */

struct trying {
    struct tl_init *p;
    struct tl_options *o;
    struct tl_executor *x;
    const struct tl_unit *unit;
    struct tl_case *c;
    char *path;       /* of the case */
    bool written;     /* the directory is there */
    bool told;        /* it was said what came of it */
    bool slow;        /* a trial takes so long that only those are run that are needed */
    size_t runs;      /* how often it was run */
    json_t *document; /* what is told */
};

/* What came of one trial. */
struct seen {
    bool ended;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    char *line, *says; /* for people; its message with the end of what it wrote */
    char *domain;
    double seconds;
    json_t *trial;
};

static void seen_free(struct seen *s)
{
    free(s->line);
    free(s->says);
    free(s->domain);
    json_decref(s->trial);
    *s = (struct seen){0};
}

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct seen *s = arg;
    if (failure)
        return;
    const struct tl_output *o = &r->err;
    char *what = tl_trial_summary(r);
    *s = (struct seen){.ended = true, .outcome = r->outcome, .phase = r->phase, .signal = r->signal};
    s->line = tl_format("%s in phase %s%s%.300s", tl_outcome_name(r->outcome), tl_phase_name(r->phase),
                        *what ? ": " : "", what);
    s->says = tl_format("%s\n%.*s\n%.*s", r->message ? r->message : "", (int)o->head_size,
                        o->head ? o->head : "", (int)o->tail_size, o->tail ? o->tail : "");
    s->domain = tl_strdup(r->error_domain);
    s->seconds = r->wall_seconds;
    s->trial = tl_trial_json_short(r, cached);
    free(what);
}

static int run_one(struct trying *t, const struct tl_variant *v, struct seen *s, struct tl_error *e)
{
    const struct tl_request q = {.c = t->c, .variant = v, .unit = t->unit, .fresh = true};
    seen_free(s);
    t->runs++;
    return tl_executor_submit(t->x, &q, on_done, s, e) || tl_executor_finish(t->x, e) ? -1 : 0;
}

static int load(struct trying *t)
{
    int status = TL_EXIT_OK;
    tl_case_free(t->c);
    t->c = tl_load_case(t->path, &status);
    return t->c ? -1 : status;
}

/* On which unit it is run. NULL with *e. */
static char *choose(struct trying *t, struct tl_error *e)
{
    struct tl_unit_list list = {0};
    struct tl_build b = {0};
    char *made = NULL;
    if (t->p->is_onnx)
        tl_cli_usual_units(t->o, false);
    if (t->o->n_units) {
        if (!tl_unit_list_add(&list, t->o->units[0], e))
            made = tl_strdup(list.list[list.n - 1]); /* of several builds the newest */
        tl_unit_list_free(&list);
    } else if (t->p->unit) {
        made = tl_strdup(t->p->unit);
    } else if (!t->p->is_onnx) {
        made = tl_strdup("command:host");
    } else if (tl_builds_find("onnxruntime", NULL, &b, e)) {
        tl_fail(e, TL_ERROR_INPUT, "it cannot be run", t->p->name,
                "no build of ONNX Runtime is here: `trapline builds fetch onnxruntime@latest` brings one (or "
                "`trapline builds add LIBRARY` your own), then the same command once more");
    } else {
        made = tl_format("onnxruntime@%s:cpu", b.version);
        tl_build_free(&b);
    }
    return made;
}

static bool rewrite(struct trying *t, int *status)
{
    struct tl_error e;
    if (tl_init_write_again(t->p, &e))
        *status = tl_print_error(&e);
    else
        *status = load(t);
    return *status < 0;
}

/* Corrects what the run of the case shows to be wrong in it. Whether there was something. */
static bool correct(struct trying *t, const struct seen *s)
{
    json_t *steps = json_object_get(json_object_get(t->p->document, "model"), "steps"), *step;
    size_t i;
    bool changed = false;
    if (s->outcome != TL_OUTCOME_ERROR || !steps)
        return false;
    if (s->domain && !strcmp(s->domain, "expect")) {
        json_array_foreach(steps, i, step)
            changed = !json_object_del(step, "expect") || changed;
        if (changed)
            tl_init_note(
                t->p,
                "it ended well and left no file of the name that -o has, which is therefore not expected");
        return changed;
    }
    changed = tl_init_add_named(t->p, s->says);
    if (changed)
        tl_init_put_in_scratch(t->p);
    else if (tl_says_absent(t->c, s->says))
        changed = tl_init_leave_script(t->p);
    return changed;
}

/* A mistake of who called it, mostly. */
static bool lacks_something(const struct tl_case *c, const struct seen *s)
{
    return s->outcome == TL_OUTCOME_UNSUPPORTED ||
           (s->outcome == TL_OUTCOME_ERROR && tl_says_absent(c, s->says));
}

static void next(struct trying *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void next(struct trying *t, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *marked = tl_format("`%s`", text), *whole = tl_cli_follow_up(marked, false);
    json_array_append_new(json_object_get(t->document, "next"),
                          json_sprintf("%.*s", (int)strlen(whole) - 2, whole + 1));
    free(whole);
    free(marked);
}

char *tl_cli_init_typed(const char *word)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_shell_word(&b, word, false);
    return tl_buffer_take(&b);
}

/* " -u UNIT", where it has to be said. */
static char *unit_words(const struct trying *t)
{
    char *word = tl_cli_init_typed(t->unit->text),
         *words = strcmp(word, "command:host") != 0 ? tl_format(" -u %s", word) : tl_strdup("");
    free(word);
    return words;
}

/* How the same directory is made of another command. */
static char *again_words(const struct trying *t)
{
    char *directory = tl_cli_init_typed(t->p->directory),
         *words = tl_format("`rm -r %s` and give the right one to `trapline init`", directory);
    free(directory);
    return words;
}

/* What can be found out next. */
static int judge(struct trying *t, const struct seen *failing, const struct seen *baseline)
{
    char *unit = unit_words(t), *path = tl_cli_init_typed(t->path), *name = tl_cli_init_typed(t->p->name);
    const char *model = json_string_value(json_object_get(json_object_get(t->p->document, "model"), "file"));
    bool reducible =
        t->p->model || (model && strlen(model) > 5 && !strcmp(model + strlen(model) - 5, ".onnx"));
    bool always = baseline->ended && baseline->outcome == failing->outcome &&
                  baseline->signal == failing->signal && baseline->phase == failing->phase;
    int status = TL_EXIT_FAILURE;
    char *again = again_words(t), *means;
    if (lacks_something(t->c, failing)) {
        means = tl_format("something that it needs is missing, which is no failure to be isolated. Where the "
                          "command is mistyped, %s; else put it right in the case, then",
                          again);
        next(t, "trapline run %s%s", path, unit);
        status = TL_EXIT_INPUT;
    } else if (!tl_outcome_is_failure(failing->outcome)) {
        means =
            tl_strdup(t->c->n_axes ? "it passes; what follows looks for values of its axes that make it fail"
                                   : "it passes, and nothing in it can vary: give axes with --axis, or in "
                                     "the case");
        if (t->c->n_axes)
            next(t, "trapline isolate %s%s", path, unit);
        status = TL_EXIT_OK;
    } else if (always && reducible) {
        means = tl_strdup("it fails whatever its axes are, so the model itself is the reason; what follows "
                          "finds the operator");
        next(t, "trapline reduce %s%s -o %s-reduced", path, unit, name);
    } else {
        means = always && failing->outcome == TL_OUTCOME_ERROR && !t->p->is_onnx && !reducible
                    ? tl_format("it refuses, also with everything at its simplest. Where that is not the "
                                "failure that you mean, %s; where it is, what follows writes it down",
                                again)
                    : tl_strdup(always ? "it fails with everything at its simplest, too; what follows tells "
                                         "what it fails with, and writes it down"
                                       : "it fails, and not with everything at its simplest; what follows "
                                         "finds out what of it is the reason");
        next(t, "trapline isolate %s%s", path, unit);
    }
    json_object_set_new(t->document, "means", json_string(means));
    if (status == TL_EXIT_FAILURE)
        next(t, "trapline report last --bundle %s.zip", name);
    json_object_set(t->document, "trial", failing->trial);
    json_object_set_new(t->document, "always", json_boolean(always));
    free(means);
    free(again);
    free(unit);
    free(path);
    free(name);
    return status;
}

void tl_cli_init_print(const struct tl_init *p, const char *path)
{
    const json_t *axes = json_object_get(p->document, "axes"), *line, *axis;
    size_t i;
    tl_cli_line("%s", path);
    for (i = 0; i < p->n_files; i++)
        tl_cli_line("%s/%s", p->directory, p->files[i].to);
    json_array_foreach(p->notes, i, line)
        tl_cli_line("  %s", json_string_value(line));
    if (json_array_size(axes)) {
        fputs("axes", stdout);
        json_array_foreach(axes, i, axis)
            printf("%s %s", i ? "," : ":", json_string_value(json_object_get(axis, "name")));
        putchar('\n');
    }
}

static void print(const struct trying *t, const struct seen *s)
{
    const json_t *line;
    size_t i;
    tl_cli_init_print(t->p, t->path);
    if (!s->ended)
        return;
    putchar('\n');
    if (t->runs == 1)
        tl_cli_line("it was run once on %s: %s", t->unit->text, s->line);
    else
        tl_cli_line("it was run %zu times on %s, as it was given: %s", t->runs, t->unit->text, s->line);
    tl_cli_line("%s%s", json_string_value(json_object_get(t->document, "means")),
                json_array_size(json_object_get(t->document, "next")) ? ":" : "");
    json_array_foreach(json_object_get(t->document, "next"), i, line)
        tl_cli_line("  %s", json_string_value(line));
}

/* What of the axes cannot be at its simplest, because the command refuses then. */
struct refusing {
    struct trying *t;
    const size_t *axes; /* those that are looked at */
    json_t *names;      /* of what refuses */
    struct tl_error e;
};

/* Looks which of some axes make the command refuse when they are at their simplest: all together, and where that refuses in halves.
 * -1 with r->e. */
static int sift(struct refusing *r, size_t from, size_t n)
{
    struct trying *t = r->t;
    struct seen s = {0};
    if (!n || t->slow || t->runs >= RUNS_MOST)
        return 0;
    struct tl_variant v = tl_variant_copy(t->c, &t->c->failing);
    for (size_t i = 0; i < n; i++)
        v.index[r->axes[from + i]] = 0;
    int result = run_one(t, &v, &s, &r->e);
    bool refuses = s.ended && s.outcome == TL_OUTCOME_ERROR;
    tl_variant_free(&v);
    seen_free(&s);
    if (result || !refuses)
        return result;
    if (n == 1)
        json_array_append_new(r->names, json_string(t->c->axes[r->axes[from]].name));
    else
        result = sift(r, from, n / 2) || sift(r, from + n / 2, n - n / 2) ? -1 : 0;
    return result;
}

/* A number that refuses at its simplest may be half of what it is. Whether it may; *first: which of its values that is. -1 with *e. */
static int halves(struct trying *t, const char *axis, size_t *first, struct tl_error *e)
{
    size_t at;
    struct seen s = {0};
    const struct tl_axis *a = tl_case_axis(t->c, axis, &at);
    if (!a || a->count < 3 || (a->kind != TL_AXIS_RANGE && a->kind != TL_AXIS_ORDERED) ||
        t->runs >= RUNS_MOST)
        return 0;
    struct tl_variant v = tl_variant_copy(t->c, &t->c->failing);
    *first = (size_t)(a->kind == TL_AXIS_RANGE ? v.index[at] / 2 : v.index[at] - 1);
    v.index[at] = *first;
    int result = run_one(t, &v, &s, e) ? -1 : s.ended && s.outcome != TL_OUTCOME_ERROR;
    tl_variant_free(&v);
    seen_free(&s);
    return result;
}

/* Options without which the command refuses are no axes: that each is there is no news. Nor are values of a configuration without
 * which it does. They are looked for where a command that fails otherwise refused with everything at its simplest. */
static int require(struct trying *t, struct seen *baseline)
{
    json_t *optional = tl_init_optional(t->p), *name, *one;
    size_t *axes = tl_calloc(t->c->n_axes + 1, sizeof *axes), n = 0, i, k;
    struct refusing r = {.t = t, .axes = axes, .names = json_array()};
    struct tl_buffer stay = TL_BUFFER_INIT;
    int status = -1;
    for (i = 0; i < t->c->n_axes; i++) {
        bool may = json_object_get(t->p->config_axes, t->c->axes[i].name);
        json_array_foreach(optional, k, one)
            may = may || !strcmp(json_string_value(one), t->c->axes[i].name);
        if (may)
            axes[n++] = i;
    }
    if (sift(&r, 0, n))
        status = tl_print_error(&r.e);
    json_array_foreach(r.names, i, name) {
        const char *axis = json_string_value(name);
        size_t first = 0;
        bool config = json_object_get(t->p->config_axes, axis);
        int half = config && status < 0 ? halves(t, axis, &first, &r.e) : 0;
        if (half < 0)
            status = tl_print_error(&r.e);
        else if (half)
            tl_init_narrow(t->p, axis, first);
        else if (config)
            tl_init_fix(t->p, axis);
        else
            tl_init_require(t->p, axis);
        if (config && !half)
            tl_buffer_printf(&stay, "%s%s", stay.size ? ", " : "", axis);
        else if (!half)
            tl_init_note(t->p, "without %s it refuses, so that stays", axis);
    }
    if (stay.size)
        tl_init_note(t->p, "with another value it refuses, so that these stay as they are: %.800s",
                     stay.data);
    if (json_array_size(r.names))
        tl_init_renew_runner(t->p);
    if (status < 0 && json_array_size(r.names) && rewrite(t, &status) && baseline->ended) {
        struct tl_variant v = tl_variant_baseline(t->c);
        if (run_one(t, &v, baseline, &r.e))
            status = tl_print_error(&r.e);
        tl_variant_free(&v);
    }
    tl_buffer_free(&stay);
    json_decref(r.names);
    json_decref(optional);
    free(axes);
    return status;
}

/* The runs, with corrections between them. -1 to go on with what was seen, or the exit status. */
static int try_it(struct trying *t, struct seen *failing, struct seen *baseline)
{
    struct tl_error e;
    int status = -1;
    for (int i = 0; i < LOOKS && status < 0; i++) {
        struct tl_variant v =
            t->c->has_failing ? tl_variant_copy(t->c, &t->c->failing) : tl_variant_baseline(t->c);
        int result = run_one(t, &v, failing, &e);
        tl_variant_free(&v);
        if (result)
            return tl_print_error(&e);
        if (!failing->ended)
            return TL_EXIT_INTERRUPTED;
        t->slow = failing->seconds > SLOW_S;
        if (!correct(t, failing))
            break;
        rewrite(t, &status);
    }
    if (status >= 0)
        return status;
    if (tl_outcome_is_failure(failing->outcome) && !lacks_something(t->c, failing) && !t->c->has_failing) {
        /* That was its simplest already. */
        baseline->ended = true;
        baseline->outcome = failing->outcome;
        baseline->phase = failing->phase;
        baseline->signal = failing->signal;
    } else if (tl_outcome_is_failure(failing->outcome) && !lacks_something(t->c, failing)) {
        struct tl_variant v = tl_variant_baseline(t->c);
        int result = run_one(t, &v, baseline, &e);
        tl_variant_free(&v);
        if (result)
            return tl_print_error(&e);
        if (baseline->ended && baseline->outcome == TL_OUTCOME_ERROR && failing->outcome != TL_OUTCOME_ERROR)
            status = require(t, baseline);
    } else if (failing->outcome == TL_OUTCOME_PASS && t->c->has_failing) {
        /* A command that passes is run as it was given, and in no other way, until somebody types the next command. */
        if (tl_init_keep_valued(t->p)) {
            tl_init_renew_runner(t->p);
            tl_init_note(t->p, "it passes, so options that have a value stay: most commands refuse without");
        }
        tl_init_turn_configs(t->p);
        json_object_del(t->p->document, "failing"); /* a variant that passes is none that fails */
        rewrite(t, &status);
    }
    return status;
}

/* Finds the unit. -1 to go on, or the exit status. */
static int find_unit(struct trying *t)
{
    struct tl_error e;
    char *unit = choose(t, &e);
    int status = -1;
    if (!unit || !(t->unit = tl_executor_unit(t->x, unit, &e)) || tl_units_check_builds(&t->unit, 1, &e))
        status = tl_print_error(&e);
    else if (t->p->is_onnx && !t->unit->usable) { /* other units can */
        tl_fail(&e, TL_ERROR_INPUT, "it cannot be run", unit, "%s",
                t->unit->why ? t->unit->why : "nothing can be tried there here");
        status = tl_print_error(&e);
    }
    free(unit);
    return status;
}

/* What is written is for another machine. */
static int say_unusable(const struct trying *t)
{
    struct tl_error e;
    char *path = tl_cli_init_typed(t->path), *on = tl_cli_init_typed(t->unit->text);
    tl_fail(&e, TL_ERROR_INPUT, "it was written and not run", t->unit->text,
            "%s; where it can be: trapline isolate %s -u %s",
            t->unit->why ? t->unit->why : "nothing can be tried there here", path, on);
    free(path);
    free(on);
    return tl_print_error(&e);
}

static void tell(struct trying *t, const struct seen *failing)
{
    json_object_set_new(t->document, "unit", json_string(t->unit->text));
    json_object_set(t->document, "axes", json_object_get(t->p->document, "axes"));
    if (t->p->notes)
        json_object_set(t->document, "notes", t->p->notes);
    tl_cli_progress_clear();
    if (t->o->json)
        tl_print_json(json_incref(t->document));
    else
        print(t, failing);
}

/* Writes the case, and runs it. *stays: what was written is whole, although nothing is told of it. */
static int write_and_try(struct trying *t, bool *stays)
{
    struct seen failing = {0}, baseline = {0};
    struct tl_error e;
    bool own_runner = t->p->implied; /* the unit is written with the case */
    int status = own_runner ? -1 : find_unit(t);
    if (status >= 0)
        return status;
    if (tl_init_write(t->p, &e))
        return tl_print_error(&e);
    t->written = true;
    t->path = tl_format("%s/" TL_INIT_CASE, t->p->directory);
    t->document = json_pack("{s:s,s:s,s:[]}", "case", t->path, "name", t->p->name, "next");
    status = load(t);
    if (status < 0 && own_runner)
        status = find_unit(t);
    if (status < 0 && !t->unit->usable) {
        *stays = true;
        return say_unusable(t);
    }
    if (status < 0)
        status = try_it(t, &failing, &baseline);
    *stays = tl_executor_interrupted(t->x);
    if (status < 0 && !*stays) {
        status = judge(t, &failing, &baseline);
        tell(t, &failing);
        t->told = true;
    }
    seen_free(&failing);
    seen_free(&baseline);
    return status;
}

/* A case of which nothing more is told. One that was stopped has all that was guessed, and the command may refuse some of it. */
static void say_written(const struct trying *t, bool interrupted)
{
    char *directory = tl_cli_init_typed(t->p->directory);
    if (interrupted)
        tl_cli_note("%s was written, and which of its values the command refuses was not tried to the end: "
                    "`rm -r %s`, then the same command once more does that",
                    t->path, directory);
    else
        tl_cli_note("%s was written", t->path);
    free(directory);
}

int tl_cli_init_run(struct tl_init *p, const struct tl_command *c, struct tl_options *o)
{
    struct trying t = {.p = p, .o = o};
    struct tl_error e;
    bool stays = false;
    if (tl_cli_executor(c, o, &t.x, &e))
        return tl_print_error(&e);
    int status = write_and_try(&t, &stays);
    bool interrupted = tl_executor_interrupted(t.x);
    if (tl_executor_free(t.x, &e) && status < TL_EXIT_INPUT)
        status = tl_print_error(&e);
    status = interrupted ? TL_EXIT_INTERRUPTED : status;
    if (t.written && !t.told && !stays) /* the same command is to be typed again */
        tl_remove_tree(p->directory);
    else if (t.written && !t.told)
        say_written(&t, interrupted);
    tl_case_free(t.c);
    json_decref(t.document);
    free(t.path);
    return status;
}
