/* The section of a report that says what a reduction left of a model: each node by its name in the original, so that it is found
 * again there, and what is fed to it. */
#include "harness/base/plural.h"
#include "reports/finding/reduction_values.h"
#include "reports/finding/sections.h"

#include <stdlib.h>

#define NODES_SHOWN 20

static char *code(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (text)
        tl_inline_code(&b, text);
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

/* By its name, else by what it makes. */
static char *place_in_original(const json_t *node)
{
    const char *name = tl_member_text(node, "original"), *made = tl_member_text(node, "original_output");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (name) {
        tl_inline_code(&b, name);
    } else if (made) {
        tl_buffer_add_string(&b, "without a name; makes ");
        tl_inline_code(&b, made);
    }
    if (tl_member_true(node, "inside"))
        tl_buffer_add_string(&b, " (in a body)");
    return b.data ? tl_buffer_take(&b) : tl_strdup("");
}

static void add_nodes(json_t *page, const json_t *nodes)
{
    static const char *const head[] = {"node", "operator", "in the original"};
    json_t *rows = tl_page_table(page, 3, head);
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        if (i == NODES_SHOWN)
            break;
        char *cells[] = {code(tl_member_text(node, "node")), code(tl_member_text(node, "operator")),
                         place_in_original(node)};
        tl_page_row(rows, false, 3, cells);
    }
    if (json_array_size(nodes) > NODES_SHOWN)
        tl_page_paragraph(page, tl_format("… and %zu more.", json_array_size(nodes) - NODES_SHOWN));
}

static void add_names(struct tl_buffer *b, const json_t *list)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (i == 8) {
            tl_buffer_printf(b, " and %zu more", json_array_size(list) - i);
            break;
        }
        tl_buffer_add_string(b, i ? ", " : " ");
        tl_inline_code(b, json_is_string(one) ? json_string_value(one) : tl_member_or(one, "original", "?"));
    }
}

static void add_data(json_t *page, const json_t *reduction)
{
    const json_t *recorded = json_object_get(reduction, "recorded_inputs"),
                 *left = json_object_get(reduction, "owner_data");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (json_array_size(recorded)) {
        tl_buffer_add_string(&b, "It is fed with values that were recorded in a run of the original:");
        add_names(&b, recorded);
        tl_buffer_add_string(&b, ". ");
    }
    if (json_array_size(left)) {
        tl_buffer_add_string(&b, "Of the original's own values it still holds");
        add_names(&b, left);
        tl_buffer_add_string(&b, ".");
    } else {
        tl_buffer_add_string(
            &b, "No value of the original is left in it: weights and inputs are zeros, ones or random.");
    }
    tl_page_paragraph(page, tl_buffer_take(&b));
}

static void add_values(json_t *page, const json_t *reduction)
{
    json_t *sentences = tl_reduction_sentences(reduction, true), *one;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(sentences, i, one)
        tl_buffer_printf(&b, "%s%s", i ? "; " : "In it ", json_string_value(one));
    if (b.size) {
        tl_buffer_add_string(&b, ".");
        tl_page_paragraph(page, tl_buffer_take(&b));
    }
    json_decref(sentences);
}

static void add_structural(json_t *page, const json_t *reduction)
{
    const json_t *nodes = json_object_get(reduction, "structural_remaining");
    size_t n = json_array_size(nodes);
    if (!n)
        return;
    tl_page_paragraph(
        page,
        tl_format("Fed with the original's inputs%s it takes %zu node%s%s (" TL_CODE_ON
                  "structural.onnx" TL_CODE_OFF "):",
                  tl_member_true(reduction, "structural_recorded_state") ? " and the recorded state of a loop"
                                                                         : " alone",
                  n, tl_plural(n),
                  tl_member_true(reduction, "structural_minimal") ? "" : ", not shown to be minimal"));
    add_nodes(page, nodes);
}

static void add_rejected(json_t *page, const json_t *reduction)
{
    const json_t *step;
    size_t i, rejected = 0;
    json_array_foreach(json_object_get(reduction, "steps"), i, step)
        rejected += (size_t)tl_member_integer(step, "rejected");
    if (rejected)
        tl_page_paragraph(page, tl_format("%zu smaller model%s failed in another way, and did not count.",
                                          rejected, tl_plural(rejected)));
}

void tl_section_reduction(const struct tl_sections *r)
{
    const json_t *reduction = json_object_get(r->finding, "reduction"),
                 *nodes = json_object_get(reduction, "nodes"),
                 *neighbour = json_object_get(reduction, "neighbour");
    if (!json_is_object(reduction))
        return;
    tl_page_heading(r->page, 2, "What is left of the model");
    tl_page_paragraph(r->page,
                      tl_format("%lld of its %lld nodes%s, found with %lld trials:",
                                (long long)json_integer_value(json_array_get(nodes, 1)),
                                (long long)json_integer_value(json_array_get(nodes, 0)),
                                !tl_member_true(reduction, "complete")
                                    ? " (not yet minimal: the search was ended early)"
                                : !tl_member_true(reduction, "minimal") ? " (not shown to be minimal)"
                                                                        : "",
                                (long long)tl_member_integer(reduction, "trials")));
    add_nodes(r->page, json_object_get(reduction, "remaining"));
    add_data(r->page, reduction);
    add_values(r->page, reduction);
    if (json_is_object(neighbour))
        tl_page_paragraph(r->page, tl_format("It passes with %s.", tl_member_or(neighbour, "with", "?")));
    add_structural(r->page, reduction);
    add_rejected(r->page, reduction);
}
