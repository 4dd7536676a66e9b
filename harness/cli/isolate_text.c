/* Writes a finding for people, in a terminal: from its document alone, so that one from the database reads as
 * it did when it was found. */
#include "harness/cli/isolate_text.h"

#include "harness/base/buffer.h"
#include "reports/finding_axes.h"
#include "reports/members.h"
#include "reports/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GRID_WIDTH 64
#define GRID_HEIGHT 20
#define LIST_MOST 12 /* of a list of values */

static const char *text_of(const json_t *o, const char *name)
{
    return tl_member_or(o, name, "");
}

static void add_value(struct tl_buffer *b, const json_t *v)
{
    char *text = tl_value_word(v);
    tl_buffer_add_string(b, text);
    free(text);
}

/* The first of a list between two texts; nothing when it is empty. */
static void add_list(struct tl_buffer *b, const char *before, const json_t *list, const char *after)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && i < LIST_MOST; i++) {
        tl_buffer_add_string(b, i ? ", " : before);
        add_value(b, json_array_get(list, i));
    }
    if (n > LIST_MOST)
        tl_buffer_printf(b, ", … %zu more", n - LIST_MOST);
    tl_buffer_add_string(b, n ? after : "");
}

/* A line with only what is away from the baseline: that is the variant, to a reader. */
static void add_variant(struct tl_buffer *b, const char *name, const json_t *variant, const json_t *baseline)
{
    const char *axis;
    const json_t *v;
    tl_buffer_add_string(b, name);
    size_t before = b->size;
    json_object_foreach((json_t *)variant, axis, v)
        if (!json_equal(v, json_object_get(baseline, axis))) {
            tl_buffer_printf(b, "%s%s=", b->size > before ? " " : "", axis);
            add_value(b, v);
        }
    tl_buffer_add_string(b, b->size == before ? "(the baseline)\n" : "\n");
}

/* "13 of 30, 23% to 66%" */
static void add_rate(struct tl_buffer *b, const json_t *rate)
{
    const json_t *interval = json_object_get(rate, "interval");
    tl_buffer_printf(b, "%lld of %lld", tl_member_integer(rate, "failed"), tl_member_integer(rate, "runs"));
    if (json_array_size(interval) == 2)
        tl_buffer_printf(b, ", %.0f%% to %.0f%%", 100 * json_real_value(json_array_get(interval, 0)),
                         100 * json_real_value(json_array_get(interval, 1)));
}

static void add_band(struct tl_buffer *b, const json_t *band)
{
    const json_t *never = json_object_get(band, "never"), *always = json_object_get(band, "always");
    tl_buffer_add_string(b, "      the rate climbs over a band of values (with confidence 0.99):\n        ");
    if (json_is_object(never)) {
        tl_buffer_add_string(b, "never at ");
        add_value(b, json_object_get(never, "value"));
        tl_buffer_add_string(b, " (");
        add_rate(b, never);
        tl_buffer_add_string(b, "), ");
    }
    bool certain = json_equal(json_object_get(always, "failed"), json_object_get(always, "runs"));
    tl_buffer_add_string(b, certain ? "always from " : "as often as further on from ");
    add_value(b, json_object_get(always, "value"));
    tl_buffer_add_string(b, " (");
    add_rate(b, always);
    tl_buffer_add_string(b, ")\n");
    /* What was measured on the way from the one to the other: up to 16 of the values, spread evenly. */
    for (size_t n = 0, shown = 0, pass = 0, i; pass < 2; pass++) {
        bool inside = !json_is_object(never);
        size_t at = 0;
        const json_t *s;
        json_array_foreach(json_object_get(band, "samples"), i, s) {
            const json_t *value = json_object_get(s, "value");
            if (json_equal(value, json_object_get(always, "value")))
                break;
            if (inside && tl_member_integer(s, "runs") > 1) {
                at++;
                if (pass == 1 && (n <= 16 || at * 16 / n > shown)) {
                    shown++;
                    tl_buffer_add_string(b, "        ");
                    add_value(b, value);
                    tl_buffer_add_string(b, ": ");
                    add_rate(b, s);
                    tl_buffer_add_string(b, "\n");
                }
            }
            inside = inside || json_equal(value, json_object_get(never, "value"));
        }
        n = at;
    }
}

