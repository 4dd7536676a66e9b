/* trapline reduce: from a model that fails to the few nodes, weights and sizes that make it fail. */
#include "harness/campaign/reduce/reduce.h"

#include "db/finding.h"
#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/names.h"
#include "harness/base/plural.h"
#include "harness/base/text_file.h"
#include "harness/base/tree.h"
#include "harness/builds/builds.h"
#include "harness/cli/begin.h"
#include "harness/cli/config.h"
#include "harness/cli/isolate_text.h"
#include "harness/cli/reduce_difference.h"
#include "harness/cli/reduce_picture.h"
#include "harness/cli/report_bundle.h"
#include "harness/cli/with_lines.h"
#include "harness/executor/reading.h"
#include "reports/bundle/place.h"
#include "reports/finding/finding.h"
#include "reports/finding/optimiser.h"
#include "reports/finding/reduction_values.h"
#include "reports/finding/words.h"
#include "reports/graph_words.h"
#include "reports/members.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is not there is refused by name, and not left to look as if it had been done. -1 to go on. */
static int check_options(const struct tl_options *o)
{
    if (o->n_args > 1)
        return tl_usage_error(&tl_command_reduce,
                              "one model was expected, and a command as the judge stands behind "
                              "--, as in `-- ARGV… {model}`");
    if (o->words && !o->n_words)
        return tl_usage_error(&tl_command_reduce,
                              "behind -- a command was expected, as in `-- compiler {model}`");
    if (o->failure_text && (!o->words || !*o->failure_text))
        return tl_usage_error(&tl_command_reduce,
                              "--failure-text takes a text that a command writes, and goes with "
                              "`-- ARGV… {model}`");
    if (o->n_args < 1)
        return tl_usage_error(&tl_command_reduce,
                              "a model was expected: a file of ONNX, or a case that names one");
    if (!strcmp(o->args[0], "-"))
        return tl_usage_error(&tl_command_reduce,
                              "-: a file was expected: standard input cannot be read again");
    if (o->words && (o->against || o->first_difference))
        return tl_usage_error(&tl_command_reduce,
                              "%s: a command judges by itself, and has no numbers to be held against others",
                              o->against ? "--against" : "--first-difference");
    if (o->n_units > 1)
        return tl_usage_error(&tl_command_reduce,
                              "one -u UNIT was expected, for example -u onnxruntime@1.22.0:cpu");
    if (o->over && strcmp(o->over, "build") != 0)
        return tl_usage_error(&tl_command_reduce, "--over is build: of what is left, which builds fail");
    if (o->force && !o->out)
        return tl_usage_error(&tl_command_reduce, "--force goes with -o DIR");
    if (o->first_difference && o->out)
        return tl_usage_error(&tl_command_reduce,
                              "-o DIR: --first-difference stops before there is a model to be written");
    return -1;
}

/* Before hours go by: whether the result can be put there. -1 to go on. */
static int check_target(const struct tl_options *o)
{
    struct tl_error e;
    struct tl_bundle_place p;
    if (!o->out)
        return -1;
    if (!*o->out)
        return tl_usage_error(&tl_command_reduce, "-o takes a directory that does not exist or is empty");
    if (tl_bundle_place_begin(&p, o->out, o->force, &e)) {
        e.kind = TL_ERROR_INPUT; /* nothing was run yet */
        return tl_print_error(&e);
    }
    bool archive = p.archive;
    tl_bundle_place_end(&p, -1, NULL, 0, &e);
    if (!archive)
        return -1;
    tl_fail(&e, TL_ERROR_INPUT, "cannot write the result", o->out, "a directory was expected");
    return tl_print_error(&e);
}

/* --- the result into a directory ------------------------------------------------------------------------------ */

struct copying {
    const char *from, *to;
    bool keeps_case; /* that of the bundle stays: its commands are those of the bundle */
    struct tl_error *e;
    bool failed;
};

