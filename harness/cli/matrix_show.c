/* Prints a matrix: its tables with the numerics below them, or the document of all that. */
#include "harness/cli/matrix_show.h"

#include "harness/base/buffer.h"
#include "harness/base/plural.h"
#include "harness/base/quantile.h"
#include "harness/base/time_text.h"
#include "harness/base/unit_name.h"
#include "harness/cli/cli.h"
#include "harness/cli/labels_show.h"
#include "harness/cli/table.h"
#include "reports/known.h"
#include "reports/page/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REASONS 8 /* of unsupported variants that are printed */

/* --- the table ------------------------------------------------------------------------------------------ */

static char *cell_text(const struct tl_matrix *m, const struct tl_matrix_cell *c)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_groups_text(&c->groups, &m->labels, &b);
    if (c->groups.n && c->groups.list[0].outcome != TL_OUTCOME_UNSUPPORTED) {
        char *time = tl_duration_text(c->seconds);
        tl_buffer_printf(&b, " %s", time);
        free(time);
    }
    return tl_buffer_take(&b);
}

static void add_headings(const struct tl_matrix *m, const struct tl_matrix_case *k, struct tl_table *t)
{
    size_t axes = t->n_columns - m->n_units;
    for (size_t i = 0; i < axes; i++)
        tl_table_add(t, tl_strdup(""), NULL);
    for (size_t i = 0; i < m->n_units; i++) {
        const char *slash = strrchr(m->units[i]->runner, '/');
        tl_table_add(t, tl_strdup(slash ? slash + 1 : m->units[i]->runner), NULL);
    }
    size_t named = 0;
    for (size_t i = 0; i < k->c->n_axes; i++)
        if (k->varied[i] && ++named)
            tl_table_add(t, tl_strdup(k->c->axes[i].name), NULL);
    if (!named)
        tl_table_add(t, tl_strdup("variant"), NULL);
    for (size_t i = 0; i < m->n_units; i++) {
        const struct tl_unit *u = m->units[i];
        const char *slash = u->build ? strrchr(u->build, '/') : NULL;
        tl_table_add(
            t, tl_unit_name_text("", u->build ? (slash ? slash + 1 : u->build) : NULL, u->device, u->alias),
            NULL);
    }
    t->n_headers = 2;
}

static char *error_text(double e)
{
    return isinf(e) ? tl_strdup("not finite") : tl_format("%.2g", e);
}

/* How far the outputs of each unit are from the reference of the case. */
static void print_numerics(const struct tl_matrix *m, const struct tl_matrix_case *k, bool colour)
{
    static const char *const head[] = {"unit", "compared", "median", "largest", "with"};
    struct tl_table t = {.n_columns = 5, .n_headers = 1};
    size_t compared = 0;
    for (size_t i = 0; i < 5; i++)
        tl_table_add(&t, tl_strdup(head[i]), NULL);
    for (size_t u = 0; u < m->n_units; u++) {
        struct tl_matrix_numerics z = tl_matrix_numerics_of(m, k, u);
        if (z.n) {
            tl_table_add(&t, tl_strdup(m->names.list[u]), NULL);
            tl_table_add(&t, tl_format("%zu", z.n), NULL);
            tl_table_add(&t, error_text(tl_median(z.list, z.n)), NULL);
            tl_table_add(&t, error_text(z.list[z.n - 1]), NULL);
            tl_table_add(&t, tl_matrix_row_name(k, &k->rows[z.largest]), NULL);
        }
        compared += z.n;
        free(z.list);
    }
    if (compared) {
        tl_cli_line("numerics: the largest error relative to the largest magnitude, against %s",
                    k->c->reference.text);
        tl_table_print(&t, stdout, colour);
        putchar('\n');
    }
    tl_table_free(&t);
}

static void print_case(const struct tl_matrix *m, const struct tl_matrix_case *k, bool colour)
{
    size_t named = 0;
    for (size_t i = 0; i < k->c->n_axes; i++)
        named += k->varied[i];
    struct tl_table t = {.n_columns = m->n_units + (named ? named : 1)};
    add_headings(m, k, &t);
    for (size_t r = 0; r < k->n_rows; r++) {
        for (size_t i = 0; i < k->c->n_axes; i++)
            if (k->varied[i])
                tl_table_add(&t, tl_value_text(tl_axis_value(&k->c->axes[i], k->rows[r].index[i])), NULL);
        if (!named)
            tl_table_add(&t, tl_matrix_row_name(k, &k->rows[r]), NULL);
        for (size_t u = 0; u < m->n_units; u++) {
            struct tl_matrix_cell c = tl_matrix_cell_of(m, k, r, u);
            tl_table_add(&t, cell_text(m, &c), tl_cli_group_colour(&c.groups));
            free(c.groups.list);
        }
    }
    tl_cli_line("%s", k->c->name);
    tl_table_print_fit(&t, t.n_columns - m->n_units, tl_output_width(0), stdout, colour);
    tl_table_free(&t);
    if (k->n_forbidden)
        tl_cli_line("%zu variant%s left out, which the case does not allow: %s", k->n_forbidden,
                    tl_plural(k->n_forbidden), k->forbidden);
    if (k->impossible)
        printf("%llu pair%s of values %s in no variant that is allowed\n", (unsigned long long)k->impossible,
               tl_plural(k->impossible), tl_one_or_many(k->impossible, "is", "are"));
    putchar('\n');
    if (k->c->reference.text)
        print_numerics(m, k, colour);
}

