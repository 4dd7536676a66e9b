/* What stands at the place of a fault: the bytes of the instruction, and what the process has at its address.
 *
 * The list of mappings is read once per capture, while other threads may still run: what it says of an address is
 * believed by nobody who has not held it to what the kernel said with the signal (verdict/fault.c). */
#include "harness/base/buffer.h"
#include "harness/stack/unwind_walk.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#endif

#define STACK_STEP                                                                                           \
    (1u << 20) /* how far below the end of a stack an access may lie that still means that stack */

/* Whether that mapping is the stack of a thread whose stack pointer is at its lower end, or has left it there. */
static bool is_used_up(const struct tl_mapping *m, uint64_t address, uint64_t sp)
{
    return m->writable && address < m->start && m->start - address <= STACK_STEP && sp < m->start + 4096 &&
           (sp >= m->start || m->start - sp <= STACK_STEP);
}

static void look_at(struct tl_modules *m, uint64_t address, uint64_t sp, struct tl_fault_place *place)
{
    const struct tl_mapping *here = tl_modules_find(m, address), *below = NULL, *above = NULL;
    for (size_t i = 0; i < m->n_mappings; i++) {
        const struct tl_mapping *x = &m->mappings[i];
        if (x->end <= address)
            below = x;
        else if (x->start > address && !above)
            above = x;
    }
    place->under_stack = above && is_used_up(above, address, sp);
    place->behind = UINT64_MAX;
    if (here) {
        place->kind = TL_PLACE_MAPPED;
        place->access[0] = here->readable ? 'r' : '-';
        place->access[1] = here->writable ? 'w' : '-';
        place->access[2] = here->executable ? 'x' : '-';
        place->name = tl_strdup(here->path);
        return;
    }
    place->kind = TL_PLACE_FREE;
    if (below)
        place->behind = address - below->end;
    place->name = tl_strdup(below ? below->path : "");
}

struct tl_fault *tl_unwind_fault(struct tl_unwind *w, pid_t tid, bool has_address, uint64_t address)
{
    struct tl_regs regs;
    struct tl_error ignored;
    if (tl_regs_get(tid, &regs, &ignored))
        return NULL;
    struct tl_fault *f = tl_calloc(1, sizeof *f);
    memcpy(f->arch, ARCH, sizeof ARCH);
    f->pc = regs.r[TL_REG_PC];
#if defined(__x86_64__)
    /* A breakpoint is reported when it has been executed. */
    unsigned char before;
    if (!has_address && tl_memory_read(w->memory, f->pc - 1, &before, 1) == 1 && before == 0xcc)
        f->pc--;
#endif
    f->n_code = tl_memory_read(w->memory, f->pc, f->code, sizeof f->code);
    if (has_address)
        look_at(&w->modules, address, regs.r[TL_REG_SP], &f->at);
    return f;
}