static bool copy_one(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct copying *c = arg;
    (void)directory;
    (void)name;
    if (!S_ISREG(st->st_mode))
        return false;
    char *from = tl_format("%s/%s", c->from, path), *to = tl_format("%s/%s", c->to, path);
    if (!c->keeps_case || strcmp(path, "case.json") != 0 || access(to, F_OK)) {
        c->failed =
            tl_make_parents(to, 0777) || (unlink(to) && errno != ENOENT) || tl_copy_file(from, to, 0666);
        if (c->failed)
            tl_fail_errno(c->e, TL_ERROR_ENVIRONMENT, errno, "cannot write the result", to,
                          "free some space; the same command writes it again");
    }
    free(from);
    free(to);
    return c->failed;
}

/* Names in it are those of the model: what a terminal would obey is an escape in the file. */
static int write_document(const char *path, const json_t *document)
{
    char *text = json_dumps(document, JSON_INDENT(1));
    int result = tl_replace_text(path, text, true);
    free(text);
    return result;
}

/* The command as it is in the bundle, and not on this machine. */
static int place_judge(const char *to, struct tl_error *e)
{
    char *name = tl_format("%s/reduce.json", to), *own = tl_format("%s/case.json", to);
    json_t *document = json_load_file(name, 0, NULL), *c = json_load_file(own, 0, NULL),
           *judge = json_object_get(document, "judge"),
           *steps = json_object_get(json_object_get(c, "model"), "steps");
    int failed = 0;
    if (json_is_object(judge) && json_is_array(steps)) {
        json_object_set(judge, "steps", steps);
        failed = write_document(name, document);
    }
    if (failed)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the result", name, NULL);
    json_decref(document);
    json_decref(c);
    free(name);
    free(own);
    return failed;
}

static int copy_result(const char *from, const char *to, bool judged, struct tl_error *e)
{
    struct copying c = {.from = from, .to = to, .keeps_case = judged, .e = e};
    if (tl_tree_each(from, copy_one, &c) && !c.failed)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the result", from,
                             "it has to be listed, to be copied");
    return c.failed || (judged && place_judge(to, e)) ? -1 : 0;
}

/* What is in a directory becomes part of another one. */
static int move_up(const char *from, const char *to, struct tl_error *e)
{
    struct tl_names names;
    int failed = tl_names_read(from, &names);
    for (size_t i = 0; i < names.n && !failed; i++) {
        char *old = tl_format("%s/%s", from, names.list[i]), *new = tl_format("%s/%s", to, names.list[i]);
        failed = rename(old, new);
        free(old);
        free(new);
    }
    if (failed)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write the result", to, NULL);
    tl_names_free(&names);
    rmdir(from);
    return failed;
}

/* What the result has that its bundle has not. */
static json_t *beside_bundle(const json_t *d)
{
    json_t *list = json_pack("[{s:s,s:s}]", "name", "reduce.json", "about",
                             "all that is known of the reduction, with each step");
    if (json_is_object(json_object_get(d, "neighbour")))
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "name", "neighbour/", "about", "the model next to it that passes"));
    return list;
}

/* What the reproducers did, which only the bundle could tell, into what is stored of it. */
static int take_back(const struct tl_options *o, const json_t *d, struct tl_error *e)
{
    static const char *const members[] = {"minimal", "structural_minimal", "confirmed",
                                          "sizes",   "structural_sizes",   "unproved"};
    struct tl_store *s;
    char *path = tl_format("%s/reduce.json", tl_member_text(d, "directory"));
    json_t *document = json_load_file(path, 0, NULL), *finding = NULL;
    int result = tl_store_open(o->db, TL_STORE_WRITE, &s, e);
    if (!result) {
        result = tl_finding_load(s, tl_member_text(d, "finding"), &finding, e);
        for (size_t i = 0; i < TL_COUNT(members) && finding; i++)
            if (json_object_get(d, members[i])) {
                json_object_set(json_object_get(finding, "reduction"), members[i],
                                json_object_get(d, members[i]));
                json_object_set(document, members[i], json_object_get(d, members[i]));
            }
        result = result || tl_finding_put(s, finding, e) ? -1 : 0;
        tl_store_close(s, NULL);
    }
    if (!result && document && write_document(path, document))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", path, NULL);
    json_decref(finding);
    json_decref(document);
    free(path);
    return result;
}

