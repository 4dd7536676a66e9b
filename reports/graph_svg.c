/* Theory of operation. What stands in a box is known before the box has a place: lines of text of equal width, one of them its
 * widest, and below them its bodies, each of which is a drawing by itself with a frame. So a drawing is made from the inside to
 * the outside: boxes, layout (graph_layout.c), then the text of it all.
 *
 * Weights stand in the boxes of the nodes that read them, as a line; so do what the node makes and its types. Inputs have boxes of
 * their own. A value that a body takes from outside of it, or that a node makes which is not shown, has one as well.
 *
 * Nothing is told by colour alone: what is marked and what is recorded says so in words. */
#include "reports/graph_svg.h"

#include "reports/graph_layout.h"
#include "reports/graph_words.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LETTER 7.25    /* of the text of 12 px */
#define LETTER_BIG 8.5 /* of the operator, 14 px */
#define LINE 16.0
#define PADDING 10.0
#define COLUMNS 34     /* of a line in a box */
#define NAME_LINES 3   /* that a long name is broken into */
#define INPUTS_APART 6 /* of one node alone that have boxes of their own */
#define INPUTS_LISTED 12
#define LINES_MOST 6 /* weights, and values that are made, of one node */
#define WIDE 920.0   /* a layer */
#define MARGIN 8.0
#define AT_THE_SIDE .05 /* how much an input pulls at what reads it */

extern const char tl_graph_svg_css[];

enum style { OPERATOR, NAME, QUIET, VALUE, TAG };
static const char *const classes[] = {"op", "name", "quiet", "value", "tag"};

struct text {
    enum style style;
    char *words;
};

struct scene;

struct box {
    char kind; /* 'n' a node, 'i' an input, 'o' from outside */
    bool marked, recorded;
    size_t n;
    struct text *lines;
    char *title;
    size_t n_bodies;
    struct body {
        struct scene *scene;
        char *name;
        double x, y, width, height;
    } * bodies;
};

struct scene {
    struct tl_graph_layout layout;
    struct box *boxes; /* as many as items */
};

/* --- boxes ---------------------------------------------------------------------------------------------------- */

static void add_line(struct box *b, enum style style, char *words)
{
    if (words)
        *TL_GROW(b->lines, b->n) = (struct text){.style = style, .words = words};
}

/* Where a name is best broken: behind a sign that parts it. */
static size_t break_of(const char *text, size_t fits)
{
    for (size_t i = fits; i > fits / 2; i--)
        if (strchr("/._:-", text[i - 1]))
            return i;
    return fits;
}

static void add_name(struct box *b, enum style style, const char *before, const char *name)
{
    char *cut = tl_graph_cut(name, (size_t)COLUMNS * NAME_LINES - strlen(before) - COLUMNS / 2, false),
         *whole = tl_format("%s%s", before, cut);
    const char *left = whole;
    while (*left) {
        size_t n = tl_graph_fit(left, COLUMNS);
        n = left[n] ? break_of(left, n) : n;
        n = n ? n : strlen(left);
        add_line(b, style, tl_format("%.*s", (int)n, left));
        left += n;
    }
    free(whole);
    free(cut);
}

/* "v3 int32[1,4]", in two lines where one is too narrow. */
static void add_value(struct box *b, const char *before, const char *name, const json_t *value,
                      const char *after)
{
    char *type = tl_graph_type(value, COLUMNS - 2),
         *shown = tl_graph_cut(name, COLUMNS - strlen(before), false);
    size_t wanted = strlen(before) + tl_graph_columns(shown) + 1 + (type ? tl_graph_columns(type) : 0) +
                    (*after ? strlen(after) + 2 : 0);
    if (wanted <= COLUMNS) {
        add_line(b, VALUE,
                 tl_format("%s%s%s%s%s%s", before, shown, type ? " " : "", type ? type : "",
                           *after ? ", " : "", after));
    } else {
        add_line(b, VALUE, tl_format("%s%s", before, shown));
        if (type)
            add_line(b, VALUE, tl_format("  %s", type));
        if (*after)
            add_line(b, QUIET, tl_format("  %s", after));
    }
    free(shown);
    free(type);
}

