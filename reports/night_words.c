/* A night in words: its classes, what a cell did before and does now, and the trigger of what was isolated.
 * The table is in the order in which counts are said, the worse first. */
#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "reports/finding/answers.h"
#include "reports/finding/words.h"
#include "reports/known.h"
#include "reports/night.h"

#include <stdlib.h>
#include <string.h>

#define TITLE_MOST 90 /* bytes of the title of a failure */

static const struct {
    const char *class, *one, *many;
    bool worse; /* than before: somebody is to look at it */
} words[] = {
    {"new-failure", "new failure", "new failures", true},
    {"changed-signature", "failure changed", "failures changed", true},
    {"flakier", "fails more often", "fail more often", true},
    {"unsupported", "no longer supported", "no longer supported", true},
    {"slower", "slower", "slower", true},
    {"hungrier", "takes more memory", "take more memory", true},
    {"known-no-longer", "no longer known", "no longer known", true},
    {"fixed", "fixed", "fixed", false},
    {"steadier", "fails less often", "fail less often", false},
    {"faster", "faster", "faster", false},
    {"leaner", "takes less memory", "take less memory", false},
    {"still-failing", "still failing", "still failing", false},
    {"known-failure", "known failure", "known failures", false},
    {"first-failing", "failing in the first run", "failing in the first run", false},
    {"unclear", "unclear", "unclear", false},
    {"not-supported", "not supported", "not supported", false},
    {"could-not-be-tried", "could not be tried", "could not be tried", false},
    {"lost", "lost", "lost", false},
    {"not-run", "not run", "not run", false},
};
#define N_WORDS TL_COUNT(words)

char *tl_night_class_words(const char *class)
{
    for (size_t i = 0; i < N_WORDS; i++)
        if (class && !strcmp(words[i].class, class))
            return tl_strdup(words[i].one);
    return tl_strdup(class ? class : "unknown");
}

bool tl_night_is_worse(const char *class)
{
    for (size_t i = 0; i < N_WORDS; i++)
        if (class && !strcmp(words[i].class, class))
            return words[i].worse;
    return false;
}

size_t tl_night_back(const json_t *night)
{
    const json_t *entry;
    size_t i, n = 0;
    json_array_foreach(json_object_get(night, "changes"), i, entry)
        n += !strcmp(tl_member_or(json_object_get(entry, "known"), "state", ""), "again");
    return n;
}

size_t tl_night_closed(const json_t *night)
{
    return json_array_size(json_object_get(night, "closed"));
}

static void add_count(struct tl_buffer *b, unsigned long long n, const char *one, const char *many)
{
    if (n)
        tl_buffer_printf(b, "%s%llu %s", b->size ? ", " : "", n, tl_one_or_many(n, one, many));
}

char *tl_night_counts(const json_t *night)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *counts = json_object_get(night, "counts");
    bool worse = true;
    for (size_t i = 0; i < N_WORDS; i++) {
        json_int_t k = tl_member_integer(counts, words[i].class);
        if (worse && !words[i].worse) { /* what was known and closed is told of behind what is worse */
            add_count(&b, tl_night_back(night), "known failure is back", "known failures are back");
            add_count(&b, tl_night_closed(night), "known failure closed", "known failures closed");
        }
        worse = words[i].worse;
        add_count(&b, k > 0 ? (unsigned long long)k : 0, words[i].one, words[i].many);
    }
    if (!b.size)
        tl_buffer_add_string(&b, json_object_size(counts) ? "nothing fails" : "nothing was run");
    return tl_buffer_take(&b);
}

/* A night of an older trapline says nothing of news: what it lists as changed was all there was. */
bool tl_night_has_news(const json_t *night)
{
    const json_t *news = json_object_get(night, "news");
    if (json_is_array(news))
        return json_array_size(news) > 0;
    return json_array_size(json_object_get(night, "changes")) || tl_night_closed(night) ||
           !json_is_object(json_object_get(night, "previous"));
}

char *tl_night_news(const json_t *night)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one;
    size_t i;
    tl_buffer_add_string(&b, "");
    json_array_foreach(json_object_get(night, "news"), i, one)
        if (json_is_string(one))
            tl_buffer_printf(&b, "%s%s", b.size ? ", " : "", json_string_value(one));
    return tl_buffer_take(&b);
}

char *tl_night_title(const json_t *night)
{
    const char *suite = tl_member_text(night, "suite"), *unchanged = "";
    char *counts = tl_night_counts(night);
    if (strncmp(counts, "nothing ", 8) != 0 && !tl_night_has_news(night))
        unchanged =
            tl_member_true(night, "complete") ? "; nothing changed" : "; nothing changed in what was run";
    char *title = tl_format("nightly %s: %s%s", suite ? suite : "unknown", counts, unchanged);
    free(counts);
    return title;
}

/* "crash SIGFPE in execute: title", of the most frequent failure. */
static void add_failure(struct tl_buffer *b, const json_t *failure)
{
    const char *outcome = tl_member_text(failure, "outcome"), *signal = tl_member_text(failure, "signal"),
               *phase = tl_member_text(failure, "phase"), *title = tl_member_text(failure, "title");
    tl_inline_text(b, outcome ? outcome : "failure");
    if (signal)
        tl_buffer_printf(b, " %s", signal);
    if (phase)
        tl_buffer_printf(b, " in %s", phase);
    if (title && *title) {
        size_t n = tl_utf8_cut(title, TITLE_MOST);
        char *cut = tl_format("%.*s%s", (int)n, title, title[n] ? "…" : "");
        tl_buffer_add_string(b, " ");
        tl_inline_code(b, cut);
        free(cut);
    }
}

static bool is(const json_t *entry, const char *class)
{
    const char *c = tl_member_text(entry, "class");
    return c && !strcmp(c, class);
}

