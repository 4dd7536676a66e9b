/* Mounts that a program left in a directory of ours. In unmount_OS.c. */
#ifndef TL_UNMOUNT_H
#define TL_UNMOUNT_H

#include <stdbool.h>

/* Takes away what is mounted below a directory, the last one first; what uses it still can go on using it. Whether there was
 * something that is gone now. */
bool tl_unmount_below(const char *directory);

#endif
