/* The names in a directory: all of them, or an error. What cannot be read to its end is not taken for empty, or for shorter. */
#ifndef TL_BASE_NAMES_H
#define TL_BASE_NAMES_H

#include <stddef.h>

struct tl_names {
    char **list; /* sorted by their bytes, without "." and ".." */
    size_t n;
};

/* -1 with errno, and there are none. What is left of a directory that changes meanwhile is as readdir(3) has it. */
int tl_names_read(const char *directory, struct tl_names *names);
void tl_names_free(struct tl_names *names);

#endif
