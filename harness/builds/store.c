/* The cache on disk.
 *
 *   builds/RUNNER/VERSION/libonnxruntime.so   a build that is complete
 *   builds/RUNNER/VERSION/build.json          its manifest
 *   builds/RUNNER/.new-PID-XXXXXX/build/      one that is being put together (base/staging.h)
 *
 * A build gets its place by one rename of the whole directory. */
#include "harness/base/clock.h"
#include "harness/base/durable.h"
#include "harness/base/files.h"
#include "harness/base/known_hash.h"
#include "harness/base/names.h"
#include "harness/base/paths.h"
#include "harness/base/time_text.h"
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
const char tl_library_name[] = "libonnxruntime.dylib";
#else
const char tl_library_name[] = "libonnxruntime.so";
#endif

#define MANIFEST "build.json"
#define TEMPORARY ".new-"

void tl_build_free(struct tl_build *b)
{
    free(b->runner);
    free(b->version);
    free(b->path);
    free(b->source);
    memset(b, 0, sizeof *b);
}

void tl_builds_free(struct tl_builds *b)
{
    for (size_t i = 0; i < b->n; i++)
        tl_build_free(&b->list[i]);
    free(b->list);
    memset(b, 0, sizeof *b);
}

char *tl_build_store_directory(const char *runner)
{
    char *below = tl_format("builds/%s", runner), *directory = tl_cache_home(below);
    free(below);
    return directory;
}

int tl_build_store_begin(const char *runner, struct tl_staging *stage, struct tl_error *e)
{
    char *store = tl_build_store_directory(runner);
    int rc = 0;
    *stage = (struct tl_staging){NULL, -1};
    if (!store)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot make the cache of builds", NULL,
                       "neither XDG_CACHE_HOME nor HOME names a directory");
    if (tl_make_directories(store, 0777) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make the cache of builds", store,
                           "set XDG_CACHE_HOME to a directory that can be written");
    else if (tl_staging_begin(stage, store, TEMPORARY) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write to the cache of builds", store,
                           "mkdtemp");
    free(store);
    return rc;
}

static json_t *manifest_of(const struct tl_build *b)
{
    char *when = tl_time_format(b->when_us, TL_TIME_ISO);
    json_t *manifest =
        json_pack("{s:i, s:s, s:s, s:s, s:I, s:s, s:s, s:I}", "trapline", 1, "runner", b->runner, "version",
                  b->version, "sha256", b->sha256, "size", (json_int_t)b->size, "source", b->source, "when",
                  when, "when_us", (json_int_t)b->when_us);
    free(when);
    return manifest;
}

static int write_manifest(const char *directory, const struct tl_build *b, struct tl_error *e)
{
    char *path = tl_format("%s/" MANIFEST, directory);
    json_t *m = manifest_of(b);
    char *text = m ? json_dumps(m, JSON_INDENT(2)) : NULL;
    char *lines = tl_format("%s\n", text ? text : "");
    int rc = tl_replace_file(path, lines, strlen(lines), 0666, true);
    if (rc != 0)
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write to the cache of builds", path,
                      "the manifest");
    free(lines);
    free(text);
    json_decref(m);
    free(path);
    return rc;
}

/* Reads what the manifest in `directory` says; -1 when that is not a whole build. Quiet: the caller knows
 * what to say. */
static int read_build(const char *directory, const char *runner, const char *version, struct tl_build *b)
{
    char *manifest = tl_format("%s/" MANIFEST, directory);
    char *library = tl_format("%s/%s", directory, tl_library_name);
    json_t *m = json_load_file(manifest, 0, NULL);
    const char *name = NULL, *runs = NULL, *hash = NULL, *source = NULL;
    json_int_t size = 0, when = 0;
    struct stat st;
    int rc = -1;
    memset(b, 0, sizeof *b);
    if (m &&
        json_unpack(m, "{s:s, s:s, s:s, s:I, s:s, s:I}", "runner", &runs, "version", &name, "sha256", &hash,
                    "size", &size, "source", &source, "when_us", &when) == 0 &&
        !strcmp(name, version) && !strcmp(runs, runner) && strlen(hash) == TL_SHA256_SIZE - 1 &&
        stat(library, &st) == 0 && S_ISREG(st.st_mode) && (json_int_t)st.st_size == size) {
        b->runner = tl_strdup(runner);
        b->version = tl_strdup(version);
        b->path = tl_strdup(library);
        b->source = tl_strdup(source);
        memcpy(b->sha256, hash, TL_SHA256_SIZE);
        b->size = (uint64_t)size;
        b->when_us = (int64_t)when;
        rc = 0;
    }
    json_decref(m);
    free(library);
    free(manifest);
    return rc;
}

/* Moves what stands at `place` and is no whole build out of the way: to where it goes with all that is
 * staged. */
static void set_aside(const char *staged, const char *place, int attempt)
{
    char *aside = tl_format("%s.aside-%d", staged, attempt);
    rename(place, aside);
    free(aside);
}

