/* The page of `trapline show`: a trial for a person at a terminal. Whatever a child wrote is shown without
 * being obeyed, for a terminal takes control characters as commands. */
#include "reports/trial.h"

#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "harness/base/style.h"
#include "harness/base/time_text.h"
#include "harness/base/utf8.h"
#include "reports/commands.h"
#include "reports/fault_words.h"
#include "reports/finding/metrics.h"
#include "reports/members.h"
#include "reports/signal_code.h"
#include "reports/system_reports.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_LINES 12 /* of the end of each stream */
#define FRAMES_OF_OTHERS 1
#define FIELD_INDENT 17 /* where the text of a field begins, and goes on */

char *tl_trial_summary(const struct tl_trial_record *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (r->signal)
        tl_buffer_printf(&b, "%s", tl_signal_name(r->signal));
    const char *what = r->outcome == TL_OUTCOME_CRASH && r->signature.title ? r->signature.title
                       : r->message                                         ? r->message
                                                                            : r->signature.title;
    if (r->outcome == TL_OUTCOME_PASS) /* that it was not compared, for one */
        what = r->message;
    if (what)
        tl_buffer_printf(&b, "%s%.*s", b.size ? "  " : "", (int)strcspn(what, "\n"), what);
    return tl_buffer_take(&b);
}

/* Terminals obey what they are sent: control characters of a child's output are shown, not sent. Lines after the first begin
 * behind so many blanks, so that none can be taken for one of ours. */
static void add_plain(struct tl_buffer *b, const char *text, size_t size, int indent)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 32 && c != '\n' && c != '\t') || c == 127)
            tl_buffer_printf(b, "\\x%02x", c);
        else if (c == '\n' && indent && i + 1 < size)
            tl_buffer_printf(b, "\n%*s", indent, "");
        else
            tl_buffer_add(b, &text[i], 1);
    }
}

static void heading(struct tl_buffer *b, const struct tl_trial_page_options *o, const char *text)
{
    tl_buffer_printf(b, "\n%s%s%s\n", o->colour ? tl_style(TL_STYLE_BOLD) : "", text,
                     o->colour ? tl_style(TL_STYLE_PLAIN) : "");
}

