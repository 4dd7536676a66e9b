/* Prints a comparison: its tables, ratios and the failures that are one, or the document of all that. */
#include "harness/cli/compare_show.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/quantile.h"
#include "harness/base/style.h"
#include "harness/cli/cli.h"
#include "harness/cli/labels_show.h"
#include "harness/cli/table.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- numbers -------------------------------------------------------------------------------------------- */

/* Ratios of medians over the rows in which both sides pass. */
struct ratios {
    size_t n;
    double median, low, high, least, most; /* low and high: quartiles */
};

static double median_of(const struct tl_measures *m, bool memory)
{
    return tl_median(memory ? m->memory : m->seconds, m->n);
}

static struct ratios ratios_of(const struct tl_compare *c, size_t place, bool memory)
{
    struct ratios r = {0};
    double *list = tl_calloc(c->n_rows + 1, sizeof *list);
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct tl_compare_row *row = &c->rows[i];
        double a = median_of(&tl_compare_cell(c, row, 0)->measures[row->fresh], memory);
        double b = median_of(&tl_compare_cell(c, row, place)->measures[row->fresh], memory);
        if (a > 0 && b > 0)
            list[r.n++] = b / a;
    }
    if (r.n) {
        tl_sort(list, r.n);
        r.median = tl_quantile(list, r.n, 0.5);
        r.low = tl_quantile(list, r.n, 0.25);
        r.high = tl_quantile(list, r.n, 0.75);
        r.least = list[0];
        r.most = list[r.n - 1];
    }
    free(list);
    return r;
}

/* --- which sides show a failure ------------------------------------------------------------------------- */

static bool shows_like(const struct tl_compare *c, size_t place, const char *coarse)
{
    for (size_t f = 0; f < c->labels.n; f++)
        if (tl_compare_shows(c, f, place) && !strcmp(c->labels.list[f].coarse_id, coarse))
            return true;
    return false;
}

/* Exact when one signature is seen on every side that shows the failure. */
static bool is_exact(const struct tl_compare *c, const char *coarse)
{
    for (size_t f = 0; f < c->labels.n; f++) {
        bool everywhere = !strcmp(c->labels.list[f].coarse_id, coarse);
        for (size_t i = 0; i < c->n_shown && everywhere; i++)
            everywhere = !shows_like(c, i, coarse) || tl_compare_shows(c, f, i);
        if (everywhere)
            return true;
    }
    return false;
}

static json_t *same_failures(const struct tl_compare *c)
{
    json_t *all = json_array();
    for (size_t f = 0; f < c->labels.n; f++) {
        const struct tl_label *x = &c->labels.list[f];
        size_t earlier = 0;
        while (strcmp(c->labels.list[earlier].coarse_id, x->coarse_id))
            earlier++;
        if (earlier < f)
            continue;
        json_t *sides = json_array();
        for (size_t i = 0; i < c->n_shown; i++)
            if (shows_like(c, i, x->coarse_id))
                json_array_append_new(sides, json_string(c->sides[c->order[i]].name));
        bool several = json_array_size(sides) > 1;
        char letter[24];
        snprintf(letter, sizeof letter, "%.*s", (int)strcspn(x->letter, "0123456789"), x->letter);
        json_array_append_new(all, json_pack("{s:s,s:s,s:s,s:o,s:s?}", "letter", letter, "coarse_id",
                                             x->coarse_id, "title", x->title, "sides", sides, "match",
                                             !several                    ? NULL
                                             : is_exact(c, x->coarse_id) ? "signature"
                                                                         : "coarse"));
    }
    return all;
}

/* --- the table ------------------------------------------------------------------------------------------ */

static char *cell_text(const struct tl_compare *c, const struct tl_compare_row *r,
                       const struct tl_side_cell *k)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_groups_text(&k->groups, &c->labels, &b);
    const struct tl_measures *m = tl_compare_measures(r, k);
    if (m->n) {
        char *time = tl_duration_text(median_of(m, false));
        tl_buffer_printf(&b, " %s", time);
        free(time);
    }
    return tl_buffer_take(&b);
}

