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
    *TL_GROW(out->list, out->n) = *b;
    memset(b, 0, sizeof *b);
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
    struct tl_staging stage;
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &stage, e) != 0)
        return -1;
    int rc = tl_npm_versions(stage.path, versions, n, e);
    tl_staging_end(&stage);
    return rc;
}

static int fetch_one(const char *version, struct tl_build *b, bool *absent, struct tl_error *e)
{
    struct tl_staging stage;
    char *tarball = NULL, *inside = NULL;
    bool unknown = false;
    memset(b, 0, sizeof *b);
    *absent = false;
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &stage, e) != 0)
        return -1;
    /* npm works in a directory inside ours, so that what becomes the build holds nothing else. */
    char *work = tl_format("%s/npm", stage.path), *library = tl_format("%s/build", stage.path);
    int rc = 0;
    if (mkdir(work, 0700) != 0 || mkdir(library, 0777) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write to the cache of builds", stage.path,
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
    tl_staging_end(&stage);
    free(work);
    free(library);
    free(tarball);
    free(inside);
    return rc;
}

/* A version that is wanted. One that is named in full is missed when it cannot be had; of a range it is left
 * out when it holds nothing for this machine. */
struct wanted {
    char *version;
    bool exact;
};

struct wish {
    struct tl_builds_ranges ranges;
    struct wanted *list;
    size_t n;
};

static void want(struct wish *w, const char *version, bool exact)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->list[i].version, version)) {
            w->list[i].exact |= exact;
            return;
        }
    *TL_GROW(w->list, w->n) = (struct wanted){tl_strdup(version), exact};
}

static void free_wish(struct wish *w)
{
    tl_builds_ranges_free(&w->ranges);
    for (size_t i = 0; i < w->n; i++)
        free(w->list[i].version);
    free(w->list);
}

/* A version in full; a short one is the newest that begins with it. */
static bool in_full(const struct tl_builds_range *r)
{
    return r->kind == TL_BUILDS_VERSION && (tl_version_parts(r->text) >= 3 || !tl_version_stable(r->text));
}

/* Takes a spec apart. *ask is set when what is published has to be known. */
static int parse_wish(const char *spec, struct wish *w, bool *ask, struct tl_error *e)
{
    const char *versions = tl_builds_versions(spec, TL_BUILDS_RUNNER, e);
    if (!versions || tl_builds_ranges_parse(versions, &w->ranges, e) != 0)
        return -1;
    for (size_t i = 0; i < w->ranges.n; i++) {
        const struct tl_builds_range *r = &w->ranges.list[i];
        if (r->kind == TL_BUILDS_VERSION && !tl_version_valid(r->text))
            return tl_fail(e, TL_ERROR_INPUT, "this names no build", r->text,
                           "write a version (1.22.0), a range (1.16..1.30) or latest");
        *ask |= !in_full(r) && r->kind != TL_BUILDS_INSTALLED;
    }
    return 0;
}

/* Whether one of the published versions is meant. */
static bool meant(const struct tl_builds_range *r, const char *version)
{
    if (r->kind == TL_BUILDS_SPAN)
        return tl_builds_range_holds(r, version);
    return tl_version_stable(version) &&
           (r->kind == TL_BUILDS_LATEST || !tl_version_compare_prefix(version, r->text));
}

/* Wants the versions among the published ones, which are ascending, that a range means. */
static int choose(struct wish *w, const struct tl_builds_range *r, char *const *versions, size_t n,
                  struct tl_error *e)
{
    size_t found = 0;
    const char *newest = NULL;
    for (size_t i = 0; i < n; i++) {
        if (!meant(r, versions[i]))
            continue;
        found++;
        newest = versions[i];
        if (r->kind == TL_BUILDS_SPAN)
            want(w, versions[i], false);
    }
    if (newest && r->kind != TL_BUILDS_SPAN)
        want(w, newest, false);
    if (!found && r->kind == TL_BUILDS_LATEST)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot fetch a build", r->text,
                       "no stable version is published");
    return found ? 0 : unknown_version(r->from ? r->from : r->to ? r->to : r->text, versions, n, e);
}

/* Wants all that a spec names. */
static int make_wish(struct wish *w, bool ask, const struct tl_watch *watch, struct tl_error *e)
{
    char **versions = NULL;
    size_t n = 0;
    int rc = 0;
    if (ask) {
        tl_watch_line(watch, "asking which builds are published of " TL_BUILDS_RUNNER);
        rc = list_published(&versions, &n, e);
    }
    for (size_t i = 0; i < w->ranges.n && rc == 0; i++) {
        const struct tl_builds_range *r = &w->ranges.list[i];
        struct tl_builds here = {0};
        if (in_full(r))
            want(w, r->text, true);
        else if (r->kind != TL_BUILDS_INSTALLED)
            rc = choose(w, r, versions, n, e);
        else
            rc = tl_builds_select(TL_BUILDS_RUNNER, r, 1, &here, e);
        for (size_t k = 0; k < here.n; k++)
            want(w, here.list[k].version, true);
        tl_builds_free(&here);
    }
    free_versions(versions, n);
    return rc;
}

int tl_builds_fetch(const char *spec, const struct tl_watch *watch, struct tl_builds *out, struct tl_error *e)
{
    struct wish w = {0};
    bool ask = false;
    memset(out, 0, sizeof *out);
    /* A mistake in the spec is told before anything is asked of the network. */
    int rc = parse_wish(spec, &w, &ask, e) != 0 || make_wish(&w, ask, watch, e) != 0 ? -1 : 0;
    for (size_t i = 0; i < w.n; i++) {
        const char *version = w.list[i].version;
        struct tl_build b;
        struct tl_error why = {0};
        bool absent = false;
        if (tl_builds_find(TL_BUILDS_RUNNER, version, &b, NULL) == 0 && tl_build_verify(&b, NULL) == 0) {
            add_build(out, &b);
            continue;
        }
        tl_build_free(&b);
        tl_watch_line(watch, "fetching " TL_BUILDS_RUNNER " %s", version);
        if (fetch_one(version, &b, &absent, &why) == 0) {
            add_build(out, &b);
        } else if (absent && !w.list[i].exact) {
            tl_watch_line(watch, "left out %s: %s", version, why.why);
        } else {
            /* The first failure is the one that is told; a machine without network fails them all. */
            if (rc == 0 && e)
                *e = why;
            rc = -1;
            if (why.kind == TL_ERROR_ENVIRONMENT)
                break;
        }
    }
    free_wish(&w);
    return rc;
}
