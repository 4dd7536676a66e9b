#include "reports/graph_text.h"

#include "reports/graph_words.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_LEAST 30
#define NAME_COLUMNS 60 /* of a value among others */
#define SHOWN_MOST 8    /* inputs, and outputs, of one node */
#define INDENT_MOST 12  /* bodies in bodies are not moved further to the right */

struct printer {
    struct tl_buffer *b;
    size_t width;
    bool ascii;
    size_t depth;
};

static const char *rail(const struct printer *p)
{
    return p->ascii ? "|" : "│";
}

/* What stands before each line of a body, and after it `first` or a rail. Returns its columns. */
static size_t add_prefix(const struct printer *p, const char *sign)
{
    size_t depth = p->depth < INDENT_MOST ? p->depth : INDENT_MOST;
    while (depth * 2 + 4 + WIDTH_LEAST / 2 > p->width)
        depth--;
    for (size_t i = 0; i < depth; i++)
        tl_buffer_printf(p->b, "%s ", rail(p));
    tl_buffer_printf(p->b, "%s ", sign);
    return depth * 2 + 2;
}

/* Breaks at blanks; a word that is too long is broken where it has to be. Further lines stand a little to the right. */
static void add_wrapped(const struct printer *p, const char *sign, const char *indent, char *words)
{
    const char *left = words;
    bool first = true;
    while (*left) {
        size_t used = add_prefix(p, first ? sign : rail(p)) + strlen(indent) + (first ? 0 : 2);
        size_t room = p->width > used + 8 ? p->width - used : 8, n = tl_graph_fit(left, room);
        size_t blank = n;
        bool goes_on = left[n] != '\0';
        while (goes_on && blank && left[blank] != ' ')
            blank--;
        n = goes_on && blank > n / 3 ? blank : n;
        n = n ? n : strlen(left);
        tl_buffer_printf(p->b, "%s%s%.*s", indent, first ? "" : "  ", (int)n, left);
        while (p->b->size && p->b->data[p->b->size - 1] == ' ')
            p->b->data[--p->b->size] = '\0';
        tl_buffer_add_string(p->b, "\n");
        left += n;
        left += strspn(left, " ");
        first = false;
    }
    free(words);
}

/* All that is from outside is made of signs that do nothing. */
static char *fit(const struct printer *p, const char *text, size_t columns)
{
    return tl_graph_cut(text, columns, p->ascii);
}

static void add_value(const struct printer *p, struct tl_buffer *b, const char *name, const json_t *value,
                      const char *more)
{
    char *shown = fit(p, name, NAME_COLUMNS), *type = tl_graph_type(value, NAME_COLUMNS),
         *plain = type ? fit(p, type, NAME_COLUMNS) : NULL;
    tl_buffer_printf(b, "%s%s%s%s%s%s", shown, plain ? " " : "", plain ? plain : "", *more ? " (" : "", more,
                     *more ? ")" : "");
    free(plain);
    free(type);
    free(shown);
}

static void add_reads(const struct printer *p, const json_t *graph, const json_t *node)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one;
    size_t i, n = 0;
    char kind;
    json_array_foreach(json_object_get(node, "inputs"), i, one) {
        const char *name = json_is_string(one) ? json_string_value(one) : "";
        if (!*name || n++ >= SHOWN_MOST)
            continue;
        const json_t *value = tl_graph_value(graph, name, &kind);
        char *source = value && kind == 'w' ? tl_graph_source(value, true) : tl_strdup(""),
             *more =
                 value && kind == 'w' ? tl_format("weight%s%s", *source ? ", " : "", source) : tl_strdup("");
        tl_buffer_add_string(&b, n > 1 ? ", " : "reads ");
        add_value(p, &b, name, value, more);
        free(source);
        free(more);
    }
    if (n > SHOWN_MOST)
        tl_buffer_printf(&b, " and %zu more", n - SHOWN_MOST);
    if (n)
        add_wrapped(p, rail(p), "  ", tl_buffer_take(&b));
}

static void add_makes(const struct printer *p, const json_t *graph, const json_t *node)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *one;
    size_t i, n = 0;
    char kind;
    json_array_foreach(json_object_get(node, "outputs"), i, one) {
        const char *name = json_is_string(one) ? json_string_value(one) : "";
        if (!*name || n++ >= SHOWN_MOST)
            continue;
        tl_buffer_add_string(&b, n > 1 ? ", " : "makes ");
        add_value(p, &b, name, tl_graph_value(graph, name, &kind),
                  tl_graph_is_output(graph, name) ? "output" : "");
    }
    if (n > SHOWN_MOST)
        tl_buffer_printf(&b, " and %zu more", n - SHOWN_MOST);
    if (n)
        add_wrapped(p, rail(p), "  ", tl_buffer_take(&b));
}

