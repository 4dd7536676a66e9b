/* Files that another program left in a directory, by a name that it says: both may be anything. */
#ifndef TL_LEFT_FILE_H
#define TL_LEFT_FILE_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a name is that of a file in the directory itself, and nowhere else. NULL is none. */
bool tl_is_plain_name(const char *name);

/* A plain file of one name in a directory, opened for reading, and its size: no link, no device, nothing that
 * waits. what: what the file is wanted for, as in struct tl_error. -1 with *e. */
int tl_open_left_file(int directory, const char *name, const char *what, uint64_t *size, struct tl_error *e);

#endif
