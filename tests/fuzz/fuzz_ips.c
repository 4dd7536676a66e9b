/* Fuzzes the readers of macOS reports of every kind, several in one text, and of what `sample` prints; and what is made of
 * them: stack ids, records, signatures and what is kept. */
#include "harness/crash_report/belongs.h"
#include "harness/crash_report/form.h"
#include "harness/crash_report/ips.h"
#include "harness/crash_report/sample.h"
#include "harness/stack/unwind.h"
#include "harness/verdict/classify.h"
#include "harness/verdict/report.h"
#include "harness/verdict/signature.h"

#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

static void check_thread(const struct tl_capture *c, const struct tl_thread *t)
{
    check(t->n_frames <= TL_FRAMES_TOP + TL_FRAMES_BOTTOM && strlen(t->stack_id) == TL_ID_SIZE - 1);
    check(t->omitted_at <= t->n_frames);
    for (size_t i = 0; i < t->n_frames; i++) {
        check(t->frames[i].module == TL_NO_MODULE || t->frames[i].module < c->n_modules);
        const struct tl_frame_symbols *s = &t->symbols[i];
        check(!s->n || !s->symbols[s->n - 1].inlined);
    }
}

static void check_title(const char *title)
{
    check(title && *title && strlen(title) <= 400 && !strchr(title, '\n'));
    json_t *v = json_string(title); /* UTF-8 */
    check(v != NULL);
    json_decref(v);
}

static void check_clean(const char *text)
{
    json_t *v = text ? json_string(text) : NULL; /* UTF-8 */
    check(!text || (v && *text && !strchr(text, '\n')));
    json_decref(v);
}

/* Every report of the text, as `trapline import` takes it. */
static void read_all(const char *text, size_t size)
{
    struct tl_ips_reader reader;
    struct tl_ips one, *ips = &one;
    struct tl_error e = {0};
    size_t end = 0;
    tl_report_form(text, size);
    if (tl_ips_reader_begin(&reader, text, size, &e)) {
        check(e.kind == TL_ERROR_INPUT && e.why[0]);
        return;
    }
    while (tl_ips_reader_next(&reader, ips)) {
        const struct tl_report_window always = {.pid = 1, .ended_us = INT64_MAX / 2};
        check(ips->from == end && ips->to >= ips->from && ips->to <= size);
        end = ips->to;
        check((ips->kind == TL_IPS_UNREAD) == (ips->refused != NULL) && ips->kind_name);
        check(ips->kind == TL_IPS_CRASH || ips->kind == TL_IPS_UNREAD || ips->note);
        tl_report_is_of_helper(ips, &always);
        char *title = tl_verdict_report_title(&ips->report);
        check_clean(title);
        free(title);
        struct tl_system_report kept = tl_ips_kept(ips, TL_REPORT_IMPORTED, "a.ips", text);
        const char *const texts[] = {kept.incident,   kept.process, kept.os,        kept.os_build,
                                     kept.model,      kept.cpu,     kept.exception, kept.codes,
                                     kept.queue,      kept.subtype, kept.reason,    kept.title,
                                     kept.termination};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            check_clean(texts[k]);
        check(strlen(kept.id) == TL_ID_SIZE - 1 && kept.size == ips->to - ips->from);
        tl_system_report_free(&kept);
        struct tl_trial_record r = {.phase = TL_PHASE_START};
        tl_verdict_of_report(&ips->report, &r);
        if (r.outcome != TL_OUTCOME_UNSUPPORTED)
            check_title(r.signature.title);
        tl_trial_record_free(&r);
        tl_ips_free(ips);
    }
    char *left = tl_ips_reader_end(&reader);
    check(end == size || left);
    free(left);
}

static void read_sample(const char *text, size_t size)
{
    struct tl_capture c;
    struct tl_error e = {0};
    if (!tl_sample_parse(text, size, &c, &e))
        tl_capture_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_all((const char *)data, size);
    read_sample((const char *)data, size);
    struct tl_ips ips;
    struct tl_error e = {0};
    if (tl_ips_parse((const char *)data, size, &ips, &e)) {
        check(e.kind == TL_ERROR_INPUT && e.why[0] && !ips.report.capture.threads);
        return 0;
    }
    check(ips.crash == (ips.bug_type == 309));
    check(ips.crash || !ips.report.capture.n_threads);
    for (size_t i = 0; i < ips.report.capture.n_threads; i++)
        check_thread(&ips.report.capture, &ips.report.capture.threads[i]);
    check(!tl_ips_matches(&ips, 0, INT64_MIN / 2, INT64_MAX / 2));
    static const int no_descendants[65];
    static const enum tl_end ends[] = {TL_END_BY_ITSELF, TL_END_DEADLINE};
    struct tl_trial_record r = {.phase = TL_PHASE_EXECUTE};
    for (size_t i = 0; i < 2; i++) {
        const struct tl_process_facts facts = {
            .end = ends[i], .status = SIGSEGV, .descendant_signals = no_descendants, .report = &ips.report};
        bool refused = ips.report.launch_failure;
        tl_verdict_of_process(&facts, &r);
        check(refused == (r.outcome == TL_OUTCOME_UNSUPPORTED));
        r.outcome = ends[i] == TL_END_DEADLINE ? TL_OUTCOME_HANG : TL_OUTCOME_CRASH;
        tl_signature_make(&r);
        check_title(r.signature.title);
        check_title(r.signature.coarse_title);
    }
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
    return 0;
}
