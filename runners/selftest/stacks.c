/* Stacks that are hard to unwind. Built without stack protector and with frame pointers (meson.build).
 *
 * main.c calls these and they call main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static volatile int *volatile nowhere;
static volatile uintptr_t wild = 0x0000141414141410;

/* Both common architectures keep the caller's frame pointer and the return address, in this order, where the
 * frame pointer points. */
__attribute__((noinline)) static int overwrite_return(volatile uintptr_t *frame)
{
    frame[0] = wild;
    frame[1] = wild;
    return (int)frame[0];
}

__attribute__((noinline)) static int smashed(void)
{
    volatile char local[32];
    memset((char *)local, 1, sizeof local);
    return overwrite_return(__builtin_frame_address(0)) + local[0];
}

int tl_selftest_stack_smash(const struct tl_selftest *t)
{
    return smashed() ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}

__attribute__((noinline)) static int recurse(int64_t depth, int64_t most)
{
    volatile char local[256];
    local[depth & 255] = 1;
    if (depth == most)
        return *nowhere;
    return recurse(depth + 1, most) + local[depth & 255];
}

int tl_selftest_stack_overflow(const struct tl_selftest *t)
{
    return recurse(1, tl_selftest_count(t, INT64_MAX)) ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}

/* Written in assembly so that nothing describes its frame: an unwinder is left with the frame pointer, and
 * that leads back to itself. */
int tl_selftest_looping_frame(void);
#if defined __x86_64__
__asm__(".text\n"
        ".globl tl_selftest_looping_frame\n"
        ".type tl_selftest_looping_frame, @function\n"
        "tl_selftest_looping_frame:\n"
        "push %rbp\n"
        "mov %rsp, %rbp\n"
        "mov %rbp, (%rbp)\n"
        "xor %eax, %eax\n"
        "mov (%rax), %eax\n"
        "pop %rbp\n"
        "ret\n"
        ".size tl_selftest_looping_frame, . - tl_selftest_looping_frame\n");
#elif defined __aarch64__
__asm__(".text\n"
        ".globl tl_selftest_looping_frame\n"
        ".type tl_selftest_looping_frame, %function\n"
        "tl_selftest_looping_frame:\n"
        "stp x29, x30, [sp, #-16]!\n"
        "mov x29, sp\n"
        "str x29, [x29]\n"
        "mov x0, #0\n"
        "ldr x0, [x0]\n"
        "ldp x29, x30, [sp], #16\n"
        "ret\n"
        ".size tl_selftest_looping_frame, . - tl_selftest_looping_frame\n");
#else
int tl_selftest_looping_frame(void)
{
    return *nowhere;
}
#endif

int tl_selftest_frame_loop(const struct tl_selftest *t)
{
    return tl_selftest_looping_frame() ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}

int tl_selftest_debug_frame(const struct tl_selftest *t)
{
    return tl_selftest_bare_fault() ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}

/* Copies a file; 0, or -1. */
static int copy(const char *from, const char *to)
{
    char block[65536];
    ssize_t n = -1;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (in >= 0 && out >= 0) {
        while ((n = read(in, block, sizeof block)) > 0) {
            if (write(out, block, (size_t)n) != n) {
                n = -1;
                break;
            }
        }
    }
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    return n < 0 ? -1 : 0;
}

static int failed(const struct tl_selftest *t, const char *what, const char *why)
{
    tl_run_error(t->run, "selftest", "setup", "%s: %s", what, why);
    return TL_SELFTEST_OVER;
}

/* The path of a file that lies beside the executable. Returns 0, or -1. */
static int beside(char path[4096], const char *name)
{
    ssize_t n = readlink("/proc/self/exe", path, 4095);
    if (n < 0)
        return -1;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    size_t room = slash ? 4096 - (size_t)(slash + 1 - path) : 0;
    return slash && (size_t)snprintf(slash + 1, room, "%s", name) < room ? 0 : -1;
}

/* Loads a library and crashes in it, after deleting its file if that is wanted. */
static int crash_in_library(const struct tl_selftest *t, const char *path, bool remove)
{
    void *library = dlopen(path, RTLD_NOW);
    int (*crash)(void) = NULL;
    if (remove)
        unlink(path);
    if (library)
        *(void **)&crash = dlsym(library, "selftest_victim_crash");
    if (!crash)
        return failed(t, "cannot load a library to crash in", dlerror());
    return crash() ? TL_SELFTEST_OVER : TL_SELFTEST_GO_ON;
}

int tl_selftest_deleted_library(const struct tl_selftest *t)
{
    static const char here[] = "./selftest-victim-copy.so";
    char path[4096];
    if (beside(path, "selftest-victim.so") || copy(path, here))
        return failed(t, "cannot copy the library", "selftest-victim.so");
    return crash_in_library(t, here, true);
}

int tl_selftest_stripped_library(const struct tl_selftest *t)
{
    char path[4096];
    if (beside(path, "selftest-victim-stripped.so"))
        return failed(t, "cannot find the library", "selftest-victim-stripped.so");
    return crash_in_library(t, path, false);
}

static int become(const struct tl_selftest *t, const char *name)
{
    char path[4096];
    if (!beside(path, name))
        execl(path, name, (char *)NULL);
    return failed(t, "cannot run (was it built here?)", name);
}

int tl_selftest_stripped_executable(const struct tl_selftest *t)
{
    return become(t, "selftest-victim-stripped");
}

int tl_selftest_static_executable(const struct tl_selftest *t)
{
    return become(t, "selftest-victim-static");
}

int tl_selftest_deleted_executable(const struct tl_selftest *t)
{
    static const char here[] = "./selftest-copy";
    if (copy("/proc/self/exe", here))
        return failed(t, "cannot copy", "/proc/self/exe");
    int fd = open(here, O_RDONLY | O_CLOEXEC);
    unlink(here);
    char *const argv[] = {"trapline-selftest", "--misbehave", "null_read", NULL};
    fexecve(fd, argv, environ);
    return failed(t, "cannot exec", here);
}
