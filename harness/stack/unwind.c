/* Theory of operation. A struct tl_unwinder lives as long as the supervisor: it owns the ELF files that were
 * opened (elf_image.c), the address space of libunwind with its cache of decoded unwind rules, and spare
 * struct tl_unwind with their page caches. A struct tl_unwind is one process that is stopped: its mappings
 * and modules. A walk (unwind_walk.c) is one stack.
 *
 * libunwind's cache goes by absolute address, so it is valid only while the same files are mapped at the same
 * places. That is so for the children of one fork server; for all else it is flushed. */
#include "harness/stack/unwind.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/stack/unwind_walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More files than a Python process with a runtime maps: with fewer, some would be read anew for every
 * capture. */
#define MOST_FILES 256
#define MOST_BYTES ((size_t)256 << 20)
#define MOST_FRAMES 200000
#define MOST_NS 2000000000u /* of the processor: a machine that is busy with others unwinds as far */

struct tl_unwinder {
    unw_addr_space_t as;
    struct tl_elf_cache *elfs;
    struct tl_elf *vdso;
    struct tl_unwind *spare;
    uint64_t layout; /* that the cache of the address space belongs to */
    uint32_t round;
    uint64_t authentication; /* of the last thread that could be asked: it is the machine's */
};

struct tl_unwinder *tl_unwinder_new(void)
{
    struct tl_unwinder *u = tl_calloc(1, sizeof *u);
    u->as = unw_create_addr_space(&tl_unwind_accessors, 0);
    if (!u->as) {
        free(u);
        return NULL;
    }
    unw_set_caching_policy(u->as, UNW_CACHE_GLOBAL);
    u->elfs = tl_elf_cache_new(MOST_FILES, MOST_BYTES);
    u->vdso = tl_modules_own_vdso();
    return u;
}

void tl_unwinder_free(struct tl_unwinder *u)
{
    if (!u)
        return;
    for (struct tl_unwind *w = u->spare, *next; w; w = next) {
        next = w->next;
        tl_memory_free(w->memory);
        free(w);
    }
    tl_elf_cache_free(u->elfs);
    tl_elf_release(NULL, u->vdso);
    unw_destroy_addr_space(u->as);
    free(u);
}

static void retire(struct tl_unwind *w)
{
    for (size_t i = 0; w->cfis && i < w->modules.n; i++)
        tl_cfi_close(w->cfis[i]);
    free(w->cfis);
    w->cfis = NULL;
    tl_modules_release(&w->modules);
    tl_elf_cache_rest(w->u->elfs);
    w->next = w->u->spare;
    w->u->spare = w;
}

int tl_unwind_begin(struct tl_unwind **out, struct tl_unwinder *u, pid_t pid, struct tl_error *e)
{
    struct tl_unwind *w = u->spare;
    if (w) {
        u->spare = w->next;
    } else {
        w = tl_calloc(1, sizeof *w);
        w->memory = tl_memory_new();
        if (!w->memory) {
            free(w);
            return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unwind", "", "no address space for a page cache");
        }
    }
    w->u = u;
    w->pid = pid;
    w->round = ++u->round;
    w->elf = NULL;
    w->authentication = u->authentication;
    tl_memory_attach(w->memory, pid);
    if (tl_modules_read(&w->modules, u->elfs, u->vdso, pid, w->memory, e)) {
        retire(w);
        return -1;
    }
    *out = w;
    return 0;
}

static void read_name(pid_t pid, pid_t tid, char name[17])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)pid, (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, name, 16) : 0;
    if (fd >= 0)
        close(fd);
    name[n > 0 ? n : 0] = '\0';
    name[strcspn(name, "\n")] = '\0';
}

static struct tl_frame frame_of(const struct tl_walk *k)
{
    struct tl_frame f = {
        .module = k->place.module, .flags = k->flags, .offset = k->pc, .start = k->place.start};
    if (f.module != TL_NO_MODULE)
        f.offset -= k->w->modules.modules[f.module].base;
    return f;
}

