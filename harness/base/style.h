/* How a terminal is told to show text otherwise. */
#ifndef TL_STYLE_H
#define TL_STYLE_H

#include <stddef.h>

enum tl_style {
    TL_STYLE_PLAIN, /* ends what another one began */
    TL_STYLE_BOLD,
    TL_STYLE_DIM,
    TL_STYLE_GREEN,
    TL_STYLE_YELLOW,
    TL_STYLE_RED,        /* and bold */
    TL_STYLE_ERASE_LINE, /* back to the beginning of the line, of which nothing is left */
    TL_STYLES
};

/* What is to be printed for it. What prints it to a stream that hides all else that a terminal would obey (tl_visible_stream) has to
 * take it from here: there it is a mark that no text from elsewhere can have. */
const char *tl_style(enum tl_style s);

#define TL_STYLE_MARK 20 /* bytes of a mark at most */

/* From now on styles are marks. Once, before anything is printed. */
void tl_style_use_marks(void);
/* The length of the mark at p, of which `left` bytes are there, and its style; 0 when there is none; -1 when more bytes have to be
 * there to tell. */
int tl_style_marked(const char *p, size_t left, enum tl_style *s);
/* What a terminal is sent for it. */
const char *tl_style_sequence(enum tl_style s);

#endif
