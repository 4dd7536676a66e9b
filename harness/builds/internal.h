/* What the files of this folder share. */
#ifndef TL_BUILDS_INTERNAL_H
#define TL_BUILDS_INTERNAL_H

#include "harness/base/buffer.h"
#include "harness/base/staging.h"
#include "harness/builds/builds.h"

#include <sys/stat.h>
#include <sys/types.h>

#define TL_BUILDS_RUNNER "onnxruntime"
#define TL_BUILDS_PACKAGE "onnxruntime-node"

/* --- npm.c --- */
/* Every version that is published, in ascending order. The caller frees each and the array. */
int tl_npm_versions(const char *directory, char ***versions, size_t *n, struct tl_error *e);
/* Fetches one version's tarball into the directory. *tarball is its path, the caller's to free. *unknown is
 * set when the failure is that there is no such version. */
int tl_npm_pack(const char *version, const char *directory, char **tarball, bool *unknown,
                struct tl_error *e);

/* --- tarball.c --- */
/* Picks the runtime's library for this machine out of a package and writes it to `path`. *inside is the name
 * it had there. *absent is set when the package holds none. */
int tl_tarball_extract(const char *tarball, const char *path, char **inside, bool *absent,
                       struct tl_error *e);

/* --- store.c --- */
extern const char tl_library_name[];                /* libonnxruntime.so or .dylib */
char *tl_build_store_directory(const char *runner); /* new string; NULL when there is no home */
/* A directory of our own in the store. Those of processes that died are removed. */
int tl_build_store_begin(const char *runner, struct tl_staging *stage, struct tl_error *e);
/* Writes the manifest into `directory`, which is staged and holds the library already, and moves it to its
 * place. When the same content got there first that one is used. b->runner, version and source are given, the
 * rest is filled.
 */
int tl_build_store_commit(const char *directory, struct tl_build *b, bool may_rename, struct tl_error *e);

#endif
