/* A table of text with aligned columns, coloured on a terminal. */
#ifndef TL_TABLE_H
#define TL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tl_table_cell {
    char *text;
    const char *colour; /* escape sequence to start with; "" for none */
};

struct tl_table {
    size_t n_columns, n_headers, n; /* rows of heading; cells, row after row */
    struct tl_table_cell *cells;
    size_t capacity;
};

/* Adds the next cell, from left to right and row after row. Takes the text. colour is static, or NULL. */
void tl_table_add(struct tl_table *t, char *text, const char *colour);
void tl_table_print(const struct tl_table *t, FILE *f, bool colour);
/* Prints what does not fit into `width` columns (0: any width does) on its side, with the first n_labels columns as its
 * heading; where that does not fit either, in parts of so many columns as do, of the one or the other, whichever takes
 * fewer lines. */
void tl_table_print_fit(const struct tl_table *t, size_t n_labels, size_t width, FILE *f, bool colour);
void tl_table_free(struct tl_table *t);

/* A duration in few characters: "1.9ms", "120ms", "1.25s", "4m10s". A new string. */
char *tl_duration_text(double seconds);

#endif
