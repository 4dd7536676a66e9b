/* Stacks of programs that really crash. The expected chains are those of targets/crash.c. */
#include "tests/unit/unwind_fixture.h"

#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"
#include "harness/stack/modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

TestSuite(unwind, .init = unwind_setup, .fini = unwind_teardown, .timeout = 60);

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
#if defined(__aarch64__)
        /* The link register still has the caller, whose own is on the stack that is gone. */
        cr_assert_eq(c.threads[0].n_frames, 2);
        cr_assert(c.threads[0].truncated);
        cr_assert_str_eq(name_of(&c.threads[0], 1), "inner");
#else
        /* With a frame pointer the chain is there all the same. */
        if (strcmp(forms[i], "o0")) {
            cr_assert_eq(c.threads[0].n_frames, 1);
            cr_assert(c.threads[0].truncated);
        } else {
            EXPECT(&c, 0, "no_stack", REST);
        }
#endif
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
        cr_assert(t->omitted > 2000 && t->omitted < 200000, "%s%s", forms[i], text);
        free(text);
        cr_assert_eq(t->n_frames, TL_FRAMES_TOP + TL_FRAMES_BOTTOM);
        cr_assert_eq(t->omitted_at, TL_FRAMES_TOP);
        cr_assert(!t->truncated, "%s", forms[i]);
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