/* It is put together inside of the place that the result has, so that what is left when we are killed goes with that. */
static int write_bundle(const struct tl_options *o, json_t *d, const char *to)
{
    struct tl_report_sources r = {0};
    struct tl_store *s;
    struct tl_error e;
    json_t *written = NULL, *beside = beside_bundle(d);
    if (tl_store_open(o->db, TL_STORE_READ, &s, &e)) {
        json_decref(beside);
        return tl_print_error(&e);
    }
    char *inside = tl_format("%s/bundle", to);
    int failed = tl_report_load(s, tl_member_text(d, "finding"), &r, &e);
    tl_store_close(s, NULL);
    struct tl_report_source source = {.finding = r.finding,
                                      .failing = r.has_failing ? &r.failing : NULL,
                                      .control = r.has_control ? &r.control : NULL,
                                      .elsewhere = r.elsewhere,
                                      .hosts = r.hosts,
                                      .beside = beside,
                                      .keep_paths = o->keep_paths};
    int status =
        failed ? tl_print_error(&e) : tl_cli_bundle_into(o, &source, inside, r.case_document, &written);
    if (status == TL_EXIT_OK && move_up(inside, to, &e))
        status = tl_print_error(&e);
    if (status == TL_EXIT_OK && tl_reduction_take_back(d, json_object_get(written, "proved")) &&
        take_back(o, d, &e))
        status = tl_print_error(&e);
    json_decref(written);
    json_decref(beside);
    tl_report_release(&r);
    free(inside);
    return status;
}

/* A bundle of the finding, and beside it what only a reduction has: put together out of sight, so that the directory has all of
 * it or is as it was. */
static int write_out(const struct tl_options *o, json_t *d)
{
    struct tl_bundle_place p;
    struct tl_error e;
    if (tl_bundle_place_begin(&p, o->out, o->force, &e))
        return tl_print_error(&e);
    int status = TL_EXIT_OK;
    if (p.archive)
        tl_fail(&e, TL_ERROR_INPUT, "cannot write the result", o->out, "a directory was expected");
    else if (tl_member_text(d, "finding") && tl_member_true(d, "confirmed"))
        status = write_bundle(o, d, p.stage.path);
    bool failed =
        p.archive || (status == TL_EXIT_OK &&
                      copy_result(tl_member_text(d, "directory"), p.stage.path,
                                  json_is_object(json_object_get(d, "judge")) && !o->keep_paths, &e) != 0);
    if (tl_bundle_place_end(&p, failed || status != TL_EXIT_OK ? -1 : 0, NULL, 0, &e) && status == TL_EXIT_OK)
        status = tl_print_error(&e);
    return status;
}

/* Where the files are that the user asked for. */
static void set_places(json_t *d, const char *directory)
{
    static const char *const places[][2] = {
        {"model", "model.onnx"}, {"structural", "structural.onnx"}, {"case_file", "case.json"}};
    for (size_t i = 0; i < TL_COUNT(places); i++) {
        char *path = tl_format("%s/%s", directory, places[i][1]);
        if (json_is_string(json_object_get(d, places[i][0])))
            json_object_set_new(d, places[i][0], json_string(path));
        free(path);
    }
    json_object_set_new(d, "directory", json_string(directory));
}

/* --- what is printed -------------------------------------------------------------------------------------------- */

static void print_nodes(const json_t *list)
{
    const json_t *node;
    size_t i;
    json_array_foreach(list, i, node) {
        const char *name = tl_member_text(node, "original"), *made = tl_member_text(node, "original_output");
        if (i == 20) {
            printf("  … and %zu more\n", json_array_size(list) - i);
            break;
        }
        char *shown = tl_graph_name(name ? name : made ? made : "");
        printf("  %-16s %s%s%s\n", tl_member_or(node, "operator", "?"), name || !made ? "" : "which makes ",
               shown, tl_member_true(node, "inside") ? " (in a body)" : "");
        free(shown);
    }
}

