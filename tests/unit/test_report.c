/* Reports of findings: what they say, that nothing from outside can format them, and that a document with
 * anything missing or wrong still makes a report. */
#include "cases/load.h"
#include "reports/bundle/minimal_case.h"
#include "reports/bundle/repro.h"
#include "reports/finding/finding.h"
#include "reports/frontier_svg.h"
#include "reports/page/page.h"
#include "reports/redact/redact.h"
#include "runners/onnxruntime/api.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static json_t *fixture(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL);
    cr_assert_not_null(f);
    return f;
}

/* A trial of which everything comes from a hostile child. */
static void fill_trial(struct tl_trial_record *r)
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

static json_t *report_of(const json_t *finding, bool keep_paths)
{
    struct tl_trial_record r;
    fill_trial(&r);
    struct tl_report_source source = {.finding = finding, .failing = &r, .keep_paths = keep_paths};
    json_t *report = tl_report_new(&source);
    tl_trial_record_free(&r);
    return report;
}

static void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%s", part, text);
}

Test(report, markdown_says_what_was_measured)
{
    json_t *finding = fixture(), *report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "# ONNX Runtime 1.22.0 CPU: SIGSEGV while running with gqa attention, begin_error 1000000\n");
    has(text,
        "when `attention=gqa` and `begin_error=1000000`: 6 of 6 runs of the minimal variant did, 5 of 5 in "
        "fresh processes.");
    has_not(text, "Since which build");
    has(text, "| **none** | **fails** | **6 of 6** |");
    has(text, "| **`begin_error=0` instead of `1000000`** | **passes** | **0 of 3** |");
    has(text, "| `threads=2` | fails | 1 of 1 |");
    has(text, "**`attention=gqa` fails** (6 of 6 runs), **`attention=sdpa` passes** (2 of 2 runs)");
    has(text,
        "`begin_error=1000000` fails (6 of 6 runs); the next simpler value, `begin_error=0`, passes (3 of "
        "3 runs).");
    has(text, ": 8 of 8 random variants with the trigger failed in this way, with at least three values of "
              "each of these "
              "axes, or all that it has. That excludes that more than 31 % of such variants pass (with "
              "confidence 95 %).");
    has(text, "drawn at random, 0 of 8 variants failed in the same way.");
    has_not(text, "every time");
    has(text, "passed in 2 of 2 runs");
    has_not(text, "| Runtime, commit |"); /* it is not known */
    has(text, "<details><summary>Thread 101 &lt;b&gt;&amp;name</summary>");
    static const char *const sections[] = {"## Environment",
                                           "## How to reproduce",
                                           "## Observed",
                                           "### Decisive pair",
                                           "## Threshold",
                                           "## Failure",
                                           "## Stack",
                                           "## Expected and got",
                                           "## Independent of",
                                           "## Other failures seen",
                                           "## A control",
                                           "## Possible workaround",
                                           "## How this was found"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        has(text, sections[i]);
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, markdown_is_not_formatted_by_what_comes_from_outside)
{
    json_t *finding = fixture(), *report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "| ```` ```evil``` \\| <script>alert(1)</script> ```` | error in compile | 3 times |");
    has(text, "- A simpler variant \\| fails in \\<another\\> way");
    /* stderr has a fence of three: ours is longer */
    has(text, "````\n```\n</code></pre>");
    has(text, "```text\nAssertion `n < 4 | m` failed in ~/src/<op>.cc by USER\n@octocat see #12 "
              "https://example.org/x\n```");
    has_not(text, "alice");
    free(text);

    json_t *page = json_array();
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, "@octocat #12 <b> *x* [a](http://b) `c` a_b_c\n# no heading");
    tl_page_paragraph(page, tl_buffer_take(&b));
    tl_inline_text(&b, "# no heading");
    tl_page_paragraph(page, tl_buffer_take(&b));
    tl_inline_text(&b, "1. no list");
    tl_page_paragraph(page, tl_buffer_take(&b));
    text = tl_page_markdown(page);
    cr_expect_str_eq(
        text,
        "@<!-- -->octocat #<!-- -->12 \\<b\\> \\*x\\* \\[a\\](http:<!-- -->//b) \\`c\\` a_b_c # no heading\n"
        "\n\\# no heading\n\n1\\. no list\n");
    free(text);
    json_decref(page);
    json_decref(report);
    json_decref(finding);
}

