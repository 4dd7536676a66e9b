/* What builds do, in words: which do the same, how they differ from the failure that is reported, and the newest one. */
#include "reports/finding/builds.h"

#include "reports/finding/finding.h"
#include "reports/finding/words.h"
#include "reports/page/page.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A build that was tried. kind NULL: it passes; message NULL: none is known. */
static json_t *tried(const char *build, const char *outcome, const char *kind, const char *words)
{
    const char *comma = kind ? strchr(kind, ',') : NULL;
    return json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:s?,s:s?,s:s,s:i,s:i}", "build", build, "outcome", outcome,
                     "phase", kind && strstr(kind, "load") ? "load" : "execute", "signal",
                     comma ? comma + 2 : NULL, "message", words, "failure_kind", kind, "failure_words", words,
                     "title", "f ← g", "failed", kind != NULL, "runs", 1);
}

#define ABORT "crash in execute, SIGABRT"

static json_t *finding(json_t *builds)
{
    json_t *list = json_array(), *j;
    size_t i;
    json_array_foreach(builds, i, j)
        json_array_append(list, json_object_get(j, "build"));
    return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:[i,i],s:{s:i},s:{s:i},s:{s:o,s:o}}", "kind",
                     "isolation", "unit", "x@4.0:cpu", "reproduced", 1, "outcome", "crash", "phase",
                     "execute", "signal", "SIGABRT", "failure_kind", ABORT, "failure_words", "a message",
                     "rate", 5, 5, "minimal", "a", 1, "failing", "a", 1, "builds", "list", list, "tried",
                     builds);
}

static void expect_lines(json_t *f, size_t n, const char *const *lines)
{
    json_t *found = tl_words_builds(f, false), *line;
    size_t i;
    cr_expect_eq(json_array_size(found), n, "%zu lines", json_array_size(found));
    json_array_foreach(found, i, line) {
        char *text = tl_inline_plain(tl_strdup(json_string_value(line)));
        cr_expect(i < n && !strcmp(text, lines[i]), "%s", text);
        free(text);
    }
    json_decref(found);
    json_decref(f);
}

Test(finding_builds, builds_that_do_the_same_are_one_line)
{
    json_t *list = json_array();
    static const char *const names[] = {"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "2.0", "2.1", "3.0", "4.0"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        json_array_append_new(list, i == 3 || i > 6 ? tried(names[i], "crash", ABORT, "a message")
                                                    : tried(names[i], "crash", ABORT, NULL));
    json_array_append_new(list, tried("5.0", "crash", ABORT, "another message"));
    json_array_append_new(list, tried("6.0", "error", "error in load: no", "no such operator"));
    json_array_append_new(list, tried("7.0", "pass", NULL, NULL));
    static const char *const lines[] = {
        "1.3, 2.1 to 4.0 (3 tried): fails as reported",
        "2.0 and older, except 1.3 (6 tried): SIGABRT as well, without the message",
        "5.0: SIGABRT as well, other wording: another message", "6.0: refuses the model: no such operator",
        "7.0: passes"};
    expect_lines(finding(list), TL_COUNT(lines), lines);
}

Test(finding_builds, what_fails_in_every_build)
{
    json_t *list = json_array();
    json_array_append_new(list, tried("4.0", "crash", ABORT, "a message"));
    json_array_append_new(list, tried("5.0", "crash", ABORT, "a message"));
    expect_lines(finding(list), 1, (const char *const[]){"4.0, 5.0: fails as reported"});
}

/* Two builds among many are exceptions; as many as the others they are not. */
Test(finding_builds, gaps_are_no_exceptions)
{
    json_t *list = json_array();
    static const char *const names[] = {"1", "2", "3", "4", "5"};
    for (size_t i = 0; i < TL_COUNT(names); i++)
        json_array_append_new(list, i % 2 ? tried(names[i], "pass", NULL, NULL)
                                          : tried(names[i], "crash", ABORT, "a message"));
    static const char *const lines[] = {"1, 3, 5: fails as reported", "2, 4: passes"};
    expect_lines(finding(list), TL_COUNT(lines), lines);
}

/* The variant that was run over builds may show other words than the minimal one. */
Test(finding_builds, words_are_those_of_the_reported_build)
{
    json_t *list = json_array();
    json_array_append_new(list, tried("3.0", "crash", ABORT, "a message"));
    json_array_append_new(list, tried("4.0", "crash", ABORT, "of the failing variant"));
    static const char *const lines[] = {"4.0: fails as reported",
                                        "3.0: SIGABRT as well, other wording: a message"};
    expect_lines(finding(list), TL_COUNT(lines), lines);
}

