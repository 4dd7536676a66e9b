#include "reports/graph_words.h"

#include "harness/base/utf8.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

#define DIMENSIONS 8 /* of a shape that are shown */
#define FILE_COLUMNS 32
#define NAME_WHOLE 400 /* bytes of a name that is not cut */
#define NAME_CUT 100   /* columns of one that is */
#define CUT_FROM 4096  /* bytes of a name that are looked at: the ends of a longer one are what is shown */

/* --- width of text ------------------------------------------------------------------------------------------ */

static const struct {
    unsigned first, last;
    size_t columns;
} widths[] = {
    {0x0300, 0x036F, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05BD, 0},   {0x0610, 0x061A, 0},
    {0x064B, 0x065F, 0},   {0x0900, 0x0902, 0},   {0x0E31, 0x0E31, 0},   {0x0E34, 0x0E3A, 0},
    {0x0E47, 0x0E4E, 0},   {0x1100, 0x115F, 2},   {0x1AB0, 0x1AFF, 0},   {0x1DC0, 0x1DFF, 0},
    {0x200B, 0x200D, 0},   {0x2060, 0x2064, 0},   {0x20D0, 0x20FF, 0},   {0x2E80, 0x303E, 2},
    {0x3041, 0xA4CF, 2},   {0xA960, 0xA97F, 2},   {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},
    {0xFE00, 0xFE0F, 0},   {0xFE20, 0xFE2F, 0},   {0xFE30, 0xFE6F, 2},   {0xFEFF, 0xFEFF, 0},
    {0xFF01, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},   {0x1F300, 0x1F64F, 2}, {0x1F680, 0x1F6FF, 2},
    {0x1F900, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2}, {0xE0000, 0xE01EF, 0},
};

static size_t columns_of(unsigned code)
{
    for (size_t i = 0; code >= 0x300 && i < TL_COUNT(widths); i++)
        if (code >= widths[i].first && code <= widths[i].last)
            return widths[i].columns;
    return 1;
}

size_t tl_graph_fit(const char *text, size_t columns)
{
    size_t at = 0, left = strlen(text), used = 0;
    while (left) {
        unsigned code = '?';
        size_t n = tl_utf8_decode(text + at, left, &code);
        used += columns_of(n ? code : '?');
        if (used > columns)
            break;
        n = n ? n : 1;
        at += n;
        left -= n;
    }
    return at;
}

