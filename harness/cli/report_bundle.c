#include "harness/cli/report_bundle.h"

#include "cases/load.h"
#include "cases/variant.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/plural.h"
#include "harness/base/staging.h"
#include "harness/builds/builds.h"
#include "harness/campaign/bundle_trials.h"
#include "harness/campaign/prove.h"
#include "harness/cli/report.h"
#include "harness/executor/case_files.h"
#include "harness/executor/unit.h"
#include "harness/supervise/scratch.h"
#include "reports/bundle/bundle.h"
#include "reports/finding/members.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The case file of a finding, where it still is what it was; NULL. */
static struct tl_case *load_case(const json_t *finding)
{
    const char *path = tl_member_text(finding, "case_path"), *hash = tl_member_text(finding, "case_hash");
    struct tl_case *c = NULL;
    struct tl_mistakes mistakes = {0};
    struct tl_error gone; /* then the bundle does without */
    if (!path || !hash || tl_case_load(path, &c, &mistakes, &gone))
        c = NULL;
    tl_mistakes_free(&mistakes);
    if (c && strcmp(c->hash, hash) != 0) {
        tl_case_free(c);
        c = NULL;
    }
    return c;
}

/* The case as it was measured, in the directory where it was, which the file itself need not be any more; NULL when that, or
 * what it names, is not there. */
static struct tl_case *parse_case(const json_t *finding, const json_t *document)
{
    const char *path = tl_member_text(finding, "case_path");
    char *text = document && path ? json_dumps(document, JSON_COMPACT) : NULL;
    struct tl_case *c = NULL;
    struct tl_mistakes mistakes = {0};
    struct tl_error gone;
    if (!text)
        return NULL;
    if (tl_case_parse(text, strlen(text), path, &c, &mistakes, &gone))
        c = NULL;
    tl_mistakes_free(&mistakes);
    free(text);
    return c;
}

static bool is_in_path(const char *directory)
{
    const char *list = getenv("PATH");
    bool is = false;
    for (char *one; list && !is && (one = tl_next_directory(&list)); free(one))
        is = !strcmp(one, directory);
    return is;
}

/* Whether a step names its program by a name alone: a directory that it names itself is not one of PATH, where programs of
 * everybody stand. */
static bool names_program_alone(const struct tl_case *c, const struct tl_variant *v, size_t step)
{
    static const struct tl_placeholder_paths unfilled = {"{model}", "{inputs}", "{outputs}", "{scratch}"};
    char **words = step < c->n_steps ? tl_case_command(c, v, &c->steps[step].argv, &unfilled) : NULL;
    bool alone = words && words[0] && !strchr(words[0], '/');
    tl_strings_free(words);
    return alone;
}

/* Programs of the case's commands are looked for where its trials found them, too: this may be another shell. */
static void remember_path(const struct tl_case *c, const struct tl_variant *v,
                          const struct tl_trial_record *r)
{
    json_t *request = r->request ? json_loads(r->request, 0, NULL) : NULL, *step;
    size_t i;
    json_array_foreach(json_object_get(request, "steps"), i, step) {
        const char *program = json_string_value(json_array_get(json_object_get(step, "argv"), 0)),
                   *own = getenv("PATH");
        size_t n = program && *program == '/' ? (size_t)(tl_base_name(program) - program) : 0;
        char *directory =
            n > 1 && names_program_alone(c, v, i) ? tl_format("%.*s", (int)n - 1, program) : NULL;
        if (directory && !access(program, X_OK) && !is_in_path(directory)) {
            char *path = tl_format("%s%s%s", own ? own : "/usr/bin:/bin", ":", directory);
            setenv("PATH", path, true);
            free(path);
        }
        free(directory);
    }
    json_decref(request);
}

/* Models and values, by what their files are called. */
static bool is_data_of_models(const char *path)
{
    static const char *const endings[] = {
        ".onnx",   ".ort",        ".data",    ".npy",  ".npz",    ".pb",      ".pbtxt",     ".safetensors",
        ".pt",     ".pth",        ".ckpt",    ".bin",  ".h5",     ".hdf5",    ".keras",     ".tflite",
        ".gguf",   ".mlmodel",    ".weights", ".pkl",  ".pickle", ".pdmodel", ".pdiparams", ".npk",
        ".joblib", ".caffemodel", ".engine",  ".plan", ".trt"};
    const char *dot = strrchr(tl_base_name(path), '.');
    return dot && tl_is_one_of(dot, endings, TL_COUNT(endings));
}

/* Of a reduction nothing of the original is handed on, whichever script beside the command names it, nor other models and values
 * that the command does not name itself: who looks for a small model has the large one there. */
