/* The page that a maintainer gets: how long its lines are, what stands in its table first, how a stack is shortened, and
 * that nothing that says nothing stands there. */
#include "reports/finding/figures.h"
#include "reports/finding/finding.h"
#include "reports/finding/page.h"
#include "reports/page/page.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *fixture(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL);
    cr_assert_not_null(f);
    return f;
}

static void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%s", part, text);
}

static size_t count_lines(const char *text, size_t *longest)
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
static json_t *with_stack(json_t *finding, const char *signal, const char *const *frames, size_t n)
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

static char *markdown_of_stack(const char *signal, const char *const *frames, size_t n)
{
    json_t *finding = fixture(), *report = with_stack(finding, signal, frames, n);
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    json_decref(report);
    json_decref(finding);
    return text;
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

Test(report_page, frames_of_the_runtime)
{
    static const char *const frames[] = {"libc.so.6 raise (raise.c:1)",
                                         "libc.so.6 abort (abort.c:2)",
                                         "libstdc++.so.6 std::terminate()",
                                         "librt.so rt::check(int, char const*) (check.cc:12)",
                                         "librt.so rt::run (run.cc:99)",
                                         "trapline-onnxruntime execute (main.c:178)",
                                         "libc.so.6 __libc_start_main_impl (libc-start.c:360)"};
    char *text = markdown_of_stack("SIGABRT", frames, TL_COUNT(frames));
    has(text, "Thread main took the signal; `librt.so` has build-id `00ff`:\n\n```text\n"
              "#3  rt::check(int, char const*) (check.cc:12)\n#4  rt::run (run.cc:99)\n```\n");
    has(text, "<details><summary>The frames below</summary>\n\n```\ncalled by execute ← "
              "__libc_start_main_impl\n```\n");
    free(text);
    /* What the C library crashes in belongs to it. */
    text = markdown_of_stack("SIGSEGV", frames, TL_COUNT(frames));
    has(text, "```text\n#0  raise (raise.c:1)\n");
    free(text);
    text = markdown_of_stack("SIGSEGV", frames, 2); /* nothing else is known */
    has(text, "```text\n#0  raise (raise.c:1)\n#1  abort (abort.c:2)\n```\n");
    free(text);
}

static char *recursion(size_t period, size_t turns, size_t rest, bool gap)
{
    char *frames[2000] = {0};
    size_t n = 0;
    frames[n++] = tl_strdup("librt.so leaf (a.c:1)");
    for (size_t i = 0; i < period * turns + rest; i++)
        frames[n++] =
            tl_format("librt.so f%zu(int) (a.c:%zu)", i % period, 10 + i % 7); /* from several places */
    if (gap) {
        frames[n++] = tl_strdup("… 5000 frames left out …");
        for (size_t i = 0; i < period * 2; i++)
            frames[n++] = tl_format("librt.so f%zu(int) (a.c:3)", (i + 1) % period);
    }
    frames[n++] = tl_strdup("librt.so top (a.c:2)");
    char *text = markdown_of_stack("SIGSEGV", (const char *const *)frames, n);
    for (size_t i = 0; i < n; i++)
        free(frames[i]);
    return text;
}

Test(report_page, recursion_is_one_line)
{
    char *text = recursion(2, 320, 0, false);
    has(text, "#0  leaf (a.c:1)\n#1  f0(int) (a.c:10)\n#2  f1(int) (a.c:11)\n    f0 ↔ f1, 320 times\n#641 "
              "top (a.c:2)\n");
    free(text);
    text = recursion(1, 50, 0, false);
    has(text, "#1  f0(int) (a.c:10)\n    f0, 50 times\n#51 top (a.c:2)\n");
    free(text);
    text = recursion(3, 100, 1, false);
    has(text, "    f0 ↔ f1 ↔ f2, 100 times\n#302 top (a.c:2)\n");
    free(text);
    text = recursion(7, 20, 0, true);
    has(text, "#0  leaf (a.c:1)\n    f0 ↔ f1 ↔ f2 ↔ f3 ↔ f4 ↔ f5 ↔ f6, about 736 times\n#156 top (a.c:2)\n");
    free(text);
    text = recursion(20, 5, 0, false);
    has(text, " ↔ … (20 functions), 5 times\n");
    free(text);
    text = recursion(2, 2, 0, false); /* twice is no recursion */
    has(text, "#4  f1(int) (a.c:13)\n#5  top");
    has_not(text, "times\n");
    free(text);
}

Test(report_page, a_recursion_without_names)
{
    static const char *const turn[] = {"librt.so librt.so+0x1010 (function at +0x1000)",
                                       "librt.so librt.so+0x2020 (function at +0x2000) [guessed]"};
    const char *frames[40];
    for (size_t i = 0; i < TL_COUNT(frames); i++)
        frames[i] = turn[i % 2];
    char *text = markdown_of_stack("SIGSEGV", frames, TL_COUNT(frames));
    has(text, "    librt.so!+0x1000 ↔ +0x2000, 20 times\n");
    free(text);
}

Test(report_page, a_long_stack_is_cut)
{
    char *frames[40], *name = tl_malloc(400);
    memset(name, 'n', 399);
    name[399] = '\0';
    for (size_t i = 0; i < TL_COUNT(frames); i++)
        frames[i] = tl_format("librt.so %s%zu (a.cc:%zu)", i == 3 ? name : "g", i, i);
    char *text = markdown_of_stack("SIGSEGV", (const char *const *)frames, TL_COUNT(frames));
    size_t longest;
    count_lines(text, &longest);
    cr_expect_leq(longest, 120);
    has(text, "…nnnnn");
    has(text, "n3 (a.cc:3)\n");
    has(text, "#14 g14 (a.cc:14)\n```\n\n<details><summary>The frames below</summary>\n\n```\ncalled by g15 "
              "← g16 ← ");
    for (size_t i = 0; i < TL_COUNT(frames); i++)
        free(frames[i]);
    free(name);
    free(text);
}

/* ---- lines of Markdown ---- */

static char *paragraph(const char *words, size_t width)
{
    json_t *page = json_array();
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, words);
    tl_page_paragraph(page, tl_buffer_take(&b));
    char *text = tl_page_markdown_within(page, width);
    json_decref(page);
    return text;
}

