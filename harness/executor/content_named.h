/* What the text of a script, and the head of a compiled program, say of files that stand elsewhere. */
#ifndef TL_CONTENT_NAMED_H
#define TL_CONTENT_NAMED_H

#include <jansson.h>

/* Paths of files and directories that are there and that a script names outside its own directory, in the keys; a value that is a
 * string is the path as it was named, on which links may be. */
json_t *tl_named_by_script(const char *script);

/* The shared libraries of an ELF program, and theirs, in the keys, each with the paths by which they are looked for, in the
 * keys of its value: there may be links among them. Those of the system are left out.
 * library_path: $LD_LIBRARY_PATH, or NULL. */
json_t *tl_libraries_of(const char *program, const char *library_path);

/* What a compiled program says of files: its texts, one on each line, the caller's; NULL where it is none. */
char *tl_texts_of_program(const char *path);
/* The paths that are there and that such texts name by "../", from the directory of the program on; in the keys. */
json_t *tl_named_by_texts(const char *texts, const char *program);

#endif