static void unwind_from(struct tl_unwind *w, const struct tl_regs *regs, struct tl_thread *t)
{
    struct tl_unwinder *u = w->u;
    if (u->layout != w->modules.layout) {
        unw_flush_cache(u->as, 0, 0);
        u->layout = w->modules.layout;
    }
    const struct tl_mapping *stack = tl_modules_find(&w->modules, regs->r[TL_REG_SP]);
    if (stack && stack->readable)
        tl_memory_ahead(w->memory, regs->r[TL_REG_SP] - 128, stack->end);

    /* The first TL_FRAMES_TOP, then a ring of the last TL_FRAMES_BOTTOM. */
    struct tl_frame frames[TL_FRAMES_TOP + TL_FRAMES_BOTTOM];
    struct tl_walk k;
    tl_walk_begin(&k, w, u->as, regs);
    uint64_t started = tl_thread_cpu_ns(), n = 0;
    for (;;) {
        size_t at =
            n < TL_FRAMES_TOP ? (size_t)n : TL_FRAMES_TOP + (size_t)((n - TL_FRAMES_TOP) % TL_FRAMES_BOTTOM);
        frames[at] = frame_of(&k);
        n++;
        if (n == MOST_FRAMES || (n % 1024 == 0 && tl_thread_cpu_ns() - started > MOST_NS)) {
            t->truncated = true;
            break;
        }
        enum tl_walked r = tl_walk_next(&k);
        if (r == TL_WALK_ON)
            continue;
        t->truncated = r == TL_WALK_LOST;
        break;
    }

    size_t most = TL_FRAMES_TOP + TL_FRAMES_BOTTOM;
    t->n_frames = n < most ? (size_t)n : most;
    t->frames = tl_calloc(t->n_frames, sizeof *t->frames);
    memcpy(t->frames, frames, t->n_frames * sizeof *frames);
    if (n > most) {
        t->omitted = n - most;
        t->omitted_at = TL_FRAMES_TOP;
        size_t oldest = (size_t)((n - TL_FRAMES_TOP) % TL_FRAMES_BOTTOM);
        for (size_t i = 0; i < TL_FRAMES_BOTTOM; i++)
            t->frames[TL_FRAMES_TOP + i] = frames[TL_FRAMES_TOP + (oldest + i) % TL_FRAMES_BOTTOM];
    }
    tl_stack_id(w->modules.modules, t, t->stack_id);
}

int tl_unwind_thread(struct tl_unwind *w, pid_t tid, struct tl_thread *t, struct tl_error *e)
{
    struct tl_regs regs;
    t->pid = w->pid;
    t->tid = tid;
    read_name(w->pid, tid, t->name);
    if (tl_regs_get(tid, &regs, e))
        return -1;
    w->authentication = w->u->authentication = tl_regs_authentication(tid);
    unwind_from(w, &regs, t);
    return 0;
}

/* What is known of the registers of a thread that sleeps in a call of the kernel and cannot be stopped: the call's
 * arguments, the stack pointer and the pc, as /proc/PID/task/TID/syscall has them; the others are 0. False when it is
 * in no call. */
static bool regs_of_call(const char *line, struct tl_regs *regs)
{
    static const unsigned char order[6] = TL_REGS_OF_CALL;
    unsigned long long v[8];
    if (sscanf(line, "%*u %llx %llx %llx %llx %llx %llx %llx %llx", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
               &v[6], &v[7]) != 8)
        return false;
    *regs = (struct tl_regs){0};
    for (size_t i = 0; i < 6; i++)
        regs->r[order[i]] = v[i];
    regs->r[TL_REG_SP] = v[6];
    regs->r[TL_REG_PC] = v[7];
    return true;
}

void tl_unwind_call(struct tl_unwind *w, pid_t tid, const char *line, struct tl_thread *t)
{
    struct tl_regs regs;
    t->pid = w->pid;
    t->tid = tid;
    read_name(w->pid, tid, t->name);
    if (regs_of_call(line, &regs))
        unwind_from(w, &regs, t);
}

/* Of the modules that hold a frame. */
static void keep_files(struct tl_unwind *w, const struct tl_capture *c)
{
    bool any = false;
    for (size_t i = 0; i < w->modules.n; i++)
        any |= w->modules.elsewhere[i];
    if (!any)
        return;
    bool *wanted = tl_calloc(w->modules.n, sizeof *wanted);
    for (size_t i = 0; i < c->n_threads; i++)
        for (size_t k = 0; k < c->threads[i].n_frames; k++)
            if (c->threads[i].frames[k].module < w->modules.n)
                wanted[c->threads[i].frames[k].module] = true;
    tl_modules_keep(&w->modules, wanted);
    free(wanted);
}

void tl_unwind_end(struct tl_unwind *w, struct tl_capture *c)
{
    if (!w)
        return;
    if (c) {
        keep_files(w, c);
        c->modules = w->modules.modules;
        c->n_modules = w->modules.n;
        for (size_t i = 0; i < w->modules.n; i++)
            if (w->modules.elfs[i] != w->modules.vdso)
                tl_elf_release(w->modules.cache, w->modules.elfs[i]);
        for (size_t i = 0; w->cfis && i < w->modules.n; i++)
            tl_cfi_close(w->cfis[i]);
        free(w->cfis);
        w->cfis = NULL;
        w->modules.modules = NULL;
        w->modules.n = 0;
    }
    retire(w);
}
