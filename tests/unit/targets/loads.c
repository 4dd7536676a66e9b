/* loads MODE LIBRARY [OTHER]: crashes in a library (or in itself) that cannot be opened by its path any more. */
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int *volatile nowhere;

static int copy_into(int to, const char *path)
{
    struct stat st;
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0 || to < 0 || fstat(from, &st) || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
        exit(77);
    close(from);
    return to;
}

static void copy(const char *from, const char *to)
{
    close(copy_into(open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755), from));
}

__attribute__((noinline)) static void call(const char *path, void (*then)(const char *), const char *arg)
{
    void *library = dlopen(path, RTLD_NOW);
    void (*entry)(int) = library ? (void (*)(int))(uintptr_t)dlsym(library, "loaded_entry") : NULL;
    if (!entry)
        exit(78);
    then(arg);
    entry(1);
    __asm__ volatile("" ::: "memory");
}

static void nothing(const char *path)
{
    (void)path;
}

static void removes(const char *path)
{
    unlink(path);
}

static const char *other;

static void replaces(const char *path)
{
    unlink(path);
    copy(other, path);
}

static void closes(const char *path)
{
    close(atoi(path));
}

__attribute__((noinline)) static void in_itself(const char *path)
{
    unlink(path);
    *nowhere = 1;
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "", *library = argc > 2 ? argv[2] : "";
    char path[4096], number[16];
    other = argc > 3 ? argv[3] : NULL;
    snprintf(path, sizeof path, "%s.copy", library);
    if (!strcmp(mode, "itself")) {
        in_itself(argv[0]);
    } else if (!strncmp(mode, "memfd", 5)) {
        int fd = copy_into(memfd_create("loaded", MFD_CLOEXEC), library);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        snprintf(number, sizeof number, "%d", fd);
        call(path, mode[5] ? closes : nothing, number);
    } else if (!strcmp(mode, "namespace")) {
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("none", "/mnt", "tmpfs", 0, NULL))
            return 77;
        copy(library, "/mnt/library.so");
        call("/mnt/library.so", nothing, NULL);
    } else {
        copy(library, path);
        call(path, !strcmp(mode, "unlinked") ? removes : replaces, path);
    }
    return 99;
}
