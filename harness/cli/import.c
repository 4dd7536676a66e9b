/* trapline import: reports that an operating system wrote become trials, or part of those that they are about. */
#include "harness/cli/begin.h"
#include "harness/cli/cli.h"

#include "db/store.h"
#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "harness/executor/import.h"
#include "harness/executor/import_match.h"
#include "reports/json_text.h"

#include <stdlib.h>
#include <string.h>

struct importing {
    const struct tl_options *o;
    struct tl_store *s;
    struct tl_cli_progress *progress;
    json_t *all; /* with --json */
    size_t counts[TL_IMPORT_RESULTS];
};

/* In JSON, and at the end for a person. */
static const struct {
    const char *name, *one, *many;
} results[] = {
    [TL_IMPORT_ADDED] = {"imported", "became a trial", "became trials"},
    [TL_IMPORT_ATTACHED] = {"attached", "belongs to a trial of yours", "belong to trials of yours"},
    [TL_IMPORT_HELPER] = {"helper", "is of a process that worked for trials of yours",
                          "are of processes that worked for trials of yours"},
    [TL_IMPORT_NOTED] = {"noted", "is noted on the trials that ran then",
                         "are noted on the trials that ran then"},
    [TL_IMPORT_KNOWN] = {"known", "was known already", "were known already"},
    [TL_IMPORT_UNRELATED] = {"unrelated", "concerns no trial, and was not stored",
                             "concern no trial, and were not stored"},
    [TL_IMPORT_REFUSED] = {"refused", "was refused", "were refused"},
};

/* ---- JSON ---- */

static json_t *answer_json(const struct tl_import_answer *a, const struct tl_import_matches *m)
{
    const struct tl_system_report *about = a->about;
    const struct tl_trial_record *r = a->record;
    json_t *trials = json_array();
    for (size_t i = 0; i < a->n_trials; i++)
        json_array_append_new(trials, json_string(a->trials[i]));
    json_t *j = json_pack("{s:o,s:s,s:o,s:o}", "file", tl_string_json(a->path), "result",
                          results[a->result].name, "trials", trials, "why", tl_string_json(a->why));
    if (a->number)
        json_object_set_new(j, "number", json_integer((json_int_t)a->number));
    if (about) {
        json_object_set_new(j, "kind", tl_string_json(about->kind));
        json_object_set_new(j, "bug_type", json_integer(about->bug_type));
        json_object_set_new(j, "incident", tl_string_json(about->incident));
        json_object_set_new(j, "process", tl_string_json(about->process));
        json_object_set_new(j, "title", tl_string_json(about->title));
    }
    if (r) {
        json_object_set_new(j, "outcome", json_string(tl_outcome_name(r->outcome)));
        json_object_set_new(j, "signal", r->signal ? json_string(tl_signal_name(r->signal)) : json_null());
        json_object_set_new(j, "signature",
                            *r->signature.id ? json_pack("{s:s,s:o}", "id", r->signature.id, "title",
                                                         tl_string_json(r->signature.title))
                                             : json_null());
        json_object_set_new(j, "completed", json_boolean(a->completed));
        json_object_set_new(j, "matches", tl_import_matches_json(m));
    }
    return j;
}

/* ---- for a person ---- */

static void print_matches(const struct tl_import_matches *m)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct tl_import_match *x = &m->list[i];
        tl_cli_line("    %s as in case %s on %s: signature %.12s, %llu trial%s%s%s",
                    tl_import_how_words(x->how), x->case_name ? x->case_name : "?", x->unit ? x->unit : "?",
                    x->signature_id, (unsigned long long)x->trials, tl_plural(x->trials),
                    x->how == TL_IMPORT_STACK && x->title ? ", which say: " : "",
                    x->how == TL_IMPORT_STACK && x->title ? x->title : "");
    }
}

static void add_place(struct tl_buffer *b, const struct tl_import_answer *a)
{
    char *path = tl_clean_text(a->path, strlen(a->path), false);
    tl_buffer_add_string(b, path);
    free(path);
    if (a->number)
        tl_buffer_printf(b, ", report %zu", a->number);
    tl_buffer_add_string(b, ": ");
}

/* "crash report of Python" */
static void add_about(struct tl_buffer *b, const struct tl_system_report *about)
{
    tl_buffer_printf(b, "%s%s%s", about->kind, about->process ? " of " : "",
                     about->process ? about->process : "");
}

static void add_trial(struct tl_buffer *b, const struct tl_import_answer *a)
{
    const struct tl_trial_record *r = a->record;
    tl_buffer_printf(b, "%s %s, %s%s%s", a->result == TL_IMPORT_ADDED ? ": trial" : " belongs to trial",
                     a->trials[0], tl_outcome_name(r->outcome), r->signal ? " " : "",
                     r->signal ? tl_signal_name(r->signal) : "");
    if (a->completed)
        tl_buffer_add_string(b, ", which had no stack and has this one now");
}

