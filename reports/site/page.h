/* The frame of a page, and tables that go on in further pages. */
#ifndef TL_SITE_PAGE_H
#define TL_SITE_PAGE_H

#include "reports/site/impl.h"

struct tl_site_frame {
    const char *title;   /* plain text from inside or cleaned; escaped here */
    const char *section; /* of the navigation: "index", "failures", "findings", "nights", "trials"; or NULL */
    const char *up;      /* "" or "../" */
    const char *script;  /* the name of what site.js is to do here, or NULL */
};
void tl_site_head(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_frame *f);
/* Adds the foot, writes the page and frees the buffer. */
int tl_site_page_end(struct tl_site *w, struct tl_buffer *b, const char *file, struct tl_error *e);
/* A form that filters the table after it, for those with scripts. */
void tl_site_filter(struct tl_buffer *b, const struct tl_site *w, bool units);
/* Begins a part that may be wider than the screen and then scrolls by itself; by: the id of its heading. */
void tl_site_wide(struct tl_buffer *b, const char *by);
/* Begins a list with a column for each word, up to NULL: "#trials" is one of numbers, "" is left out. */
void tl_site_list(struct tl_buffer *b, const char *const columns[]);

/* A table that goes on in further pages. Everything is the caller's to fill, rows one by one. */
struct tl_site_table {
    struct tl_site *w;
    const char *base; /* the page's name without ".html"; further ones are base-2.html, … */
    struct tl_site_frame frame;
    struct tl_buffer before, head, after; /* of the first page; the table's beginning; of the first page */
    struct tl_buffer rows;
    size_t most; /* bytes of rows; 0: TL_SITE_ROWS */
    size_t page;
    bool filter_units;
    const char *label;
};
/* Ends the page when it is long; to be called before every row. */
int tl_site_table_row(struct tl_site_table *t, struct tl_error *e);
int tl_site_table_end(struct tl_site_table *t, struct tl_error *e);

void tl_site_unit_head(struct tl_buffer *b, const char *unit); /* a cleaned unit as the head of a column */

#endif