Test(report_page, a_line_begins_no_block)
{
    static const struct {
        const char *words, *text;
    } lines[] = {
        {"some words of a line - and a dash", "some words of a\nline - and a\ndash\n"},
        {"a number at the end of 1. a line", "a number at the\nend of 1. a line\n"},
        {"a number at the end 17 a line", "a number at the\nend 17 a line\n"},
        {"what is added up + more of + it", "what is added\nup + more of +\nit\n"},
        {"a heading of the # second level is none", "a heading of\nthe # second\nlevel is none\n"},
        {"One is here. Two goes on from it", "One is here.\nTwo goes on from\nit\n"},
        {"averyverylongwordthatdoesnotfit here", "averyverylongwordthatdoesnotfit\nhere\n"},
        {"    code it is not", "code it is not\n"},
        {"123456789) no list", "123456789\\) no\nlist\n"},
        {"www.example.org and a@b.org GH-12 :tada:",
         "www<!-- -->.example.org\nand\na@<!-- -->b.org\nGH-<!-- -->12 :<!-- -->tada:\n"},
    };
    for (size_t i = 0; i < TL_COUNT(lines); i++) {
        char *text = paragraph(lines[i].words, 16);
        cr_expect_str_eq(text, lines[i].text, "%s", text);
        free(text);
    }
}

Test(report_page, commands_go_on_in_the_next_line)
{
    json_t *page = json_array();
    tl_page_code(page, "sh",
                 tl_strdup("run --with 'a long word' --and another\n# a long comment stays as it is\n"));
    char *text = tl_page_markdown_within(page, 20);
    cr_expect_str_eq(
        text,
        "```sh\nrun --with \\\n  'a long word' \\\n  --and another\n# a long comment stays as it is\n```\n",
        "%s", text);
    free(text);
    json_decref(page);
}