static void add_trigger(struct tl_buffer *b, const json_t *t)
{
    tl_buffer_printf(b, "    %s = ", text_of(t, "axis"));
    add_value(b, json_object_get(t, "value"));
    const json_t *passes = json_object_get(t, "passes_with"), *fails = json_object_get(t, "fails_with");
    bool several = json_array_size(passes) && json_array_size(fails) > 1;
    add_list(b, json_object_get(t, "threshold") ? "  (threshold; passes with " : "  (passes with ", passes,
             several ? "" : ")");
    if (several)
        add_list(b, "; fails with ", fails, ")");
    add_list(b, "  (fails in another way with ", json_object_get(t, "other_with"), ")");
    tl_buffer_add_string(b, "\n");
    if (json_is_object(json_object_get(t, "band")))
        add_band(b, json_object_get(t, "band"));
    if (tl_member_true(t, "set"))
        tl_buffer_add_string(b,
                             "      every value was tried: it fails with these and passes with the others\n");
    else if (json_object_get(t, "non_monotone")) {
        tl_buffer_add_string(b, "      not monotone: the value ");
        add_value(b, json_object_get(t, "non_monotone"));
        tl_buffer_add_string(b, " does not behave as the threshold says\n");
    }
    if (tl_member_true(t, "unresolved"))
        tl_buffer_add_string(b, json_array_size(json_object_get(t, "unsupported_with"))
                                    ? "      no simpler value of it could be tried: it may not be needed\n"
                                    : "      no simpler value of it was tried yet with all else as it is: it "
                                      "may not be needed\n");
}

/* One axis that has to stay as it is in the minimal variant. */
static void add_need_axis(struct tl_buffer *b, const json_t *x)
{
    tl_buffer_printf(b, "%s = ", text_of(x, "axis"));
    add_value(b, json_object_get(x, "value"));
    const json_t *up_to = json_object_get(x, "up_to");
    if (up_to) {
        tl_buffer_add_string(b, " (fails up to ");
        add_value(b, up_to);
        tl_buffer_add_string(b, ")");
    } else {
        add_list(b, " (passes with ", json_object_get(x, "passes_with"), ")");
    }
}

/* What has to stay as it is though no reset shows it, what else triggers the failure, and where it shows. */
static void add_answers(struct tl_buffer *b, const json_t *d)
{
    const json_t *j, *x, *strict = json_object_get(d, "strict"), *places = json_object_get(d, "places"),
                         *baseline = json_object_get(d, "baseline");
    size_t i, k;
    json_array_foreach(json_object_get(d, "or"), i, j) {
        tl_buffer_add_string(b, i ? "  or\n" : "  or (found so far)\n");
        json_array_foreach(json_object_get(j, "trigger"), k, x)
            add_trigger(b, x);
    }
    json_array_foreach(json_object_get(d, "needs"), i, j) {
        tl_buffer_add_string(b, "  needs ");
        json_array_foreach(json_object_get(j, "any_of"), k, x) {
            tl_buffer_add_string(b, k ? " or " : "");
            add_need_axis(b, x);
        }
        tl_buffer_add_string(b, "\n");
    }
    if (strict)
        add_variant(b, "  by this signature alone: ", json_object_get(strict, "minimal"), baseline);
    if (json_array_size(places) < 2)
        return;
    tl_buffer_printf(b, "  shows at %zu places in the code, depending on other axes\n",
                     json_array_size(places));
    json_array_foreach(places, i, j) {
        bool sure = !strcmp(text_of(j, "relation"), "same");
        tl_buffer_printf(b, "    %s%s\n", text_of(j, "title"),
                         sure ? "" : "  (of the same kind, perhaps another failure)");
        add_variant(b, "      with ", json_object_get(j, "variant"), baseline);
    }
}

static void add_builds(struct tl_buffer *b, const json_t *builds)
{
    const json_t *g;
    size_t i;
    json_array_foreach(json_object_get(builds, "ranges"), i, g) {
        tl_buffer_printf(b, "  bad from %s to %s\n", text_of(g, "first_bad"), text_of(g, "last_bad"));
        tl_buffer_printf(b, "    before it, the last that does not fail in this way: %s\n",
                         tl_member_or(g, "good_before", "none that can be tried"));
        tl_buffer_printf(b, "    after it, the first that does not:                  %s\n",
                         tl_member_or(g, "fixed", "none yet"));
    }
    add_list(b, "  could not be tried: ", json_object_get(builds, "unsupported"), "\n");
}

/* One axis of the picture: places are counted from the simplest value on, for a range may fall and the values
 * of a list may be any. */
struct scale {
    const char *name;
    const json_t *axis, *baseline;
    double low, high; /* places */
};

static void add_value_at(struct tl_buffer *b, const json_t *axis, double place)
{
    const json_t *range = json_object_get(axis, "range");
    double first = json_number_value(json_array_get(range, 0)),
           last = json_number_value(json_array_get(range, 1));
    if (range)
        tl_buffer_printf(b, "%.0f", last < first ? first - place : first + place);
    else
        add_value(b, json_array_get(json_object_get(axis, "values"), (size_t)place));
}

