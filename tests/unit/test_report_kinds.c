/* Reports of every kind that is read, several in one file, what they say in words, and which belong to a trial. */
#include "harness/crash_report/belongs.h"
#include "harness/crash_report/form.h"
#include "harness/crash_report/ips.h"

#include "harness/base/buffer.h"
#include "harness/verdict/report.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LAUNCHED INT64_C(1927876800500000) /* 2031-02-03 09:20:00.5 UTC */
#define CAPTURED INT64_C(1927876830250000) /* 2031-02-03 09:20:30.25 UTC */

static int read_all(const char *text, size_t size, struct tl_ips **list, size_t *n, struct tl_error *e)
{
    struct tl_ips_reader r;
    struct tl_ips one;
    *list = NULL;
    *n = 0;
    if (tl_ips_reader_begin(&r, text, size, e))
        return -1;
    while (tl_ips_reader_next(&r, &one))
        *TL_GROW(*list, *n) = one;
    free(tl_ips_reader_end(&r));
    return 0;
}

static struct tl_ips *load(const char *name, size_t *n)
{
    size_t size;
    char *path = tl_format("%s/%s", FIXTURES, name), *text = tl_read_file(path, TL_IPS_MOST, &size);
    cr_assert_not_null(text, "%s", path);
    struct tl_ips *list;
    struct tl_error e = {0};
    cr_assert_eq(read_all(text, size, &list, n, &e), 0, "%s: %s %s", name, e.where, e.why);
    free(path);
    free(text);
    return list;
}

static struct tl_ips load_one(const char *name)
{
    size_t n;
    struct tl_ips *list = load(name, &n), one = list[0];
    cr_assert_eq(n, 1, "%s holds %zu", name, n);
    free(list);
    return one;
}

static void verdict(struct tl_ips *ips, struct tl_trial_record *r)
{
    *r = (struct tl_trial_record){.phase = TL_PHASE_START};
    tl_verdict_of_report(&ips->report, r);
}