/* What the shell makes of a command whose words are longer than a line is what it was. */
Test(report_page, long_words_of_a_command_go_on)
{
    static const char *const commands[] = {
        "printf %s "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "printf %s 'a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r "
        "s'",
        "printf %s 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa'\\''bbbbbbbbbbbbbbbbbbbbbbbbb'\\''cccccccccccccccc' d ee "
        "ffffffff",
        "printf %s 'éééééééééééééééééééééééééééééééééééééééééééééééééé ééééééééééé' é",
    };
    for (size_t i = 0; i < TL_COUNT(commands); i++) {
        json_t *page = json_array();
        tl_page_code(page, "sh", tl_format("%s\n", commands[i]));
        char *text = tl_page_markdown_within(page, 44), said[2][400] = {{0}};
        size_t longest, n = count_lines(text, &longest);
        cr_expect(n > 4 && longest <= 46, "%s", text);
        text[strlen(text) - 4] = '\0';
        const char *const scripts[] = {commands[i], text + sizeof "```sh"};
        for (size_t k = 0; k < 2; k++) {
            FILE *out = popen(scripts[k], "r");
            cr_assert_not_null(out);
            cr_expect_gt(fread(said[k], 1, sizeof said[k] - 1, out), 0);
            pclose(out);
        }
        cr_expect_str_eq(said[0], said[1], "%s", text);
        free(text);
        json_decref(page);
    }
}

Test(report_page, cells_are_cut)
{
    json_t *page = json_array();
    static const char *const head[] = {"a", "b"};
    json_t *rows = tl_page_table(page, 2, head);
    struct tl_buffer code = TL_BUFFER_INIT;
    tl_inline_code(&code, "a very long value of an axis | that nobody wants to read in full");
    char *cells[] = {tl_strdup("short"), tl_buffer_take(&code)};
    tl_page_row(rows, true, 2, cells);
    char *text = tl_page_markdown_within(page, 50);
    size_t longest;
    cr_expect_eq(count_lines(text, &longest), 3);
    cr_expect_leq(longest, 50, "%s", text);
    has(text, "| **short** | `a very long value");
    has(text, "…` |\n");
    free(text);
    text = tl_page_markdown(page);
    has(text, "axis \\| that nobody wants to read in full` |\n");
    free(text);
    json_decref(page);
}

/* What is in a fold is blocks like any other, and its head is a line, whatever it holds. */
Test(report_page, folds_hold_blocks)
{
    json_t *page = json_array();
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_inline_text(&b, "a <b>\n\n# @you #1");
    json_t *fold = tl_page_fold_open(page, tl_buffer_take(&b));
    tl_page_item(fold, tl_strdup("one"));
    tl_page_item(fold, tl_strdup("two"));
    tl_page_code(fold, "text", tl_strdup("three"));
    tl_page_fold_open(page, tl_strdup("empty"));
    tl_page_fold_close(page);
    char *text = tl_page_markdown(page);
    cr_expect_str_eq(text,
                     "<details><summary>a &lt;b&gt;  # @<!-- -->you #<!-- -->1</summary>\n\n- one\n- "
                     "two\n\n```text\nthree\n"
                     "```\n\n</details>\n",
                     "%s", text);
    free(text);
    text = tl_page_html(page, "t");
    has(text,
        "<details><summary>a &lt;b&gt;  # @you #1</summary>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<pre ");
    has_not(text, "empty");
    free(text);
    json_decref(page);
}

/* A heading is a title that is read as plain text, too: only what would format in it is escaped; on a terminal nothing is. */
Test(report_page, headings_are_legible)
{
    static const struct {
        const char *text, *markdown;
    } rows[] = {
        {"SIGABRT in std::vector::a_b: __n < this->size() [with T = int] a|b ~/x C:\\x 3 & 4", NULL},
        {"`x' of <n>, a * b", "`x' of \\<n>, a * b"},
        {"_x_ `y` *z* ~w~ [a](b) &amp; c #", "\\_x\\_ \\`y\\` \\*z\\* \\~w\\~ [a\\](b) &amp;amp; c \\#"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_t *page = json_array();
        tl_page_heading(page, 1, rows[i].text);
        tl_page_code(page, "", tl_strdup("# \\* stays"));
        char *text = tl_page_markdown(page), *plain = tl_markdown_for_terminal(text),
             *wanted = tl_format("# %s\n", rows[i].markdown ? rows[i].markdown : rows[i].text),
             *read = tl_format("# %s\n", rows[i].text);
        cr_expect(!strncmp(text, wanted, strlen(wanted)), "%s became %s", rows[i].text, text);
        cr_expect(!strncmp(plain, read, strlen(read)), "%s is read as %s", rows[i].text, plain);
        has(plain, "\n# \\* stays\n");
        free(wanted);
        free(read);
        free(text);
        free(plain);
        json_decref(page);
    }
}

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
