/* Which versions a spec names, and bringing them here. */
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void free_versions(char **versions, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(versions[i]);
    free(versions);
}

static void add_build(struct tl_builds *out, struct tl_build *b)
{
    out->list = tl_realloc(out->list, out->n + 1, sizeof *out->list);
    out->list[out->n++] = *b;
    memset(b, 0, sizeof *b);
}

static void say(tl_builds_progress progress, void *arg, const char *format, const char *a, const char *b)
{
    char *text;
    if (!progress)
        return;
    text = tl_format("%s %s%s%s", format, a, b ? ": " : "", b ? b : "");
    progress(arg, text);
    free(text);
}

/* The published versions next to one that does not exist. */
static void nearest(const char *version, char *const *versions, size_t n, struct tl_buffer *text)
{
    size_t at = 0;
    while (at < n && tl_version_compare(versions[at], version) < 0)
        at++;
    size_t first = at > 3 ? at - 3 : 0, last = at + 3 < n ? at + 3 : n;
    for (size_t i = first; i < last; i++)
        tl_buffer_printf(text, "%s%s", i > first ? ", " : "", versions[i]);
}

static int unknown_version(const char *version, char *const *versions, size_t n, struct tl_error *e)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    nearest(version, versions, n, &text);
    tl_fail(e, TL_ERROR_INPUT, "there is no such build", version, "the nearest published ones are %s",
            text.size ? text.data : "unknown");
    tl_buffer_free(&text);
    return -1;
}

static int list_published(char ***versions, size_t *n, struct tl_error *e)
{
    char *directory;
    int lock;
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &directory, &lock, e) != 0)
        return -1;
    int rc = tl_npm_versions(directory, versions, n, e);
    tl_build_store_end(directory, lock);
    return rc;
}

static int fetch_one(const char *version, struct tl_build *b, bool *absent, struct tl_error *e)
{
    char *directory, *tarball = NULL, *inside = NULL;
    int lock;
    bool unknown = false;
    memset(b, 0, sizeof *b);
    *absent = false;
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &directory, &lock, e) != 0)
        return -1;
    /* npm works in a directory inside ours, so that what becomes the build holds nothing else. */
    char *work = tl_format("%s/npm", directory), *library = tl_format("%s/build", directory);
    int rc = 0;
    if (mkdir(work, 0700) != 0 || mkdir(library, 0777) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write to the cache of builds", directory,
                           "mkdir");
    if (rc == 0)
        rc = tl_npm_pack(version, work, &tarball, &unknown, e);
    if (rc == 0) {
        char *path = tl_format("%s/%s", library, tl_library_name);
        rc = tl_tarball_extract(tarball, path, &inside, absent, e);
        free(path);
    }
    if (rc == 0) {
        b->runner = tl_strdup(TL_BUILDS_RUNNER);
        b->version = tl_strdup(version);
        b->source = tl_format("npm %s@%s, %s", TL_BUILDS_PACKAGE, version, inside);
        rc = tl_build_store_commit(library, b, false, e);
    } else if (unknown) {
        char **versions = NULL;
        size_t n = 0;
        struct tl_error ignored;
        if (tl_npm_versions(work, &versions, &n, &ignored) == 0)
            unknown_version(version, versions, n, e);
        free_versions(versions, n);
    } else if (*absent && e) {
        tl_fail(
            e, TL_ERROR_INPUT, "cannot fetch a build", version,
            "the package of this version holds no library for this machine; 1.9.0 is the first that does");
    }
    if (rc != 0)
        tl_build_free(b);
    tl_build_store_end(directory, lock);
    free(work);
    free(library);
    free(tarball);
    free(inside);
    return rc;
}

/* Splits "1.16..1.30" into its ends, a single version into two equal ones. */
static int parse_range(const char *text, char **from, char **to, struct tl_error *e)
{
    const char *dots = strstr(text, "..");
    *from = dots ? tl_format("%.*s", (int)(dots - text), text) : tl_strdup(text);
    *to = tl_strdup(dots ? dots + 2 : text);
    bool valid = tl_version_valid(*from) && tl_version_valid(*to);
    if (valid && tl_version_compare_prefix(*from, *to) <= 0)
        return 0;
    free(*from);
    free(*to);
    return tl_fail(e, TL_ERROR_INPUT, "this names no build", text,
                   valid ? "a range goes from the older version to the newer one"
                         : "write a version (1.22.0), a range (1.16..1.30) or latest");
}

