/* The document that every format is made from: the finding, and of the two trials that stand for it what a
 * reader of a report needs. */
#include "reports/finding/finding.h"

#include "harness/base/frame_text.h"
#include "reports/commands.h"
#include "reports/fault_words.h"
#include "reports/finding/figures.h"
#include "reports/finding/title.h"
#include "reports/json_text.h"
#include "reports/redact/redact.h"
#include "reports/system_reports.h"
#include "reports/trial.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MOST 4096 /* bytes of the end of each stream */

/* The end of what a stream said. */
static json_t *end_of(const struct tl_output *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_output_end(&b, o, OUTPUT_MOST);
    for (size_t i = 0; i < b.size; i++) /* a text of C would end there */
        if (!b.data[i])
            b.data[i] = '?';
    json_t *j = tl_text_json(b.data, b.size);
    tl_buffer_free(&b);
    return j;
}

/* The name of its file. */
static json_t *module_json(const struct tl_capture *c, uint32_t module)
{
    const char *path = module < c->n_modules ? c->modules[module].path : NULL,
               *slash = path ? strrchr(path, '/') : NULL;
    return path ? tl_string_json(slash ? slash + 1 : path) : json_null();
}

static json_t *thread_json(const struct tl_capture *c, const struct tl_thread *t)
{
    json_t *frames = json_array(), *of = json_array();
    for (size_t i = 0; i < t->n_frames; i++) {
        char *gap = tl_frames_left_out(t, i), *text = tl_frame_text(c, t, i),
             *line = tl_format("#%-2zu %s", tl_frame_number(t, i), text);
        if (gap) {
            json_array_append_new(frames, json_string(gap));
            json_array_append_new(of, json_null());
        }
        json_array_append_new(frames, tl_string_json(line));
        json_array_append_new(of, module_json(c, t->frames[i].module));
        free(gap);
        free(text);
        free(line);
    }
    if (t->truncated)
        json_array_append_new(frames, json_string("(the stack could not be followed further)"));
    return json_pack("{s:i,s:o,s:b,s:o,s:o,s:o}", "tid", t->tid, "name", tl_string_json(t->name), "crashed",
                     t->crashed, "state", tl_string_json(t->state), "frames", frames, "of", of);
}

/* The modules that the frames of the crashed thread are in: an offset means something with them only. */
static json_t *modules_json(const struct tl_capture *c)
{
    json_t *list = json_array();
    const struct tl_thread *t = c->n_threads ? &c->threads[0] : NULL;
    for (size_t m = 0; t && m < c->n_modules; m++) {
        bool used = false;
        for (size_t i = 0; i < t->n_frames && !used; i++)
            used = t->frames[i].module == m;
        if (used)
            json_array_append_new(list, json_pack("{s:o,s:s}", "path", tl_string_json(c->modules[m].path),
                                                  "build_id", c->modules[m].build_id));
    }
    return list;
}

static json_t *capture_json(const struct tl_capture *c)
{
    json_t *threads = json_array();
    char address[24];
    snprintf(address, sizeof address, "0x%llx", (unsigned long long)c->fault_address);
    for (size_t i = 0; i < c->n_threads; i++)
        json_array_append_new(threads, thread_json(c, &c->threads[i]));
    return json_pack("{s:s,s:b,s:o,s:s?,s:i,s:s?,s:o,s:o,s:o,s:o}", "kind",
                     c->kind == TL_CAPTURE_HANG ? "hang" : "signal", "main", c->is_main, "exe",
                     tl_string_json(c->exe), "signal", c->signal ? tl_signal_name(c->signal) : NULL,
                     "si_code", c->si_code, "address", c->has_address ? address : NULL, "threads", threads,
                     "modules", modules_json(c), "fault", tl_fault_document(c->fault), "registers",
                     c->fault ? tl_registers_document(c) : json_null());
}

