/* One library out of a package. The package is input from outside: names are matched, never used as paths,
 * and sizes are bounded. */
#include "harness/builds/internal.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY_MOST ((int64_t)2 << 30)

#ifdef __APPLE__
#define PLATFORM "darwin"
#define SUFFIX ".dylib"
#else
#define PLATFORM "linux"
#define SUFFIX ".so"
#endif
#if defined(__aarch64__)
#define ARCHITECTURE "arm64"
#else
#define ARCHITECTURE "x64"
#endif

/* The N of package/bin/napi-vN/PLATFORM/ARCHITECTURE/libonnxruntime[.VERSION].SUFFIX[.VERSION], or -1. */
static long library_generation(const char *name)
{
    static const char head[] = "package/bin/napi-v",
                      middle[] = "/" PLATFORM "/" ARCHITECTURE "/libonnxruntime.";
    if (strncmp(name, head, sizeof head - 1) != 0)
        return -1;
    char *end;
    const char *digits = name + sizeof head - 1;
    if (*digits < '0' || *digits > '9')
        return -1;
    errno = 0;
    long generation = strtol(digits, &end, 10);
    if (errno || generation > 1000000 || strncmp(end, middle, sizeof middle - 1) != 0)
        return -1;
    const char *rest = end + sizeof middle - 2; /* from the dot on: .so.1, .1.22.0.dylib */
    const char *suffix = strstr(rest, SUFFIX);
    if (!suffix || strspn(rest, ".0123456789") < (size_t)(suffix - rest))
        return -1;
    const char *tail = suffix + sizeof SUFFIX - 1;
    return tail[strspn(tail, ".0123456789")] == '\0' ? generation : -1;
}

static int write_entry(struct archive *a, int fd, const char *path, const char *tarball, struct tl_error *e)
{
    static char chunk[1 << 16];
    int64_t total = 0;
    for (;;) {
        la_ssize_t n = archive_read_data(a, chunk, sizeof chunk);
        if (n == 0)
            return 0;
        if (n < 0)
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unpack a build", tarball, "%s",
                           archive_error_string(a) ? archive_error_string(a) : "the archive is damaged");
        total += n;
        if (total > LIBRARY_MOST)
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unpack a build", tarball,
                           "the library in it is larger than 2 GiB");
        for (la_ssize_t done = 0; done < n;) {
            ssize_t w = write(fd, chunk + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR)
                continue;
            if (w < 0)
                return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack a build", path,
                                     errno == ENOSPC ? "make room on the disk that holds the cache"
                                                     : "writing");
            done += w;
        }
    }
}

int tl_tarball_extract(const char *tarball, const char *path, char **inside, bool *absent, struct tl_error *e)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    long best = -1;
    int rc = 0, r;
    *inside = NULL;
    *absent = false;
    if (!a)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unpack a build", tarball, "no memory");
    archive_read_support_filter_gzip(a);
    archive_read_support_format_tar(a);
    r = archive_read_open_filename(a, tarball, 1 << 16);
    while (rc == 0 && r >= ARCHIVE_WARN && (r = archive_read_next_header(a, &entry)) >= ARCHIVE_WARN) {
        if (r == ARCHIVE_EOF)
            break;
        const char *name = archive_entry_pathname(entry);
        long generation = name ? library_generation(name) : -1;
        /* Of several generations of the binding the newest is the one that is used. */
        if (generation <= best || archive_entry_filetype(entry) != AE_IFREG)
            continue;
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
        if (fd < 0) {
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack a build", path,
                               "creating the library");
            break;
        }
        rc = write_entry(a, fd, path, tarball, e);
        if (rc == 0 && fsync(fd) != 0)
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack a build", path, "writing");
        if (close(fd) != 0 && rc == 0)
            rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot unpack a build", path, "writing");
        best = generation;
        free(*inside);
        *inside = tl_strdup(name);
    }
    if (rc == 0 && r < ARCHIVE_WARN && r != ARCHIVE_EOF)
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unpack a build", tarball, "%s",
                     archive_error_string(a) ? archive_error_string(a) : "the archive is damaged");
    if (rc == 0 && best < 0) {
        *absent = true;
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot unpack a build", tarball,
                     "the package holds no libonnxruntime for " PLATFORM " " ARCHITECTURE);
    }
    archive_read_free(a);
    if (rc != 0) {
        free(*inside);
        *inside = NULL;
        unlink(path);
    }
    return rc;
}