/* What somebody has said of failures in the table: by their letters, each once for a case. */
static void print_known(const struct tl_matrix *m)
{
    json_t *said = json_object();
    for (size_t i = 0; i < m->n_cases && json_object_size(m->marks); i++)
        for (size_t r = 0; r < m->cases[i].n_rows; r++)
            for (size_t u = 0; u < m->n_units; u++) {
                struct tl_matrix_cell c = tl_matrix_cell_of(m, &m->cases[i], r, u);
                for (size_t g = 0; g < c.groups.n; g++) {
                    const struct tl_group *p = &c.groups.list[g];
                    char *words = p->known ? tl_inline_plain(tl_known_words_with_note(p->known)) : NULL,
                         *line = words ? tl_format("%s of %s: %s", m->labels.list[p->label].letter,
                                                   m->cases[i].c->name, words)
                                       : NULL;
                    if (line && !json_object_get(said, line)) {
                        tl_cli_line("%s", line);
                        json_object_set_new(said, line, json_true());
                    }
                    free(words);
                    free(line);
                }
                free(c.groups.list);
            }
    if (json_object_size(said))
        putchar('\n');
    json_decref(said);
}

/* Cases that do something else in a fork server's children: what stands in the table is of fresh processes. */
static void print_processes(const struct tl_matrix *m)
{
    for (size_t i = 0; i < m->n_cases; i++)
        for (size_t u = 0; u < m->n_units && m->cases[i].processes; u++) {
            const struct tl_processes *p = &m->cases[i].processes[u];
            if (!p->differ)
                continue;
            char *text = tl_processes_text(p);
            tl_cli_line("%s on %s %s: it is run in fresh processes here", m->cases[i].c->name,
                        m->names.list[u], text);
            free(text);
        }
}

/* Of what was known already, when it was run. */
static void print_stored(const struct tl_matrix *m)
{
    if (!m->span.newest_us)
        return;
    char *from = tl_time_format(m->span.oldest_us, TL_TIME_LOCAL),
         *to = tl_time_format(m->span.newest_us, TL_TIME_LOCAL);
    if (strcmp(from, to) != 0)
        printf("what was known already was run from %s to %s; --no-cache runs it anew\n", from, to);
    else
        printf("what was known already was run on %s; --no-cache runs it anew\n", from);
    free(from);
    free(to);
}

void tl_cli_matrix_print(const struct tl_matrix *m, bool colour)
{
    for (size_t i = 0; i < m->n_cases; i++)
        print_case(m, &m->cases[i], colour);
    for (size_t i = 0; i < m->n_reasons && i < REASONS; i++)
        tl_cli_line("unsupported on %s (%llu trial%s)", m->reasons[i].text,
                    (unsigned long long)m->reasons[i].trials, tl_plural(m->reasons[i].trials));
    if (m->n_reasons > REASONS)
        printf("and %zu more reason%s for which variants are unsupported\n", m->n_reasons - REASONS,
               tl_plural(m->n_reasons - REASONS));
    tl_cli_labels_print(&m->labels);
    print_known(m);
    print_processes(m);
    printf("%llu trial%s, %llu of them known already, %llu failed\n", (unsigned long long)m->ended,
           tl_plural(m->ended), (unsigned long long)m->cached, (unsigned long long)m->failed);
    print_stored(m);
}

/* --- the document --------------------------------------------------------------------------------------- */

