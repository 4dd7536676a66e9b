/* The words of findings: the wide answer with its places, needs and other triggers; sets of values; one number for
 * one variant; what is evidence; and axes that nothing reads. */
#include "reports/bundle/minimal_case.h"
#include "reports/finding/answers.h"
#include "reports/finding/figures.h"
#include "reports/finding/finding.h"
#include "reports/finding/rows.h"
#include "reports/finding/values.h"
#include "reports/finding/words.h"
#include "reports/night.h"
#include "tests/unit/spoil.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The fixture of the reports, with what a wide answer has besides. */
static json_t *wide(void)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL),
           *more = json_load_file(FIXTURES "/finding_wide.json", 0, NULL);
    cr_assert(f && more);
    json_object_update(f, more);
    json_decref(more);
    return f;
}

static char *markdown(const json_t *finding)
{
    struct tl_report_source source = {.finding = finding};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    json_decref(report);
    return text;
}

static void has(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "there is no \"%s\" in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    cr_expect_null(strstr(text, part), "there is \"%s\" in:\n%s", part, text);
}

static char *words(void (*add)(struct tl_buffer *, const json_t *, const json_t *), const json_t *f,
                   const json_t *x)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add(&b, f, x);
    return tl_inline_plain(tl_buffer_take(&b));
}

Test(finding_words, the_wide_answer_is_named_everywhere)
{
    json_t *f = wide();
    char *text = markdown(f);
    has(text, "# ONNX Runtime 1.22.0 CPU: SIGSEGV while running the model with gqa attention\n");
    has(text, "when `attention=gqa`: 3 of 3 runs of the minimal variant did, 2 of 2 in fresh processes.");
    has(text, "It also needs `threads=1`, which the failing variant has at its baseline; and one of "
              "(`begin_index in {none, constant}`, `optimization=99`).");
    has(text,
        "It also fails when `weights=int8` and `context ≥ 64` (5 of 5 runs); there may be other triggers.");
    has(text, "It shows at 4 places in the code: SIGSEGV in execute at any of these places needs only that, "
              "and the place "
              "that was isolated first was seen only with `layers in {2, 24}`, `begin_error=1000000`.");
    has(text, "The same failure by its kind (SIGSEGV in execute) was seen at 4 places:");
    has(text, "**This may be two bugs: ");
    has(text, "Next to the minimal variant only, for with the other values of the failing variant it fails "
              "without them:\n\n"
              "- `begin_error=0` (passes with `1000000`).");
    has(text, "\n- The budget ran out.\n");
    has(text, "no build tells whether one fix mends both.**");
    has(text, "| `deep ← common ← outer` | `layers=2`, `attention=gqa`, `begin_error=1000000` | 9 times | "
              "isolated first |");
    has(text, "the same failure: the stacks share the faulting function or its caller |");
    has(text, "the same failure: it comes and goes with the same builds, 1.24.3 and 1.25.1 |");
    has(text, "| `alone` | `layers=4`, `attention=gqa` | 2 times | not known |");
    has(text, "The innermost frame that all of them share: `main_loop`, 1 to 2 frames from the fault.");
    has(text, "(another failure: it does not come and go with the same builds, 1.25.1 and 1.24.3)");
    has(text,
        "By its signature alone, the place that was isolated first needs `layers ≥ 2`, `attention=gqa` and "
        "`begin_error=1000000`");
    free(text);
    json_decref(f);
}