Test(report_kinds, reason_of_an_exception)
{
    struct tl_ips ips = load_one("reason.ips");
    struct tl_trial_record r;
    cr_assert_str_eq(ips.queue, "com.invented.Graph.queue");
    verdict(&ips, &r);
    cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
    cr_assert_eq(r.signal, SIGABRT);
    cr_assert_str_eq(r.message, "*** Terminating app due to uncaught exception 'NSInvalidArgumentException', "
                                "reason: 'perm has 3 entries, rank is 4'");
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

/* What the reason is made of, when it comes in another form. */
Test(report_kinds, reasons_in_other_forms)
{
    static const struct {
        const char *json, *reason;
    } forms[] = {
        {"\"it went wrong\"", "it went wrong"},
        {"{\"name\":\"NSRangeException\"}",
         "*** Terminating app due to uncaught exception 'NSRangeException'"},
        {"{\"format_string\":\"100%% of %@ at %-5.2zu\",\"arguments\":[\"a\",\"7\"]}", "100% of a at 7"},
        {"{\"format_string\":\"%s %s %\",\"arguments\":[\"one\"]}", "one … %"},
        {"{\"composed_message\":7}", NULL},
        {"[]", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(forms); i++) {
        char *text = tl_format("{\"bug_type\":\"309\"}\n{\"exceptionReason\":%s}", forms[i].json);
        struct tl_ips ips;
        struct tl_error e;
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0);
        if (forms[i].reason)
            cr_assert_str_eq(ips.report.reason, forms[i].reason);
        else
            cr_assert_null(ips.report.reason, "%s", forms[i].json);
        tl_ips_free(&ips);
        free(text);
    }
}

/* What the loader and the simulator leave in every process is no reason; what a library says beside it is. */
Test(report_kinds, settings_are_no_reason)
{
    static const struct {
        const char *asi, *message;
    } cases[] = {
        {"{\"dyld\":[\"dyld config: DYLD_LIBRARY_PATH=/x\"],\"libsystem_c.dylib\":[\"abort() called\"]}",
         NULL},
        {"{\"libsystem_sim_platform.dylib\":[\"CoreSimulator 1 - Device: a\"],\"libInv.dylib\":[\"bad "
         "rank\"]}",
         "bad rank"},
        {"{\"CoreSimulator 857.7\":[\"Device: Phone (x) - Runtime: iOS 31\"]}", NULL},
        {"{\"dyld_sim\":[\"DYLD_FRAMEWORK_PATH=/a\"],\"libswiftCore.dylib\":[\"a.swift:1: Fatal error: b\"]}",
         "a.swift:1: Fatal error: b"},
        {"{\"anything\":[\"CoreSimulator 9 - Device: a\"]}", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char *text = tl_format("{\"bug_type\":\"309\"}\n{\"exception\":{\"signal\":\"SIGABRT\"},\"asi\":%s}",
                               cases[i].asi);
        struct tl_ips ips;
        struct tl_error e;
        struct tl_trial_record r;
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0);
        verdict(&ips, &r);
        if (cases[i].message)
            cr_assert_str_eq(r.message, cases[i].message);
        else
            cr_assert_null(r.message, "%s: %s", cases[i].asi, r.message);
        tl_trial_record_free(&r);
        tl_ips_free(&ips);
        free(text);
    }
}

Test(report_kinds, the_watchdog_is_a_hang)
{
    struct tl_ips ips = load_one("watchdog.ips");
    struct tl_trial_record r;
    verdict(&ips, &r);
    cr_assert_eq(r.outcome, TL_OUTCOME_HANG);
    cr_assert_str_eq(r.message,
                     "FRONTBOARD 2343432205; scene-create watchdog transgression: exhausted real (wall "
                     "clock) time allowance of 19.00 seconds");
    cr_assert_eq(r.n_captures, 1);
    cr_assert_eq(r.captures[0].kind, TL_CAPTURE_HANG);
    cr_assert(strstr(r.signature.title, "INVGraphWait"), "%s", r.signature.title);
    tl_trial_record_free(&r);
    tl_ips_free(&ips);
}

/* Ended by the system for other reasons, and deaths whose signal only the Mach exception tells. */
Test(report_kinds, outcomes)
{
    static const struct {
        const char *body;
        enum tl_outcome outcome;
        int signal;
        const char *domain;
    } cases[] = {
        {"\"exception\":{\"type\":\"EXC_CRASH\",\"signal\":\"SIGKILL\"},\"termination\":{\"namespace\":"
         "\"CODESIGNING\","
         "\"code\":2}",
         TL_OUTCOME_ERROR, SIGKILL, "CODESIGNING"},
        {"\"exception\":{\"type\":\"EXC_RESOURCE\",\"signal\":\"SIGKILL\"},\"termination\":{\"namespace\":"
         "\"JETSAM\","
         "\"code\":7}",
         TL_OUTCOME_OOM, SIGKILL, NULL},
        {"\"exception\":{\"type\":\"EXC_CRASH\",\"signal\":\"SIGKILL\"}", TL_OUTCOME_ERROR, SIGKILL,
         "signal"},
        {"\"exception\":{\"type\":\"EXC_BAD_INSTRUCTION\"}", TL_OUTCOME_CRASH, SIGILL, NULL},
        {"\"exception\":{\"type\":\"EXC_BREAKPOINT\"}", TL_OUTCOME_CRASH, SIGTRAP, NULL},
        {"\"exception\":{\"type\":\"EXC_CRASH\",\"signal\":\"SIGABRT\"},\"termination\":{\"namespace\":"
         "\"DYLD\"}",
         TL_OUTCOME_UNSUPPORTED, SIGABRT, NULL},
        {"\"pid\":1", TL_OUTCOME_CRASH, 0, NULL},
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char *text = tl_format("{\"bug_type\":309}\n{%s}", cases[i].body);
        struct tl_ips ips;
        struct tl_error e;
        struct tl_trial_record r;
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0);
        verdict(&ips, &r);
        cr_assert_eq(r.outcome, cases[i].outcome, "%s: %s", text, tl_outcome_name(r.outcome));
        cr_assert_eq(r.signal, cases[i].signal);
        cr_assert(cases[i].domain ? !strcmp(r.error_domain, cases[i].domain) : !r.error_domain);
        tl_trial_record_free(&r);
        tl_ips_free(&ips);
        free(text);
    }
}