Test(report, html_escapes_everything)
{
    json_t *finding = fixture(), *report = report_of(finding, false);
    char *text = tl_report_html(report, TL_EXTENT_FULL);
    has_not(text, "<script");
    has_not(text, "alice");
    has_not(text, "http://example");
    has(text, "&lt;script&gt;");
    has(text, "prefers-color-scheme: dark");
    has(text, "<svg xmlns=");
    has(text, "<html lang=\"en\">");
    has(text, "<meta name=\"viewport\"");
    /* Nothing is fetched. */
    has_not(text, "src=");
    has_not(text, "<link");
    has_not(text, "@import");
    has_not(text, "url(");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* Of a failure that comes and goes every drawn variant is run many times: 8 of 8 counts variants, not runs.
 */
Test(report, flaky_draws_are_not_runs)
{
    json_t *finding = fixture(), *report;
    json_object_set_new(finding, "flaky", json_true());
    json_object_set_new(finding, "generalises", json_pack("{s:[i,i],s:[i,i]}", "held", 8, 8, "broken", 0, 1));
    json_object_set_new(finding, "runner", json_string("./mine")); /* which need not take --trial */
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "0 of 1 variant failed");
    has(text, "The runner alone, if it takes `--trial` as those of trapline do; otherwise");
    has(text, "8 of 8 random variants with the trigger failed");
    has(text, "Since it does not fail in this way every time, each of these variants was run until it did");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, without_a_trigger_none_is_held)
{
    json_t *finding = fixture(), *report;
    json_object_set_new(finding, "trigger", json_array());
    json_object_set_new(finding, "decisive", json_array());
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has_not(text, "with the trigger held");
    has(text, ": 8 of 8 random variants failed in this way, with at least three values of each");
    has_not(text, "## Threshold");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* An axis stays in the minimal variant for want of a simpler value that passes: that does not show that it is
 * needed, and an ordered one has no threshold then. */
Test(report, what_is_not_shown_is_said)
{
    json_t *finding = fixture(), *report, *triggers = json_object_get(finding, "trigger");
    json_t *attention = json_array_get(triggers, 0), *error = json_array_get(triggers, 1);
    json_object_set_new(attention, "unresolved", json_true());
    json_object_set_new(error, "masked", json_true());
    json_object_del(error, "threshold");
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "Whether `attention=gqa` is needed is not shown: no simpler value was tried yet with all else "
              "the same.");
    has(text, "Whether `begin_error=1000000` is needed is not shown: with simpler values it fails in another "
              "way.");
    has(text, "- `begin_error`: none is known, for the next simpler value was not seen to pass.");
    has_not(text, "no ordered axis");
    free(text);
    json_decref(report);
    json_object_set_new(attention, "unsupported_with", json_pack("[s]", "sdpa"));
    report = report_of(finding, false);
    text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "Whether `attention=gqa` is needed is not shown: no simpler value could be tried.");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, what_cannot_be_tried_did_not_pass)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "reproduced", json_false());
    json_object_set_new(finding, "minimal", json_null());
    json_object_set_new(finding, "rate", json_pack("[i,i]", 0, 0));
    json_object_set_new(
        finding, "notes",
        json_pack("[{s:s,s:s}]", "code", "failing-unsupported", "text", "it cannot be tried"));
    json_t *report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    char *junit = tl_report_junit(report);
    has(junit, "failures=\"0\" errors=\"0\" skipped=\"1\"");
    free(junit);
    has(text, "CPU: decoder-gqa-begin could not be tried\n");
    has(text, "the case `decoder-gqa-begin` could not be tried with `attention=gqa`, ");
    has_not(text, "did not fail");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* A step that exits with 3 makes a runner that exits with 0. */
/* That of a runner which told of the failure is no part of it: that of the step is. */
Test(report, exit_status_of_a_step_is_in_the_code)
{
    json_t *finding = fixture(), *report;
    struct tl_trial_record r;
    fill_trial(&r);
    r.error_domain = tl_strdup("step");
    r.error_code = tl_strdup("exit 3");
    json_object_set_new(finding, "exit_status", json_integer(0));
    json_array_append_new(
        json_object_get(finding, "others"),
        json_pack("{s:s,s:s,s:s,s:i}", "signature", "x", "title", "rare", "outcome", "hang", "seen", 1));
    struct tl_report_source source = {.finding = finding, .failing = &r};
    report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has_not(text, "| Exit status of the runner | 0 |");
    has(text, "| Error, domain and code | step, exit 3 |");
    has(text, "| `rare` | hang | once |");
    free(text);
    tl_trial_record_free(&r);
    json_decref(report);
    json_decref(finding);
}

