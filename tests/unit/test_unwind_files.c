/* Stacks of programs whose files are gone, replaced, cut or made to mislead. */
#include "tests/unit/unwind_fixture.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/stack/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(unwind_files, .init = unwind_setup, .fini = unwind_teardown, .timeout = 60);

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *data = tl_read_file(from, 64 << 20, &size);
    cr_assert(data);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    cr_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    free(data);
}

/* The file is gone (or another has its name) when the stack is taken. */
Test(unwind_files, deleted_and_replaced_file)
{
    char from[512], directory[] = "/tmp/test_unwind.XXXXXX", path[64];
    snprintf(from, sizeof from, "%s/crash_o2", TARGETS);
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/gone", directory);
    struct tl_capture whole;
    capture("o2", "null", &whole);
    for (int replaced = 0; replaced < 2; replaced++) {
        struct traced t;
        struct tl_capture c;
        struct tl_error e;
        copy_file(from, path);
        const char *argv[] = {path, "null", NULL};
        cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0);
        cr_assert_eq(unlink(path), 0);
        if (replaced) {
            snprintf(from, sizeof from, "%s/crash_o0", TARGETS);
            copy_file(from, path);
        }
        cr_assert_eq(traced_capture(&t, u, &c, &e), 0, "%s", e.why);
        traced_end(&t);
        tl_symbolise(s, &c);
        const struct tl_thread *x = &c.threads[0], *y = &whole.threads[0];
        cr_assert_eq(x->n_frames, y->n_frames);
        for (size_t i = 0; i < x->n_frames; i++) {
            cr_assert_eq(x->frames[i].offset, y->frames[i].offset);
            cr_assert_eq(x->frames[i].start, y->frames[i].start);
        }
        cr_assert_str_eq(c.modules[0].build_id, whole.modules[0].build_id);
        cr_assert_str_eq(c.modules[0].path, path);
        tl_capture_free(&c);
        unlink(path);
    }
    tl_capture_free(&whole);
    rmdir(directory);
}

/* Nothing but the memory of the process has its code, and this program may not ask the kernel for the file
 * behind a mapping. */
Test(unwind_files, deleted_file_without_privileges)
{
    char directory[] = "/tmp/test_unwind.XXXXXX", path[64];
    if (getuid() == 0)
        cr_assert(!setgid(65534) && !setuid(65534) && !prctl(PR_SET_DUMPABLE, 1));
    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/gone", directory);
    copy_file(TARGETS "/crash_o2", path);
    const char *argv[] = {path, "null", NULL};
    struct tl_capture c[2];
    for (int gone = 0; gone < 2; gone++) {
        struct traced t;
        struct tl_error e;
        cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0);
        if (gone)
            unlink(path);
        cr_assert_eq(traced_capture(&t, u, &c[gone], &e), 0, "%s", e.why);
        traced_end(&t);
    }
    cr_assert_str_eq(c[0].threads[0].stack_id, c[1].threads[0].stack_id);
    for (size_t i = 0; i < c[0].threads[0].n_frames; i++)
        cr_assert_eq(c[0].threads[0].frames[i].start, c[1].threads[0].frames[i].start);
    cr_assert_geq(c[0].threads[0].n_frames, 8);
    tl_capture_free(&c[0]);
    tl_capture_free(&c[1]);
    rmdir(directory);
}

/* The file is written over in place while the program runs: the unwinder meets a truncated, then a foreign
 * file under its inode. The kernel refuses this for an executable, not for a library or a copy that is mapped
 * by hand. */
