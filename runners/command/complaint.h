/* What the program of a step complained of last: the line of its stderr that says why it exited with an
 * error. */
#ifndef TL_COMPLAINT_H
#define TL_COMPLAINT_H

#include <stddef.h>

#define TL_COMPLAINT_KEPT 8192 /* bytes of the end of the stream */
#define TL_COMPLAINT_MOST 300  /* bytes of the line */

struct tl_complaint {
    char kept[TL_COMPLAINT_KEPT];
    size_t size;
};

void tl_complaint_feed(struct tl_complaint *c, const char *data, size_t size);
/* The last line that names an error; without one, the last line that holds a letter; "" when there is none.
 * Without terminal escapes and surrounding blanks. */
void tl_complaint_line(const struct tl_complaint *c, char line[TL_COMPLAINT_MOST + 1]);

#endif