/* Where the baseline itself fails nothing is simpler, so that no pair was looked for; what passes beside it is said all the
 * same, and by no section that there is nothing. */
Test(report, what_passes_beside_a_failing_baseline)
{
    json_t *finding = fixture(), *report;
    json_object_set_new(finding, "baseline", json_deep_copy(json_object_get(finding, "minimal")));
    json_object_set_new(finding, "trigger", json_array());
    json_object_set_new(finding, "decisive", json_array());
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "**`attention=gqa` fails** (6 of 6 runs), **`attention=sdpa` passes** (2 of 2 runs)");
    has(text, "**passes** | **0 of 2** |");
    has(text, "passed in 2 of 2 runs");
    has(text, "- `attention=sdpa` instead of `attention=gqa` (2 of 2 runs passed)");
    has_not(text, "There is no decisive pair");
    has_not(text, "was seen to pass");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* A boundary has corners and no minimal variant. Its axes may fall. */
Test(report, boundary_is_its_corners)
{
    json_t *finding = fixture(), *report;
    json_object_set_new(finding, "minimal", json_null());
    json_object_set_new(finding, "trigger", json_array());
    json_object_set_new(finding, "decisive", json_array());
    json_object_set_new(finding, "rate", json_pack("[i,i]", 3, 3));
    json_object_set_new(finding, "failing", json_pack("{s:i,s:i,s:s}", "a", 0, "b", 9, "w", "x"));
    json_object_set_new(finding, "axes",
                        json_pack("[{s:s,s:s,s:[i,i]},{s:s,s:s,s:[i,i]}]", "name", "a", "kind", "range",
                                  "range", 64, 0, "name", "b", "kind", "range", "range", 1, 9));
    json_object_set_new(finding, "frontier",
                        json_pack("{s:s,s:s,s:[{s:i,s:i,s:b},{s:i,s:i,s:b}]}", "a", "a", "b", "b", "corners",
                                  "a", 40, "b", 9, "gap", 0, "a", 20, "b", 5, "gap", 1));
    json_object_set_new(finding, "path",
                        json_pack("[{s:{s:i,s:i,s:s},s:s},{s:{s:i,s:i,s:s},s:s}]", "variant", "a", 40, "b", 9,
                                  "w", "x", "outcome", "match", "variant", "a", 64, "b", 9, "w", "x",
                                  "outcome", "pass"));
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "SIGSEGV while running the model beyond a boundary over a and b\n");
    has(text, "with `a=0`, `b=9`, `w=x`: 3 of 3 runs of this variant did.");
    has(text, "| 40 | 9 | fails | 1 of 1 | with either one step simpler, if there is one, it does not |\n"
              "| 20 | 5 | lost | not run | not all was tried |");
    has(text, "In every row: `w=x`.");
    has_not(text, "Decisive pair");
    has_not(text, "minimal variant");
    free(text);
    /* Simplest first, to the right: 64, 40, 20. */
    text = tl_frontier_svg(finding);
    const char *first = strstr(text, ">64<"), *second = strstr(text, ">40<"), *third = strstr(text, ">20<");
    cr_expect(first && second && third && first < second && second < third);
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, junit_counts)
{
    json_t *finding = fixture(), *report = report_of(finding, false);
    char *text = tl_report_junit(report);
    has(text, " tests=\"4\" failures=\"2\" errors=\"0\" skipped=\"0\"");
    has(text,
        "name=\"decoder-gqa-begin: attention=gqa, begin_error=0, begin_index=none, context=32, layers=1, "
        "optimization=99, threads=1, weights=fp32 on onnxruntime:cpu\" classname=\"decoder-gqa-begin\" "
        "time=\"0.000\"/>");
    has(text, "Assertion `n &lt; 4 | m` failed");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, builds_are_the_table_and_the_title)
{
    json_t *finding = fixture(), *report;
    json_object_set_new(finding, "minimal", json_null());
    json_object_set_new(finding, "trigger", json_array());
    json_object_set_new(finding, "decisive", json_array());
    json_object_set_new(finding, "builds",
                        json_pack("{s:[s,s,s],s:[],s:[{s:s,s:s,s:s,s:n}]}", "list", "1.0", "1.1", "1.2",
                                  "unsupported", "ranges", "good_before", "1.0", "first_bad", "1.1",
                                  "last_bad", "1.2", "fixed"));
    json_object_set_new(finding, "path",
                        json_pack("[{s:{s:s},s:s},{s:{s:s},s:s}]", "variant", "build", "x@1.2:cpu", "outcome",
                                  "match", "variant", "build", "x@1.0:cpu", "outcome", "pass"));
    report = report_of(finding, false);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "# ONNX Runtime 1.1 to 1.2 CPU: SIGSEGV while running the model (decoder-gqa-begin)\n");
    has(text, "it fails so from `1.1` to `1.2`, not in `1.0` before.");
    has(text, "| `1.0` | **passes** | **0 of 1** |\n| `1.2` | **fails** | **1 of 1** |");
    has(text, "The same variant passed on build 1.0 in 1 of 1 run.");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, what_is_not_known_has_no_section)
{
    json_t *empty = json_object();
    struct tl_report_source source = {.finding = empty};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has_not(text, "OS build");
    has_not(text, "## Stack");
    has_not(text, "Independent of");
    has_not(text, "(null)");
    free(text);
    text = tl_report_html(report, TL_EXTENT_FULL);
    has_not(text, "(null)");
    free(text);
    text = tl_report_junit(report);
    has_not(text, "(null)");
    free(text);
    json_decref(report);
    json_decref(empty);
}