static void print_names(const char *words, const json_t *list)
{
    const json_t *one;
    size_t i;
    if (!json_array_size(list))
        return;
    printf("%s", words);
    json_array_foreach(list, i, one) {
        if (i == 8) {
            printf(" and %zu more", json_array_size(list) - i);
            break;
        }
        char *shown =
            tl_graph_name(json_is_string(one) ? json_string_value(one) : tl_member_or(one, "original", "?"));
        printf("%s%s", i ? ", " : " ", shown);
        free(shown);
    }
    puts("");
}

static void print_sentences(const json_t *d)
{
    json_t *sentences = tl_reduction_sentences(d, false), *one;
    size_t i;
    json_array_foreach(sentences, i, one)
        printf("%s\n", json_string_value(one));
    json_decref(sentences);
}

/* How often what is left fails, where it does not always. */
static void print_rate(const json_t *d)
{
    const json_t *rate = json_object_get(d, "rate");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!tl_member_true(d, "confirmed") || tl_integer_at(rate, 0) == tl_integer_at(rate, 1))
        return;
    tl_words_processes(&b, d);
    printf("what is left failed in %lld of %lld runs%s\n", tl_integer_at(rate, 0), tl_integer_at(rate, 1),
           b.data ? "" : ": not always");
    if (b.data)
        printf("%s\n", b.data);
    tl_buffer_free(&b);
}

/* What failed, without what a signature needs to be told by: of a command its status and its words. */
static void print_failure(const json_t *d)
{
    static const char step[] = "step exit ", mark[] = " was expected";
    const char *title = tl_member_or(json_object_get(d, "signature"), "title", "?"),
               *words = strstr(title, mark);
    printf("%s in %s%s%s: ", tl_member_text(d, "outcome"), tl_member_text(d, "phase"),
           tl_member_text(d, "signal") ? ", " : "", tl_member_or(d, "signal", ""));
    if (strncmp(title, step, sizeof step - 1) != 0 || !words)
        printf("%s\n", title);
    else
        printf("exit status %.*s%s\n", (int)strcspn(title + sizeof step - 1, ":"), title + sizeof step - 1,
               words + sizeof mark - 1);
}

static void print_result(const char *directory, const json_t *d)
{
    const json_t *nodes = json_object_get(d, "nodes"), *step, *other;
    size_t i, rejected = 0;
    print_failure(d);
    if (json_object_get(d, "difference"))
        tl_cli_difference(d);
    printf("%lld of %lld nodes%s, after %lld trials\n",
           (long long)json_integer_value(json_array_get(nodes, 1)),
           (long long)json_integer_value(json_array_get(nodes, 0)),
           !tl_member_true(d, "complete")  ? ", not yet minimal"
           : !tl_member_true(d, "minimal") ? ", not shown to be minimal"
                                           : "",
           (long long)tl_member_integer(d, "trials"));
    print_rate(d);
    if (!tl_reduce_print_picture(json_object_get(d, "graph")))
        print_nodes(json_object_get(d, "remaining"));
    print_names("fed with recorded values:", json_object_get(d, "recorded_inputs"));
    if (tl_member_text(d, "structural")) {
        printf(
            "fed with the inputs of the original%s it takes %lld node%s%s:\n",
            tl_member_true(d, "structural_recorded_state") ? " and the recorded state of a loop" : " alone",
            (long long)tl_member_integer(d, "structural_nodes"),
            tl_plural((uint64_t)tl_member_integer(d, "structural_nodes")), tl_reduction_structural_words(d));
        if (!tl_reduce_print_picture(json_object_get(d, "structural_graph")))
            print_nodes(json_object_get(d, "structural_remaining"));
    }
    print_names("its owner's values are still in", json_object_get(d, "owner_data"));
    if (!json_array_size(json_object_get(d, "owner_data")))
        puts("no value of the original is left in it");
    print_names("structural.onnx still has its owner's values in",
                json_object_get(d, "structural_owner_data"));
    print_sentences(d);
    if (json_is_object(json_object_get(d, "neighbour")))
        printf("%s passes with %s\n", tl_member_or(json_object_get(d, "neighbour"), "of", "it"),
               tl_member_or(json_object_get(d, "neighbour"), "with", "?"));
    struct tl_buffer builds = TL_BUFFER_INIT;
    tl_isolate_add_builds(&builds, d);
    if (builds.data)
        fputs(builds.data, stdout);
    tl_buffer_free(&builds);
    char *optimiser = tl_optimiser_words(d, false);
    if (optimiser)
        puts(optimiser);
    free(optimiser);
    json_array_foreach(json_object_get(d, "steps"), i, step)
        rejected += (size_t)tl_member_integer(step, "rejected");
    if (rejected)
        printf("%zu trial%s failed in another way, and did not count%s\n", rejected, tl_plural(rejected),
               json_array_size(json_object_get(d, "others")) ? ":" : "");
    json_array_foreach(json_object_get(d, "others"), i, other)
        printf("  %s: %s\n", tl_member_text(other, "outcome"), tl_member_or(other, "title", ""));
    if (!tl_member_true(d, "confirmed") && !json_object_get(d, "unproved"))
        puts("the files that are handed over did not fail again in fresh processes");
    tl_cli_line("%s/model.onnx", directory);
    if (tl_member_text(d, "structural"))
        tl_cli_line("%s/structural.onnx", directory);
    if (tl_member_text(d, "finding"))
        tl_isolate_say_report(tl_member_text(d, "finding"));
}

