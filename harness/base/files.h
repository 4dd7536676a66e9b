/* Files and directories. */
#ifndef TL_FILES_H
#define TL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

int tl_make_directories(const char *path); /* like mkdir -p, mode 0700 for what is new; -1 with errno */

/* What tells one state of a file from another, as text: device, inode, size and times. ctime cannot be set,
 * so that a file whose mtime was set back is told too. The caller's to free. */
char *tl_file_state(const struct stat *st);

/* Writes a file that is not there yet, and takes it away again when that fails. With sync it is on the disk
 * when this returns. -1 with errno, EEXIST when it is there. */
int tl_write_new_file(const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* Puts a file in the place of what stands at `path`, which others see whole or not at all. -1 with errno. */
int tl_replace_file(const char *path, const void *data, size_t size, mode_t mode, bool sync);

#endif