static void field(struct tl_buffer *b, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void field(struct tl_buffer *b, const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char text[2048];
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    char *line = tl_one_line(name); /* of a version, say, which its runner named */
    tl_buffer_printf(b, "  %-14s ", line);
    free(line);
    add_plain(b, text, strlen(text), FIELD_INDENT);
    tl_buffer_add_string(b, "\n");
}

static void add_stack(struct tl_buffer *b, const struct tl_capture *c, const struct tl_thread *t, size_t most)
{
    char *state = tl_thread_state_text(t->state);
    if (state)
        tl_buffer_printf(b, "      %s\n", state);
    free(state);
    for (size_t i = 0; i < t->n_frames && i < most; i++) {
        char *gap = tl_frames_left_out(t, i), *text = tl_frame_text(c, t, i);
        if (gap)
            tl_buffer_printf(b, "      %s\n", gap);
        tl_buffer_printf(b, "  #%-3zu ", tl_frame_number(t, i));
        add_plain(b, text, strlen(text), FIELD_INDENT);
        tl_buffer_add_string(b, "\n");
        free(gap);
        free(text);
    }
    if (t->n_frames > most)
        tl_buffer_printf(b, "      … %zu more\n", t->n_frames - most);
    if (t->truncated)
        tl_buffer_add_string(b, "      (the stack could not be followed further)\n");
}

/* reported: the stacks are from a report of the system, which does not tell what sent the signal. */
static void add_capture(struct tl_buffer *b, const struct tl_capture *c, bool reported,
                        const struct tl_trial_page_options *o)
{
    char *title = c->kind == TL_CAPTURE_HANG
                      ? tl_format("Process %d when its time was over (%s)", c->pid, c->exe ? c->exe : "?")
                      : tl_format("Process %d at %s%s (%s)", c->pid, tl_signal_name(c->signal),
                                  c->fatal ? "" : ", which it survived", c->exe ? c->exe : "?");
    char *line = tl_one_line(title);
    heading(b, o, line);
    free(line);
    free(title);
    if (c->kind == TL_CAPTURE_SIGNAL) {
        const char *code = tl_signal_code_words(tl_member_text(o->environment, "os"), c->signal, c->si_code);
        if (reported ? c->si_code : *code || c->si_code)
            field(b, "si_code", "%d%s%s%s", c->si_code, *code ? " (" : "", code, *code ? ")" : "");
        if (c->has_address)
            field(b, "address", "0x%llx", (unsigned long long)c->fault_address);
        if (c->fault && c->fault->instruction)
            field(b, "instruction", "%s", c->fault->instruction);
        else if (c->fault && c->fault->n_code) {
            char *bytes = tl_fault_code_text(c->fault);
            field(b, "instruction", "%s (not disassembled)", bytes);
            free(bytes);
        }
        if (c->fault && c->fault->did)
            field(b, "did", "%s", c->fault->did);
        if (c->sender_pid)
            field(b, "sender", "pid %d%s", c->sender_pid, c->sender_pid == c->pid ? " (itself)" : "");
    }
    for (size_t i = 0; i < c->n_threads; i++) {
        const struct tl_thread *t = &c->threads[i];
        bool whole = o->all_stacks || t->crashed || (c->kind == TL_CAPTURE_HANG && i == 0);
        tl_buffer_printf(b, "  thread %d ", t->tid);
        add_plain(b, t->name, strlen(t->name), FIELD_INDENT);
        tl_buffer_printf(b, "%s\n", t->crashed ? "  <- took the signal" : "");
        add_stack(b, c, t, whole ? SIZE_MAX : FRAMES_OF_OTHERS);
    }
    if (c->n_registers && o->all_stacks) {
        tl_buffer_add_string(b, "  registers\n");
        for (size_t i = 0; i < c->n_registers; i++)
            tl_buffer_printf(b, "    %-8s %016llx%s", c->registers[i].name,
                             (unsigned long long)c->registers[i].value,
                             i % 3 == 2 || i + 1 == c->n_registers ? "\n" : "");
    }
    if (o->all_stacks) {
        tl_buffer_add_string(b, "  modules\n");
        for (size_t i = 0; i < c->n_modules; i++) {
            char *path = tl_one_line(c->modules[i].path);
            tl_buffer_printf(b, "    %012llx %s %s\n", (unsigned long long)c->modules[i].start,
                             *c->modules[i].build_id ? c->modules[i].build_id : "(no build-id)", path);
            free(path);
        }
    }
}

/* Of a hang: it sleeps where nothing wakes it, in a vfork until its child has executed a program, say. */
static bool cannot_be_stopped(const struct tl_capture *c)
{
    for (size_t i = 0; i < c->n_threads; i++)
        if (c->threads[i].on_cpu)
            return true;
    return false;
}

static void add_output(struct tl_buffer *b, const struct tl_trial_page_options *o, const char *name,
                       const struct tl_output *out)
{
    if (!out->total)
        return;
    const char *text = out->tail_size ? out->tail : out->head;
    size_t size = out->tail_size ? out->tail_size : out->head_size, start = size;
    for (int lines = 0; start && (lines += text[start - 1] == '\n') <= OUTPUT_LINES;)
        start--;
    char *title = tl_format("%s, %llu byte%s%s", name, (unsigned long long)out->total, tl_plural(out->total),
                            start || out->tail_size ? ", its end" : "");
    heading(b, o, title);
    free(title);
    add_plain(b, text + start, size - start, 0);
    if (size && text[size - 1] != '\n')
        tl_buffer_add_string(b, "\n");
}

static void add_environment(struct tl_buffer *b, const struct tl_trial_record *r,
                            const struct tl_trial_page_options *o)
{
    const json_t *v = o->environment, *m = json_object_get(v, "machine");
    if (!v)
        return;
    heading(b, o, "Environment");
    const char *os = tl_member_or(v, "os", "unknown"), *build = tl_member_or(v, "os_build", "unknown");
    bool elsewhere =
        r->unit && strchr(r->unit, '%'); /* the system of the device stands behind its runner's version */
    if (tl_member_text(v, "ran_on")) {
        long long n = (long long)tl_member_integer(v, "delivered");
        if (n > 1)
            field(b, "ran on", "%s, of a fleet, after %lld other%s that had it", tl_member_text(v, "ran_on"),
                  n - 1, tl_plural((unsigned long long)n - 1));
        else
            field(b, "ran on", "%s, of a fleet", tl_member_text(v, "ran_on"));
    }
    field(b, elsewhere ? "os of host" : "os", "%s, build %s", os, build);
    field(b, "kernel", "%s", tl_member_or(v, "kernel", "unknown"));
    field(b, "machine", "%s, %s, %lld core%s, %.1f GiB", tl_member_or(m, "arch", "unknown"),
          tl_member_or(m, "cpu", "unknown"), tl_member_integer(m, "cores"),
          tl_plural((unsigned long long)tl_member_integer(m, "cores")),
          (double)tl_member_integer(m, "memory") / 1073741824.0);
    const json_t *processor = json_object_get(m, "processor");
    char *words = tl_processor_words(processor), *around = tl_processor_around(processor),
         *sets = tl_processor_sets(processor);
    if (words)
        field(b, "processor", "%s%s%s", words, around ? "; " : "", around ? around : "");
    if (sets)
        field(b, "instructions", "%s", sets);
    free(words);
    free(around);
    free(sets);
    field(b, "runner", "%s %s", tl_member_or(v, "runner", "unknown"),
          tl_member_or(v, "runner_version", "unknown"));
    field(b, "runtime", "%s", tl_member_or(v, "runtime_path", "unknown"));
    field(b, "  version", "%s", tl_member_or(v, "runtime_version", "unknown"));
    field(b, "  sha256", "%s", tl_member_or(v, "runtime_sha256", "unknown"));
    const char *name;
    json_t *version;
    json_object_foreach(json_object_get(v, "versions"), name, version)
        field(b, name, "%s", json_string_value(version));
    field(b, "trapline", "%s, session %s", tl_member_or(v, "trapline", "unknown"),
          tl_member_or(v, "session", "unknown"));
}

/* A word of a shell without a space before it. */
static void add_word(struct tl_buffer *b, const char *word)
{
    struct tl_buffer one = TL_BUFFER_INIT;
    tl_shell_word(&one, word, false);
    tl_buffer_add_string(b, one.data);
    tl_buffer_free(&one);
}

static void add_db(struct tl_buffer *b, const char *db)
{
    if (!db)
        return;
    tl_buffer_add_string(b, " --db");
    tl_shell_word(b, db, false);
}

/* The number of a variant of a reduction is made of its edits: none is small. 0 is the model as it is. */
#define EDITS_LEAST 65536

static void add_again(struct tl_buffer *b, const struct tl_trial_record *r,
                      const struct tl_trial_page_options *o)
{
    json_t *variant = json_loads(r->variant, 0, NULL);
    heading(b, o, "Run it again");
    if (json_integer_value(json_object_get(variant, "edits")) >= EDITS_LEAST) {
        tl_buffer_add_string(
            b, "  The same `trapline reduce` makes this variant of the model again: the case has the "
               "original, and its axis edits only says which variant this was.\n");
        json_decref(variant);
        return;
    }
    bool there = !o->case_file && o->beside_case && o->case_directory;
    char *file =
        o->case_file ? tl_strdup(o->case_file) : tl_format("%s%s.json", r->case_name, there ? "-again" : "");
    if (there) {
        tl_buffer_add_string(b, "  cd");
        tl_shell_word(b, o->case_directory, false);
        tl_buffer_add_string(b, "\n");
    } else if (!o->case_file && o->beside_case) {
        tl_buffer_add_string(b, "  # where the files are that the case names by its own directory\n");
    }
    if (!o->case_file) {
        tl_buffer_printf(b, "  trapline show %.18s --case-file", r->id);
        add_db(b, o->db);
        tl_buffer_add_string(b, " >");
        add_word(b, file);
        tl_buffer_add_string(b, "\n");
    }
    tl_buffer_add_string(b, "  trapline run");
    tl_shell_word(b, file, false);
    tl_buffer_add_string(b, " -u");
    tl_shell_word(b, r->unit, false);
    tl_shell_settings(b, variant, false);
    json_decref(variant);
    add_db(b, o->db);
    tl_buffer_add_string(b, "\n");
    free(file);
}

static void add_reports(struct tl_buffer *b, const struct tl_trial_record *r,
                        const struct tl_trial_page_options *o)
{
    json_t *list = tl_system_reports_json(r, false), *j, *row;
    size_t i, k;
    json_array_foreach(list, i, j) {
        char *title = tl_system_report_heading(j);
        json_t *rows = tl_system_report_rows(j);
        heading(b, o, title);
        json_array_foreach(rows, k, row)
            field(b, json_string_value(json_array_get(row, 0)), "%s",
                  json_string_value(json_array_get(row, 1)));
        json_decref(rows);
        free(title);
    }
    json_decref(list);
}

/* Of an imported trial: which failures of one's own it is. */
static void add_matches(struct tl_buffer *b, const struct tl_trial_page_options *o)
{
    const json_t *m;
    size_t i;
    if (!json_array_size(o->matches))
        return;
    heading(b, o, "Seen in trials of your own");
    json_array_foreach(o->matches, i, m)
        field(b, tl_member_or(m, "how", "?"), "case %s on %s, %lld trial%s, signature %.12s, trial %s: %s",
              tl_member_or(m, "case", "?"), tl_member_or(m, "unit", "?"),
              (long long)tl_member_integer(m, "trials"),
              tl_plural((unsigned long long)tl_member_integer(m, "trials")),
              tl_member_or(m, "signature", "?"), tl_member_or(m, "trial", "?"), tl_member_or(m, "title", ""));
}

static void add_phases(struct tl_buffer *b, const struct tl_trial_record *r)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            tl_buffer_printf(&text, "%s%s %.3f s", text.size ? ", " : "", tl_phase_name((enum tl_phase)i),
                             r->phase_seconds[i]);
    if (text.size)
        field(b, "time", "%.3f s (%s)", r->wall_seconds, text.data);
    tl_buffer_free(&text);
}

