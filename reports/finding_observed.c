/* The table of a report in which one axis changes at a time, and the decisive pairs. It is what convinces a
 * reader who trusts no search: each row says in how many runs the variant failed, so that a pair of rows that
 * differ in one axis shows by itself that this axis decides. */
#include "reports/finding_answers.h"
#include "reports/finding_axes.h"
#include "reports/finding_figures.h"
#include "reports/finding_members.h"
#include "reports/finding_rows.h"
#include "reports/finding_sections.h"
#include "reports/finding_values.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_AXES 6 /* columns of axes */

static void add_counts(struct tl_buffer *b, const json_t *f, const json_t *row)
{
    json_int_t match = tl_member_integer(row, "match"), other = tl_member_integer(row, "other"),
               pass = tl_member_integer(row, "pass"), n = match + other + pass;
    if (n)
        tl_buffer_printf(b, "%lld of %lld", (long long)match, (long long)n);
    else
        tl_buffer_add_string(b, "not run");
    if (other)
        tl_buffer_printf(b, " (and %lld of %lld in another way)", (long long)other, (long long)n);
    if (tl_row_passes(row) && !tl_finding_is_evidence(f, pass))
        tl_buffer_printf(b, " (%lld in a row would be evidence)", (long long)tl_finding_enough(f));
}

static const char *outcome_words(const json_t *f, const json_t *row)
{
    json_int_t match = tl_member_integer(row, "match"), other = tl_member_integer(row, "other"),
               pass = tl_member_integer(row, "pass");
    if (match)
        return pass || other ? "fails in some runs" : "fails";
    if (other)
        return pass ? "fails in another way in some runs" : "fails in another way";
    if (pass)
        return tl_words_row_passes(f, row) ? "passes" : "not seen to fail so far";
    return tl_member_integer(row, "unsupported") ? "cannot be tried" : "lost";
}

/* Whether the minimal variant needs its value of the axis, though no reset showed it: without it it passes. */
static bool is_needed(const json_t *f, const char *axis)
{
    static const char *const lists[] = {"needs", "local_needs"};
    const json_t *need, *any_of;
    size_t i;
    for (size_t k = 0; k < TL_COUNT(lists); k++)
        json_array_foreach(json_object_get(f, lists[k]), i, need) {
            any_of = json_object_get(need, "any_of");
            if (json_array_size(any_of) == 1 &&
                !strcmp(tl_member_or(json_array_get(any_of, 0), "axis", ""), axis))
                return true;
        }
    return false;
}

static bool is_decisive(const json_t *f, const json_t *row)
{
    static const char *const ends[] = {"good_before", "first_bad", "last_bad", "fixed"};
    const json_t *pair, *range,
        *builds = json_object_get(f, "builds"),
        *ranges = tl_finding_over_builds(f) ? json_object_get(builds, "ranges") : NULL;
    size_t i;
    const char *axis = tl_member_text(row, "axis"), *name;
    json_array_foreach(ranges, i, range) {
        for (size_t k = 0; k < TL_COUNT(ends); k++)
            if (json_equal(json_object_get(range, ends[k]), json_object_get(row, "value")))
                return true;
    }
    if (!axis)
        return json_array_size(json_object_get(f, "decisive")) > 0;
    json_array_foreach(json_object_get(f, "decisive"), i, pair) {
        name = tl_member_text(pair, "axis");
        if (name && !strcmp(name, axis) && tl_words_row_passes(f, row) &&
            json_equal(json_object_get(json_object_get(pair, "passes"), axis), json_object_get(row, "value")))
            return true;
    }
    return is_needed(f, axis) && tl_words_row_passes(f, row);
}

/* One row: the minimal variant with at most one axis changed. Up to TABLE_AXES axes have a column of their
 * own. */
static void add_observed_row(const struct tl_sections *r, json_t *rows, const json_t *row, size_t n,
                             const char *const *columns)
{
    char *cells[TABLE_AXES + 3] = {NULL};
    const json_t *minimal = json_object_get(r->finding, "minimal"), *value = json_object_get(row, "value");
    const char *axis = tl_member_text(row, "axis");
    bool strong = is_decisive(r->finding, row);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t at = 0;
    if (n) {
        for (; at < n; at++) {
            bool changed = axis && !strcmp(axis, columns[at]);
            char *word = tl_value_word(changed ? value : json_object_get(minimal, columns[at]));
            tl_inline_code(&b, word);
            free(word);
            if (!b.size)
                tl_buffer_add_string(&b, "(empty)");
            cells[at] = tl_buffer_take(&b);
        }
    } else {
        if (axis)
            tl_words_setting(&b, axis, value);
        else
            tl_buffer_add_string(&b, "nothing (the minimal variant)");
        cells[at++] = tl_buffer_take(&b);
    }
    cells[at++] = tl_strdup(outcome_words(r->finding, row));
    add_counts(&b, r->finding, row);
    cells[at++] = tl_buffer_take(&b);
    tl_page_row(rows, strong, at, cells);
}