/* The finding whose search was over more builds than it tried; names: those that there are, in order. */
static json_t *finding_among(const char *names, json_t *builds)
{
    json_t *f = finding(builds), *list = json_array();
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, " ");
        json_array_append_new(list, json_stringn(at, n));
        at += n + strspn(at + n, " ");
    }
    json_object_set_new(json_object_get(f, "builds"), "list", list);
    return f;
}

/* p: passes; f: fails as reported; o: with other words; r: refuses the model; u: cannot be tried; e: another error. */
static json_t *tried_so(const char *names, const char *how)
{
    json_t *list = json_array();
    for (const char *at = names; *at; how++) {
        size_t n = strcspn(at, " ");
        char *name = strndup(at, n);
        json_array_append_new(list, *how == 'p'   ? tried(name, "pass", NULL, NULL)
                                    : *how == 'f' ? tried(name, "crash", ABORT, "a message")
                                    : *how == 'o' ? tried(name, "crash", ABORT, "another")
                                    : *how == 'r' ? tried(name, "error", "error in load: no", "no operator")
                                    : *how == 'u' ? tried(name, "unsupported", NULL, "no such device")
                                                  : tried(name, "error", "error in execute: x", "x"));
        free(name);
        at += n + strspn(at + n, " ");
    }
    return list;
}

/* Of builds that no trial was made of nothing is said, wherever they lie. */
Test(finding_builds, spans_cover_what_was_tried)
{
    expect_lines(finding_among("1 2 3 4", tried_so("1 2 4", "pff")), 2,
                 (const char *const[]){"2, 4: fails as reported", "1: passes"});
    expect_lines(finding_among("1 2 3 4", tried_so("1 2 3 4", "pfff")), 2,
                 (const char *const[]){"2 and newer (3 tried): fails as reported", "1: passes"});
    expect_lines(finding_among("1 2 3 4 5 6 7", tried_so("1 3 5 7", "pfff")), 2,
                 (const char *const[]){"3 to 7 (2 between them not tried): fails as reported", "1: passes"});
    expect_lines(finding_among("1 2 3 4 5 6 7", tried_so("1 2 4 7", "fffp")), 2,
                 (const char *const[]){"1 to 4 (1 between them not tried): fails as reported", "7: passes"});
    expect_lines(finding_among("1 2 3 4 5 6 7 8", tried_so("1 3 4 5 8", "pofoo")), 3,
                 (const char *const[]){"4: fails as reported", "1: passes",
                                       "3 to 8, except 4 (2 between them not tried): SIGABRT as well, other "
                                       "wording: another"});
    /* Older and newer than those that were tried: they are not between. */
    expect_lines(finding_among("1 2 3 4 5 6", tried_so("2 3 4 5", "fffp")), 2,
                 (const char *const[]){"2 to 4 (3 tried): fails as reported", "5: passes"});
}

/* A search that ended early knows a narrower range than what was tried, or one whose end was not. */
Test(finding_builds, ranges_end_at_what_was_tried)
{
    static const struct {
        const char *tried, *how, *first, *last, *from, *to;
    } rows[] = {
        {"1 2 3 4", "pfff", "2", "4", "2", "4"},
        {"1 2 3 4", "pfff", "3", "4", "2", "4"}, /* older ones that fail as well */
        {"1 2 3 4", "pfff", "2", "3", "2", "4"},
        {"1 3 5", "pff", "2", "6", "3", "5"}, /* ends of which no trial was made */
        {"1 2 3 4", "rfff", "3", "3", "2", "4"},
        {"1 2 3 4", "ffpf", "4", "4", "4", "4"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_t *f = finding_among("1 2 3 4 5 6", tried_so(rows[i].tried, rows[i].how)),
               *range = json_pack("{s:s,s:s}", "first_bad", rows[i].first, "last_bad", rows[i].last);
        cr_expect_str_eq(tl_range_end(f, range, false), rows[i].from, "row %zu", i);
        cr_expect_str_eq(tl_range_end(f, range, true), rows[i].to, "row %zu", i);
        json_decref(range);
        json_decref(f);
    }
}

static char *section_of(const json_t *f)
{
    struct tl_report_source source = {.finding = f};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_PAGE);
    json_decref(report);
    return text;
}

