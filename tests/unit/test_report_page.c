/* The page that a maintainer gets: how long its lines are, what stands in its table first, and that nothing that says
 * nothing stands there. */
#include "reports/finding/figures.h"
#include "reports/finding/finding.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"
#include "tests/unit/report_fixture.h"

#include <time.h>

/* What a terminal would obey, and what turns the words behind it round, is spelled out. */
Test(report_page, what_would_be_obeyed_is_spelled_out)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, "a\033]0;t\ab \xe2\x80\xae"
                       "c\n\001d \xc3\xa9\xc2\x9b");
    cr_expect_str_eq(b.data, "a ]0;t b \\u202ec  d \xc3\xa9\\x9b");
    tl_buffer_free(&b);
    json_t *page = json_array();
    tl_page_code(page, "text", tl_strdup("a\033[31m\tb\nc\xe2\x81\xa6\x7f"));
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(page, 0), "text")),
                     "a\\x1b[31m\tb\nc\\u2066\\x7f");
    json_decref(page);
}

Test(report_page, lines_are_short_and_sections_are_there)
{
    json_t *finding = fixture();
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    char *page = tl_report_markdown(report, TL_EXTENT_PAGE),
         *brief = tl_report_markdown(report, TL_EXTENT_SHORT),
         *full = tl_report_markdown(report, TL_EXTENT_FULL);
    size_t longest, n = count_lines(page, &longest);
    cr_expect(n <= 110 && longest <= 120, "%zu lines of at most %zu bytes:\n%s", n, longest, page);
    n = count_lines(brief, &longest);
    cr_expect(n <= 60 && longest <= 120, "%zu lines of at most %zu bytes:\n%s", n, longest, brief);
    static const char *const order[] = {
        "\n## How to reproduce\n", "\n## Expected and got\n",
        "\n## Observed\n",         "\n- **Does not matter:** ",
        "\n## Environment\n",      "<details><summary>How this was found</summary>"};
    const char *at = page;
    for (size_t i = 0; i < TL_COUNT(order) && at; i++) {
        at = strstr(at, order[i]);
        cr_expect_not_null(at, "%s is not there, or not in its place:\n%s", order[i], page);
    }
    has(page, "trapline run decoder-gqa-begin.json -u onnxruntime@1.22.0:cpu -s attention=gqa -s "
              "begin_error=1000000\n");
    has(page, "| one change to the minimal variant | outcome | failed in this way |\n| --- | --- | --- |\n"
              "| **none** | **fails** | **6 of 6** |\n"
              "| **`attention=sdpa` instead of `gqa`** | **passes** | **0 of 2** |\n"
              "| **`begin_error=0` instead of `1000000`** | **passes** | **0 of 3** |\n");
    has(brief, "| **`begin_error=0` instead of `1000000`** | **passes** | **0 of 3** |\n\n- **The minimal "
               "variant:**");
    has(brief, "trapline run ");
    has_not(brief, "<details>");
    for (const char *const *text = (const char *const[]){page, brief, full, NULL}; *text; text++) {
        has_not(*text, "nknown");
        has_not(*text, "None");
        has_not(*text, "(null)");
    }
    has(full, "\n## Independent of\n");
    free(page);
    free(brief);
    free(full);
    json_decref(report);
    json_decref(finding);
}

/* What is printed can be pasted where the case file is, and shows the failure there. */
Test(report_page, the_command_that_shows_it)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "case_path", json_string("/srv/models/it's mine.json"));
    json_object_set_new(finding, "unit", json_string("/srv/models/./plain:cpu"));
    json_object_set_new(
        finding, "processes",
        json_pack("{s:[i,i],s:[i,i],s:s}", "forked", 0, 12, "fresh", 5, 5, "isolated", "fresh"));
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(text, "trapline run 'it'\\''s mine.json' -u ./plain:cpu --fresh -s attention=gqa");
    has(text, "On `./plain:cpu`, ");
    has_not(text, "case_dir");
    free(text);
    json_decref(report);
    /* It shows in both: then it need not be said. */
    json_object_set_new(
        finding, "processes",
        json_pack("{s:[i,i],s:[i,i],s:s}", "forked", 5, 5, "fresh", 0, 5, "isolated", "forked"));
    report = tl_report_new(&source);
    text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has_not(text, "--fresh");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* A program runs no model, as far as is known. */