/* What is read in full when the box is pointed at. */
static char *title_of(const json_t *node)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *domain = tl_member_text(node, "domain"), *name = tl_member_text(node, "name"),
               *original = tl_member_text(node, "original"), *made = tl_member_text(node, "original_output");
    tl_buffer_printf(&b, "%s%s%s", domain ? domain : "", domain ? "." : "",
                     tl_member_or(node, "operator", "?"));
    if (name)
        tl_buffer_printf(&b, " %s", name);
    if (original)
        tl_buffer_printf(&b, "; in the original %s", original);
    if (made)
        tl_buffer_printf(&b, "%s which makes %s", original ? "," : "; in the original the node", made);
    char *whole = tl_buffer_take(&b), *cut = tl_graph_cut(whole, 1000, false);
    free(whole);
    return cut;
}

static struct scene *make_scene(const json_t *graph, int depth);
static void scene_free(struct scene *s);

static void add_bodies(struct box *b, const json_t *node, int depth)
{
    const json_t *body;
    size_t i;
    json_array_foreach(json_object_get(node, "bodies"), i, body) {
        json_int_t left_out = tl_member_integer(body, "left_out");
        char *name = tl_graph_cut(tl_member_or(body, "attribute", "body"), COLUMNS - 14, false);
        if (left_out && !json_array_size(json_object_get(body, "nodes"))) {
            add_line(b, QUIET, tl_format("%s: %lld nodes, not shown", name, (long long)left_out));
            free(name);
            continue;
        }
        struct scene *scene = make_scene(body, depth + 1);
        if (scene)
            *TL_GROW(b->bodies, b->n_bodies) = (struct body){.scene = scene, .name = name};
        else
            free(name);
    }
}

/* A value with where what it holds comes from. */
static void add_sourced(struct box *b, const char *what, const char *name, const json_t *value, bool weight)
{
    char *source = tl_graph_source(value, weight);
    add_value(b, what, name, value, source);
    free(source);
}

static void add_node_lines(struct box *b, const json_t *graph, const json_t *node)
{
    const char *domain = tl_member_text(node, "domain"), *original = tl_member_text(node, "original"),
               *made = tl_member_text(node, "original_output"), *name = tl_member_text(node, "name");
    const json_t *one;
    size_t i, shown = 0, more = 0;
    char kind;
    if (b->marked)
        add_line(b, TAG, tl_strdup(TL_GRAPH_MARK));
    add_line(b, OPERATOR, tl_graph_cut(tl_member_or(node, "operator", "?"), COLUMNS - 6, false));
    if (domain)
        add_name(b, QUIET, "of ", domain);
    if (original)
        add_name(b, NAME, "", original);
    else if (made)
        add_name(b, NAME, "makes ", made);
    else if (name)
        add_name(b, NAME, "", name);
    if (name && (original || made) && strcmp(name, original ? original : "") != 0) {
        char *now = tl_graph_cut(name, COLUMNS - 5, false);
        add_line(b, QUIET, tl_format("now %s", now));
        free(now);
    }
    json_array_foreach(json_object_get(node, "inputs"), i, one) {
        const char *read = json_is_string(one) ? json_string_value(one) : "";
        const json_t *value = tl_graph_value(graph, read, &kind);
        if (!*read || !value || kind != 'w')
            continue;
        if (shown++ < LINES_MOST)
            add_sourced(b, "weight ", read, value, true);
        else
            more++;
    }
    if (more)
        add_line(b, QUIET, tl_format("and %zu more weights", more));
}

static void add_made(struct box *b, const json_t *graph, const json_t *node)
{
    const json_t *one;
    size_t i, shown = 0;
    char kind;
    json_array_foreach(json_object_get(node, "outputs"), i, one) {
        const char *name = json_is_string(one) ? json_string_value(one) : "";
        if (*name && shown++ < LINES_MOST)
            add_value(b, "→ ", name, tl_graph_value(graph, name, &kind),
                      tl_graph_is_output(graph, name) ? "output" : "");
    }
    if (shown > LINES_MOST)
        add_line(b, QUIET, tl_format("and %zu more outputs", shown - LINES_MOST));
}

static double letter(enum style style)
{
    return style == OPERATOR ? LETTER_BIG : LETTER;
}