/* A build of which the first line says something is not said not to be tried. */
Test(finding_builds, newest_is_among_the_builds)
{
    json_t *f = finding_among("1 2 3 4", tried_so("1 3", "pf")), *newest = tried("4", "pass", NULL, NULL);
    json_object_set_new(newest, "variant", json_string("minimal"));
    json_object_set_new(f, "newest", newest);
    char *text = section_of(f);
    cr_expect(strstr(text, "- `4`: passes (one trial of the minimal variant)") &&
                  strstr(text, "Not tried: `2`."),
              "%s", text);
    free(text);
    json_object_set_new(newest, "variant", json_string("failing"));
    json_object_set_new(newest, "outcome", json_string("unsupported"));
    json_object_set_new(newest, "message", json_string("no such device"));
    text = section_of(f);
    cr_expect(strstr(text, "- `4`: cannot be tried: `no such device` (one trial of the failing variant)") &&
                  strstr(text, "Not tried: `2`."),
              "%s", text);
    free(text);
    json_object_set_new(f, "newest", json_pack("{s:s,s:b}", "build", "4", "own", 1));
    text = section_of(f);
    cr_expect(strstr(text, "- `4`: fails as reported (the minimal variant)") &&
                  strstr(text, "Not tried: `2`."),
              "%s", text);
    free(text);
    json_object_set_new(f, "newest", json_pack("{s:s,s:s}", "build", "4", "not_tried", "it was stopped"));
    text = section_of(f);
    cr_expect(!strstr(text, "- `4`") && strstr(text, "Not tried: `2`, `4`."), "%s", text);
    free(text);
    json_object_set_new(f, "newest", json_pack("{s:s,s:s}", "build", "3", "outcome", "crash"));
    text = section_of(f);
    cr_expect(!strstr(text, "one trial") && strstr(text, "Not tried: `2`, `4`."), "%s", text);
    free(text);
    json_decref(f);
}

/* NULL: there is no such build. */
static void expect_since(json_t *builds, const char *good, const char *first, const char *last,
                         const char *fixed, const char *said)
{
    json_t *f = finding(builds);
    struct tl_buffer b = TL_BUFFER_INIT;
    json_object_set_new(json_object_get(f, "builds"), "ranges",
                        json_pack("[{s:s?,s:s,s:s,s:s?}]", "good_before", good, "first_bad", first,
                                  "last_bad", last, "fixed", fixed));
    tl_words_since(&b, f);
    char *text = tl_inline_plain(tl_buffer_take(&b));
    cr_expect_str_eq(text, said);
    free(text);
    json_decref(f);
}

/* Only a build that takes the model shows that a failure began after it. */
Test(finding_builds, since_which_build)
{
    expect_since(tried_so("1 2 3 4", "pffp"), "1", "2", "3", "4",
                 " Of the builds tried, it fails so from 2 to 3, not in 1 before and 4 after.");
    expect_since(tried_so("1 2 3", "eff"), "1", "2", "3", NULL,
                 " Of the builds tried, it fails so from 2 to 3, not in 1 before.");
    expect_since(
        tried_so("1 2 3", "rff"), "1", "2", "3", NULL,
        " Of the builds tried, it fails so from 2 to 3; whether it did before 2 cannot be told, because 1 "
        "refuses the model.");
    expect_since(
        tried_so("1 2 3", "uff"), NULL, "2", "3", NULL,
        " Of the builds tried, it fails so from 2 to 3; whether it did before 2 cannot be told, because 1 "
        "cannot be tried.");
    expect_since(tried_so("1 2 3 4", "prff"), "2", "3", "4", NULL,
                 " Of the builds tried, it fails so from 3 to 4, not in 1 before (2 between them refuses the "
                 "model).");
    expect_since(tried_so("1 2 3", "rfr"), "1", "2", "2", "3",
                 " Of the builds tried, it fails so only in 2, not in 3 after, which refuses the model; "
                 "whether it did "
                 "before 2 cannot be told, because 1 refuses the model.");
    expect_since(tried_so("1 2", "fp"), NULL, "1", "1", "2",
                 " Of the builds tried, it fails so only in 1, not in 2 after.");
    expect_since(json_array(), "1", "2", "3", NULL,
                 " Of the builds tried, it fails so from 2 to 3, not in 1 before.");
}