/* held: its numbers were looked at, or a command was the judge. */
static void print_not_reproduced(const json_t *d, bool held)
{
    if (json_object_get(d, "difference")) {
        tl_cli_difference(d);
        return;
    }
    printf("it did not fail in %lld run%s: there is nothing to reduce\n",
           (long long)json_integer_value(json_array_get(json_object_get(d, "rate"), 1)),
           tl_plural((uint64_t)json_integer_value(json_array_get(json_object_get(d, "rate"), 1))));
    if (!held)
        puts("whether its numbers are right was not looked at: --against same,optimization=0 holds them to "
             "those without "
             "optimisation, --against UNIT or --against MODEL to those of another build or model");
}

/* What was reached, and how to go on. */
static void say_stopped(const json_t *d)
{
    const json_t *nodes = json_object_get(d, "nodes");
    if (tl_member_true(d, "interrupted"))
        tl_cli_error_line("stopped in the step \"%s\", with %lld of %lld nodes left after %lld trials: %s",
                          tl_member_or(d, "step", "?"), tl_integer_at(nodes, 1), tl_integer_at(nodes, 0),
                          (long long)tl_member_integer(d, "trials"), tl_member_or(d, "model", "?"));
    fputs("stopped; the same command goes on where it was\n", stderr);
}

/* --- the command -------------------------------------------------------------------------------------------------- */

/* Without -u: the unit of the configuration, or the one build of a runtime for such models that is here. */
static int choose_unit(struct tl_options *o, struct tl_error *e)
{
    tl_cli_usual_units(o, false);
    if (o->n_units > 1)
        return tl_fail(e, TL_ERROR_INPUT, "where it fails is not said", "-u",
                       "the configuration names %zu units (`trapline config`), and it is reduced on one",
                       o->n_units);
    if (o->n_units)
        return 0;
    static char only[256];
    struct tl_builds builds = {0};
    struct tl_buffer list = TL_BUFFER_INIT;
    if (tl_builds_installed("onnxruntime", &builds, e))
        return -1;
    for (size_t i = builds.n; i-- > 0;)
        tl_buffer_printf(&list, "%s-u onnxruntime@%s:cpu", list.size ? ", " : "", builds.list[i].version);
    if (builds.n == 1) {
        snprintf(only, sizeof only, "onnxruntime@%s:cpu", builds.list[0].version);
        o->units[o->n_units++] = only;
        tl_cli_note("-u %s, the one build of a runtime for it that is here", only);
    }
    int result =
        builds.n == 1 ? 0
        : builds.n
            ? tl_fail(e, TL_ERROR_INPUT, "where it fails is not said", "-u",
                      "several builds are here; one of them was expected: %s", list.data)
            : tl_fail(e, TL_ERROR_INPUT, "where it fails is not said", "-u",
                      "no build of ONNX Runtime is here: `trapline builds fetch onnxruntime@latest` "
                      "brings one, `trapline list units` shows what else runs here; or a command judges: "
                      "-- ARGV… {model}");
    tl_buffer_free(&list);
    tl_builds_free(&builds);
    return result;
}

