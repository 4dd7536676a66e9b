/* The sections of a report on needs, other triggers, places in the code, and axes on which the failure does not
 * depend. */
#include "reports/finding_answers.h"
#include "reports/finding_figures.h"
#include "reports/finding_members.h"
#include "reports/finding_sections.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* A row where there are rows, else an item: a page has no room for four columns. */
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
    if (rows) {
        char *cells[] = {tl_buffer_take(&title), tl_buffer_take(&where), times, tl_buffer_take(&relation)};
        tl_page_row(rows, false, TL_COUNT(cells), cells);
        return;
    }
    tl_page_item(r->page, tl_format("%s, %s, first with %s: %s", title.data ? title.data : "", times,
                                    where.data ? where.data : "", relation.data ? relation.data : ""));
    tl_buffer_free(&title);
    tl_buffer_free(&where);
    tl_buffer_free(&relation);
    free(times);
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
    if (tl_words_only_with(&only, f))
        tl_buffer_printf(&b, "; it was seen only %s", only.data);
    if (tl_integer_at(rate, 1) > 0)
        tl_buffer_printf(&b, ". Its minimal variant failed in %lld of %lld run%s", tl_integer_at(rate, 0),
                         tl_integer_at(rate, 1), tl_integer_at(rate, 1) == 1 ? "" : "s");
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
    if (json_array_size(places) > 1) {
        tl_page_heading(r->page, 2, "Places in the code");
        tl_buffer_add_string(&b, "The same failure by its kind (");
        tl_words_kind(&b, f);
        tl_buffer_printf(&b, ") was seen at %zu places:", json_array_size(places));
        tl_page_paragraph(r->page, tl_buffer_take(&b));
        json_t *rows = r->extent == TL_EXTENT_FULL ? tl_page_table(r->page, TL_COUNT(head), head) : NULL;
        json_array_foreach(places, i, place)
            add_place(r, rows, place);
        if (tl_words_common_frame(&frame, f))
            tl_buffer_printf(&b, "The innermost frame that all of them share: %s.", frame.data);
        else
            tl_buffer_add_string(&b, "Of the frames that name them, none is shared by all.");
        tl_page_paragraph(r->page, tl_buffer_take(&b));
        tl_buffer_free(&frame);
    }
    add_strict(r);
    if (two)
        tl_page_words(r->page, two);
}

/* --- what it does not depend on --------------------------------------------------------------------- */

/* Axes of which it is only known that the failure does without a value of the failing variant. Findings of earlier
 * versions have "irrelevant" instead, among which are those of `independent`: these are left out. */
static void add_reset(struct tl_buffer *b, const json_t *f, const json_t *independent)
{
    const json_t *reset = json_object_get(f, "reset"), *name;
    json_t *others = json_array();
    size_t i;
    json_array_foreach(json_object_get(f, "irrelevant"), i, name) {
        if (!tl_list_holds(independent, name))
            json_array_append(others, (json_t *)name);
    }
    tl_words_names(b, reset ? reset : others);
    json_decref(others);
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
            "%s: %lld of %lld random variants%s failed in this way, with at least three values of each of "
            "these axes, or all that it has. That excludes that more than %.0f %% of such variants pass "
            "(with confidence 95 %%).",
            names->data, k, n, which, 100 * (1 - pow(0.05, 1.0 / (double)n)));
    } else if (names->size) { /* fewer than that are all that there are */
        tl_buffer_printf(&b, "%s: all %lld variants%s that there are were tried, and failed in this way.",
                         names->data, n, which);
    } else if (n > 0) {
        tl_buffer_printf(&b, "Nothing is shown to be: %lld of %lld random variants%s failed in this way", k,
                         n, which);
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
        k, n, n == 1 ? "" : "s");
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
    add_reset(&names, f, independent);
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

/* What does not matter, in a sentence or two below the table. */
void tl_section_indifferent(const struct tl_sections *r)
{
    const json_t *f = r->finding, *independent = independent_axes(f),
                 *held = json_object_get(json_object_get(f, "generalises"), "held");
    struct tl_buffer names = TL_BUFFER_INIT, b = TL_BUFFER_INIT;
    tl_words_names(&names, independent);
    if (names.size)
        tl_buffer_printf(
            &b, TL_BOLD_ON "Does not matter:" TL_BOLD_OFF " %s (%lld of %lld random variants failed%s).",
            names.data, tl_integer_at(held, 0), tl_integer_at(held, 1),
            json_array_size(json_object_get(f, "trigger")) ? ", the trigger held" : "");
    tl_buffer_clear(&names);
    add_reset(&names, f, independent);
    if (names.size)
        tl_buffer_printf(&b, "%sIt fails with the simplest value of %s, and few others were tried, or none.",
                         b.size ? " " : "", names.data);
    tl_buffer_clear(&names);
    tl_words_names(&names, json_object_get(f, "unread"));
    if (names.size)
        tl_buffer_printf(&b, "%sNothing reads %s.", b.size ? " " : "", names.data);
    tl_page_item(r->page, tl_buffer_take(&b));
    tl_buffer_free(&names);
}

/* "With the trigger held and all else at random 8 of 8 variants failed, with it broken 0 of 8." */
static void add_draws_briefly(const struct tl_sections *r)
{
    const json_t *g = json_object_get(r->finding, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    long long n = tl_integer_at(held, 1), m = tl_integer_at(broken, 1);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (n > 0)
        tl_buffer_printf(&b, "With the trigger held and all else at random %lld of %lld variants failed",
                         tl_integer_at(held, 0), n);
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
