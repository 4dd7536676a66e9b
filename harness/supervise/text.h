/* Text of unknown origin made fit to be shown and compared. Shared by the files of signatures and reports. */
#ifndef TL_TEXT_H
#define TL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 without control characters, terminal escapes and characters that reorder text; white space is
 * folded to single blanks and trimmed, newlines are kept when `lines`. A new string. */
char *tl_clean_text(const char *s, size_t size, bool lines);

/* The longest prefix of valid UTF-8 s that has at most `most` bytes and ends between characters. */
size_t tl_text_cut(const char *s, size_t most);

/* A function as people and other builds know it: without return type, parameters, template arguments, clone
 * suffixes and numbers of lambdas. A new string, one line, never empty, of at most 90 bytes. */
char *tl_function_name(const char *demangled);

/* Whether an abort message only repeats which signal it was ("abort() called", "Aborted"). */
bool tl_message_says_nothing(const char *message);

#endif