/* A paragraph below a table. */
static void add_variant(const struct tl_sections *r, const char *words, const json_t *variant)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, words);
    tl_words_variant(&b, variant);
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

/* The table of a search over builds. */
static void add_observed_builds(const struct tl_sections *r)
{
    static const char *const columns[] = {"build", "outcome", "failed in this way"};
    static const char *const axis[] = {"build"};
    json_t *measured = tl_report_rows(r->finding), *row;
    size_t i;
    tl_page_heading(r->page, 2, "Observed");
    tl_page_words(r->page, "Only the build changes. In bold are the builds at the ends of a range that "
                           "fails, and those next to it.");
    json_t *rows = tl_page_table(r->page, TL_COUNT(columns), columns);
    json_array_foreach(measured, i, row)
        add_observed_row(r, rows, row, 1, axis);
    add_variant(r, "In every row: ", tl_report_variant(r->finding));
    json_decref(measured);
}

/* Runs with these values of the two axes, all others being those of the failing variant. */
static json_t *runs_at(const json_t *f, const char *an, const json_t *av, const char *bn, const json_t *bv)
{
    json_t *row = json_object();
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(f, "path"), i, step) {
        const json_t *variant = json_object_get(step, "variant");
        const char *outcome = tl_member_text(step, "outcome");
        if (outcome && json_equal(json_object_get(variant, an), av) &&
            json_equal(json_object_get(variant, bn), bv))
            json_object_set_new(row, outcome, json_integer(tl_member_integer(row, outcome) + 1));
    }
    return row;
}

/* The table of a boundary over two axes. */
static void add_observed_frontier(const struct tl_sections *r, const json_t *frontier)
{
    const char *an = tl_member_text(frontier, "a"), *bn = tl_member_text(frontier, "b");
    const char *columns[] = {an ? an : "a", bn ? bn : "b", "outcome", "failed in this way", "next to it"};
    json_t *rest = json_deep_copy(tl_report_variant(r->finding));
    const json_t *c;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    tl_page_words(r->page, "The corners of the boundary: variants that fail, of which neither axis can "
                           "be made one step simpler, unless the last column says otherwise.");
    json_t *rows = tl_page_table(r->page, TL_COUNT(columns), columns);
    json_array_foreach(json_object_get(frontier, "corners"), i, c) {
        const json_t *values[] = {json_object_get(c, "a"), json_object_get(c, "b")};
        json_t *row = runs_at(r->finding, columns[0], values[0], columns[1], values[1]);
        char *cells[TL_COUNT(columns)];
        for (size_t k = 0; k < 2; k++) {
            tl_inline_value(&b, values[k]);
            cells[k] = tl_buffer_take(&b);
        }
        cells[2] = tl_strdup(outcome_words(r->finding, row));
        add_counts(&b, r->finding, row);
        cells[3] = tl_buffer_take(&b);
        cells[4] = tl_strdup(tl_member_true(c, "gap")
                                 ? "not all was tried"
                                 : "with either one step simpler, if there is one, it does not");
        tl_page_row(rows, false, TL_COUNT(columns), cells);
        json_decref(row);
    }
    json_object_del(rest, columns[0]);
    json_object_del(rest, columns[1]);
    if (json_object_size(rest))
        add_variant(r, "In every row: ", rest);
    json_decref(rest);
}

