/* The boundary over two axes in a terminal: its corners, and a picture of them in characters. */
#include "harness/cli/isolate_text.h"

#include "reports/finding/axes.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdint.h>

#define GRID_WIDTH 64
#define GRID_HEIGHT 20

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
        tl_isolate_add_value(b, json_array_get(json_object_get(axis, "values"), (size_t)place));
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
        tl_isolate_add_value(b, values[i]);
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
void tl_isolate_add_frontier(struct tl_buffer *b, const json_t *d)
{
    const json_t *f = json_object_get(d, "frontier"), *corners = json_object_get(f, "corners"), *c;
    struct scale s[2] = {scale_of(d, tl_member_or(f, "a", ""), "a"),
                         scale_of(d, tl_member_or(f, "b", ""), "b")};
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

void tl_isolate_add_value(struct tl_buffer *b, const json_t *v)
{
    char *text = tl_value_word(v);
    tl_buffer_add_string(b, text);
    free(text);
}
