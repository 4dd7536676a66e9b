#include "harness/executor/remote_files.h"

#include "cases/onnx_external.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/known_hash.h"
#include "harness/base/paths.h"
#include "harness/base/tree.h"
#include "harness/executor/remote_allow.h"
#include "harness/executor/remote_archive.h"
#include "harness/executor/remote_named.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES_MOST 4096
#define SIZE_MOST (INT64_C(1) << 40)

static const char cannot_travel[] = "this case cannot be run by a fleet";
static const char refused[] = "a job is refused";

/* --- of who asks ---------------------------------------------------------------------------------------- */

struct collecting {
    const struct tl_case *c;
    json_t *files;
    struct tl_error *e;
    int result;
};

/* The same file by a name without "." and empty parts. */
char *tl_remote_file_name(const char *path)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    while (*path) {
        size_t part = strcspn(path, "/");
        if (part && !(part == 1 && *path == '.')) {
            if (b.size)
                tl_buffer_add(&b, "/", 1);
            tl_buffer_add(&b, path, part);
        }
        path += part;
        path += *path == '/';
    }
    return tl_buffer_take(&b);
}

static int add_named(struct collecting *k, const char *path, const char *name)
{
    struct stat st;
    char sha[TL_SHA256_SIZE];
    if (!name || !tl_remote_stays_below(name))
        return tl_fail(
            k->e, TL_ERROR_INPUT, cannot_travel, path,
            "it stands outside of the case's directory, %s; put it there, or run it without --fleet",
            k->c->directory);
    if (lstat(path, &st) || (S_ISREG(st.st_mode) && tl_known_hash(path, sha)))
        return tl_fail_errno(k->e, TL_ERROR_INPUT, errno, cannot_travel, path, NULL);
    if (!S_ISREG(st.st_mode))
        return tl_fail(k->e, TL_ERROR_INPUT, cannot_travel, path,
                       "it is no regular file, and links do not travel; put the file itself there");
    json_t *one = json_pack("{s:s,s:s,s:I}", "name", name, "sha256", sha, "size", (json_int_t)st.st_size);
    if (!one)
        return tl_fail(k->e, TL_ERROR_INPUT, cannot_travel, path, "its name is no UTF-8");
    json_array_append_new(k->files, one);
    return 0;
}

static int add_file(struct collecting *k, const char *path)
{
    size_t n = strlen(k->c->directory);
    char *name =
        !strncmp(path, k->c->directory, n) && path[n] == '/' ? tl_remote_file_name(path + n + 1) : NULL;
    int result = add_named(k, path, name);
    free(name);
    return result;
}

/* The same file may be the input of one name and the output of another. */
static int add_once(struct collecting *k, const char *path)
{
    json_t *one;
    size_t i, n = strlen(k->c->directory);
    char *name = !strncmp(path, k->c->directory, n) ? tl_remote_file_name(path + n) : tl_strdup("");
    bool there = false;
    json_array_foreach(k->files, i, one)
        there = there || !strcmp(json_string_value(json_object_get(one, "name")), name);
    free(name);
    return there ? 0 : add_file(k, path);
}

static bool visit(void *arg, int directory, const char *name, const char *path, const struct stat *st)
{
    struct collecting *k = arg;
    (void)directory;
    (void)name;
    if (!S_ISDIR(st->st_mode)) {
        char *whole = tl_format("%s/%s", k->c->model_file, path);
        k->result = add_file(k, whole);
        free(whole);
    }
    return k->result != 0;
}

static int add_model(struct collecting *k)
{
    const char *model = k->c->model_file;
    struct stat st;
    if (!stat(model, &st) && S_ISDIR(st.st_mode)) {
        if (tl_tree_each(model, visit, k) && !k->result)
            return tl_fail_errno(k->e, TL_ERROR_INPUT, errno, cannot_travel, model, NULL);
        return k->result;
    }
    if (add_file(k, model))
        return -1;
    json_t *external = tl_onnx_external(model), *ignored;
    const char *name;
    int result = 0;
    json_object_foreach(external, name, ignored) {
        char *path = tl_format("%.*s/%s", (int)(tl_base_name(model) - model - 1), model, name);
        if (!result && !access(path, F_OK)) /* one that is missing is the model's fault there as well */
            result = add_file(k, path);
        free(path);
    }
    json_decref(external);
    return result;
}

json_t *tl_remote_files_of(const struct tl_case *c, struct tl_error *e)
{
    struct collecting k = {.c = c, .files = json_array(), .e = e};
    int result = c->model_file ? add_model(&k) : 0;
    char **named = tl_remote_named_files(c);
    for (size_t i = 0; named[i] && !result; i++)
        result = add_once(&k, named[i]);
    tl_strings_free(named);
    if (!result && json_array_size(k.files) > FILES_MOST)
        result = tl_fail(e, TL_ERROR_INPUT, cannot_travel, c->path, "it has more than %d files", FILES_MOST);
    if (!result)
        return k.files;
    json_decref(k.files);
    return NULL;
}

