/* How long a capture takes, against libunwind with its own ptrace accessors on the same stopped processes.
 * Every capture is of a new process with its own address layout; `warm` is as the supervisor works, one
 * unwinder for all of them, `cold` an unwinder that knows nothing yet. Fails when the frames are not the same
 * or the ratio is below five. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/quantile.h"
#include "harness/base/record.h"
#include "harness/stack/symbolise.h"
#include "harness/stack/unwind.h"
#include "targets/traced.h"

#include <libunwind-ptrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 60
#define MOST_THREADS 64
#define MOST_FRAMES 512

struct times {
    const char *name;
    size_t n;
    double us[ROUNDS];
};

struct pcs {
    size_t n[MOST_THREADS];
    uint64_t pc[MOST_THREADS][MOST_FRAMES];
};

static void add(struct times *t, uint64_t started)
{
    if (t->n < ROUNDS)
        t->us[t->n++] = (double)(tl_monotonic_ns() - started) / 1000;
}

static double print(struct times *t)
{
    tl_sort(t->us, t->n);
    printf("    %-26s %9.0f / %9.0f us\n", t->name, t->us[0], t->us[t->n / 2]);
    return t->us[t->n / 2];
}

/* As their users write it: one address space for the capture, no caching. */
static int by_ptrace(struct traced *t, struct pcs *pcs)
{
    unw_addr_space_t as = unw_create_addr_space(&_UPT_accessors, 0);
    for (size_t i = 0; i < t->n_stopped && i < MOST_THREADS; i++) {
        unw_cursor_t c;
        void *arg = _UPT_create(t->tids[i]);
        pcs->n[i] = 0;
        if (!arg || unw_init_remote(&c, as, arg))
            return -1;
        do {
            unw_word_t pc;
            if (unw_get_reg(&c, UNW_REG_IP, &pc) || !pc)
                break;
            pcs->pc[i][pcs->n[i]++] = pc;
        } while (pcs->n[i] < MOST_FRAMES && unw_step(&c) > 0);
        _UPT_destroy(arg);
    }
    unw_destroy_addr_space(as);
    return 0;
}

static int capture(struct traced *t, struct tl_unwinder *u, struct tl_capture *c)
{
    struct tl_error e;
    if (!traced_capture(t, u, c, &e))
        return 0;
    printf("    %s: %s: %s\n", e.what, e.where, e.why);
    return -1;
}

static size_t compare(const struct tl_capture *c, const struct pcs *pcs)
{
    size_t different = 0;
    for (size_t i = 0; i < c->n_threads && i < MOST_THREADS; i++) {
        const struct tl_thread *t = &c->threads[i];
        different += t->n_frames != pcs->n[i];
        for (size_t k = 0; k < t->n_frames && k < pcs->n[i]; k++) {
            const struct tl_frame *f = &t->frames[k];
            uint64_t pc = f->offset + (f->module == TL_NO_MODULE ? 0 : c->modules[f->module].base);
            different += pc != pcs->pc[i][k];
        }
    }
    return different;
}

static int run(const char *title, const char *program, const char *mode, double most_us, bool against)
{
    struct times warm = {.name = "warm"}, cold = {.name = "cold"},
                 ptrace = {.name = "libunwind's own accessors"}, names = {.name = "names, first time"},
                 again = {.name = "names, same stack"};
    struct tl_unwinder *u = tl_unwinder_new();
    struct tl_symboliser *s = tl_symboliser_new();
    struct pcs *pcs = tl_calloc(1, sizeof *pcs);
    const char *argv[] = {program, mode, NULL};
    size_t frames = 0, threads = 0, different = 0;
    uint64_t omitted = 0;
    int failed = 0;
    /* One round more than is counted: the first warms up. */
    for (int i = -1; i < ROUNDS && !failed; i++) {
        struct traced t;
        struct tl_capture c, other;
        if (traced_start(&t, argv, TRACED_CRASH)) {
            printf("%s: %s did not crash\n", title, program);
            failed = 1;
            break;
        }
        uint64_t started;
        /* Whoever comes first finds colder caches: take turns. */
        if (against && i % 2) {
            started = tl_monotonic_ns();
            failed |= by_ptrace(&t, pcs);
            add(&ptrace, started);
        }
        started = tl_monotonic_ns();
        failed |= capture(&t, u, &c);
        if (i >= 0)
            add(&warm, started);
        if (against && i % 2 == 0) {
            started = tl_monotonic_ns();
            failed |= by_ptrace(&t, pcs);
            add(&ptrace, started);
        }
        struct tl_unwinder *fresh = tl_unwinder_new();
        started = tl_monotonic_ns();
        failed |= capture(&t, fresh, &other);
        add(&cold, started);
        tl_unwinder_free(fresh);
        traced_end(&t);
        started = tl_monotonic_ns();
        tl_symbolise(s, &c);
        add(i < 0 ? &names : &again, started);
        if (against && !failed)
            different += compare(&c, pcs);
        threads = c.n_threads;
        frames = 0;
        for (size_t k = 0; k < c.n_threads; k++) {
            frames += c.threads[k].n_frames;
            omitted = c.threads[k].omitted ? c.threads[k].omitted : omitted;
        }
        tl_capture_free(&c);
        tl_capture_free(&other);
    }
    tl_unwinder_free(u);
    tl_symboliser_free(s);
    free(pcs);
    if (failed)
        return 1;
    printf("%s: %zu threads, %zu frames, %llu more not kept (minimum / median)\n", title, threads, frames,
           (unsigned long long)omitted);
    double a = print(&warm);
    if (most_us > 0)
        printf("    %-26s %9.0f us%s\n", "  at most", most_us, a <= most_us ? "" : "  MISSED");
    print(&cold);
    if (against) {
        double b = print(&ptrace);
        printf("    %-26s %9.1f times, %zu frames differ\n", "  ratio of medians", b / a, different);
        failed = different || b < 5 * a;
    }
    print(&names);
    print(&again);
    return failed;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int failed = 0;
    failed |= run("25 frames, 1 thread", TARGETS "/crash_o2", "deep-16", 300, true);
    failed |= run("205 frames, 1 thread", TARGETS "/crash_o2", "deep-196", 0, true);
    failed |= run("16 threads", TARGETS "/crash_o2", "threads-15", 1500, true);
    failed |= run("1 thread, 5000 mappings", TARGETS "/crash_o2", "mappings", 0, false);
    failed |= run("stack overflow", TARGETS "/crash_o2", "overflow", 0, false);
    failed |= run(".debug_frame alone", TARGETS "/crash_debug_frame", "null", 0, false);
#ifdef BIG_PROGRAM
    failed |= run("in a stripped library of 45 MB", BIG_PROGRAM, NULL, 500, true);
#endif
    return failed;
}
