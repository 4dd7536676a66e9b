/* A night as Markdown that fits a screen, and as one HTML page that has all of it. */
#include "harness/base/plural.h"
#include "harness/base/time_text.h"
#include "reports/finding/retest.h"
#include "reports/finding/words.h"
#include "reports/night.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SCREEN_CHANGES 9 /* lines of each kind, so that a summary stays within a screen of 24 lines */
#define SCREEN_OTHERS 3

static char *day(json_int_t us)
{
    return us ? tl_time_format(us, TL_TIME_MINUTES) : tl_strdup("unknown");
}

/* What the page is about: when, on what, compared with what. */
static char *facts(const json_t *night, bool summary)
{
    const json_t *previous = json_object_get(night, "previous");
    const char *os = tl_member_text(night, "os"), *build = tl_member_text(night, "os_build");
    struct tl_buffer b = TL_BUFFER_INIT;
    char *when = day(tl_member_integer(night, "started_us")),
         *then = day(tl_member_integer(previous, "started_us"));
    tl_buffer_printf(&b, "Run %lld, %s: %lld trial%s of %zu cell%s in %.0f s",
                     (long long)tl_member_integer(night, "n"), when,
                     (long long)tl_member_integer(night, "trials"),
                     tl_plural((unsigned long long)tl_member_integer(night, "trials")),
                     json_array_size(json_object_get(night, "cells")),
                     tl_plural(json_array_size(json_object_get(night, "cells"))),
                     json_number_value(json_object_get(night, "elapsed_s")));
    if (os && *os) {
        tl_buffer_add_string(&b, ", on ");
        tl_inline_text(&b, os);
    }
    if (build && *build) {
        tl_buffer_add_string(&b, " ");
        tl_inline_code(&b, build);
    }
    if (json_is_object(previous))
        tl_buffer_printf(&b, "; compared with run %lld, %s, and those before it.",
                         (long long)tl_member_integer(previous, "n"), then);
    else
        tl_buffer_add_string(&b, "; there is no earlier run to compare with.");
    if (summary && tl_member_text(night, "night")) {
        char *command = tl_format("trapline report %s --format html", tl_member_text(night, "night"));
        tl_buffer_add_string(&b, " All of it: ");
        tl_inline_code(&b, command);
        free(command);
    }
    if (!tl_member_true(night, "complete"))
        tl_buffer_add_string(&b,
                             " " TL_BOLD_ON "The budget was used up before all of it was run." TL_BOLD_OFF);
    free(when);
    free(then);
    return tl_buffer_take(&b);
}

static void add_place(struct tl_buffer *b, const json_t *entry)
{
    const char *name = tl_member_text(entry, "case"), *unit = tl_member_text(entry, "unit"),
               *which = tl_member_text(entry, "which");
    tl_inline_code(b, name ? name : "unknown");
    if (which) {
        tl_buffer_printf(b, " (%s%s)", which, strcmp(which, "failing") ? "" : " variant");
    } else {
        tl_buffer_add_string(b, " with ");
        tl_words_variant(b,
                         json_object_get(entry, json_object_get(entry, "settings") ? "settings" : "variant"));
    }
    tl_buffer_add_string(b, " on ");
    tl_inline_code(b, unit ? unit : "unknown");
}

static char *change_line(const json_t *entry)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *class = tl_night_class_words(tl_member_text(entry, "class")), *was = tl_night_was(entry),
         *now = tl_night_now(entry), *trigger = tl_night_trigger(entry), *known = tl_night_known(entry);
    tl_buffer_printf(&b, TL_BOLD_ON "%s" TL_BOLD_OFF ": ", class);
    add_place(&b, entry);
    tl_buffer_printf(&b, ": was %s, now %s", was, now);
    if (tl_member_true(entry, "unexplained"))
        tl_buffer_add_string(&b, "; what changed is not known");
    if (trigger)
        tl_buffer_printf(&b, "; %s", trigger);
    if (known)
        tl_buffer_printf(&b, "; %s", known);
    free(known);
    free(class);
    free(was);
    free(now);
    free(trigger);
    return tl_buffer_take(&b);
}

