/* What a program complained of last: the line of its output that says why it failed. */
#ifndef TL_COMPLAINT_H
#define TL_COMPLAINT_H

#include "harness/base/notable.h"

#include <stddef.h>

#define TL_COMPLAINT_KEPT 32768 /* bytes of the end of the stream */
#define TL_COMPLAINT_MOST 1000  /* bytes of what is said */

struct tl_complaint {
    char kept[TL_NOTABLE_KEPT + TL_COMPLAINT_KEPT];
    size_t size;
    struct tl_notable before; /* what may say why in what came before these */
};

void tl_complaint_feed(struct tl_complaint *c, const char *data, size_t size);
/* Nothing follows any more: has to be called before what was complained of is asked for. */
void tl_complaint_end(struct tl_complaint *c);
/* Why the program failed, by what it wrote to stderr, and where that holds nothing but warnings, by the last
 * error on stdout; "" when neither says. On one line, without terminal escapes. */
void tl_complaint_line(const struct tl_complaint *err, const struct tl_complaint *out,
                       char line[TL_COMPLAINT_MOST + 1]);
/* What came instead of a text that was expected and not written: the last error of either stream, or the last
 * line that begins with the same word; "" when there is none. */
void tl_complaint_instead(const struct tl_complaint *err, const struct tl_complaint *out, const char *text,
                          char line[TL_COMPLAINT_MOST + 1]);
/* Of text that begins with a line which should not be there: that line and what follows it, up to an empty
 * line. */
void tl_complaint_from(const char *text, size_t size, char line[TL_COMPLAINT_MOST + 1]);

#endif
