/* Theory of operation. Of a long stream only both ends are kept, and the reason of a failure may stand in the
 * middle, before a dump of all tensors. What falls out of the ends passes by here, line by line, and a line
 * with a word of failing in it is kept with those that follow it. That costs a look at every byte, so after
 * some time of it nothing more is looked at: whoever floods its output does not say why in it. */
#include "harness/base/notable.h"

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOKED_AT (64u << 20) /* bytes of a stream */
#define FOLLOWING 3           /* lines after a notable one */

static bool is_notable(const char *s, size_t size)
{
    static const char *const words[] = {"error",     "fatal",  "fail",      "assert", "abort",
                                        "panic",     "check",  "exception", "trace",  "terminate",
                                        "sanitizer", "not ok", "tbrok"};
    for (size_t i = 0; i < size; i++) {
        if (!strchr("efaptcsnEFAPTCSN", s[i]) || !s[i])
            continue;
        for (size_t k = 0; k < TL_COUNT(words); k++) {
            size_t n = strlen(words[k]);
            if (i + n <= size && !strncasecmp(s + i, words[k], n))
                return true;
        }
    }
    return false;
}

static void keep(struct tl_notable *n)
{
    size_t size = n->line_size + 1;
    if (!n->kept)
        n->kept = tl_malloc(TL_NOTABLE_KEPT);
    while (n->size + size > TL_NOTABLE_KEPT) { /* the oldest line goes */
        const char *newline = memchr(n->kept, '\n', n->size);
        size_t gone = (size_t)(newline - n->kept) + 1;
        memmove(n->kept, n->kept + gone, n->size -= gone);
    }
    memcpy(n->kept + n->size, n->line, n->line_size);
    n->size += size;
    n->kept[n->size - 1] = '\n';
}

static void end_line(struct tl_notable *n)
{
    bool notable = is_notable(n->line, n->line_size);
    if (notable || n->following)
        keep(n);
    n->following = notable ? FOLLOWING : n->following ? n->following - 1 : 0;
    n->line_size = 0;
}

void tl_notable_feed(struct tl_notable *n, const char *bytes, size_t size)
{
    for (const char *p = bytes, *end = bytes + size; p < end && n->seen < LOOKED_AT;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t length = (size_t)((newline ? newline : end) - p), room = TL_NOTABLE_LINE - n->line_size;
        memcpy(n->line + n->line_size, p, length < room ? length : room);
        n->line_size += length < room ? length : room;
        if (newline)
            end_line(n);
        n->seen += length + 1;
        p += length + (newline != NULL);
    }
}

void tl_notable_free(struct tl_notable *n)
{
    free(n->kept);
    *n = (struct tl_notable){0};
}