static char *still_line(const json_t *entry, bool since)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *before = json_object_get(entry, "before");
    const char *unit = tl_member_text(before, "since_unit"), *mine = tl_member_text(entry, "unit"),
               *evidence = tl_member_text(entry, "evidence");
    char *now = tl_night_now(entry), *when = day(tl_member_integer(before, "since_us"));
    add_place(&b, entry);
    tl_buffer_printf(&b, ": %s", now);
    if (since)
        tl_buffer_printf(&b, ", since run %lld, %s", (long long)tl_member_integer(before, "since_n"), when);
    if (since && unit && mine && strcmp(unit, mine)) {
        tl_buffer_add_string(&b, " on ");
        tl_inline_code(&b, unit);
    }
    if (!since && evidence) {
        tl_buffer_add_string(&b, "; ");
        tl_inline_text(&b, evidence);
    }
    char *known = tl_night_known(entry);
    if (known)
        tl_buffer_printf(&b, "; %s", known);
    free(known);
    free(now);
    free(when);
    return tl_buffer_take(&b);
}

static bool same_cell(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "case"), json_object_get(b, "case")) &&
           json_equal(json_object_get(a, "variant"), json_object_get(b, "variant")) &&
           json_equal(json_object_get(a, "unit"), json_object_get(b, "unit"));
}

/* Whether a list of the night has something of the same cell. */
static bool stands_in(const json_t *night, const char *list, const json_t *entry)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(night, list), i, one)
        if (same_cell(one, entry))
            return true;
    return false;
}

/* Where a failure is reported: an address, or the name of something. */
static void add_source(struct tl_buffer *b, const char *source)
{
    if (tl_is_web_address(source))
        tl_inline_link(b, source);
    else
        tl_inline_code(b, source);
}

/* What became of it stands in the line of the change, where there is one: it is not said twice. */
static char *retest_line(const json_t *night, const json_t *entry)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *source = tl_member_text(json_object_get(entry, "retest"), "source");
    char *build = tl_retest_build(entry), *verdict = tl_retest_verdict(entry),
         *sentence = tl_retest_sentence(entry, tl_member_text(night, "os"));
    tl_buffer_printf(&b, "retest, %s: ", build);
    add_place(&b, entry);
    if (!stands_in(night, "changes", entry))
        tl_buffer_printf(&b, ": " TL_BOLD_ON "%s" TL_BOLD_OFF, verdict);
    if (source) {
        tl_buffer_add_string(&b, "; for ");
        add_source(&b, source);
    }
    tl_buffer_printf(&b, ": “%s”", sentence);
    free(build);
    free(verdict);
    free(sentence);
    return tl_buffer_take(&b);
}

/* Whether a cell has a line of its own as a retest. */
static bool is_retested(const json_t *night, const json_t *entry)
{
    return stands_in(night, "retests", entry);
}

/* "filed as `FB1`: where: what it does". Of one that was retested that is said there. */
static void add_known(json_t *page, const json_t *night, const char *list, const char *heading, bool retested,
                      size_t most)
{
    const json_t *entries = json_object_get(night, list), *entry;
    size_t i, n = 0, k = 0;
    json_array_foreach(entries, i, entry)
        n += retested || !is_retested(night, entry);
    json_array_foreach(entries, i, entry) {
        if (k == most || (!retested && is_retested(night, entry)))
            continue;
        struct tl_buffer b = TL_BUFFER_INIT;
        char *now = tl_night_now(entry), *known = tl_night_known(entry);
        k++;
        tl_buffer_printf(&b, "%s: ", heading);
        add_place(&b, entry);
        tl_buffer_printf(&b, ": %s; %s%s", now, known ? known : "",
                         k == most && n > most ? "; and others" : "");
        tl_page_item(page, tl_buffer_take(&b));
        free(now);
        free(known);
    }
}