/* No axis is called free without the word for how it is known. */
Test(finding_words, free_axes_are_named_by_what_is_known_of_them)
{
    json_t *f = wide();
    char *text = markdown(f);
    has(text, "`layers`: 8 of 8 random variants with the trigger and all that it needs failed in this way");
    has(text, "3 of the 8 that failed did so at the very place that was isolated first.");
    has(text, "Reset: the minimal variant fails with the simplest value of `opset`. Of other values "
              "nothing is "
              "shown");
    has(text, "Nothing reads `ghost`");
    has_not(text, "not needed");
    has_not(text, "does not matter");
    free(text);
    /* Fewer draws are all that there are, or they show nothing. */
    json_object_set_new(json_object_get(f, "generalises"), "held", json_pack("[i,i]", 7, 7));
    text = markdown(f);
    has(text, "`layers`: all 7 variants with the trigger and all that it needs that there are were tried");
    free(text);
    json_object_del(f, "reset"); /* of an earlier version */
    text = markdown(f);
    has(text, "Nothing is shown to be: 7 of 7 random variants with the trigger and all that it needs failed "
              "in this "
              "way, which are too few to say so.");
    free(text);
    json_decref(f);
}

/* What fails with its simplest value, too, is in a trigger for want of anything better: no set is made of it. */
Test(finding_words, a_trigger_that_fails_at_its_baseline)
{
    json_t *f = wide(), *t = json_array_get(json_object_get(f, "trigger"), 0);
    json_object_set_new(t, "fails_with", json_pack("[s,s]", "sdpa", "gqa"));
    char *text = markdown(f);
    has(text, "SIGSEGV while running the model with gqa attention\n");
    has(text, "Whether `attention=gqa` is needed is not shown: it fails with the simplest value, too.");
    free(text);
    json_decref(f);
}

/* Where no failure of the kind is another bug, and nothing else is needed, the sentence stands alone. */
Test(finding_words, any_failure_of_the_kind)
{
    json_t *f = wide();
    static const char *const lists[] = {"others", "needs", "local_needs", "or"};
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        json_object_set_new(f, lists[i], json_array());
    char *text = markdown(f);
    has(text, "any SIGSEGV in execute needs only `attention=gqa`, and the place that was isolated first was "
              "seen only with");
    has_not(text, "## Also needed");
    has_not(text, "## Other triggers");
    free(text);
    json_decref(f);
}

Test(finding_words, without_a_common_frame_titles_are_compared)
{
    json_t *f = wide();
    struct tl_buffer b = TL_BUFFER_INIT;
    json_object_del(f, "common_frame");
    cr_expect(!tl_words_common_frame(&b, f) && !b.size);
    while (json_array_size(json_object_get(f, "places")) > 2)
        json_array_remove(json_object_get(f, "places"), 2);
    cr_expect(tl_words_common_frame(&b, f));
    char *text = tl_inline_plain(tl_buffer_take(&b));
    cr_expect_str_eq(text, "common, 1 frame from the fault");
    free(text);
    json_object_set_new(f, "common_frame", json_null()); /* it was looked for */
    cr_expect(!tl_words_common_frame(&b, f));
    json_decref(f);
}

static json_t *integers(const int *list, size_t n)
{
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(j, json_integer(list[i]));
    return j;
}

