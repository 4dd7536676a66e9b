/* Words of commands that name files without saying where they are. */
#ifndef TL_BESIDE_H
#define TL_BESIDE_H

#include "cases/case.h"

#include <jansson.h>

/* Of each word that names a file beside the case by a relative path a text that says what to write instead: commands run
 * in a directory of their own, where that file is not; and of each file beside the case that is an older one of the same name in
 * the directory above, which it was copied from, mostly. An array of strings, the caller's. */
json_t *tl_beside_warnings(const struct tl_case *c);
/* The word of a command of the case that such a message is about, with its place and what to write instead, as a
 * sentence; the caller's. NULL: the message names none. */
char *tl_absent_word(const struct tl_case *c, const char *message);
/* The same of a file that an option takes and that is not there: it stands in no other word of the case, in one that not every
 * variant has, and in none that says what is written. */
char *tl_absent_input(const struct tl_case *c, const char *message);
/* Whether a message says that a file, program or module is not there. What may also be said of a part of a model ("does
 * not exist") counts where a word of the case is named. */
bool tl_says_absent(const struct tl_case *c, const char *message);

#endif