static void add_graph(struct printer *p, const json_t *graph, bool inner);

static void add_bodies(struct printer *p, const json_t *node)
{
    const json_t *body;
    size_t i;
    p->depth++;
    json_array_foreach(json_object_get(node, "bodies"), i, body) {
        char *name = fit(p, tl_member_or(body, "attribute", "body"), NAME_COLUMNS);
        json_int_t left_out = tl_member_integer(body, "left_out");
        bool folded = left_out && !json_array_size(json_object_get(body, "nodes"));
        add_wrapped(p, p->ascii ? "+" : "┌", "",
                    folded ? tl_format("%s: %lld nodes, not shown", name, (long long)left_out)
                           : tl_strdup(name));
        if (!folded)
            add_graph(p, body, true);
        add_prefix(p, p->ascii ? "+" : "└");
        p->b->data[--p->b->size] = '\0'; /* the blank */
        tl_buffer_add_string(p->b, "\n");
        free(name);
    }
    p->depth--;
}

static void add_node(struct printer *p, const json_t *graph, const json_t *node)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *domain = tl_member_text(node, "domain"), *original = tl_member_text(node, "original"),
               *made = tl_member_text(node, "original_output"), *name = tl_member_text(node, "name");
    bool marked = tl_member_true(node, "marked");
    char *operator= fit(p, tl_member_or(node, "operator", "?"), NAME_COLUMNS),
         *of = domain ? fit(p, domain, NAME_COLUMNS) : NULL,
         *known = original || made || name ? fit(p,
                                                 original ? original
                                                 : made   ? made
                                                          : name,
                                                 4 * p->width)
                                           : NULL;
    tl_buffer_printf(&b, "%s%s%s", of ? of : "", of ? "." : "", operator);
    if (known)
        tl_buffer_printf(&b, "  %s%s", original || !made ? "" : "makes ", known);
    if (marked)
        tl_buffer_printf(&b, "  %s %s", p->ascii ? "<-" : "◀", TL_GRAPH_MARK);
    add_wrapped(p, marked ? p->ascii ? "*" : "●" : p->ascii ? "o" : "○", "", tl_buffer_take(&b));
    add_reads(p, graph, node);
    add_makes(p, graph, node);
    add_bodies(p, node);
    free(known);
    free(of);
    free(operator);
}

static void add_inputs(const struct printer *p, const json_t *graph, bool inner)
{
    const json_t *input;
    size_t i;
    json_array_foreach(json_object_get(graph, "inputs"), i, input) {
        struct tl_buffer b = TL_BUFFER_INIT;
        const char *name = tl_member_or(input, "name", "?"), *original = tl_member_text(input, "original");
        char *was = original && strcmp(original, name) != 0 ? fit(p, original, NAME_COLUMNS) : NULL,
             *source = inner ? tl_strdup("") : tl_graph_source(input, false),
             *more = tl_format("%s%s%s", source, was ? "; was " : "", was ? was : "");
        free(source);
        if (i >= SHOWN_MOST * 2) {
            add_wrapped(
                p, rail(p), "",
                tl_format("and %zu more inputs", json_array_size(json_object_get(graph, "inputs")) - i));
            free(was);
            free(more);
            break;
        }
        tl_buffer_add_string(&b, "input ");
        add_value(p, &b, name, input, more);
        add_wrapped(p, p->ascii ? ">" : "▷", "", tl_buffer_take(&b));
        free(more);
        free(was);
    }
}

static void add_graph(struct printer *p, const json_t *graph, bool inner)
{
    const json_t *node;
    size_t i;
    p->depth += inner;
    add_inputs(p, graph, inner);
    json_array_foreach(json_object_get(graph, "nodes"), i, node)
        add_node(p, graph, node);
    p->depth -= inner;
}

char *tl_graph_text(const json_t *graph, size_t width, bool ascii)
{
    json_t *shown = tl_graph_shown(graph);
    struct tl_buffer b = TL_BUFFER_INIT;
    struct printer p = {.b = &b, .width = width < WIDTH_LEAST ? WIDTH_LEAST : width, .ascii = ascii};
    json_int_t left_out = tl_member_integer(shown, "left_out");
    if (!shown)
        return NULL;
    add_graph(&p, shown, false);
    if (left_out)
        add_wrapped(&p, " ", "", tl_format("%lld nodes further away are not shown", (long long)left_out));
    json_decref(shown);
    return tl_buffer_take(&b);
}
