/* What the name of an option says of the word behind it. */
#ifndef TL_OPTION_NAME_H
#define TL_OPTION_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a word is an option of one of these names, written with any number of dashes, '_' for '-' or capitals: --Out_File is
 * "out-file". What follows a '=' does not count. */
bool tl_option_is_one_of(const char *word, const char *const *names, size_t n);
bool tl_option_is_output(const char *word); /* such as -o, or --output=FILE: something is written there */

#endif
