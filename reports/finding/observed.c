/* The table of a report in which one axis changes at a time, and the decisive pairs. It is what convinces a
 * reader who trusts no search: each row says in how many runs the variant failed, so that a pair of rows that
 * differ in one axis shows by itself that this axis decides. */
#include "reports/finding/answers.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"
#include "reports/finding/sections.h"
#include "reports/finding/values.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 12     /* of a table on a page; the others are folded */
#define SENTENCE_MOST 24 /* rows in the sentence below it */
#define BAND_MOST 4 /* of these, values at which it comes and goes: one of them says what the next one does */
#define VALUES_MOST 8 /* of a row, or ranges of them */

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
    if (!json_array_size(
            json_object_get(f, "decisive"))) /* of a baseline that fails: what passes next to it */
        return tl_words_row_passes(f, row);
    json_array_foreach(json_object_get(f, "decisive"), i, pair) {
        name = tl_member_text(pair, "axis");
        if (name && !strcmp(name, axis) && tl_words_row_passes(f, row) &&
            json_equal(json_object_get(json_object_get(pair, "passes"), axis), json_object_get(row, "value")))
            return true;
    }
    return is_needed(f, axis) && tl_words_row_passes(f, row);
}

/* "`indices` in {4, 8, 64}" where a row is of several values. */
static void add_row_setting(struct tl_buffer *b, const json_t *f, const json_t *row)
{
    const char *axis = tl_member_text(row, "axis");
    const json_t *values = json_object_get(row, "values");
    struct tl_buffer set = TL_BUFFER_INIT;
    if (json_array_size(values) < 2) {
        tl_words_setting(b, axis, json_object_get(row, "value"));
        return;
    }
    tl_words_set(&set, tl_axis_named(f, axis, NULL), values, VALUES_MOST);
    tl_inline_code(b, axis);
    tl_buffer_add_string(b, " in ");
    tl_inline_text(b, set.data);
    tl_buffer_free(&set);
}

/* "`weights=fp16` instead of `int4`" */
static void add_change(struct tl_buffer *b, const json_t *f, const json_t *row, bool strong)
{
    const char *axis = tl_member_text(row, "axis");
    const json_t *own = axis ? json_object_get(json_object_get(f, "minimal"), axis) : NULL;
    if (!axis) {
        tl_buffer_add_string(b, "none");
        return;
    }
    add_row_setting(b, f, row);
    if (strong && own) {
        char *word = tl_value_word(own);
        tl_buffer_add_string(b, " instead of ");
        if (*word)
            tl_inline_code(b, word);
        else
            tl_buffer_add_string(b, "nothing");
        free(word);
    }
}

/* One row: the minimal variant with at most one axis changed, or a build. */
static void add_observed_row(const struct tl_sections *r, json_t *rows, const json_t *row, bool build)
{
    bool strong = is_decisive(r->finding, row);
    struct tl_buffer b = TL_BUFFER_INIT, counts = TL_BUFFER_INIT;
    if (build) {
        char *word = tl_value_word(json_object_get(row, "value"));
        tl_inline_code(&b, word);
        free(word);
    } else {
        add_change(&b, r->finding, row, strong);
    }
    add_counts(&counts, r->finding, row);
    char *cells[] = {tl_buffer_take(&b), tl_strdup(outcome_words(r->finding, row)), tl_buffer_take(&counts)};
    tl_page_row(rows, strong, TL_COUNT(cells), cells);
}

/* What decides first: the minimal variant, what decides, what fails as it does not, and at the end what makes no difference. */
static int rank_of(const json_t *f, const json_t *row)
{
    if (!tl_member_text(row, "axis"))
        return 0;
    if (is_decisive(f, row))
        return 1;
    return tl_member_integer(row, "match") ? 3 : 2;
}

/* The rank is asked for once, for it looks at all runs. */
static json_t *decisive_first(const json_t *f, const json_t *rows)
{
    json_t *sorted = json_array();
    size_t n = json_array_size(rows);
    int *ranks = tl_calloc(n + 1, sizeof *ranks);
    for (size_t i = 0; i < n; i++)
        ranks[i] = rank_of(f, json_array_get(rows, i));
    for (int rank = 0; rank <= 3; rank++)
        for (size_t i = 0; i < n; i++)
            if (ranks[i] == rank)
                json_array_append(sorted, json_array_get(rows, i));
    free(ranks);
    return sorted;
}

