/* Builds of a runtime kept in the cache, so that a unit can name one: onnxruntime@1.22.0.
 *
 * A build is a directory $XDG_CACHE_HOME/trapline/builds/RUNNER/VERSION that holds one shared library and a
 * manifest (build.json). It appears there complete, by rename, or not at all; processes that work on the same
 * cache at the same time do not disturb each other. Nothing here loads a library: what a build says of itself
 * is asked of a runner by a function that is handed in.
 *
 * Fetching starts npm and waits for it: it must not be called while a supervisor of this process collects
 * every SIGCHLD. */
#ifndef TL_BUILDS_H
#define TL_BUILDS_H

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/watch.h"
#include "harness/builds/range.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_build {
    char *runner;  /* "onnxruntime" */
    char *version; /* as a unit names it: "1.22.0"; "1.22.0+1a2b3c4d" when another content has that name
                      already */
    char *path;    /* absolute path of the library */
    char *source;  /* where it came from, in words */
    char sha256[TL_SHA256_SIZE];
    uint64_t size;
    int64_t when_us; /* when it was brought here: wall clock, microseconds since 1970 UTC */
};
void tl_build_free(struct tl_build *b); /* its contents */

struct tl_builds {
    size_t n;
    struct tl_build *list;
};
void tl_builds_free(struct tl_builds *b);

/* The versions in a text that names builds, [RUNNER@]VERSIONS, VERSIONS being what range.h says; it lies in `text`. Without
 * a RUNNER those of `runner` are meant, and those of another one are a mistake: NULL. */
const char *tl_builds_versions(const char *text, const char *runner, struct tl_error *e);

/* Brings every version that `spec` names: [onnxruntime@]VERSIONS. Of what is published, stable versions are meant, unless an end
 * of a range is a pre-release. What is here already is not fetched again. *out gets every build that the spec
 * names, also when -1 is returned because some version could not be had: then those that could. A range
 * leaves out, with a word to watch (NULL: nobody), versions that hold no library for this machine. */
int tl_builds_fetch(const char *spec, const struct tl_watch *watch, struct tl_builds *out,
                    struct tl_error *e);

/* Asks the runner of a build what it can do with it: *answer is its describe message. */
typedef int (*tl_builds_describe)(const struct tl_build *b, json_t **answer, struct tl_error *e);

/* Copies any libonnxruntime, and the provider libraries beside it, into the cache. The version is what the
 * library says of itself to the runner. Adding the same content again changes nothing. */
int tl_builds_add(const char *library, tl_builds_describe describe, struct tl_build *b, struct tl_error *e);

/* The build that a unit names: 1.22.0, or 1.22 for the newest 1.22.x that is here, as `builds fetch` takes it.
 * version NULL, "" or "latest": the newest that is here. */
int tl_builds_find(const char *runner, const char *version, struct tl_build *b, struct tl_error *e);

/* The builds that are here and in one of the ranges, oldest version first. TL_ERROR_INPUT when a range holds
 * none: it says which are here, and how more are brought. */
int tl_builds_select(const char *runner, const struct tl_builds_range *ranges, size_t n,
                     struct tl_builds *out, struct tl_error *e);

/* The same of those in a list, oldest version first, which is released. */
int tl_builds_select_of(const char *runner, struct tl_builds *all, const struct tl_builds_range *ranges,
                        size_t n, struct tl_builds *out, struct tl_error *e);

/* Removes a build with all that is in its directory, at once for those who look: what runs on it goes on where the
 * system keeps files that are open. */
int tl_builds_remove(const struct tl_build *b, struct tl_error *e);
/* What a build takes on disk, with all that is beside its library: bytes of its files. */
uint64_t tl_build_disk(const struct tl_build *b);

/* All builds in the cache, oldest version first. runner NULL: of every runner. Damaged ones are left out. */
int tl_builds_installed(const char *runner, struct tl_builds *out, struct tl_error *e);

/* Hashes the library again; -1 when it is not what the manifest says. */
int tl_build_verify(const struct tl_build *b, struct tl_error *e);

/* The "build" object of a trial request: version, path, sha256. */
json_t *tl_build_json(const struct tl_build *b);

#endif
