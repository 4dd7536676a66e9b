/* Whether the text of a script names a file, and not only a variable or a module that is called as the file is. */
#ifndef TL_CONTENT_MENTIONS_H
#define TL_CONTENT_MENTIONS_H

#include <stdbool.h>

/* How a language writes down what is no name of its own. */
enum tl_script_kind {
    TL_SCRIPT_SHELL,  /* words are texts; '#' begins a comment */
    TL_SCRIPT_HASH,   /* texts are quoted; '#' begins a comment: Python, Ruby, Perl */
    TL_SCRIPT_SLASHES /* texts are quoted; comments as C has them */
};
/* By the ending of its path, else by its first line. What nothing is known of is taken for a script of a shell. */
enum tl_script_kind tl_script_kind_of(const char *path, const char *text);

/* Whether a script names a file or a directory by its name. A name with a dot counts in each text (a string of a language, a word of
 * a shell); one without where it is part of a path ("data/x"), or where it is all of a text that is opened: handed to a function
 * that has to do with files, or a word of a shell that is not written to. One of one or two letters without a dot only counts
 * as part of a path. */
bool tl_script_mentions(const char *text, enum tl_script_kind kind, const char *name);

#endif