json_t *tl_report_trial(const struct tl_trial_record *r)
{
    if (!r)
        return json_null();
    json_t *j = json_object();
    json_object_set_new(j, "id", json_string(r->id));
    json_object_set_new(j, "started_us", json_integer(r->started_us));
    json_object_set_new(j, "unit", tl_string_json(r->unit));
    json_object_set_new(j, "variant", tl_parsed_json(r->variant));
    json_object_set_new(j, "fresh", json_boolean(r->fresh));
    json_object_set_new(j, "outcome", json_string(tl_outcome_name(r->outcome)));
    json_object_set_new(j, "phase", json_string(tl_phase_name(r->phase)));
    json_object_set_new(j, "signal", r->signal ? json_string(tl_signal_name(r->signal)) : json_null());
    json_object_set_new(j, "exit_status", r->exit_status >= 0 ? json_integer(r->exit_status) : json_null());
    json_object_set_new(j, "error_domain", tl_string_json(r->error_domain));
    json_object_set_new(j, "error_code", tl_string_json(r->error_code));
    json_object_set_new(j, "message", tl_string_json(r->message));
    json_object_set_new(j, "observed", tl_string_json(r->observed_device));
    json_object_set_new(j, "wall_s", json_real(r->wall_seconds));
    json_object_set_new(j, "peak_rss", json_integer((json_int_t)r->peak_rss));
    json_object_set_new(j, "command", tl_parsed_json(r->command));
    json_object_set_new(j, "request", tl_parsed_json(r->request));
    json_t *versions = json_object_get(r->result, "versions");
    json_object_set(j, "versions", json_is_object(versions) ? versions : json_null());
    json_object_set_new(j, "reference", tl_trial_comparison_json(r));
    json_t *counts = json_object_get(r->result, "counts");
    json_object_set(j, "counts", json_is_object(counts) ? counts : json_null());
    json_t *in_flight = json_object_get(r->result, "operator");
    json_object_set(j, "operator", json_is_object(in_flight) ? in_flight : json_null());
    json_object_set_new(j, "stdout", end_of(&r->out));
    json_object_set_new(j, "stderr", end_of(&r->err));
    json_t *reports = tl_system_reports_json(r, false);
    char *ips = tl_system_reports_line(reports);
    json_object_set_new(j, "ips", tl_string_json(ips));
    json_object_set_new(j, "reports", reports);
    free(ips);
    json_object_set_new(j, "capture", r->n_captures ? capture_json(&r->captures[0]) : json_null());
    return j;
}

/* Where a path's directory is not covered by what is taken out anyway. */
static void learn_directory(struct tl_redaction *r, const char *path, const char *instead)
{
    const char *slash = path && *path == '/' ? strrchr(path, '/') : NULL;
    char *place = slash ? tl_format("%.*s", (int)(slash - path), path) : NULL,
         *shown = place ? tl_redact_paths(r, place) : NULL;
    if (place && !strcmp(place, shown))
        tl_redaction_add_place(r, place, instead);
    free(shown);
    free(place);
}

/* Directories of files that a word names. */
static void learn_word(struct tl_redaction *r, const char *word)
{
    static const char between[] = " \t\n\"'`=,:;@(){}[]|&<>*?";
    for (size_t i = 0; word && word[i];) {
        size_t n = strcspn(word + i, between);
        const char *slash = memchr(word + i, '/', n);
        if (slash && (slash == word + i || word[i] == '-')) {
            char *path = tl_format("%.*s", (int)(n - (size_t)(slash - word - (ptrdiff_t)i)), slash);
            char *real = realpath(path, NULL);
            if (real) {
                learn_directory(r, path, "{data}");
                learn_directory(r, real, "{data}");
            }
            free(real);
            free(path);
        }
        i += n;
        i += strspn(word + i, between);
    }
}

static void learn_words(struct tl_redaction *r, const json_t *words)
{
    const json_t *word;
    const char *key;
    json_t *value;
    size_t i;
    json_array_foreach(words, i, word)
        learn_word(r, i ? json_string_value(word) : NULL);
    json_object_foreach((json_t *)words, key, value)
        learn_word(r, json_string_value(value));
}

