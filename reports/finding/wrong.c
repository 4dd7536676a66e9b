/* The section of a wrong result: what it was compared with, how far it may be, and the worst elements with what was
 * expected of them. A reader who cannot run the model sees from it alone whether it is rounding, a wrong formula or
 * memory of somebody else. */
#include "reports/finding/sections.h"

#include "harness/base/plural.h"
#include "harness/base/utf8.h"
#include "reports/comparison.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 12
#define ROWS_SHORT 3  /* in the text of an issue */
#define VALUE_MOST 60 /* bytes of a text */

static json_int_t rows_most(const struct tl_sections *r)
{
    return r->extent == TL_EXTENT_SHORT ? ROWS_SHORT : ROWS_MOST;
}

static void add_number(struct tl_buffer *b, const json_t *value)
{
    if (json_is_real(value))
        tl_buffer_printf(b, "%.7g", json_real_value(value));
    else
        tl_inline_value(b, value);
}

/* An element, or what is told of the whole output. */
static char *cell(const json_t *value)
{
    struct tl_buffer text = TL_BUFFER_INIT, code = TL_BUFFER_INIT;
    if (!value)
        return tl_strdup("");
    add_number(&text, value);
    char *clean = tl_clean_text(text.data ? text.data : "", text.size, false);
    if (strlen(clean) > VALUE_MOST)
        strcpy(clean + tl_utf8_cut(clean, VALUE_MOST - 3), "…");
    tl_inline_code(&code, *clean ? clean : "\"\"");
    free(clean);
    tl_buffer_free(&text);
    return tl_buffer_take(&code);
}

static char *error_cell(const json_t *element)
{
    const json_t *relative = json_object_get(element, "relative"),
                 *absolute = json_object_get(element, "absolute");
    if (json_is_number(relative))
        return tl_format("%.3g", json_number_value(relative));
    return json_is_number(absolute) ? tl_format("none (absolute %.3g)", json_number_value(absolute))
                                    : tl_strdup("none");
}

/* finite: what is expected where nothing was compared; else NULL. */
static void add_row(json_t *rows, const char *output, const json_t *element, const char *finite)
{
    const char *of = tl_member_text(element, "of");
    struct tl_buffer name = TL_BUFFER_INIT;
    const json_t *index = json_object_get(element, "index");
    tl_inline_code(&name, output);
    char *cells[] = {tl_buffer_take(&name),
                     of                       ? tl_format("all of it: %s", of)
                     : json_array_size(index) ? cell(index)
                                              : tl_strdup(""),
                     finite ? tl_strdup(finite) : cell(json_object_get(element, "expected")),
                     cell(json_object_get(element, "got")), error_cell(element)};
    tl_page_row(rows, false, TL_COUNT(cells), cells);
}

/* "float32 [1, 4]" */
static void add_type(struct tl_buffer *b, const json_t *c)
{
    const char *dtype = tl_member_text(c, "dtype");
    const json_t *shape = json_object_get(c, "shape");
    if (!dtype)
        return;
    tl_buffer_add_string(b, " (");
    tl_inline_text(b, dtype);
    if (json_is_array(shape)) {
        tl_buffer_add_string(b, " ");
        tl_inline_value(b, shape);
    }
    tl_buffer_add_string(b, ")");
}

static void add_how(struct tl_buffer *b, const json_t *c)
{
    static const char *const words[][2] = {
        {"missing", "is missing"},
        {"unexpected", "is none that is expected"},
        {"type", "has another type"},
        {"shape", "has another shape"},
        {"not finite", "is not finite"},
        {"all zero", "is zero everywhere"},
        {"differs", "is not what it should be"},
    };
    const char *how = tl_member_or(c, "how", "differs");
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (!strcmp(words[i][0], how))
            tl_buffer_add_string(b, words[i][1]);
}

static void add_reference(struct tl_buffer *b, const json_t *c)
{
    const char *unit = tl_member_text(c, "unit"), *file = tl_member_text(c, "file");
    struct tl_comparison_bounds bounds = tl_comparison_bounds(c);
    const json_t *worst = json_object_get(c, "worst"), *error = json_object_get(c, "max_error");
    if (file) {
        tl_buffer_add_string(b, " It was compared with the file ");
        tl_inline_code(b, file);
        tl_buffer_add_string(b, " of the case");
    } else if (unit) {
        /* A runner that is named by its path is the file that it is, wherever it lies. */
        const char *device = strchr(unit, ':'), *from = *unit == '/' && device ? device : unit;
        while (from > unit && from[-1] != '/')
            from--;
        tl_buffer_add_string(b, " It was compared with ");
        tl_inline_code(b, from);
    } else {
        return;
    }
    if (tl_member_true(worst, "exact"))
        tl_buffer_add_string(b, "; such values have to be equal");
    else if (!json_is_array(json_object_get(worst, "index")) || !bounds.known)
        ;
    else if (bounds.elementwise)
        tl_buffer_printf(b, "; each element may be off by %g + %g times its value", bounds.atol, bounds.rtol);
    else
        tl_buffer_printf(b, "; it may be off by %g of the largest magnitude", bounds.whole);
    if (!tl_member_true(worst, "exact") && bounds.known && !bounds.elementwise && json_is_number(error) &&
        json_is_array(json_object_get(worst, "index")))
        tl_buffer_printf(b, ", and is by %.3g", json_number_value(error));
    tl_buffer_add_string(b, ".");
}