/* "`opset=20` fails (2 of 2)" */
static void add_row_briefly(struct tl_buffer *b, const json_t *f, const json_t *row, bool build)
{
    if (build) {
        char *word = tl_value_word(json_object_get(row, "value"));
        tl_inline_code(b, word);
        free(word);
    } else {
        add_row_setting(b, f, row);
    }
    tl_buffer_printf(b, " %s (", outcome_words(f, row));
    json_int_t other = tl_member_integer(row, "other"), match = tl_member_integer(row, "match"),
               n = match + other + tl_member_integer(row, "pass");
    if (other)
        tl_buffer_printf(b, "%lld of %lld, and %lld in another way", (long long)match, (long long)n,
                         (long long)other);
    else
        add_counts(b, f, row);
    tl_buffer_add_string(b, ")");
}

static bool comes_and_goes(const json_t *row)
{
    return tl_member_integer(row, "match") &&
           (tl_member_integer(row, "pass") || tl_member_integer(row, "other"));
}

/* The first `most` rows in a table, the others in a sentence. */
static void add_rows(const struct tl_sections *r, const json_t *rows, size_t n_head, const char *const *head,
                     bool build)
{
    size_t n = json_array_size(rows),
           most = r->extent == TL_EXTENT_FULL || n == ROWS_MOST + 1 ? n : ROWS_MOST;
    json_t *table = n ? tl_page_table(r->page, n_head, head) : NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < n && i < most; i++)
        add_observed_row(r, table, json_array_get(rows, i), build);
    if (r->extent == TL_EXTENT_SHORT || most >= n)
        return;
    size_t named = 0, in_part = 0;
    for (size_t i = most; i < n && named < SENTENCE_MOST; i++) {
        const json_t *row = json_array_get(rows, i);
        in_part += comes_and_goes(row);
        if (comes_and_goes(row) && in_part > BAND_MOST)
            continue;
        tl_buffer_add_string(&b, named++ ? "; " : TL_BOLD_ON "Also tried:" TL_BOLD_OFF " ");
        add_row_briefly(&b, r->finding, row, build);
    }
    if (n > most + named)
        tl_buffer_printf(&b, "; and %zu more", n - most - named);
    tl_buffer_add_string(&b, ".");
    tl_page_item(r->page, tl_buffer_take(&b));
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
    json_t *measured = tl_report_rows(r->finding), *kept = json_array(), *row;
    size_t i;
    /* Where there are many, the ends of what fails and their neighbours; in a list that is short anyway, all. */
    json_array_foreach(measured, i, row)
        if (json_array_size(measured) <= ROWS_MOST || is_decisive(r->finding, row))
            json_array_append(kept, row);
    json_array_foreach(measured, i, row)
        if (json_array_size(measured) > ROWS_MOST && !is_decisive(r->finding, row))
            json_array_append(kept, row);
    tl_page_heading(r->page, 2, "Observed");
    tl_page_words(r->page, "Only the build changes. In bold are the builds at the ends of a range that "
                           "fails, and those next to it.");
    add_rows(r, r->extent == TL_EXTENT_FULL ? measured : kept, TL_COUNT(columns), columns, true);
    add_variant(r, "In every row: ", tl_report_variant(r->finding));
    json_decref(measured);
    json_decref(kept);
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
        if (i == ROWS_MOST && r->extent == TL_EXTENT_SHORT)
            break;
        if (i == ROWS_MOST && r->extent == TL_EXTENT_PAGE)
            rows = tl_page_table(tl_page_fold_open(r->page, tl_strdup("More corners")), TL_COUNT(columns),
                                 columns);
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

/* With what is said of it below, a list. */
static void add_minimal(const struct tl_sections *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, TL_BOLD_ON "The minimal variant:" TL_BOLD_OFF " ");
    tl_words_variant(&b, json_object_get(r->finding, "minimal"));
    tl_buffer_add_string(&b, ".");
    tl_page_item(r->page, tl_buffer_take(&b));
}

static const json_t *trigger_of(const json_t *f, const char *axis)
{
    const json_t *t;
    size_t i;
    json_array_foreach(json_object_get(f, "trigger"), i, t) {
        if (axis && !strcmp(tl_member_or(t, "axis", ""), axis))
            return t;
    }
    return NULL;
}

