#include "harness/cli/isolate_text.h"

#include "harness/base/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GRID_WIDTH 64
#define GRID_HEIGHT 20

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static void add_value(struct tl_buffer *b, const json_t *v)
{
    char *text = json_is_string(v) ? tl_strdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY);
    tl_buffer_add_string(b, text ? text : "?");
    free(text);
}

static void add_list(struct tl_buffer *b, const json_t *list)
{
    const json_t *v;
    size_t i;
    json_array_foreach(list, i, v)
    {
        if (i == 12) {
            tl_buffer_printf(b, ", … %zu more", json_array_size(list) - i);
            return;
        }
        tl_buffer_add_string(b, i ? ", " : "");
        add_value(b, v);
    }
}

/* Only what is away from the baseline: that is the variant, to a reader. */
static void add_variant(struct tl_buffer *b, const json_t *variant, const json_t *baseline)
{
    const char *axis;
    const json_t *v;
    size_t before = b->size;
    json_object_foreach((json_t *)variant, axis, v) if (!json_equal(v, json_object_get(baseline, axis)))
    {
        tl_buffer_printf(b, "%s%s=", b->size > before ? " " : "", axis);
        add_value(b, v);
    }
    if (b->size == before)
        tl_buffer_add_string(b, "(the baseline)");
}

/* "13 of 30, 23% to 66%" */
static void add_rate(struct tl_buffer *b, const json_t *rate)
{
    const json_t *interval = json_object_get(rate, "interval");
    tl_buffer_printf(b, "%lld of %lld", json_integer_value(json_object_get(rate, "failed")),
                     json_integer_value(json_object_get(rate, "runs")));
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
        json_array_foreach(json_object_get(band, "samples"), i, s)
        {
            const json_t *value = json_object_get(s, "value");
            if (json_equal(value, json_object_get(always, "value")))
                break;
            if (inside && json_integer_value(json_object_get(s, "runs")) > 1) {
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
    if (json_array_size(passes)) {
        tl_buffer_add_string(b, json_object_get(t, "threshold") ? "  (threshold; passes with "
                                                                : "  (passes with ");
        add_list(b, passes);
        if (json_array_size(fails) > 1) {
            tl_buffer_add_string(b, "; fails with ");
            add_list(b, fails);
        }
        tl_buffer_add_string(b, ")");
    }
    if (json_array_size(json_object_get(t, "other_with"))) {
        tl_buffer_add_string(b, "  (fails in another way with ");
        add_list(b, json_object_get(t, "other_with"));
        tl_buffer_add_string(b, ")");
    }
    tl_buffer_add_string(b, "\n");
    if (json_is_object(json_object_get(t, "band")))
        add_band(b, json_object_get(t, "band"));
    if (json_object_get(t, "non_monotone")) {
        tl_buffer_add_string(b, "      not monotone: the value ");
        add_value(b, json_object_get(t, "non_monotone"));
        tl_buffer_add_string(b, " does not behave as the threshold says\n");
    }
    if (json_is_true(json_object_get(t, "unresolved")))
        tl_buffer_add_string(b, json_array_size(json_object_get(t, "unsupported_with"))
                                    ? "      no simpler value of it could be tried: it may not be needed\n"
                                    : "      no simpler value of it was tried yet with all else as it is: it "
                                      "may not be needed\n");
}

static void add_builds(struct tl_buffer *b, const json_t *builds)
{
    const json_t *g;
    size_t i;
    json_array_foreach(json_object_get(builds, "ranges"), i, g)
    {
        const char *good = json_string_value(json_object_get(g, "good_before"));
        const char *fixed = json_string_value(json_object_get(g, "fixed"));
        tl_buffer_printf(b, "  bad from %s to %s\n", text_of(g, "first_bad"), text_of(g, "last_bad"));
        tl_buffer_printf(b, "    before it, the last that does not fail in this way: %s\n",
                         good ? good : "none that can be tried");
        tl_buffer_printf(b, "    after it, the first that does not:                  %s\n",
                         fixed ? fixed : "none yet");
    }
    if (json_array_size(json_object_get(builds, "unsupported"))) {
        tl_buffer_add_string(b, "  could not be tried: ");
        add_list(b, json_object_get(builds, "unsupported"));
        tl_buffer_add_string(b, "\n");
    }
}

/* One axis of the picture: places are counted from the simplest value on, for a range may fall and the values
 * of a list may be any. */
struct scale {
    const char *name;
    const json_t *axis, *baseline;
    double low, high; /* places */
};

static double place_of(const json_t *axis, const json_t *value)
{
    const json_t *first = json_array_get(json_object_get(axis, "range"), 0), *v;
    double away = json_number_value(value) - json_number_value(first);
    size_t i;
    if (first)
        return away < 0 ? -away : away;
    json_array_foreach(json_object_get(axis, "values"), i, v) if (json_equal(v, value)) return (double)i;
    return 0;
}

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
    struct scale s = {.name = name, .baseline = json_object_get(json_object_get(d, "baseline"), name)};
    const json_t *axis, *c;
    size_t i;
    json_array_foreach(json_object_get(d, "axes"), i, axis) if (!strcmp(text_of(axis, "name"), name)) s.axis =
        axis;
    s.low = s.high = place_of(s.axis, json_object_get(json_object_get(d, "failing"), name));
    json_array_foreach(json_object_get(json_object_get(d, "frontier"), "corners"), i, c)
    {
        double at = place_of(s.axis, json_object_get(c, side));
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
    if (json_is_true(json_object_get(c, "gap")))
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
    json_array_foreach(corners, i, c) add_corner(b, s, c);
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
            json_array_foreach(corners, i, c) fails |= x >= place_of(s[0].axis, json_object_get(c, "a")) &&
                                                       y >= place_of(s[1].axis, json_object_get(c, "b"));
            tl_buffer_add_string(b, fails ? "#" : ".");
        }
        tl_buffer_add_string(b, "\n");
    }
}

