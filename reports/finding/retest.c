/* What became of a failure that is known on a build that is new, in words: a line for whoever runs it, and a
 * sentence for the report that somebody wrote of it elsewhere, which knows nothing of suites and cells. */
#include "reports/finding/retest.h"

#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "harness/base/version.h"
#include "reports/finding/words.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_MOST 160 /* bytes of the title of a failure */

static const struct {
    const char *verdict, *line, *sentence;
} words[] = {
    {"still-fails", "still fails", "Fails as before"},
    {"still-refused", "still a clean error", "Is still refused with an error"},
    {"fails-again", "fails again, as reported", "Fails again as reported"},
    {"fails-otherwise", "fails in another way", "Fails in another way"},
    {"clean-error", "now a clean error", "No longer fails as reported"},
    {"passes", "passes", "No longer fails"},
    {"as-expected", "is as it should be", "Does what it should now"},
    {"not-seen", "not seen, which is not yet enough to call it fixed", "Did not show"},
    {"not-tried", "could not be tried", "Could not be tried"},
    {"not-judged", "could not be judged, its control fails as well", "Could not be judged"},
    {"not-run", "was not run to its end", "Could not be tried"},
};

static size_t row_of(const json_t *entry)
{
    const char *verdict = tl_member_text(json_object_get(entry, "retest"), "verdict");
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (verdict && !strcmp(words[i].verdict, verdict))
            return i;
    return TL_COUNT(words) - 1;
}

static bool is(const json_t *entry, const char *verdict)
{
    return !strcmp(words[row_of(entry)].verdict, verdict);
}

bool tl_retest_fails(const json_t *entry)
{
    return !strncmp(words[row_of(entry)].verdict, "still-", 6) || is(entry, "fails-again") ||
           is(entry, "fails-otherwise") || is(entry, "clean-error");
}

char *tl_retest_build(const json_t *entry)
{
    const json_t *retest = json_object_get(entry, "retest");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (tl_member_text(retest, "name")) {
        tl_inline_text(&b, tl_member_text(retest, "name"));
        tl_buffer_add_string(&b, " ");
    }
    tl_inline_code(&b, tl_member_or(retest, "build", "unknown"));
    return tl_buffer_take(&b);
}

static json_int_t bad_of(const json_t *side)
{
    return tl_member_integer(side, "failed") + tl_member_integer(side, "refused");
}

char *tl_retest_verdict(const json_t *entry)
{
    json_int_t passed = tl_member_integer(entry, "passed"), bad = bad_of(entry), n = passed + bad;
    const char *line = words[row_of(entry)].line;
    return n ? tl_format("%s (%lld of %lld)", line, (long long)(bad ? bad : passed), (long long)n)
             : tl_strdup(line);
}

/* A failure that the reader knows already: "SIGSEGV". */
static const char *short_words(const json_t *failure)
{
    static const struct {
        const char *outcome, *words;
    } known[] = {{"crash", "a crash"},       {"hang", "no end within the time limit"},
                 {"oom", "out of memory"},   {"error", "the same error"},
                 {"wrong", "wrong outputs"}, {"fallback", "run on another device than the one asked for"}};
    const char *signal = tl_member_text(failure, "signal"),
               *outcome = tl_member_or(failure, "outcome", "failure");
    for (size_t i = 0; !signal && i < TL_COUNT(known); i++)
        if (!strcmp(known[i].outcome, outcome))
            return known[i].words;
    return signal ? signal : outcome;
}

/* "SIGSEGV in execute, `title`" */
static void add_failure(struct tl_buffer *b, const json_t *failure)
{
    const char *signal = tl_member_text(failure, "signal"), *title = tl_member_text(failure, "title");
    tl_inline_text(b, signal ? signal : tl_member_or(failure, "outcome", "failure"));
    tl_buffer_printf(b, " in ");
    tl_inline_text(b, tl_member_or(failure, "phase", "unknown"));
    if (!title || !*title)
        return;
    size_t n = tl_utf8_cut(title, TITLE_MOST);
    char *cut = tl_format("%.*s%s", (int)n, title, title[n] ? "…" : "");
    tl_buffer_add_string(b, ", ");
    tl_inline_code(b, cut);
    free(cut);
}

static void add_runs(struct tl_buffer *b, json_int_t n, json_int_t of)
{
    tl_buffer_printf(b, " in %lld of %lld run%s", (long long)n, (long long)of,
                     tl_plural((unsigned long long)of));
}

/* With which build of what, and on which system. A build of the system is said with its name. */
static void add_where(struct tl_buffer *b, const json_t *entry, const char *os)
{
    const json_t *retest = json_object_get(entry, "retest");
    const char *name = tl_member_text(retest, "name"), *build = tl_member_text(retest, "build"),
               *os_build = tl_member_text(retest, "os_build"), *kernel = tl_member_text(retest, "kernel");
    os = tl_member_or(retest, "os", os);
    tl_buffer_add_string(b, " on ");
    if (name) {
        tl_inline_text(b, name);
        tl_buffer_add_string(b, build ? " " : "");
        tl_inline_text(b, build);
    }
    if (os && *os) {
        tl_buffer_add_string(b, name ? ", " : "");
        tl_inline_text(b, os);
    }
    if (!name) {
        tl_buffer_add_string(b, os && *os ? " build " : "build ");
        tl_inline_text(b, build ? build : "unknown");
    } else if (os_build && *os_build && !strstr(os_build, kernel ? kernel : "\n") &&
               !(os && strstr(os, os_build))) {
        tl_buffer_add_string(b, " (");
        tl_inline_text(b, os_build);
        tl_buffer_add_string(b, ")");
    }
    if (kernel && *kernel) {
        tl_buffer_add_string(b, ", kernel ");
        tl_inline_text(b, kernel);
    }
}

