/* Stacks of programs that really crash. The expected chains are those of targets/crash.c. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/modules.h"
#include "harness/supervise/symbolise.h"
#include "targets/traced.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tl_unwinder *u;
static struct tl_symboliser *s;

static void setup(void)
{
    u = tl_unwinder_new();
    s = tl_symboliser_new();
}

static void teardown(void)
{
    tl_unwinder_free(u);
    tl_symboliser_free(s);
}

TestSuite(unwind, .init = setup, .fini = teardown, .timeout = 60);

static void capture_path(const char *path, const char *mode, struct tl_capture *c)
{
    struct traced t;
    struct tl_error e;
    const char *argv[] = {path, mode, NULL};
    cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0, "%s %s", path, mode);
    cr_assert_eq(traced_capture(&t, u, c, &e), 0, "%s: %s: %s", e.what, e.where, e.why);
    traced_end(&t);
    tl_symbolise(s, c);
}

static void capture(const char *form, const char *mode, struct tl_capture *c)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_%s", TARGETS, form);
    capture_path(path, mode, c);
}

static const char *name_of(const struct tl_thread *t, size_t i)
{
    const struct tl_frame_symbols *y = &t->symbols[i];
    return y->n && y->symbols[y->n - 1].function ? y->symbols[y->n - 1].function : "?";
}

static char *listing(const struct tl_capture *c, const struct tl_thread *t)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < t->n_frames && i < 60; i++) {
        char *text = tl_frame_text(c, t, i);
        tl_buffer_printf(&b, "\n  #%zu flags %u %s", i, t->frames[i].flags, text);
        free(text);
    }
    tl_buffer_printf(&b, "\n  truncated %d omitted %llu", t->truncated, (unsigned long long)t->omitted);
    return tl_buffer_take(&b);
}

/* The names must be in the stack in this order, next to each other unless "..." stands between. The stack
 * ends at the outermost frame. Returns the index of the first. */
static size_t expect(const struct tl_capture *c, size_t thread, const char *const *names)
{
    const struct tl_thread *t = &c->threads[thread];
    size_t first = SIZE_MAX, at = 0;
    bool gap = false;
    char *text = listing(c, t);
    for (; *names; names++) {
        if (!strcmp(*names, "...")) {
            gap = true;
            continue;
        }
        while (gap && at < t->n_frames && strcmp(name_of(t, at), *names))
            at++;
        gap = false;
        cr_assert(at < t->n_frames && !strcmp(name_of(t, at), *names), "expected %s at %zu:%s", *names, at,
                  text);
        if (first == SIZE_MAX)
            first = at;
        at++;
    }
    cr_assert(!t->truncated, "truncated:%s", text);
    free(text);
    return first;
}
#define EXPECT(c, thread, ...) expect(c, thread, (const char *const[]){__VA_ARGS__, NULL})
#define REST "inner", "middle", "outer", "main"

static const char *const forms[] = {"o0", "o2", "static_pie", "fixed", "debug_frame"};
#define FORMS (sizeof forms / sizeof forms[0])

Test(unwind, plain_chain_in_every_form)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "null", &c);
        EXPECT(&c, 0, "write_null", REST);
        cr_assert_eq(c.threads[0].frames[0].flags, TL_FRAME_FIRST);
        cr_assert_eq(strlen(c.threads[0].stack_id), 32);
        cr_assert_eq(strncmp(c.threads[0].name, "crash_", 6), 0);
        for (size_t k = 1; k < c.threads[0].n_frames; k++)
            cr_assert_eq(c.threads[0].frames[k].flags, 0, "%s %zu", forms[i], k);
        tl_capture_free(&c);
    }
}

Test(unwind, same_stack_id_at_other_addresses)
{
    struct tl_capture a, b;
    capture("o2", "null", &a);
    capture("o2", "null", &b);
    cr_assert_neq(a.modules[0].base, b.modules[0].base, "address space layout is not randomised here");
    cr_assert_str_eq(a.threads[0].stack_id, b.threads[0].stack_id);
    tl_capture_free(&b);
    capture("o2", "call-data", &b);
    cr_assert_str_neq(a.threads[0].stack_id, b.threads[0].stack_id);
    tl_capture_free(&a);
    tl_capture_free(&b);
}