static struct scale scale_of(const json_t *d, const char *name, const char *side)
{
    struct scale s = {.name = name,
                      .axis = tl_axis_named(d, name, NULL),
                      .baseline = json_object_get(json_object_get(d, "baseline"), name)};
    const json_t *c;
    size_t i;
    s.low = s.high = tl_axis_place(s.axis, json_object_get(json_object_get(d, "failing"), name));
    json_array_foreach(json_object_get(json_object_get(d, "frontier"), "corners"), i, c) {
        double at = tl_axis_place(s.axis, json_object_get(c, side));
        s.low = at < s.low ? at : s.low;
    }
    s.low = s.low - (s.high - s.low) / 4;
    s.low = s.low < 0 ? 0 : s.low;
    return s;
}

static double place_at(const struct scale *s, int i, int n)
{
    /* Whole places: what is between two values is not there. */
    double at = s->low + (s->high - s->low) * i / (n - 1);
    return (double)(uint64_t)(at + 0.5);
}

/* What was seen next to a corner: on a side that has no simpler value there is nothing. */
static void add_corner(struct tl_buffer *b, const struct scale s[2], const json_t *c)
{
    const json_t *values[] = {json_object_get(c, "a"), json_object_get(c, "b")};
    bool simpler[] = {!json_equal(values[0], s[0].baseline), !json_equal(values[1], s[1].baseline)};
    for (int i = 0; i < 2; i++) {
        tl_buffer_printf(b, "%s%s=", i ? " " : "    ", s[i].name);
        add_value(b, values[i]);
    }
    tl_buffer_add_string(b, " fails");
    if (tl_member_true(c, "gap"))
        tl_buffer_add_string(b, "; not all that is next to it was tried");
    else if (simpler[0] && simpler[1])
        tl_buffer_add_string(b, "; with either one step simpler it does not in this way");
    else if (simpler[0] || simpler[1])
        tl_buffer_printf(b, "; with %s one step simpler it does not in this way", s[simpler[1]].name);
    tl_buffer_add_string(b, "\n");
}

/* Axis a to the right, b upwards, places spread evenly over the picture; # fails, . does not. */
static void add_frontier(struct tl_buffer *b, const json_t *d)
{
    const json_t *f = json_object_get(d, "frontier"), *corners = json_object_get(f, "corners"), *c;
    struct scale s[2] = {scale_of(d, text_of(f, "a"), "a"), scale_of(d, text_of(f, "b"), "b")};
    size_t i;
    if (!json_array_size(corners))
        return;
    json_array_foreach(corners, i, c)
        add_corner(b, s, c);
    tl_buffer_add_string(b, "\n");
    for (int k = 1; k >= 0; k--) {
        tl_buffer_printf(b, "%s%s %s from ", k ? "  " : ", ", s[k].name, k ? "upwards" : "to the right");
        add_value_at(b, s[k].axis, place_at(&s[k], 0, 2));
        tl_buffer_add_string(b, " to ");
        add_value_at(b, s[k].axis, place_at(&s[k], 1, 2));
    }
    tl_buffer_add_string(b, "; # fails, by the corners above\n");
    for (int row = GRID_HEIGHT - 1; row >= 0; row--) {
        struct tl_buffer label = TL_BUFFER_INIT;
        double y = place_at(&s[1], row, GRID_HEIGHT);
        add_value_at(&label, s[1].axis, y);
        tl_buffer_printf(b, "  %10s ", label.data);
        tl_buffer_free(&label);
        for (int column = 0; column < GRID_WIDTH; column++) {
            double x = place_at(&s[0], column, GRID_WIDTH);
            bool fails = false;
            json_array_foreach(corners, i, c)
                fails |= x >= tl_axis_place(s[0].axis, json_object_get(c, "a")) &&
                         y >= tl_axis_place(s[1].axis, json_object_get(c, "b"));
            tl_buffer_add_string(b, fails ? "#" : ".");
        }
        tl_buffer_add_string(b, "\n");
    }
}

