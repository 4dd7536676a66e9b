/* What should happen, and what does. */
#include "harness/base/plural.h"
#include "reports/commands.h"
#include "reports/comparison.h"
#include "reports/finding/control.h"
#include "reports/finding/figures.h"
#include "reports/finding/rows.h"
#include "reports/finding/sections.h"
#include "reports/finding/title_failure.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define STDERR_LINES 10   /* of the end of stderr on a page */
#define REPEATED_LEAST 16 /* bytes of a line of the message by which a line of stderr is known to repeat it */

/* ---- expected ---- */

/* Of a program or a chain of them, in which nothing is known of a model. */
static const char *expected_of_program(const char *outcome, const char *signal)
{
    if (!strcmp(outcome, "error") && !signal)
        return "it ends without a failure, or the error says what of it is not allowed.";
    if (!strcmp(outcome, "fallback"))
        return "it runs in the way asked for, or refuses that with an error.";
    if (!strcmp(outcome, "leak"))
        return "the same use of memory however often it runs.";
    return "it ends without a failure.";
}

static const char *usually_expected(const struct tl_sections *r)
{
    const char *outcome = tl_member_or(r->finding, "outcome", ""),
               *signal = tl_member_text(r->finding, "signal");
    char *program = tl_title_program(r->finding);
    bool is_program = program;
    free(program);
    if (is_program && strcmp(outcome, "wrong") != 0)
        return expected_of_program(outcome, signal);
    if (!strcmp(outcome, "error") && !signal)
        return "the model runs, or the error says what of it is not allowed.";
    if (!strcmp(outcome, "wrong"))
        return tl_member_text(tl_report_comparison(r->finding, r->failing), "unit")
                   ? "outputs that agree with the reference."
                   : "outputs that are right, and finite.";
    if (!strcmp(outcome, "fallback"))
        return "the model runs on the device asked for, or that is refused with an error.";
    if (!strcmp(outcome, "leak"))
        return "the same use of memory however often the model runs.";
    return "the model runs, or is refused with an error that the caller can handle.";
}

static void add_expected(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *rows = tl_report_rows(r->finding);
    const json_t *row = tl_control_row(r, rows);
    tl_buffer_add_string(&b, TL_BOLD_ON "Expected:" TL_BOLD_OFF);
    if (json_object_get(json_object_get(r->finding, "about"), "expected_text")) {
        tl_page_paragraph(r->page, tl_buffer_take(&b));
        tl_words_about(r, "expected_text");
    } else {
        tl_buffer_printf(&b, " %s", usually_expected(r));
    }
    if (row) {
        tl_buffer_add_string(&b, b.size ? " The same with " : "The same with ");
        tl_words_setting(&b, tl_member_text(row, "axis"), json_object_get(row, "value"));
        tl_buffer_add_string(&b, " passes.");
    }
    if (b.size)
        tl_page_item(r->page, tl_buffer_take(&b));
    tl_buffer_free(&b);
    json_decref(rows);
}

/* ---- got ---- */

/* Where something was counted. */
static void add_counts(struct tl_buffer *b, const char *before, const json_t *trial)
{
    char *words = tl_counts_words(json_object_get(trial, "counts"));
    if (*words) {
        tl_buffer_add_string(b, before);
        tl_inline_text(b, words);
    }
    free(words);
}

static void add_outcome(struct tl_buffer *b, const struct tl_sections *r)
{
    static const struct {
        const char *outcome, *words;
    } others[] = {
        {"hang", "no end within the time limit"},
        {"oom", "out of the memory that it may use"},
        {"error", "an error"},
        {"wrong", "wrong outputs"},
        {"fallback", "another device than the one asked for"},
        {"leak", "memory or other resources leak"},
    };
    const char *outcome = tl_member_or(r->finding, "outcome", ""),
               *signal = tl_member_text(r->finding, "signal"), *words = NULL;
    for (size_t i = 0; i < TL_COUNT(others); i++)
        if (!strcmp(outcome, others[i].outcome) && !(signal && !strcmp(outcome, "error")))
            words = others[i].words;
    if (!strcmp(outcome, "fallback") && tl_title_told_by_text(r->finding))
        words = "output that tells of another way than the one asked for";
    if (words || !signal)
        tl_inline_text(b, words ? words : *outcome ? outcome : "a failure");
    if (signal) {
        tl_buffer_add_string(b, words ? ", " : "");
        tl_inline_text(b, signal);
    }
}

