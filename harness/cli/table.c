/* Prints tables of text with aligned columns, and durations in few characters. */
#include "harness/cli/table.h"

#include "harness/base/buffer.h"
#include "harness/base/style.h"
#include "harness/base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Columns that a UTF-8 text takes: one for each code point, which is right for what trapline prints. */
static size_t width_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void tl_table_add(struct tl_table *t, char *text, const char *colour)
{
    if (t->n == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->cells = tl_realloc(t->cells, t->capacity, sizeof *t->cells);
    }
    char *line = text && strchr(text, '\n') ? tl_one_line(text) : NULL; /* a cell is no row */
    if (line)
        free(text);
    t->cells[t->n++] = (struct tl_table_cell){line ? line : text, colour ? colour : ""};
}

#define GAP 2 /* between columns */

static size_t *widths_of(const struct tl_table *t)
{
    size_t *widths = tl_calloc(t->n_columns + 1, sizeof *widths);
    for (size_t i = 0; i < t->n; i++) {
        size_t w = width_of(t->cells[i].text);
        if (w > widths[i % t->n_columns])
            widths[i % t->n_columns] = w;
    }
    return widths;
}

/* The first n_labels columns and those from..to behind them. */
static void print_columns(const struct tl_table *t, const size_t *widths, size_t n_labels, size_t from,
                          size_t to, FILE *f, bool colour)
{
    for (size_t row = 0; row * t->n_columns < t->n; row++) {
        size_t pending = 0; /* blanks that are owed to what may follow */
        for (size_t at = 0; at < to; at++) {
            if (at >= n_labels && at < from)
                continue;
            size_t i = row * t->n_columns + at;
            if (i >= t->n)
                break;
            const struct tl_table_cell *c = &t->cells[i];
            const char *start = !colour ? "" : row < t->n_headers ? tl_style(TL_STYLE_BOLD) : c->colour;
            if (*c->text) {
                fprintf(f, "%*s%s%s%s", (int)pending, "", start, c->text,
                        *start ? tl_style(TL_STYLE_PLAIN) : "");
                pending = 0;
            }
            pending += widths[at] - width_of(c->text) + GAP;
        }
        putc('\n', f);
    }
}

void tl_table_print(const struct tl_table *t, FILE *f, bool colour)
{
    size_t *widths = widths_of(t);
    print_columns(t, widths, t->n_columns, t->n_columns, t->n_columns, f, colour);
    free(widths);
}

/* Rows as columns: what stood on the left stands above. */
static struct tl_table turned(const struct tl_table *t, size_t n_labels)
{
    size_t n_rows = t->n / t->n_columns;
    struct tl_table r = {.n_columns = n_rows, .n_headers = n_labels};
    for (size_t column = 0; column < t->n_columns; column++)
        for (size_t row = 0; row < n_rows; row++) {
            const struct tl_table_cell *c = &t->cells[row * t->n_columns + column];
            tl_table_add(&r, tl_strdup(c->text), c->colour);
        }
    return r;
}

static size_t sum(const size_t *widths, size_t from, size_t to)
{
    size_t all = 0;
    for (size_t i = from; i < to; i++)
        all += widths[i] + GAP;
    return all;
}

/* The first column that does not fit any more behind the labels, of those from `from` on; one always does. */
static size_t end_of_part(const size_t *widths, size_t n_labels, size_t from, size_t n, size_t width)
{
    size_t used = sum(widths, 0, n_labels) + widths[from] + GAP, to = from + 1;
    while (to < n && used + widths[to] <= width)
        used += widths[to++] + GAP;
    return to;
}

static size_t lines_of(const struct tl_table *t, const size_t *widths, size_t n_labels, size_t width)
{
    size_t parts = 0;
    for (size_t at = n_labels; at < t->n_columns; parts++)
        at = end_of_part(widths, n_labels, at, t->n_columns, width);
    return parts * (t->n / t->n_columns + 1);
}

static void print_parts(const struct tl_table *t, const size_t *widths, size_t n_labels, size_t width,
                        FILE *f, bool colour)
{
    for (size_t from = n_labels, to; from < t->n_columns; from = to) {
        to = end_of_part(widths, n_labels, from, t->n_columns, width);
        if (from > n_labels)
            putc('\n', f);
        print_columns(t, widths, n_labels, from, to, f, colour);
    }
}

void tl_table_print_fit(const struct tl_table *t, size_t n_labels, size_t width, FILE *f, bool colour)
{
    size_t *widths = widths_of(t);
    if (!width || sum(widths, 0, t->n_columns) <= width + GAP || n_labels >= t->n_columns ||
        t->n <= t->n_headers * t->n_columns) {
        print_columns(t, widths, t->n_columns, t->n_columns, t->n_columns, f, colour);
    } else {
        struct tl_table side = turned(t, n_labels);
        size_t *side_widths = widths_of(&side);
        if (sum(side_widths, 0, side.n_columns) <= width + GAP ||
            lines_of(&side, side_widths, t->n_headers, width) < lines_of(t, widths, n_labels, width))
            print_parts(&side, side_widths, t->n_headers, width, f, colour);
        else
            print_parts(t, widths, n_labels, width, f, colour);
        free(side_widths);
        tl_table_free(&side);
    }
    free(widths);
}

void tl_table_free(struct tl_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i].text);
    free(t->cells);
    *t = (struct tl_table){0};
}

char *tl_duration_text(double s)
{
    if (s < 0.00995)
        return tl_format("%.1fms", s * 1e3);
    if (s < 0.9995)
        return tl_format("%.0fms", s * 1e3);
    if (s < 99.95)
        return tl_format(s < 9.995 ? "%.2fs" : "%.1fs", s);
    return tl_format("%llum%02llus", (unsigned long long)s / 60, (unsigned long long)s % 60);
}