Test(report_kinds, several_in_one_file)
{
    size_t n;
    struct tl_ips *list = load("several.ips", &n);
    cr_assert_eq(n, 3);
    cr_assert_eq(list[0].pid, 93);
    cr_assert_eq(list[0].report.signal, SIGTRAP);
    cr_assert_eq(list[1].pid, 94, "a further document does not replace what a body says");
    cr_assert_str_eq(list[1].model, "Mac99,2", "but adds what it lacks");
    cr_assert_str_eq(list[1].subtype, "EXC_ARM_DA_ALIGN at 0x10");
    cr_assert_eq(list[1].report.signal, SIGBUS);
    cr_assert_eq(list[2].kind, TL_IPS_UNREAD);
    cr_assert(strstr(list[2].refused, "999"));
    cr_assert(list[0].from == 0 && list[0].to == list[1].from && list[1].to == list[2].from);
    for (size_t i = 0; i < n; i++)
        tl_ips_free(&list[i]);
    free(list);
}

/* Forms in which the same report may come: what stands between its parts, and whether it has a header of its own. */
Test(report_kinds, one_report_in_other_forms)
{
#define BODY                                                                                                 \
    "\"captureTime\":\"2031-02-03 "                                                                          \
    "09:20:30\",\"pid\":5,\"procName\":\"p\",\"exception\":{\"signal\":\"SIGSEGV\"},\"threads\":[]"
    static const char *const forms[] = {
        "{\"bug_type\":\"309\",\"incident_id\":\"I\"}\n{" BODY "}",
        "{\"bug_type\":\"309\",\"incident_id\":\"I\"}\r\n\r\n{" BODY "}\r\ntext {\n",
        "{\"bug_type\":\"309\",\"incident_id\":\"I\"}{" BODY "}",
        "\xef\xbb\xbf{\"bug_type\":309,\n\"incident_id\":\"I\"}\n{" BODY "} {\"more\":1}",
        "{\"bug_type\":\"309\",\"incident\":\"I\"," BODY "}",
        "{\"bug_type\":\"309\"}\n{\"bug_type\":\"309\",\"incident\":\"I\"," BODY
        "}\n\n{\"broken\":\n{\"x\":1}",
    };
    for (size_t i = 0; i < TL_COUNT(forms); i++) {
        struct tl_ips *list;
        struct tl_error e = {0};
        size_t n;
        cr_assert_eq(read_all(forms[i], strlen(forms[i]), &list, &n, &e), 0, "%s: %s", forms[i], e.why);
        cr_assert_eq(n, 1, "%s", forms[i]);
        cr_assert_eq(list[0].kind, TL_IPS_CRASH, "%s", forms[i]);
        cr_assert_eq(list[0].pid, 5);
        cr_assert_str_eq(list[0].incident, "I");
        tl_ips_free(&list[0]);
        free(list);
    }
}

/* A report that lacks its body does not take that of the next. */
Test(report_kinds, one_without_a_body)
{
    static const char text[] =
        "{\"bug_type\":\"309\",\"incident_id\":\"A\"}\n{\"bug_type\":\"309\",\"incident_id\":\"B\"}\n"
        "{" BODY "}\n";
    struct tl_ips *list;
    struct tl_error e;
    size_t n;
    cr_assert_eq(read_all(text, strlen(text), &list, &n, &e), 0);
    cr_assert_eq(n, 2);
    cr_assert_eq(list[0].kind, TL_IPS_UNREAD);
    cr_assert_eq(list[1].kind, TL_IPS_CRASH);
    cr_assert_str_eq(list[1].incident, "B");
    for (size_t i = 0; i < n; i++)
        tl_ips_free(&list[i]);
    free(list);
}

Test(report_kinds, no_crash)
{
    static const struct {
        const char *name, *note, *process, *model, *build;
        enum tl_ips_kind kind;
        int pid;
        int64_t captured_us;
    } reports[] = {
        {"jetsam_ended.ips",
         "the system ended runner for want of memory (per-process-limit), which had 3072 MiB", "runner",
         "iPhone99,1", "31A5", TL_IPS_MEMORY, 96, INT64_C(1927876831000000)},
        {"gpu.ips", "GPU event of runner: invented: channel 3 timed out", "runner", "Mac99,1", "31B77",
         TL_IPS_NOTE, 95, INT64_C(1927876815000000)},
        {"panic.ips", "panic: panic(cpu 3 caller 0xfffffe0012345678): invented: ANE0 power state @dart.c:12",
         NULL, "Mac99,1", "31B77", TL_IPS_NOTE, 0, INT64_C(1927876820000000)},
    };
    for (size_t i = 0; i < TL_COUNT(reports); i++) {
        struct tl_ips ips = load_one(reports[i].name);
        cr_assert_eq(ips.kind, reports[i].kind, "%s: %s", reports[i].name, ips.refused);
        cr_assert_str_eq(ips.note, reports[i].note);
        cr_assert(reports[i].process ? !strcmp(ips.process, reports[i].process) : !ips.process);
        cr_assert_str_eq(ips.model, reports[i].model);
        cr_assert_str_eq(ips.os_build, reports[i].build);
        cr_assert_eq(ips.pid, reports[i].pid);
        cr_assert_eq(ips.captured_us, reports[i].captured_us);
        cr_assert(!ips.crash && !ips.report.capture.n_threads);
        tl_ips_free(&ips);
    }
}

