/* Files and directories. */
#ifndef TL_FILES_H
#define TL_FILES_H

int tl_make_directories(const char *path); /* like mkdir -p, mode 0700 for what is new; -1 with errno */

#endif