/* Bodies beside each other, where that is not too wide. */
static void measure(struct box *b, struct tl_graph_item *item)
{
    double width = 60, y = PADDING + (double)b->n * LINE, x = PADDING, beside = PADDING, below = 0;
    for (size_t i = 0; i < b->n; i++) {
        double own = (double)tl_graph_columns(b->lines[i].words) * letter(b->lines[i].style);
        width = own > width ? own : width;
    }
    for (size_t i = 0; i < b->n_bodies; i++) {
        struct body *body = &b->bodies[i];
        double name = (double)tl_graph_columns(body->name) * LETTER + 2 * PADDING;
        body->width = body->scene->layout.width + 2 * PADDING;
        body->width = body->width < name ? name : body->width;
        body->height = body->scene->layout.height + LINE + 2 * PADDING;
        beside += body->width + PADDING;
    }
    y += b->n_bodies ? 4 : 0;
    for (size_t i = 0; i < b->n_bodies; i++) {
        struct body *body = &b->bodies[i];
        body->x = x;
        body->y = y;
        below = body->height > below ? body->height : below;
        width = x + body->width - PADDING > width ? x + body->width - PADDING : width;
        if (beside <= WIDE) {
            x += body->width + PADDING;
        } else {
            y += body->height + PADDING;
            below = 0;
        }
    }
    y += below + (below > 0 ? PADDING : 0);
    item->width = width + 2 * PADDING;
    item->height = y + PADDING - 4;
}

static void box_free(struct box *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->lines[i].words);
    for (size_t i = 0; i < b->n_bodies; i++) {
        free(b->bodies[i].name);
        scene_free(b->bodies[i].scene);
    }
    free(b->bodies);
    free(b->lines);
    free(b->title);
}

static void scene_free(struct scene *s)
{
    for (size_t i = 0; s && i < s->layout.n_items; i++)
        box_free(&s->boxes[i]);
    for (size_t i = 0; s && i < s->layout.n_lines; i++)
        free(s->layout.lines[i].points);
    if (s) {
        free(s->layout.items);
        free(s->layout.lines);
        free(s->boxes);
    }
    free(s);
}

/* --- a scene -------------------------------------------------------------------------------------------------- */

static size_t add_box(struct scene *s, struct box b)
{
    size_t n = s->layout.n_items;
    *TL_GROW(s->boxes, n) = b;
    *TL_GROW(s->layout.items, s->layout.n_items) = (struct tl_graph_item){0};
    return s->layout.n_items - 1;
}

/* Names that nodes and their bodies read, each once in the order in which they do. A body reads what it does not make. */
static void collect_reads(const json_t *node, json_t *reads)
{
    const json_t *name, *body, *inner, *made;
    size_t i, k, o;
    json_array_foreach(json_object_get(node, "inputs"), i, name)
        if (json_is_string(name) && json_string_length(name))
            json_object_set_new(reads, json_string_value(name), json_true());
    json_array_foreach(json_object_get(node, "bodies"), i, body) {
        json_t *inside = json_object(), *value;
        const char *read;
        void *next;
        json_array_foreach(json_object_get(body, "nodes"), k, inner)
            collect_reads(inner, inside);
        json_array_foreach(json_object_get(body, "outputs"), k, name)
            json_object_set_new(inside, tl_member_or(name, "name", ""), json_true());
        json_array_foreach(json_object_get(body, "nodes"), k, inner)
            json_array_foreach(json_object_get(inner, "outputs"), o, made)
                json_object_del(inside, json_is_string(made) ? json_string_value(made) : "");
        json_array_foreach(json_object_get(body, "inputs"), k, name)
            json_object_del(inside, tl_member_or(name, "name", ""));
        json_array_foreach(json_object_get(body, "weights"), k, name)
            json_object_del(inside, tl_member_or(name, "name", ""));
        json_object_foreach_safe(inside, next, read, value)
            if (*read)
                json_object_set_new(reads, read, json_true());
        json_decref(inside);
    }
}