static void add_metrics(struct tl_buffer *b, const struct tl_trial_record *r)
{
    const json_t *units = json_object_get(r->result, "metric_units");
    const char *name;
    json_t *number;
    json_object_foreach(json_object_get(r->result, "metrics"), name, number) {
        struct tl_buffer text = TL_BUFFER_INIT;
        tl_words_metric(&text, json_number_value(number), tl_member_text(units, name));
        if (json_is_number(number))
            field(b, "metric", "%s %s", name, text.data);
        tl_buffer_free(&text);
    }
}

/* What was counted, and for what its steps worked. */
static void add_steps(struct tl_buffer *b, const struct tl_trial_record *r)
{
    json_t *request = r->request ? json_loads(r->request, 0, NULL) : NULL;
    char *targets = tl_steps_targets(request),
         *counts = tl_counts_words(json_object_get(r->result, "counts"));
    if (*counts)
        field(b, "counted", "%s", counts);
    if (*targets)
        field(b, "target", "%s", targets);
    free(targets);
    free(counts);
    json_decref(request);
}

static bool has_untraced_step(const struct tl_trial_record *r)
{
    json_t *request = r->request ? json_loads(r->request, 0, NULL) : NULL;
    const json_t *step;
    size_t i;
    bool any = false;
    json_array_foreach(json_object_get(request, "steps"), i, step)
        any |= json_is_false(json_object_get(step, "trace"));
    json_decref(request);
    return any;
}