Test(finding_words, sets_have_words_that_are_true_of_all_that_was_tried)
{
    static const struct {
        int last, fails[24], passes[24];
        const char *condition, *title;
    } cases[] = {
        {8, {5, 7}, {1, 2, 3, 4, 6, 8}, "n in {5, 7}", "n in {5, 7}"},
        {9, {4, 6, 8}, {1, 2, 3, 5, 7, 9}, "n in {4, 6, 8} (even, from 4 on)", "n even from 4 on"},
        {12,
         {3, 5, 7},
         {1, 2, 4, 6, 8, 9, 10, 11, 12},
         "n in {3, 5, 7} (odd, from 3 to 7)",
         "n odd from 3 to 7"},
        {12,
         {4, 8, 12},
         {1, 2, 3, 5, 6, 7, 9, 10, 11},
         "n in {4, 8, 12} (a multiple of 4, from 4 on)",
         "n a multiple of 4 from 4 on"},
        {9, {2, 3, 4, 5}, {1, 6, 7, 8, 9}, "n in {2 to 5} (from 2 to 5)", "n from 2 to 5"},
        {9, {2, 3, 4, 8}, {1, 5, 6, 7, 9}, "n in {2 to 4, 8}", "n in {2 to 4, 8}"},
        {9, {2, 4, 8}, {1, 3, 5, 6, 7, 9}, "n in {2, 4, 8}", "n in {2, 4, 8}"},
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        size_t n = 0, m = 0;
        while (cases[i].fails[n])
            n++;
        while (cases[i].passes[m])
            m++;
        json_t *f = json_pack("{s:[{s:s,s:s,s:[i,i]}]}", "axes", "name", "n", "kind", "range", "range", 1,
                              cases[i].last),
               *t = json_pack("{s:s,s:i,s:b,s:o,s:o}", "axis", "n", "value", cases[i].fails[0], "set", 1,
                              "fails_with", integers(cases[i].fails, n), "passes_with",
                              integers(cases[i].passes, m));
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_words_condition(&b, f, t, false);
        cr_expect_str_eq(b.data, cases[i].condition);
        tl_buffer_clear(&b);
        tl_words_condition(&b, f, t, true);
        cr_expect_str_eq(b.data, cases[i].title);
        tl_buffer_free(&b);
        json_decref(f);
        json_decref(t);
    }
}

/* A range that falls, texts, and a value that stands alone. */
Test(finding_words, sets_keep_the_order_of_their_axis)
{
    json_t *f = json_pack("{s:[{s:s,s:s,s:[i,i]},{s:s,s:s,s:[s,s,s]}]}", "axes", "name", "n", "kind", "range",
                          "range", 20, 1, "name", "pool", "kind", "choices", "values", "max", "avg", "lp"),
           *t = json_pack("{s:s,s:i,s:b,s:[i,i,i],s:[i,i,i,i]}", "axis", "n", "value", 18, "set", 1,
                          "fails_with", 18, 16, 14, "passes_with", 20, 19, 17, 15),
           *c = json_pack("{s:s,s:s,s:[s,s],s:[s]}", "axis", "pool", "value", "avg", "fails_with", "lp",
                          "avg", "passes_with", "max");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_condition(&b, f, t, false);
    cr_expect_str_eq(b.data, "n in {18, 16, 14} (even, from 18 on)");
    tl_buffer_clear(&b);
    tl_words_condition(&b, f, c, false);
    cr_expect_str_eq(b.data, "pool in {avg, lp}");
    tl_buffer_clear(&b);
    json_object_set_new(c, "fails_with", json_pack("[s]", "avg"));
    tl_words_condition(&b, f, c, false);
    cr_expect_str_eq(b.data, "pool=avg");
    tl_buffer_free(&b);
    json_decref(f);
    json_decref(t);
    json_decref(c);
}

/* A variant that fails in 3 of 16 fresh runs and in 46 of all 144: the same figure wherever it stands. */
static json_t *flaky(void)
{
    json_t *f = wide(), *path = json_array(), *minimal = json_object_get(f, "minimal"),
           *beside = json_deep_copy(minimal);
    for (int i = 0; i < 144; i++)
        json_array_append_new(path,
                              json_pack("{s:O,s:s,s:b}", "variant", minimal, "outcome",
                                        i < 3 || (i >= 16 && i < 59) ? "match" : "pass", "fresh", i < 16));
    json_object_set_new(beside, "attention", json_string("sdpa"));
    json_array_append_new(path, json_pack("{s:o,s:s,s:b}", "variant", beside, "outcome", "pass", "fresh", 1));
    json_object_set_new(f, "path", path);
    json_object_set_new(f, "rate", json_pack("[i,i]", 3, 16));
    json_object_set_new(f, "flaky", json_true());
    return f;
}

Test(finding_words, one_variant_has_one_figure)
{
    json_t *f = flaky();
    char *text = markdown(f);
    has(text, "46 of 144 runs of the minimal variant did, 3 of 16 in fresh processes.");
    has(text, "| **fails in some runs** | **46 of 144** |\n");
    has(text, "Rate: 46 of 144");
    has_not(text, ": 3 of 16 runs");
    free(text);
    json_decref(f);
}

