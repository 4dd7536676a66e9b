#include "harness/executor/remote_archive.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/tree.h"
#include "harness/executor/kept.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MOST 1024
#define BLOCK (64u << 10)

static const char cannot_travel[] = "this case cannot be run by a fleet";
static const char refused[] = "a job is refused";

bool tl_remote_stays_below(const char *name)
{
    size_t n = strlen(name);
    if (!n || n > NAME_MOST || name[0] == '/' || name[n - 1] == '/')
        return false;
    for (const char *at = name; *at;) {
        size_t part = strcspn(at, "/");
        if (!part || (part == 1 && at[0] == '.') || (part == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += part;
        at += *at == '/';
    }
    return true;
}

/* --- of who asks ---------------------------------------------------------------------------------------- */

struct packing {
    const char *directory;
    const json_t *without;
    struct entry {
        char *name;
        int64_t size;
        bool runs;
    } * list;
    size_t n;
    int64_t bytes;
    struct tl_error *e;
    int result;
};

static int too_much(struct packing *k)
{
    return tl_fail(
        k->e, TL_ERROR_INPUT, cannot_travel, k->directory,
        "it runs programs, so that its whole directory goes with it, and that has more than %d files "
        "or %d MiB: put the case, and what it needs, into a directory of its own",
        TL_REMOTE_ARCHIVE_FILES, (int)(TL_REMOTE_ARCHIVE_BYTES >> 20));
}

static bool is_without(const struct packing *k, const char *name)
{
    json_t *one;
    size_t i;
    json_array_foreach(k->without, i, one) {
        const char *its = json_string_value(json_object_get(one, "name"));
        if (its && !strcmp(its, name))
            return true;
    }
    return false;
}

static bool visit(void *arg, int directory, const char *base, const char *name, const struct stat *st)
{
    struct packing *k = arg;
    (void)directory;
    (void)base;
    if (S_ISDIR(st->st_mode) || is_without(k, name))
        return false;
    if (!S_ISREG(st->st_mode) || !tl_remote_stays_below(name)) {
        k->result =
            tl_fail(k->e, TL_ERROR_INPUT, cannot_travel, name,
                    "it runs programs, so that its whole directory goes with it, and this is no regular "
                    "file: links do not travel. Put the file itself there, or the case into a directory "
                    "of its own");
        return true;
    }
    k->bytes += st->st_size;
    if (k->n >= TL_REMOTE_ARCHIVE_FILES || k->bytes > TL_REMOTE_ARCHIVE_BYTES) {
        k->result = too_much(k);
        return true;
    }
    *TL_GROW(k->list, k->n) = (struct entry){tl_strdup(name), st->st_size, (st->st_mode & 0100) != 0};
    return false;
}

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Exactly as many bytes as were counted: a file that changes meanwhile is told. */
static int add_data(struct archive *a, const char *path, int64_t size, struct tl_error *e)
{
    char *block = tl_malloc(BLOCK);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), result = 0;
    int64_t done = 0;
    for (; fd >= 0 && !result && done < size;) {
        int64_t n =
            tl_read_at(fd, block, size - done < BLOCK ? (size_t)(size - done) : BLOCK, (uint64_t)done);
        if (n <= 0)
            break;
        if (archive_write_data(a, block, (size_t)n) != n)
            result = -1;
        done += n;
    }
    if (fd < 0)
        result = tl_fail_errno(e, TL_ERROR_INPUT, errno, cannot_travel, path, NULL);
    else if (result)
        tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_travel, path, "%s",
                archive_error_string(a) ? archive_error_string(a) : "its archive cannot be written");
    else if (done != size)
        result = tl_fail(e, TL_ERROR_INPUT, cannot_travel, path, "it changes; the same command once more");
    if (fd >= 0)
        close(fd);
    free(block);
    return result;
}

static int add_entry(struct archive *a, const struct packing *k, const struct entry *x)
{
    struct archive_entry *entry = archive_entry_new();
    char *path = tl_format("%s/%s", k->directory, x->name);
    archive_entry_set_pathname(entry, x->name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, x->runs ? 0700 : 0600);
    archive_entry_set_size(entry, x->size);
    int result =
        archive_write_header(a, entry) < ARCHIVE_WARN
            ? tl_fail(k->e, TL_ERROR_ENVIRONMENT, cannot_travel, path, "%s",
                      archive_error_string(a) ? archive_error_string(a) : "its archive cannot be written")
            : add_data(a, path, x->size, k->e);
    archive_entry_free(entry);
    free(path);
    return result;
}

static int write_all(struct packing *k, const char *path)
{
    struct archive *a = archive_write_new();
    if (!a || archive_write_add_filter_none(a) || archive_write_set_format_pax_restricted(a) ||
        archive_write_open_filename(a, path)) {
        tl_fail(k->e, TL_ERROR_ENVIRONMENT, cannot_travel, path, "%s",
                a && archive_error_string(a) ? archive_error_string(a) : "libarchive is needed");
        if (a)
            archive_write_free(a);
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < k->n && !result; i++)
        result = add_entry(a, k, &k->list[i]);
    if (archive_write_close(a) && !result)
        result = tl_fail(k->e, TL_ERROR_ENVIRONMENT, cannot_travel, path, "%s",
                         archive_error_string(a) ? archive_error_string(a) : "its archive cannot be written");
    archive_write_free(a);
    return result;
}

