/* The path of a search as a drawing: one lane for each axis, one column for each trial. A point's height in
 * its lane is how far the axis was from its simplest value; its shape, not only its colour, is what came of
 * the trial. */
#include "reports/search_svg.h"

#include "harness/base/plural.h"
#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/finding/words.h"

#include <stdlib.h>
#include <string.h>

#define TRIALS_MOST 400
#define LANE 46 /* height of a lane */
#define ROOM 22 /* of it, for points */
#define TOP 26  /* of the lane of outcomes */
#define LEFT 10

static const struct {
    const char *outcome, *words, *legend;
} outcomes[] = {
    {"match", "failed in this way", "failed in this way"},
    {"pass", "passed", "passed"},
    {"other", "failed in another way", "failed in another way"},
    {"unsupported", "cannot be tried", "could not be tried, or lost"},
};
#define N_OUTCOMES TL_COUNT(outcomes)

/* Over builds the variants have one axis, the unit: its values in the order of the builds. */
static json_t *axes_of(const json_t *f)
{
    const json_t *builds = json_object_get(f, "builds"), *build, *step;
    size_t i, k;
    if (!tl_finding_over_builds(f))
        return json_incref(json_object_get(f, "axes"));
    json_t *values = json_array();
    json_array_foreach(json_object_get(builds, "list"), i, build) {
        char *part = tl_format("@%s:", json_is_string(build) ? json_string_value(build) : "?");
        json_array_foreach(json_object_get(f, "path"), k, step) {
            const char *unit = tl_member_text(json_object_get(step, "variant"), "build");
            if (unit && strstr(unit, part)) {
                json_array_append_new(values, json_string(unit));
                break;
            }
        }
        free(part);
    }
    return json_pack("[{s:s,s:s,s:o}]", "name", "build", "kind", "ordered", "values", values);
}

static void add_mark(struct tl_buffer *b, const char *outcome, double x, double y)
{
    if (!strcmp(outcome, "match"))
        tl_buffer_printf(b, "<circle class=\"fail\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y);
    else if (!strcmp(outcome, "pass"))
        tl_buffer_printf(b, "<circle class=\"pass\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>", x, y);
    else if (!strcmp(outcome, "other"))
        tl_buffer_printf(b, "<path class=\"other\" d=\"M%.1f %.1fl4.5 8h-9z\"/>", x, y - 5);
    else
        tl_buffer_printf(b, "<path class=\"none\" d=\"M%.1f %.1fl6 6m0-6l-6 6\"/>", x - 3, y - 3);
}

static const char *outcome_words(const char *outcome)
{
    for (size_t i = 0; i < N_OUTCOMES; i++)
        if (!strcmp(outcomes[i].outcome, outcome))
            return outcomes[i].words;
    return outcome;
}

/* What a point says when it is pointed at, and to a screen reader. */
static void add_title(struct tl_buffer *b, const json_t *step, const json_t *baseline, size_t number)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    const char *outcome = tl_member_text(step, "outcome"), *purpose = tl_member_text(step, "purpose");
    tl_buffer_printf(&text, "Trial %zu, %s: %s; ", number, purpose ? purpose : "?",
                     outcome_words(outcome ? outcome : "?"));
    tl_words_difference(&text, NULL, json_object_get(step, "variant"), baseline);
    tl_buffer_add_string(b, "<title>");
    tl_add_escaped(b, text.data);
    tl_buffer_add_string(b, "</title>");
    tl_buffer_free(&text);
}