/* One pass beside a failure that shows in a third of the runs is luck: neither a control nor a way around. */
Test(finding_words, a_pass_by_luck_is_no_evidence)
{
    json_t *f = flaky(), *step = json_deep_copy(json_array_get(json_object_get(f, "path"), 144));
    json_int_t enough = tl_finding_enough(f);
    cr_expect(enough > 8 && enough < 16, "%lld", (long long)enough);
    cr_expect(!tl_finding_is_evidence(f, enough - 1) && tl_finding_is_evidence(f, enough));
    char *text = markdown(f),
         *part = tl_format("| 0 of 1 (%lld in a row would be evidence) |", (long long)enough);
    has(text, "| not seen to fail so far");
    has(text, part);
    has(text, "no variant that differs in one axis passed so often that it cannot have been luck");
    has_not(text, "`attention=sdpa` instead of");
    has_not(text, "The same with");
    free(text);
    struct tl_report_source source = {.finding = f};
    json_t *report = tl_report_new(&source);
    text = tl_report_junit(report);
    has(text, "<skipped>not seen to fail so far, which may be luck: ");
    free(text);
    json_decref(report);
    for (json_int_t i = 1; i < enough; i++)
        json_array_append(json_object_get(f, "path"), step);
    text = markdown(f);
    has(text, "`attention=sdpa` instead of `attention=gqa`");
    free(text);
    free(part);
    json_decref(step);
    json_decref(f);
}

/* Where the failure shows every time, one pass is enough. */
Test(finding_words, a_failure_that_always_shows_needs_one_pass)
{
    json_t *f = wide();
    json_object_set_new(f, "notes", json_array());
    cr_expect(tl_finding_is_evidence(f, 1) && tl_finding_enough(f) == 1);
    json_decref(f);
}

Test(finding_words, a_band_has_two_edges_and_no_neighbour_in_it_passes)
{
    json_t *f = wide(), *path = json_object_get(f, "path");
    json_t *inside = json_deep_copy(json_object_get(f, "minimal"));
    json_object_set_new(json_object_get(f, "minimal"), "layers", json_integer(40));
    json_object_set_new(inside, "layers", json_integer(20));
    for (int i = 0; i < 40; i++)
        json_array_append_new(path,
                              json_pack("{s:O,s:s,s:b}", "variant", inside, "outcome", "pass", "fresh", 1));
    json_object_set_new(f, "trigger",
                        json_pack("[{s:s,s:i,s:[i],s:[i],s:{s:{s:i,s:i,s:i},s:{s:i,s:i,s:i},s:b,s:[]}}]",
                                  "axis", "layers", "value", 40, "fails_with", 40, "passes_with", 20, "band",
                                  "never", "value", 12, "failed", 0, "runs", 30, "always", "value", 40,
                                  "failed", 16, "runs", 16, "uneven", 1, "samples"));
    json_object_set_new(f, "decisive",
                        json_pack("[{s:s,s:O,s:O,s:i,s:i}]", "axis", "layers", "fails",
                                  json_object_get(f, "minimal"), "passes", inside, "n_fails", 16, "n_passes",
                                  40));
    char *text = markdown(f);
    has(text, "its lower edge, the last value that never failed in this way, is 12: 0 of 30");
    has(text, "its upper edge, from which on it always failed, is 40: 16 of 16");
    has(text, "Between the edges the rate goes up and down.");
    has(text,
        "`layers=12` never failed in 30 runs, and is the lower edge of a band: an edge, and no workaround.");
    has_not(text, "climbs");
    has_not(text, "`layers=20` instead of");
    free(text);
    json_decref(inside);
    json_decref(f);
}