/* It fails all the same, with another value of an axis that is not in the trigger. */
static bool is_indifferent(const json_t *f, const json_t *row)
{
    return rank_of(f, row) == 3 && !trigger_of(f, tl_member_text(row, "axis")) &&
           !tl_member_integer(row, "other");
}

/* On one side of a threshold, of which the two rows next to it are there. */
static bool is_beside_threshold(const json_t *f, const json_t *row)
{
    const json_t *t = rank_of(f, row) < 2 ? NULL : trigger_of(f, tl_member_text(row, "axis"));
    return t && json_object_get(t, "threshold") && !tl_member_true(t, "set") &&
           !json_object_get(t, "non_monotone") && !json_is_object(json_object_get(t, "band")) &&
           !tl_member_integer(row, "other");
}

/* What tl_section_also_tried says. */
static bool is_folded(const json_t *f, const json_t *row)
{
    return is_indifferent(f, row) || is_beside_threshold(f, row);
}

/* What the section on the threshold says of a band. */
static bool is_of_band(const json_t *f, const json_t *row)
{
    const json_t *t = rank_of(f, row) < 2 ? NULL : trigger_of(f, tl_member_text(row, "axis"));
    return json_is_object(json_object_get(t, "band")) && !tl_member_integer(row, "other");
}

/* Whether all runs of a variant ended alike, so that those of several can be counted together. */
static bool is_plain(const json_t *f, const json_t *row)
{
    return (tl_member_integer(row, "match") > 0) + (tl_member_integer(row, "other") > 0) +
                   (tl_member_integer(row, "pass") > 0) ==
               1 &&
           (!tl_row_passes(row) || tl_words_row_passes(f, row));
}

/* What rows have in common that can be one; empty of a row that stays alone. The caller's. */
static char *row_kind(const json_t *f, const json_t *row)
{
    const char *axis = tl_member_text(row, "axis");
    return axis && is_plain(f, row) ? tl_format("%d %s %s", rank_of(f, row), outcome_words(f, row), axis)
                                    : tl_strdup("");
}

/* Values of an axis that came to the same in one row, {"values"} besides the first value; a new array. */
static json_t *rows_folded(const json_t *f, const json_t *rows)
{
    static const char *const counts[] = {"match", "other", "pass"};
    json_t *folded = json_array(), *kinds = json_object();
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        char *kind = row_kind(f, row);
        json_t *other = *kind ? json_object_get(kinds, kind) : NULL;
        for (size_t k = 0; other && k < TL_COUNT(counts); k++)
            json_object_set_new(
                other, counts[k],
                json_integer(tl_member_integer(other, counts[k]) + tl_member_integer(row, counts[k])));
        if (!other) {
            other = json_copy((json_t *)row);
            json_object_set_new(other, "values", json_array());
            json_array_append_new(folded, other);
            if (*kind)
                json_object_set(kinds, kind, other);
        }
        json_array_append(json_object_get(other, "values"), json_object_get(row, "value"));
        free(kind);
    }
    json_decref(kinds);
    return folded;
}

static bool is_shown(const struct tl_sections *r, const json_t *row)
{
    return r->extent == TL_EXTENT_FULL ||
           (r->extent == TL_EXTENT_SHORT ? rank_of(r->finding, row) < 2
                                         : !is_folded(r->finding, row) && !is_of_band(r->finding, row));
}

/* The rows of a table in their order. */
static json_t *rows_of(const struct tl_sections *r)
{
    json_t *measured = tl_report_rows(r->finding), *sorted = decisive_first(r->finding, measured);
    for (size_t i = json_array_size(sorted); i-- > 0;)
        if (!is_shown(r, json_array_get(sorted, i)))
            json_array_remove(sorted, i);
    json_decref(measured);
    if (r->extent == TL_EXTENT_FULL)
        return sorted;
    json_t *folded = rows_folded(r->finding, sorted);
    json_decref(sorted);
    return folded;
}