Test(finding_builds, since_of_two_ranges)
{
    json_t *f = finding(tried_so("1 2 3 4 5", "fpfrf"));
    struct tl_buffer b = TL_BUFFER_INIT;
    json_object_set_new(json_object_get(f, "builds"), "ranges",
                        json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s}]", "first_bad", "1", "last_bad", "1", "fixed",
                                  "2", "good_before", "4", "first_bad", "5", "last_bad", "5"));
    tl_words_since(&b, f);
    char *text = tl_inline_plain(tl_buffer_take(&b));
    cr_expect_str_eq(
        text, " Of the builds tried, it fails so in 1, not in 2 after; and in 5; whether it did before 5 "
              "cannot be told, because 4 refuses the model.");
    free(text);
    json_decref(f);
}

static char *line_of(json_t *seen, size_t at)
{
    static const char own[] =
        "vector.h: reference std::vector<T>::operator[](size_type) const: Assertion 'n < size()' "
        "failed.";
    json_t *list = json_array();
    json_array_append_new(list, tried("4.0", "crash", ABORT, own));
    json_array_append_new(list, seen);
    json_t *f = finding(list), *found = tl_words_builds(f, false);
    const char *line = json_string_value(json_array_get(found, at));
    char *text = tl_inline_plain(tl_strdup(line ? line : ""));
    json_decref(found);
    json_decref(f);
    return text;
}

static void expect_line(json_t *seen, const char *said)
{
    char *text = line_of(seen, 1);
    cr_expect_str_eq(text, said);
    free(text);
}

/* Of other words those that differ, of a long message its beginning and its end. */
Test(finding_builds, what_differs_in_a_long_message)
{
    char words[400];
    memset(words, 'x', sizeof words);
    memcpy(words + sizeof words - 20, "the size must fit.", sizeof "the size must fit.");
    expect_line(tried("5.0", "crash", ABORT,
                      "vector.h: reference std::vector<T>::operator[](size_type) const: Assertion "
                      "'likely(n < size())' failed."),
                "5.0: SIGABRT as well, other wording: … 'likely(n < size())' failed.");
    expect_line(tried("5.0", "crash", ABORT,
                      "vector.h: constexpr reference std::vector<T>::operator[](size_type) const: "
                      "Assertion 'n < size()' failed."),
                "5.0: SIGABRT as well, other wording: … constexpr reference "
                "std::vector<T>::operator[](size_type) co …");
    expect_line(tried("5.0", "crash", ABORT, "vector.h"), "5.0: SIGABRT as well, other wording: vector.h");
    char *text = line_of(tried("5.0", "error", "error in load: x", words), 1);
    cr_expect(strstr(text, "5.0: refuses the model: xxx") == text && strstr(text, "x … x") &&
                  strstr(text, "the size must fit.") && strlen(text) < 140,
              "%s", text);
    free(text);
}

Test(finding_builds, other_failures)
{
    json_t *list = json_array();
    json_array_append_new(list, tried("1", "crash", "crash in load, SIGSEGV", NULL));
    json_array_append_new(list, tried("2", "wrong", "wrong in execute: zero", "all zero"));
    json_array_append_new(list, tried("3", "error", "error in execute: x", "x"));
    json_array_append_new(list, tried("4", "hang", "hang in execute", NULL));
    json_array_append_new(list, tried("5", "unsupported", NULL, "no such device"));
    static const char *const lines[] = {
        "1: SIGSEGV in load: f ← g", "2: gives wrong outputs: all zero", "3: ends with an error: x",
        "4: does not come to an end within its time limit", "5: cannot be tried: no such device"};
    expect_lines(finding(list), TL_COUNT(lines), lines);
}

static void expect_newest(json_t *newest, const char *said)
{
    json_t *f = finding(json_array());
    struct tl_buffer b = TL_BUFFER_INIT;
    json_object_set_new(f, "newest", newest);
    tl_words_newest(&b, f);
    char *text = tl_inline_plain(tl_buffer_take(&b));
    cr_expect_str_eq(text, said);
    free(text);
    json_decref(f);
}