static int find_unit(struct tl_executor *x, const char *text, const struct tl_unit **unit, struct tl_error *e)
{
    *unit = tl_executor_unit(x, text, e);
    if (!*unit || tl_units_check_builds(unit, 1, e))
        return -1;
    return (*unit)->usable ? 0
                           : tl_fail(e, TL_ERROR_INPUT, "nothing can be tried here", (*unit)->text, "%s",
                                     (*unit)->why ? (*unit)->why : "its runner does not say why");
}

/* A name that is wrong, as in `-s optimisation=0`. */
static void warn_unread(const struct tl_reduction *r)
{
    for (size_t a = 0; a < r->c->n_axes; a++)
        if (strcmp(r->c->axes[a].name, TL_REDUCE_AXIS) != 0 &&
            tl_executor_reading(r->x, r->c, NULL, r->unit, a) == TL_READING_NO)
            tl_cli_note("warning: nothing reads %s: no command does, the model has no symbolic dimension of "
                        "that name, and %s does not list it among the axes that it understands",
                        r->c->axes[a].name, r->unit->text);
}

static int run(const struct tl_options *o, struct tl_reduction *r, struct tl_cli_progress *progress)
{
    struct tl_error e, closing;
    char *const *work = r->work;
    json_t *d = NULL;
    int status = TL_EXIT_OK;
    char *of_case = r->against ? NULL : tl_reduce_against_of_case(r->c);
    r->against_of_case = of_case != NULL;
    if (of_case)
        r->against = of_case;
    else if (o->first_difference && !r->against)
        r->against = "same,optimization=0";
    bool judged = r->c->model_kind == TL_MODEL_STEPS;
    int result = find_unit(r->x, judged ? "command:host" : o->units[0], &r->unit, &e);
    if (!result && judged && o->n_units && strcmp(o->units[0], "command:host") != 0)
        result = find_unit(r->x, o->units[0], &r->recorder, &e);
    if (!result && !r->against && (o->n_samples || o->tolerance))
        result = tl_fail(&e, TL_ERROR_INPUT, o->n_samples ? "--sample" : "--tolerance",
                         o->n_samples ? o->samples[0] : o->tolerance,
                         "it goes with --against, which says what is right");
    if (!result && o->n_sets)
        warn_unread(r);
    if (!result)
        result = tl_reduce_run(r, &d, &e);
    bool interrupted = tl_executor_interrupted(r->x);
    int closed = tl_executor_free(r->x, &closing);
    tl_cli_progress_clear();
    json_t *shown = d && !o->json ? tl_cli_with_lines(d) : NULL;
    if (interrupted) {
        say_stopped(d);
        status = o->json && d ? tl_print_json(json_incref(d)) : TL_EXIT_OK;
        status = status == TL_EXIT_OK ? TL_EXIT_INTERRUPTED : status;
    } else if (result || closed) {
        status = tl_print_error(result ? &e : &closing);
    } else if (!tl_member_true(d, "reproduced")) {
        status = o->json ? tl_print_json(json_incref(d)) : TL_EXIT_OK;
        if (!o->json)
            print_not_reproduced(shown,
                                 r->against || r->c->model_kind == TL_MODEL_STEPS || r->c->reference.text);
    } else if (o->first_difference) {
        status = o->json ? tl_print_json(json_incref(d)) : (tl_cli_difference(shown), TL_EXIT_OK);
        status = status == TL_EXIT_OK ? TL_EXIT_FAILURE : status;
    } else {
        status = o->out ? write_out(o, d) : TL_EXIT_OK;
        if (status != TL_EXIT_OK)
            tl_cli_error_line(
                "trapline: the result is in %s; the same command%s", tl_member_or(d, "directory", "?"),
                status == TL_EXIT_INTERRUPTED ? " goes on" : ", with another -o, writes it again");
        if (status == TL_EXIT_OK && o->out)
            set_places(d, o->out);
        if (status == TL_EXIT_OK && o->json)
            status = tl_print_json(json_incref(d));
        else if (status == TL_EXIT_OK)
            print_result(o->out ? o->out : tl_member_text(d, "directory"), shown);
        status = status == TL_EXIT_OK ? TL_EXIT_FAILURE : status;
    }
    /* Where it could not be written the same command goes on, and records nothing again. */
    if (*work && (status == TL_EXIT_OK || status == TL_EXIT_FAILURE))
        tl_reduce_forget(*work);
    json_decref(d);
    json_decref(shown);
    free(of_case);
    return status;
}