char *tl_isolate_text(const json_t *d, bool colour)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *bold = colour ? "\033[1m" : "", *off = colour ? "\033[0m" : "";
    const json_t *signature = json_object_get(d, "signature"), *baseline = json_object_get(d, "baseline"), *j;
    const json_t *rate = json_object_get(d, "rate"), *interval = json_object_get(d, "rate_interval");
    size_t i;
    if (json_is_true(json_object_get(d, "reproduced"))) {
        const char *signal = json_string_value(json_object_get(d, "signal"));
        tl_buffer_printf(&b, "%s%s in %s%s%s: %s\n", bold, text_of(d, "outcome"), text_of(d, "phase"),
                         signal ? ", " : "", signal ? signal : "", text_of(signature, "title"));
        tl_buffer_printf(&b, "%s  on %s\n", off, text_of(d, "unit"));
        if (json_is_object(json_object_get(d, "frontier"))) {
            tl_buffer_add_string(&b, "  variant: ");
            add_variant(&b, json_object_get(d, "failing"), baseline);
            tl_buffer_add_string(&b, json_is_true(json_object_get(d, "complete"))
                                         ? "\n"
                                         : "\n  the boundary so far, not shown to be all of it\n");
        }
    } else {
        tl_buffer_printf(&b, "%snot reproduced%s on %s\n  variant: ", bold, off, text_of(d, "unit"));
        add_variant(&b, json_object_get(d, "failing"), baseline);
        tl_buffer_add_string(&b, "\n");
        if (*text_of(d, "message"))
            tl_buffer_printf(&b, "  it cannot be tried: %s\n", text_of(d, "message"));
    }
    if (json_is_object(json_object_get(d, "minimal"))) {
        tl_buffer_printf(
            &b, "  minimal variant%s: ", json_is_true(json_object_get(d, "complete")) ? "" : " so far");
        add_variant(&b, json_object_get(d, "minimal"), baseline);
        tl_buffer_add_string(&b, "\n");
    }
    if (json_array_size(json_object_get(d, "trigger")))
        tl_buffer_printf(&b, "  %strigger%s\n", bold, off);
    json_array_foreach(json_object_get(d, "trigger"), i, j) add_trigger(&b, j);
    json_array_foreach(json_object_get(d, "joint"), i, j) tl_buffer_printf(
        &b, "    the thresholds of %s and %s depend on each other (--frontier %s,%s draws it)\n",
        text_of(j, "less"), text_of(j, "more"), text_of(j, "more"), text_of(j, "less"));
    if (json_array_size(json_object_get(d, "irrelevant"))) {
        tl_buffer_add_string(&b, "  not needed: ");
        add_list(&b, json_object_get(d, "irrelevant"));
        tl_buffer_add_string(&b, "\n");
    }
    const json_t *held = json_object_get(json_object_get(d, "generalises"), "held");
    const json_t *broken = json_object_get(json_object_get(d, "generalises"), "broken");
    if (json_integer_value(json_array_get(held, 1)) && !json_array_size(json_object_get(d, "trigger")))
        tl_buffer_printf(&b, "  with every axis at random: fails %lld of %lld\n",
                         json_integer_value(json_array_get(held, 0)),
                         json_integer_value(json_array_get(held, 1)));
    else if (json_integer_value(json_array_get(held, 1)))
        tl_buffer_printf(
            &b,
            "  with the trigger held and the rest at random: fails %lld of %lld; with it broken: %lld of "
            "%lld\n",
            json_integer_value(json_array_get(held, 0)), json_integer_value(json_array_get(held, 1)),
            json_integer_value(json_array_get(broken, 0)), json_integer_value(json_array_get(broken, 1)));
    if (json_is_object(json_object_get(d, "builds")))
        add_builds(&b, json_object_get(d, "builds"));
    if (json_is_object(json_object_get(d, "frontier")))
        add_frontier(&b, d);
    if (json_integer_value(json_array_get(rate, 1)))
        tl_buffer_printf(&b, "  rate: %lld of %lld (%.0f%% to %.0f%% with confidence 0.99)\n",
                         json_integer_value(json_array_get(rate, 0)),
                         json_integer_value(json_array_get(rate, 1)),
                         100 * json_real_value(json_array_get(interval, 0)),
                         100 * json_real_value(json_array_get(interval, 1)));
    json_array_foreach(json_object_get(d, "others"), i, j)
    {
        tl_buffer_printf(&b, "  another failure: %s in %s: %s\n    with ", text_of(j, "outcome"),
                         text_of(j, "phase"), text_of(j, "title"));
        add_variant(&b, json_object_get(j, "variant"), baseline);
        tl_buffer_add_string(&b, "\n");
    }
    json_array_foreach(json_object_get(d, "notes"), i, j)
        tl_buffer_printf(&b, "  note: %s\n", text_of(j, "text"));
    long long trials = json_integer_value(json_object_get(d, "trials"));
    tl_buffer_printf(&b, "%lld trial%s (%lld of search, %lld known already) in %.1f s\n", trials,
                     trials == 1 ? "" : "s", json_integer_value(json_object_get(d, "search_trials")),
                     json_integer_value(json_object_get(d, "cached")),
                     json_real_value(json_object_get(d, "elapsed_s")));
    tl_buffer_printf(&b, "finding %s\n", text_of(d, "finding"));
    return tl_buffer_take(&b);
}