/* By name, whatever it is. */
Test(report_kinds, refused)
{
    static const struct {
        const char *text, *why;
    } reports[] = {
        {"{\"bug_type\":\"298\",\"timestamp\":\"2031-02-03 "
         "09:20:30\"}\n{\"processes\":[{\"pid\":7,\"name\":\"a\"}]}",
         "jetsam event (bug_type 298): it names no process"},
        {"{\"bug_type\":\"284\"}\n{\"signature\":\"x\"}", "GPU event (bug_type 284): it does not tell when"},
        {"{\"bug_type\":\"385\",\"timestamp\":\"2031-02-03 09:20:30\"}\nCommand: runner\nEvent: cpu usage\n",
         "resource report (bug_type 385): its body is no JSON"},
        {"{\"bug_type\":\"288\"}\n", "stackshot (bug_type 288): its body is no JSON"},
        {"{\"bug_type\":\"12\"}\n{}", "kind 12"},
        {"{\"bug_type\":\"309\"}\n{}", "crash report (bug_type 309): it names no process"},
        {"{\"bug_type\":\"309\"}\n{\"exception\":{\"signal\":\"SIGSEGV\"},\"captureTime\":\"2031-02-03 "
         "09:20:30\",\"pid\":0,\"procName\":\" \"}",
         "it names no process"},
        {"{\"bug_type\":\"309\",\"timestamp\":\"soon\"}\n{\"pid\":5,\"procName\":\"p\",\"exception\":{"
         "\"signal\":\"SIGSEGV\"},\"procLaunch\":\"2031-02-03 09:20:30\"}",
         "does not tell when"},
        {"{\"bug_type\":\"309\",\"timestamp\":\"2031-02-03 09:20:30\"}\n{\"pid\":5,\"procName\":\"p\"}",
         "does not tell how"},
        {"{\"bug_type\":\"309\",\"timestamp\":\"2031-02-03 "
         "09:20:30\"}\n{\"pid\":5,\"procName\":\"p\",\"exception\":"
         "{},\"termination\":{},\"threads\":[{},{\"frames\":[]}],\"lastExceptionBacktrace\":[]}",
         "does not tell how"},
        {"{\"bug_type\":\"crash\"}\n{}", "kind 0"},
        {"{\"bug_type\":-4}\n{}", "kind 0"},
    };
    for (size_t i = 0; i < TL_COUNT(reports); i++) {
        struct tl_ips *list;
        struct tl_error e;
        size_t n;
        cr_assert_eq(read_all(reports[i].text, strlen(reports[i].text), &list, &n, &e), 0, "%s",
                     reports[i].text);
        cr_assert_eq(n, 1);
        cr_assert_eq(list[0].kind, TL_IPS_UNREAD, "%s", reports[i].text);
        cr_assert(strstr(list[0].refused, reports[i].why), "%s", list[0].refused);
        tl_ips_free(&list[0]);
        free(list);
    }
}