static int reduce(struct tl_options *o)
{
    struct tl_cli_progress progress;
    struct tl_mistakes mistakes = {0};
    struct tl_variant failing;
    struct tl_case *c = NULL;
    struct tl_error e;
    int status = check_options(o);
    if (status < 0)
        status = check_target(o);
    if (status >= 0)
        return tl_finish_output(status);
    char *state = tl_store_beside(o->db, "reductions", &e);
    if (!state)
        return tl_finish_output(tl_print_error(&e));
    const struct tl_reduce_judge judge = {
        .argv = (const char *const *)o->words, .n = (size_t)o->n_words, .failure_text = o->failure_text};
    struct tl_reduce_wanted wanted = {.path = o->args[0],
                                      .state = state,
                                      .sets = o->sets,
                                      .n_sets = o->n_sets,
                                      .inputs = o->inputs,
                                      .n_inputs = o->n_inputs,
                                      .against = o->against,
                                      .judge = o->words ? &judge : NULL,
                                      .timeout_s = o->timeout_s,
                                      .memory_mb = o->memory_mb};
    struct tl_case *recording = NULL;
    struct tl_variant recorded = {0};
    char *work = NULL;
    int failed = tl_reduce_case(&wanted, &c, &failing, &mistakes, &e);
    if (!failed && c->model_kind == TL_MODEL_STEPS && o->n_units) {
        wanted.recording = true;
        failed = tl_reduce_case(&wanted, &recording, &recorded, &mistakes, &e);
        if (failed)
            tl_variant_free(&failing);
    }
    if (!failed && c->model_kind != TL_MODEL_STEPS && !o->n_units && (failed = choose_unit(o, &e)))
        tl_variant_free(&failing);
    if (failed) {
        tl_case_free(c);
        status = tl_cli_print_mistakes(o->args[0], &mistakes, &e);
        tl_mistakes_free(&mistakes);
        free(state);
        return tl_finish_output(status);
    }
    tl_cli_progress_begin(&progress, o);
    struct tl_reduction r = {.c = c,
                             .failing = &failing,
                             .state = state,
                             .work = &work,
                             .recording = recording,
                             .failure_text = o->failure_text,
                             .watch = &progress.watch,
                             .started_ns = progress.started_ns,
                             .max_trials = o->max_trials,
                             .max_seconds = o->max_seconds,
                             .fresh = o->fresh,
                             .no_cache = o->no_cache,
                             .keep_names = o->keep_names,
                             .against = o->against,
                             .first_difference = o->first_difference,
                             .tolerance = o->tolerance,
                             .samples = o->samples,
                             .n_samples = o->n_samples,
                             .jobs = o->jobs,
                             .over_builds = o->over != NULL};
    status = tl_cli_executor(&tl_command_reduce, o, &r.x, &e) ? tl_print_error(&e) : run(o, &r, &progress);
    tl_variant_free(&failing);
    tl_variant_free(&recorded);
    tl_mistakes_free(&mistakes);
    tl_case_free(recording);
    tl_case_free(c);
    free(state);
    free(work);
    return tl_finish_output(status);
}

const struct tl_command tl_command_reduce = {
    .name = "reduce",
    .arguments =
        "MODEL [-u UNIT] [--against UNIT|MODEL] [-o DIR] [-s AXIS=VALUE]… [--inputs [NAME=]FILE.npy]… "
        "[-- ARGV… {model}]",
    .about = "the smallest model that still fails in the same way",
    .options =
        "unit set inputs out force over failure-text timeout memory keep-names against first-difference "
        "sample tolerance max-trials max-time no-cache fresh no-cgroup sandbox network user keep-paths",
    .takes_words = true,
    .run = reduce,
};