int tl_build_store_commit(const char *directory, struct tl_build *b, bool may_rename, struct tl_error *e)
{
    char *library = tl_format("%s/%s", directory, tl_library_name);
    char *store = tl_build_store_directory(b->runner);
    struct stat st;
    int rc = 0;
    if (tl_hash_file(library, b->sha256) != 0 || stat(library, &st) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read a build", library, "hashing it");
    b->size = rc == 0 ? (uint64_t)st.st_size : 0;
    b->when_us = tl_wall_us();
    for (int attempt = 0; rc == 0; attempt++) {
        char *place = tl_format("%s/%s", store, b->version);
        struct tl_build there;
        bool placed = false;
        if (write_manifest(directory, b, e) != 0) {
            rc = -1;
        } else if (tl_place_durably(directory, place) == 0) {
            placed = true;
        } else if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) {
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write to the cache of builds", place,
                               "rename");
        } else if (read_build(place, b->runner, b->version, &there) != 0) {
            if (attempt < 3)
                set_aside(directory, place, attempt);
            else
                rc = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot write to the cache of builds", place,
                             "something that is not a build stands there; remove it");
        } else if (!strcmp(there.sha256, b->sha256) && tl_build_verify(&there, NULL) != 0) {
            set_aside(directory, place, attempt); /* damaged since: this one takes its place */
            tl_build_free(&there);
        } else if (!strcmp(there.sha256, b->sha256)) {
            /* Another process was first, or it was here already: theirs is as good. */
            tl_build_free(b);
            *b = there;
            free(place);
            break;
        } else if (may_rename && !strchr(b->version, '+')) {
            char *name = tl_format("%s+%.8s", b->version, b->sha256);
            free(b->version);
            b->version = name;
            tl_build_free(&there);
        } else {
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot write to the cache of builds", place,
                         "another library is there under that version");
            tl_build_free(&there);
        }
        if (placed) {
            b->path = tl_format("%s/%s", place, tl_library_name);
            free(place);
            break;
        }
        free(place);
    }
    free(library);
    free(store);
    return rc;
}

static int by_version(const void *a, const void *b)
{
    const struct tl_build *x = a, *y = b;
    int order = strcmp(x->runner, y->runner);
    return order ? order : tl_version_compare(x->version, y->version);
}

int tl_builds_installed(const char *runner, struct tl_builds *out, struct tl_error *e)
{
    const char *name = runner ? runner : TL_BUILDS_RUNNER;
    memset(out, 0, sizeof *out);
    char *store = strchr(name, '/') || name[0] == '.' ? NULL : tl_build_store_directory(name);
    struct tl_names names = {NULL};
    if (!store || tl_names_read(store, &names)) {
        int saved = errno;
        bool fine = !store || saved == ENOENT || saved == ENOTDIR;
        if (!fine)
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, saved, "cannot read the cache of builds", store,
                          "listing it");
        free(store);
        return fine ? 0 : -1;
    }
    for (size_t i = 0; i < names.n; i++) {
        if (!tl_version_valid(names.list[i]))
            continue;
        char *directory = tl_format("%s/%s", store, names.list[i]);
        struct tl_build b;
        if (read_build(directory, name, names.list[i], &b) == 0) {
            *TL_GROW(out->list, out->n) = b;
        }
        free(directory);
    }
    tl_names_free(&names);
    free(store);
    if (out->n)
        qsort(out->list, out->n, sizeof *out->list, by_version);
    return 0;
}

/* Says which builds are here, and how those that are wanted are brought: one version, or a range. */
static void fail_not_here(const char *runner, const struct tl_builds *all, const char *wanted, bool range,
                          struct tl_error *e)
{
    struct tl_buffer why = TL_BUFFER_INIT;
    if (range)
        tl_buffer_add_string(&why, "no build in that range is here; ");
    if (all->n)
        tl_buffer_add_string(&why, range ? "there are " : "it is none of the builds that are here: ");
    else
        tl_buffer_printf(&why, "there are none of %s yet", runner);
    for (size_t i = 0; i < all->n; i++)
        tl_buffer_printf(&why, "%s%s", i ? ", " : "", all->list[i].version);
    if (!strcmp(runner, TL_BUILDS_RUNNER))
        tl_buffer_printf(&why, ". Bring %s with `trapline builds fetch %s@%s`", range ? "some" : "it", runner,
                         !strcmp(wanted, "installed") ? "latest" : wanted);
    char *where = tl_format("%s@%s", runner, wanted);
    tl_fail(e, TL_ERROR_INPUT, range ? "these builds are not here" : "this build is not here", where, "%s",
            why.data);
    tl_buffer_free(&why);
    free(where);
}

const char *tl_builds_versions(const char *text, const char *runner, struct tl_error *e)
{
    const char *at = strchr(text, '@');
    if (!at || strchr(text, '/')) /* a library by its path is no version, whatever is in its name */
        return text;
    if ((size_t)(at - text) == strlen(runner) && !strncmp(text, runner, (size_t)(at - text)))
        return at + 1;
    tl_fail(e, TL_ERROR_INPUT, "this names no build", text, "builds of %s are meant here: %s@VERSION", runner,
            runner);
    return NULL;
}

