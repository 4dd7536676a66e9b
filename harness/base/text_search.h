/* Looks for texts in a stream as it goes by, in bounded memory. */
#ifndef TL_TEXT_SEARCH_H
#define TL_TEXT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#define TL_FOUND_MOST 2048 /* bytes of a stream that are kept where a text was found */

/* Where a text was found first: the line that holds it, and what follows. */
struct tl_found {
    const struct tl_window *in; /* NULL: nowhere */
    size_t size;
    char text[TL_FOUND_MOST];
};

/* The texts that are looked for, and which have been seen in any of the streams. */
struct tl_texts {
    size_t n;
    const char **text; /* borrowed */
    bool *seen;
    struct tl_found *found;
    size_t longest;
};
int tl_texts_init(struct tl_texts *t, size_t most); /* room for that many; 0, or -1 without memory */
void tl_texts_add(struct tl_texts *t, const char *text);
void tl_texts_free(struct tl_texts *t);

/* One stream: its last bytes are kept, so that a text that arrives in pieces is found. */
struct tl_window {
    char *data;
    size_t kept, size;
};
#define TL_WINDOW_CHUNK 65536
#define TL_WINDOW_LINE 512 /* bytes of a line before a text in it that are kept */
int tl_window_init(struct tl_window *w, const struct tl_texts *t); /* after the last tl_texts_add */
void tl_window_free(struct tl_window *w);
/* The next bytes of the stream, at most TL_WINDOW_CHUNK. */
void tl_window_feed(struct tl_window *w, struct tl_texts *t, const char *data, size_t size);

#endif