static void make_all(json_t *finding)
{
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    free(tl_report_markdown(report, TL_EXTENT_PAGE));
    free(tl_report_markdown(report, TL_EXTENT_SHORT));
    free(tl_report_markdown(report, TL_EXTENT_FULL));
    free(tl_report_html(report, TL_EXTENT_FULL));
    free(tl_report_junit(report));
    json_decref(tl_minimal_case(finding, finding));
    json_decref(report);
}

Test(report, any_document_makes_a_report, .timeout = 60)
{
    json_t *finding = fixture();
    while (json_array_size(json_object_get(finding, "path")) > 6)
        json_array_remove(json_object_get(finding, "path"), 6);
    spoil(finding, finding, 2, make_all);
    json_decref(finding);
}

/* Of a wrong result; what a search does not look at is left out, for each member costs a report of every kind. */
Test(report, any_comparison_makes_a_report, .timeout = 60)
{
    json_t *finding = json_pack(
        "{s:b,s:s,s:s,s:{s:s,s:s,s:s,s:s,s:s,s:[i,i],s:i,s:i,s:f,s:f,s:{s:s,s:[i,i],s:f,s:f,s:f,s:f},s:[{s:["
        "i],s:f,s:s,s:f}],"
        "s:[{s:s,s:f}],s:{s:i,s:i},s:[s]},s:{s:s,s:s,s:s}}",
        "reproduced", 1, "outcome", "wrong", "case", "c", "comparison", "unit", "x:cpu", "file", "y.npy",
        "output", "y", "how", "differs", "dtype", "float32", "shape", 1, 4, "apart", 1, "of", 4, "tolerance",
        0.1, "max_error", 0.25, "worst", "output", "y", "index", 0, 3, "expected", 4.0, "got", 3.0,
        "absolute", 1.0, "relative", 0.25, "elements", "index", 3, "expected", 4.0, "got", "nan", "relative",
        0.25, "outputs", "name", "z", "error", 0.0, "not_finite", "nan", 1, "inf", 2, "first", "nan", "tool",
        "name", "t", "command", "c", "version", "1");
    cr_assert_not_null(finding);
    spoil(finding, finding, 2, make_all);
    json_decref(finding);
}