/* Without symbols the frames and the starts of functions are those of the same code with symbols. */
Test(unwind, stripped)
{
    struct tl_capture a, b;
    capture("stripped", "null", &a);
    capture("o2", "null", &b);
    EXPECT(&b, 0, "write_null", REST);
    cr_assert_eq(a.threads[0].n_frames, b.threads[0].n_frames);
    for (size_t i = 0; i < 5; i++) {
        const struct tl_frame *x = &a.threads[0].frames[i], *y = &b.threads[0].frames[i];
        cr_assert_eq(x->offset, y->offset);
        cr_assert_eq(x->start, y->start);
        cr_assert(x->start > 0 && x->start <= x->offset);
        cr_assert_eq(a.threads[0].symbols[i].n, 0);
        char *text = tl_frame_text(&a, &a.threads[0], i), wanted[100];
        snprintf(wanted, sizeof wanted, "crash_stripped+0x%llx (function at +0x%llx)",
                 (unsigned long long)x->offset, (unsigned long long)x->start);
        cr_assert_str_eq(text, wanted);
        free(text);
    }
    tl_capture_free(&a);
    tl_capture_free(&b);
}

Test(unwind, wild_jumps)
{
    static const struct {
        const char *mode, *name;
        uint64_t pc;
    } all[] = {{"call-null", "call_null", 0},
               {"call-wild", "call_wild", 0x6162636465},
               {"call-data", "call_data", 1}};
    for (size_t i = 0; i < FORMS; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct tl_capture c;
            capture(forms[i], all[k].mode, &c);
            EXPECT(&c, 0, "?", all[k].name, REST);
            const struct tl_frame *f = c.threads[0].frames;
            cr_assert_eq(f[0].flags, TL_FRAME_FIRST | TL_FRAME_WILD);
            cr_assert_eq(f[0].module, TL_NO_MODULE);
            if (all[k].pc != 1)
                cr_assert_eq(f[0].offset, all[k].pc);
            cr_assert_eq(f[1].flags, 0);
            char *text = tl_frame_text(&c, &c.threads[0], 0);
            cr_assert(strstr(text, "(not mapped as code)"), "%s", text);
            free(text);
            tl_capture_free(&c);
        }
    }
}

Test(unwind, smashed_return_address)
{
    static const char *const modes[] = {"smash", "smash-low", "smash-zero"};
    for (size_t i = 0; i < FORMS; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct tl_capture c;
            capture(forms[i], modes[k], &c);
            /* The caller's name went with the return address; from its own return address on the chain is
             * there. */
            EXPECT(&c, 0, "...", "middle", "outer", "main");
            size_t guessed = 0;
            for (size_t n = 0; n < c.threads[0].n_frames; n++)
                guessed += (c.threads[0].frames[n].flags & TL_FRAME_GUESSED) != 0;
            char *text = listing(&c, &c.threads[0]);
            cr_assert(guessed >= 1 && guessed <= 2, "%s %s: %zu guessed%s", forms[i], modes[k], guessed,
                      text);
            cr_assert(strstr(text, " [guessed]"));
            free(text);
            tl_capture_free(&c);
        }
    }
}

Test(unwind, stack_of_noise_and_no_stack)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "noise", &c);
        cr_assert(c.threads[0].n_frames >= 2 && c.threads[0].n_frames < 40);
        cr_assert_str_eq(name_of(&c.threads[0], 0), "write_null");
        cr_assert_str_eq(name_of(&c.threads[0], 1), "noise");
        tl_capture_free(&c);
        capture(forms[i], "no-stack", &c);
        /* With a frame pointer the chain is there all the same. */
        if (strcmp(forms[i], "o0")) {
            cr_assert_eq(c.threads[0].n_frames, 1);
            cr_assert(c.threads[0].truncated);
        } else {
            EXPECT(&c, 0, "no_stack", REST);
        }
        cr_assert_str_eq(name_of(&c.threads[0], 0), "no_stack");
        tl_capture_free(&c);
    }
}

Test(unwind, stack_overflow)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "overflow", &c);
        const struct tl_thread *t = &c.threads[0];
        char *text = listing(&c, t);
        cr_assert(t->omitted > 10000 && t->omitted < 200000, "%s%s", forms[i], text);
        free(text);
        cr_assert_eq(t->n_frames, TL_FRAMES_TOP + TL_FRAMES_BOTTOM);
        cr_assert_eq(t->omitted_at, TL_FRAMES_TOP);
        cr_assert(!t->truncated);
        cr_assert_str_eq(name_of(t, 0), "overflow");
        cr_assert_str_eq(name_of(t, TL_FRAMES_TOP), "overflow");
        size_t at = t->n_frames;
        while (at > 0 && strcmp(name_of(t, at - 1), "main"))
            at--;
        cr_assert_geq(at, TL_FRAMES_TOP + 5);
        static const char *const below[] = {"main", "outer", "middle", "inner", "overflow"};
        for (size_t k = 0; k < 5; k++)
            cr_assert_str_eq(name_of(t, at - 1 - k), below[k]);
        tl_capture_free(&c);
    }
}

