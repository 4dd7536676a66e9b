/* Files of text that people read: what a terminal would obey is spelled out in them. */
#ifndef TL_BASE_TEXT_FILE_H
#define TL_BASE_TEXT_FILE_H

#include <stdbool.h>

/* Puts one in the place of what stands at `path`, as tl_replace_file does. NULL is a text that could not be made: ENOMEM. -1 with
 * errno. */
int tl_replace_text(const char *path, const char *text, bool sync);

#endif
