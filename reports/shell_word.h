/* Command lines that a reader copies into a shell. */
#ifndef TL_REPORTS_SHELL_WORD_H
#define TL_REPORTS_SHELL_WORD_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* Adds a word as a POSIX shell takes it, after a space where there is something before it. homes: a "~"
 * stands for a home that was taken out, and is left for the shell to fill in; otherwise it is quoted as what
 * it is. */
void tl_shell_word(struct tl_buffer *b, const char *word, bool homes);
/* Adds " -s AXIS=VALUE" for every axis of a variant. */
void tl_shell_settings(struct tl_buffer *b, const json_t *variant, bool homes);

#endif
