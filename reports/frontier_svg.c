/* The frontier of two ordered axes as a drawing: one axis to the right, the other upwards; what fails beyond
 * the boundary is filled, and every trial that was made is a mark whose shape says what came of it. Values
 * stand at even distances in their order, for they may lie far apart or be names. */
#include "reports/frontier_svg.h"

#include "harness/base/utf8.h"
#include "reports/finding/axes.h"
#include "reports/finding/words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 200 /* of an axis */
#define LEFT 64
#define TOP 14
#define WIDTH 420
#define HEIGHT 240
#define LABEL 8 /* bytes of a value beside the picture */

struct values {
    size_t n;
    const json_t *list[VALUES_MOST];
};

/* Simplest first. */
static void add_value(struct values *v, const json_t *axis, const json_t *value)
{
    size_t at = 0;
    if (!value || v->n == VALUES_MOST)
        return;
    while (at < v->n && tl_axis_place(axis, v->list[at]) < tl_axis_place(axis, value))
        at++;
    if (at < v->n && json_equal(v->list[at], value))
        return;
    memmove(&v->list[at + 1], &v->list[at], (v->n - at) * sizeof *v->list);
    v->list[at] = value;
    v->n++;
}

static double place(const struct values *v, const json_t *value)
{
    for (size_t i = 0; i < v->n; i++)
        if (json_equal(v->list[i], value))
            return ((double)i + .5) / (double)v->n;
    return -1;
}

static void add_label(struct tl_buffer *b, double x, double y, const char *anchor, const json_t *value)
{
    char *word = tl_value_word(value);
    tl_buffer_printf(b, "<text class=\"small\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    word[tl_utf8_cut(word, LABEL)] = '\0';
    tl_add_escaped(b, word);
    tl_buffer_add_string(b, "</text>\n");
    free(word);
}

static void add_scales(struct tl_buffer *b, const struct values *a, const struct values *v)
{
    size_t step_a = a->n / 10 + 1, step_b = v->n / 12 + 1;
    for (size_t i = 0; i < a->n; i += step_a)
        add_label(b, LEFT + WIDTH * ((double)i + .5) / (double)a->n, TOP + HEIGHT + 16, "middle", a->list[i]);
    for (size_t i = 0; i < v->n; i += step_b)
        add_label(b, LEFT - 8, TOP + HEIGHT - HEIGHT * ((double)i + .5) / (double)v->n + 4, "end",
                  v->list[i]);
}

static void add_mark(struct tl_buffer *b, const char *outcome, double x, double y, const char *an,
                     const json_t *av, const char *bn, const json_t *bv)
{
    bool match = !strcmp(outcome, "match"), pass = !strcmp(outcome, "pass");
    tl_buffer_add_string(b, "<g><title>");
    tl_add_setting(b, an, av);
    tl_buffer_add_string(b, ", ");
    tl_add_setting(b, bn, bv);
    tl_buffer_printf(b, " %s</title>",
                     match  ? "fails in this way"
                     : pass ? "passes"
                            : "fails in another way, or cannot be tried");
    if (match)
        tl_buffer_printf(b, "<circle class=\"fail\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y);
    else if (pass)
        tl_buffer_printf(b, "<circle class=\"pass\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>", x, y);
    else
        tl_buffer_printf(b, "<path class=\"none\" d=\"M%.1f %.1fl6 6m0-6l-6 6\"/>", x - 3, y - 3);
    tl_buffer_add_string(b, "</g>\n");
}

/* What lies beyond a corner in both directions fails. */
static void add_region(struct tl_buffer *b, const json_t *corners, const struct values *a,
                       const struct values *v)
{
    const json_t *c;
    size_t i;
    tl_buffer_add_string(b, "<g class=\"region\">\n");
    json_array_foreach(corners, i, c) {
        double x = place(a, json_object_get(c, "a")), y = place(v, json_object_get(c, "b"));
        if (x < 0 || y < 0)
            continue;
        double left = LEFT + WIDTH * (x - .5 / (double)a->n),
               low = TOP + HEIGHT - HEIGHT * (y - .5 / (double)v->n);
        tl_buffer_printf(b, "<path d=\"M%.1f %dH%dV%.1fH%.1fz\"/>\n", left, TOP, LEFT + WIDTH, low, left);
    }
    tl_buffer_add_string(b, "</g>\n");
}

char *tl_frontier_svg(const json_t *f)
{
    const json_t *frontier = json_object_get(f, "frontier"), *corners = json_object_get(frontier, "corners"),
                 *c, *step;
    const char *an = tl_member_text(frontier, "a"), *bn = tl_member_text(frontier, "b");
    struct values a = {0}, v = {0};
    size_t i;
    if (!an || !bn || !json_array_size(corners))
        return NULL;
    const json_t *aa = tl_axis_named(f, an, NULL), *ba = tl_axis_named(f, bn, NULL);
    json_array_foreach(corners, i, c) {
        add_value(&a, aa, json_object_get(c, "a"));
        add_value(&v, ba, json_object_get(c, "b"));
    }
    json_array_foreach(json_object_get(f, "path"), i, step) {
        add_value(&a, aa, json_object_get(json_object_get(step, "variant"), an));
        add_value(&v, ba, json_object_get(json_object_get(step, "variant"), bn));
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    int width = LEFT + WIDTH + 14, height = TOP + HEIGHT + 44;
    tl_buffer_printf(&b,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" height=\"%d\" "
                     "viewBox=\"0 0 %d %d\" "
                     "aria-label=\"The boundary between what passes and what fails, with %zu corners\">\n",
                     width, height, width, height, json_array_size(corners));
    add_region(&b, corners, &a, &v);
    tl_buffer_printf(&b, "<path class=\"grid\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, TOP + HEIGHT,
                     LEFT + WIDTH);
    add_scales(&b, &a, &v);
    json_array_foreach(json_object_get(f, "path"), i, step) {
        const json_t *variant = json_object_get(step, "variant"), *av = json_object_get(variant, an),
                     *bv = json_object_get(variant, bn);
        const char *outcome = tl_member_text(step, "outcome");
        double x = place(&a, av), y = place(&v, bv);
        if (outcome && x >= 0 && y >= 0)
            add_mark(&b, outcome, LEFT + WIDTH * x, TOP + HEIGHT - HEIGHT * y, an, av, bn, bv);
    }
    tl_buffer_printf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", LEFT + WIDTH / 2,
                     TOP + HEIGHT + 36);
    tl_add_escaped(&b, an);
    tl_buffer_printf(
        &b, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 14 %d)\">", 14,
        TOP + HEIGHT / 2, TOP + HEIGHT / 2);
    tl_add_escaped(&b, bn);
    tl_buffer_add_string(&b, "</text>\n</svg>\n");
    return tl_buffer_take(&b);
}