static void add_result(struct tl_buffer *b, const struct tl_import_answer *a)
{
    tl_buffer_printf(b, " %s", results[a->result].one);
    for (size_t i = 0; i < a->n_trials && i < 3; i++)
        tl_buffer_printf(b, "%s%s", i ? ", " : ": trial ", a->trials[i]);
    if (a->n_trials > 3)
        tl_buffer_printf(b, " and %zu more", a->n_trials - 3);
}

static void print_below(const char *text)
{
    if (text)
        tl_cli_line("    %s", text);
}

static void print_answer(const struct tl_import_answer *a, const struct tl_import_matches *m)
{
    const struct tl_trial_record *r = a->record;
    struct tl_buffer b = TL_BUFFER_INIT;
    add_place(&b, a);
    add_about(&b, a->about);
    if (r)
        add_trial(&b, a);
    else if (a->result == TL_IMPORT_UNRELATED)
        tl_buffer_printf(&b, " was not stored: %s", a->why);
    else
        add_result(&b, a);
    char *line = tl_buffer_take(&b);
    tl_cli_line("%s", line);
    free(line);
    if (a->result == TL_IMPORT_UNRELATED)
        return;
    if (r)
        print_below(r->signature.title ? r->signature.title : r->message);
    else if (a->result != TL_IMPORT_KNOWN)
        print_below(a->about->title);
    print_matches(m);
    print_below(a->why);
}

static void on_told(void *arg, const struct tl_import_answer *a)
{
    struct importing *im = arg;
    struct tl_import_matches m = {0, NULL};
    struct tl_error e; /* then no match is told */
    im->counts[a->result]++;
    if (a->result == TL_IMPORT_REFUSED) {
        struct tl_buffer b = TL_BUFFER_INIT;
        add_place(&b, a);
        char *place = tl_buffer_take(&b);
        tl_cli_progress_clear();
        tl_cli_error_line("trapline: refused: %s%s", place, a->why);
        free(place);
    }
    if (a->record && a->result == TL_IMPORT_ADDED)
        tl_import_match(im->s, a->record, &m, &e);
    if (im->all) {
        json_array_append_new(im->all, answer_json(a, &m));
    } else if (a->result != TL_IMPORT_REFUSED) {
        tl_cli_progress_clear();
        print_answer(a, &m);
    }
    tl_import_matches_free(&m);
}

static json_t *counts_json(const struct importing *im)
{
    json_t *j = json_object();
    for (int i = 0; i < TL_IMPORT_RESULTS; i++)
        json_object_set_new(j, results[i].name, json_integer((json_int_t)im->counts[i]));
    return j;
}

static void print_counts(const struct importing *im)
{
    const char *glue = "";
    for (int i = 0; i < TL_IMPORT_RESULTS; i++)
        if (im->counts[i]) {
            printf("%s%zu %s", glue, im->counts[i], im->counts[i] == 1 ? results[i].one : results[i].many);
            glue = "; ";
        }
    puts(*glue ? "" : "no file was found");
}

static int import(struct tl_options *o)
{
    if (!o->n_args)
        return tl_usage_error(&tl_command_import, "files or folders of reports were expected: .ips files, or "
                                                  "~/Library/Logs/DiagnosticReports of a Mac");
    struct importing im = {.o = o, .all = o->json ? json_array() : NULL};
    struct tl_error e;
    if (tl_cli_store(o, &im.s, &e)) {
        json_decref(im.all);
        return tl_print_error(&e);
    }
    struct tl_cli_progress p;
    im.progress = &p;
    tl_cli_progress_begin(&p, o);
    tl_cli_catch_interrupts();
    int status = TL_EXIT_OK;
    for (int i = 0; i < o->n_args && (status == TL_EXIT_OK || status == TL_EXIT_INPUT); i++)
        if (tl_import(im.s, o->args[i], &p.watch, on_told, &im, &e)) {
            tl_cli_progress_clear();
            status = tl_print_error(&e);
        }
    tl_cli_progress_clear();
    if (tl_store_close(im.s, &e) && status == TL_EXIT_OK)
        status = tl_print_error(&e);
    if (status == TL_EXIT_OK && im.counts[TL_IMPORT_REFUSED])
        status = TL_EXIT_INPUT;
    if (im.all)
        tl_print_json(json_pack("{s:o,s:o}", "reports", im.all, "counts", counts_json(&im)));
    else
        print_counts(&im);
    return tl_finish_output(status);
}

const struct tl_command tl_command_import = {
    .name = "import",
    .arguments = "FILE|FOLDER…",
    .about = "bring in crash reports (.ips) that an operating system wrote",
    .options = "",
    .run = import,
};