/* The build that one version names, short or in full, or that is newest; NULL. */
static struct tl_build *find_version(const struct tl_builds *all, const char *version)
{
    bool newest = !strcmp(version, "latest");
    bool is_short = !newest && tl_version_stable(version) && tl_version_parts(version) < 3;
    struct tl_build *found = NULL;
    for (size_t i = 0; i < all->n; i++) {
        const char *here = all->list[i].version;
        if (newest || (is_short && tl_version_stable(here) && !tl_version_compare_prefix(here, version)))
            found = &all->list[i];
    }
    for (size_t i = 0; i < all->n && !newest; i++)
        if (!strcmp(all->list[i].version, version))
            found = &all->list[i];
    return found;
}

int tl_builds_find(const char *runner, const char *version, struct tl_build *b, struct tl_error *e)
{
    struct tl_builds all;
    const char *wanted = version && *version ? version : "latest";
    memset(b, 0, sizeof *b);
    if (tl_builds_installed(runner, &all, e) != 0)
        return -1;
    struct tl_build *found = find_version(&all, wanted);
    if (found) {
        *b = *found;
        memset(found, 0, sizeof *found);
        tl_builds_free(&all);
        if (tl_build_verify(b, e) == 0)
            return 0;
        tl_build_free(b);
        return -1;
    }
    fail_not_here(runner, &all, wanted, false, e);
    tl_builds_free(&all);
    return -1;
}

/* Chooses those of the builds that are here which a range means. 0 when it means none. */
static size_t choose(const struct tl_builds *all, const struct tl_builds_range *r, bool *chosen)
{
    size_t held = 0;
    if (r->kind == TL_BUILDS_VERSION || r->kind == TL_BUILDS_LATEST) {
        const struct tl_build *found = find_version(all, r->text);
        if (found)
            chosen[found - all->list] = true;
        return found != NULL;
    }
    for (size_t i = 0; i < all->n; i++)
        if (tl_builds_range_holds(r, all->list[i].version)) {
            chosen[i] = true;
            held++;
        }
    return held;
}

int tl_builds_select_of(const char *runner, struct tl_builds *all, const struct tl_builds_range *ranges,
                        size_t n, struct tl_builds *out, struct tl_error *e)
{
    bool *chosen = tl_calloc(all->n + 1, sizeof *chosen);
    int rc = 0;
    *out = (struct tl_builds){0};
    for (size_t k = 0; k < n && rc == 0; k++) {
        const struct tl_builds_range *r = &ranges[k];
        if (!choose(all, r, chosen)) {
            fail_not_here(runner, all, r->text, r->kind == TL_BUILDS_SPAN || r->kind == TL_BUILDS_INSTALLED,
                          e);
            rc = -1;
        }
    }
    for (size_t i = 0; i < all->n && rc == 0; i++) {
        if (!chosen[i])
            continue;
        *TL_GROW(out->list, out->n) = all->list[i];
        all->list[i] = (struct tl_build){0};
    }
    free(chosen);
    tl_builds_free(all);
    return rc;
}

int tl_builds_select(const char *runner, const struct tl_builds_range *ranges, size_t n,
                     struct tl_builds *out, struct tl_error *e)
{
    struct tl_builds all;
    *out = (struct tl_builds){0};
    return tl_builds_installed(runner, &all, e) ? -1 : tl_builds_select_of(runner, &all, ranges, n, out, e);
}

int tl_builds_remove(const struct tl_build *b, struct tl_error *e)
{
    struct tl_staging stage;
    if (tl_build_store_begin(b->runner, &stage, e) != 0)
        return -1;
    char *place = tl_format("%.*s", (int)(strrchr(b->path, '/') - b->path), b->path);
    char *aside = tl_format("%s/build", stage.path);
    int rc = 0;
    if (rename(place, aside) != 0) /* out of sight by one step; the stage goes with what is in it */
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot remove a build", place, "rename");
    tl_staging_end(&stage);
    free(place);
    free(aside);
    return rc;
}

uint64_t tl_build_disk(const struct tl_build *b)
{
    char *directory = tl_format("%.*s", (int)(strrchr(b->path, '/') - b->path), b->path);
    DIR *d = opendir(directory);
    struct stat st;
    uint64_t sum = 0;
    for (struct dirent *x; d && (x = readdir(d));)
        if (fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    if (d)
        closedir(d);
    free(directory);
    return sum;
}

int tl_build_verify(const struct tl_build *b, struct tl_error *e)
{
    char hash[TL_SHA256_SIZE];
    if (tl_known_hash(b->path, hash) != 0) /* it is read once for each state that it is in */
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read a build", b->path, "hashing it");
    if (strcmp(hash, b->sha256) != 0)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "a build is damaged", b->path,
                       "its content is not what was fetched or added; fetch or add it again");
    return 0;
}

json_t *tl_build_json(const struct tl_build *b)
{
    return json_pack("{s:s, s:s, s:s}", "version", b->version, "path", b->path, "sha256", b->sha256);
}
