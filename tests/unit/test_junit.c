/* JUnit XML: names that stay the same from build to build, and texts of any kind, held against the schemas in tests/schemas
 * where xmllint is here. */
#include "harness/base/program.h"
#include "reports/finding/finding.h"
#include "reports/junit.h"
#include "reports/night.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%.4000s", part, text);
}

static void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%.4000s", part, text);
}

#ifdef XMLLINT
static const char *const schemas[] = {SCHEMAS "/junit-ant.xsd", SCHEMAS "/junit-jenkins.xsd"};

static bool accepts(const char *schema, const char *text, struct tl_buffer *said)
{
    const char *argv[] = {XMLLINT, "--noout", "--schema", schema, "-", NULL};
    struct tl_buffer out = TL_BUFFER_INIT;
    struct tl_program p = {
        .argv = argv, .input = text, .out = &out, .err = said, .timeout_s = 60, .status = -1};
    struct tl_error e;
    tl_program_run(&p, &e);
    tl_buffer_free(&out);
    return p.status == 0;
}
#endif

static void valid(const char *text)
{
#ifdef XMLLINT
    for (size_t i = 0; i < TL_COUNT(schemas); i++) {
        struct tl_buffer said = TL_BUFFER_INIT;
        cr_expect(accepts(schemas[i], text, &said), "%s: %.2000s", schemas[i], said.data ? said.data : "");
        tl_buffer_free(&said);
    }
#else
    (void)text;
#endif
}

static char *document_of(const struct tl_junit_test *tests, size_t n)
{
    struct tl_junit j;
    tl_junit_begin(&j);
    tl_junit_suite(&j, tests[0].case_name, 1795201039867722, 0);
    for (size_t i = 0; i < n; i++)
        tl_junit_test(&j, &tests[i]);
    char *text = tl_junit_end(&j);
    valid(text);
    return text;
}

#ifdef XMLLINT
/* That a document is valid says something only where another one is not. */
Test(junit, schemas_refuse_what_is_wrong)
{
    static const char begin[] =
        "<testsuites><testsuite name=\"a\" package=\"p\" id=\"0\" hostname=\"localhost\" tests=\"1\" "
        "failures=\"0\" errors=\"0\" time=\"1\" timestamp=\"",
                      middle[] = "\"><properties><property name=\"a\" value=\"\"/></properties>",
                      end[] = "<system-out/><system-err/></testsuite></testsuites>";
    static const struct {
        const char *when, *tests;
        bool ant, jenkins;
    } rows[] = {
        {"2026-11-20T18:57:19", "<testcase name=\"a\" classname=\"b\" time=\"1.5\"/>", true, true},
        {"2026-11-20T18:57:19Z", "<testcase name=\"a\" classname=\"b\" time=\"1.5\"/>", false, true},
        {"2026-11-20T18:57:19", "<testcase name=\"a\" classname=\"b\"/>", false, true},
        {"2026-11-20T18:57:19", "<testcase name=\"a\" classname=\"b\" time=\"1e5\"/>", false, false},
        {"2026-11-20T18:57:19", "<testcase classname=\"b\" time=\"1\"/>", false, false},
        {"2026-11-20T18:57:19",
         "<testcase name=\"a\" classname=\"b\" time=\"1\"><skipped message=\"x\">x</skipped></testcase>",
         false, false},
        {"2026-11-20T18:57:19", "<testcase name=\"a\" classname=\"b\" time=\"1\"><skipped/></testcase>",
         false, false},
        {"2026-11-20T18:57:19", "<testcase name=\"a\" classname=\"b\" time=\"1\"><properties/></testcase>",
         false, false},
        {"2026-11-20T18:57:19",
         "<testcase name=\"a\" classname=\"b\" time=\"1\"/><testcase name=\"a\" classname=\"b\" time=\"1\"/>",
         false, true},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *text = tl_format("%s%s%s%s%s", begin, rows[i].when, middle, rows[i].tests, end);
        struct tl_buffer said = TL_BUFFER_INIT;
        cr_expect_eq(accepts(schemas[0], text, &said), rows[i].ant, "ant: %s", text);
        cr_expect_eq(accepts(schemas[1], text, &said), rows[i].jenkins, "jenkins: %s", text);
        tl_buffer_free(&said);
        free(text);
    }
}
#endif