static void add_retests(json_t *page, const json_t *night, size_t most)
{
    const json_t *entries = json_object_get(night, "retests"), *entry;
    size_t i, n = json_array_size(entries);
    json_array_foreach(entries, i, entry)
        if (i < most)
            tl_page_item(page, retest_line(night, entry));
    if (n > most)
        tl_page_item(page, tl_format("and %zu retest%s more", n - most, tl_plural(n - most)));
}

static void add_others(json_t *page, const json_t *night, const char *list, const char *heading, bool since,
                       size_t most)
{
    const json_t *entries = json_object_get(night, list), *entry;
    size_t i, n = 0, k = 0;
    json_array_foreach(entries, i, entry)
        n += !is_retested(night, entry);
    json_array_foreach(entries, i, entry) {
        if (k == most || is_retested(night, entry))
            continue;
        char *line = still_line(entry, since);
        k++;
        tl_page_item(page, tl_format("%s: %s%s", heading, line, k == most && n > most ? "; and others" : ""));
        free(line);
    }
}

static void add_notes(json_t *page, const json_t *night, size_t most)
{
    const json_t *notes = json_object_get(night, "notes");
    for (size_t i = 0; i < json_array_size(notes) && i < most; i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_inline_text(&b, json_string_value(json_array_get(notes, i)));
        tl_page_item(page, tl_buffer_take(&b));
    }
}

char *tl_night_markdown(const json_t *night)
{
    json_t *page = json_array(), *entry;
    const json_t *changes = json_object_get(night, "changes");
    char *title = tl_night_title(night);
    struct tl_buffer heading = TL_BUFFER_INIT;
    size_t i, n = json_array_size(changes);
    tl_inline_text(&heading, title);
    tl_page_heading(page, 1, heading.data);
    tl_page_paragraph(page, facts(night, true));
    json_array_foreach(changes, i, entry)
        if (i < SCREEN_CHANGES)
            tl_page_item(page, change_line(entry));
    if (n > SCREEN_CHANGES)
        tl_page_item(page,
                     tl_format("and %zu change%s more", n - SCREEN_CHANGES, tl_plural(n - SCREEN_CHANGES)));
    add_retests(page, night, n > SCREEN_OTHERS ? SCREEN_OTHERS : SCREEN_CHANGES - n);
    add_known(page, night, "closed", "closed", true, SCREEN_OTHERS);
    add_others(page, night, "first", "failing in the first run", false, SCREEN_OTHERS);
    add_others(page, night, "lost", "lost when the machine went down, and not run again", false,
               SCREEN_OTHERS);
    add_others(page, night, "unclear", "unclear", false, SCREEN_OTHERS);
    add_others(page, night, "still_failing", "still failing", true, SCREEN_OTHERS);
    add_known(page, night, "known", "known", false, SCREEN_OTHERS);
    add_others(page, night, "untried", "could not be tried", false, SCREEN_OTHERS);
    add_others(page, night, "not_supported", "not supported", false,
               1); /* mostly one reason for all of them */
    add_notes(page, night, SCREEN_OTHERS);
    char *markdown = tl_page_markdown(page);
    tl_buffer_free(&heading);
    free(title);
    json_decref(page);
    return markdown;
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static char *place_text(const json_t *entry)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    add_place(&b, entry);
    return tl_buffer_take(&b);
}