Test(finding_builds, newest)
{
    expect_newest(json_pack("{s:s,s:b}", "build", "9", "own", 1),
                  "Fails on 9, the newest build that is installed here.");
    expect_newest(tried("9", "pass", NULL, NULL),
                  "Does not fail on 9, the newest build that is installed here (one run).");
    expect_newest(tried("9", "crash", ABORT, "a message"),
                  "Still fails on 9, the newest build that is installed here.");
    expect_newest(
        tried("9", "crash", ABORT, NULL),
        "Still fails on 9, the newest build that is installed here: SIGABRT as well, without the message.");
    expect_newest(tried("9", "unsupported", NULL, "no such device"),
                  "Whether it still fails on 9, the newest build that is installed here is not known: it "
                  "cannot be tried "
                  "there: no such device.");
    expect_newest(json_pack("{s:n,s:s}", "build", "not_tried", "none is here"),
                  "Whether it still fails on a newer build was not tried: none is here.");
}

/* Of a tool that has no builds nothing is said of them. */
Test(finding_builds, newest_of_what_has_no_builds)
{
    static const char *const units[] = {"command:host", "coreml:ane", "./runner:gpu%a"};
    for (size_t i = 0; i < TL_COUNT(units); i++) {
        json_t *f = finding(json_array());
        struct tl_buffer b = TL_BUFFER_INIT;
        json_object_set_new(f, "unit", json_string(units[i]));
        json_object_set_new(f, "newest", json_pack("{s:n,s:s}", "build", "not_tried", "none is installed"));
        tl_words_newest(&b, f);
        cr_expect_eq(b.size, 0, "%s: %s", units[i], b.data);
        tl_buffer_free(&b);
        json_decref(f);
    }
}

/* A pass of what fails now and then may be luck. */
Test(finding_builds, newest_of_a_flaky_failure)
{
    json_t *f = finding(json_array());
    struct tl_buffer b = TL_BUFFER_INIT;
    json_object_set_new(f, "rate", json_pack("[i,i]", 3, 10));
    json_object_set_new(f, "flaky", json_true());
    json_object_set_new(f, "newest", tried("9", "pass", NULL, NULL));
    tl_words_newest(&b, f);
    cr_expect_not_null(strstr(b.data, "may be luck"), "%s", b.data);
    tl_buffer_free(&b);
    json_decref(f);
}

static void expect_processes(int forked, int of_forked, int fresh, int of_fresh, const char *said)
{
    json_t *f = json_pack("{s:{s:[i,i],s:[i,i]}}", "processes", "forked", forked, of_forked, "fresh", fresh,
                          of_fresh);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_processes(&b, f);
    cr_expect_str_eq(b.data, said);
    tl_buffer_free(&b);
    json_decref(f);
}

Test(finding_builds, kinds_of_process)
{
    expect_processes(
        0, 12, 5, 5,
        "It fails in every fresh process (5 of 5), never in a forked child (0 of 12). All of this is about "
        "fresh processes");
    expect_processes(
        4, 4, 0, 5,
        "It fails in every forked child (4 of 4), never in a fresh process (0 of 5). All of this is about "
        "fresh processes");
    expect_processes(
        1, 16, 16, 16,
        "It fails in every fresh process (16 of 16) and in 1 of 16 forked children, each of another server. "
        "All of this is about fresh processes");
}

static void make(json_t *f)
{
    struct tl_report_source source = {.finding = f};
    json_t *report = tl_report_new(&source);
    free(tl_report_markdown(report, TL_EXTENT_PAGE));
    free(tl_report_html(report, TL_EXTENT_PAGE));
    json_decref(report);
}

Test(finding_builds, any_document_makes_a_report, .timeout = 60)
{
    json_t *list = json_array();
    json_array_append_new(list, tried("3.0", "crash", ABORT, NULL));
    json_array_append_new(list, tried("4.0", "crash", ABORT, "a message"));
    json_t *f = finding(list);
    json_object_set_new(f, "newest", tried("9", "error", "error in load", "no"));
    json_object_set_new(f, "axes",
                        json_pack("[{s:s,s:s,s:[i,i],s:s,s:{s:s}}]", "name", "a", "kind", "range", "range", 0,
                                  3, "about", "what it is", "about_values", "1", "one"));
    json_object_set_new(
        f, "trigger",
        json_pack("[{s:s,s:i,s:[i],s:[i]}]", "axis", "a", "value", 1, "fails_with", 1, "passes_with", 0));
    json_object_set_new(json_object_get(f, "builds"), "ranges",
                        json_pack("[{s:s,s:s,s:s,s:s}]", "good_before", "2.0", "first_bad", "3.0", "last_bad",
                                  "4.0", "fixed", "5.0"));
    spoil(f, f, 3, make);
    json_decref(f);
}
