/* A command line as words, without a shell. */
#ifndef TL_SPLIT_H
#define TL_SPLIT_H

#include "harness/base/error.h"

/* Splits a text at blanks. Quotes and backslashes are those of the POSIX shell; nothing is expanded, and no
 * other character means anything. *words is NULL-terminated and never empty. Fails (input) for a quote that
 * is not closed, a backslash at the end, and a text without a word. */
int tl_split_words(const char *text, char ***words, struct tl_error *e);
void tl_split_words_free(char **words);

#endif