static int find_all(struct packing *k)
{
    if (tl_tree_each(k->directory, visit, k) && !k->result)
        return tl_fail_errno(k->e, TL_ERROR_INPUT, errno, cannot_travel, k->directory, NULL);
    if (k->n)
        qsort(k->list, k->n, sizeof *k->list, by_name);
    return k->result;
}

int tl_remote_archive_write(const char *directory, const json_t *without, char **path,
                            char sha256[TL_SHA256_SIZE], int64_t *size, struct tl_error *e)
{
    struct packing k = {.directory = directory, .without = without, .e = e};
    struct stat st;
    char id[TL_UUID_SIZE];
    tl_uuid7(id);
    char *below = tl_format("fleet/archives/%s.tar", id);
    *path = tl_cache_home(below);
    free(below);
    int result = !*path ? tl_fail(e, TL_ERROR_ENVIRONMENT, cannot_travel, directory,
                                  "set HOME or XDG_CACHE_HOME to a directory that can be written")
                 : tl_make_parents(*path, 0700)
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_travel, *path, NULL)
                     : find_all(&k);
    result = result ? result : write_all(&k, *path);
    if (!result && (stat(*path, &st) || tl_hash_file(*path, sha256)))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, cannot_travel, *path, NULL);
    *size = result ? 0 : st.st_size;
    for (size_t i = 0; i < k.n; i++)
        free(k.list[i].name);
    free(k.list);
    if (result && *path) {
        unlink(*path);
        free(*path);
        *path = NULL;
    }
    return result;
}

/* --- of who runs it ------------------------------------------------------------------------------------- */

struct unpacking {
    struct archive *a;
    const char *directory;
    size_t files;
    int64_t bytes;
    struct tl_error *e;
};

/* The machine's fault where it has no room, else the archive's. */
static int cannot_write(const struct unpacking *k, const char *path)
{
    return tl_fail_errno(k->e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack the files of a case", path,
                         errno == ENOSPC || errno == EDQUOT ? "make room on the disk that holds the cache"
                                                            : NULL);
}

static int write_block(const struct unpacking *k, int fd, const char *data, size_t n, const char *path)
{
    while (n) {
        ssize_t w = write(fd, data, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return cannot_write(k, path);
        data += w;
        n -= (size_t)w;
    }
    return 0;
}

static int unpack_data(struct unpacking *k, int fd, const char *path)
{
    char *block = tl_malloc(BLOCK);
    int result = 0;
    la_ssize_t n = 1;
    while (!result && n > 0) {
        n = archive_read_data(k->a, block, BLOCK);
        k->bytes += n > 0 ? n : 0;
        if (n < 0)
            result = tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "it is damaged");
        else if (k->bytes > TL_REMOTE_ARCHIVE_BYTES)
            result = tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "it holds more than %d MiB",
                             (int)(TL_REMOTE_ARCHIVE_BYTES >> 20));
        else if (n > 0)
            result = write_block(k, fd, block, (size_t)n, path);
    }
    free(block);
    return result;
}

static int unpack_entry(struct unpacking *k, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry);
    if (!name || !tl_remote_stays_below(name))
        return tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "a name in it leads out of the case: %.64s",
                       name ? name : "?");
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
        return tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "%.64s is no regular file", name);
    if (++k->files > TL_REMOTE_ARCHIVE_FILES)
        return tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "it has more than %d files",
                       TL_REMOTE_ARCHIVE_FILES);
    /* Nothing but this has written there, and no link: each part of the name is a directory that was made here. */
    char *path = tl_format("%s/%s", k->directory, name);
    int fd = tl_make_parents(path, 0700) ? -1
                                         : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                                                archive_entry_perm(entry) & 0100 ? 0700 : 0600);
    int result =
        fd >= 0 ? unpack_data(k, fd, path)
        : errno == EEXIST || errno == ENOTDIR || errno == EISDIR || errno == ENAMETOOLONG || errno == EINVAL
            ? tl_fail(k->e, TL_ERROR_INPUT, refused, "archive", "%.64s cannot be made beside others in it",
                      name)
            : cannot_write(k, path);
    if (fd >= 0 && close(fd) && !result)
        result = cannot_write(k, path);
    free(path);
    return result;
}

static int unpack_all(const char *path, const char *directory, struct tl_error *e)
{
    struct unpacking k = {.a = archive_read_new(), .directory = directory, .e = e};
    struct archive_entry *entry;
    if (!k.a)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unpack the files of a case", path,
                       "libarchive is needed");
    archive_read_support_format_tar(k.a);
    int result = 0, r = archive_read_open_filename(k.a, path, BLOCK);
    while (!result && r >= ARCHIVE_WARN && (r = archive_read_next_header(k.a, &entry)) >= ARCHIVE_WARN &&
           r != ARCHIVE_EOF)
        result = unpack_entry(&k, entry);
    if (!result && r < ARCHIVE_WARN)
        result = tl_fail(e, TL_ERROR_INPUT, refused, "archive", "it is damaged");
    archive_read_free(k.a);
    return result;
}

int tl_remote_archive_unpack(const char *path, const char *directory, struct tl_error *e)
{
    if (tl_kept_is_whole(directory, NULL))
        return 0;
    char *making = tl_kept_making(directory);
    int result =
        tl_make_directories(making, 0700)
            ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack the files of a case", making, NULL)
            : unpack_all(path, making, e);
    if (!result && tl_kept_put(making, directory))
        result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack the files of a case", directory,
                               NULL);
    if (result)
        tl_remove_tree(making);
    free(making);
    return result;
}