size_t tl_graph_columns(const char *text)
{
    size_t used = 0, left = strlen(text);
    while (left) {
        unsigned code = '?';
        size_t n = tl_utf8_decode(text, left, &code);
        used += columns_of(n ? code : '?');
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    return used;
}

char *tl_graph_visible(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    tl_add_visible(&b, text, "");
    return tl_buffer_take(&b);
}

static char *ascii_of(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t left = strlen(text);
    tl_buffer_add_string(&b, "");
    while (left) {
        unsigned code = '?';
        size_t n = tl_utf8_decode(text, left, &code);
        char sign = n && code < 0x80 ? (char)code : '?';
        tl_buffer_add(&b, &sign, 1);
        n = n ? n : 1;
        text += n;
        left -= n;
    }
    return tl_buffer_take(&b);
}

/* The bytes from which on a text is at most so many columns wide. */
static size_t tail_of(const char *text, size_t columns)
{
    size_t at = 0, whole = tl_graph_columns(text);
    while (whole > columns && text[at]) {
        unsigned code = '?';
        size_t n = tl_utf8_decode(text + at, strlen(text + at), &code);
        whole -= columns_of(n ? code : '?');
        at += n ? n : 1;
    }
    return at;
}

char *tl_graph_cut(const char *text, size_t columns, bool ascii)
{
    size_t size = strlen(text);
    char *ends = size > CUT_FROM ? tl_format("%.*s%s", (int)tl_utf8_cut(text, CUT_FROM / 2), text,
                                             text + size - CUT_FROM / 2)
                                 : NULL;
    char *visible = tl_graph_visible(ends ? ends : text), *plain = ascii ? ascii_of(visible) : visible;
    const char *dots = ascii ? "..." : "…";
    size_t room = ascii ? 3 : 1;
    char *cut = NULL;
    if (plain != visible)
        free(visible);
    free(ends);
    if (tl_graph_columns(plain) <= columns && size <= CUT_FROM)
        return plain;
    room = columns > room ? columns - room : 1;
    size_t head = tl_graph_fit(plain, room / 2), tail = tail_of(plain, room - room / 2);
    cut = tl_format("%.*s%s%s", (int)head, plain, dots, plain + tail);
    free(plain);
    return cut;
}

char *tl_graph_name(const char *name)
{
    return strlen(name) > NAME_WHOLE ? tl_graph_cut(name, NAME_CUT, false) : tl_strdup(name);
}

/* --- values --------------------------------------------------------------------------------------------------- */

char *tl_graph_type(const json_t *value, size_t columns)
{
    const char *type = tl_member_text(value, "type");
    const json_t *shape = json_object_get(value, "shape"), *dim;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i;
    if (!type && !json_is_array(shape))
        return NULL;
    tl_buffer_add_string(&b, type ? type : "?");
    if (json_is_array(shape))
        tl_buffer_add_string(&b, "[");
    json_array_foreach(shape, i, dim) {
        tl_buffer_add_string(&b, i ? "," : "");
        if (i == DIMENSIONS) {
            tl_buffer_printf(&b, "+%zu", json_array_size(shape) - i);
            break;
        }
        if (json_is_integer(dim)) {
            tl_buffer_printf(&b, "%lld", (long long)json_integer_value(dim));
        } else {
            char *name = tl_graph_cut(json_is_string(dim) ? json_string_value(dim) : "?", 12, false);
            tl_buffer_add_string(&b, name);
            free(name);
        }
    }
    if (json_is_array(shape))
        tl_buffer_add_string(&b, "]");
    char *cut = tl_graph_cut(b.data, columns, false);
    tl_buffer_free(&b);
    return cut;
}

static const char *source_of(const json_t *value, bool weight)
{
    const char *filled = tl_member_text(value, "filled"), *holds = tl_member_text(value, "holds");
    static const char *const fills[] = {"zeros", "ones", "random values", "random"};
    if (holds)
        return holds;
    for (size_t i = 0; filled && i < TL_COUNT(fills); i++)
        if (!strcmp(filled, fills[i]))
            return i == 3 ? fills[2] : fills[i];
    if (tl_member_true(value, "recorded"))
        return "recorded in a run";
    if (tl_member_true(value, "owner"))
        return "the original's values";
    return weight ? "" : "as given";
}

char *tl_graph_source(const json_t *value, bool weight)
{
    const char *source = source_of(value, weight), *file = tl_member_text(value, "file");
    char *name = file ? tl_graph_cut(file, FILE_COLUMNS, false) : NULL,
         *text = tl_format("%s%s%s", source, *source && name ? ", " : "", name ? "in " : ""),
         *all = tl_format("%s%s", text, name ? name : "");
    free(name);
    free(text);
    return all;
}

static const json_t *named(const json_t *list, const char *name)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one)
        if (!strcmp(tl_member_or(one, "name", ""), name))
            return one;
    return NULL;
}

const json_t *tl_graph_value(const json_t *graph, const char *name, char *kind)
{
    const json_t *found;
    *kind = 'i';
    if ((found = named(json_object_get(graph, "inputs"), name)))
        return found;
    *kind = 'w';
    if ((found = named(json_object_get(graph, "weights"), name)))
        return found;
    *kind = 'n';
    found = json_object_get(json_object_get(graph, "values"), name);
    return json_is_object(found) ? found : NULL;
}

bool tl_graph_is_output(const json_t *graph, const char *name)
{
    return named(json_object_get(graph, "outputs"), name) != NULL;
}

/* --- the part that is shown -------------------------------------------------------------------------------------- */

static size_t count_of(const json_t *node)
{
    const json_t *body;
    size_t i, n = 1;
    json_array_foreach(json_object_get(node, "bodies"), i, body)
        n += tl_graph_count(body);
    return n;
}

static size_t folded_in(const json_t *node)
{
    const json_t *body;
    size_t i, n = 0;
    json_array_foreach(json_object_get(node, "bodies"), i, body)
        n += (size_t)tl_member_integer(body, "left_out");
    return n;
}

