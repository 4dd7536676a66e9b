/* A stream in which whatever a terminal would obey is spelled out. */
#ifndef TL_VISIBLE_STREAM_H
#define TL_VISIBLE_STREAM_H

#include <stdio.h>

/* A stream that writes to a descriptor, which stays the caller's. Control characters but tabs and ends of lines, escapes, and the
 * characters that turn the direction of text come out as "\u001b", which JSON reads as what it was, and bytes that are no UTF-8 as
 * "\x9b"; styles (style.h) work. NULL with errno. */
FILE *tl_visible_stream(int fd);
/* Why the first write to such a stream that failed did so (errno), which errno itself tells only until the next call; 0: none
 * failed, or it is no such stream. */
int tl_visible_error(const FILE *f);

#endif