Test(junit, a_name_is_case_variant_and_unit_of_any_build)
{
    json_t *variant = json_pack("{s:i,s:s}", "n", 4, "mode", "a b");
    struct tl_junit_test t[] = {
        {.case_name = "kv", .unit = "onnxruntime@1.22.0:cpu", .variant = variant, .seconds = 1.25},
        {.case_name = "kv", .unit = "onnxruntime@1.30.0:cpu%phone", .variant = variant},
        {.case_name = "kv", .unit = "./tools/run@/opt/lib.so:gpu", .with = "build=2"},
        {.case_name = NULL, .unit = NULL},
    };
    char *text = document_of(t, TL_COUNT(t));
    has(text, "<testcase name=\"kv: mode=a b, n=4 on onnxruntime:cpu\" classname=\"kv\" time=\"1.250\"/>");
    has(text, "name=\"kv: mode=a b, n=4 on onnxruntime:cpu%phone\" classname=\"kv\" time=\"0.000\"/>");
    has(text, "name=\"kv: build=2 on ./tools/run:gpu\"");
    has(text, "<testcase name=\"unknown\" classname=\"unknown\"");
    has(text,
        "timestamp=\"2026-11-20T18:57:19\" hostname=\"localhost\" tests=\"4\" failures=\"0\" errors=\"0\" "
        "skipped=\"0\" time=\"1.250\">");
    free(text);
    json_decref(variant);
}

Test(junit, no_two_tests_have_one_name)
{
    struct tl_junit_test t[] = {{.case_name = "kv", .unit = "sim@1.0:gpu"},
                                {.case_name = "kv", .unit = "sim@2.0:gpu"},
                                {.case_name = "kv", .unit = "sim@2.0:gpu"},
                                {.case_name = "kv", .unit = "sim:gpu"}};
    char *text = document_of(t, TL_COUNT(t));
    has(text, "name=\"kv on sim:gpu\"");
    has(text, "name=\"kv on sim:gpu @2.0\"");
    has(text, "name=\"kv on sim:gpu @2.0 #2\"");
    has(text, "name=\"kv on sim:gpu #2\"");
    free(text);
}

/* What must not end an element, an attribute or the document, in every place where there is a text. */
Test(junit, hostile_text_stays_text)
{
    static const char evil[] =
        "\x1b[31m]]><![CDATA[\"'&<x/>\x01\x0b\x7f\r\n\t\xff\xc0\xaf\xed\xa0\x80\xef\xbf\xbe"
        "\xef\xbf\xbf</failure></testsuites>\xf0\x9f\x90\x9b&#0;";
    json_t *variant = json_object(), *value = json_string_nocheck(evil);
    json_object_set_new_nocheck(variant, evil, value);
    char *megabyte = tl_malloc((1 << 20) + sizeof evil);
    for (size_t i = 0; i < 1 << 20; i += 3)
        memcpy(megabyte + i, "\xe2\x82\xac", 3);
    strcpy(megabyte + (1 << 20), evil);
    for (int result = TL_JUNIT_PASS; result <= TL_JUNIT_SKIPPED; result++) {
        struct tl_junit_test t = {.case_name = evil,
                                  .unit = evil,
                                  .variant = variant,
                                  .with = evil,
                                  .result = (enum tl_junit_result)result,
                                  .type = evil,
                                  .message = evil,
                                  .body = evil,
                                  .seconds = -1.0 / 0.0};
        free(document_of(&t, 1));
        t.case_name = t.unit = t.with = t.type = t.message = t.body = megabyte;
        char *text = document_of(&t, 1);
        cr_expect_lt(strlen(text), 100000);
        if (result == TL_JUNIT_FAILURE)
            has(text, " bytes more)");
        free(text);
        t.case_name = t.unit = t.with = t.type = t.message = t.body = "";
        t.variant = NULL;
        text = document_of(&t, 1);
        if (result != TL_JUNIT_PASS)
            has(text, "no reason is known");
        free(text);
        t.case_name = t.unit = t.with = t.type = t.message = t.body = "\x01 \n";
        text = document_of(&t, 1);
        if (result != TL_JUNIT_PASS)
            has(text, "no reason is known");
        free(text);
    }
    struct tl_junit j;
    tl_junit_begin(&j);
    tl_junit_property(&j, "\x02", " ");
    tl_junit_suite(&j, evil, -5, 0.0 / 0.0);
    tl_junit_property(&j, evil, evil);
    tl_junit_property(&j, "big", megabyte);
    json_t *environment = json_pack("{s:s,s:i,s:{s:s,s:n},s:s}", "os", "Debian", "cores", 2, "versions",
                                    "torch", "2.8", "x", "runtime_path", "/home/alice/x");
    tl_junit_environment(&j, environment);
    json_decref(environment);
    char *text = tl_junit_end(&j);
    valid(text);
    has(text, "<property name=\"os\" value=\"Debian\"/>");
    has(text, "<property name=\"cores\" value=\"2\"/>");
    has(text, "<property name=\"version.torch\" value=\"2.8\"/>");
    has_not(text, "alice");
    has_not(text, "version.x");
    free(text);
    free(megabyte);
    json_decref(variant);
}

static json_t *fixture(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL);
    cr_assert_not_null(f);
    return f;
}

static char *junit_of(const json_t *finding)
{
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_junit(report);
    json_decref(report);
    valid(text);
    return text;
}

