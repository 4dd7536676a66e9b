/* Numbers that trials tell (cases/metrics.h), as a section of a report and as lines of a terminal. */
#include "reports/finding/metrics.h"

#include "harness/base/plural.h"
#include "reports/finding/members.h"
#include "reports/finding/sections.h"
#include "reports/members.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_BELOW 1e15
#define LINE_VALUES 8 /* of an axis, in a terminal */

void tl_words_metric(struct tl_buffer *b, double number, const char *unit)
{
    if (fabs(number) < WHOLE_BELOW && number == floor(number))
        tl_buffer_printf(b, "%lld", (long long)number);
    else
        tl_buffer_printf(b, "%.6g", number);
    if (unit) {
        tl_buffer_add_string(b, " ");
        tl_inline_text(b, unit);
    }
}

static char *number(const json_t *row, const char *member)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_words_metric(&b, json_number_value(json_object_get(row, member)), NULL);
    return tl_buffer_take(&b);
}

static void add_row(json_t *rows, const json_t *metric, const char *axis, const json_t *row)
{
    struct tl_buffer name = TL_BUFFER_INIT, value = TL_BUFFER_INIT;
    const char *unit = tl_member_text(metric, "unit");
    tl_inline_code(&name, tl_member_or(metric, "name", "unknown"));
    if (unit) {
        tl_buffer_add_string(&name, ", ");
        tl_inline_text(&name, unit);
    }
    if (axis) {
        struct tl_buffer setting = TL_BUFFER_INIT;
        char *word = tl_value_word(json_object_get(row, "value"));
        tl_buffer_printf(&setting, "%s=%s", axis, word);
        tl_inline_code(&value, setting.data);
        tl_buffer_free(&setting);
        free(word);
    } else {
        tl_buffer_add_string(&value, "the minimal variant");
    }
    char *cells[] = {tl_buffer_take(&name),
                     tl_buffer_take(&value),
                     number(row, "median"),
                     number(row, "min"),
                     number(row, "max"),
                     tl_format("%lld", (long long)tl_member_integer(row, "trials")),
                     tl_format("%lld", (long long)tl_member_integer(row, "failed"))};
    tl_page_row(rows, false, TL_COUNT(cells), cells);
}

void tl_section_metrics(const struct tl_sections *r)
{
    static const char *const head[] = {"metric",  "with",   "median",     "lowest",
                                       "highest", "trials", "that failed"};
    const json_t *metrics = json_object_get(r->finding, "metrics"), *metric, *table, *row;
    size_t i, k, v;
    if (!json_array_size(metrics))
        return;
    tl_page_heading(r->page, 2, "Metrics");
    tl_page_words(r->page,
                  tl_finding_over_builds(r->finding)
                      ? "Numbers that the trials told, by build:"
                      : "Numbers that the trials told, one axis changed at a time, all else as in the "
                        "minimal variant:");
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(metrics, i, metric) {
        if (!json_array_size(json_object_get(metric, "by")) && json_object_get(metric, "minimal"))
            add_row(rows, metric, NULL, json_object_get(metric, "minimal"));
        json_array_foreach(json_object_get(metric, "by"), k, table)
            json_array_foreach(json_object_get(table, "values"), v, row)
                add_row(rows, metric, tl_member_or(table, "axis", "unknown"), row);
    }
}

static void add_line(struct tl_buffer *b, const json_t *metric, const json_t *table)
{
    const json_t *values = json_object_get(table, "values"), *row;
    const char *unit = tl_member_text(metric, "unit");
    size_t i, n = json_array_size(values);
    tl_buffer_printf(b, "  %s%s%s%s by %s: ", tl_member_or(metric, "name", "unknown"), unit ? " (" : "",
                     unit ? unit : "", unit ? ")" : "", tl_member_or(table, "axis", "unknown"));
    json_array_foreach(values, i, row) {
        if (i == LINE_VALUES) {
            tl_buffer_printf(b, ", and %zu value%s more", n - i, tl_plural(n - i));
            break;
        }
        char *value = tl_value_word(json_object_get(row, "value")), *median = number(row, "median"),
             *least = number(row, "min"), *most = number(row, "max");
        tl_buffer_printf(b, "%s%s: %s", i ? ", " : "", value, median);
        if (strcmp(least, most))
            tl_buffer_printf(b, " (%s to %s)", least, most);
        free(value);
        free(median);
        free(least);
        free(most);
    }
    tl_buffer_add_string(b, "\n");
}

void tl_words_metrics(struct tl_buffer *b, const json_t *finding)
{
    const json_t *metric, *table;
    size_t i, k;
    json_array_foreach(json_object_get(finding, "metrics"), i, metric)
        json_array_foreach(json_object_get(metric, "by"), k, table)
            add_line(b, metric, table);
}