void tl_section_observed(const struct tl_sections *r)
{
    const json_t *frontier = json_object_get(r->finding, "frontier");
    const char *columns[TABLE_AXES + 3] = {NULL};
    const json_t *axis, *row;
    size_t i, k, n = 0;
    bool all = true; /* every axis that varies has a column */
    if (tl_finding_over_builds(r->finding)) {
        add_observed_builds(r);
        return;
    }
    json_t *measured = tl_report_rows(r->finding), *rest = json_object();
    tl_page_heading(r->page, 2, "Observed");
    if (json_array_size(json_object_get(frontier, "corners"))) {
        add_observed_frontier(r, frontier);
        json_decref(measured);
        json_decref(rest);
        return;
    }
    if (!json_array_size(measured)) {
        tl_page_words(r->page, "No table of single axes: unknown.");
        json_decref(measured);
        json_decref(rest);
        return;
    }
    json_array_foreach(json_object_get(r->finding, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        bool varies = false;
        json_array_foreach(measured, k, row)
            varies |= name && tl_member_text(row, "axis") && !strcmp(name, tl_member_text(row, "axis"));
        if (varies && n == TABLE_AXES)
            all = false;
        else if (varies)
            columns[n++] = name;
        else if (name)
            json_object_set(rest, name, json_object_get(json_object_get(r->finding, "minimal"), name));
    }
    tl_page_words(r->page, "One axis changes at a time. The minimal variant comes first; in bold are the "
                           "variants of which one fails and the other passes though they differ in one "
                           "axis only.");
    if (!all || !n) {
        n = 0;
        columns[0] = "changed";
    }
    columns[n ? n : 1] = "outcome";
    columns[n ? n + 1 : 2] = "failed in this way";
    json_t *rows = tl_page_table(r->page, (n ? n : 1) + 2, columns);
    json_array_foreach(measured, i, row)
        add_observed_row(r, rows, row, n, columns);
    if (!n)
        add_variant(r, "The minimal variant: ", json_object_get(r->finding, "minimal"));
    else if (json_object_size(rest))
        add_variant(r, "In every row: ", rest);
    json_decref(measured);
    json_decref(rest);
}

/* Why it is not shown that an entry of the trigger is needed; NULL where it is. */
static const char *why_not_shown(const json_t *f, const json_t *t)
{
    if (tl_finding_unread(f, tl_member_text(t, "axis")))
        return "nothing reads it, and it seems so by luck.";
    if (tl_words_fails_at_baseline(f, t))
        return "it fails with the simplest value, too.";
    if (tl_member_true(t, "masked"))
        return "with simpler values it fails in another way.";
    if (!tl_member_true(t, "unresolved"))
        return NULL;
    return json_array_size(json_object_get(t, "unsupported_with"))
               ? "no simpler value could be tried."
               : "no simpler value was tried yet with all else the same.";
}

/* Axes of the trigger of which it was not shown that they are needed. */
static void add_not_shown(const struct tl_sections *r)
{
    const json_t *t;
    size_t i;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, t) {
        const char *axis = tl_member_text(t, "axis"), *why = why_not_shown(r->finding, t);
        struct tl_buffer b = TL_BUFFER_INIT;
        if (!axis || !why)
            continue;
        tl_buffer_add_string(&b, "Whether ");
        tl_words_setting(&b, axis, json_object_get(t, "value"));
        tl_buffer_add_string(&b, " is needed is not shown: ");
        tl_buffer_add_string(&b, why);
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

void tl_section_decisive(const struct tl_sections *r)
{
    const json_t *pair, *pairs = json_object_get(r->finding, "decisive");
    size_t i;
    if (tl_finding_over_builds(r->finding) || json_is_object(json_object_get(r->finding, "frontier")))
        return;
    json_t *rows = tl_report_rows(r->finding), *counted = json_array();
    json_array_foreach(pairs, i, pair) {
        if (tl_words_pair_counts(r->finding, rows, pair))
            json_array_append(counted, (json_t *)pair);
    }
    tl_page_heading(r->page, 3, json_array_size(counted) == 1 ? "Decisive pair" : "Decisive pairs");
    if (!json_array_size(counted))
        tl_page_words(
            r->page,
            json_array_size(pairs)
                ? "None is known: no variant that differs in one axis passed so often that it cannot "
                  "have been luck."
                : "None is known: no variant that differs in one axis was seen to pass.");
    json_array_foreach(counted, i, pair) {
        struct tl_buffer b = TL_BUFFER_INIT;
        const char *axis = tl_member_text(pair, "axis");
        const json_t *passes = json_object_get(json_object_get(pair, "passes"), axis);
        tl_buffer_add_string(&b, TL_BOLD_ON);
        tl_words_side(&b, pair, "fails");
        tl_buffer_add_string(&b, " fails");
        tl_buffer_add_string(&b, TL_BOLD_OFF);
        tl_buffer_add_string(&b, " (");
        tl_words_runs(&b, rows, NULL, NULL, "match");
        tl_buffer_add_string(&b, "), " TL_BOLD_ON);
        tl_words_setting(&b, axis, passes);
        tl_buffer_add_string(&b, " passes" TL_BOLD_OFF " (");
        tl_words_runs(&b, rows, axis, passes, "pass");
        tl_buffer_add_string(&b, "), all other axes being the same.");
        tl_page_item(r->page, tl_buffer_take(&b));
    }
    json_decref(rows);
    json_decref(counted);
    add_not_shown(r);
}