Test(unwind_files, file_truncated_while_mapped)
{
    char from[512], path[] = "/tmp/test_unwind.XXXXXX";
    snprintf(from, sizeof from, "%s/crash_o2", TARGETS);
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    copy_file(from, path);
    struct stat st;
    cr_assert_eq(fstat(fd, &st), 0);
    struct tl_memory *m = tl_memory_new();
    struct tl_elf_cache *cache = tl_elf_cache_new(4, 1 << 20);
    tl_memory_attach(m, getpid());
    char *mapped = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    cr_assert(mapped != MAP_FAILED);
    struct tl_modules all;
    struct tl_error e;
    for (int round = 0; round < 3; round++) {
        cr_assert_eq(tl_modules_read(&all, cache, NULL, getpid(), m, &e), 0);
        const struct tl_mapping *map = tl_modules_find(&all, (uint64_t)(uintptr_t)mapped);
        cr_assert(map && map->module != TL_NO_MODULE);
        cr_assert_str_eq(all.modules[map->module].path, path);
        cr_assert_eq(all.elfs[map->module] != NULL, round != 1, "round %d", round);
        if (round == 0) {
            struct tl_fde fde;
            struct tl_elf *elf = all.elfs[map->module];
            /* Truncated between opening and use: reads come up short and nothing dies. */
            cr_assert_eq(ftruncate(fd, 100), 0);
            for (uint64_t at = 0; at < 1 << 20; at += 997)
                tl_elf_find_fde(elf, at, &fde);
        } else if (round == 1) {
            copy_file(from, path);
        }
        tl_modules_release(&all);
        tl_elf_cache_rest(cache);
        tl_memory_attach(m, getpid());
    }
    munmap(mapped, 8192);
    close(fd);
    unlink(path);
    tl_elf_cache_free(cache);
    tl_memory_free(m);
}

