/* Cuts a page so that its Markdown has no more than so many lines. */
#ifndef TL_REPORTS_PAGE_FIT_H
#define TL_REPORTS_PAGE_FIT_H

#include <jansson.h>
#include <stddef.h>

struct tl_page_limits {
    size_t text;                /* lines of a paragraph or an item */
    size_t quoted;              /* lines of quoted text */
    size_t commands;            /* lines of commands */
    size_t codes;               /* blocks of either in a section */
    size_t rows;                /* of a table */
    size_t items;               /* in a section */
    size_t paragraphs;          /* in a section */
    const char *const *without; /* headings of the sections that are left out; NULL ends them */
};

/* Lines of the page as Markdown of this width; longest: bytes of the longest. */
size_t tl_page_lines(const json_t *page, size_t width, size_t *longest);
/* Afterwards every block is within the limits, and no line is longer than the width and the marks at its ends. */
void tl_page_fit(json_t *page, const struct tl_page_limits *limits, size_t width);

#endif
