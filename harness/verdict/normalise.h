/* Messages made equal that differ only in numbers, addresses, paths and the like. Pure. */
#ifndef TL_NORMALISE_H
#define TL_NORMALISE_H

#include <stddef.h>

/* Numbers (but for codes and signals), addresses, paths, line numbers, uuids and pids replaced by placeholders, white
 * space folded, at most 2000 bytes, so that the same message from another build or run is equal. A new string. */
char *tl_normalise_message(const char *message);

/* The same text without the places in sources at which its parts are said: "concat.cc:154 PrepareForCompute ", a file with a line and,
 * where one follows, the function. They say where something is said and not what; builds move them. A new string. */
char *tl_words_without_places(const char *message);

#endif