Test(report_kinds, system_of_a_header)
{
    static const struct {
        const char *version, *os, *build;
    } headers[] = {{"macOS 26.3 (25D125)", "macOS 26.3", "25D125"},
                   {"macOS 26.3", "macOS 26.3", NULL},
                   {"(25D125)", NULL, "25D125"},
                   {"macOS (", "macOS", NULL},
                   {"()", NULL, NULL},
                   {"a (b) (c", "a (b)", "c"},
                   {"", NULL, NULL}};
    for (size_t i = 0; i < TL_COUNT(headers); i++) {
        char *text = tl_format("{\"bug_type\":\"309\",\"os_version\":\"%s\"}\n{}", headers[i].version);
        struct tl_ips ips;
        struct tl_error e;
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0);
        cr_assert(headers[i].os ? ips.os && !strcmp(ips.os, headers[i].os) : !ips.os, "%s: %s", text, ips.os);
        cr_assert(headers[i].build ? ips.os_build && !strcmp(ips.os_build, headers[i].build) : !ips.os_build,
                  "%s", text);
        tl_ips_free(&ips);
        free(text);
    }
}

/* Only a process for which a reason is given was ended; the largest one of all was not for that. */
Test(report_kinds, jetsam_of_the_largest)
{
    static const char small[] = "{\"pid\":1,\"name\":\"small\",\"rpages\":5}";
    const struct {
        const char *more, *processes;
        enum tl_ips_kind kind;
        int pid;
        const char *process, *words;
    } events[] = {
        {"", "[%s,{\"pid\":2,\"name\":\"big\",\"rpages\":64}]", TL_IPS_NOTE, 0, NULL,
         "largest process was big"},
        {"\"pid\":2,", "[%s,{\"pid\":2,\"name\":\"big\"}]", TL_IPS_NOTE, 0, NULL, "does not say that one"},
        {"", "[%s,{\"pid\":2,\"name\":\"big\",\"reason\":\"\"}]", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "[%s,{\"pid\":2,\"name\":\"big\",\"reason\":\" \\n\"}]", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "[%s,{\"pid\":2,\"name\":\"big\",\"reason\":7}]", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "[%s,null,3]", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "\"big\"", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "{\"reason\":\"x\"}", TL_IPS_NOTE, 0, NULL, "largest"},
        {"\"procName\":\"big\",\"pid\":2,", "[]", TL_IPS_NOTE, 0, NULL, "largest"},
        {"", "[%s,{\"pid\":2,\"name\":\"big\"},{\"pid\":3,\"name\":\"other\",\"reason\":\"highwater\"}]",
         TL_IPS_MEMORY, 3, "other", "(highwater)"},
        {"",
         "[%s,{\"pid\":3,\"name\":\"other\",\"reason\":\"x\"},{\"pid\":2,\"name\":\"big\",\"reason\":\"y\"}]",
         TL_IPS_MEMORY, 2, "big", "(y)"},
    };
    for (size_t i = 0; i < TL_COUNT(events); i++) {
        const char *at = strstr(events[i].processes, "%s");
        int before = at ? (int)(at - events[i].processes) : (int)strlen(events[i].processes);
        char *text =
            tl_format("{\"bug_type\":\"298\",\"timestamp\":\"2031-02-03 09:20:30.00 +0000\"}\n"
                      "{%s\"largestProcess\":\"big\",\"processes\":%.*s%s%s}",
                      events[i].more, before, events[i].processes, at ? small : "", at ? at + 2 : "");
        struct tl_ips ips;
        struct tl_error e;
        cr_assert_eq(tl_ips_parse(text, strlen(text), &ips, &e), 0, "%s", text);
        cr_assert_eq(ips.kind, events[i].kind, "%s", text);
        cr_assert_eq(ips.pid, events[i].pid, "%s", text);
        cr_assert(events[i].process ? !strcmp(ips.process, events[i].process) : !ips.process, "%s", text);
        cr_assert(strstr(ips.note, events[i].words), "%s", ips.note);
        tl_ips_free(&ips);
        free(text);
    }
}

