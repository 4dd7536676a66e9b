/* Where files of a case stand in a bundle, and what paths of this machine become there. */
#ifndef TL_BUNDLE_LAYOUT_H
#define TL_BUNDLE_LAYOUT_H

#include "reports/redact/redact.h"

#include <jansson.h>

/* The tree that the case and what it refers to by ".." are in is kept below files/; what stands elsewhere is in
 * files/elsewhere/N, each N being a tree, too: what has a directory of the root in common is found from each other by "..". Of
 * such a tree the longest directory that all of it has in common is left out. Zeroed is one of no files. */
struct tl_bundle_layout {
    char *directory, *real; /* of the case: as given, and without links */
    char *root,
        *real_root; /* the top of the tree that is kept; as given: NULL where links make it another one */
    char *case_at;  /* what the case's directory is in the bundle */
    json_t *tops;   /* what stands elsewhere, a file or a directory -> its place in the bundle */
    const struct tl_redaction *redaction; /* of names of directories; NULL: they stay */
};
/* files: [{"path","top"}], real paths. */
void tl_layout_init(struct tl_bundle_layout *l, const char *directory, const json_t *files,
                    const struct tl_redaction *redaction);
void tl_layout_free(struct tl_bundle_layout *l);

/* The place of an absolute path in the bundle; NULL: it is none of the case. A new string. */
char *tl_layout_place(const struct tl_bundle_layout *l, const char *path);
/* A word of a command, or a part of it, in which each path of the case has become its place, with `before` in front of it,
 * and that of the home `home` (NULL: it stays). A new string. */
char *tl_layout_word(const struct tl_bundle_layout *l, const char *word, const char *before,
                     const char *home);
/* The places of the directories of files, each once, as they come. A new array. */
json_t *tl_layout_directories(const struct tl_bundle_layout *l, const json_t *paths);
/* A path that is relative to the case, or absolute: its place. NULL: it is not of the case. */
char *tl_layout_relative(const struct tl_bundle_layout *l, const char *path);

#endif