/* What failed and where, or that nothing did. */
static void add_head(struct tl_buffer *b, const json_t *d, const char *bold, const char *off)
{
    const json_t *failing = json_object_get(d, "failing"), *baseline = json_object_get(d, "baseline");
    const char *signal = tl_member_text(d, "signal"), *message = text_of(d, "message");
    if (!tl_member_true(d, "reproduced")) {
        tl_buffer_printf(b, "%s%s%s on %s\n", bold,
                         json_is_false(json_object_get(d, "judged")) ? "not judged" : "not reproduced", off,
                         text_of(d, "unit"));
        add_variant(b, "  variant: ", failing, baseline);
        if (*message && json_is_false(json_object_get(d, "judged")))
            tl_buffer_printf(b, "  %s\n", message);
        else if (*message)
            tl_buffer_printf(b, "  it cannot be tried: %s\n", message);
        return;
    }
    tl_buffer_printf(b, "%s%s in %s%s%s: %s\n%s  on %s\n", bold, text_of(d, "outcome"), text_of(d, "phase"),
                     signal ? ", " : "", signal ? signal : "",
                     text_of(json_object_get(d, "signature"), "title"), off, text_of(d, "unit"));
    if (!json_is_object(json_object_get(d, "frontier")))
        return;
    add_variant(b, "  variant: ", failing, baseline);
    if (!tl_member_true(d, "complete"))
        tl_buffer_add_string(b, "  the boundary so far, not shown to be all of it\n");
}

/* Which values of other axes the failure was shown to be independent of: by drawing them at random. */
static void add_generalises(struct tl_buffer *b, const json_t *d)
{
    const json_t *g = json_object_get(d, "generalises"), *held = json_object_get(g, "held"),
                 *broken = json_object_get(g, "broken");
    if (!tl_integer_at(held, 1))
        return;
    if (!json_array_size(json_object_get(d, "trigger")))
        tl_buffer_printf(b, "  with every axis at random: fails %lld of %lld\n", tl_integer_at(held, 0),
                         tl_integer_at(held, 1));
    else
        tl_buffer_printf(b,
                         "  with the trigger held and the rest at random: fails %lld of %lld; with it "
                         "broken: %lld of %lld\n",
                         tl_integer_at(held, 0), tl_integer_at(held, 1), tl_integer_at(broken, 0),
                         tl_integer_at(broken, 1));
}

char *tl_isolate_text(const json_t *d, bool colour)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *bold = colour ? "\033[1m" : "", *off = colour ? "\033[0m" : "";
    const json_t *baseline = json_object_get(d, "baseline"), *trigger = json_object_get(d, "trigger"),
                 *rate = json_object_get(d, "rate"), *interval = json_object_get(d, "rate_interval"), *j;
    size_t i;
    add_head(&b, d, bold, off);
    if (json_is_object(json_object_get(d, "minimal")))
        add_variant(&b, tl_member_true(d, "complete") ? "  minimal variant: " : "  minimal variant so far: ",
                    json_object_get(d, "minimal"), baseline);
    if (json_array_size(trigger))
        tl_buffer_printf(&b, "  %strigger%s\n", bold, off);
    json_array_foreach(trigger, i, j)
        add_trigger(&b, j);
    json_array_foreach(json_object_get(d, "joint"), i, j)
        tl_buffer_printf(&b,
                         "    the thresholds of %s and %s depend on each other (--frontier %s,%s draws it)\n",
                         text_of(j, "less"), text_of(j, "more"), text_of(j, "more"), text_of(j, "less"));
    add_answers(&b, d);
    add_list(&b, "  independent of: ", json_object_get(d, "independent"), "\n");
    add_list(&b, "  not needed (fails with the simplest value): ", json_object_get(d, "reset"), "\n");
    add_generalises(&b, d);
    if (json_is_object(json_object_get(d, "builds")))
        add_builds(&b, json_object_get(d, "builds"));
    if (json_is_object(json_object_get(d, "frontier")))
        add_frontier(&b, d);
    if (tl_integer_at(rate, 1))
        tl_buffer_printf(&b, "  rate: %lld of %lld (%.0f%% to %.0f%% with confidence 0.99)\n",
                         tl_integer_at(rate, 0), tl_integer_at(rate, 1),
                         100 * json_real_value(json_array_get(interval, 0)),
                         100 * json_real_value(json_array_get(interval, 1)));
    json_array_foreach(json_object_get(d, "others"), i, j) {
        tl_buffer_printf(&b, "  another failure: %s in %s: %s\n", text_of(j, "outcome"), text_of(j, "phase"),
                         text_of(j, "title"));
        add_variant(&b, "    with ", json_object_get(j, "variant"), baseline);
    }
    json_array_foreach(json_object_get(d, "notes"), i, j)
        tl_buffer_printf(&b, "  note: %s\n", text_of(j, "text"));
    long long trials = tl_member_integer(d, "trials");
    tl_buffer_printf(&b, "%lld trial%s (%lld of search, %lld known already) in %.1f s\n", trials,
                     trials == 1 ? "" : "s", tl_member_integer(d, "search_trials"),
                     tl_member_integer(d, "cached"), json_real_value(json_object_get(d, "elapsed_s")));
    if (tl_member_text(d, "finding"))
        tl_buffer_printf(&b, "finding %s\n", text_of(d, "finding"));
    return tl_buffer_take(&b);
}
