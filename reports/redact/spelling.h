/* One path may be spelled in many ways: in an address of a file ("file:///home/j%20doe"), in JSON ("\/home\/me", "\u00f6"),
 * by a shell ("/home/j\ doe"), with doubled slashes, on Windows. These tell whether a text spells what is looked for, and
 * with how many of its bytes. */
#ifndef TL_REPORT_REDACT_SPELLING_H
#define TL_REPORT_REDACT_SPELLING_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it may be part of a file's name without being written in any special way: a letter, a digit, "_", "-", ".", or
 * anything that is not ASCII. */
bool tl_is_file_name(char c);

/* How many bytes of text spell one character, which is as UTF-8 in c then: itself, "%41", "%2541", "\u0041", "\x41",
 * "\303", or "\ ". 0 at the end. */
size_t tl_spelled_character(const char *text, char c[5]);
/* A separator of a path: a slash or a backslash in any spelling, once. 0: none. */
size_t tl_spelled_slash(const char *text);
/* Whether such a one is a slash, and no backslash. */
bool tl_is_forward_slash(const char *text);
/* The same any number of times, with "." between them. */
size_t tl_spelled_slashes(const char *text);
/* A path or a word in any spelling, in capitals or not: a slash of it stands for all separators. 0: the text begins
 * otherwise. */
size_t tl_spelled(const char *text, const char *path);
/* The name of a file with which text begins; a space belongs to it when it is spelled otherwise than as a space, or when it
 * stands within two words in capitals before a separator ("Jane Doe\"). */
size_t tl_spelled_name(const char *text);
/* Whether the name of a file goes on here: a dot at the end of a sentence is no part of it. */
bool tl_name_goes_on(const char *text);

#endif