Test(report_page, a_program_that_fails)
{
    json_t *finding = fixture();
    json_object_set_new(finding, "runner", json_string("command"));
    json_object_set_new(finding, "tool",
                        json_pack("{s:s,s:s}", "name", "coreai-build", "command", "compile"));
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(text,
        "`coreai-build compile` (case `decoder-gqa-begin`) dies with SIGSEGV in the phase\n`execute` when ");
    has(text, "**Expected:** it ends without a failure.");
    has_not(text, "the model of the case");
    free(text);
    json_decref(report);
    json_object_set_new(finding, "outcome", json_string("fallback"));
    json_object_set_new(finding, "phase", json_string("done"));
    json_object_set_new(finding, "signal", json_null());
    json_object_set_new(finding, "message", json_string("no region for the ANE"));
    report = tl_report_new(&source);
    text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(text, "ends well, but its output tells of\nanother way than the one asked for when ");
    has(text, "**Expected:** it runs in the way asked for");
    has_not(text, "in the phase `done`");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* The reproducer of a bundle comes first, with what was seen of it. */
Test(report_page, what_was_proved)
{
    json_t *finding = fixture();
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    json_object_set_new(report, "bundle",
                        json_pack("{s:[{s:s,s:s},{s:s,s:s}],s:[],s:[{s:s,s:s,s:i,s:i,s:s,s:s,s:n,s:s},{s:s,s:"
                                  "s,s:i,s:i,s:s,s:n,s:i,s:s}],"
                                  "s:{s:s,s:i,s:i,s:s}}",
                                  "files", "name", "repro.c", "about", "a", "name", "case.json", "about", "b",
                                  "left_out", "proved", "program", "repro.c", "side", "failing", "runs", 3,
                                  "as_reported", 3, "outcome", "crash", "signal", "SIGSEGV", "exit_status",
                                  "line", "execute: running it", "program", "repro.c", "side", "control",
                                  "runs", 3, "as_reported", 3, "outcome", "pass", "signal", "exit_status", 0,
                                  "line", "done", "moved", "axis", "begin_error", "from", 7, "to", 9, "why",
                                  "at 7 it passes here"));
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(text,
        "```sh\ncc repro.c -ldl -lpthread && ./a.out /path/to/libonnxruntime.so\n```\n\n"
        "`repro.c` died of SIGSEGV in 3 of 3 runs here; with `--control` it exited with 0 in 3 of 3.\n");
    has(text, "It has `begin_error=9` instead of `begin_error=7`: at 7 it passes here.");
    has(text, "\n- With trapline and the case file: `trapline run case.json -u ");
    has(text, "\n**Attached:** `repro.c`, `case.json`.\n");
    free(text);
    json_object_set_new(json_array_get(json_object_get(json_object_get(report, "bundle"), "proved"), 0),
                        "as_reported", json_integer(1));
    text = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(text, "`repro.c` did as reported in 1 of 3 runs here, and otherwise died of SIGSEGV;");
    free(text);
    json_decref(report);
    json_decref(finding);
}

/* ---- the short one ---- */

static json_t *text_of(size_t n, const char *unit)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n; i++)
        tl_buffer_add_string(&b, unit);
    char *text = tl_buffer_take(&b);
    json_t *value = json_string(text);
    free(text);
    return value;
}

static void add_trials(json_t *finding, const json_t *variant, const char *axis, json_t *value,
                       const char *outcome, int n)
{
    json_t *other = json_copy((json_t *)variant);
    json_object_set_new(other, axis, value);
    for (int i = 0; i < n; i++)
        json_array_append_new(
            json_object_get(finding, "path"),
            json_pack("{s:O,s:s,s:s}", "variant", other, "outcome", outcome, "purpose", "x"));
    json_decref(other);
}

/* A finding with so many axes that decide, so many that are needed, each with many values, and texts of this. */
static json_t *large(size_t axes, size_t needs, const char *word)
{
    json_t *f = fixture();
    json_object_set_new(f, "needs", json_array());
    for (size_t i = 0; i < axes + needs; i++) {
        char *name = tl_format("%saxis%zu", i % 3 ? "" : word, i);
        json_array_append_new(json_object_get(f, "axes"), json_pack("{s:s,s:s,s:[i,i]}", "name", name, "kind",
                                                                    "ordered", "range", 0, 4096));
        json_object_set_new(json_object_get(f, "minimal"), name, json_integer(9));
        json_object_set_new(json_object_get(f, "failing"), name, json_integer(9));
        json_object_set_new(json_object_get(f, "baseline"), name, json_integer(i < axes ? 0 : 9));
        free(name);
    }
    json_t *minimal = json_object_get(f, "minimal"), *step;
    size_t k;
    json_array_foreach(json_object_get(f, "path"), k, step) {
        json_t *variant = json_object_get(step, "variant"), *value;
        const char *name;
        json_object_foreach(minimal, name, value)
            if (!json_object_get(variant, name))
                json_object_set(variant, name, value);
    }
    for (size_t i = 0; i < axes + needs; i++) {
        char *name = tl_format("%saxis%zu", i % 3 ? "" : word, i);
        json_t *entry =
            json_pack("{s:s,s:i,s:[i],s:[i]}", "axis", name, "value", 9, "fails_with", 9, "passes_with", 0);
        if (i < axes)
            json_array_append_new(json_object_get(f, "trigger"), entry);
        else
            json_array_append_new(json_object_get(f, "needs"), json_pack("{s:[o]}", "any_of", entry));
        for (int value = 10; value < 30; value += 4)
            add_trials(f, minimal, name, json_integer(i < axes ? 0 : value), "pass", 1);
        free(name);
    }
    return f;
}