static void keep_private(json_t *files, const json_t *finding)
{
    const json_t *reduction = json_object_get(finding, "reduction");
    json_t *list = json_object_get(files, "files"), *private = json_array(), *known;
    if (json_is_object(reduction) && list) {
        json_t *contents = tl_case_contents(files);
        for (size_t i = json_array_size(list), k; i-- > 0;) {
            const json_t *file = json_array_get(list, i);
            const char *path = tl_member_or(file, "path", ""), *content = tl_member_text(contents, path);
            bool original = content && !strcmp(content, tl_member_or(reduction, "original", ""));
            json_array_foreach(json_object_get(reduction, "original_files"), k, known)
                original = original || (content && !strcmp(content, json_string_value(known)));
            const char *why =
                original ? "it is of the model that was reduced, of which nothing is handed on"
                : is_data_of_models(path) && !tl_member_true(file, "named")
                    ? "a script names it, and the command itself does not: it may be the data of the model's "
                      "owner"
                    : NULL;
            if (!why)
                continue;
            json_array_append_new(private, json_pack("{s:s,s:s}", "path", path, "why", why));
            json_array_remove(list, i);
        }
        json_decref(contents);
    }
    json_object_set_new(files, "private", private);
}

static json_t *files_of(const struct tl_case *c, const struct tl_report_source *source, const char *runner,
                        const char *database)
{
    const struct tl_trial_record *trials[] = {source->failing, source->control};
    struct tl_variant variants[2];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        json_t *variant = trials[i] && trials[i]->variant ? json_loads(trials[i]->variant, 0, NULL) : NULL;
        struct tl_error other;
        if (variant && !tl_variant_from_json(c, variant, &variants[n], &other)) {
            remember_path(c, &variants[n], trials[i]);
            n++;
        }
        json_decref(variant);
    }
    json_t *files = tl_case_files(c, variants, n, runner, database);
    keep_private(files, source->finding);
    while (n)
        tl_variant_free(&variants[--n]);
    return files;
}

int tl_cli_print_bundle(const char *target, const json_t *files)
{
    const json_t *file;
    size_t i;
    json_int_t all = 0;
    tl_cli_line("%s", target);
    json_array_foreach(files, i, file) {
        json_int_t size = tl_member_integer(file, "size");
        char *words = tl_size_words(size);
        all += size;
        tl_cli_line("  %10s  %s: %s", words, tl_member_or(file, "name", "?"),
                    tl_member_or(file, "about", ""));
        free(words);
    }
    char *words = tl_size_words(all);
    printf("  %10s  in %zu file%s\n", words, json_array_size(files), tl_plural(json_array_size(files)));
    free(words);
    return tl_finish_output(TL_EXIT_OK);
}

char *tl_cli_bundle_target(const struct tl_options *o)
{
    size_t n = strlen(o->bundle);
    bool is_zip = n > 4 && !strcmp(o->bundle + n - 4, ".zip");
    while (n > 1 && o->bundle[n - 1] == '/')
        n--;
    return tl_format("%.*s%s", (int)n, o->bundle, o->zip && !is_zip ? ".zip" : "");
}

static void print_left_out(const json_t *written)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(json_object_get(written, "left_out"), i, entry)
        tl_cli_note("left out: %s", json_string_value(entry));
    json_array_foreach(json_object_get(written, "changed"), i, entry)
        tl_cli_note("changed after the failure was found: %s", json_string_value(entry));
    json_array_foreach(json_object_get(written, "proved"), i, entry) {
        const char *program = tl_member_or(entry, "program", "?"), *note = tl_member_text(entry, "note");
        const char *build = tl_member_text(entry, "build"), *title = tl_member_text(entry, "title"),
                   *signal = tl_member_text(entry, "signal");
        bool control = !strcmp(tl_member_or(entry, "side", ""), "control");
        if (note && !tl_member_integer(entry, "runs")) {
            tl_cli_error_line("trapline: %s: %s", program, note);
            continue;
        }
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_printf(&b, "trapline: %s%s%s did %s in %lld of %lld runs here%s%s", program,
                         build     ? " with build "
                         : control ? " --control"
                                   : "",
                         build ? build : "", control ? "pass" : "as reported",
                         (long long)tl_member_integer(entry, "as_reported"),
                         (long long)tl_member_integer(entry, "runs"),
                         tl_member_text(entry, "line") ? ": " : "", tl_member_or(entry, "line", ""));
        if (title)
            tl_buffer_printf(&b, "; another failure: %s%s%s", signal ? signal : "", signal ? ", " : "",
                             title);
        tl_buffer_printf(&b, "%s%s", note ? ". " : "", note ? note : "");
        char *line = tl_buffer_take(&b);
        tl_cli_error_line("%s", line);
        free(line);
    }
    static const char *const stays[] = {"stayed", "control_stayed"};
    for (i = 0; i < 2; i++)
        if (tl_member_text(written, stays[i]))
            tl_cli_error_line("trapline: %s", tl_member_text(written, stays[i]));
}

