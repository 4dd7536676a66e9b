/* How much of what is known a report says. */
#ifndef TL_REPORTS_EXTENT_H
#define TL_REPORTS_EXTENT_H

enum tl_extent {
    TL_EXTENT_PAGE,  /* what a maintainer wants to know, what is long folded up */
    TL_EXTENT_SHORT, /* for the text of an issue: how to see it, what decides, since when */
    TL_EXTENT_FULL,  /* everything */
};

/* Of a line of Markdown, where it can be held to: what fits into the text of an issue. */
#define TL_EXTENT_WIDTH 118
/* Lines of the short one, whatever was found. */
#define TL_EXTENT_LINES 60

#endif