/* "×1.32 (1.1–1.5)": the ratio of medians, and how far it may be off by the spread of the trials. */
static char *ratio_text(const struct tl_measures *a, const struct tl_measures *b, bool memory)
{
    double x = median_of(a, memory), y = median_of(b, memory);
    if (x <= 0 || y <= 0)
        return tl_strdup("");
    const double *la = memory ? a->memory : a->seconds, *lb = memory ? b->memory : b->seconds;
    if ((a->n < 2 && b->n < 2) || la[0] <= 0)
        return tl_format("×%.2f", y / x);
    return tl_format("×%.2f (%.2f–%.2f)", y / x, lb[0] / la[a->n - 1], lb[b->n - 1] / la[0]);
}

static char *error_text(const struct tl_side_cell *a, const struct tl_side_cell *b)
{
    if (*a->outputs && !a->vary && !b->vary && !strcmp(a->outputs, b->outputs))
        return tl_strdup("identical");
    if (!a->has_error || !b->has_error)
        return tl_strdup("");
    if (a->infinite || b->infinite)
        return tl_strdup("not finite");
    /* Both are relative to the largest magnitude of the same reference, so they add up. */
    return tl_format("≤ %.2g", a->error + b->error);
}

/* Names of the axes that differ between the rows from..to, in the order of the variants: also where few of these are
 * shown, it is to be seen which variants they are. */
static json_t *varied_axes(const struct tl_compare *c, size_t from, size_t to)
{
    json_t *first = NULL, *differ = json_object(), *varied = json_array(), *value;
    const char *key;
    for (size_t i = from; i < to; i++) {
        json_t *v = json_loads(c->rows[i].variant, 0, NULL);
        if (!first)
            first = json_incref(v);
        json_object_foreach(v, key, value)
            if (!json_equal(value, json_object_get(first, key)))
                json_object_set_new(differ, key, json_true());
        json_decref(v);
    }
    json_object_foreach(first, key, value)
        if (json_object_get(differ, key))
            json_array_append_new(varied, json_string(key));
    json_decref(first);
    json_decref(differ);
    return varied;
}

static const char *cell_colour(const struct tl_side_cell *k)
{
    return tl_cli_group_colour(&k->groups);
}

static const char *difference_of(const struct tl_compare_row *r)
{
    if (r->regressed)
        return "fails later";
    if (r->fixed)
        return "passes later";
    if (r->differs)
        return "differs";
    if (r->match == TL_MATCH_EXACT)
        return "same signature";
    return r->match == TL_MATCH_COARSE ? "same coarse part" : "";
}

static void add_row(const struct tl_compare *c, const struct tl_compare_row *r, const json_t *axes, bool two,
                    struct tl_table *t)
{
    json_t *v = json_loads(r->variant, 0, NULL), *name;
    size_t i;
    json_array_foreach(axes, i, name)
        tl_table_add(t, tl_value_word(json_object_get(v, json_string_value(name))), NULL);
    if (!json_array_size(axes))
        tl_table_add(t, tl_format("%.12s", r->variant_hash), NULL);
    json_decref(v);
    if (c->by != TL_BY_UNIT)
        tl_table_add(t, tl_strdup(r->where), NULL);
    for (i = 0; i < c->n_shown; i++) {
        const struct tl_side_cell *k = tl_compare_cell(c, r, i);
        tl_table_add(t, cell_text(c, r, k), cell_colour(k));
    }
    if (two) {
        const struct tl_side_cell *a = tl_compare_cell(c, r, 0), *b = tl_compare_cell(c, r, 1);
        tl_table_add(t, ratio_text(&a->measures[r->fresh], &b->measures[r->fresh], false), NULL);
        tl_table_add(t, ratio_text(&a->measures[r->fresh], &b->measures[r->fresh], true), NULL);
        tl_table_add(t, error_text(a, b), NULL);
    }
    tl_table_add(t, tl_strdup(difference_of(r)), r->differs ? tl_style(TL_STYLE_YELLOW) : NULL);
}