json_t *tl_remote_files_all(const struct tl_case *c, char **archive, struct tl_error *e)
{
    json_t *files = tl_remote_files_of(c, e);
    char sha[TL_SHA256_SIZE];
    int64_t size;
    *archive = NULL;
    if (!files || !(tl_remote_needs(c->document) & TL_ALLOW_PROGRAMS))
        return files;
    if (tl_remote_archive_write(c->directory, files, archive, sha, &size, e)) {
        json_decref(files);
        return NULL;
    }
    json_array_insert_new(files, 0,
                          json_pack("{s:s,s:s,s:I,s:b}", "name", "case.tar", "sha256", sha, "size",
                                    (json_int_t)size, "archive", 1));
    return files;
}

/* --- of who runs it ------------------------------------------------------------------------------------- */

/* Only the first one may be. */
const json_t *tl_remote_files_archive(const json_t *files)
{
    const json_t *first = json_array_get(files, 0);
    return json_is_true(json_object_get(first, "archive")) ? first : NULL;
}

int tl_remote_files_check(const json_t *files, struct tl_error *e)
{
    json_t *one;
    size_t i;
    if (!json_is_array(files) || json_array_size(files) > FILES_MOST)
        return tl_fail(e, TL_ERROR_INPUT, refused, "files", "a list of at most %d was expected", FILES_MOST);
    json_array_foreach(files, i, one) {
        const char *name = json_string_value(json_object_get(one, "name")),
                   *sha = json_string_value(json_object_get(one, "sha256"));
        json_int_t size = json_integer_value(json_object_get(one, "size"));
        if (!name || !tl_remote_stays_below(name) || !sha || strlen(sha) != TL_SHA256_SIZE - 1 ||
            strspn(sha, "0123456789abcdef") != TL_SHA256_SIZE - 1 || size < 0 || size > SIZE_MOST)
            return tl_fail(e, TL_ERROR_INPUT, refused, "files", "%.64s is none of a case's",
                           name ? name : "a name");
        if (i && json_object_get(one, "archive"))
            return tl_fail(e, TL_ERROR_INPUT, refused, "files", "more than one archive");
    }
    return 0;
}

char *tl_remote_file_path(const char *sha256)
{
    char *below = tl_format("fleet/files/%s", sha256), *path = tl_cache_home(below);
    free(below);
    return path;
}

bool tl_remote_file_is_here(const json_t *file)
{
    char *path = tl_remote_file_path(json_string_value(json_object_get(file, "sha256")));
    struct stat st;
    bool here = path && !lstat(path, &st) && S_ISREG(st.st_mode) &&
                st.st_size == json_integer_value(json_object_get(file, "size"));
    free(path);
    return here;
}

/* A second name where the file system can: a model of gigabytes is there once. What a program writes into it is noticed as a case is loaded,
 * by its hash. */
static int place(const char *from, const char *to)
{
    struct stat a, b;
    if (!stat(from, &a) && !lstat(to, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return 0;
    if (tl_make_parents(to, 0700) || (unlink(to) && errno != ENOENT))
        return -1;
    return link(from, to) ? tl_copy_file(from, to, 0600) : 0;
}

/* What was kept is looked at once more: a program that ran here may have changed it. */
static int unpack(const json_t *archive, const char *directory, struct tl_error *e)
{
    const char *sha = json_string_value(json_object_get(archive, "sha256"));
    char *from = tl_remote_file_path(sha), hex[TL_SHA256_SIZE];
    int result =
        !from || tl_known_hash(from, hex)
            ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the files of a case", from, NULL)
            : 0;
    if (!result && strcmp(hex, sha)) {
        unlink(from);
        result = tl_fail(e, TL_ERROR_ENVIRONMENT, "the files of a case are not what they were", from,
                         "a trial may have written into them; they are brought anew the next time");
    }
    result = result ? result : tl_remote_archive_unpack(from, directory, e);
    free(from);
    return result;
}

int tl_remote_files_place(const json_t *files, const char *directory, struct tl_error *e)
{
    const json_t *archive = tl_remote_files_archive(files);
    json_t *one;
    size_t i;
    if (archive && unpack(archive, directory, e))
        return -1;
    json_array_foreach(files, i, one) {
        if (one == archive)
            continue;
        const char *sha = json_string_value(json_object_get(one, "sha256"));
        char *from = tl_remote_file_path(sha), hex[TL_SHA256_SIZE],
             *to = tl_format("%s/%s", directory, json_string_value(json_object_get(one, "name")));
        int result =
            !from || place(from, to) || tl_known_hash(to, hex)
                ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot put a model in its place", to, NULL)
                : 0;
        if (!result && strcmp(hex, sha)) {
            unlink(from); /* the next job brings it again */
            result = tl_fail(e, TL_ERROR_ENVIRONMENT, "a model is not what it was", to,
                             "a trial may have written into it; it is brought anew the next time");
        }
        free(from);
        free(to);
        if (result)
            return -1;
    }
    return 0;
}
