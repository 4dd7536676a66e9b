/* The line numbers of a JSON text, by which mistakes get theirs: of each value in it, in the order of the
 * text. */
#ifndef TL_POSITION_H
#define TL_POSITION_H

#include <stddef.h>

#define TL_CASE_DEPTH_MAX 64 /* nested lists and objects */

/* Every value of a JSON text in the order of the text, the outermost first. */
struct tl_position {
    int line;   /* of the value; of a member of an object, of its key */
    size_t end; /* number of the first value after this one and what is in it */
};
struct tl_positions {
    size_t n;
    struct tl_position *list;
};
/* text must be JSON that jansson accepted. Returns 0, or the line where it nests deeper than
 * TL_CASE_DEPTH_MAX. */
int tl_positions_scan(const char *text, size_t size, struct tl_positions *p);

#endif
