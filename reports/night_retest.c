/* What became of a failure that is known on a build that is new, in words: a line for whoever runs the suite, and a
 * sentence for the report that somebody wrote of it elsewhere, which knows nothing of suites and cells. */
#include "harness/base/utf8.h"
#include "reports/finding_words.h"
#include "reports/night.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_MOST 160 /* bytes of the title of a failure */

static const struct {
    const char *verdict, *line, *sentence; /* sentence: NULL where nothing is to be said upstream */
} words[] = {
    {"still-fails", "still fails", "Still fails"},
    {"still-refused", "still a clean error", "Is still refused with an error"},
    {"fails-otherwise", "fails in another way", "Fails in another way"},
    {"clean-error", "now a clean error", "No longer fails as reported, it is refused with an error now,"},
    {"passes", "passes", "No longer fails"},
    {"as-expected", "is as it should be", "Does what it should now"},
    {"not-seen", "not seen, which is not yet enough to call it fixed", "Did not show"},
    {"not-tried", "could not be tried", "Could not be tried"},
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

char *tl_night_retest_build(const json_t *entry)
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

char *tl_night_retest_verdict(const json_t *entry)
{
    json_int_t passed = tl_member_integer(entry, "passed"),
               bad = tl_member_integer(entry, "failed") + tl_member_integer(entry, "refused"),
               n = passed + bad;
    const char *line = words[row_of(entry)].line;
    return n ? tl_format("%s (%lld of %lld)", line, (long long)(bad ? bad : passed), (long long)n)
             : tl_strdup(line);
}

/* "crash SIGSEGV in execute, `title`" */
static void add_failure(struct tl_buffer *b, const json_t *failure)
{
    const char *signal = tl_member_text(failure, "signal"), *title = tl_member_text(failure, "title");
    tl_inline_text(b, tl_member_or(failure, "outcome", "failure"));
    if (signal)
        tl_buffer_printf(b, " %s", signal);
    tl_buffer_printf(b, " in %s", tl_member_or(failure, "phase", "unknown"));
    if (!title || !*title)
        return;
    size_t n = tl_utf8_cut(title, TITLE_MOST);
    char *cut = tl_format("%.*s%s", (int)n, title, title[n] ? "…" : "");
    tl_buffer_add_string(b, ", ");
    tl_inline_code(b, cut);
    free(cut);
}

static void add_counts(struct tl_buffer *b, const json_t *entry)
{
    json_int_t passed = tl_member_integer(entry, "passed"),
               bad = tl_member_integer(entry, "failed") + tl_member_integer(entry, "refused");
    if (bad)
        tl_buffer_printf(b, ", %lld of %lld runs", (long long)bad, (long long)(bad + passed));
    else if (passed)
        tl_buffer_printf(b, " in %lld runs", (long long)passed);
}

/* On which system, and with which build of what. */
static void add_where(struct tl_buffer *b, const json_t *night, const json_t *entry)
{
    const json_t *retest = json_object_get(entry, "retest");
    const char *os = tl_member_text(night, "os"), *name = tl_member_text(retest, "name"),
               *build = tl_member_or(retest, "build", "unknown");
    if (name) {
        tl_buffer_add_string(b, " with ");
        tl_inline_text(b, name);
        tl_buffer_add_string(b, " ");
        tl_inline_text(b, build);
    }
    if (os && *os) {
        tl_buffer_add_string(b, " on ");
        tl_inline_text(b, os);
    } else if (!name) {
        tl_buffer_add_string(b, " on");
    }
    if (!name) {
        tl_buffer_add_string(b, " build ");
        tl_inline_text(b, build);
    }
}

char *tl_night_retest_sentence(const json_t *night, const json_t *entry)
{
    const json_t *retest = json_object_get(entry, "retest"), *before = json_object_get(entry, "before");
    const char *was = tl_member_text(retest, "was");
    size_t row = row_of(entry);
    bool same = !strncmp(words[row].verdict, "still-", 6),
         fails = same || !strcmp(words[row].verdict, "fails-otherwise") ||
                 !strcmp(words[row].verdict, "clean-error");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, words[row].sentence);
    add_where(&b, night, entry);
    if (fails) {
        tl_buffer_add_string(&b, ": ");
        add_failure(&b, json_array_get(json_object_get(entry, "failures"), 0));
        add_counts(&b, entry);
    } else if (tl_member_text(entry, "why")) {
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, tl_member_text(entry, "why"));
    } else {
        add_counts(&b, entry);
    }
    if (was && same) {
        tl_buffer_add_string(&b, ", as with ");
        tl_inline_text(&b, was);
    } else if (was) {
        tl_buffer_add_string(&b, "; with ");
        tl_inline_text(&b, was);
        tl_buffer_add_string(&b, " it was ");
        add_failure(&b, json_array_get(json_object_get(before, "failures"), 0));
        if (!strcmp(words[row].verdict, "not-seen"))
            tl_buffer_printf(
                &b, " in %lld of %lld runs, which is too rare to say that it is gone",
                (long long)(tl_member_integer(before, "failed") + tl_member_integer(before, "refused")),
                (long long)(tl_member_integer(before, "failed") + tl_member_integer(before, "refused") +
                            tl_member_integer(before, "passed")));
    }
    tl_buffer_add_string(&b, ".");
    return tl_buffer_take(&b);
}