/* How many frames there are is known when the recursion is. */
Test(unwind, deep_but_known)
{
    struct tl_capture a, b;
    capture("o2", "deep-0", &a);
    capture("o2", "deep-5000", &b);
    EXPECT(&a, 0, "write_null", "deep", REST);
    cr_assert_eq(b.threads[0].n_frames + b.threads[0].omitted, a.threads[0].n_frames + 5000);
    /* The ring of the outermost frames is in order. */
    for (size_t i = 1; i + 1 < a.threads[0].n_frames; i++)
        cr_assert_eq(a.threads[0].frames[a.threads[0].n_frames - i].offset,
                     b.threads[0].frames[b.threads[0].n_frames - i].offset, "%zu", i);
    tl_capture_free(&a);
    tl_capture_free(&b);
}

Test(unwind, signal_frames)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "signal", &c);
        size_t at = EXPECT(&c, 0, "write_null", "handler", "...", "signal_raise", REST);
        const struct tl_frame *f = c.threads[0].frames;
        cr_assert(f[at + 3].flags & TL_FRAME_SIGNAL);
        cr_assert_eq(f[at + 2].flags, 0);
        tl_capture_free(&c);

        capture(forms[i], "signal-alternate", &c);
        EXPECT(&c, 0, "write_null", "handler", "...", "signal_alternate", REST);
#if defined(__x86_64__)
        cr_assert_str_eq(name_of(&c.threads[0], 3), "signal_alternate");
        cr_assert(c.threads[0].frames[3].flags & TL_FRAME_SIGNAL);
#endif
        tl_capture_free(&c);

        capture(forms[i], "signal-wild", &c);
        EXPECT(&c, 0, "write_null", "handler", "...", "call_wild", "signal_wild", REST);
        cr_assert_eq(c.threads[0].frames[3].flags, TL_FRAME_SIGNAL | TL_FRAME_WILD);
        cr_assert_eq(c.threads[0].frames[3].offset, 0x6162636465);
        tl_capture_free(&c);
    }
}

Test(unwind, code_without_a_file)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "jit", &c);
        EXPECT(&c, 0, "?", "jit", REST);
        cr_assert_eq(c.threads[0].frames[0].module, TL_NO_MODULE);
        cr_assert_eq(c.threads[0].frames[0].flags, TL_FRAME_FIRST);
        tl_capture_free(&c);
        capture(forms[i], "jit-frame", &c);
        EXPECT(&c, 0, "?", "jit", REST);
        tl_capture_free(&c);
    }
}

Test(unwind, vdso)
{
    for (size_t i = 0; i < FORMS; i++) {
        struct tl_capture c;
        capture(forms[i], "vdso", &c);
        EXPECT(&c, 0, "...", "vdso", REST);
        const struct tl_module *m = &c.modules[c.threads[0].frames[0].module];
        cr_assert_str_eq(m->path, "[vdso]");
        cr_assert_neq(m->build_id[0], '\0');
        tl_capture_free(&c);
    }
}

Test(unwind, abort_path)
{
    struct tl_capture c;
    capture("o2", "abort", &c);
    EXPECT(&c, 0, "...", "abort", REST);
    tl_capture_free(&c);
}

Test(unwind, frame_pointers_alone)
{
    struct tl_capture c;
    capture("no_tables", "null", &c);
    /* Its functions have frame pointers and no tables of any kind. */
    EXPECT(&c, 0, "write_null", REST);
    tl_capture_free(&c);
}

Test(unwind, threads)
{
    struct tl_capture c;
    capture("o2", "threads-15", &c);
    cr_assert_eq(c.n_threads, 16);
    EXPECT(&c, 0, "write_null", "threads", REST);
    for (size_t i = 1; i < c.n_threads; i++) {
        EXPECT(&c, i, "...", "wait_deep", "wait_deep", "...", "waiter", "start_thread");
        cr_assert_geq(c.threads[i].n_frames, 23);
    }
    tl_capture_free(&c);
}

/* A thread at its first instruction: its frame pointer and stack are what the parent left there. */
Test(unwind, thread_caught_in_clone)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_o2", TARGETS);
    const char *argv[] = {path, "new-thread", NULL};
    for (int i = 0; i < 5; i++) {
        struct traced t;
        struct tl_capture c;
        struct tl_error e;
        cr_assert_eq(traced_start(&t, argv, TRACED_CLONE), 0);
        cr_assert_eq(traced_capture(&t, u, &c, &e), 0, "%s", e.why);
        traced_end(&t);
        tl_symbolise(s, &c);
        char *text = listing(&c, &c.threads[0]);
        cr_assert_leq(c.threads[0].n_frames, 2, "%s", text);
        cr_assert(strstr(name_of(&c.threads[0], 0), "clone"), "%s", text);
        free(text);
        tl_capture_free(&c);
    }
}

