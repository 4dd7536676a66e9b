/* A directory as one compressed file, for an issue takes files and no directories. It tells nothing of who
 * made it: no owners, one time and one mode for all files. It is written beside its place (PATH.part) and
 * renamed, so that nobody uploads half of it. */
#include "reports/bundle/archive.h"

#include "harness/base/buffer.h"
#include "harness/base/durable.h"
#include "reports/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char doing[] = "cannot write the archive";

static const struct {
    const char *suffix;
    int (*filter)(struct archive *), (*format)(struct archive *);
} kinds[] = {
    {".tar.zst", archive_write_add_filter_zstd, archive_write_set_format_pax_restricted},
    {".tar.gz", archive_write_add_filter_gzip, archive_write_set_format_pax_restricted},
    {".tar.xz", archive_write_add_filter_xz, archive_write_set_format_pax_restricted},
    {".tar", archive_write_add_filter_none, archive_write_set_format_pax_restricted},
    {".zip", archive_write_add_filter_none, archive_write_set_format_zip},
};
#define N_KINDS TL_COUNT(kinds)

static size_t kind_of(const char *path)
{
    size_t size = strlen(path), k = 0;
    for (; k < N_KINDS; k++) {
        size_t n = strlen(kinds[k].suffix);
        if (size > n && path[size - n - 1] != '/' && !strcmp(path + size - n, kinds[k].suffix))
            break;
    }
    return k;
}

bool tl_archive_name(const char *path, size_t *stem)
{
    size_t k = kind_of(path);
    *stem = strlen(path) - (k < N_KINDS ? strlen(kinds[k].suffix) : 0);
    return k < N_KINDS;
}

/* A link stays one: programs find what they need from where they are. True when it is one. */
static bool is_link(const char *path, char *target, size_t size)
{
    ssize_t n = readlink(path, target, size - 1);
    if (n > 0)
        target[n] = '\0';
    return n > 0;
}

static int add_file(struct archive *a, const char *directory, const char *name, const char *file,
                    int64_t when, struct tl_error *e)
{
    char block[65536];
    char *from = tl_format("%s/%s", directory, file), *to = tl_format("%s/%s", name, file);
    struct archive_entry *entry = archive_entry_new();
    struct stat st;
    bool link = is_link(from, block, sizeof block);
    int fd = link ? -1 : open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = 0;
    archive_entry_set_pathname(entry, to);
    archive_entry_set_mtime(entry, (time_t)when, 0);
    if (link) {
        archive_entry_set_filetype(entry, AE_IFLNK);
        archive_entry_set_symlink(entry, block);
        archive_entry_set_perm(entry, 0777);
        archive_entry_set_size(entry, 0);
        if (archive_write_header(a, entry) != ARCHIVE_OK)
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, from, "%s",
                         archive_error_string(a) ? archive_error_string(a) : "it cannot be written");
    } else if (fd < 0 || fstat(fd, &st) != 0) {
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, from, "it cannot be read");
    } else {
        archive_entry_set_size(entry, st.st_size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, st.st_mode & 0100 ? 0755 : 0644);
        bool bad = archive_write_header(a, entry) != ARCHIVE_OK;
        for (ssize_t n; !bad && (n = read(fd, block, sizeof block)) != 0;)
            bad = n < 0 || archive_write_data(a, block, (size_t)n) != n;
        if (bad)
            rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, from, "%s",
                         archive_error_string(a) ? archive_error_string(a) : "it cannot be read to its end");
    }
    if (fd >= 0)
        close(fd);
    archive_entry_free(entry);
    free(to);
    free(from);
    return rc;
}

int tl_archive_write(const char *path, const char *directory, const char *name, const json_t *list,
                     int64_t when, struct tl_error *e)
{
    size_t k = kind_of(path), i;
    const json_t *file;
    if (k == N_KINDS)
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "its name should end in .zip, .tar.zst, .tar.gz, .tar.xz or .tar");
    char *part = tl_format("%s.part", path);
    struct archive *a = archive_write_new();
    int rc = 0;
    if (kinds[k].filter(a) != ARCHIVE_OK || kinds[k].format(a) != ARCHIVE_OK ||
        archive_write_open_filename(a, part) != ARCHIVE_OK)
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "%s",
                     archive_error_string(a) ? archive_error_string(a) : "no memory");
    json_array_foreach(list, i, file)
        if (rc == 0)
            rc = add_file(a, directory, name, tl_member_text(file, "name"), when, e);
    if (archive_write_close(a) != ARCHIVE_OK && rc == 0)
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "%s",
                     archive_error_string(a) ? archive_error_string(a) : "the disk may be full");
    archive_write_free(a);
    if (rc == 0 && (tl_sync_file(part) != 0 || rename(part, path) != 0))
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "it cannot be put there");
    if (rc != 0)
        unlink(part);
    free(part);
    return rc;
}

char *tl_archive_member(const char *path, const char *name, size_t most, size_t *size)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    char *data = NULL;
    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_zip(a);
    bool open = archive_read_open_filename(a, path, 65536) == ARCHIVE_OK;
    while (open && archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        const char *member = archive_entry_pathname(entry), *slash = member ? strchr(member, '/') : NULL;
        if (!slash || strcmp(slash + 1, name) != 0)
            continue;
        la_ssize_t got, all = 0;
        data = tl_malloc(most + 1);
        while ((got = archive_read_data(a, data + all, most - (size_t)all)) > 0)
            all += got;
        data[all] = '\0';
        *size = (size_t)all;
        break;
    }
    archive_read_free(a);
    return data;
}