/* What trials did of which none passed or failed. */
static const char *neither(const json_t *o)
{
    if (is(o, "could-not-be-tried"))
        return "could not be tried";
    if (tl_member_integer(o, "unsupported"))
        return "unsupported";
    return tl_member_integer(o, "lost") ? "lost" : "not run";
}

/* What some trials did: counts and the most frequent failure. */
static char *did(const json_t *o, const json_t *failures)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_int_t passed = tl_member_integer(o, "passed"),
               bad = tl_member_integer(o, "failed") + tl_member_integer(o, "refused");
    if (!passed && !bad)
        tl_buffer_add_string(&b, neither(o));
    else if (!bad && tl_member_integer(o, "as_expected") == passed)
        tl_buffer_printf(&b, "fails as expected (%lld of %lld)", (long long)passed, (long long)passed);
    else if (!bad)
        tl_buffer_printf(&b, "passes (%lld of %lld)", (long long)passed, (long long)passed);
    else {
        add_failure(&b, json_array_get(failures, 0));
        tl_buffer_printf(&b, " (%lld of %lld)", (long long)bad, (long long)(bad + passed));
        if (json_array_size(failures) > 1)
            tl_buffer_printf(&b, ", and in %zu other way%s", json_array_size(failures) - 1,
                             tl_plural(json_array_size(failures) - 1));
    }
    return tl_buffer_take(&b);
}

/* Of a change of time or memory: the median. */
static char *measure(const json_t *entry, const json_t *of)
{
    if (is(entry, "slower") || is(entry, "faster"))
        return tl_format("%.3g s", json_number_value(json_object_get(of, "seconds")));
    if (is(entry, "hungrier") || is(entry, "leaner"))
        return tl_format("%.1f MiB", json_number_value(json_object_get(of, "memory")) / 1048576);
    return NULL;
}

char *tl_night_was(const json_t *entry)
{
    const json_t *before = json_object_get(entry, "before");
    const char *unit = tl_member_text(before, "unit"), *mine = tl_member_text(entry, "unit"),
               *os = tl_member_text(json_object_get(before, "environment"), "os_build"),
               *my_os = tl_member_text(json_object_get(entry, "environment"), "os_build");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!json_is_object(before))
        return tl_strdup("nothing to compare with");
    char *text = measure(entry, before);
    if (text) /* of all nights before, whatever ran in them */
        return text;
    text = did(before, json_object_get(before, "failures"));
    tl_buffer_add_string(&b, text);
    free(text);
    if (unit && mine && strcmp(unit, mine)) {
        tl_buffer_add_string(&b, " on ");
        tl_inline_code(&b, unit);
    }
    if (os && my_os && strcmp(os, my_os)) {
        tl_buffer_add_string(&b, " on OS build ");
        tl_inline_code(&b, os);
    }
    return tl_buffer_take(&b);
}

char *tl_night_now(const json_t *entry)
{
    char *text = measure(entry, entry);
    const char *why = tl_member_text(entry, "why");
    if (text)
        return text;
    text = did(entry, json_object_get(entry, "failures"));
    if (!why || !(is(entry, "unsupported") || is(entry, "not-supported") || is(entry, "could-not-be-tried")))
        return text;
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "%s: ", text);
    tl_inline_text(&b, why);
    free(text);
    return tl_buffer_take(&b);
}

char *tl_night_known(const json_t *entry)
{
    const json_t *known = json_object_get(entry, "known");
    const char *state = tl_member_or(known, "state", "");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!json_is_object(known))
        return NULL;
    char *name = tl_known_name(known), *all = tl_known_words(known);
    if (!strcmp(state, "again"))
        tl_buffer_printf(&b, "%s and closed, as it was not seen for three nights: it is back", name);
    else if (!strcmp(state, "elsewhere"))
        tl_buffer_printf(
            &b,
            "of the kind of what is %s, but at another place of a library without symbols: it is not "
            "that failure",
            name);
    else if (!strcmp(state, "over"))
        tl_buffer_printf(&b, "it was %s, and that day is over", all);
    else if (!strcmp(state, "gone"))
        tl_buffer_printf(&b, "the failure was %s", all);
    else if (!strcmp(state, "closed"))
        tl_buffer_printf(
            &b, "%s: it has not been seen for three nights, and would be a regression from now on", name);
    else
        tl_buffer_add_string(&b, all);
    free(name);
    free(all);
    return tl_buffer_take(&b);
}

char *tl_night_trigger(const json_t *entry)
{
    const json_t *isolation = json_object_get(entry, "isolation"), *cause;
    const char *why = tl_member_text(isolation, "why");
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!json_is_object(isolation))
        return NULL;
    if (why) {
        tl_buffer_add_string(&b, "not isolated: ");
        tl_inline_text(&b, why);
        return tl_buffer_take(&b);
    }
    if (!tl_member_true(isolation, "reproduced"))
        return tl_strdup("it did not fail again when it was isolated");
    tl_buffer_add_string(
        &b, json_array_size(json_object_get(isolation, "trigger")) ? "trigger " : "fails at its baseline");
    tl_words_trigger(&b, isolation, json_object_get(isolation, "trigger"));
    json_array_foreach(json_object_get(isolation, "or"), i, cause) {
        tl_buffer_add_string(&b, ", or (found so far) ");
        tl_words_cause(&b, isolation, cause);
    }
    if (json_array_size(json_object_get(isolation, "needs"))) {
        tl_buffer_add_string(&b, ", also needs ");
        tl_words_needs(&b, isolation, json_object_get(isolation, "needs"));
    }
    if (!tl_member_true(isolation, "complete"))
        tl_buffer_add_string(&b, " (not shown to be minimal)");
    return tl_buffer_take(&b);
}