/* Of a failure that a runner tells of it ends with 0, which says nothing of what failed: that is in the code. */
static void add_exit_status(struct tl_buffer *b, const struct tl_trial_record *r)
{
    bool failed = r->outcome == TL_OUTCOME_CRASH || r->outcome == TL_OUTCOME_HANG ||
                  r->outcome == TL_OUTCOME_OOM || r->outcome == TL_OUTCOME_ERROR;
    const char *step = r->error_domain && !strcmp(r->error_domain, "step") && r->error_code &&
                               !strncmp(r->error_code, "exit ", 5)
                           ? r->error_code + 5
                           : NULL;
    if (step)
        field(b, "exit status", "%s, of the step", step);
    else if (r->exit_status > 0 || (r->exit_status == 0 && !failed))
        field(b, "exit status", "%d", r->exit_status);
}

char *tl_trial_page(const struct tl_trial_record *r, const struct tl_trial_page_options *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "%strial %s%s\n", o->colour ? tl_style(TL_STYLE_BOLD) : "", r->id,
                     o->colour ? tl_style(TL_STYLE_PLAIN) : "");
    char *when = tl_time_format(r->started_us, TL_TIME_SECONDS);
    const struct tl_system_report *imported = tl_trial_imported(r);
    field(&b, "case", "%s%s", r->case_name, imported ? ", not run by trapline; it counts in no rate" : "");
    field(&b, "unit", "%s%s%s", r->unit, r->observed_device ? ", ran on " : "",
          r->observed_device ? r->observed_device : "");
    field(&b, "variant", "%s", r->variant);
    field(&b, "started", "%s%s", imported && !r->started_us ? "unknown: the report does not tell it" : when,
          r->fresh || !r->command ? "" : ", forked by a fork server");
    free(when);
    if (*r->set_aside)
        field(&b, "set aside", "trial %s contradicts it; it answers nothing any more", r->set_aside);
    field(&b, "outcome", "%s", tl_outcome_name(r->outcome));
    field(&b, "phase", "%s%s", tl_phase_name(r->phase),
          !imported                    ? ""
          : r->phase == TL_PHASE_START ? " (a report does not tell it)"
                                       : " (as in trials of your own that failed in the same way)");
    if (r->signal)
        field(&b, "signal", "%s (%d)", tl_signal_name(r->signal), r->signal);
    add_exit_status(&b, r);
    char *in_flight = tl_operator_words(json_object_get(r->result, "operator"));
    if (in_flight)
        field(&b, "in flight", "%s", in_flight);
    free(in_flight);
    if (r->error_domain)
        field(&b, "error", "%s %s", r->error_domain, r->error_code ? r->error_code : "");
    if (r->message)
        field(&b, "message", "%s", r->message);
    if (*r->signature.id) {
        field(&b, "signature", "%.12s  %s", r->signature.id, r->signature.title);
        field(&b, "across builds", "%.12s  %s", r->signature.coarse_id, r->signature.coarse_title);
    }
    add_phases(&b, r);
    add_steps(&b, r);
    if (!imported)
        field(&b, "cost", "user %.3f s, system %.3f s, peak memory %.1f MiB", r->user_seconds,
              r->system_seconds, (double)r->peak_rss / 1048576.0);
    add_metrics(&b, r);
    if (r->command)
        field(&b, "command", "%s", r->command);
    if (!r->n_captures && has_untraced_step(r))
        field(&b, "stack", "none: a step was not traced, as the case asks (\"trace\": false)");
    for (size_t i = 0; i < r->n_captures; i++)
        if (i == 0 || r->captures[i].fatal || o->all_stacks || cannot_be_stopped(&r->captures[i]))
            add_capture(&b, &r->captures[i], r->n_reports > 0, o);
    add_output(&b, o, "stderr", &r->err);
    add_output(&b, o, "stdout", &r->out);
    if (r->result && o->all_stacks) {
        char *result = json_dumps(r->result, JSON_COMPACT | JSON_SORT_KEYS);
        heading(&b, o, "Result");
        add_plain(&b, result, strlen(result), FIELD_INDENT);
        tl_buffer_add_string(&b, "\n");
        free(result);
    }
    add_reports(&b, r, o);
    add_matches(&b, o);
    if (imported)
        return tl_buffer_take(&b);
    add_environment(&b, r, o);
    add_again(&b, r, o);
    return tl_buffer_take(&b);
}
