/* Kinds of characters, by ASCII alone: whatever the locale, and of any byte. */
#ifndef TL_ASCII_H
#define TL_ASCII_H

#include <stdbool.h>

static inline bool tl_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool tl_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether it may be part of a name in a program: a letter, a digit or an underscore. */
static inline bool tl_is_word(char c)
{
    return tl_is_digit(c) || tl_is_letter(c) || c == '_';
}

#endif
