/* The section of a report that says where a difference begins: what was held against what, the values that were looked at, and
 * the region that they leave. */
#include "harness/base/plural.h"
#include "reports/comparison.h"
#include "reports/finding/sections.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_SHOWN 40

static char *code(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (text)
        tl_inline_code(&b, text);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* A unit with values of axes, or a model. */
static void add_side(struct tl_buffer *b, const json_t *side)
{
    const char *name, *model = tl_member_text(side, "model");
    bool first = true;
    json_t *value;
    tl_inline_code(b, model ? model : tl_member_or(side, "unit", "?"));
    json_object_foreach(json_object_get(side, "with"), name, value) {
        char *text = json_is_string(value) ? tl_strdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY),
             *both = tl_format("%s=%s", name, text);
        tl_buffer_add_string(b, first ? " with " : ", ");
        tl_inline_code(b, both);
        first = false;
        free(both);
        free(text);
    }
}

static void add_number(struct tl_buffer *b, const char *before, const json_t *value, const char *behind)
{
    if (json_is_number(value))
        tl_buffer_printf(b, "%s%.3g%s", before, json_number_value(value), behind);
}

static void add_names(struct tl_buffer *b, const json_t *list)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        tl_buffer_add_string(b, i ? ", " : "");
        tl_inline_code(b, json_is_string(one) ? json_string_value(one) : "?");
    }
}

static void add_what(json_t *page, const json_t *d)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one, *samples = json_object_get(d, "samples");
    size_t i;
    json_array_foreach(json_object_get(d, "nothing"), i, one) {
        tl_buffer_add_string(&b, i ? ", nor from " : "It does not differ from ");
        add_side(&b, one);
        if (json_number_value(json_object_get(one, "error")) > 0)
            add_number(&b, " by more than ", json_object_get(one, "error"), ", which the tolerance allows");
    }
    tl_buffer_add_string(&b, json_array_size(json_object_get(d, "nothing")) ? ". " : "");
    tl_buffer_add_string(&b, "Output ");
    tl_inline_code(&b, tl_member_or(d, "output", "?"));
    tl_buffer_add_string(&b, " differs from that of ");
    add_side(&b, d);
    char *form = tl_difference_form(d);
    tl_buffer_printf(&b, " (%s)", form ? form : tl_member_or(d, "kind", "?"));
    free(form);
    add_number(&b, ": the largest error is ", json_object_get(d, "error"), " of the largest magnitude");
    add_number(&b, ", between good configurations it is ", json_object_get(d, "noise"), "");
    tl_buffer_add_string(&b, ".");
    if (json_is_array(samples))
        tl_buffer_printf(&b, " It does with %lld of %lld sample%s.",
                         (long long)json_integer_value(json_array_get(samples, 0)),
                         (long long)json_integer_value(json_array_get(samples, 1)),
                         tl_plural((uint64_t)json_integer_value(json_array_get(samples, 1))));
    tl_page_paragraph(page, tl_buffer_take(&b));
}

static char *number(const json_t *value)
{
    return json_is_number(value) ? tl_format("%.3g", json_number_value(value)) : tl_strdup("");
}

static void add_table(json_t *page, const json_t *list)
{
    static const char *const head[] = {"value", "operator", "", "error", "noise"};
    const json_t *row;
    size_t i;
    if (!json_array_size(list))
        return;
    json_t *rows = tl_page_table(page, 5, head);
    json_array_foreach(list, i, row) {
        const char *is = tl_member_or(row, "is", "?"), *kind = tl_member_text(row, "kind");
        if (i == ROWS_SHOWN)
            break;
        bool other = kind && !strcmp(is, "differs") && strcmp(kind, "numbers") != 0;
        char *cells[] = {code(tl_member_text(row, "value")), code(tl_member_text(row, "operator")),
                         !strcmp(is, "cured") ? tl_strdup("looked at, the failure goes away")
                         : !strcmp(is, "unseen")
                             ? tl_strdup("cannot be looked at")
                             : tl_format("%s%s%s", is, other ? ": " : "", other ? kind : ""),
                         number(json_object_get(row, "error")), number(json_object_get(row, "noise"))};
        tl_page_row(rows, !strcmp(is, "differs"), 5, cells);
    }
    if (json_array_size(list) > ROWS_SHOWN)
        tl_page_paragraph(page, tl_format("… and %zu more.", json_array_size(list) - ROWS_SHOWN));
}

static void add_region(json_t *page, const json_t *d, const char *begins)
{
    const json_t *region = json_object_get(d, "region"), *node, *end = json_object_get(d, "from_the_end");
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!region)
        return;
    tl_buffer_add_string(&b, begins);
    if (json_array_size(json_object_get(region, "from")))
        add_names(&b, json_object_get(region, "from"));
    else
        tl_buffer_add_string(&b, "the inputs");
    tl_buffer_add_string(&b, " and ");
    tl_inline_code(&b, tl_member_or(region, "to", "?"));
    tl_buffer_add_string(&b, ", in ");
    json_array_foreach(json_object_get(region, "nodes"), i, node) {
        tl_buffer_add_string(&b, i ? ", " : "");
        tl_inline_code(&b, tl_member_or(node, "operator", "?"));
    }
    tl_buffer_add_string(&b, ".");
    if (json_array_size(json_object_get(region, "cured_by"))) {
        tl_buffer_add_string(&b, " The failure goes away when ");
        add_names(&b, json_object_get(region, "cured_by"));
        tl_buffer_add_string(&b, " is looked at.");
    }
    if (!tl_member_true(region, "accused"))
        tl_buffer_add_string(
            &b, " Fed with what is right it agrees there: what differs was carried there, or adds up.");
    if (!tl_member_true(region, "accused") && end) {
        tl_buffer_add_string(&b, " The last node that makes the output differ when it is fed so is the ");
        tl_inline_code(&b, tl_member_or(end, "operator", "?"));
        tl_buffer_add_string(&b, " that makes ");
        tl_inline_code(&b, tl_member_or(end, "makes", "?"));
        tl_buffer_add_string(&b, ".");
    }
    tl_page_paragraph(page, tl_buffer_take(&b));
}

void tl_section_difference(const struct tl_sections *r)
{
    const json_t *d = json_object_get(json_object_get(r->finding, "reduction"), "difference");
    if (!json_is_object(d))
        return;
    tl_page_heading(r->page, 2, "Where the difference begins");
    add_what(r->page, d);
    add_table(r->page, json_object_get(d, "table"));
    add_region(r->page, d, "It begins between ");
    /* What was in a body is said after the node that it was in. */
    for (const json_t *in = json_object_get(d, "inside"); json_is_object(in);
         in = json_object_get(in, "inside")) {
        add_table(r->page, json_object_get(in, "table"));
        add_region(r->page, in, "Inside of that it begins between ");
    }
}
