/* The graph that is left of a model as a drawing and as text: what stands in it, that nothing stands on something else, and that
 * names from outside stay text. */
#include "reports/graph_layout.h"
#include "reports/graph_svg.h"
#include "reports/graph_text.h"
#include "reports/graph_words.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *parsed(const char *text)
{
    json_error_t e;
    json_t *o = json_loads(text, 0, &e);
    cr_assert(o, "%s", e.text);
    return o;
}

static json_t *node(const char *operator, const char * original, const char *in, const char *out)
{
    return json_pack("{s:s,s:s,s:[s],s:[s]}", "operator", operator, "original", original, "inputs", in,
                     "outputs", out);
}

static json_t *chain(size_t n, size_t marked)
{
    json_t *graph = parsed("{\"inputs\":[{\"name\":\"t0\"}],\"outputs\":[],\"values\":{}}"),
           *nodes = json_array();
    for (size_t i = 0; i < n; i++) {
        char *in = tl_format("t%zu", i), *out = tl_format("t%zu", i + 1), *name = tl_format("layers.%zu.", i);
        json_t *one = node("Relu", name, in, out);
        if (i == marked)
            json_object_set_new(one, "marked", json_true());
        json_array_append_new(nodes, one);
        free(in);
        free(out);
        free(name);
    }
    json_object_set_new(graph, "nodes", nodes);
    return graph;
}