static void set_about(json_t *f, const char *word)
{
    json_t *list = json_array();
    for (int i = 0; i < 40; i++)
        json_array_append_new(list, text_of(30, word));
    json_object_set_new(f, "about", json_pack("{s:o}", "expected_text", list));
    json_object_set_new(f, "source", text_of(500, word));
    json_object_set_new(f, "title", text_of(200, word));
    json_object_set_new(f, "message", text_of(400, word));
}

static void set_builds(json_t *f, size_t n)
{
    json_t *list = json_array(), *tried = json_array();
    for (size_t i = 0; i < n; i++) {
        char *build = tl_format("1.%zu.0", i), *words = tl_format("it is %zu", i);
        json_array_append_new(list, json_string(build));
        json_array_append_new(tried, json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i}", "build", build, "outcome",
                                               i % 2 ? "error" : "crash", "phase", i % 3 ? "load" : "execute",
                                               "failure_words", words, "failure_kind", words, "failed", 1,
                                               "runs", 1));
        free(build);
        free(words);
    }
    json_object_set_new(f, "builds",
                        json_pack("{s:o,s:o,s:[{s:s,s:s}]}", "list", list, "tried", tried, "ranges",
                                  "first_bad", "1.0.0", "last_bad", "1.4.0"));
    json_object_set_new(f, "newest",
                        json_pack("{s:s,s:s}", "build", "1.9.0", "not_tried", "there is no time"));
}

static void short_holds(json_t *finding, const char *what, const char *pair)
{
    static const char *const frames[] = {"librt.so rt::check(int, char const*) (check.cc:12)",
                                         "librt.so rt::run (run.cc:99)",
                                         "librt.so rt::a (a.cc:1)",
                                         "librt.so rt::b (a.cc:2)",
                                         "librt.so rt::c (a.cc:3)",
                                         "librt.so rt::d (a.cc:4)",
                                         "librt.so rt::e (a.cc:5)"};
    json_t *report = with_stack(finding, "SIGSEGV", frames, TL_COUNT(frames));
    char *text = tl_report_markdown(report, TL_EXTENT_SHORT);
    size_t longest, n = count_lines(text, &longest);
    cr_expect(n <= 60 && longest <= 120, "%s: %zu lines of at most %zu bytes:\n%s", what, n, longest, text);
    cr_expect(!strncmp(text, "# ", 2), "%s has no title", what);
    has(text, "On `onnxruntime@1.22.0:cpu`,");
    has(text, "\n## How to reproduce\n");
    has(text, "trapline run ");
    has(text, "\n## Observed\n");
    has(text, pair);
    if (json_object_get(finding, "builds"))
        has(text, "\n## Since when\n- `1.");
    free(text);
    json_decref(report);
    json_decref(finding);
}

Test(report_page, the_short_one_is_short_whatever_was_found)
{
    static const char *const words[] = {"word ",    "long/path/without/a/blank/",
                                        "@",        "a@b #1 :tada: www.example.org ",
                                        "`|*_[]<>", "é…",
                                        "line\n",   "- "};
    for (size_t i = 0; i < TL_COUNT(words); i++) {
        json_t *f = fixture();
        set_about(f, words[i]);
        set_builds(f, 40);
        short_holds(f, words[i], "instead of ");
        f = large(14, 9, i % 2 ? "with_a_long_name_of_its_own_" : "");
        set_about(f, words[i]);
        set_builds(f, 20);
        short_holds(f, words[i], "| **none** |");
    }
    json_t *f = large(0, 12, "");
    short_holds(f, "needs", "` in {10, 14, 18, 22, 26} instead of `9`** | **passes** |");
}

/* Values that came to the same are a row. */
Test(report_page, a_need_is_a_row)
{
    json_t *f = large(0, 2, ""), *report = with_stack(f, "SIGSEGV", NULL, 0);
    char *page = tl_report_markdown(report, TL_EXTENT_PAGE);
    has(page, "| **`axis0` in {10, 14, 18, 22, 26} instead of `9`** | **passes** | **0 of 5** |\n"
              "| **`axis1` in {");
    free(page);
    page = tl_report_markdown(report, TL_EXTENT_FULL);
    has(page, "| **`axis0=10` instead of `9`** |");
    free(page);
    json_decref(report);
    json_decref(f);
}