Test(report, homes_users_and_hosts_are_left_out)
{
    struct tl_redaction r = {.home = tl_strdup("/data/people/bob")};
    tl_redaction_add(&r, "bob", "USER");
    tl_redaction_add(&r, "megabox", "HOST");
    tl_redaction_add(&r, "root", "USER");
    tl_redaction_add(&r, "lab-07-x2", "HOST");
    tl_redaction_add(&r, "10-20", "HOST");
    tl_redaction_add_everywhere(&r, "0123456789abcdef", "DEVICE");
    tl_redaction_add_everywhere(&r, "Ada's phone", "DEVICE");
    tl_redaction_add_everywhere(&r, "iPhone", "DEVICE");
    static const char *const pairs[][2] = {
        {"/home/carol/x and /Users/dave/y", "~/x and ~/y"},
        {"/root/.cache", "~/.cache"},
        {"/rooted/x", "/rooted/x"},
        {"/data/people/bob/z, /data/people/bobby/z", "~/z, /data/people/bobby/z"},
        {"/srv/home/erin/x", "/srv/home/USER/x"},
        {"C:\\Users\\frank\\x", "C:\\Users\\USER\\x"},
        {"/private/var/folders/ab/cdefgh/T/x", "/private/var/folders/USER/T/x"},
        {"bob@megabox: bobsled", "USER@HOST: bobsled"},
        {"file:///home/carol", "file://~"},
        /* in other spellings */
        {"file:///home/j%20doe/m.onnx", "file://~/m.onnx"},
        {"/home/jane\\ doe/x and '/home/j\\303\\266rg/x'", "~/x and '~/x'"},
        {"a=%2Fhome%2Fcarol%2Fx&b=%252fhome%252fcarol", "a=~%2Fx&b=~"},
        {"{\"p\":\"\\/home\\/me2\\/x\"} \"\\\\/home\\\\/me2\\\\/x\"", "{\"p\":\"~\\/x\"} \"~\\\\/x\""},
        {"\\u002fhome\\u002fj\\u00f6rg\\u002fx", "~\\u002fx"},
        {"//home//carol//x, /home/./carol/x", "~//x, ~/x"},
        {"~carol/x ~/y '~bob' Session::~bob() 1.2~rc1/x", "~/x ~/y '~USER' Session::~bob() 1.2~rc1/x"},
        {"C:\\\\Users\\\\frank\\\\x C:/Users/frank/x c:\\users\\FRANK\\x",
         "C:\\\\Users\\\\USER\\\\x C:~/x c:\\users\\USER\\x"},
        {"C:\\Users\\Jane Doe\\x, /Users/Jane and /Users/Bob", "C:\\Users\\USER\\x, ~ and ~"},
        {"/USERS/Carol/x, /users/carol", "~/x, ~"},
        {"https://example.org/users/list and app/users/list",
         "https://example.org/users/list and app/users/list"},
        {"/PRIVATE/VAR/Folders/Ab/cdef/T and %2Fvar%2Ffolders%2Fab%2Fcdef%2FT",
         "/PRIVATE/VAR/Folders/USER/T and %2Fvar%2Ffolders%2FUSER%2FT"},
        {"/Data/People/Bob/x -I/data/people/bob/x /mnt/data/people/bob/x",
         "~/x -I~/x /mnt/data/people/USER/x"},
        {"cannot open /data/people/bob.", "cannot open ~."},
        {"line\\n/data/people/bob/x file%3A%2F%2F%2Fdata%2Fpeople%2Fbob", "line\\n~/x file%3A%2F%2F~"},
        {"/media/carol/stick, /run/media/carol/stick, a/media/logo.png",
         "/media/USER/stick, /run/media/USER/stick, a/media/logo.png"},
        {"/mnt/c/Users/carol/x", "/mnt/c/Users/USER/x"},
        /* what only looks like it */
        {"100% /home, 50%/x, \\home, /homes/x, /home/", "100% /home, 50%/x, \\home, /homes/x, /home/"},
        {"MEGABOX: bob::run(bob) in bob(int)", "HOST: bob::run(USER) in bob(int)"},
        {"root", "root"},
        {"--device=00008150-001A2B3C4D5E6F70 -- x", "--device=DEVICE -- x"},
        {"00008150-001A2B3C4D5E6F70,00008150-001A2B3C4D5E6F71", "DEVICE,DEVICE"},
        {"00008150-001A2B3C4D5E6F70A a00008150-001A2B3C4D5E6F70 0-1",
         "00008150-001A2B3C4D5E6F70A a00008150-001A2B3C4D5E6F70 0-1"},
        {"1A2B3C4D-1A2B-1A2B-1A2B-1A2B3C4D5E6F", "1A2B3C4D-1A2B-1A2B-1A2B-1A2B3C4D5E6F"},
        {"Ada's phone, 0123456789abcdef, an iPhone", "DEVICE, DEVICE, an iPhone"},
        {"on lab-07-x2, lab-#-x#: lab-<n>-x<n>; lab-8-x2", "on HOST, HOST: HOST; lab-8-x2"},
        {"#-# of <n>-<n>, 10-20", "#-# of <n>-<n>, HOST"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *text = tl_redact(&r, pairs[i][0]);
        cr_expect_str_eq(text, pairs[i][1], "%s became %s", pairs[i][0], text);
        free(text);
    }
    /* A user that a path names is left out wherever the name stands, but a value of an axis stays what it is.
     */
    json_t *argv = json_pack("{s:[s,s]}", "case", "--device", "00008150-001A2B3C4D5E6F70"),
           *hidden = tl_redact_json(&r, argv), *device = json_pack("{s:[s,s]}", "case", "--device", "DEVICE");
    cr_expect(json_equal(hidden, device), "a device is taken out of commands, too");
    json_decref(argv);
    json_decref(hidden);
    json_decref(device);
    json_t *document = json_pack("{s:s,s:s,s:{s:s,s:s},s:[{s:[{s:s}]}]}", "a", "/home/grace/x", "b",
                                 "grace was here", "minimal", "c", "grace", "d", "/home/grace/y",
                                 "local_needs", "any_of", "value", "grace"),
           *got = tl_redact_json(&r, document),
           *wanted =
               json_pack("{s:s,s:s,s:{s:s,s:s},s:[{s:[{s:s}]}]}", "a", "~/x", "b", "USER was here", "minimal",
                         "c", "grace", "d", "~/y", "local_needs", "any_of", "value", "grace");
    cr_expect(json_equal(got, wanted));
    json_decref(document);
    json_decref(got);
    json_decref(wanted);
    tl_redaction_free(&r);
}

/* Somebody who is called as things are is left out where it is a name, and the things stay. */
Test(report, names_that_are_words)
{
    struct tl_redaction r = {0};
    static const char *const users[] = {"core", "Max", "jo", "42", "onnx"}, *const hosts[] = {"gpu",
                                                                                              "node.example"};
    for (size_t i = 0; i < TL_COUNT(users); i++)
        tl_redaction_add(&r, users[i], "USER");
    for (size_t i = 0; i < TL_COUNT(hosts); i++)
        tl_redaction_add_host(&r, hosts[i]);
    static const char *const pairs[][2] = {
        {"onnxruntime/core/session.cc: core::Run, core 3", "onnxruntime/core/session.cc: core::Run, core 3"},
        {"core@gpu: core dumped", "USER@HOST: core dumped"},
        {"ai.onnx.ml Max(jo, 42) on the gpu", "ai.onnx.ml Max(jo, 42) on the gpu"},
        {"user=jo, login: core, USER='Max', hostname: gpu",
         "user=USER, login: USER, USER='USER', hostname: HOST"},
        {"/home/core/core.py ~core", "~/core.py ~USER"},
        {"onnx@1.22.0:cpu, sim@26A5353q:ane, f@@GLIBC_2.2",
         "onnx@1.22.0:cpu, sim@26A5353q:ane, f@@GLIBC_2.2"},
        {"node.example: node 7", "HOST: node 7"},
    };
    for (size_t i = 0; i < TL_COUNT(pairs); i++) {
        char *text = tl_redact(&r, pairs[i][0]);
        cr_expect_str_eq(text, pairs[i][1], "%s became %s", pairs[i][0], text);
        free(text);
    }
    tl_redaction_free(&r);
}

/* Who stands beside somebody known is known. */
Test(report, names_beside_names)
{
    struct tl_redaction r = {0};
    tl_redaction_add(&r, "carol", "USER");
    tl_redaction_add_host(&r, "megabox.lan");
    json_t *document = json_pack("{s:s,s:s,s:s,s:s,s:{s:s}}", "a", "carol@nimbus: dave@megabox erin@x7.org",
                                 "b", "nimbus and dave, erin", "c", "see ~frank/x", "d",
                                 "frank's, file:///home/gr%C3%A9ta/x", "e", "/home/heidi/x", "/home/heidi"),
           *got = tl_redact_json(&r, document);
    char *text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
    cr_assert_str_eq(text, "{\"a\":\"USER@HOST: USER@HOST erin@x7.org\",\"b\":\"HOST and USER, erin\","
                           "\"c\":\"see ~/x\",\"d\":\"USER's, file://~/x\",\"e\":{\"~/x\":\"~\"}}");
    free(text);
    json_decref(document);
    json_decref(got);
    tl_redaction_free(&r);
}

Test(report, paths_are_kept_when_asked_for)
{
    json_t *finding = fixture(), *report = report_of(finding, true);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    has(text, "/home/alice/.cache/trapline/builds");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report, a_narrowed_case_is_a_case)
{
    json_t *finding = fixture();
    json_t *document = json_load_file(TL_SOURCE_DIR "/cases/onnxruntime/decoder-gqa-begin.json", 0, NULL);
    /* The first two cannot come up any more. */
    json_object_set_new(document, "forbid",
                        json_pack("[{s:s,s:[i,i]},{s:i},{s:[s],s:i}]", "attention", "gqa", "context", 64, 128,
                                  "layers", 7, "attention", "sdpa", "begin_error", 1000000));
    json_t *minimal = tl_minimal_case(document, finding);
    char *text = json_dumps(minimal, 0);
    struct tl_case *c;
    struct tl_mistakes mistakes;
    struct tl_error e;
    int rc = tl_case_parse(text, strlen(text), "/tmp/case.json", &c, &mistakes, &e);
    cr_assert_eq(rc, 0, "%s: %s", mistakes.n ? mistakes.list[0].path : "",
                 mistakes.n ? mistakes.list[0].expected : e.why);
    json_t *failing = tl_variant_object(c, &c->failing);
    cr_expect(json_equal(failing, json_object_get(finding, "minimal")));
    size_t index;
    cr_expect_eq(tl_case_axis(c, "attention", &index)->count, 2);
    cr_expect_eq(tl_case_axis(c, "layers", &index)->count, 1);
    cr_expect_eq(c->n_forbid, 1);
    tl_mistakes_free(&mistakes);
    tl_case_free(c);
    json_decref(failing);
    json_decref(minimal);
    json_decref(document);
    json_decref(finding);
    free(text);
}

Test(report, reproducers_hold_their_settings)
{
    json_t *options = json_pack("{s:s,s:s,s:s,s:{s:s},s:i,s:i,s:i,s:i,s:i,s:b,s:b}", "device", "webgpu",
                                "provider", "WebGpuExecutionProvider", "append", "WebGPU", "provider_options",
                                "k\"ey", "v\nalue", "optimization", 99, "threads", 2, "loads", 3, "runs", 4,
                                "stack_kb", 512, "memory_pattern", 1, "arena", 0),
           *inputs = json_pack("[{s:s,s:s,s:[i,i],s:s}]", "name", "x\"; system(\"rm\"); \"", "dtype",
                               "float16", "shape", 2, 3, "npy", "inputs/0.npy");
    json_t *expected =
               json_pack("[{s:s,s:s,s:[i],s:s,s:b,s:b,s:f,s:f}]", "name", "y", "dtype", "int4", "shape", 3,
                         "npy", "expected/0.npy", "exact", 1, "whole", 0, "rtol", 0.25, "atol", 0.5),
           *environment = json_pack("{s:s}", "A\"B", "c\nd");
    json_array_append_new(inputs, json_pack("{s:s,s:[{s:s,s:[i],s:s},{s:s,s:[i]}]}", "name", "s", "sequence",
                                            "dtype", "string", "shape", 4, "npy", "inputs/1-0.npy", "dtype",
                                            "float8e5m2", "shape", 5));
    struct tl_repro r = {.title = "title */ \"\"\" end",
                         .summary = "one */ two",
                         .version = "1.22.0",
                         .reference = "onnxruntime:\"1\":cpu",
                         .environment = environment,
                         .memory_mb = 1024,
                         .stack_limit_kb = 8192,
                         .judge_finite = true,
                         .failing = {"",
                                     "a=\"b\" ?"
                                     "?/ */",
                                     options, inputs, expected},
                         .control = {"control/", "", NULL, NULL, NULL}};
    char *c = tl_repro_c(&r);
    has(c, "/* title  / ''' end\n *\n * one / two\n *\n * Needs a C compiler and the shared library of ONNX "
           "Runtime 1.22.0:");
    has(c, "static const struct tensor failing_input_0[] = {\n"
           "    {\"inputs/0.npy\", 10, 12, 2, {2, 3}}, /* float16 */\n};");
    has(c, "    {\"inputs/1-0.npy\", 8, 0, 1, {4}}, /* string */\n    {NULL, 19, 5, 1, {5}}, /* float8e5m2 "
           "*/\n");
    has(c, "{\"x\\\"; system(\\\"rm\\\"); \\\"\", 0, 1, failing_input_0},");
    has(c, "{\"s\", 1, 2, failing_input_1},");
    has(c, "{\"y\", {\"expected/0.npy\", 22, 3, 1, {3}}, 4, 0, 1, 0.25, 0.5}, /* int4 */");
    has(c, "failing_environment[] = {\"A\\\"B\", \"c\\012d\", NULL};");
    has(c, ".about = \"a=\\\"b\\\" \\077\\077/ */\",");
    has(c, ".optimization = 99, .threads = 2, .memory_pattern = 1, .arena = 0,");
    has(c, ".loads = 3, .runs = 4, .stack_kb = 512,");
    has(c, ".memory_mb = 1024, .stack_limit_kb = 8192,");
    has(c, "a limit of memory (RLIMIT_DATA, 1024 MiB), a limit of the stack (RLIMIT_STACK, 8192 KiB). The "
           "build has to have the execution provider WebGPU.");
    has(c, ".provider = \"WebGPU\", .n_provider_options = 1,");
    has(c, ".keys = {\"k\\\"ey\"}, .values = {\"v\\012alue\"},");
    has(c, "*reference = \"onnxruntime:\\\"1\\\":cpu\";");
    has(c, "static const struct settings control = {0};");
    has_not(c, "@");
    r.title = "title \"\"\"";
    r.summary = "";
    char *python = tl_repro_python(&r);
    has(python, "pip install onnxruntime==1.22.0\n");
    has(python, "\"arena\": False");
    has(python, "{\"name\": \"y\", \"dtype\": \"int4\", \"shape\": [3], \"npy\": \"expected/0.npy\", "
                "\"exact\": True,");
    has(python, "\"environment\": {\"A\\\"B\": \"c\\nd\"},");
    has(python, "CONTROL = None");
    has_not(python, "@");
    free(python);
    r.title = "t";
    r.summary = NULL;
    r.version = "1.22.0+1a; rm";
    python = tl_repro_python(&r);
    has(python, "pip install onnxruntime\n");
    free(python);
    free(c);
    json_decref(options);
    json_decref(inputs);
    json_decref(expected);
    json_decref(environment);
}

/* The reproducer calls the runtime by the same numbers as the runner, whose numbers are held to the official
 * header. */
Test(report, the_reproducer_knows_the_slots)
{
    static const struct {
        const char *name;
        int slot;
    } slots[] = {
#define ROW(name, slot, since, result, parameters) {#name, slot},
        TL_ORT_FUNCTIONS(ROW)
#undef ROW
            {"CreateEnv", 3},
    };
    const struct tl_repro none = {
        .title = "", .failing = {"", "", NULL, NULL, NULL}, .control = {"", "", NULL, NULL, NULL}};
    char *c = tl_repro_c(&none);
    size_t seen = 0;
    for (const char *at = c; (at = strstr(at, "#define ")); at++) {
        char name[80];
        int slot;
        if (sscanf(at, "#define %79[A-Za-z_0-9] ", name) != 1)
            continue;
        const char *call = strstr(at, "ORT("), *end = strstr(at + 1, "#define ");
        if (!call || !strcmp(name, "ORT") || (end && call > end) || sscanf(call, "ORT(%d,", &slot) != 1)
            continue;
        seen++;
        for (size_t i = 0; i <= sizeof slots / sizeof *slots; i++) {
            cr_assert_lt(i, sizeof slots / sizeof *slots, "%s is not known", name);
            if (!strcmp(slots[i].name, name)) {
                cr_expect_eq(slots[i].slot, slot, "%s", name);
                break;
            }
        }
    }
    cr_expect_eq(seen, 37, "%zu", seen);
    free(c);
}