/* Of what a node reads and no other does, more than some would stand beside each other without end: they share a box. */
static void group_inputs(struct scene *s, const json_t *graph, const json_t *node, const json_t *readers,
                         json_t *names, bool inner)
{
    json_t *reads = json_object(), *unused;
    struct box b = {.kind = 'i'};
    size_t own = 0, listed = 0;
    const char *name;
    char kind;
    collect_reads(node, reads);
    json_object_foreach(reads, name, unused)
        own += tl_graph_value(graph, name, &kind) && kind == 'i' &&
               json_integer_value(json_object_get(readers, name)) == 1;
    if (own > INPUTS_APART) {
        add_line(&b, QUIET, tl_format("%zu inputs%s", own, inner ? " of the body" : ""));
        size_t number = add_box(s, b);
        json_object_foreach(reads, name, unused) {
            const json_t *value = tl_graph_value(graph, name, &kind);
            if (!value || kind != 'i' || json_integer_value(json_object_get(readers, name)) != 1)
                continue;
            if (listed++ < INPUTS_LISTED)
                inner ? add_value(&s->boxes[number], "", name, value, "")
                      : add_sourced(&s->boxes[number], "", name, value, false);
            s->boxes[number].recorded = s->boxes[number].recorded || tl_member_true(value, "recorded");
            json_object_set_new(names, name, json_integer((json_int_t)number));
        }
        if (listed > INPUTS_LISTED)
            add_line(&s->boxes[number], QUIET, tl_format("and %zu more", listed - INPUTS_LISTED));
    }
    json_decref(reads);
}

/* Inputs that are read, and what comes from somewhere else; names[NAME] becomes the number of the box. */
static void add_inputs(struct scene *s, const json_t *graph, json_t *names, bool inner)
{
    const json_t *node, *one;
    json_t *reads = json_object(), *made = json_object(), *readers = json_object(), *unused;
    const char *name;
    size_t i, k;
    json_array_foreach(json_object_get(graph, "nodes"), i, node) {
        json_t *own = json_object();
        collect_reads(node, own);
        json_object_foreach(own, name, unused)
            json_object_set_new(readers, name,
                                json_integer(json_integer_value(json_object_get(readers, name)) + 1));
        json_object_update(reads, own);
        json_decref(own);
        json_array_foreach(json_object_get(node, "outputs"), k, one)
            if (json_is_string(one))
                json_object_set_new(made, json_string_value(one), json_true());
    }
    if (inner)
        json_array_foreach(json_object_get(graph, "outputs"), k,
                           one) /* a branch may hand on what is outside */
            json_object_set_new(reads, tl_member_or(one, "name", ""), json_true());
    json_array_foreach(json_object_get(graph, "nodes"), i, node)
        group_inputs(s, graph, node, readers, names, inner);
    json_object_foreach(reads, name, unused) {
        char kind;
        const json_t *value = tl_graph_value(graph, name, &kind);
        struct box b = {.kind = 'i'};
        if (!*name || json_object_get(made, name) || (value && kind == 'w') || json_object_get(names, name))
            continue;
        bool input = value && kind == 'i';
        const char *original = input ? tl_member_text(value, "original") : NULL;
        b.kind = input ? 'i' : 'o';
        b.recorded = input && tl_member_true(value, "recorded");
        char *source = tl_graph_source(value, false);
        add_line(&b, QUIET,
                 input && inner ? tl_strdup("input of the body")
                 : input        ? tl_format("input, %s", source)
                 : inner        ? tl_strdup("from outside of the body")
                                : tl_strdup("made by a node that is not shown"));
        add_value(&b, "", name, input ? value : NULL, "");
        if (original && strcmp(original, name) != 0)
            add_name(&b, NAME, "was ", original);
        free(source);
        b.title = tl_graph_cut(original ? original : name, 1000, false);
        json_object_set_new(names, name, json_integer((json_int_t)add_box(s, b)));
    }
    json_decref(made);
    json_decref(readers);
    json_decref(reads);
}

/* A box of inputs has one line to each that reads them. */
static bool is_joined(const struct scene *s, size_t to, size_t from)
{
    for (size_t i = s->layout.n_lines; i-- > 0 && s->layout.lines[i].to == to;)
        if (s->layout.lines[i].from == from)
            return true;
    return false;
}