/* How many of the other outputs are right, and which are not. */
static void add_others(struct tl_buffer *b, const json_t *c)
{
    const char *told = tl_member_or(c, "output", ""), *separator = " Wrong as well: ";
    const json_t *output;
    size_t i, right = 0;
    json_array_foreach(json_object_get(c, "outputs"), i, output) {
        const char *name = tl_member_or(output, "name", "");
        right += !tl_member_text(output, "how");
        if (!tl_member_text(output, "how") || !strcmp(name, told))
            continue;
        tl_buffer_add_string(b, separator);
        tl_inline_code(b, name);
        separator = ", ";
    }
    if (*separator == ',')
        tl_buffer_add_string(b, ".");
    if (right)
        tl_buffer_printf(b, " %zu other output%s.", right, tl_one_or_many(right, " is right", "s are right"));
}

/* How close an answer comes that is right: what a tolerance has to be held against. */
static void add_control(struct tl_buffer *b, const json_t *control)
{
    const json_t *c = json_object_get(control, "reference"), *error = json_object_get(c, "max_error");
    if (!json_is_true(json_object_get(c, "equal")) || !json_is_number(error))
        return;
    if (json_number_value(error) > 0)
        tl_buffer_printf(
            b, " The control agrees with its reference: its largest error is %.3g of the largest magnitude.",
            json_number_value(error));
    else
        tl_buffer_add_string(b, " The control is equal to its reference, to the last bit.");
}

/* Where nothing was compared: which of the values are not finite. */
static void add_not_finite(struct tl_buffer *b, const json_t *c)
{
    const json_t *counts = json_object_get(c, "not_finite");
    json_int_t nan = tl_member_integer(counts, "nan"), inf = tl_member_integer(counts, "inf"),
               of = tl_member_integer(c, "of");
    if (!nan && !inf)
        return;
    if (of)
        tl_buffer_printf(b, " Of its %lld value%s ", (long long)of, tl_plural((unsigned long long)of));
    else
        tl_buffer_add_string(b, " ");
    if (nan)
        tl_buffer_printf(b, "%lld %s NaN%s", (long long)nan,
                         tl_one_or_many((unsigned long long)nan, "is", "are"), inf ? " and " : ".");
    if (inf)
        tl_buffer_printf(b, "%lld %s infinite.", (long long)inf,
                         tl_one_or_many((unsigned long long)inf, "is", "are"));
}

static void add_table(const struct tl_sections *r, const json_t *c, const char *output)
{
    static const char *const head[] = {"output", "index", "expected", "got", "relative error"};
    const json_t *elements = json_object_get(c, "elements"), *worst = json_object_get(c, "worst"), *element;
    size_t i;
    if (!json_array_size(elements) && !json_is_object(worst))
        return;
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(elements, i, element) {
        if ((json_int_t)i < rows_most(r))
            add_row(rows, output, element, NULL);
    }
    if (!i)
        add_row(rows, tl_member_or(worst, "output", output), worst,
                tl_member_text(c, "unit") ? NULL : "a finite value");
}

void tl_section_wrong(const struct tl_sections *r)
{
    const json_t *c = tl_report_comparison(r->finding, r->failing);
    const char *output = tl_member_text(c, "output"), *outcome = tl_member_text(r->finding, "outcome");
    json_int_t apart = tl_member_integer(c, "apart"), of = tl_member_integer(c, "of");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!output || !outcome || strcmp(outcome, "wrong") != 0)
        return;
    tl_page_heading(r->page, 2, "How it is wrong");
    tl_buffer_add_string(&b, "Output ");
    tl_inline_code(&b, output);
    add_type(&b, c);
    tl_buffer_add_string(&b, " ");
    add_how(&b, c);
    if (apart && of)
        tl_buffer_printf(&b, ": %lld of its %lld element%s %s wrong%s", (long long)apart, (long long)of,
                         tl_plural((unsigned long long)of),
                         tl_one_or_many((unsigned long long)apart, "is", "are"),
                         apart > rows_most(r) ? ", below are the worst" : "");
    tl_buffer_add_string(&b, ".");
    add_not_finite(&b, c);
    add_reference(&b, c);
    add_others(&b, c);
    add_control(&b, r->control);
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    add_table(r, c, output);
}