Test(finding_words, stored_outcomes_are_dated)
{
    json_t *f = wide();
    char *text = markdown(f);
    has(text, "2 of 9 trials are stored outcomes of runs from 2026-11-29 02:13 UTC to 2026-11-30 23:59 UTC. "
              "`trapline isolate --no-cache` with the same case and unit runs all of them anew.");
    free(text);
    json_object_set_new(f, "cached_from", json_pack("[s,s]", "2026-11-29T02:13:22Z", "yesterday"));
    text = markdown(f);
    has(text, "2 of 9 trials are stored outcomes. `trapline");
    free(text);
    json_object_set_new(f, "cached", json_integer(0));
    text = markdown(f);
    has_not(text, "stored outcome");
    free(text);
    json_decref(f);
}

/* Variants that differ in an axis that nothing reads are one: it decides nothing. */
Test(finding_words, what_nothing_reads_decides_nothing)
{
    json_t *f = wide();
    json_object_set_new(f, "notes", json_array());
    json_object_set_new(f, "unread", json_pack("[s]", "attention"));
    char *text = markdown(f);
    has_not(text, "`attention=sdpa` instead of");
    has(text, "Whether `attention=gqa` is needed is not shown: nothing reads it, and it seems so by luck.");
    has_not(text, "| `sdpa` |"); /* nor has it a row of its own */
    free(text);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_difference(&b, f, json_object_get(f, "minimal"), json_object_get(f, "baseline"));
    cr_expect_str_eq(b.data, "the same variant but for axes that nothing reads");
    tl_buffer_free(&b);
    json_decref(f);
}

Test(finding_words, needs_and_causes)
{
    json_t *f = wide(), *needs = json_object_get(f, "needs");
    char *text = words(tl_words_need, f, json_array_get(needs, 0));
    cr_expect_str_eq(text, "threads=1, which the failing variant has at its baseline (passes with 2)");
    free(text);
    text = words(tl_words_need, f, json_array_get(needs, 1));
    cr_expect_str_eq(
        text,
        "one of these: begin_index in {none, constant} (passes with tensor); optimization=99, which the "
        "failing variant has at its baseline (passes with 0)");
    free(text);
    json_t *x = json_array_get(json_object_get(json_array_get(needs, 0), "any_of"), 0);
    json_object_set_new(x, "up_to", json_integer(1)); /* its first value: there is none up to it */
    text = words(tl_words_need, f, json_array_get(needs, 0));
    cr_expect_str_eq(text, "threads=1, which the failing variant has at its baseline (passes with 2)");
    free(text);
    json_object_set_new(x, "up_to", json_integer(3));
    json_object_set_new(x, "passes_with", json_pack("[i]", 4));
    text = words(tl_words_need, f, json_array_get(needs, 0));
    cr_expect_str_eq(text,
                     "threads up to 3, which the failing variant has at its baseline (it is 1 in the minimal "
                     "variant; passes with 4)");
    free(text);
    json_decref(f);
}

/* What triggers a failure of the kind at another place is said to show there, and to be what it may be. */
Test(finding_words, a_cause_at_another_place)
{
    json_t *f = wide(), *cause = json_array_get(json_object_get(f, "or"), 0);
    char *text = words(tl_words_cause, f, cause);
    cr_expect_str_eq(text, "weights=int8 and context ≥ 64 (5 of 5 runs)");
    free(text);
    json_object_set_new(cause, "signature", json_string("s1"));
    text = words(tl_words_cause, f, cause);
    cr_expect_str_eq(text, "weights=int8 and context ≥ 64 (5 of 5 runs), at other ← common ← outer");
    free(text);
    json_object_set_new(cause, "signature", json_string("s3"));
    text = words(tl_words_cause, f, cause);
    cr_expect_str_eq(text, "weights=int8 and context ≥ 64 (5 of 5 runs), at alone, which may be another bug");
    free(text);
    json_decref(f);
}

