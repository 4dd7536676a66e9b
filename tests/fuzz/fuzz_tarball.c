/* Fuzzes packages out of which a library is taken: a tar archive, packed or not. */
#include "harness/builds/internal.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FILE_MOST (1 << 20)

static char directory[] = "/dev/shm/tl-fuzz-tarball-XXXXXX", path[64];

static void check(int condition)
{
    if (!condition)
        abort();
}

static void clean_up(void)
{
    unlink(path);
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    check(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/library", directory);
    atexit(clean_up);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char tarball[64], *inside = NULL;
    struct tl_error e = {0};
    struct stat st;
    bool absent = false;
    int fd = memfd_create("tarball", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(tarball, sizeof tarball, "/proc/self/fd/%d", fd);
    /* What is sparse in an archive is as large as it says when it is written: that fails here as on a full disk. */
    struct rlimit whole, small;
    getrlimit(RLIMIT_FSIZE, &whole);
    small = (struct rlimit){FILE_MOST, whole.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int result = tl_tarball_extract(tarball, path, &inside, &absent, &e);
    setrlimit(RLIMIT_FSIZE, &whole);
    if (result) {
        check(e.kind != TL_ERROR_NONE && e.what[0] && e.why[0] && !inside);
        check(stat(path, &st) != 0); /* nothing half-written */
    } else {
        check(inside && strstr(inside, "libonnxruntime.") && !absent);
        check(!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_nlink == 1);
        unlink(path);
    }
    free(inside);
    close(fd);
    return 0;
}
