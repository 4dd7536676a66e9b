/* The sections of a report on needs, other triggers, places in the code, and axes on which the failure does not
 * depend. */
#include "harness/base/plural.h"
#include "reports/finding/answers.h"
#include "reports/finding/axes.h"
#include "reports/finding/figures.h"
#include "reports/finding/members.h"
#include "reports/finding/rows.h"
#include "reports/finding/sections.h"
#include "reports/finding/values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MOST 4  /* of a page */
#define PLACE_MOST 100 /* bytes of its title there */
#define VALUES_MOST 4  /* of an axis of which little is known */

static void add_needs(const struct tl_sections *r, const char *list, const char *words)
{
    const json_t *needs = json_object_get(r->finding, list), *need;
    size_t i;
    if (json_array_size(needs))
        tl_page_words(r->page, words);
    json_array_foreach(needs, i, need) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_words_need(&b, r->finding, need);
        tl_buffer_add_string(&b, ".");
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

void tl_section_needs(const struct tl_sections *r)
{
    const json_t *f = r->finding;
    bool open = tl_finding_has_note(f, "needs-open");
    bool none =
        !json_array_size(json_object_get(f, "needs")) && !json_array_size(json_object_get(f, "local_needs"));
    if (none && (!open || r->extent != TL_EXTENT_FULL)) /* that there may be some is among the notes */
        return;
    tl_page_heading(r->page, 2, "Also needed");
    add_needs(r, "needs",
              "Values that the minimal variant has, and without which it passes; no reset of the failing "
              "variant shows them:");
    add_needs(r, "local_needs",
              "Next to the minimal variant only, for with the other values of the failing variant it "
              "fails without them:");
    if (open)
        tl_page_words(r->page,
                      "There may be more: eight random variants that fail in a row were not reached.");
}

void tl_section_causes(const struct tl_sections *r)
{
    const json_t *f = r->finding, *causes = json_object_get(f, "or"), *cause;
    size_t i;
    if (!json_array_size(causes))
        return;
    tl_page_heading(r->page, 2, "Other triggers");
    tl_page_words(r->page, "It fails in the same way without the trigger above, found so far:");
    json_array_foreach(causes, i, cause) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, "when ");
        tl_words_cause(&b, f, cause);
        tl_buffer_add_string(&b, ". Seen with ");
        tl_words_difference(&b, f, json_object_get(cause, "minimal"), json_object_get(f, "baseline"));
        tl_buffer_add_string(&b, ", all else at its simplest value.");
        tl_page_item(r->page, tl_buffer_take(&b));
    }
}

/* Bytes that two texts begin with alike, to the end of a word. */
static size_t common_beginning(const char *a, const char *b)
{
    size_t n = 0, end = 0;
    for (; a[n] && a[n] == b[n]; n++)
        end = a[n] == ' ' ? n + 1 : end;
    return end;
}

/* Bytes that they end with alike, from the beginning of a word on. */
static size_t common_end(const char *a, size_t n, const char *b, size_t m)
{
    size_t k = 0, end = 0;
    for (; k < n && k < m && a[n - 1 - k] == b[m - 1 - k]; k++)
        end = a[n - 1 - k] == ' ' ? k + 1 : end;
    return end;
}

/* The title of a place; of another than the first, where it is long, the part in which it differs from that of the first. */
static char *place_title(const json_t *place, const json_t *first)
{
    const char *title = tl_member_or(place, "title", tl_member_or(place, "signature", "unknown")),
               *other = tl_member_or(first, "title", "");
    size_t n = strlen(title), from = 0, end = 0;
    if (place != first && n > PLACE_MOST / 2 && strcmp(title, other) != 0) {
        from = common_beginning(title, other);
        end = common_end(title + from, n - from, other + from, strlen(other + from));
    }
    char *part =
             tl_format("%s%.*s%s", from ? "… " : "", (int)(n - from - end), title + from, end ? " …" : ""),
         *cut = tl_inline_cut(part, PLACE_MOST);
    free(part);
    return cut;
}

