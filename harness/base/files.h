/* Files and directories: made, read, replaced as a whole, and removed. */
#ifndef TL_FILES_H
#define TL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

/* Like mkdir -p, with this mode for what is new: 0700 for what is only the user's. -1 with errno. */
int tl_make_directories(const char *path, mode_t mode);
/* The same for the directories above a file. */
int tl_make_parents(const char *path, mode_t mode);

/* The last part of a path. */
const char *tl_base_name(const char *path);

/* Removes a tree, however deep, also when its permissions were changed; links are not followed and mounts not entered.
 * One descriptor at a time, no recursion. -1 with errno, of the first thing that could not be removed, when something is
 * left; 0 when nothing was there. In tree.c. */
int tl_remove_tree(const char *path);
/* Bytes that are allocated below a path, however deep, of files and of directories; a file with several names counts once,
 * links are not followed and mounts not entered. Counting stops at `enough`. In tree.c. */
uint64_t tl_tree_bytes(const char *path, uint64_t enough);

/* When a file's content was last modified, and its inode last changed. */
struct timespec tl_modified(const struct stat *st);
struct timespec tl_changed(const struct stat *st);

/* What tells one state of a file from another, as text: device, inode, size and times. ctime cannot be set,
 * so that a file whose mtime was set back is told too. The caller's to free. */
char *tl_file_state(const struct stat *st);

/* The same of its content alone, which a copy that keeps its time has as well: what a file of more bytes than that is known by
 * where it is not worth reading. */
#define TL_CONTENT_LARGE (INT64_C(64) << 20)
char *tl_content_state(const struct stat *st);

/* Lets two files or directories change places in one step; -1 with errno where the file system cannot. In exchange_OS.c. */
int tl_exchange_paths(const char *a, const char *b);

/* Reads exactly size bytes from offset, or fewer at the end of the file: their number, or -1 with errno. */
int64_t tl_read_at(int fd, void *to, size_t size, uint64_t offset);
/* Writes what is left to read of one file to another. -1 with errno; *reading: it was the reading that failed. */
int tl_copy_bytes(int from, int to, bool *reading);
/* Copies a regular file, links followed, to one that is not there yet, with this mode; what was not finished is taken away
 * again. -1 with errno: EEXIST when it is there, EINVAL when `from` is no regular file. */
int tl_copy_file(const char *from, const char *to, mode_t mode);

/* Writes a file that is not there yet, and takes it away again when that fails. With sync it is on the disk
 * when this returns. -1 with errno, EEXIST when it is there. */
int tl_write_new_file(const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* Puts a file in the place of what stands at `path`, which others see whole or not at all. -1 with errno. */
int tl_replace_file(const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* The same where it does not hold that already: what a crash of the machine left empty or cut off is made anew. */
int tl_keep_file(const char *path, const void *data, size_t size, mode_t mode, bool sync);
/* The first line of a script without "#!"; NULL when it is none. The caller's. */
char *tl_interpreter_line(const char *path);

#endif
