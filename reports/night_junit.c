/* A night as JUnit XML. What is worse than before fails; a failure that was known before is skipped, so that
 * a CI that is red means something new. The cells of a case on a unit are a suite: they have one build and one environment. */
#include "reports/finding/words.h"
#include "reports/junit.h"
#include "reports/night.h"

#include "db/query.h"
#include "reports/finding/finding.h"

#include <stdlib.h>
#include <string.h>

static bool same(const json_t *a, const json_t *b, const char *member)
{
    return json_equal(json_object_get(a, member), json_object_get(b, member));
}

/* The entries of a cell, of which there may be several: of its outcome, its time and its memory. */
static const json_t *entry_of(const json_t *night, const char *list, const json_t *cell, size_t *from)
{
    const json_t *entries = json_object_get(night, list);
    for (; *from < json_array_size(entries); ++*from) {
        const json_t *one = json_array_get(entries, *from);
        if (same(one, cell, "case") && same(one, cell, "unit") && same(one, cell, "variant")) {
            ++*from;
            return one;
        }
    }
    return NULL;
}

/* What is said of the cell anywhere; NULL: it passed as before, and nothing is. */
static const json_t *any_entry(const json_t *night, const json_t *cell)
{
    static const char *const lists[] = {"changes", "still_failing", "known",         "unclear", "first",
                                        "lost",    "retests",       "not_supported", "untried"};
    const json_t *found = NULL;
    for (size_t i = 0; i < TL_COUNT(lists) && !found; i++)
        found = entry_of(night, lists[i], cell, &(size_t){0});
    return found;
}

/* The trial that shows what an entry says; NULL: it did not fail. */
static const char *trial_of(const json_t *entry)
{
    return tl_member_text(json_array_get(json_object_get(entry, "failures"), 0), "trial");
}

json_t *tl_night_shown_trials(struct tl_store *s, const json_t *night)
{
    json_t *trials = json_object(), *entry;
    size_t i;
    json_array_foreach(json_object_get(night, "changes"), i, entry) {
        const char *id = trial_of(entry);
        struct tl_trial_record r;
        struct tl_error gone; /* a trial that is not in this database is not shown */
        if (!id || json_object_get(trials, id) || !tl_night_is_worse(tl_member_text(entry, "class")) ||
            tl_query_trial(s, id, &r, &gone))
            continue;
        json_object_set_new(trials, id, tl_report_trial(&r));
        tl_trial_record_free(&r);
    }
    return trials;
}

static const json_t *shown_trial(const json_t *night, const json_t *entry)
{
    const char *id = trial_of(entry);
    return id ? json_object_get(json_object_get(night, "trials_shown"), id) : NULL;
}

/* What was before and is now of something that is worse, why that is no luck, and the message and stack of the trial that
 * shows it. */
static void add_worse(struct tl_buffer *b, const json_t *night, const json_t *entry, const char *message)
{
    const char *id = trial_of(entry);
    char *trigger = tl_night_trigger(entry);
    const json_t *trial = shown_trial(night, entry);
    tl_buffer_printf(b, "%s\n", message);
    if (trigger)
        tl_buffer_printf(b, "%s\n", tl_inline_plain(trigger));
    if (tl_member_text(entry, "evidence"))
        tl_buffer_printf(b, "%s\n", tl_member_text(entry, "evidence"));
    if (id)
        tl_buffer_printf(b, "trial %s\n", id);
    tl_junit_add_trial(b, tl_member_text(trial, "message"), trial);
    free(trigger);
}

static char *worse_words(const json_t *entry)
{
    char *was = tl_inline_plain(tl_night_was(entry)), *now = tl_inline_plain(tl_night_now(entry)),
         *class = tl_night_class_words(tl_member_text(entry, "class")), *known = tl_night_known(entry),
         *about = known ? tl_inline_plain(known) : NULL,
         *message =
             tl_format("%s: was %s, now %s%s%s", class, was, now, about ? "; " : "", about ? about : "");
    free(known);
    free(was);
    free(now);
    free(class);
    return message;
}

static bool is_in_state(const json_t *cell, const char *state)
{
    return !strcmp(tl_member_or(json_object_get(cell, "known"), "state", ""), state);
}

/* "still failing; of the kind of what is known as FB1, …": takes both. */
static char *joined(char *class, char *known)
{
    char *both = tl_format("%s; %s", class, tl_inline_plain(known));
    free(class);
    free(known);
    return both;
}