static int write_bundle(const struct tl_options *o, const struct tl_report_source *source, const char *target,
                        const json_t *case_document, json_t **written)
{
    struct tl_cli_progress progress;
    struct tl_build good = {0};
    struct tl_bundle_options options = {.target = target, .force = o->force, .case_document = case_document};
    struct tl_unit unit;
    struct tl_error e;
    /* Of a search over builds the finding's own unit is the newest one of them. */
    const char *name = source->failing && source->failing->unit ? source->failing->unit
                                                                : tl_member_text(source->finding, "unit");
    bool known = name && !tl_unit_parse(name, &unit, &e);
    bool found = known && !tl_unit_resolve(&unit, &e);
    struct tl_case *c = load_case(source->finding),
                   *parsed = c ? NULL : parse_case(source->finding, case_document);
    struct tl_bundle_trials trials = {
        .c = c,
        .unit = name,
        .sandbox = {.wanted = o->sandbox, .network = o->network, .user = o->user},
        .db = o->db,
        .command = "report"};
    options.runner_path = found ? unit.path : NULL;
    options.build_object = found && !unit.build_missing ? unit.build_object : NULL;
    options.prove = o->sandbox ? NULL : tl_prove;
    if (o->sandbox)
        tl_cli_note("repro.sh and what else is in the bundle are not tried: they would run outside of the "
                    "sandbox. Without "
                    "--sandbox they are");
    const char *version = tl_finding_good_build(source->finding);
    struct tl_error none;
    if (version && known && !tl_builds_find(unit.runner, version, &good, &none)) {
        options.good_build = version;
        options.good_library = good.path;
    }
    tl_cli_progress_begin(&progress, o);
    options.watch = &progress.watch;
    options.c = c ? c : parsed;
    json_t *files = options.c ? files_of(options.c, source, options.runner_path, o->db) : NULL;
    options.files = files;
    if (c && name) {
        options.arg = &trials;
        options.trial = tl_bundle_trial;
        options.expected = tl_bundle_expected;
    }
    int rc = tl_bundle_write(source, &options, written, &e);
    tl_cli_progress_clear();
    int status = rc ? tl_print_error(&e) : TL_EXIT_OK;
    tl_build_free(&good);
    json_decref(files);
    if (c)
        tl_case_free(c);
    if (parsed)
        tl_case_free(parsed);
    if (known)
        tl_unit_free(&unit);
    return status;
}

/* Reproducers are run in scratch directories. Where those that everybody uses cannot be had, the bundle has a place of its own,
 * or could not be written either. */
static void begin_scratch(struct tl_staging *own, const char *target)
{
    const char *set = getenv("TMPDIR"), *usual = set && *set ? set : "/tmp";
    char *why = tl_scratch_unusable(usual), *beside = tl_strdup(target);
    char *slash = strrchr(beside, '/');
    *own = (struct tl_staging){NULL, -1};
    if (slash)
        slash[slash == beside] = '\0';
    if (why && !tl_staging_begin(own, slash ? beside : ".", ".trapline-scratch-")) {
        char *real = realpath(own->path, NULL);
        setenv("TMPDIR", real ? real : own->path, true);
        tl_cli_note("%s=%s cannot hold scratch files (%s): a directory that can be written to and has "
                    "free space was "
                    "expected. A directory beside the bundle is used instead, and removed again",
                    set && *set ? "TMPDIR" : "the usual place", usual, why);
        free(real);
    }
    free(beside);
    free(why);
}

/* The short page, with what was seen of the bundle that goes with it. */
static int report_short(const struct tl_options *o, json_t *report, const char *target, json_t *written)
{
    static const struct tl_cli_formats formats = {tl_report_markdown, tl_report_html, tl_report_junit};
    json_object_set_new(written, "name", json_string(tl_base_name(target)));
    json_object_set(report, "bundle", written);
    return tl_cli_print_report(o, &formats, report);
}

int tl_cli_bundle_into(const struct tl_options *o, const struct tl_report_source *source, const char *target,
                       const json_t *case_document, json_t **written)
{
    struct tl_staging scratch;
    *written = NULL;
    begin_scratch(&scratch, target);
    int status = write_bundle(o, source, target, case_document, written);
    tl_staging_end(&scratch);
    return status;
}

int tl_cli_report_bundle(const struct tl_options *o, const struct tl_report_source *source,
                         const json_t *case_document)
{
    json_t *written = NULL;
    char *target = tl_cli_bundle_target(o);
    int status = tl_cli_bundle_into(o, source, target, case_document, &written);
    if (status == TL_EXIT_OK && (o->project || o->brief)) { /* what is written to stdout is a text */
        tl_cli_note("written: %s, %zu files", target, json_array_size(json_object_get(written, "files")));
        print_left_out(written);
        json_t *text = tl_report_new(source);
        status =
            o->project ? tl_cli_report_for(o, text, target, written) : report_short(o, text, target, written);
    } else if (status == TL_EXIT_OK && o->json) {
        status = tl_print_json(json_pack(
            "{s:s,s:O,s:O,s:O}", "bundle", target, "left_out", json_object_get(written, "left_out"), "files",
            json_object_get(written, "files"), "proved", json_object_get(written, "proved")));
    } else if (status == TL_EXIT_OK) {
        status = tl_cli_print_bundle(target, json_object_get(written, "files"));
        print_left_out(written);
    }
    json_decref(written);
    free(target);
    return status;
}