static size_t times(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static const char attention[] =
    "{\"inputs\":[{\"name\":\"x\",\"type\":\"float32\",\"shape\":[1,\"seq\",null],\"recorded\":true,"
    "\"original\":\"embed\"},"
    "{\"name\":\"m\",\"filled\":\"zeros\"}],\"weights\":[{\"name\":\"w\",\"type\":\"float16\",\"shape\":[64,"
    "64],\"owner\":true}],"
    "\"outputs\":[{\"name\":\"y\"}],\"values\":{\"y\":{\"type\":\"int64\",\"shape\":[7]}},\"nodes\":["
    "{\"operator\":\"MatMul\",\"inputs\":[\"x\",\"w\"],\"outputs\":[\"q\"],\"original\":\"layers.17.attn.q\","
    "\"name\":\"n1\"},"
    "{\"operator\":\"If\",\"inputs\":[\"m\"],\"outputs\":[\"y\"],\"original\":\"layers.17.attn.write_kv\","
    "\"marked\":true,\"bodies\":["
    "{\"attribute\":\"then_branch\",\"inputs\":[],\"outputs\":[{\"name\":\"z\"}],\"nodes\":[{\"operator\":"
    "\"Div\",\"inputs\":[\"q\",\"x\"],"
    "\"outputs\":[\"z\"],\"original\":\"then.div\"}]},{\"attribute\":\"else_branch\",\"left_out\":99}]}]}";

Test(graph_svg, it_says_names_types_shapes_and_what_is_marked)
{
    json_t *graph = parsed(attention);
    char *svg = tl_graph_svg(graph, false);
    static const char *const words[] = {"layers.17.attn.q<",
                                        "layers.17.attn.write_kv<",
                                        "then.div<",
                                        ">MatMul<",
                                        ">If<",
                                        ">Div<",
                                        ">then_branch<",
                                        "x float32[1,seq,?]",
                                        "was embed",
                                        "input, recorded in a run",
                                        "input, zeros",
                                        "weight w<",
                                        ">float16[64,64]<",
                                        "the original's values",
                                        "y int64[7], output",
                                        "now n1",
                                        TL_GRAPH_MARK,
                                        "class=\"node marked\"",
                                        "class=\"input recorded\"",
                                        "from outside of the body",
                                        "else_branch: 99 nodes, not shown"};
    for (size_t i = 0; i < TL_COUNT(words); i++)
        cr_expect(strstr(svg, words[i]), "%s", words[i]);
    cr_expect_eq(times(svg, TL_GRAPH_MARK), 1);
    cr_expect_null(strstr(svg, "<style>"), "the page has the style");
    cr_expect_null(strstr(svg, "style="), "a policy of the page may forbid that");
    char *alone = tl_graph_svg(graph, true);
    cr_expect(strstr(alone, "<style>") && strstr(alone, "prefers-color-scheme:dark"));
    free(alone);
    free(svg);
    json_decref(graph);
}

Test(graph_svg, names_that_look_like_something_else_are_text)
{
    static const char *const evil[] = {
        "</text><script>alert(1)</script>", "<svg onload=x>",           "\"'&amp;]]>",
        "a\xe2\x80\xae \x1b[31m\n",         "\xe5\x90\x8d\xe5\x89\x8d", " "};
    char *much = tl_calloc(10001, 1);
    memset(much, 'x', 10000);
    for (size_t i = 0; i <= TL_COUNT(evil); i++) {
        const char *name = i < TL_COUNT(evil) ? evil[i] : much;
        json_t *graph =
            json_pack("{s:[{s:s,s:s,s:[s,i,n],s:s,s:s}],s:[{s:s,s:s,s:s,s:s,s:s,s:[s],s:[s],s:[{s:s,s:[{s:s}]"
                      "}]}],s:{s:{s:s}}}",
                      "inputs", "name", name, "type", name, "shape", name, 3, "original", name, "filled",
                      name, "nodes", "operator", name, "domain", name, "name", name, "original", name,
                      "original_output", name, "inputs", name, "outputs", name, "bodies", "attribute", name,
                      "nodes", "operator", name, "values", name, "type", name);
        cr_assert(graph);
        char *svg = tl_graph_svg(graph, true), *text = tl_graph_text(graph, 60, false),
             *ascii = tl_graph_text(graph, 60, true);
        cr_expect_null(strstr(svg, "<script"), "%zu", i);
        cr_expect_eq(times(svg, "<svg"), 1, "%zu", i);
        cr_expect_null(strchr(svg, 0x1b));
        cr_expect_null(strstr(svg, "\xe2\x80\xae"), "what turns the direction is spelled out");
        cr_expect(strlen(svg) < 20000, "%zu bytes", strlen(svg));
        cr_expect_null(strchr(text, 0x1b));
        cr_expect_null(strstr(text, "\xe2\x80\xae"));
        for (const char *c = ascii; *c; c++)
            cr_assert(*c == '\n' || (*c >= ' ' && *c < 127), "%zu", i);
        free(ascii);
        free(text);
        free(svg);
        json_decref(graph);
    }
    free(much);
}

Test(graph_svg, documents_of_another_form_are_drawn_as_far_as_they_go)
{
    static const char *const documents[] = {
        "{\"nodes\":[5,null,{\"operator\":7,\"inputs\":7,\"outputs\":[null,3,\"\"]},{\"inputs\":[\"b\"],"
        "\"outputs\":[\"a\"]},"
        "{\"inputs\":[\"a\"],\"outputs\":[\"b\"]},{\"inputs\":[\"c\"],\"outputs\":[\"c\"]}]}",
        "{\"nodes\":[{\"bodies\":[{},7,{\"nodes\":[]}]}],\"inputs\":3,\"values\":[],\"left_out\":-1}"};
    for (size_t i = 0; i < TL_COUNT(documents); i++) {
        json_t *graph = parsed(documents[i]);
        char *svg = tl_graph_svg(graph, true), *text = tl_graph_text(graph, 0, true),
             *caption = tl_graph_caption(graph);
        cr_expect(svg && text && caption);
        free(caption);
        free(text);
        free(svg);
        json_decref(graph);
    }
    json_t *none = parsed("{\"nodes\":[]}");
    cr_expect_null(tl_graph_svg(none, true));
    cr_expect_null(tl_graph_svg(NULL, true));
    cr_expect_null(tl_graph_text(json_null(), 80, true));
    json_decref(none);
}

Test(graph_svg, of_many_nodes_those_around_the_marked_one_are_shown)
{
    json_t *graph = chain(60, 59), *large = chain(300, 150);
    char *svg = tl_graph_svg(graph, false), *around = tl_graph_svg(large, false),
         *caption = tl_graph_caption(large), *text = tl_graph_text(large, 80, false);
    cr_expect_eq(times(svg, ">Relu<"), 60);
    cr_expect_eq(times(around, ">Relu<"), TL_GRAPH_NODES);
    for (int i = 125; i < 175; i++) {
        char *name = tl_format(">layers.%d.<", i);
        cr_expect(strstr(around, name), "%s", name);
        free(name);
    }
    cr_expect(strstr(around, "made by a node that is not shown"));
    cr_expect(strstr(caption, "leaves out 240 others"), "%s", caption);
    cr_expect(strstr(text, "240 nodes further away"));
    free(text);
    free(caption);
    free(around);
    free(svg);
    json_decref(large);
    json_decref(graph);
}

/* --- nothing on something else --- */

static bool apart(const struct tl_graph_item *a, const struct tl_graph_item *b)
{
    return a->x + a->width <= b->x + .01 || b->x + b->width <= a->x + .01 || a->y + a->height <= b->y + .01 ||
           b->y + b->height <= a->y + .01;
}

static void check_layout(const struct tl_graph_layout *g)
{
    for (size_t i = 0; i < g->n_items; i++) {
        const struct tl_graph_item *x = &g->items[i];
        cr_assert(x->x > -.01 && x->y > -.01 && x->x + x->width < g->width + .01 &&
                  x->y + x->height < g->height + .01);
        for (size_t k = i + 1; k < g->n_items; k++)
            cr_assert(apart(x, &g->items[k]), "%zu and %zu", i, k);
    }
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct tl_graph_line *l = &g->lines[i];
        cr_assert(l->n >= 3);
        const struct tl_graph_item *from = &g->items[l->from], *to = &g->items[l->to];
        cr_assert_float_eq(l->points[0][1], from->y + from->height, .01);
        cr_assert_float_eq(l->points[l->n - 1][1], to->y, .01);
        for (size_t p = 1; p < l->n; p++) {
            cr_assert(l->points[p][1] > l->points[p - 1][1] - .01, "it goes down");
            /* Straight parts run beside items; between them it bends in a gap, in which no item stands. */
            for (size_t k = 0; k < g->n_items && p % 2; k++) {
                const struct tl_graph_item *x = &g->items[k];
                cr_assert(k == l->from || l->points[p][0] <= x->x + .01 ||
                              l->points[p][0] >= x->x + x->width - .01 || l->points[p][1] <= x->y + .01 ||
                              l->points[p - 1][1] >= x->y + x->height - .01,
                          "line %zu behind item %zu", i, k);
            }
            for (size_t k = 0; k < g->n_items && p % 2 == 0; k++) {
                const struct tl_graph_item *x = &g->items[k];
                cr_assert(l->points[p][1] <= x->y + .01 || l->points[p - 1][1] >= x->y + x->height - .01,
                          "line %zu bends on item %zu", i, k);
            }
        }
    }
}