/* Lines to a box from those that make what it reads. */
static void add_lines_to(struct scene *s, size_t to, const json_t *reads, const json_t *names,
                         const json_t *places)
{
    size_t i = 0, first = s->layout.n_lines;
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)(uintptr_t)reads, name, unused) {
        const json_t *from = json_object_get(names, name), *place = json_object_get(places, name);
        if (!from || (!place && is_joined(s, to, (size_t)json_integer_value(from))))
            continue;
        i++;
        *TL_GROW(s->layout.lines, s->layout.n_lines) =
            (struct tl_graph_line){.from = (size_t)json_integer_value(from),
                                   .to = to,
                                   .source = (size_t)json_integer_value(json_array_get(place, 0)),
                                   .out = place ? json_real_value(json_array_get(place, 1)) : .5,
                                   .in = (double)i};
    }
    for (size_t k = first; k < s->layout.n_lines; k++)
        s->layout.lines[k].in /= (double)(i + 1);
}

static void add_node(struct scene *s, const json_t *graph, const json_t *node, json_t *names, json_t *places,
                     int depth)
{
    struct box b = {.kind = 'n', .marked = tl_member_true(node, "marked"), .title = title_of(node)};
    json_t *reads = json_object();
    const json_t *one;
    size_t i, n = 0, k = 0;
    add_node_lines(&b, graph, node);
    add_made(&b, graph, node);
    add_bodies(&b, node, depth);
    size_t number = add_box(s, b);
    collect_reads(node, reads);
    add_lines_to(s, number, reads, names, places);
    json_array_foreach(json_object_get(node, "outputs"), i, one)
        n += json_is_string(one) && json_string_length(one);
    json_array_foreach(json_object_get(node, "outputs"), i, one) {
        if (!json_is_string(one) || !json_string_length(one))
            continue;
        k++;
        json_object_set_new(names, json_string_value(one), json_integer((json_int_t)number));
        json_object_set_new(places, json_string_value(one),
                            json_pack("[I,f]", (json_int_t)i, (double)k / (double)(n + 1)));
    }
    json_decref(reads);
}

static struct scene *make_scene(const json_t *graph, int depth)
{
    const json_t *node;
    size_t i;
    struct scene *s = tl_calloc(1, sizeof *s);
    json_t *names = json_object(), *places = json_object();
    add_inputs(s, graph, names, depth > 0);
    json_array_foreach(json_object_get(graph, "nodes"), i, node)
        add_node(s, graph, node, names, places, depth);
    for (i = 0; i < s->layout.n_items; i++) {
        measure(&s->boxes[i], &s->layout.items[i]);
        s->layout.items[i].pull = s->boxes[i].kind == 'n' ? 1 : AT_THE_SIDE;
    }
    s->layout.wide = WIDE;
    tl_graph_layout_make(&s->layout);
    json_decref(places);
    json_decref(names);
    if (!s->layout.n_items) {
        scene_free(s);
        return NULL;
    }
    return s;
}

/* --- SVG ------------------------------------------------------------------------------------------------------ */

static void add_text(struct tl_buffer *b, const struct text *t, double x, double y)
{
    const char *words = t->words + strspn(t->words, " ");
    size_t columns = tl_graph_columns(words);
    tl_buffer_printf(b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\"", classes[t->style], x, y);
    /* Signs of other fonts have other widths: they are made to fit. */
    if (columns != strlen(words))
        tl_buffer_printf(b, " textLength=\"%.1f\" lengthAdjust=\"spacingAndGlyphs\"",
                         (double)columns * letter(t->style));
    tl_buffer_add_string(b, ">");
    tl_add_escaped(b, words);
    tl_buffer_add_string(b, "</text>\n");
}

static void draw_line(struct tl_buffer *b, const struct tl_graph_line *l, double x, double y)
{
    if (l->n < 3)
        return;
    tl_buffer_printf(b, "<path class=\"edge\" d=\"M%.1f %.1f", x + l->points[0][0], y + l->points[0][1]);
    for (size_t i = 1; i < l->n; i++) {
        const double *from = l->points[i - 1], *to = l->points[i];
        double middle = (from[1] + to[1]) / 2;
        if (i % 2) /* through a layer, straight down */
            tl_buffer_printf(b, "V%.1f", y + to[1]);
        else
            tl_buffer_printf(b, "C%.1f %.1f %.1f %.1f %.1f %.1f", x + from[0], y + middle, x + to[0],
                             y + middle - (i + 1 == l->n ? 3 : 0), x + to[0],
                             y + to[1] - (i + 1 == l->n ? 6 : 0));
    }
    const double *end = l->points[l->n - 1];
    tl_buffer_printf(b, "\"/><path class=\"head\" d=\"M%.1f %.1fl-4 -8h8z\"/>\n", x + end[0], y + end[1]);
}

