/* A finding, a report of it, and what is to stand in a text: for the tests of reports. */
#ifndef TL_REPORT_FIXTURE_H
#define TL_REPORT_FIXTURE_H

#include "harness/base/buffer.h"
#include "reports/finding/finding.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static inline json_t *fixture(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL);
    cr_assert_not_null(f);
    return f;
}

/* A trial of which everything comes from a hostile child. */
static inline void fill_trial(struct tl_trial_record *r)
{
    memset(r, 0, sizeof *r);
    strcpy(r->id, "01a1fa5f-1024-7004-ad3b-280ac29cca10");
    r->unit = tl_strdup("onnxruntime@1.22.0:cpu");
    r->variant = tl_strdup("{\"attention\":\"gqa\"}");
    r->command = tl_strdup("[\"/usr/libexec/trapline/runners/trapline-onnxruntime\"]");
    r->request = tl_strdup(
        "{\"trial\":1,\"device\":\"cpu\",\"model\":\"/home/alice/m'odel.onnx\",\"scratch\":\"/tmp/x\"}");
    r->outcome = TL_OUTCOME_CRASH;
    r->phase = TL_PHASE_EXECUTE;
    r->signal = 11;
    r->exit_status = -1;
    static const char err[] = "```\n</code></pre><script>alert(1)</script> \xff /home/alice/x alice\n";
    r->err.head = tl_strdup(err);
    r->err.head_size = r->err.total = sizeof err - 1;
    r->n_captures = 1;
    struct tl_capture *c = r->captures = tl_calloc(1, sizeof *c);
    c->signal = 11;
    c->fatal = c->is_main = true;
    c->n_modules = 1;
    c->modules = tl_calloc(1, sizeof *c->modules);
    c->modules[0].path = tl_strdup("/home/alice/lib|evil`.so");
    c->n_threads = 2;
    c->threads = tl_calloc(2, sizeof *c->threads);
    for (int i = 0; i < 2; i++) {
        struct tl_thread *t = &c->threads[i];
        t->tid = 100 + i;
        strcpy(t->name, "<b>&name");
        t->crashed = i == 0;
        t->n_frames = 1;
        t->frames = tl_calloc(1, sizeof *t->frames);
        t->frames[0].offset = 0x1234;
    }
}

static inline json_t *report_of(const json_t *finding, bool keep_paths)
{
    struct tl_trial_record r;
    fill_trial(&r);
    struct tl_report_source source = {.finding = finding, .failing = &r, .keep_paths = keep_paths};
    json_t *report = tl_report_new(&source);
    tl_trial_record_free(&r);
    return report;
}

static inline void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%s", part, text);
}

static inline void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%s", part, text);
}

/* longest: bytes of the longest one. */
static inline size_t count_lines(const char *text, size_t *longest)
{
    size_t n = 0;
    *longest = 0;
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n', n++) {
        size_t size = strcspn(text, "\n");
        *longest = size > *longest ? size : *longest;
    }
    return n;
}

/* A report whose failing trial has this stack: of "module function" words, innermost first. */
static inline json_t *with_stack(json_t *finding, const char *signal, const char *const *frames, size_t n)
{
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source), *lines = json_array(), *of = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *space = strchr(frames[i], ' ');
        bool gap = !strncmp(frames[i], "…", sizeof "…" - 1);
        char *line = gap ? tl_strdup(frames[i]) : tl_format("#%-2zu %s", i, space + 1);
        json_array_append_new(lines, json_string(line));
        json_array_append_new(of, gap ? json_null() : json_stringn(frames[i], (size_t)(space - frames[i])));
        free(line);
    }
    json_object_set_new(report, "failing_trial",
                        json_pack("{s:{s:s,s:s,s:[{s:i,s:s,s:b,s:o,s:o}],s:[{s:s,s:s}]}}", "capture", "kind",
                                  "signal", "signal", signal, "threads", "tid", 7, "name", "main", "crashed",
                                  1, "frames", lines, "of", of, "modules", "path", "/opt/librt.so",
                                  "build_id", "00ff"));
    return report;
}

#endif