Test(junit, a_finding_has_its_build_as_a_property)
{
    json_t *finding = fixture();
    char *text = junit_of(finding), *other;
    has(text, "<property name=\"build\" value=\"1.22.0\"/>");
    has(text, "<property name=\"unit\" value=\"onnxruntime@1.22.0:cpu\"/>");
    has(text, "<property name=\"os\" ");
    has_not(text, "alice");
    const char *name = strstr(text, "<testcase name=\"");
    cr_assert(name);
    const char *end = strstr(name, "\" classname=\"decoder-gqa-begin\"");
    cr_assert(end);
    char *first = strndup(name, (size_t)(end - name));
    has(first, "decoder-gqa-begin: attention=gqa, ");
    has(first, " on onnxruntime:cpu");
    /* The same failure on another build is the same test. */
    json_object_set_new(finding, "unit", json_string("onnxruntime@1.23.1:cpu"));
    json_object_set_new(json_object_get(finding, "build"), "version", json_string("1.23.1"));
    other = junit_of(finding);
    has(other, first);
    has(other, "<property name=\"build\" value=\"1.23.1\"/>");
    free(first);
    free(text);
    free(other);
    json_decref(finding);
}

Test(junit, what_is_skipped_has_words)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "reproduced", json_false());
    json_object_set_new(finding, "minimal", json_null());
    json_object_set_new(finding, "message", json_string("the device is asleep"));
    json_object_set_new(finding, "notes",
                        json_pack("[{s:s,s:s}]", "code", "failing-unsupported", "text", "x"));
    char *text = junit_of(finding);
    has(text, "<skipped>it could not be tried: it is not supported: the device is asleep</skipped>");
    has(text, "tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\"");
    free(text);
    json_decref(finding);
}

static json_t *night(void)
{
    return json_pack("{s:s,s:s,s:s,s:I,s:[{s:s,s:s,s:{s:i},s:s,s:f,s:{s:s,s:s}},{s:s,s:s,s:{s:i},s:s},{s:s,s:"
                     "s,s:{s:i},s:s}],"
                     "s:[{s:s,s:s,s:{s:i},s:s,s:[{s:s,s:s,s:s,s:s,s:s}],s:s}],s:{s:{s:s,s:{s:[{s:[s]}]}}}}",
                     "night", "n1", "suite", "betas", "os", "Debian", "started_us",
                     (json_int_t)1795201039867722, "cells",
                     /* worse, with its build */
                     "case", "kv", "unit", "sim@2.0:gpu", "variant", "n", 1, "class", "new-failure",
                     "seconds", 0.5, "environment", "runtime_version", "2.0", "os_build", "6.1",
                     /* as before; and one that could not be tried, on another unit */
                     "case", "kv", "unit", "sim@2.0:gpu", "variant", "n", 2, "class", "still-failing", "case",
                     "kv", "unit", "sim@9:ane", "variant", "n", 1, "class", "could-not-be-tried", "changes",
                     "case", "kv", "unit", "sim@2.0:gpu", "variant", "n", 1, "class", "new-failure",
                     "failures", "outcome", "crash", "phase", "execute", "signal", "SIGSEGV", "title",
                     "f <- g", "trial", "t1", "evidence", "odds 998 to 1", "trials_shown", "t1", "message",
                     "Assertion ]]> failed", "capture", "threads", "frames", "#0  f");
}

Test(junit, a_night_has_suites_of_a_case_on_a_unit)
{
    json_t *n = night();
    cr_assert_not_null(n);
    char *text = tl_night_junit(n);
    valid(text);
    has(text, "<testsuite name=\"kv\" package=\"trapline\" id=\"0\"");
    has(text, "<testsuite name=\"kv\" package=\"trapline\" id=\"1\"");
    has(text,
        "name=\"kv: n=1 on sim:gpu\" classname=\"kv\" time=\"0.500\">\n      <failure type=\"new-failure\"");
    has(text, "odds 998 to 1\ntrial t1\nAssertion ]]&gt; failed\n#0  f\n</failure>");
    has(text, "<skipped>still failing");
    has(text, "<error type=\"could-not-be-tried\" message=\"could not be tried\"></error>");
    has(text, "<property name=\"build\" value=\"2.0\"/>");
    has(text, "<property name=\"night\" value=\"n1\"/>");
    free(text);
    json_decref(n);
}

static void use_night(json_t *whole)
{
    free(tl_night_junit(whole));
}

static void use_finding(json_t *whole)
{
    struct tl_report_source source = {.finding = whole};
    json_t *report = tl_report_new(&source);
    free(tl_report_junit(report));
    json_decref(report);
}

Test(junit, any_document_makes_one, .timeout = 60)
{
    json_t *n = night(), *f = fixture();
    spoil(n, n, 4, use_night);
    while (json_array_size(json_object_get(f, "path")) > 6)
        json_array_remove(json_object_get(f, "path"), 6);
    spoil(f, f, 2, use_finding);
    json_decref(n);
    json_decref(f);
}