static void add_table(json_t *page, const json_t *night, const char *list, const char *heading)
{
    static const char *const head[] = {"What", "Where", "Was", "Now", "Why it is said"};
    const json_t *entries = json_object_get(night, list), *entry;
    size_t i;
    if (!json_array_size(entries))
        return;
    tl_page_heading(page, 2, heading);
    json_t *rows = tl_page_cards(page, 5, head);
    json_array_foreach(entries, i, entry) {
        struct tl_buffer why = TL_BUFFER_INIT;
        char *trigger = tl_night_trigger(entry), *known = tl_night_known(entry);
        const char *evidence = tl_member_text(entry, "evidence"), *reason = tl_member_text(entry, "why"),
                   *finding = tl_member_text(json_object_get(entry, "isolation"), "finding");
        tl_buffer_add_string(&why, "");
        tl_inline_text(&why, evidence ? evidence : reason ? reason : "");
        if (tl_member_true(entry, "unexplained"))
            tl_buffer_printf(&why, "%swhat changed is not known", why.size ? "; " : "");
        if (trigger)
            tl_buffer_printf(&why, "%s%s", why.size ? "; " : "", trigger);
        if (finding) {
            tl_buffer_add_string(&why, "; finding ");
            tl_inline_code(&why, finding);
        }
        if (known)
            tl_buffer_printf(&why, "%s%s", why.size ? "; " : "", known);
        free(known);
        free(trigger);
        char *cells[] = {tl_night_class_words(tl_member_text(entry, "class")), place_text(entry),
                         tl_night_was(entry), tl_night_now(entry), tl_buffer_take(&why)};
        tl_page_row(rows, false, 5, cells);
    }
}

static void add_retest_table(json_t *page, const json_t *night)
{
    static const char *const head[] = {"Build", "Where", "Report", "What became of it", "To paste into it"};
    const json_t *entries = json_object_get(night, "retests"), *entry;
    size_t i;
    if (!json_array_size(entries))
        return;
    tl_page_heading(page, 2, "Reported failures on a new build");
    json_t *rows = tl_page_cards(page, 5, head);
    json_array_foreach(entries, i, entry) {
        struct tl_buffer source = TL_BUFFER_INIT;
        add_source(&source, tl_member_or(json_object_get(entry, "retest"), "source", ""));
        char *cells[] = {tl_retest_build(entry), place_text(entry), tl_buffer_take(&source),
                         tl_retest_verdict(entry), tl_retest_sentence(entry, tl_member_text(night, "os"))};
        tl_page_row(rows, false, 5, cells);
    }
}

static void add_cells(json_t *page, const json_t *night)
{
    static const char *const head[] = {"Where", "State", "Passed", "Failed", "Refused"};
    const json_t *cell;
    size_t i;
    tl_page_heading(page, 2, "All that was run");
    json_t *rows = tl_page_cards(page, 5, head);
    json_array_foreach(json_object_get(night, "cells"), i, cell) {
        char *cells[] = {place_text(cell), tl_night_class_words(tl_member_text(cell, "class")),
                         tl_format("%lld", (long long)tl_member_integer(cell, "passed")),
                         tl_format("%lld", (long long)tl_member_integer(cell, "failed")),
                         tl_format("%lld", (long long)tl_member_integer(cell, "refused"))};
        tl_page_row(rows, false, 5, cells);
    }
}

json_t *tl_night_page(const json_t *night, bool changes, bool cells)
{
    json_t *page = json_array();
    if (changes)
        add_table(page, night, "changes", "What changed");
    add_retest_table(page, night);
    add_table(page, night, "first", "Failing in the first run");
    if (changes) /* where the site tells of them itself, they stand among these */
        add_table(page, night, "closed", "Known failures that are closed");
    add_table(page, night, "lost", "Lost");
    add_table(page, night, "unclear", "Unclear");
    add_table(page, night, "still_failing", "Still failing");
    add_table(page, night, "known", "Known failures");
    add_table(page, night, "untried", "Could not be tried");
    add_table(page, night, "not_supported", "Not supported here");
    if (json_array_size(json_object_get(night, "notes")))
        tl_page_heading(page, 2, "Notes");
    add_notes(page, night, SIZE_MAX);
    if (cells)
        add_cells(page, night);
    return page;
}

char *tl_night_html(const json_t *night)
{
    json_t *page = json_array(), *rest = tl_night_page(night, true, true);
    char *title = tl_night_title(night);
    struct tl_buffer heading = TL_BUFFER_INIT;
    tl_inline_text(&heading, title);
    tl_page_heading(page, 1, heading.data);
    tl_page_paragraph(page, facts(night, false));
    json_array_extend(page, rest);
    char *html = tl_page_html(page, title);
    tl_buffer_free(&heading);
    free(title);
    json_decref(rest);
    json_decref(page);
    return html;
}