/* Those that fail, or those that do not. */
static void add_tried(const struct tl_sections *r, const json_t *measured, bool fails, const char *words)
{
    struct tl_buffer b = TL_BUFFER_INIT, counts = TL_BUFFER_INIT;
    const json_t *row;
    size_t i;
    json_array_foreach(measured, i, row) {
        if (!is_folded(r->finding, row) || (tl_member_integer(row, "match") > 0) != fails)
            continue;
        tl_buffer_add_string(&b, b.size ? ", " : words);
        add_row_setting(&b, r->finding, row);
        add_counts(&counts, r->finding, row);
        tl_buffer_printf(&b, " (%s)", counts.data);
        tl_buffer_clear(&counts);
    }
    tl_buffer_add_string(&b, b.size ? "." : "");
    tl_page_item(r->page, tl_buffer_take(&b));
    tl_buffer_free(&counts);
}

void tl_section_also_tried(const struct tl_sections *r)
{
    json_t *each = tl_report_rows(r->finding), *measured = rows_folded(r->finding, each);
    json_decref(each);
    add_tried(r, measured, true, "The minimal variant with one axis changed fails as well with ");
    add_tried(r, measured, false, "It does not fail with these either: ");
    json_decref(measured);
}

void tl_section_observed(const struct tl_sections *r)
{
    static const char *const columns[] = {"one change to the minimal variant", "outcome",
                                          "failed in this way"};
    const json_t *frontier = json_object_get(r->finding, "frontier");
    if (tl_finding_over_builds(r->finding)) {
        add_observed_builds(r);
        return;
    }
    if (json_array_size(json_object_get(frontier, "corners"))) {
        tl_page_heading(r->page, 2, "Observed");
        add_observed_frontier(r, frontier);
        return;
    }
    json_t *rows = rows_of(r);
    /* Of a model that was reduced without an axis the one row says what the first paragraph does. */
    const bool told = json_array_size(rows) == 1 &&
                      json_is_object(json_object_get(r->finding, "reduction")) &&
                      !json_object_size(json_object_get(r->finding, "minimal"));
    if (json_array_size(rows) && !told) {
        tl_page_heading(r->page, 2, "Observed");
        add_rows(r, rows, TL_COUNT(columns), columns, false);
        add_minimal(r);
    }
    json_decref(rows);
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

static void add_pair(const struct tl_sections *r, const json_t *rows, const char *axis, const json_t *fails,
                     const json_t *passes)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, TL_BOLD_ON);
    tl_words_setting(&b, axis, fails);
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

/* Pairs that the search names; where it names none, as of a baseline that fails, those that the table shows. Returns how
 * many. */
static size_t add_each_pair(const struct tl_sections *r, const json_t *rows, bool count_only)
{
    const json_t *pair, *row, *minimal = json_object_get(r->finding, "minimal");
    size_t i, n = 0;
    json_array_foreach(json_object_get(r->finding, "decisive"), i, pair) {
        const char *axis = tl_member_text(pair, "axis");
        if (!tl_words_pair_counts(r->finding, rows, pair))
            continue;
        n++;
        if (!count_only)
            add_pair(r, rows, axis, json_object_get(json_object_get(pair, "fails"), axis),
                     json_object_get(json_object_get(pair, "passes"), axis));
    }
    if (n)
        return n;
    json_array_foreach(rows, i, row) {
        const char *axis = tl_member_text(row, "axis");
        if (!axis || !tl_words_row_passes(r->finding, row))
            continue;
        n++;
        if (!count_only)
            add_pair(r, rows, axis, json_object_get(minimal, axis), json_object_get(row, "value"));
    }
    return n;
}

static void add_pairs(const struct tl_sections *r)
{
    json_t *rows = tl_report_rows(r->finding);
    size_t n = add_each_pair(r, rows, true);
    if (n)
        tl_page_heading(r->page, 3, n == 1 ? "Decisive pair" : "Decisive pairs");
    else if (json_array_size(json_object_get(r->finding, "decisive")))
        tl_page_words(
            r->page,
            "There is no decisive pair: no variant that differs in one axis passed so often that it cannot "
            "have been luck.");
    add_each_pair(r, rows, false);
    json_decref(rows);
}

/* In the table they are in bold; in full they are said in words as well. */
void tl_section_decisive(const struct tl_sections *r)
{
    if (tl_finding_over_builds(r->finding) || json_is_object(json_object_get(r->finding, "frontier")))
        return;
    if (r->extent == TL_EXTENT_FULL)
        add_pairs(r);
    add_not_shown(r);
}