Test(report_kinds, forms_that_are_not_read)
{
    static const struct {
        const char *text, *form;
    } texts[] = {
        {"Incident Identifier: 1\nProcess: a [1]\n", ".crash"},
        {"\n\nProcess:             Python [77]\nPath: /a\n", ".crash"},
        {"Analysis of sampling Python (pid 4) every 1 millisecond\n", "sample"},
        {"Date/Time: 2031-02-03\nEvent: hang\n", ".spin"},
        {"bplist00\1\2", "property list"},
        {"{\"timeStampBegin\":\"2031\",\"crashDiagnostics\":[]}", "MetricKit"},
        {"{\"hangDiagnostics\":[{}]}", "MetricKit"},
        {"{\"bug_type\":\"309\",\"crashDiagnostics\":1}", NULL},
        {"hello", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        const char *form = tl_report_form(texts[i].text, strlen(texts[i].text));
        cr_assert(texts[i].form ? form && strstr(form, texts[i].form) : !form, "%s: %s", texts[i].text, form);
    }
}

/* ---- which belong ---- */

Test(report_kinds, belongs)
{
    int descendants[] = {500, 501};
    struct tl_report_window w = {.pid = 400,
                                 .descendants = descendants,
                                 .n_descendants = 2,
                                 .launched_us = LAUNCHED,
                                 .ended_us = CAPTURED + 1000000};
    static const struct {
        const char *process, *path;
        int pid, parent, responsible;
        int64_t after_us; /* the capture */
        bool own, helper;
    } cases[] = {
        {"runner", "/opt/runner", 400, 1, 0, 0, true, false},
        {"tool", "/opt/tool", 501, 1, 0, 0, true, false},
        {"tool", "/opt/tool", 900, 500, 0, 0, true, false},
        {"ANECompilerService", "/System/Library/a.xpc/ANECompilerService", 77, 1, 0, 0, false, true},
        {"MTLCompilerService", "/System/Library/b.xpc/MTLCompilerService", 77, 1, 0, 0, false, true},
        {"aned", "/usr/libexec/aned", 77, 1, 0, 0, false, true},
        {"aned", NULL, 77, 1, 0, 0, false, true},
        {"aned", NULL, 77, 9, 0, 0, false, false},
        {"coreaid", "/usr/libexec/coreaid", 77, 1, 0, 0, false, true},
        {"CoreMLDemo", "/Applications/CoreMLDemo.app/CoreMLDemo", 77, 1, 0, 0, false, false},
        {"CoreMLDemo", "/Applications/CoreMLDemo.app/CoreMLDemo", 77, 1, 400, 0, false, true},
        {"worker", "/opt/worker", 77, 1, 501, 0, false, true},
        {"Finder", "/System/Library/CoreServices/Finder", 77, 1, 12, 0, false, false},
        {"aned", "/usr/libexec/aned", 77, 1, 0, 60000000, false, false},
        {"aned", "/usr/libexec/aned", 77, 1, 0, -60000000, false, false},
        {"runner", "/opt/runner", 400, 1, 0, 60000000, false, false},
        {"runner", "/opt/runner", 0, 0, 0, 0, false, false},
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char process[32], path[64];
        struct tl_ips ips = {.kind = TL_IPS_CRASH,
                             .crash = true,
                             .pid = cases[i].pid,
                             .parent = cases[i].parent,
                             .responsible = cases[i].responsible,
                             .captured_us = CAPTURED + cases[i].after_us,
                             .process = strcpy(process, cases[i].process),
                             .report.capture.exe = cases[i].path ? strcpy(path, cases[i].path) : NULL};
        cr_assert_eq(tl_report_is_own(&ips, &w), cases[i].own, "%zu: %s", i, process);
        cr_assert_eq(tl_report_is_of_helper(&ips, &w), cases[i].helper, "%zu: %s", i, process);
    }
}

/* ---- hostile, and real ---- */

static void read_whatever_it_is(const char *text, size_t size)
{
    struct tl_ips *list;
    struct tl_error e = {0};
    size_t n;
    tl_report_form(text, size);
    if (read_all(text, size, &list, &n, &e)) {
        cr_assert_eq(e.kind, TL_ERROR_INPUT);
        return;
    }
    cr_assert_geq(n, 1);
    for (size_t i = 0; i < n; i++) {
        cr_assert(list[i].from <= list[i].to && list[i].to <= size);
        cr_assert_eq(list[i].kind == TL_IPS_UNREAD, list[i].refused != NULL);
        struct tl_system_report kept = tl_ips_kept(&list[i], TL_REPORT_OWN, "a.ips", text);
        tl_system_report_free(&kept);
        tl_ips_free(&list[i]);
    }
    free(list);
}

Test(report_kinds, cut_anywhere)
{
    static const char *const names[] = {"several.ips", "gpu.ips", "panic.ips", "jetsam_ended.ips",
                                        "reason.ips"};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        size_t size;
        char *path = tl_format("%s/%s", FIXTURES, names[i]), *text = tl_read_file(path, TL_IPS_MOST, &size);
        for (size_t cut = 0; cut < size; cut += 1 + cut % 7) {
            char *part = tl_malloc(cut);
            memcpy(part, text, cut);
            read_whatever_it_is(part, cut);
            free(part);
        }
        free(text);
        free(path);
    }
}