static void print_case(const struct tl_compare *c, size_t from, size_t to, bool colour)
{
    json_t *axes = varied_axes(c, from, to), *name;
    bool two = c->n_shown == 2;
    size_t i, shown = 0,
              n_labels = (json_array_size(axes) ? json_array_size(axes) : 1) + (c->by != TL_BY_UNIT);
    struct tl_table t = {.n_columns = n_labels + c->n_shown + (two ? 3 : 0) + 1, .n_headers = 1};
    json_array_foreach(axes, i, name)
        tl_table_add(&t, tl_strdup(json_string_value(name)), NULL);
    if (!json_array_size(axes))
        tl_table_add(&t, tl_strdup("variant"), NULL);
    if (c->by != TL_BY_UNIT)
        tl_table_add(&t, tl_strdup("unit"), NULL);
    for (i = 0; i < c->n_shown; i++)
        tl_table_add(&t, tl_strdup(c->sides[c->order[i]].name), NULL);
    if (two) {
        tl_table_add(&t, tl_strdup("time"), NULL);
        tl_table_add(&t, tl_strdup("memory"), NULL);
        tl_table_add(&t, tl_strdup("error"), NULL);
    }
    tl_table_add(&t, tl_strdup(""), NULL);
    for (i = from; i < to; i++)
        if (tl_compare_row_shown(c, &c->rows[i])) {
            add_row(c, &c->rows[i], axes, two, &t);
            shown++;
        }
    if (shown) {
        tl_cli_line("%s (%.12s)", c->rows[from].case_name, c->rows[from].case_hash);
        tl_table_print_fit(&t, n_labels, tl_output_width(0), stdout, colour);
        putchar('\n');
    }
    tl_table_free(&t);
    json_decref(axes);
}

static void print_ratios(const struct tl_compare *c)
{
    const char *base = c->sides[c->order[0]].name;
    for (size_t i = 1; i < c->n_shown; i++)
        for (int memory = 0; memory < 2; memory++) {
            struct ratios r = ratios_of(c, i, memory);
            if (r.n)
                tl_cli_line(
                    "%s of %s against %s: ×%.2f (half of them %.2f–%.2f, all %.2f–%.2f) over %zu variant%s "
                    "that pass%s on both",
                    memory ? "peak memory" : "time", c->sides[c->order[i]].name, base, r.median, r.low,
                    r.high, r.least, r.most, r.n, tl_plural(r.n), tl_one_or_many(r.n, "es", ""));
        }
}

/* The largest error of a side against the reference; -1: none is known. */
static double worst_error(const struct tl_compare *c, size_t place, size_t *n)
{
    double worst = -1;
    *n = 0;
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct tl_side_cell *k = tl_compare_cell(c, &c->rows[i], place);
        if (k->has_error) {
            (*n)++;
            worst = k->infinite ? HUGE_VAL : fmax(worst, k->error);
        }
    }
    return worst;
}

void tl_cli_compare_print(const struct tl_compare *c, bool colour)
{
    for (size_t from = 0, to; from < c->n_rows; from = to) {
        for (to = from; to < c->n_rows && !strcmp(c->rows[to].case_hash, c->rows[from].case_hash); to++)
            ;
        print_case(c, from, to, colour);
    }
    tl_cli_labels_print(&c->labels);
    json_t *same = same_failures(c), *one;
    size_t i;
    json_array_foreach(same, i, one) {
        const json_t *sides = json_object_get(one, "sides");
        const char *match = tl_member_text(one, "match");
        if (!match || !*tl_member_text(one, "letter"))
            continue;
        struct tl_buffer b = TL_BUFFER_INIT;
        for (size_t k = 0; k < json_array_size(sides); k++)
            tl_buffer_printf(&b, "%s %s", k ? "," : "", json_string_value(json_array_get(sides, k)));
        tl_cli_line("%s is the same failure on%s: by its %s", tl_member_text(one, "letter"),
                    b.data ? b.data : "", strcmp(match, "coarse") ? "signature" : "coarse part");
        tl_buffer_free(&b);
    }
    json_decref(same);
    print_ratios(c);
    for (i = 0; i < c->n_shown; i++) {
        size_t n;
        double worst = worst_error(c, i, &n);
        if (n)
            tl_cli_line("largest error of %s against the reference: %.3g, over %zu variant%s",
                        c->sides[c->order[i]].name, worst, n, tl_plural(n));
    }
    printf("%zu variant%s compared: %zu differ, %zu of them pass on the first side and fail on a later one",
           c->n_rows - c->alone, tl_plural(c->n_rows - c->alone), c->differing, c->regressed);
    if (c->alone)
        printf("; %zu more were tried on one side only", c->alone);
    putchar('\n');
}

/* --- the document --------------------------------------------------------------------------------------- */