#if defined(__x86_64__)
/* A 32-bit program made by hand: there need not be a compiler for one. */
Test(unwind_files, program_of_32_bits)
{
    static const unsigned char elf[] = {0x7f,
                                        'E',
                                        'L',
                                        'F',
                                        1,
                                        1,
                                        1,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        2,
                                        0,
                                        3,
                                        0,
                                        1,
                                        0,
                                        0,
                                        0,
                                        0x54,
                                        0x80,
                                        4,
                                        8,
                                        52,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        52,
                                        0,
                                        32,
                                        0,
                                        1,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        /* program header */ 1,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0x80,
                                        4,
                                        8,
                                        0,
                                        0x80,
                                        4,
                                        8,
                                        0x56,
                                        0,
                                        0,
                                        0,
                                        0x56,
                                        0,
                                        0,
                                        0,
                                        5,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0x10,
                                        0,
                                        0,
                                        /* ud2 */ 0x0f,
                                        0x0b};
    char path[] = "/tmp/test_unwind.XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, elf, sizeof elf) == (ssize_t)sizeof elf && !fchmod(fd, 0755));
    close(fd);
    struct traced t;
    struct tl_capture c;
    struct tl_error e = {0};
    const char *argv[] = {path, NULL};
    int started = traced_start(&t, argv, TRACED_CRASH);
    unlink(path);
    if (started)
        cr_skip("this kernel does not run 32-bit programs");
    cr_assert_eq(t.signal, SIGILL);
    cr_assert_eq(traced_capture(&t, u, &c, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_ENVIRONMENT);
    cr_assert(strstr(e.why, "32-bit"), "%s", e.why);
    struct tl_register *registers = NULL;
    size_t n;
    cr_assert_eq(tl_read_registers(t.pid, &registers, &n, &e), -1);
    traced_end(&t);
    tl_capture_free(&c);
}
#endif

#if defined(__x86_64__)
/* Unwind tables that loop, stand still, go down or lead nowhere: the capture ends soon, and finds the caller
 * by searching. */
Test(unwind_files, tables_that_lie)
{
    static const char *const modes[] = {"endless", "still", "backwards", "trampoline", "astray"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct tl_capture c;
        uint64_t started = tl_monotonic_ns();
        capture_path(TARGETS "/hostile", modes[i], &c);
        cr_assert_lt(tl_monotonic_ns() - started, 10000000000u, "%s", modes[i]);
        char *text = listing(&c, &c.threads[0]);
        cr_assert_leq(c.threads[0].n_frames, 100, "%s%s", modes[i], text);
        cr_assert_str_eq(name_of(&c.threads[0], 0), modes[i], "%s", text);
        if (strcmp(modes[i], "trampoline")) {
            cr_assert_str_eq(name_of(&c.threads[0], 1), "caller", "%s%s", modes[i], text);
            cr_assert_eq(c.threads[0].frames[1].flags, TL_FRAME_GUESSED);
            EXPECT(&c, 0, modes[i], "caller", "main");
        }
        free(text);
        tl_capture_free(&c);
    }
}
#endif

/* Images that are cut, and images with bytes changed: nothing is read outside of them (checked by the
 * sanitizers). */
Test(unwind_files, images_that_lie)
{
    size_t size;
    char *data = tl_read_file(TARGETS "/crash_o2", 64 << 20, &size);
    cr_assert(data);
    uint64_t x = 88172645463325252u;
    for (int round = 0; round < 600; round++) {
        char *copy = tl_malloc(size);
        memcpy(copy, data, size);
        size_t n = size;
        for (int i = 0; i < 1 + round % 40; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            /* Headers, and where the tables are. */
            size_t at = round % 2 ? (x >> 8) % 1024 : 0x2000 + (x >> 8) % 0x1000;
            copy[at % size] = (char)x;
        }
        if (round % 3 == 0)
            n = (x >> 20) % size;
        struct tl_elf *elf = tl_elf_from_bytes(copy, n);
        struct tl_fde fde;
        for (uint64_t at = 0; elf && at < 0x5000; at += 61)
            if (tl_elf_find_fde(elf, at, &fde))
                cr_assert(at >= fde.start && at < fde.end);
        tl_elf_release(NULL, elf);
        free(copy);
    }
    free(data);
    cr_assert_null(tl_elf_from_bytes("", 0));
}

/* The instruction that says that a return address is signed is blanked, and no operand of another that looks like it. */
Test(unwind_files, signing_is_blanked)
{
    /* Version 4, no augmentation, addresses of 8 bytes; def_cfa sp, 0. */
    static const unsigned char cie[] = {0x10, 0, 0, 0,    0xff, 0xff, 0xff, 0xff, 4, 0,
                                        8,    0, 4, 0x78, 30,   0x0c, 31,   0,    0, 0};
    static const unsigned char rules[] = {
        0x41, 0x2d,             /* it is, in the next place */
        0x0e, 0x2d,             /* def_cfa_offset 45 */
        0x9d, 0x2d, 0x02, 0x2d, /* offset x29, 45; advance_loc1 45 */
        0x0f, 0x02, 0x2d, 0x2d, /* def_cfa_expression of two bytes */
        0x0a, 0x2d, 0x0b,       /* remember, it is, restore */
        0x2d, 0x3f, 0x2d};      /* it is; one that is not known, and whatever is behind it */
    unsigned char section[256] = {0}, fde[64] = {0};
    memcpy(section, cie, sizeof cie);
    uint32_t length = 4 + 16 + sizeof rules;
    memcpy(fde, &length, sizeof length);
    memcpy(fde + 24, rules, sizeof rules);
    memcpy(section + sizeof cie, fde, 4 + length);
    cr_assert_eq(tl_frames_blank(section, sizeof cie + 4 + length, true), 3);
    unsigned char wanted[sizeof rules];
    memcpy(wanted, rules, sizeof rules);
    wanted[1] = wanted[13] = wanted[15] = 0;
    cr_assert_arr_eq(section + sizeof cie + 24, wanted, sizeof rules);
    /* Whatever it is cut off at, or has for a length. */
    for (size_t i = 0; i < sizeof cie + 4 + length; i++) {
        unsigned char *exact = tl_calloc(i + 1, 1);
        memcpy(exact, section, i);
        tl_frames_blank(exact, i, true);
        tl_frames_blank(exact, i, false);
        free(exact);
        unsigned char other[sizeof section];
        memcpy(other, section, sizeof other);
        other[i] ^= 0xff;
        tl_frames_blank(other, sizeof cie + 4 + length, true);
    }
}