/* The isolation of a night says the same. */
Test(finding_words, a_night_names_sets_needs_and_causes)
{
    json_t *f = wide(), *entry = json_pack("{s:O}", "isolation", f);
    char *text = tl_inline_plain(tl_night_trigger(entry));
    has(text, "trigger attention=gqa, or (found so far) weights=int8 and context ≥ 64");
    has(text, ", also needs threads=1, which");
    free(text);
    json_decref(entry);
    json_decref(f);
}

/* A narrowed case keeps what the answer is about: values that are needed, with what passes, and other triggers. */
Test(finding_words, a_narrowed_case_keeps_needs_and_causes)
{
    json_t *f = wide(),
           *document = json_load_file(TL_SOURCE_DIR "/cases/onnxruntime/decoder-gqa-begin.json", 0, NULL);
    json_t *minimal = tl_minimal_case(document, f), *axis;
    size_t i, looked_at = 0;
    char *text = NULL;
    json_array_foreach(json_object_get(minimal, "axes"), i, axis) {
        const char *name = json_string_value(json_object_get(axis, "name"));
        json_t *values = json_object_get(axis, "choices");
        values = values ? values : json_object_get(axis, "ordered");
        free(text);
        text = json_dumps(values, JSON_COMPACT);
        looked_at += !strcmp(name, "threads") || !strcmp(name, "weights") || !strcmp(name, "context") ||
                     !strcmp(name, "layers");
        if (!strcmp(name, "threads"))
            cr_expect_str_eq(text, "[1,2]");
        else if (!strcmp(name, "weights"))
            cr_expect_str_eq(text, "[\"fp32\",\"int8\"]");
        else if (!strcmp(name, "context"))
            cr_expect_str_eq(text, "[32,64]");
        else if (!strcmp(name, "layers"))
            cr_expect_str_eq(text, "[1]");
    }
    cr_expect_eq(looked_at, 4);
    free(text);
    json_decref(minimal);
    json_decref(document);
    json_decref(f);
}

static void make_report(json_t *finding)
{
    free(markdown(finding));
    json_decref(tl_minimal_case(finding, finding));
}

Test(finding_words, any_wide_document_makes_a_report, .timeout = 60)
{
    static const char *const members[] = {"strict", "or",           "needs", "places",
                                          "others", "common_frame", "unread"};
    json_t *f = wide();
    for (size_t i = 0; i < TL_COUNT(members); i++) {
        json_t *value = json_object_get(f, members[i]);
        spoil(f, json_is_array(value) ? json_array_get(value, 0) : value, 4, make_report);
    }
    json_decref(f);
}

/* The sentence that holds this, of the whole report; with this setting of the finding. */
static void expect_with(const char *members, const char *part, const char *never)
{
    json_t *f = json_load_file(FIXTURES "/finding.json", 0, NULL), *more = json_loads(members, 0, NULL);
    cr_assert(f && more, "%s", members);
    json_object_update(f, more);
    struct tl_report_source source = {.finding = f};
    json_t *report = tl_report_new(&source);
    char *text = tl_report_markdown(report, TL_EXTENT_FULL);
    cr_expect(strstr(text, part), "there is no \"%s\" in:\n%s", part, text);
    cr_expect_not(strstr(text, never), "there is \"%s\" in:\n%s", never, text);
    free(text);
    json_decref(report);
    json_decref(more);
    json_decref(f);
}

Test(finding_words, a_signal_that_is_no_crash_is_no_error)
{
    expect_with("{\"outcome\":\"error\",\"signal\":\"SIGKILL\",\"message\":null}", "is ended by SIGKILL",
                "ends with an error");
    expect_with("{\"outcome\":\"error\",\"signal\":null}", "ends with an error", "is ended by");
}

Test(finding_words, one_is_no_plural)
{
    expect_with("{\"generalises\":{\"held\":[1,1],\"broken\":[0,1]},\"reset\":[]}",
                "the only variant with the trigger was tried, and failed in this way", "1 variants");
}