Test(graph_svg, no_box_stands_on_another_one_and_no_line_runs_behind_one)
{
    srand(1);
    for (int round = 0; round < 60; round++) {
        struct tl_graph_layout g = {.n_items = 1 + (size_t)rand() % 60, .wide = 500};
        g.items = tl_calloc(g.n_items, sizeof *g.items);
        for (size_t i = 0; i < g.n_items; i++) {
            g.items[i] = (struct tl_graph_item){
                .width = 40 + rand() % 300, .height = 20 + rand() % 100, .pull = rand() % 3 ? 1 : .05};
            for (int k = rand() % 4; k > 0 && i; k--)
                *TL_GROW(g.lines, g.n_lines) = (struct tl_graph_line){.from = (size_t)rand() % i,
                                                                      .to = i,
                                                                      .source = (size_t)rand() % 2,
                                                                      .out = .5,
                                                                      .in = (double)k / 4};
        }
        tl_graph_layout_make(&g);
        check_layout(&g);
        for (size_t i = 0; i < g.n_lines; i++)
            free(g.lines[i].points);
        free(g.lines);
        free(g.items);
    }
}

/* Text of equal widths, as the style says: 7.25 a letter of 12 px, of which 0.602 em is the widest that is in use. */
Test(graph_svg, a_chain_is_straight_and_its_text_fits_into_its_boxes)
{
    json_t *graph = chain(3, 2);
    char *svg = tl_graph_svg(graph, false);
    double x, y, width, height, first = -1, letters;
    for (const char *at = svg; (at = strstr(at, "<rect x=")); at++) {
        cr_assert_eq(
            sscanf(at, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\" height=\"%lf\"", &x, &y, &width, &height), 4);
        first = first < 0 ? x + width / 2 : first;
        cr_expect(fabs(x + width / 2 - first) < 1, "%f and %f", x + width / 2, first);
        const char *end = strstr(at, "</g>");
        for (const char *t = at; (t = strstr(t, "<text ")) && t < end; t++) {
            const char *words = strchr(t, '>') + 1;
            letters = (double)(strchr(words, '<') - words);
            bool big = strstr(t, "class=\"op\"") == t + 6;
            cr_expect(letters * (big ? 14 : 12) * .602 <= width - 16, "%.20s in %f", words, width);
        }
    }
    free(svg);
    json_decref(graph);
}

/* --- text --- */

Test(graph_text, it_is_as_wide_as_it_may_be_and_has_no_other_signs)
{
    json_t *graph = parsed(attention);
    for (size_t width = 0; width < 120; width += 7)
        for (int ascii = 0; ascii < 2; ascii++) {
            char *text = tl_graph_text(graph, width, ascii);
            size_t most = width < 30 ? 30 : width;
            for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                cr_expect(tl_graph_columns(line) <= most, "%zu: %s", most, line);
                for (const char *c = line; ascii && *c; c++)
                    cr_assert((unsigned char)*c < 128);
            }
            free(text);
        }
    char *wide = tl_graph_text(graph, 100, false), *ascii = tl_graph_text(graph, 100, true);
    cr_expect(strstr(wide, "● If  layers.17.attn.write_kv  ◀ " TL_GRAPH_MARK), "%s", wide);
    cr_expect(strstr(wide, "▷ input x float32[1,seq,?] (recorded in a run; was embed)"), "%s", wide);
    cr_expect(strstr(wide, "│ │ ○ Div  then.div"), "%s", wide);
    cr_expect(strstr(ascii, "* If  layers.17.attn.write_kv  <- " TL_GRAPH_MARK), "%s", ascii);
    free(ascii);
    free(wide);
    json_decref(graph);
}

Test(graph_words, what_is_cut_keeps_both_ends)
{
    char *cut = tl_graph_cut("layers.17.attention.kv_cache.write", 20, false),
         *ascii = tl_graph_cut("layers.17.attention.kv_cache.write", 20, true),
         *wide = tl_graph_cut("\xe5\x90\x8d\xe5\x89\x8d\xe5\x90\x8d\xe5\x89\x8d\xe5\x90\x8d", 5, false);
    cr_expect_str_eq(cut, "layers.17…ache.write");
    cr_expect_eq(tl_graph_columns(cut), 20);
    cr_expect_str_eq(ascii, "layers.1...che.write");
    cr_expect(tl_graph_columns(wide) <= 5);
    free(wide);
    free(ascii);
    free(cut);
}
