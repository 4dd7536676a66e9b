/* Prints tables of text with aligned columns, and durations in few characters. */
#include "harness/cli/table.h"

#include "harness/base/buffer.h"

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
    t->cells[t->n++] = (struct tl_table_cell){text, colour ? colour : ""};
}

void tl_table_print(const struct tl_table *t, FILE *f, bool colour)
{
    size_t *widths = tl_calloc(t->n_columns + 1, sizeof *widths);
    for (size_t i = 0; i < t->n; i++) {
        size_t w = width_of(t->cells[i].text);
        if (w > widths[i % t->n_columns])
            widths[i % t->n_columns] = w;
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct tl_table_cell *c = &t->cells[i];
        size_t at = i % t->n_columns;
        bool last = at + 1 == t->n_columns || i + 1 == t->n;
        const char *start = !colour ? "" : i / t->n_columns < t->n_headers ? "\033[1m" : c->colour;
        fprintf(f, "%s%s%s", start, c->text, *start ? "\033[0m" : "");
        if (last)
            putc('\n', f);
        else
            fprintf(f, "%*s", (int)(widths[at] - width_of(c->text) + 2), "");
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