/* A text that begins like a document again and again is not walked through each time. */
Test(report_kinds, many_beginnings, .timeout = 60)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "{\"bug_type\":\"309\"}\n{}\n");
    while (b.size < 1u << 19)
        tl_buffer_add_string(&b, "{\"a\":\n");
    read_whatever_it_is(b.data, b.size);
    tl_buffer_free(&b);
    tl_buffer_add_string(&b, "");
    while (b.size < 1u << 17)
        tl_buffer_add_string(&b, "{\"bug_type\":\"309\"}\n");
    read_whatever_it_is(b.data, b.size);
    tl_buffer_free(&b);
}

static size_t count_read(const char *text, size_t size, char **left)
{
    struct tl_ips_reader r;
    struct tl_ips one;
    struct tl_error e;
    size_t n = 0;
    cr_assert_eq(tl_ips_reader_begin(&r, text, size, &e), 0);
    for (; tl_ips_reader_next(&r, &one); n++)
        tl_ips_free(&one);
    *left = tl_ips_reader_end(&r);
    return n;
}

/* All reports of a file are read, with whatever between them; what was not looked at is told. */
Test(report_kinds, however_many)
{
    static const char *const between[] = {"", "not a report {\n", "{\"more\":1}\n", "{broken}\n",
                                          "{\"cut\": [}\n"};
    char *left;
    for (size_t k = 0; k < TL_COUNT(between); k++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        for (int i = 0; i < 1000; i++)
            tl_buffer_printf(&b, "{\"bug_type\":\"309\",\"incident_id\":\"%d\"}\n{" BODY "}\n%s", i,
                             between[k]);
        cr_assert_eq(count_read(b.data, b.size, &left), 1000, "%s", between[k]);
        cr_assert_null(left);
        tl_buffer_free(&b);
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "{\"bug_type\":\"309\"}\n{" BODY "}\n");
    for (int i = 0; i < 3000; i++)
        tl_buffer_add_string(&b, "{\"endless\":\n");
    tl_buffer_add_string(&b, "{\"bug_type\":\"309\"}\n{" BODY "}\n");
    cr_assert_eq(count_read(b.data, b.size, &left), 1);
    cr_assert(left && strstr(left, "after line 2 "), "%s", left ? left : "nothing is told");
    free(left);
    tl_buffer_free(&b);
}

/* Reports of real machines, where somebody has a folder of them: TRAPLINE_REPORTS. */
Test(report_kinds, real_ones)
{
    const char *folder = getenv("TRAPLINE_REPORTS");
    DIR *d = folder ? opendir(folder) : NULL;
    if (!d)
        cr_skip_test("TRAPLINE_REPORTS names no folder of reports");
    for (const struct dirent *x; (x = readdir(d));) {
        const char *dot = strrchr(x->d_name, '.');
        if (!dot || strcmp(dot, ".ips"))
            continue;
        size_t size, n;
        char *path = tl_format("%s/%s", folder, x->d_name), *text = tl_read_file(path, TL_IPS_MOST, &size);
        struct tl_ips *list;
        struct tl_error e;
        cr_assert_not_null(text);
        cr_assert_eq(read_all(text, size, &list, &n, &e), 0, "%s: %s", path, e.why);
        for (size_t i = 0; i < n; i++) {
            cr_assert(list[i].kind != TL_IPS_UNREAD, "%s: %s", path, list[i].refused);
            if (list[i].kind == TL_IPS_CRASH) {
                struct tl_trial_record r;
                cr_assert(list[i].pid && list[i].captured_us && list[i].launched_us < list[i].captured_us);
                cr_assert(list[i].os_build && list[i].model && list[i].incident);
                cr_assert_geq(list[i].report.capture.threads[0].n_frames, 3);
                verdict(&list[i], &r);
                cr_assert_eq(r.outcome, TL_OUTCOME_CRASH);
                cr_assert(!strstr(r.signature.title, "without a stack"), "%s", r.signature.title);
                tl_trial_record_free(&r);
            }
            tl_ips_free(&list[i]);
        }
        free(list);
        free(text);
        free(path);
    }
    closedir(d);
}
