/* What the case of a runner looks for in what it writes: phases that begin, what is counted, and texts that say how it
 * went. (The steps of a case are looked at by their own runner.) */
#ifndef TL_WATCHED_H
#define TL_WATCHED_H

#include <jansson.h>
#include <stddef.h>

struct tl_watched;

/* looked_for: {"phase_marker": {PHASE: TEXT}, "expect": {"text", "no_text", "fallback", "count"}}, of a case that was
 * checked; NULL gives NULL. It is not kept. scratch stands for "{scratch}" in it. begins is called when a line says
 * that a phase has begun. */
struct tl_watched *tl_watched_new(const json_t *looked_for, const char *scratch,
                                  void (*begins)(void *arg, const char *phase), void *arg);
void tl_watched_free(struct tl_watched *w);
/* The next bytes of stdout (0) or stderr (1); NULL is fine. */
void tl_watched_feed(struct tl_watched *w, int stream, const char *bytes, size_t size);

/* What it came to, once nothing more is written. */
struct tl_watched_end {
    const char *code;       /* "text", "no_text" or "count" when it is an error; NULL */
    char *error, *fallback; /* in words; NULL: there is none. The caller's */
    json_t *counts;         /* NULL: nothing is counted. The caller's */
};
struct tl_watched_end tl_watched_end(struct tl_watched *w);

#endif