/* What there was before, of what is otherwise now. */
static void add_before(struct tl_buffer *b, const json_t *entry)
{
    const char *was = tl_member_text(json_object_get(entry, "retest"), "was");
    const json_t *before = json_object_get(entry, "before"),
                 *failure = json_array_get(json_object_get(before, "failures"), 0);
    if (!was && !json_object_get(entry, "control")) /* of nights: there is always something that is new */
        return;
    tl_buffer_add_string(b, was ? "; with " : "; it was ");
    if (was) {
        tl_inline_text(b, was);
        tl_buffer_add_string(b, " it was ");
    }
    add_failure(b, failure);
    if (is(entry, "not-seen")) {
        add_runs(b, bad_of(before), bad_of(before) + tl_member_integer(before, "passed"));
        tl_buffer_add_string(b, ", which is too rare to say that it is gone");
    }
}

/* "; the control (`threads=1`) passed in 3 of 3" */
static void add_control(struct tl_buffer *b, const json_t *entry)
{
    const json_t *control = json_object_get(entry, "control"), *variant = json_object_get(entry, "variant"),
                 *other = json_object_get(control, "variant");
    json_int_t passed = tl_member_integer(control, "passed"), n = passed + bad_of(control);
    const char *axis, *separator = "";
    json_t *value;
    if (!json_is_object(control))
        return;
    tl_buffer_add_string(b, "; the control");
    tl_buffer_add_string(b, json_equal(variant, other) ? "" : " (");
    json_object_foreach((json_t *)other, axis, value) {
        if (json_equal(value, json_object_get(variant, axis)))
            continue;
        tl_buffer_add_string(b, separator);
        tl_words_setting(b, axis, value);
        separator = ", ";
    }
    if (json_equal(variant, other) && tl_member_text(control, "build")) {
        tl_buffer_add_string(b, " (build ");
        tl_inline_text(b, tl_member_text(control, "build"));
        tl_buffer_add_string(b, ")");
    }
    tl_buffer_add_string(b, json_equal(variant, other) ? "" : ")");
    if (!n) {
        tl_buffer_add_string(b, " could not be tried");
    } else if (passed == n) {
        tl_buffer_printf(b, " passed in %lld of %lld", (long long)passed, (long long)n);
    } else {
        tl_buffer_printf(b, " failed too, in %lld of %lld: ", (long long)(n - passed), (long long)n);
        add_failure(b, json_array_get(json_object_get(control, "failures"), 0));
    }
}

/* What is not there yet in a build is not fixed in it. */
static bool is_older(const char *build, const char *was)
{
    return build && was && tl_version_valid(build) && tl_version_valid(was) &&
           tl_version_compare(build, was) < 0;
}

char *tl_retest_sentence(const json_t *entry, const char *os)
{
    const json_t *retest = json_object_get(entry, "retest"),
                 *failure = json_array_get(json_object_get(entry, "failures"), 0);
    const char *was = tl_member_text(retest, "was");
    size_t row = row_of(entry);
    bool same = !strncmp(words[row].verdict, "still-", 6);
    json_int_t passed = tl_member_integer(entry, "passed"), bad = bad_of(entry),
               n = same && json_object_get(failure, "same") ? tl_member_integer(entry, "same") : bad;
    struct tl_buffer b = TL_BUFFER_INIT;
    bool older = is_older(tl_member_text(retest, "build"), was);
    tl_buffer_add_string(&b, older && is(entry, "passes")        ? "Does not fail"
                             : older && is(entry, "clean-error") ? "Does not fail as reported"
                                                                 : words[row].sentence);
    add_where(&b, entry, os);
    if (tl_retest_fails(entry) || is(entry, "not-judged")) {
        tl_buffer_add_string(&b, is(entry, "clean-error") ? ", but is refused: " : ": ");
        if (same)
            tl_inline_text(&b, short_words(failure));
        else
            add_failure(&b, failure);
        add_runs(&b, n, bad + passed);
    } else if (tl_member_text(entry, "why")) {
        tl_buffer_add_string(&b, ": ");
        char *cut = tl_format("%.*s", (int)tl_utf8_cut(tl_member_text(entry, "why"), 400),
                              tl_member_text(entry, "why"));
        tl_inline_text(&b, cut);
        free(cut);
    } else if (passed) {
        tl_buffer_add_string(&b, ": passed");
        add_runs(&b, passed, passed);
    }
    if (same && was) {
        tl_buffer_add_string(&b, ", as with ");
        tl_inline_text(&b, was);
    } else if (!same) {
        add_before(&b, entry);
    }
    add_control(&b, entry);
    tl_buffer_add_string(&b, ".");
    return tl_buffer_take(&b);
}