/* Without what the summary says of it already: how often. */
static void add_got(const struct tl_sections *r)
{
    const json_t *f = r->finding, *capture = json_object_get(r->failing, "capture");
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_finding_runs runs = tl_finding_runs(f);
    const char *phase = tl_member_text(f, "phase"), *address = tl_member_text(capture, "address"),
               *domain = tl_member_text(r->failing, "error_domain"),
               *code = tl_member_text(r->failing, "error_code"), *signal = tl_member_or(f, "signal", "");
    tl_buffer_add_string(&b, TL_BOLD_ON "Got:" TL_BOLD_OFF " ");
    add_outcome(&b, r);
    if (phase && strcmp(phase, "done") != 0) {
        tl_buffer_add_string(&b, " in the phase ");
        tl_inline_code(&b, phase);
    }
    /* Of other signals it is that of the instruction, another one in each run, which the stack says better. */
    if (address && (!strcmp(signal, "SIGSEGV") || !strcmp(signal, "SIGBUS"))) {
        tl_buffer_add_string(&b, ", at address ");
        tl_inline_text(&b, address);
    }
    if (domain && strcmp(domain, "signal") != 0) { /* which is named */
        tl_buffer_add_string(&b, code ? ", code " : ", of ");
        if (code)
            tl_inline_code(&b, code);
        tl_buffer_add_string(&b, code ? " of " : "");
        tl_inline_text(&b, domain);
    }
    if (runs.runs > 0)
        tl_buffer_printf(&b, ", in %lld of %lld run%s", (long long)runs.failed, (long long)runs.runs,
                         tl_plural((unsigned long long)runs.runs));
    add_counts(&b, "; counted ", r->failing);
    add_counts(&b, ", in the control ", r->control);
    tl_buffer_add_string(&b, *tl_member_or(f, "message", "") ? ":" : ".");
    tl_page_item(r->page, tl_buffer_take(&b));
}

/* A report that the system wrote, which its maintainer can look up. */
static void add_report_of_system(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *ips = tl_member_text(r->failing, "ips");
    if (!ips || !*ips)
        return;
    tl_buffer_add_string(&b, TL_BOLD_ON "Report of the OS:" TL_BOLD_OFF " ");
    tl_inline_text(&b, ips);
    tl_page_item(r->page, tl_buffer_take(&b));
}

/* The end of a text, from the beginning of a line; *left_out: lines before it. */
static const char *last_lines(const char *text, size_t most, size_t *left_out)
{
    size_t n = 0;
    for (const char *p = text; *p; p++)
        n += *p == '\n' || !p[1];
    *left_out = n > most ? n - most : 0;
    for (size_t skip = *left_out; skip; skip--)
        text = strchr(text, '\n') + 1;
    return text;
}

/* Whether so many bytes stand in a text, blanks at their ends aside. */
static bool stands_in(const char *line, size_t n, const char *text)
{
    while (n && isspace((unsigned char)*line)) {
        line++;
        n--;
    }
    while (n && isspace((unsigned char)line[n - 1]))
        n--;
    char *part = tl_format("%.*s", (int)n, line);
    bool stands = strstr(text, part) != NULL;
    free(part);
    return stands;
}

/* Whether a line of stderr says what the message says: it is of it, or holds a line of it, behind a time or a level. */
static bool repeats(const char *line, size_t n, const char *message)
{
    if (stands_in(line, n, message))
        return true;
    char *whole = tl_format("%.*s", (int)n, line);
    bool repeated = false;
    for (const char *at = message; *at && !repeated; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t size = strcspn(at, "\n");
        repeated = size >= REPEATED_LEAST && stands_in(at, size, whole);
    }
    free(whole);
    return repeated;
}

