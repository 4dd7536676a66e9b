/* Directories that are opened by one name in another, and never elsewhere. In open_here_OS.c. */
#ifndef TL_OPEN_HERE_H
#define TL_OPEN_HERE_H

#include <sys/types.h>

/* Opens for reading a directory of that name in a directory: no link, and, where the system can tell, nothing that is mounted
 * there. A descriptor, or -1 with errno: EXDEV for a mount. */
int tl_open_here(int directory, const char *name);
/* Changes the mode of a directory of that name, which is no link. -1 with errno. */
int tl_chmod_here(int directory, const char *name, mode_t mode);

#endif
