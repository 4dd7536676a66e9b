/* The package registry, through npm itself: it knows the user's proxy, mirror and credentials, and checks the
 * integrity of what it fetches. Its own cache is put into our temporary directory so that tarballs of 100 MB
 * are not left behind. */
#include "harness/base/names.h"
#include "harness/base/program.h"
#include "harness/base/record.h"
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* npm by itself tries for more than a minute before it says that there is no network. */
#define PATIENCE "--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=4000"

/* npm --json describes a failure on stdout as {"error": {"code", "summary", "detail"}}. */
static int npm_failed(const char *doing, const char *subject, int status, const struct tl_buffer *out,
                      const struct tl_buffer *err, bool *unknown, struct tl_error *e)
{
    json_t *document = out->size ? json_loadb(out->data, out->size, 0, NULL) : NULL;
    json_t *error = json_object_get(document, "error");
    const char *code = json_string_value(json_object_get(error, "code"));
    const char *summary = json_string_value(json_object_get(error, "summary"));
    bool network =
        code && (!strcmp(code, "ENOTFOUND") || !strcmp(code, "EAI_AGAIN") || !strcmp(code, "ECONNREFUSED") ||
                 !strcmp(code, "ECONNRESET") || !strcmp(code, "ETIMEDOUT") || !strcmp(code, "ENETUNREACH") ||
                 !strcmp(code, "EHOSTUNREACH") || !strcmp(code, "ERR_SOCKET_TIMEOUT"));
    if (unknown)
        *unknown = code && (!strcmp(code, "ETARGET") || !strcmp(code, "E404"));
    if (network) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, doing, subject,
                "the package registry cannot be reached (%s: %s). Builds that are here already can be used "
                "without "
                "a network, and `trapline builds add` takes a library from a file",
                code, summary ? summary : "");
    } else if (code && !strcmp(code, "ENOSPC")) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, doing, subject, "the disk that holds the cache is full");
    } else if (code) {
        tl_fail(e, TL_ERROR_ENVIRONMENT, doing, subject, "npm: %s: %s", code, summary ? summary : "");
    } else {
        const struct tl_output output = {.head = err->data, .head_size = err->size};
        char *line = tl_output_last_line(&output);
        if (WIFSIGNALED(status))
            tl_fail(e, TL_ERROR_ENVIRONMENT, doing, subject, "npm was ended by signal %d", WTERMSIG(status));
        else
            tl_fail(e, TL_ERROR_ENVIRONMENT, doing, subject, "npm ended with exit status %d: %s",
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1, line ? line : "");
        free(line);
    }
    json_decref(document);
    return -1;
}

static int compare_versions(const void *a, const void *b)
{
    return tl_version_compare(*(char *const *)a, *(char *const *)b);
}

int tl_npm_versions(const char *directory, char ***versions, size_t *n, struct tl_error *e)
{
    static const char doing[] = "cannot list the published builds";
    char *cache = tl_format("--cache=%s/npm-cache", directory);
    const char *argv[] = {"npm", "view", TL_BUILDS_PACKAGE, "versions", "--json", "--silent", PATIENCE,
                          cache, NULL};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_program npm = {.argv = argv, .directory = directory, .out = &out, .err = &err};
    int rc = tl_program_run(&npm, e);
    *versions = NULL;
    *n = 0;
    if (rc == 0 && npm.status != 0)
        rc = npm_failed(doing, TL_BUILDS_PACKAGE, npm.status, &out, &err, NULL, e);
    if (rc == 0) {
        json_t *list = json_loadb(out.data ? out.data : "", out.size, JSON_DECODE_ANY, NULL);
        size_t i;
        json_t *v;
        if (!json_is_array(list))
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, TL_BUILDS_PACKAGE, "npm did not answer with a list");
        else
            *versions = tl_calloc(json_array_size(list) + 1, sizeof **versions);
        if (rc == 0) {
            json_array_foreach(list, i, v) {
                if (json_is_string(v) && tl_version_valid(json_string_value(v)))
                    (*versions)[(*n)++] = tl_strdup(json_string_value(v));
            }
            qsort(*versions, *n, sizeof **versions, compare_versions);
        }
        json_decref(list);
    }
    tl_buffer_free(&out);
    tl_buffer_free(&err);
    free(cache);
    return rc;
}

int tl_npm_pack(const char *version, const char *directory, char **tarball, bool *unknown, struct tl_error *e)
{
    static const char doing[] = "cannot fetch a build";
    char *package = tl_format("%s@%s", TL_BUILDS_PACKAGE, version);
    char *cache = tl_format("--cache=%s/npm-cache", directory);
    const char *argv[] = {"npm",    "pack", package, "--json", "--silent", "--ignore-scripts",
                          PATIENCE, cache,  NULL};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    struct tl_program npm = {.argv = argv, .directory = directory, .out = &out, .err = &err};
    *tarball = NULL;
    *unknown = false;
    int rc = tl_program_run(&npm, e);
    if (rc == 0 && npm.status != 0)
        rc = npm_failed(doing, package, npm.status, &out, &err, unknown, e);
    if (rc == 0) {
        /* The directory is ours alone, so the tarball is the one file of that kind in it. */
        struct tl_names names;
        if (tl_names_read(directory, &names))
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, directory, "listing what npm brought");
        for (size_t i = 0; i < names.n && !*tarball; i++) {
            size_t size = strlen(names.list[i]);
            if (size > 4 && !strcmp(names.list[i] + size - 4, ".tgz"))
                *tarball = tl_format("%s/%s", directory, names.list[i]);
        }
        tl_names_free(&names);
        if (rc == 0 && !*tarball)
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, package, "npm reported success but left no tarball");
    }
    tl_buffer_free(&out);
    tl_buffer_free(&err);
    free(package);
    free(cache);
    return rc;
}
