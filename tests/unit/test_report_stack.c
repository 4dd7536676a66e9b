/* The stack in a report: the frames of the runtime, recursion in a line, and what is cut. */
#include "reports/finding/finding.h"
#include "reports/page/page.h"
#include "tests/unit/report_fixture.h"

static char *markdown_of_stack(const char *signal, const char *const *frames, size_t n)
{
    json_t *finding = fixture(), *report = with_stack(finding, signal, frames, n);
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    json_decref(report);
    json_decref(finding);
    return text;
}

Test(report_stack, frames_of_the_runtime)
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

Test(report_stack, recursion_is_one_line)
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

Test(report_stack, a_recursion_without_names)
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

Test(report_stack, a_long_stack_is_cut)
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