static json_t *spread(const double *sorted, size_t n)
{
    return n ? json_pack("{s:f,s:f,s:f,s:I}", "median", tl_quantile(sorted, n, 0.5), "min", sorted[0], "max",
                         sorted[n - 1], "n", (json_int_t)n)
             : json_null();
}

static json_t *cell_json(const struct tl_compare *c, const struct tl_compare_row *r,
                         const struct tl_side_cell *k, const char *side)
{
    const struct tl_measures *m = tl_compare_measures(r, k);
    json_t *seen = json_array();
    for (size_t g = 0; g < k->groups.n; g++) {
        const struct tl_group *p = &k->groups.list[g];
        const struct tl_label *f = p->label == TL_NO_LABEL ? NULL : &c->labels.list[p->label];
        json_t *one = json_pack("{s:s,s:I,s:s?}", "outcome", tl_outcome_name(p->outcome), "n",
                                (json_int_t)p->n, "signature", f ? f->id : NULL);
        if (p->standing != TL_STANDING_NONE)
            json_object_set_new(one, "as_expected", json_boolean(p->standing == TL_STANDING_EXPECTED));
        json_array_append_new(seen, one);
    }
    json_t *error = !k->has_error ? json_null() : k->infinite ? json_string("infinite") : json_real(k->error);
    return json_pack("{s:s,s:s?,s:o,s:I,s:o,s:o,s:o,s:s?}", "side", side, "outcome",
                     k->groups.n ? tl_outcome_name(k->groups.list[0].outcome) : NULL, "seen", seen, "trials",
                     (json_int_t)k->groups.trials, "wall_s", spread(m->seconds, m->n), "peak_rss",
                     spread(m->memory, m->n), "max_error", error, "outputs",
                     *k->outputs && !k->vary ? k->outputs : NULL);
}

static json_t *ratio_json(const struct ratios *r)
{
    return r->n ? json_pack("{s:f,s:f,s:f,s:f,s:f,s:I}", "median", r->median, "q1", r->low, "q3", r->high,
                            "min", r->least, "max", r->most, "variants", (json_int_t)r->n)
                : json_null();
}

json_t *tl_cli_compare_json(const struct tl_compare *c)
{
    static const char *const matches[] = {NULL, "signature", "coarse"};
    json_t *sides = json_array(), *rows = json_array();
    for (size_t i = 0; i < c->n_shown; i++) {
        const struct tl_side *x = &c->sides[c->order[i]];
        struct ratios time = ratios_of(c, i, false), memory = ratios_of(c, i, true);
        size_t n;
        double worst = worst_error(c, i, &n);
        json_array_append_new(sides,
                              json_pack("{s:s,s:s,s:I,s:o,s:o,s:o}", "id", x->key, "name", x->name, "trials",
                                        (json_int_t)x->trials, "time_ratio", ratio_json(&time),
                                        "memory_ratio", ratio_json(&memory), "max_error",
                                        !n             ? json_null()
                                        : isinf(worst) ? json_string("infinite")
                                                       : json_real(worst)));
    }
    for (size_t i = 0; i < c->n_rows; i++) {
        const struct tl_compare_row *r = &c->rows[i];
        if (!tl_compare_row_shown(c, r))
            continue;
        json_t *cells = json_array();
        for (size_t k = 0; k < c->n_shown; k++)
            json_array_append_new(cells,
                                  cell_json(c, r, tl_compare_cell(c, r, k), c->sides[c->order[k]].key));
        json_t *variant = json_loads(r->variant, 0, NULL);
        json_array_append_new(rows,
                              json_pack("{s:s,s:s,s:o,s:s?,s:o,s:b,s:b,s:s?}", "case", r->case_name,
                                        "case_hash", r->case_hash, "variant", variant ? variant : json_null(),
                                        "unit", *r->where ? r->where : NULL, "cells", cells, "differs",
                                        r->differs, "regressed", r->regressed, "match", matches[r->match]));
    }
    return json_pack("{s:s,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I}", "by", tl_compare_by_names[c->by], "sides",
                     sides, "rows", rows, "signatures", tl_labels_json(&c->labels), "failures",
                     same_failures(c), "compared", (json_int_t)(c->n_rows - c->alone), "differ",
                     (json_int_t)c->differing, "regressed", (json_int_t)c->regressed, "alone",
                     (json_int_t)c->alone);
}