static void learn_trial(struct tl_redaction *r, const struct tl_trial_record *trial)
{
    json_t *command = trial && trial->command ? json_loads(trial->command, 0, NULL) : NULL,
           *request = trial && trial->request ? json_loads(trial->request, 0, NULL) : NULL, *step;
    size_t i;
    json_array_foreach(json_object_get(request, "steps"), i, step) {
        if (json_object_get(step, "program"))
            learn_directory(r, json_string_value(json_array_get(json_object_get(step, "argv"), 0)), "{PATH}");
        learn_words(r, json_object_get(step, "argv"));
    }
    for (i = 0; trial && i < trial->n_captures; i++)
        for (size_t m = 0; m < trial->captures[i].n_modules; m++)
            learn_directory(r, trial->captures[i].modules[m].path, "{libraries}");
    learn_words(r, json_object_get(request, "generate"));
    learn_words(r, json_object_get(request, "environment"));
    learn_directory(r, json_string_value(json_array_get(command, 0)), "{runners}");
    json_decref(request);
    json_decref(command);
}

void tl_report_learn_places(const struct tl_report_source *s, struct tl_redaction *r)
{
    const char *path = json_string_value(json_object_get(s->finding, "case_path")),
               *slash = path ? strrchr(path, '/') : NULL;
    char *directory = slash ? tl_format("%.*s", (int)(slash - path), path) : NULL,
         *real = directory ? realpath(directory, NULL) : NULL;
    tl_redaction_add_hosts(r, s->hosts);
    tl_redaction_add_place(r, directory, "{case_dir}");
    tl_redaction_add_place(r, real, "{case_dir}");
    learn_directory(r, real, "{case_dir}/.."); /* what a case refers to beside its own */
    free(real);
    free(directory);
    learn_trial(r, s->failing);
    learn_trial(r, s->control);
    learn_directory(r, json_string_value(json_object_get(json_object_get(s->finding, "build"), "path")),
                    "{build}");
}

/* A runner beside the case file is named as it is typed there. */
static void name_unit(json_t *part)
{
    static const char *const members[] = {"unit", "runner"};
    for (size_t i = 0; i < TL_COUNT(members); i++) {
        const char *text = json_string_value(json_object_get(part, members[i]));
        char *here = text ? tl_word_beside_case(text) : NULL;
        if (here)
            json_object_set_new(part, members[i], json_string(here));
        free(here);
    }
}

json_t *tl_report_new(const struct tl_report_source *s)
{
    json_t *finding = json_deep_copy(s->finding), *report;
    json_object_del(finding, "contents"); /* what files of this machine hold is of use here alone */
    json_t *elsewhere = s->elsewhere ? json_deep_copy(s->elsewhere) : json_array();
    report = json_pack("{s:i,s:o,s:o,s:o,s:o}", "report", 1, "finding", finding, "failing_trial",
                       tl_report_trial(s->failing), "control_trial", tl_report_trial(s->control), "elsewhere",
                       elsewhere);
    if (!s->keep_paths) {
        struct tl_redaction own = {0}, *r = s->redaction ? s->redaction : &own;
        if (!s->redaction)
            tl_redaction_init(&own);
        tl_report_learn_places(s, r);
        tl_system_reports_learn(s->failing, r);
        tl_system_reports_learn(s->control, r);
        json_t *redacted = tl_redact_json(r, report);
        tl_redaction_free(&own);
        json_decref(report);
        report = redacted;
    }
    static const char *const parts[] = {"finding", "failing_trial", "control_trial"};
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        name_unit(json_object_get(report, parts[i]));
    tl_finding_keep_runs(json_object_get(report, "finding"));
    char *title = tl_report_title(json_object_get(report, "finding"));
    json_object_set_new(report, "title", json_string(title));
    free(title);
    return report;
}
