/* What is on the disk before it has its name. A file system may write a name first and what it names later: after a crash of the
 * machine there is then a file of that name which is empty. */
#ifndef TL_DURABLE_H
#define TL_DURABLE_H

/* All that is below a directory is on the disk when this returns, and so is the directory. -1 with errno. */
int tl_sync_tree(const char *path);
/* The content of one file is on the disk when this returns. -1 with errno. */
int tl_sync_file(const char *path);
/* The names in the directory that a path is in are on the disk. -1 with errno. */
int tl_sync_parent(const char *path);
/* Gives a directory its name, that of none or of an empty one, when all that is in it is on the disk. -1 with errno, as
 * rename(2): it is where it was then. */
int tl_place_durably(const char *from, const char *to);

#endif