static void draw(struct tl_buffer *b, const struct scene *s, double x, double y);

static void draw_box(struct tl_buffer *b, const struct box *box, const struct tl_graph_item *item, double x,
                     double y)
{
    x += item->x;
    y += item->y;
    tl_buffer_printf(b, "<g class=\"%s%s%s\"><title>",
                     box->kind == 'n'   ? "node"
                     : box->kind == 'i' ? "input"
                                        : "outside",
                     box->marked ? " marked" : "", box->recorded ? " recorded" : "");
    tl_add_escaped(b, box->title ? box->title : "");
    tl_buffer_printf(b, "</title>\n<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\"/>\n",
                     x, y, item->width, item->height, box->kind == 'n' ? 5 : 12);
    for (size_t i = 0; i < box->n; i++) {
        double indent = (double)strspn(box->lines[i].words, " ") * LETTER;
        add_text(b, &box->lines[i], x + PADDING + indent, y + PADDING + (double)(i + 1) * LINE - 6);
    }
    for (size_t i = 0; i < box->n_bodies; i++) {
        const struct body *body = &box->bodies[i];
        const struct text name = {.style = QUIET, .words = body->name};
        tl_buffer_printf(
            b, "<rect class=\"body\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"4\"/>\n",
            x + body->x, y + body->y, body->width, body->height);
        add_text(b, &name, x + body->x + PADDING, y + body->y + LINE);
        draw(b, body->scene, x + body->x + PADDING, y + body->y + LINE + PADDING);
    }
    tl_buffer_add_string(b, "</g>\n");
}

static void draw(struct tl_buffer *b, const struct scene *s, double x, double y)
{
    for (size_t i = 0; i < s->layout.n_lines; i++)
        draw_line(b, &s->layout.lines[i], x, y);
    for (size_t i = 0; i < s->layout.n_items; i++)
        draw_box(b, &s->boxes[i], &s->layout.items[i], x, y);
}

char *tl_graph_svg(const json_t *graph, bool alone)
{
    json_t *shown = tl_graph_shown(graph);
    struct scene *s = shown ? make_scene(shown, 0) : NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t n = tl_graph_count(shown);
    json_decref(shown);
    if (!s)
        return NULL;
    double width = s->layout.width + 2 * MARGIN, height = s->layout.height + 2 * MARGIN;
    tl_buffer_printf(
        &b,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"tl-graph\" width=\"%.0f\" "
        "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" aria-label=\"The graph that is left, %zu node%s\">\n",
        width, height, width, height, n, n == 1 ? "" : "s");
    if (alone)
        tl_buffer_printf(&b, "<style>\n%s</style>\n<rect class=\"ground\" width=\"%.0f\" height=\"%.0f\"/>\n",
                         tl_graph_svg_css, width, height);
    draw(&b, s, MARGIN, MARGIN);
    tl_buffer_add_string(&b, "</svg>\n");
    scene_free(s);
    return tl_buffer_take(&b);
}

char *tl_graph_caption(const json_t *graph)
{
    json_t *shown = tl_graph_shown(graph);
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *node, *input;
    size_t i, n = tl_graph_count(shown), left_out = (size_t)tl_member_integer(shown, "left_out"),
              recorded = 0;
    bool marked = false;
    json_array_foreach(json_object_get(shown, "nodes"), i, node)
        marked = marked || tl_member_true(node, "marked");
    json_array_foreach(json_object_get(shown, "inputs"), i, input)
        recorded += tl_member_true(input, "recorded");
    tl_buffer_add_string(&b, "Each node with its name in the original.");
    if (marked)
        tl_buffer_add_string(&b, " The one in a thick frame is where the failure ends.");
    if (recorded)
        tl_buffer_add_string(
            &b, " Inputs in a coloured frame hold values that were recorded in a run of the original.");
    if (left_out)
        tl_buffer_printf(&b, " It shows the %zu nodes around %s, and leaves out %zu others.", n,
                         marked ? "that one" : "the last one", left_out);
    json_decref(shown);
    return tl_buffer_take(&b);
}