/* The versions among the published ones that are meant: a new list of new strings, ascending. */
static int choose(const char *text, char *const *versions, size_t n, char ***chosen, size_t *count,
                  struct tl_error *e)
{
    char *from, *to;
    *chosen = tl_calloc(n + 1, sizeof **chosen);
    *count = 0;
    if (!strcmp(text, "latest")) {
        for (size_t i = n; i > 0 && *count == 0; i--) {
            if (tl_version_stable(versions[i - 1]))
                (*chosen)[(*count)++] = tl_strdup(versions[i - 1]);
        }
        return *count ? 0
                      : tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot fetch a build", text,
                                "no stable version is published");
    }
    if (parse_range(text, &from, &to, e) != 0)
        return -1;
    bool range = strstr(text, "..") != NULL;
    for (size_t i = 0; i < n; i++) {
        if (!tl_version_stable(versions[i]) || tl_version_compare_prefix(versions[i], from) < 0 ||
            tl_version_compare_prefix(versions[i], to) > 0)
            continue;
        if (!range && *count) /* "1.22": the newest of them */
            free((*chosen)[--*count]);
        (*chosen)[(*count)++] = tl_strdup(versions[i]);
    }
    int rc = *count ? 0 : unknown_version(from, versions, n, e);
    free(from);
    free(to);
    return rc;
}

int tl_builds_fetch(const char *spec, tl_builds_progress progress, void *arg, struct tl_builds *out,
                    struct tl_error *e)
{
    static const char prefix[] = TL_BUILDS_RUNNER "@";
    char **versions = NULL, **chosen = NULL;
    size_t n = 0, count = 0;
    int rc = 0;
    memset(out, 0, sizeof *out);
    if (strncmp(spec, prefix, sizeof prefix - 1) != 0 || !spec[sizeof prefix - 1])
        return tl_fail(e, TL_ERROR_INPUT, "this names no build", spec,
                       "builds can be fetched for " TL_BUILDS_RUNNER " only: " TL_BUILDS_RUNNER "@VERSION");
    const char *text = spec + sizeof prefix - 1;
    bool exact = tl_version_valid(text) && (tl_version_parts(text) >= 3 || !tl_version_stable(text));
    if (exact) {
        chosen = tl_calloc(2, sizeof *chosen);
        chosen[count++] = tl_strdup(text);
    } else {
        char *from, *to;
        /* A mistake in the spec is told before anything is asked of the network. */
        if (strcmp(text, "latest") != 0) {
            if (parse_range(text, &from, &to, e) != 0)
                return -1;
            free(from);
            free(to);
        }
        say(progress, arg, "asking which builds are published of", TL_BUILDS_RUNNER, NULL);
        rc = list_published(&versions, &n, e);
        if (rc == 0)
            rc = choose(text, versions, n, &chosen, &count, e);
    }
    for (size_t i = 0; i < count; i++) {
        struct tl_build b;
        struct tl_error why = {0};
        bool absent = false;
        if (tl_builds_find(TL_BUILDS_RUNNER, chosen[i], &b, NULL) == 0 && tl_build_verify(&b, NULL) == 0) {
            add_build(out, &b);
            continue;
        }
        tl_build_free(&b);
        say(progress, arg, "fetching " TL_BUILDS_RUNNER, chosen[i], NULL);
        if (fetch_one(chosen[i], &b, &absent, &why) == 0) {
            add_build(out, &b);
        } else if (absent && !exact) {
            say(progress, arg, "left out", chosen[i], why.why);
        } else {
            /* The first failure is the one that is told; a machine without network fails them all. */
            if (rc == 0 && e)
                *e = why;
            rc = -1;
            if (why.kind == TL_ERROR_ENVIRONMENT)
                break;
        }
    }
    free_versions(versions, n);
    free_versions(chosen, count);
    return rc;
}
