/* Text of unknown origin: what is UTF-8 in it, where it can be cut, and how it is made fit to be shown. */
#ifndef TL_UTF8_H
#define TL_UTF8_H

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes of the character at s, of which `left` bytes are there, and its code point; 0 when
 * these bytes are not UTF-8 (overlong forms, surrogates and what is beyond U+10FFFF are none). */
size_t tl_utf8_decode(const char *s, size_t left, unsigned *code);

/* The longest prefix of valid UTF-8 s that has at most `most` bytes and ends between characters. */
size_t tl_utf8_cut(const char *s, size_t most);

/* Valid UTF-8 without control characters, terminal escapes and characters that reorder text; white space is
 * folded to single blanks and trimmed, newlines are kept when `lines`. A new string. */
char *tl_clean_text(const char *s, size_t size, bool lines);

/* Adds text in which what a terminal or a page would obey is spelled out: control characters as "\x1b", those that turn the
 * direction of what follows, and the invisible marks of one, as "\u202e". Those in keep, which may be "", stay. */
void tl_add_visible(struct tl_buffer *b, const char *text, const char *keep);

/* The text of a file that people open: each of those characters as "\u001b", which is what it was in JSON and in the strings of
 * most languages; bytes that are no UTF-8 stay. A new string. */
char *tl_visible_text(const char *text);
/* Text that is one line, whatever it is made of: ends of lines are spelled out as "\u000a". A new string. */
char *tl_one_line(const char *text);

/* One character of it, n bytes of UTF-8 at p: "\u001b" in place of those, but of tab and newline. */
void tl_add_visible_character(struct tl_buffer *b, const char *p, size_t n, unsigned code);

#endif
