/* The section of a report that lists the model. */
#include "harness/base/plural.h"
#include "reports/finding/sections.h"

#include <stdlib.h>
#include <string.h>

static void add_lines(struct tl_buffer *b, const char *what, const json_t *lines)
{
    const json_t *line;
    size_t i;
    json_array_foreach(lines, i, line)
        if (json_is_string(line))
            tl_buffer_printf(b, "%-6s %s\n", what, json_string_value(line));
}

static void add_head(const struct tl_sections *r, const json_t *model)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *domain, *producer = tl_member_text(model, "producer");
    json_t *version;
    bool first = true;
    tl_buffer_printf(&b, TL_BOLD_ON "Model:" TL_BOLD_OFF " ONNX, IR version %lld, opset",
                     (long long)tl_member_integer(model, "ir_version"));
    json_object_foreach(json_object_get(model, "opsets"), domain, version) {
        tl_buffer_add_string(&b, first ? " " : ", ");
        if (strcmp(domain, "ai.onnx"))
            tl_inline_text(&b, domain), tl_buffer_add_string(&b, " ");
        tl_buffer_printf(&b, "%lld", (long long)json_integer_value(version));
        first = false;
    }
    if (producer) {
        tl_buffer_add_string(&b, "; made by ");
        tl_inline_text(&b, producer);
    }
    tl_buffer_add_string(&b, ":");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
}

static void add_operators(struct tl_buffer *b, const json_t *model)
{
    const char *name;
    json_t *count;
    size_t at = b->size;
    bool first = true;
    tl_buffer_printf(b, "%-6s %lld:", "nodes", (long long)tl_member_integer(model, "node_count"));
    json_object_foreach(json_object_get(model, "operators"), name, count) {
        if (b->size - at > 90) {
            tl_buffer_add_string(b, ",\n      ");
            at = b->size;
            first = true;
        }
        tl_buffer_printf(b, "%s %s %lld", first ? "" : ",", name, (long long)json_integer_value(count));
        first = false;
    }
    tl_buffer_add_string(b, "\n");
}

void tl_section_model(const struct tl_sections *r)
{
    const json_t *model = json_object_get(r->finding, "model");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!json_is_object(model) || !tl_member_integer(model, "node_count"))
        return;
    long long subgraphs = tl_member_integer(model, "subgraphs"),
              functions = tl_member_integer(model, "functions");
    add_head(r, model);
    add_lines(&b, "in", json_object_get(model, "inputs"));
    add_lines(&b, "const", json_object_get(model, "initializers"));
    if (json_array_size(json_object_get(model, "nodes")))
        add_lines(&b, "node", json_object_get(model, "nodes"));
    else
        add_operators(&b, model);
    add_lines(&b, "out", json_object_get(model, "outputs"));
    if (subgraphs)
        tl_buffer_printf(&b, "and %lld graph%s inside of its nodes, not listed\n", subgraphs,
                         tl_plural(subgraphs));
    if (functions)
        tl_buffer_printf(&b, "and %lld function%s of its own, not listed\n", functions, tl_plural(functions));
    tl_page_code(r->page, "text", tl_buffer_take(&b));
}
