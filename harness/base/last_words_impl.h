/* The two halves of last_words.h: which lines say why, and which of them counts. */
#ifndef TL_LAST_WORDS_IMPL_H
#define TL_LAST_WORDS_IMPL_H

#include "harness/base/last_words.h"

struct tl_lines {
    char **line; /* NUL-terminated, into one block */
    size_t n;
};

/* The message of a line that is of a known kind, and of the lines that belong to it: a new string, or NULL. */
char *tl_last_words_known(const struct tl_lines *t, size_t i);

#endif