static bool is_repeated(const char *text, const char *message)
{
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!repeats(line, strcspn(line, "\n"), message))
            return false;
    return true;
}

/* Where it says more than the message does. */
static void add_stderr(const struct tl_sections *r)
{
    const char *err = tl_member_text(r->failing, "stderr"), *message = tl_member_text(r->finding, "message");
    size_t left_out;
    if (!err || !*err)
        return;
    if (r->extent == TL_EXTENT_FULL) {
        tl_page_fold(r->page, tl_strdup("The end of stderr"), tl_strdup(err));
        return;
    }
    const char *end = last_lines(err, STDERR_LINES, &left_out);
    if (message && is_repeated(err, message))
        return;
    tl_page_fold(r->page,
                 left_out == 1 ? tl_strdup("The end of stderr, without the line before it")
                 : left_out    ? tl_format("The end of stderr, without the %zu lines before it", left_out)
                               : tl_strdup("The end of stderr"),
                 tl_strdup(end));
}

void tl_section_message(const struct tl_sections *r)
{
    const char *message = tl_member_text(r->finding, "message");
    if (message && *message)
        tl_page_code(r->page, "text", tl_strdup(message));
    if (r->extent != TL_EXTENT_SHORT)
        add_stderr(r);
}

void tl_section_expected(const struct tl_sections *r)
{
    if (!tl_member_true(r->finding, "reproduced"))
        return;
    tl_page_heading(r->page, 2, "Expected and got");
    add_expected(r);
    if (r->extent == TL_EXTENT_PAGE)
        add_report_of_system(r);
    add_got(r);
    tl_section_message(r);
}

/* ---- in full ---- */

void tl_section_failure(const struct tl_sections *r)
{
    static const char *const head[] = {"field", "value"};
    const json_t *f = r->finding, *capture = json_object_get(r->failing, "capture"),
                 *exit_status = json_object_get(f, "exit_status"), *s = json_object_get(f, "signature");
    const char *signal = tl_member_text(f, "signal"), *domain = tl_member_text(r->failing, "error_domain"),
               *code = tl_member_text(r->failing, "error_code");
    tl_page_heading(r->page, 2, "Failure");
    json_t *rows = tl_page_table(r->page, 2, head);
    tl_page_field(rows, "Outcome", tl_member_text(f, "outcome"));
    tl_page_field(rows, "Phase", tl_member_text(f, "phase"));
    tl_page_field(rows, "Signal", signal);
    const char *outcome = tl_member_or(f, "outcome", "");
    /* A runner that tells of a failure ends with 0, which says nothing of what failed. */
    bool told = json_is_integer(exit_status) && !json_integer_value(exit_status) &&
                (!strcmp(outcome, "crash") || !strcmp(outcome, "error") || !strcmp(outcome, "hang") ||
                 !strcmp(outcome, "oom"));
    if (json_is_integer(exit_status) && !told)
        tl_page_made_field(rows, "Exit status of the runner",
                           tl_format("%lld", (long long)json_integer_value(exit_status)));
    else if (signal && !told)
        tl_page_field(rows, "Exit status of the runner", "none: it died of the signal");
    /* The exit status of a step is in the code; the runner itself ended well when it told of it. */
    if (domain)
        tl_page_made_field(rows, "Error, domain and code",
                           tl_format("%s, %s", domain, code ? code : "no code"));
    tl_page_field(rows, "Address of the fault", tl_member_text(capture, "address"));
    tl_page_made_field(rows, "Counted", tl_counts_words(json_object_get(r->failing, "counts")));
    tl_page_made_field(rows, "Counted in the control",
                       tl_counts_words(json_object_get(r->control, "counts")));
    tl_page_code_field(rows, "Signature", tl_member_text(s, "title"));
    tl_page_code_field(rows, "Signature, id", tl_member_text(s, "id"));
    tl_page_code_field(rows, "Across builds", tl_member_text(s, "coarse_title"));
    tl_page_code_field(rows, "Trial", tl_member_text(json_object_get(f, "evidence"), "trial"));
    tl_page_field(rows, "Report of the OS (.ips)", tl_member_text(r->failing, "ips"));
}