/* A row of the table of a whole report. */
static void add_place(const struct tl_sections *r, json_t *rows, const json_t *place)
{
    struct tl_buffer title = TL_BUFFER_INIT, where = TL_BUFFER_INIT, relation = TL_BUFFER_INIT,
                     words = TL_BUFFER_INIT;
    long long seen = tl_member_integer(place, "seen");
    tl_words_relation(&words, r->finding, place);
    tl_inline_text(&relation, words.data);
    tl_buffer_free(&words);
    tl_inline_code(&title, tl_member_or(place, "title", tl_member_text(place, "signature")));
    tl_words_difference(&where, r->finding, json_object_get(place, "variant"),
                        json_object_get(r->finding, "baseline"));
    char *times = seen == 1 ? tl_strdup("once") : tl_format("%lld times", seen);
    char *cells[] = {tl_buffer_take(&title), tl_buffer_take(&where), times, tl_buffer_take(&relation)};
    tl_page_row(rows, false, TL_COUNT(cells), cells);
}

/* An item of a page. Of the variant of another place than the first what makes it another one. */
static void add_place_briefly(const struct tl_sections *r, const json_t *place)
{
    const json_t *first = tl_finding_first_place(r->finding);
    struct tl_buffer b = TL_BUFFER_INIT, relation = TL_BUFFER_INIT;
    long long seen = tl_member_integer(place, "seen");
    char *title = place_title(place, first);
    tl_inline_code(&b, title);
    tl_buffer_printf(&b, seen == 1 ? ", once" : ", %lld times", seen);
    if (place != first) {
        tl_buffer_add_string(&b, ", first with ");
        tl_words_difference(&b, r->finding, json_object_get(place, "variant"),
                            json_object_get(first, "variant"));
    }
    tl_words_relation(&relation, r->finding, place);
    tl_buffer_add_string(&b, ": ");
    tl_inline_text(&b, relation.data);
    tl_buffer_free(&relation);
    tl_page_item(r->page, tl_buffer_take(&b));
    free(title);
}

/* The answer by the signature of the failing variant alone: that of this place. */
static void add_strict(const struct tl_sections *r)
{
    const json_t *f = r->finding, *strict = json_object_get(f, "strict"),
                 *rate = json_object_get(strict, "rate");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!json_is_object(strict))
        return;
    tl_buffer_add_string(&b, "By its signature alone, the place that was isolated first needs ");
    if (json_array_size(json_object_get(strict, "trigger")))
        tl_words_trigger(&b, f, json_object_get(strict, "trigger"));
    else
        tl_buffer_add_string(&b, "nothing but the simplest variant");
    struct tl_buffer only = TL_BUFFER_INIT;
    if (r->extent == TL_EXTENT_FULL && tl_words_only_with(&only, f))
        tl_buffer_printf(&b, "; it was seen only %s", only.data);
    if (tl_integer_at(rate, 1) > 0)
        tl_buffer_printf(&b, ". Its minimal variant failed in %lld of %lld run%s", tl_integer_at(rate, 0),
                         tl_integer_at(rate, 1), tl_plural((unsigned long long)tl_integer_at(rate, 1)));
    tl_buffer_add_string(&b, ".");
    tl_buffer_free(&only);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

void tl_section_places(const struct tl_sections *r)
{
    static const char *const head[] = {"place", "first seen with (all else at its simplest value)", "seen",
                                       "is it the same failure?"};
    const json_t *f = r->finding, *places = json_object_get(f, "places"), *place;
    struct tl_buffer b = TL_BUFFER_INIT, frame = TL_BUFFER_INIT;
    const char *two = tl_words_may_be_two(f);
    size_t i;
    bool full = r->extent == TL_EXTENT_FULL, error = tl_finding_is_error(f);
    if (json_array_size(places) > 1) {
        tl_page_heading(r->page, 2, error ? "Wordings" : "Places in the code");
        tl_buffer_add_string(&b, "The same failure by its kind (");
        tl_words_kind(&b, f);
        tl_buffer_printf(&b,
                         error ? ") was seen in %zu wordings, which name other things%s"
                               : ") was seen at %zu places%s",
                         json_array_size(places),
                         full    ? ":"
                         : error ? "."
                                 : ". ");
        if (full)
            tl_page_paragraph(r->page, tl_buffer_take(&b));
        if (error)
            ; /* it has no stack that they could share */
        else if (tl_words_common_frame(&frame, f))
            tl_buffer_printf(&b, "The innermost frame that all of them share: %s.", frame.data);
        else
            tl_buffer_add_string(&b, "Of the frames that name them, none is shared by all.");
        if (!full)
            tl_page_paragraph(r->page, tl_buffer_take(&b));
        json_t *rows = full ? tl_page_table(r->page, TL_COUNT(head), head) : NULL;
        json_array_foreach(places, i, place) {
            if (full)
                add_place(r, rows, place);
            else if (i < PLACES_MOST)
                add_place_briefly(r, place);
        }
        if (!full && i > PLACES_MOST)
            tl_page_item(r->page, tl_format("and %zu more", i - PLACES_MOST));
        tl_page_paragraph(r->page, tl_buffer_take(&b));
        tl_buffer_free(&frame);
    }
    add_strict(r);
    if (two && full) /* on a page the summary says so */
        tl_page_words(r->page, two);
}