static void add_lane(struct tl_buffer *b, const json_t *path, const json_t *axis, double top, double step_x,
                     size_t n_trials)
{
    const char *name = tl_member_text(axis, "name");
    const json_t *step;
    struct tl_buffer line = TL_BUFFER_INIT, marks = TL_BUFFER_INIT;
    double most = 0, bottom = top + LANE - 8;
    size_t i;
    json_array_foreach(path, i, step) {
        double at = tl_axis_place(axis, json_object_get(json_object_get(step, "variant"), name));
        most = i < n_trials && at > most ? at : most;
    }
    tl_buffer_printf(b, "<text class=\"small\" x=\"%d\" y=\"%.1f\">", LEFT, top + 10);
    tl_add_escaped(b, name);
    tl_buffer_printf(b, "</text>\n<path class=\"grid\" d=\"M%d %.1fH%.1f\"/>\n", LEFT, bottom,
                     LEFT + step_x * (double)n_trials);
    json_array_foreach(path, i, step) {
        double at = tl_axis_place(axis, json_object_get(json_object_get(step, "variant"), name));
        const char *outcome = tl_member_text(step, "outcome");
        if (i >= n_trials)
            break;
        if (at < 0)
            continue;
        double x = LEFT + step_x * ((double)i + .5), y = bottom - (most > 0 ? at / most * ROOM : 0);
        tl_buffer_printf(&line, "%s%.1f %.1f", line.size ? "L" : "M", x, y);
        tl_buffer_printf(&marks, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>",
                         outcome && !strcmp(outcome, "match")  ? "fail"
                         : outcome && !strcmp(outcome, "pass") ? "pass"
                                                               : "other",
                         x, y);
    }
    if (line.size)
        tl_buffer_printf(b, "<path class=\"line\" d=\"%s\"/>\n%s\n", line.data, marks.data);
    tl_buffer_free(&line);
    tl_buffer_free(&marks);
}

static double add_legend(struct tl_buffer *b, double y)
{
    for (size_t i = 0; i < N_OUTCOMES; i++) {
        add_mark(b, outcomes[i].outcome, LEFT + 5, y + 18 * (double)i);
        tl_buffer_printf(b, "<text class=\"small\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT + 16,
                         y + 4 + 18 * (double)i, outcomes[i].legend);
    }
    return y + 18 * N_OUTCOMES;
}

char *tl_report_svg(const json_t *f)
{
    const json_t *path = json_object_get(f, "path"), *step, *axis;
    size_t n = json_array_size(path), i, drawn = 0;
    if (!n)
        return NULL;
    json_t *axes = axes_of(f);
    size_t shown = n > TRIALS_MOST ? TRIALS_MOST : n;
    double step_x = shown <= 24 ? 24 : shown <= 60 ? 14 : 10, y = TOP + 12;
    double width = 2 * LEFT + step_x * (double)shown;
    struct tl_buffer body = TL_BUFFER_INIT, b = TL_BUFFER_INIT;
    tl_buffer_printf(&body, "<text x=\"%d\" y=\"14\">outcome, trials 1 to %zu%s</text>\n", LEFT, shown,
                     shown < n ? " (the others are left out)" : "");
    json_array_foreach(path, i, step) {
        const char *outcome = tl_member_text(step, "outcome");
        if (i >= shown)
            break;
        tl_buffer_add_string(&body, "<g>");
        add_title(&body, step, json_object_get(f, "baseline"), i + 1);
        add_mark(&body, outcome ? outcome : "lost", LEFT + step_x * ((double)i + .5), TOP + 2);
        tl_buffer_add_string(&body, "</g>\n");
    }
    json_array_foreach(axes, i, axis) {
        const char *name = tl_member_text(axis, "name");
        const json_t *first = NULL;
        bool varies = false;
        size_t k;
        json_array_foreach(path, k, step) {
            const json_t *value = json_object_get(json_object_get(step, "variant"), name ? name : "");
            varies |= k < shown && first && value && !json_equal(first, value);
            first = first ? first : value;
        }
        if (!name || !varies)
            continue;
        add_lane(&body, path, axis, y, step_x, shown);
        y += LANE;
        drawn++;
    }
    y = add_legend(&body, y + 16);
    width = width < 260 ? 260 : width;
    tl_buffer_printf(
        &b,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\" aria-label=\"The search: %zu trial%s over %zu ax%s\">\n%s</svg>\n",
        width, y, width, y, shown, tl_plural(shown), drawn, tl_one_or_many(drawn, "is", "es"), body.data);
    tl_buffer_free(&body);
    json_decref(axes);
    return tl_buffer_take(&b);
}