static json_t *cell_json(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row, size_t unit)
{
    const struct tl_matrix_trial *trials = tl_matrix_trials(m, k, row, unit);
    struct tl_matrix_cell c = tl_matrix_cell_of(m, k, row, unit);
    json_t *seen = json_array(), *ids = json_array();
    for (size_t g = 0; g < c.groups.n; g++) {
        const struct tl_group *p = &c.groups.list[g];
        json_t *one = json_pack("{s:s,s:I}", "outcome", tl_outcome_name(p->outcome), "n", (json_int_t)p->n);
        json_object_set_new(one, "signature",
                            p->label == TL_NO_LABEL ? json_null() : json_string(m->labels.list[p->label].id));
        json_object_set_new(one, "letter",
                            p->label == TL_NO_LABEL ? json_null()
                                                    : json_string(m->labels.list[p->label].letter));
        if (p->standing != TL_STANDING_NONE)
            json_object_set_new(one, "as_expected", json_boolean(p->standing == TL_STANDING_EXPECTED));
        if (p->known)
            json_object_set(one, "known", (json_t *)p->known);
        json_array_append_new(seen, one);
    }
    for (uint64_t i = 0; i < m->wishes.repeat; i++)
        if (*trials[i].id)
            json_array_append_new(ids, json_string(trials[i].id));
    json_t *j = json_pack("{s:s,s:s?,s:o,s:I,s:I,s:f,s:o}", "unit", m->names.list[unit], "outcome",
                          c.groups.n ? tl_outcome_name(c.groups.list[0].outcome) : NULL, "seen", seen,
                          "trials", (json_int_t)c.groups.trials, "cached", (json_int_t)c.cached, "wall_s",
                          c.seconds, "ids", ids);
    free(c.groups.list);
    return j;
}

static json_t *numerics_json(const struct tl_matrix *m, const struct tl_matrix_case *k)
{
    json_t *list = json_array();
    for (size_t u = 0; u < m->n_units && k->c->reference.text; u++) {
        struct tl_matrix_numerics z = tl_matrix_numerics_of(m, k, u);
        double largest = z.n ? z.list[z.n - 1] : 0, median = tl_median(z.list, z.n);
        if (z.n) /* what is not finite has no number in JSON */
            json_array_append_new(list,
                                  json_pack("{s:s,s:I,s:o,s:o,s:o}", "unit", m->names.list[u], "compared",
                                            (json_int_t)z.n, "median_error",
                                            isinf(median) ? json_null() : json_real(median), "max_error",
                                            isinf(largest) ? json_null() : json_real(largest), "variant",
                                            tl_variant_object(k->c, &k->rows[z.largest])));
        free(z.list);
    }
    return list;
}

static json_t *case_json(const struct tl_matrix *m, const struct tl_matrix_case *k)
{
    json_t *rows = json_array(), *axes = json_array();
    for (size_t i = 0; i < k->c->n_axes; i++)
        if (k->varied[i])
            json_array_append_new(axes, json_string(k->c->axes[i].name));
    for (size_t r = 0; r < k->n_rows; r++) {
        json_t *cells = json_array();
        for (size_t u = 0; u < m->n_units; u++)
            json_array_append_new(cells, cell_json(m, k, r, u));
        json_array_append_new(
            rows, json_pack("{s:o,s:o}", "variant", tl_variant_object(k->c, &k->rows[r]), "cells", cells));
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:I,s:s?,s:I}", "case", k->c->name, "case_hash", k->c->hash,
                     "axes", axes, "rows", rows, "numerics", numerics_json(m, k), "forbidden",
                     (json_int_t)k->n_forbidden, "forbidden_why", k->forbidden, "impossible_pairs",
                     (json_int_t)k->impossible);
}

json_t *tl_cli_matrix_json(const struct tl_matrix *m, double elapsed_s, bool complete)
{
    json_t *cases = json_array(), *units = json_array();
    for (size_t i = 0; i < m->n_cases; i++)
        json_array_append_new(cases, case_json(m, &m->cases[i]));
    for (size_t i = 0; i < m->n_units; i++) {
        const struct tl_unit *u = m->units[i];
        json_array_append_new(units, json_pack("{s:s,s:b,s:s?}", "unit", m->names.list[i], "usable",
                                               u && u->usable, "why", u && !u->usable ? u->why : NULL));
    }
    json_t *reasons = json_array(), *processes = json_array();
    for (size_t i = 0; i < m->n_cases; i++)
        for (size_t u = 0; u < m->n_units && m->cases[i].processes; u++) {
            if (!m->cases[i].processes[u].differ)
                continue;
            json_t *j = tl_processes_json(&m->cases[i].processes[u]);
            json_object_set_new(j, "case", json_string(m->cases[i].c->name));
            json_object_set_new(j, "unit", json_string(m->names.list[u]));
            json_array_append_new(processes, j);
        }
    for (size_t i = 0; i < m->n_reasons; i++)
        json_array_append_new(reasons, json_pack("{s:s,s:I}", "why", m->reasons[i].text, "trials",
                                                 (json_int_t)m->reasons[i].trials));
    json_t *document = json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:f,s:b}", "matrix", cases, "units",
                                 units, "signatures", tl_labels_json(&m->labels), "unsupported", reasons,
                                 "processes", processes, "trials", (json_int_t)m->ended, "cached",
                                 (json_int_t)m->cached, "failed", (json_int_t)m->failed, "not_judged",
                                 (json_int_t)m->not_judged, "elapsed_s", elapsed_s, "complete", complete);
    tl_stored_add_json(document, &m->span, &m->aside);
    return document;
}