static size_t times_in(const char *text, const char *name)
{
    char *code = tl_format("`%s`", name);
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, code)); at++)
        n++;
    free(code);
    return n;
}

/* An axis of which no list of the finding tells is named with what was tried. */
Test(report_page, every_axis_is_named)
{
    json_t *f = fixture();
    json_t *minimal = json_object_get(f, "minimal"), *axes = json_object_get(f, "axes"), *step;
    static const char *const names[] = {"use", "untried"};
    size_t i;
    for (size_t k = 0; k < TL_COUNT(names); k++) {
        json_array_append_new(axes, json_pack("{s:s,s:s,s:[s,s,s]}", "name", names[k], "kind", "choices",
                                              "values", "add", "matmul", "sub"));
        json_object_set_new(minimal, names[k], json_string("add"));
        json_array_foreach(json_object_get(f, "path"), i, step)
            json_object_set_new(json_object_get(step, "variant"), names[k], json_string("add"));
    }
    add_trials(f, minimal, "use", json_string("matmul"), "match", 1);
    json_t *report = with_stack(f, "SIGSEGV", NULL, 0);
    char *page = tl_report_markdown(report, TL_EXTENT_PAGE),
         *brief = tl_report_markdown(report, TL_EXTENT_SHORT);
    for (const char *const *text = (const char *const[]){page, brief, NULL}; *text; text++) {
        has(*text, "`use` (fails with `matmul`)");
        has(*text, "of `untried`.");
        cr_expect_eq(times_in(*text, "use"), 1, "%s", *text);
        cr_expect_eq(times_in(*text, "untried"), 1, "%s", *text);
    }
    free(page);
    free(brief);
    json_decref(report);
    json_decref(f);
}

/* What stderr says that the message says already is not said again. */
Test(report_page, stderr_that_repeats)
{
    static const struct {
        const char *err;
        bool shown;
    } ends[] = {
        {"an assertion of the runtime failed\n", false},
        {"12:30 [E] an assertion of the runtime failed\n\n", false},
        {"loading the model\nan assertion of the runtime failed\n", true},
    };
    for (size_t i = 0; i < TL_COUNT(ends); i++) {
        json_t *f = fixture();
        json_object_set_new(f, "message", json_string("an assertion of the runtime failed"));
        json_t *report = with_stack(f, "SIGSEGV", NULL, 0);
        json_object_set_new(json_object_get(report, "failing_trial"), "stderr", json_string(ends[i].err));
        char *page = tl_report_markdown(report, TL_EXTENT_PAGE);
        (ends[i].shown ? has : has_not)(page, "The end of stderr");
        free(page);
        json_decref(report);
        json_decref(f);
    }
}

/* ---- stacks ---- */

/* What is counted for all who ask is what each of them would count. */
Test(report_page, runs_are_counted_once)
{
    json_t *f = fixture();
    struct tl_finding_runs before = tl_finding_runs(f);
    tl_finding_keep_runs(f);
    struct tl_finding_runs kept = tl_finding_runs(f);
    cr_expect(before.runs && before.failed == kept.failed && before.runs == kept.runs &&
              before.failed_fresh == kept.failed_fresh && before.runs_fresh == kept.runs_fresh);
    json_object_set_new(f, "path", json_array());
    cr_expect_eq(tl_finding_runs(f).runs, before.runs, "they are not counted again");
    json_decref(f);
}

/* 2,000 trials over 30 axes, each of them beside the minimal variant: what each row asks is not counted anew. */
Test(report_page, a_long_search_is_written_at_once, .timeout = 20)
{
    json_t *f = fixture(), *path = json_array(), *axes = json_array(), *minimal = json_object();
    for (int a = 0; a < 30; a++) {
        char name[16];
        snprintf(name, sizeof name, "axis%d", a);
        json_object_set_new(minimal, name, json_integer(0));
        json_array_append_new(axes,
                              json_pack("{s:s,s:s,s:[i,i]}", "name", name, "kind", "range", "range", 0, 99));
    }
    for (int i = 0; i < 2000; i++) {
        json_t *variant = json_copy(minimal);
        char name[16];
        snprintf(name, sizeof name, "axis%d", i % 30);
        json_object_set_new(variant, name, json_integer(i / 30));
        json_array_append_new(path, json_pack("{s:o,s:s,s:b}", "variant", variant, "outcome",
                                              i < 30 ? "match" : "pass", "fresh", 1));
    }
    json_object_set_new(f, "minimal", minimal);
    json_object_set_new(f, "axes", axes);
    json_object_set_new(f, "path", path);
    struct tl_report_source source = {.finding = f};
    clock_t before = clock();
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_SHORT);
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    cr_expect_lt(seconds, 3, "%f s", seconds);
    free(text);
    json_decref(report);
    json_decref(f);
}
