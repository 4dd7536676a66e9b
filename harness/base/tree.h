/* What is below a directory, one by one. Removing and measuring are in files.h. */
#ifndef TL_TREE_H
#define TL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* One entry: its name in a directory that is open, and its path from the top. Whether to stop there. */
typedef bool (*tl_tree_visit)(void *arg, int directory, const char *name, const char *path,
                              const struct stat *st);
/* Visits everything below a directory, directories before what is in them, in no order; links are not followed and mounts not
 * entered. -1 with errno when something cannot be read, or there is none. */
int tl_tree_each(const char *path, tl_tree_visit visit, void *arg);

/* Files that were counted already. */
struct tl_inode_set {
    struct tl_inode {
        dev_t dev;
        ino_t ino;
        bool used;
    } * list;
    size_t n, room;
};
/* Whether it was not in there yet. */
bool tl_inode_set_add(struct tl_inode_set *s, dev_t dev, ino_t ino);
bool tl_inode_set_has(const struct tl_inode_set *s, dev_t dev, ino_t ino);
void tl_inode_set_free(struct tl_inode_set *s);

#endif
