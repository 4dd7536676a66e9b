/* What a message says, in as few of its own words as tell it from another one. */
#ifndef TL_TITLE_MESSAGE_H
#define TL_TITLE_MESSAGE_H

#include <stddef.h>

struct tl_title_message {
    char *words; /* "" where it says nothing */
    char *place; /* the function, class or operator that it names as its own; NULL */
};

/* Takes the message apart. Its parts are new strings, for tl_title_message_free. */
void tl_title_message_find(const char *message, struct tl_title_message *m);
void tl_title_message_free(struct tl_title_message *m);

/* The name of a function in a signature of C++: "std::vector::operator[]" of "const T &std::vector<T>::operator[](size_t)
 * const". A new string. */
char *tl_title_function(const char *signature, size_t size);

/* How many characters a text has. */
size_t tl_title_characters(const char *text);
/* A text in at most so many characters: whole, or to the end of a sentence, or cut between words with "…" behind it. A new
 * string; NULL where not even its first word fits. */
char *tl_title_cut(const char *text, size_t most);
/* The same, cut within its first word where that does not fit. */
char *tl_title_fit(const char *text, size_t most);
/* A qualified name in at most so many characters: with the last of its parts, if not with all. NULL where none fits. */
char *tl_title_name(const char *name, size_t most);

#endif
