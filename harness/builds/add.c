/* Builds from a file. A library is code that runs as soon as it is loaded, and it may crash: what it is, a
 * runner is asked. */
#include "harness/base/files.h"
#include "harness/base/names.h"
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    struct stat st;
    bool reading;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1, rc = 0;
    if (in < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", from, "opening it");
    if (fstat(in, &st) != 0)
        rc = tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", from, "looking at it");
    else if (!S_ISREG(st.st_mode))
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot add a build", from, "it is not a file");
    if (rc == 0 && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755)) < 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "creating it");
    if (rc == 0 && tl_copy_bytes(in, out, &reading))
        rc = reading ? tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", from, "reading it")
                     : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "writing");
    if (rc == 0 && fsync(out) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "writing");
    if (out >= 0)
        close(out);
    close(in);
    return rc;
}

/* Provider libraries (CUDA, …) are looked for beside the library, by name. */
static int copy_providers(const char *library, const char *directory, struct tl_error *e)
{
    char *beside = tl_strdup(library);
    char *slash = strrchr(beside, '/');
    if (slash)
        slash[slash == beside ? 1 : 0] = '\0';
    struct tl_names names;
    int rc = tl_names_read(slash ? beside : ".", &names)
                 ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot look for the providers of a build",
                                 slash ? beside : ".", "what is beside the library has to be listed")
                 : 0;
    for (size_t i = 0; i < names.n && rc == 0; i++) {
        if (strncmp(names.list[i], "libonnxruntime_providers_", 25) != 0)
            continue;
        char *from = tl_format("%s/%s", slash ? beside : ".", names.list[i]);
        char *to = tl_format("%s/%s", directory, names.list[i]);
        struct stat st;
        if (stat(from, &st) == 0 && S_ISREG(st.st_mode))
            rc = copy_file(from, to, e);
        free(from);
        free(to);
    }
    tl_names_free(&names);
    free(beside);
    return rc;
}

/* The version that a library told the runner: the "runtime" of a device of the describe answer. */
static const char *told_version(const json_t *answer)
{
    size_t i;
    json_t *device;
    json_array_foreach(json_object_get(answer, "devices"), i, device) {
        const char *v = json_string_value(json_object_get(device, "runtime"));
        if (v && tl_version_valid(v))
            return v;
    }
    return NULL;
}

/* Why it could not be loaded, in the runner's words; the copy that was asked is nobody's business. */
static const char *told_why(const json_t *answer, const char *copy)
{
    const char *why =
        json_string_value(json_object_get(json_array_get(json_object_get(answer, "devices"), 0), "why"));
    size_t n = strlen(copy);
    if (!why)
        return "the runner does not say why";
    return !strncmp(why, copy, n) && !strncmp(why + n, ": ", 2) ? why + n + 2 : why;
}

int tl_builds_add(const char *library, tl_builds_describe describe, struct tl_build *b, struct tl_error *e)
{
    struct tl_staging stage;
    char *build, *path;
    int rc;
    json_t *answer = NULL;
    memset(b, 0, sizeof *b);
    if (access(library, R_OK) != 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", library, "reading it");
    char *whole = realpath(library, NULL);
    if (!whole)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", library, "resolving its path");
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &stage, e) != 0) {
        free(whole);
        return -1;
    }
    build = tl_format("%s/build", stage.path);
    path = tl_format("%s/%s", build, tl_library_name);
    rc = mkdir(build, 0777) == 0 ? 0
                                 : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno,
                                                 "cannot write to the cache of builds", build, "mkdir");
    if (rc == 0)
        rc = copy_file(whole, path, e);
    if (rc == 0)
        rc = copy_providers(whole, build, e);
    if (rc == 0) {
        /* The copy is asked, so that what is registered is what was asked. */
        struct tl_build candidate = {
            .runner = (char *)TL_BUILDS_RUNNER, .version = (char *)"0", .path = path};
        rc = describe(&candidate, &answer, e);
    }
    if (rc == 0 && !told_version(answer))
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot add a build", library, "it is no usable ONNX Runtime: %s",
                     told_why(answer, path));
    if (rc == 0) {
        b->runner = tl_strdup(TL_BUILDS_RUNNER);
        b->version = tl_strdup(told_version(answer));
        b->source = tl_format("file %s", whole);
        rc = tl_build_store_commit(build, b, true, e);
    }
    if (rc != 0)
        tl_build_free(b);
    json_decref(answer);
    tl_staging_end(&stage);
    free(build);
    free(path);
    free(whole);
    return rc;
}
