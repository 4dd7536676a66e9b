/* What the text of a script, and the head of a compiled program, say of files that stand elsewhere. */
#ifndef TL_CONTENT_NAMED_H
#define TL_CONTENT_NAMED_H

#include <jansson.h>

/* Paths of files and directories that are there and that a script names outside its own directory, in the keys. */
json_t *tl_named_by_script(const char *script);

/* The shared libraries of an ELF program, and theirs, in the keys; those of the system are left out.
 * library_path: $LD_LIBRARY_PATH, or NULL. */
json_t *tl_libraries_of(const char *program, const char *library_path);

#endif