/* "still failing: crash SIGSEGV …": what the class is called, and what is known of it. */
static char *skipped_words(const char *class, const json_t *entry)
{
    const char *why = tl_member_text(entry, "why");
    char *known = tl_night_known(entry);
    char *words = is_in_state(entry, "elsewhere") ? joined(tl_night_class_words(class), known)
                  : known                         ? tl_inline_plain(known)
                                                  : tl_night_class_words(class),
         *now = entry ? tl_inline_plain(tl_night_now(entry)) : NULL,
         *message = why && *why   ? tl_format("%s: %s", words, why)
                    : now && *now ? tl_format("%s: %s", words, now)
                                  : tl_strdup(words);
    free(words); /* and with it known */
    free(now);
    return message;
}

static void add_test(struct tl_junit *j, const json_t *night, const json_t *cell)
{
    static const char *const skipped[] = {"still-failing", "known-failure", "first-failing",
                                          "unclear",       "not-supported", "not-run"};
    const char *class = tl_member_or(cell, "class", "unknown");
    const json_t *entry = any_entry(night, cell), *seconds = json_object_get(cell, "seconds");
    struct tl_buffer body = TL_BUFFER_INIT;
    struct tl_junit_test t = {
        .case_name = tl_member_text(cell, "case"),
        .unit = tl_member_text(cell, "unit"),
        .variant = json_object_get(cell, "variant"),
        .seconds = json_number_value(seconds ? seconds : json_object_get(entry, "seconds")),
    };
    char *message = NULL;
    size_t at = 0;
    for (const json_t *e; (e = entry_of(night, "changes", cell, &at));) {
        if (!tl_night_is_worse(tl_member_text(e, "class")))
            continue;
        char *words = worse_words(e);
        add_worse(&body, night, e, words);
        t.result = TL_JUNIT_FAILURE;
        if (!(t.seconds > 0)) /* what failed was not measured: as long as that one trial */
            t.seconds = json_number_value(json_object_get(shown_trial(night, e), "wall_s"));
        if (message) { /* slower as well: a test has one result, and it is told of in the body */
            free(words);
            continue;
        }
        t.type = tl_member_text(e, "class");
        t.message = message = words;
    }
    t.body = body.data;
    if (!message && !strcmp(class, "lost")) {
        t.result = TL_JUNIT_ERROR;
        t.type = class;
        t.message = "the machine went down while it ran";
    } else if (!message && !strcmp(class, "could-not-be-tried")) {
        t.result = TL_JUNIT_ERROR;
        t.type = class;
        t.message = tl_member_or(entry_of(night, "untried", cell, &(size_t){0}), "why", "could not be tried");
    } else if (!message &&
               (/* known, also where it shows less often than before */ is_in_state(cell, "open") ||
                tl_is_one_of(class, skipped, TL_COUNT(skipped)))) {
        t.result = TL_JUNIT_SKIPPED;
        t.message = message = skipped_words(class, entry);
    }
    tl_junit_test(j, &t);
    tl_buffer_free(&body);
    free(message);
}

static void add_properties(struct tl_junit *j, const json_t *night, const json_t *cell)
{
    static const char *const names[] = {"night", "suite", "os", "os_build"};
    const json_t *environment = json_object_get(cell, "environment"), *entry = any_entry(night, cell);
    char *news = tl_night_news(night);
    environment = environment ? environment : json_object_get(entry, "environment");
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (!tl_member_text(environment, names[i])) /* once, the nearer one */
            tl_junit_property(j, names[i], tl_member_text(night, names[i]));
    if (*news)
        tl_junit_property(j, "news", news);
    free(news);
    tl_junit_property(j, "unit", tl_member_text(cell, "unit"));
    tl_junit_property(j, "build", tl_member_text(environment, "runtime_version"));
    tl_junit_environment(j, environment);
}

char *tl_night_junit(const json_t *night)
{
    const json_t *cells = json_object_get(night, "cells");
    size_t n = json_array_size(cells);
    bool *done = tl_calloc(n + 1, sizeof *done);
    struct tl_junit j;
    tl_junit_begin(&j);
    for (size_t i = 0; i < n; i++) {
        const json_t *first = json_array_get(cells, i);
        if (done[i])
            continue;
        tl_junit_suite(&j, tl_member_or(first, "case", "unknown"), tl_member_integer(night, "started_us"), 0);
        add_properties(&j, night, first);
        for (size_t k = i; k < n; k++) {
            const json_t *cell = json_array_get(cells, k);
            if (done[k] || !same(cell, first, "case") || !same(cell, first, "unit"))
                continue;
            add_test(&j, night, cell);
            done[k] = true;
        }
    }
    free(done);
    return tl_junit_end(&j);
}