/* --- what it does not depend on --------------------------------------------------------------------- */

/* Axes of which it is only known that the failure does without a value of the failing variant. Findings of earlier
 * versions have "irrelevant" instead, among which are those of `independent`: these are left out. */
static json_t *reset_axes_without(const json_t *f, const json_t *without)
{
    const json_t *reset = json_object_get(f, "reset"), *name;
    json_t *others = json_array();
    size_t i;
    if (reset)
        json_array_extend(others, (json_t *)reset);
    else
        json_array_foreach(json_object_get(f, "irrelevant"), i, name)
            if (!tl_list_holds(without, name))
                json_array_append(others, (json_t *)name);
    return others;
}

/* Random variants: how many failed, and what that excludes. */
static void add_draws(const struct tl_sections *r, const struct tl_buffer *names, long long k, long long n)
{
    const json_t *f = r->finding, *not_held = json_object_get(f, "not_held"),
                 *strictly = json_object_get(json_object_get(f, "generalises_strict"), "held");
    bool held = json_array_size(json_object_get(f, "trigger")),
         needs = json_array_size(json_object_get(f, "needs"));
    static const char *const held_words[2][2] = {
        {"", " with all that it needs"},
        {" with the trigger", " with the trigger and all that it needs"},
    };
    const char *which = held_words[held][needs];
    struct tl_buffer b = TL_BUFFER_INIT;
    if (names->size && n >= TL_FINDING_DRAWS) {
        tl_buffer_printf(
            &b,
            "%s: %lld of %lld random variant%s%s failed in this way, with at least three values of each of "
            "these axes, or all that it has. That excludes that more than %.0f %% of such variants pass "
            "(with confidence 95 %%).",
            names->data, k, n, tl_plural((unsigned long long)n), which,
            100 * (1 - pow(0.05, 1.0 / (double)n)));
    } else if (names->size) { /* fewer than that are all that there are */
        char *all = n == 1 ? tl_format("the only variant%s was tried, and failed", which)
                           : tl_format("all %lld variants%s that there are were tried, and failed", n, which);
        tl_buffer_printf(&b, "%s: %s in this way.", names->data, all);
        free(all);
    } else if (n > 0) {
        tl_buffer_printf(&b, "Nothing is shown to be: %lld of %lld random variant%s%s failed in this way", k,
                         n, tl_plural((unsigned long long)n), which);
        if (json_is_object(not_held)) {
            tl_buffer_add_string(&b, "; it did not with ");
            tl_words_difference(&b, f, not_held, json_object_get(f, "minimal"));
        } else if (k == n && n < TL_FINDING_DRAWS) {
            tl_buffer_add_string(&b, ", which are too few to say so");
        }
        tl_buffer_add_string(&b, ".");
    }
    if (k > 0 && json_is_integer(strictly) && json_integer_value(strictly) < k)
        tl_buffer_printf(&b,
                         " %lld of the %lld that failed did so at the very place that was isolated first.",
                         (long long)json_integer_value(strictly), k);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static void add_broken(const struct tl_sections *r, long long k, long long n)
{
    const json_t *f = r->finding, *also = json_object_get(f, "also");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (n <= 0)
        return;
    tl_buffer_printf(
        &b,
        "With the trigger broken and the other axes drawn at random, %lld of %lld variant%s failed in "
        "the same way",
        k, n, tl_plural((unsigned long long)n));
    if (json_is_object(also)) {
        tl_buffer_add_string(&b, ": there is another trigger, seen with ");
        tl_words_difference(&b, f, also, json_object_get(f, "minimal"));
    }
    tl_buffer_add_string(&b, ".");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static void add_counted(const struct tl_sections *r, const struct tl_buffer *independent)
{
    const json_t *f = r->finding, *g = json_object_get(f, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    long long n = tl_integer_at(held, 1), m = tl_integer_at(broken, 1);
    add_draws(r, independent, tl_integer_at(held, 0), n);
    add_broken(r, tl_integer_at(broken, 0), m);
    /* One run of each would show nothing, and 8 of 8 is no rate. */
    if (tl_member_true(f, "flaky") && (n > 0 || m > 0))
        tl_page_words(r->page, "Since it does not fail in this way every time, each of these "
                               "variants was run until it did, or until it had not so often "
                               "that it is believed not to.");
}

/* Of axes that are only reset, and of those that nothing reads. */
static void add_unvaried(const struct tl_sections *r, const json_t *independent)
{
    const json_t *f = r->finding;
    struct tl_buffer names = TL_BUFFER_INIT, b = TL_BUFFER_INIT;
    json_t *reset = reset_axes_without(f, independent);
    tl_words_names(&names, reset);
    json_decref(reset);
    if (names.size) {
        tl_buffer_printf(
            &b,
            "Reset: the minimal variant fails with the simplest value of %s. Of other values nothing is "
            "shown: they may make a difference.",
            names.data);
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
    tl_buffer_clear(&names);
    tl_words_names(&names, json_object_get(f, "unread"));
    if (names.size) {
        tl_buffer_printf(
            &b,
            "Nothing reads %s: no command or input of the case does, and the runner does not list it among "
            "the axes that it understands. Variants that differ in nothing else are one variant.",
            names.data);
        tl_page_paragraph(r->page, tl_buffer_take(&b));
    }
    tl_buffer_free(&names);
}

static const json_t *independent_axes(const json_t *f)
{
    return tl_finding_draws(f) ? json_object_get(f, "independent") : NULL;
}

static void learn_axes(json_t *known, const json_t *entries)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(entries, i, entry) {
        const char *axis = tl_member_text(entry, "axis");
        if (axis)
            json_object_set_new(known, axis, json_true());
        learn_axes(known, json_object_get(entry, "any_of"));
    }
}

/* Of other triggers, which have a section of their own. */
static void learn_causes(json_t *known, const json_t *causes)
{
    const json_t *cause;
    size_t i;
    json_array_foreach(causes, i, cause) {
        learn_axes(known, json_object_get(cause, "trigger"));
        learn_axes(known, json_object_get(cause, "needs"));
    }
}

static void learn_names(json_t *known, const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
        if (json_is_string(name))
            json_object_set_new(known, json_string_value(name), json_true());
}

/* The names that no list before this one has, which are known from here on; a new array. */
static json_t *names_left(json_t *known, const json_t *names)
{
    json_t *left = json_array(), *name;
    size_t i;
    json_array_foreach((json_t *)names, i, name)
        if (json_is_string(name) && !json_object_get(known, json_string_value(name)))
            json_array_append(left, name);
    learn_names(known, left);
    return left;
}

/* What the axis was tried with next to the minimal variant, and whether it failed as that does each time. */
static json_t *values_tried(const json_t *rows, const char *axis, bool fails)
{
    json_t *values = json_array();
    const json_t *row;
    size_t i;
    json_array_foreach(rows, i, row) {
        bool other = tl_member_integer(row, "other") || tl_member_integer(row, "pass"),
             runs = other || tl_member_integer(row, "match");
        if (runs && fails != other && !strcmp(tl_member_or(row, "axis", ""), axis))
            json_array_append(values, json_object_get(row, "value"));
    }
    return values;
}

static void add_values(struct tl_buffer *b, const char *words, const json_t *axis, const json_t *values)
{
    struct tl_buffer set = TL_BUFFER_INIT;
    if (!json_array_size(values))
        return;
    tl_words_set(&set, axis, values, VALUES_MOST);
    tl_buffer_add_string(b, words);
    tl_inline_code(b, set.data);
    tl_buffer_free(&set);
}

/* The axes of which no list tells: the minimal variant has each at the value that the failing one has, and nothing was
 * drawn. What single trials showed is said as that. */
static void add_axes_left(struct tl_buffer *b, const json_t *f, const json_t *known)
{
    json_t *rows = tl_report_rows(f), *untried = json_array();
    const json_t *axis;
    struct tl_buffer tried = TL_BUFFER_INIT, names = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(json_object_get(f, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        if (!name || json_object_get(known, name))
            continue;
        json_t *fails = values_tried(rows, name, true), *others = values_tried(rows, name, false);
        if (json_array_size(fails) || json_array_size(others)) {
            tl_buffer_add_string(&tried, tried.size ? "; " : "");
            tl_inline_code(&tried, name);
            add_values(&tried, " (fails with ", axis, fails);
            add_values(&tried, json_array_size(fails) ? ", not with " : " (does not fail with ", axis,
                       others);
            tl_buffer_add_string(&tried, ")");
        } else {
            json_array_append_new(untried, json_string(name));
        }
        json_decref(fails);
        json_decref(others);
    }
    if (tried.size)
        tl_buffer_printf(b, "%sTried next to the minimal variant alone: %s.", b->size ? " " : "", tried.data);
    tl_words_names(&names, untried);
    if (names.size)
        tl_buffer_printf(b, "%sNo other value was tried of %s.", b->size ? " " : "", names.data);
    tl_buffer_free(&tried);
    tl_buffer_free(&names);
    json_decref(untried);
    json_decref(rows);
}

/* What does not matter, and what little is known of, in sentences below the table: with what decides and what is needed
 * every axis is named once. */
void tl_section_indifferent(const struct tl_sections *r)
{
    const json_t *f = r->finding, *held = json_object_get(json_object_get(f, "generalises"), "held");
    struct tl_buffer names = TL_BUFFER_INIT, b = TL_BUFFER_INIT;
    json_t *known = json_object(), *list;
    learn_axes(known, json_object_get(f, "trigger"));
    learn_axes(known, json_object_get(f, "needs"));
    learn_axes(known, json_object_get(f, "local_needs"));
    learn_causes(known, json_object_get(f, "or"));
    list = names_left(known, independent_axes(f));
    tl_words_names(&names, list);
    json_decref(list);
    if (names.size)
        tl_buffer_printf(
            &b, TL_BOLD_ON "Does not matter:" TL_BOLD_OFF " %s (%lld of %lld random variant%s failed%s).",
            names.data, tl_integer_at(held, 0), tl_integer_at(held, 1),
            tl_plural((unsigned long long)tl_integer_at(held, 1)),
            json_array_size(json_object_get(f, "trigger")) ? ", the trigger held" : "");
    tl_buffer_clear(&names);
    list = names_left(known, json_object_get(f, "unread"));
    json_t *reset = reset_axes_without(f, independent_axes(f)), *left = names_left(known, reset);
    tl_words_names(&names, left);
    json_decref(reset);
    json_decref(left);
    if (names.size)
        tl_buffer_printf(&b, "%sIt fails with the simplest value of %s, and few others were tried, or none.",
                         b.size ? " " : "", names.data);
    tl_buffer_clear(&names);
    tl_words_names(&names, list);
    json_decref(list);
    if (names.size)
        tl_buffer_printf(&b, "%sNothing reads %s.", b.size ? " " : "", names.data);
    if (tl_member_true(f, "reproduced") && json_is_object(json_object_get(f, "minimal")) &&
        !tl_finding_over_builds(f) && !json_is_object(json_object_get(f, "frontier")))
        add_axes_left(&b, f, known);
    tl_page_item(r->page, tl_buffer_take(&b));
    tl_buffer_free(&names);
    json_decref(known);
}

/* "With the trigger held and all else at random 8 of 8 variants failed, with it broken 0 of 8." */
static void add_draws_briefly(const struct tl_sections *r)
{
    const json_t *g = json_object_get(r->finding, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    long long n = tl_integer_at(held, 1), m = tl_integer_at(broken, 1);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (n > 0)
        tl_buffer_printf(&b, "With the trigger held and all else at random %lld of %lld variant%s failed",
                         tl_integer_at(held, 0), n, tl_plural((unsigned long long)n));
    if (m > 0)
        tl_buffer_printf(&b, "%s %lld of %lld",
                         b.size ? ", with it broken" : "With the trigger broken, of variants failed",
                         tl_integer_at(broken, 0), m);
    tl_buffer_add_string(&b, b.size ? "." : "");
    tl_page_item(r->page, tl_buffer_take(&b));
}

void tl_section_draws(const struct tl_sections *r)
{
    struct tl_buffer names = TL_BUFFER_INIT;
    tl_words_names(&names, independent_axes(r->finding));
    if (r->extent != TL_EXTENT_FULL)
        add_draws_briefly(r);
    else if (names.size ||
             tl_integer_at(json_object_get(json_object_get(r->finding, "generalises"), "held"), 1) > 0)
        add_counted(r, &names);
    tl_buffer_free(&names);
}

void tl_section_independent(const struct tl_sections *r)
{
    struct tl_sections own = *r;
    own.page = json_array();
    tl_section_draws(&own);
    add_unvaried(&own, independent_axes(r->finding));
    tl_page_under(r->page, "Independent of", own.page);
}
