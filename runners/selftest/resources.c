/* Output, descriptors and disk.
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1 << 20)

/* Writes mib MiB to a stream, as lines of 64 bytes or as one line without an end. */
static void flood(FILE *to, int64_t mib, bool lines)
{
    char *block = malloc(MIB);
    if (!block)
        return;
    for (size_t i = 0; i < MIB; i++)
        block[i] = lines && i % 64 == 63 ? '\n' : (char)('a' + i % 26);
    for (int64_t i = 0; i < mib; i++)
        fwrite(block, 1, MIB, to);
    fflush(to);
    free(block);
}

int tl_selftest_flood_stdout(const struct tl_selftest *t)
{
    flood(stdout, tl_selftest_count(t, 64), true);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_flood_stderr(const struct tl_selftest *t)
{
    flood(stderr, tl_selftest_count(t, 64), true);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_flood_crash(const struct tl_selftest *t)
{
    printf("selftest: the first line on stdout\n");
    fprintf(stderr, "selftest: the first line on stderr\n");
    for (int64_t i = 0; i < tl_selftest_count(t, 16); i++) {
        flood(stdout, 1, true);
        flood(stderr, 1, true);
    }
    printf("selftest: the last line on stdout\n");
    fprintf(stderr, "selftest: the last line on stderr\n");
    return tl_selftest_null_read(t);
}

int tl_selftest_flood_line(const struct tl_selftest *t)
{
    flood(stdout, tl_selftest_count(t, 16), false);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_partial_line_sigkill(const struct tl_selftest *t)
{
    printf("selftest: a whole line\nselftest: the beginning of a");
    fprintf(stderr, "selftest: stderr is not buffered");
    raise(SIGKILL);
    return TL_SELFTEST_OVER;
}

/* Opens descriptors until there are no more. Returns how many, and the list of them, the caller's to free. */
static size_t open_all(int **list)
{
    size_t n = 0, room = 0;
    *list = NULL;
    for (;;) {
        if (n == room) {
            room = room ? room * 2 : 1024;
            int *more = realloc(*list, room * sizeof **list);
            if (!more)
                return n;
            *list = more;
        }
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return n;
        (*list)[n++] = fd;
    }
}

int tl_selftest_fd_exhaustion(const struct tl_selftest *t)
{
    int *list;
    size_t n = open_all(&list);
    for (size_t i = 0; i < n; i++)
        close(list[i]);
    free(list);
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_fd_exhaustion_crash(const struct tl_selftest *t)
{
    int *list;
    size_t n = open_all(&list);
    fprintf(stderr, "selftest: no descriptor after %zu: %s\n", n, strerror(errno));
    abort();
}

int tl_selftest_disk_many_files(const struct tl_selftest *t)
{
    mkdir("selftest-files", 0700);
    for (int64_t i = 0; i < tl_selftest_count(t, 20000); i++) {
        char path[64];
        snprintf(path, sizeof path, "selftest-files/%lld", (long long)i);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || write(fd, path, sizeof path) < 0) {
            tl_run_error(t->run, "selftest", "disk", "file %lld: %s", (long long)i, strerror(errno));
            return TL_SELFTEST_OVER;
        }
        close(fd);
    }
    return TL_SELFTEST_GO_ON;
}

int tl_selftest_disk_large_file(const struct tl_selftest *t)
{
    char *block = calloc(1, MIB);
    int fd = open("selftest-large", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int next = TL_SELFTEST_GO_ON;
    for (int64_t i = 0; block && i < tl_selftest_count(t, 1024); i++) {
        if (fd < 0 || write(fd, block, MIB) != MIB) {
            tl_run_error(t->run, "selftest", "disk", "after %lld MiB: %s", (long long)i, strerror(errno));
            next = TL_SELFTEST_OVER;
            break;
        }
    }
    if (fd >= 0)
        close(fd);
    free(block);
    return next;
}

int tl_selftest_disk_large_file_error(const struct tl_selftest *t)
{
    signal(SIGXFSZ, SIG_IGN);
    return tl_selftest_disk_large_file(t);
}