Test(unwind, thousands_of_mappings)
{
    struct tl_capture c;
    capture("o2", "mappings", &c);
    EXPECT(&c, 0, "write_null", "mappings", REST);
    cr_assert_lt(c.n_modules, 10);
    tl_capture_free(&c);
}

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
Test(unwind, deleted_and_replaced_file)
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
Test(unwind, deleted_file_without_privileges)
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
Test(unwind, file_truncated_while_mapped)
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
Test(unwind, program_of_32_bits)
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
Test(unwind, tables_that_lie)
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
Test(unwind, images_that_lie)
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

Test(unwind, registers)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_o2", TARGETS);
    const char *argv[] = {path, "call-wild", NULL};
    struct traced t;
    struct tl_error e;
    struct tl_register *r;
    size_t n, i = 0;
    cr_assert_eq(traced_start(&t, argv, TRACED_CRASH), 0);
    cr_assert_eq(tl_read_registers(t.pid, &r, &n, &e), 0);
    while (i < n && strcmp(r[i].name, "rip") && strcmp(r[i].name, "pc"))
        i++;
    cr_assert(i < n && r[i].value == 0x6162636465);
    free(r);
    traced_end(&t);
    cr_assert_eq(tl_read_registers(getpid(), &r, &n, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_ENVIRONMENT);
}

Test(unwind, process_that_is_gone)
{
    struct tl_unwind *w;
    struct tl_error e;
    cr_assert_eq(tl_unwind_begin(&w, u, 0x3fffffff, &e), -1);
    cr_assert_eq(e.kind, TL_ERROR_ENVIRONMENT);
}

/* Two processes at once share the unwinder, though not the address layout. */
Test(unwind, two_processes_by_turns)
{
    char path[512];
    snprintf(path, sizeof path, "%s/crash_o2", TARGETS);
    const char *argv[] = {path, "null", NULL};
    struct traced t[2];
    struct tl_unwind *w[2];
    struct tl_capture c[2];
    struct tl_error e;
    for (int i = 0; i < 2; i++) {
        memset(&c[i], 0, sizeof c[i]);
        c[i].threads = tl_calloc(1, sizeof *c[i].threads);
        c[i].n_threads = 1;
        cr_assert_eq(traced_start(&t[i], argv, TRACED_CRASH), 0);
        cr_assert_eq(tl_unwind_begin(&w[i], u, t[i].pid, &e), 0);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) {
            free(c[i].threads->frames);
            cr_assert_eq(tl_unwind_thread(w[i], t[i].pid, c[i].threads, &e), 0);
        }
    }
    for (int i = 0; i < 2; i++) {
        tl_unwind_end(w[i], &c[i]);
        tl_symbolise(s, &c[i]);
        EXPECT(&c[i], 0, "write_null", REST);
        traced_end(&t[i]);
    }
    cr_assert_str_eq(c[0].threads->stack_id, c[1].threads->stack_id);
    tl_capture_free(&c[0]);
    tl_capture_free(&c[1]);
}

Test(unwind, memory_at_the_edges)
{
    struct tl_memory *m = tl_memory_new();
    tl_memory_attach(m, getpid());
    char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(p != MAP_FAILED);
    memset(p, 'x', 3 * 4096);
    munmap(p + 4096, 4096);
    munmap(p + 3 * 4096, 4096);
    uint64_t at = (uint64_t)(uintptr_t)p, word;
    char data[8192];
    tl_memory_ahead(m, at, at + 4 * 4096);
    cr_assert_eq(tl_memory_read(m, at + 4000, data, 4096), 96);
    cr_assert_eq(tl_memory_read(m, at + 4096, data, 1), 0);
    cr_assert_eq(tl_memory_read(m, at + 8192, data, 8192), 4096);
    cr_assert(tl_memory_word(m, at + 4088, &word) && word == 0x7878787878787878u);
    cr_assert(!tl_memory_word(m, at + 4089, &word));
    cr_assert(!tl_memory_word(m, UINT64_MAX - 3, &word));
    cr_assert(!tl_memory_word(m, 0, &word));
    cr_assert_eq(tl_memory_read(m, UINT64_MAX, data, 8), 0);
    munmap(p, 4096);
    munmap(p + 8192, 4096);
    tl_memory_free(m);
}