size_t tl_graph_count(const json_t *graph)
{
    const json_t *node;
    size_t i, n = 0;
    json_array_foreach(json_object_get(graph, "nodes"), i, node)
        n += count_of(node);
    return n;
}

/* Bodies that hold too much are only counted. Returns how many nodes are then to be shown. */
static size_t fold_bodies(json_t *node, size_t most)
{
    json_t *body, *bodies = json_object_get(node, "bodies");
    size_t i, n = 1;
    json_array_foreach(bodies, i, body) {
        size_t inside = tl_graph_count(body);
        if (n + inside > most) {
            json_t *folded = json_pack("{s:s,s:I}", "attribute", tl_member_or(body, "attribute", "?"),
                                       "left_out", (json_int_t)inside);
            json_array_set_new(bodies, i, folded);
        } else {
            n += inside;
        }
    }
    return n;
}

static void note_names(json_t *names, const json_t *node)
{
    static const char *const lists[] = {"inputs", "outputs"};
    const json_t *name, *body, *inner;
    size_t i, k;
    for (size_t l = 0; l < TL_COUNT(lists); l++)
        json_array_foreach(json_object_get(node, lists[l]), i, name)
            if (json_is_string(name) && json_string_length(name))
                json_object_set_new(names, json_string_value(name), json_true());
    json_array_foreach(json_object_get(node, "bodies"), i, body)
        json_array_foreach(json_object_get(body, "nodes"), k, inner)
            note_names(names, inner);
}

static bool touches(const json_t *node, const json_t *names)
{
    json_t *own = json_object(), *value;
    const char *name;
    bool any = false;
    note_names(own, node);
    json_object_foreach(own, name, value)
        any = any || json_object_get(names, name);
    json_decref(own);
    return any;
}

static size_t centre_of(const json_t *nodes)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
        if (tl_member_true(node, "marked"))
            return i;
    return json_array_size(nodes) - 1;
}

/* Nearest first: those that share a value with one that is shown; where none does, those that stand before it. */
static bool *choose(json_t *nodes)
{
    size_t n = json_array_size(nodes), centre = centre_of(nodes), left = TL_GRAPH_NODES;
    bool *shown = tl_calloc(n + 1, sizeof *shown), more = true, any = true;
    json_t *names = json_object();
    size_t *new_ones = tl_calloc(n + 1, sizeof *new_ones);
    shown[centre] = true;
    left -= count_of(json_array_get(nodes, centre));
    note_names(names, json_array_get(nodes, centre));
    while (more && any) {
        size_t n_new = 0;
        any = false;
        for (size_t i = n; more && i-- > 0;) {
            const json_t *node = json_array_get(nodes, i);
            size_t size = count_of(node);
            if (shown[i] || !touches(node, names))
                continue;
            more = size <= left;
            if (!more)
                break;
            shown[i] = any = true;
            left -= size;
            new_ones[n_new++] = i;
        }
        for (size_t i = 0; i < n_new; i++)
            note_names(names, json_array_get(nodes, new_ones[i]));
    }
    free(new_ones);
    json_decref(names);
    return shown;
}

json_t *tl_graph_shown(const json_t *graph)
{
    if (!json_array_size(json_object_get(graph, "nodes")))
        return NULL;
    json_t *copy = json_deep_copy(graph), *nodes = json_object_get(copy, "nodes"), *node;
    size_t i, total = tl_graph_count(copy), left_out = (size_t)tl_member_integer(copy, "left_out");
    if (total > TL_GRAPH_NODES) {
        total = 0;
        json_array_foreach(nodes, i, node)
            total += fold_bodies(node, TL_GRAPH_NODES);
    }
    if (total > TL_GRAPH_NODES) {
        bool *shown = choose(nodes);
        for (i = json_array_size(nodes); i-- > 0;)
            if (!shown[i]) {
                left_out += count_of(json_array_get(nodes, i)) + folded_in(json_array_get(nodes, i));
                json_array_remove(nodes, i);
            }
        free(shown);
    }
    if (left_out)
        json_object_set_new(copy, "left_out", json_integer((json_int_t)left_out));
    return copy;
}
