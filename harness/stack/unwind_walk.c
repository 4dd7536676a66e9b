/* From a frame to its caller.
 *
 * Theory of operation. The unwind table of a function (an FDE, see eh_frame.c) gives for each of its
 * instructions a rule for the CFA, the canonical frame address: the value that the stack pointer had in the
 * caller just before the call. On x86-64 the return address is at CFA - 8. Further rules say where the
 * caller's registers are, as offsets from the CFA. Leaving a frame is: compute the CFA, read the return
 * address and the saved registers, set the stack pointer to the CFA.
 *
 * libunwind is asked for one thing only: to apply such a table to registers and memory. Everything around
 * that is decided here, because its own ways out of missing tables (a chain of frame pointers that it follows
 * through whatever looks like one) lead through heaps of frames that never were.
 *
 * From a frame to its caller, the first that works:
 *
 *   1. pc is not executable: a jump to NULL or to a wild address. The call pushed its return address: pop
 *      that.
 *   2. An FDE covers pc: libunwind steps. The step counts only if the stack pointer rose and the new pc is
 *      executable; what a signal interrupted may be anywhere, on any stack.
 *   3. pc is at sigreturn code without an FDE: the registers are in the signal frame that the kernel wrote.
 *   4. Tables that only libdw can use (cfi.c).
 *   5. No tables (a JIT): a return address at the stack pointer, or a frame pointer with one above it.
 *   6. The stack is searched for a return address: a word that follows a call instruction in executable
 *      memory. One whose own frame can be left in a sound way is preferred. Such frames are marked as
 *      guessed.
 *
 * The stack pointer rises with every step but those over signal frames, and of those there is a bounded
 * number, so this ends whatever is in memory. One step of libunwind reads at most BUDGET words: the
 * expressions in its tables may loop.
 *
 * A return address can be the first byte of the next function: a call that does not return is the last
 * instruction of its function. Where a cursor is set to a caller's frame anew it is given pc - 1, as
 * libunwind does itself along the way. Only the pc of the innermost frame and of one that a signal
 * interrupted is exact. */
#include "harness/stack/unwind_walk.h"

#include "harness/base/buffer.h"

#include <string.h>

/* Not in the header, but exported for accessors like these. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *di,
                                              unw_proc_info_t *pi, int need_unwind_info, void *arg);

#define BUDGET 65536
#define MOST_SIGNALS 64
#define SCAN_WORDS 32768 /* 256 KiB */
#define SCAN_TRIES 64
/* Where libunwind is told that the one entry of its table is: no user memory is here. */
#define WINDOW 0xfffffffffffff000u

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi, int need, void *arg)
{
    struct tl_unwind *w = arg;
    struct tl_fde fde;
    const struct tl_mapping *map = tl_modules_find(&w->modules, ip);
    if (!map || map->module == TL_NO_MODULE || !w->modules.elfs[map->module])
        return -UNW_ENOINFO;
    w->elf = w->modules.elfs[map->module];
    w->bias = w->modules.modules[map->module].base;
    if (!tl_elf_find_fde(w->elf, ip - w->bias, &fde))
        return -UNW_ENOINFO;
    /* A table of one entry: start and FDE relative to the FDE itself. */
    int64_t start = (int64_t)(fde.start - fde.at);
    if (start > INT32_MAX || start < INT32_MIN || ip - w->bias - fde.at + 0x80000000u > UINT32_MAX)
        return -UNW_ENOINFO;
    w->fde_at = fde.at;
    w->fde_size = w->authentication ? tl_elf_blank_fde(w->elf, &fde, w->fde, sizeof w->fde) : 0;
    w->entry[0] = (int32_t)start;
    w->entry[1] = 0;
    unw_dyn_info_t di;
    memset(&di, 0, sizeof di);
    di.format = UNW_INFO_FORMAT_REMOTE_TABLE;
    di.start_ip = w->bias + fde.start;
    di.end_ip = w->bias + fde.end;
    di.u.rti.segbase = w->bias + fde.at;
    di.u.rti.table_data = WINDOW;
    di.u.rti.table_len = 1; /* words: that is one entry */
    return UNW_OBJ(dwarf_search_unwind_table)(as, ip, &di, pi, need, arg);
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *at, void *arg)
{
    return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t as, unw_word_t at, unw_word_t *word, int write, void *arg)
{
    struct tl_unwind *w = arg;
    if (write || !w->budget)
        return -UNW_EINVAL;
    w->budget--;
    if (at >= WINDOW) {
        if (at - WINDOW > sizeof w->entry - sizeof *word)
            return -UNW_EINVAL;
        memcpy(word, (const char *)w->entry + (at - WINDOW), sizeof *word);
        return 0;
    }
    if (w->elf && tl_elf_read_only(w->elf, at - w->bias) &&
        tl_elf_read(w->elf, at - w->bias, word, sizeof *word)) {
        for (size_t i = 0; i < sizeof *word && w->fde_size; i++)
            if (at - w->bias + i - w->fde_at < w->fde_size)
                ((unsigned char *)word)[i] = w->fde[at - w->bias + i - w->fde_at];
        return 0;
    }
    return tl_memory_word(w->memory, at, word) ? 0 : -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t n, unw_word_t *value, int write, void *arg)
{
    const struct tl_unwind *w = arg;
    if (write || n < 0 || n >= TL_REGS)
        return -UNW_EBADREG;
    *value = w->regs->r[n];
    return 0;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t n, unw_fpreg_t *value, int write, void *arg)
{
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *c, void *arg)
{
    return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t at, char *name, size_t size, unw_word_t *offset,
                         void *arg)
{
    return -UNW_ENOINFO;
}

unw_accessors_t tl_unwind_accessors = {
    .find_proc_info = find_proc_info,
    .put_unwind_info = put_unwind_info,
    .get_dyn_info_list_addr = get_dyn_info_list_addr,
    .access_mem = access_mem,
    .access_reg = access_reg,
    .access_fpreg = access_fpreg,
    .resume = resume,
    .get_proc_name = get_proc_name,
};

static bool is_exact(uint32_t flags)
{
    return (flags & (TL_FRAME_FIRST | TL_FRAME_SIGNAL)) != 0;
}

/* What is known of pc; of the call before it when it is a return address. Good until the next question. */
static const struct tl_place *place_of(struct tl_unwind *w, uint64_t pc, bool exact)
{
    uint64_t at = exact ? pc : pc - 1;
    struct tl_place *p = &w->places[(at * 0x9e3779b97f4a7c15u) >> 54];
    if (p->pc == at && p->round == w->round)
        return p;
    const struct tl_mapping *map = tl_modules_find(&w->modules, at);
    *p = (struct tl_place){.pc = at, .round = w->round, .module = TL_NO_MODULE};
    p->executable = map && map->executable;
    if (!p->executable)
        return p;
    p->module = map->module;
    struct tl_fde fde;
    if (p->module != TL_NO_MODULE && w->modules.elfs[p->module] &&
        tl_elf_find_fde(w->modules.elfs[p->module], at - w->modules.modules[p->module].base, &fde)) {
        p->has_fde = true;
        p->signal = fde.signal;
        p->start = fde.start;
    }
    return p;
}

/* A code address as it is called: without what authenticates it. */
static uint64_t plain(const struct tl_unwind *w, uint64_t pc)
{
    return pc & ~w->authentication;
}

static bool is_return_address(struct tl_unwind *w, uint64_t pc)
{
    const struct tl_mapping *map = pc ? tl_modules_find(&w->modules, pc - 1) : NULL;
    return map && map->executable && tl_regs_after_call(w->memory, pc);
}

static void start_cursor(struct tl_walk *k, const struct tl_regs *regs)
{
    k->w->regs = regs;
    k->w->budget = BUDGET;
    k->has_cursor = unw_init_remote(&k->cursor, k->as, k->w) == 0;
}

/* Lets libunwind leave the frame at place. As unw_step; *pc and *sp are the caller's. */
static int step(struct tl_walk *k, const struct tl_place *place, uint64_t *pc, uint64_t *sp)
{
    struct tl_unwind *w = k->w;
    w->elf = w->modules.elfs[place->module];
    w->bias = w->modules.modules[place->module].base;
    w->budget = BUDGET;
    int r = unw_step(&k->cursor);
    unw_word_t new_pc = 0, new_sp = 0;
    if (r > 0 &&
        (unw_get_reg(&k->cursor, UNW_REG_IP, &new_pc) || unw_get_reg(&k->cursor, UNW_REG_SP, &new_sp)))
        r = -UNW_EBADFRAME;
    *pc = new_pc;
    *sp = new_sp;
    return r;
}

/* All registers as the cursor has them; one that it does not know is 0. */
static void regs_of_cursor(const unw_cursor_t *cursor, struct tl_regs *regs)
{
    unw_cursor_t c = *cursor;
    struct tl_regs out;
    for (int i = 0; i < TL_REGS; i++) {
        unw_word_t value;
        out.r[i] = unw_get_reg(&c, i, &value) ? 0 : value;
    }
    *regs = out;
}

/* Puts the walk at a frame given by its registers. */
static enum tl_walked go_on_at(struct tl_walk *k, const struct tl_regs *regs, uint32_t flags)
{
    k->regs = *regs;
    k->has_cursor = false;
    k->zero = false;
    k->pc = regs->r[TL_REG_PC];
    k->sp = regs->r[TL_REG_SP];
    k->flags = flags;
    k->place = *place_of(k->w, k->pc, is_exact(flags));
    if (k->place.executable)
        return TL_WALK_ON;
    if (!is_exact(flags) && tl_regs_at_sigreturn(k->w->memory, k->pc))
        return TL_WALK_ON;
    k->flags |= TL_FRAME_WILD;
    return TL_WALK_ON;
}

/* For a fresh cursor: the call, not the return; but the sigreturn code is never called, it is returned to. */
static void aim_at_call(struct tl_walk *k, struct tl_regs *regs, uint32_t flags)
{
    if (!is_exact(flags) && !tl_regs_at_sigreturn(k->w->memory, regs->r[TL_REG_PC]))
        regs->r[TL_REG_PC]--;
}

static struct tl_cfi *cfi_of(struct tl_unwind *w, uint32_t module)
{
    if (module == TL_NO_MODULE || !w->modules.elfs[module] || w->modules.elfs[module]->no_slow_cfi)
        return NULL;
    if (!w->cfis)
        w->cfis = tl_calloc(w->modules.n, sizeof(struct tl_cfi *));
    if (!w->cfis[module])
        w->cfis[module] = tl_cfi_open(w->modules.elfs[module]);
    return w->cfis[module];
}

/* Whether the frame that these registers describe can be left in a sound way: 1 to a caller, 0 as the outermost one, -1 not. */
static int is_sound(struct tl_walk *k, const struct tl_regs *regs)
{
    struct tl_unwind *w = k->w;
    const struct tl_place *place = place_of(w, regs->r[TL_REG_PC], false);
    struct tl_regs aimed = *regs;
    uint64_t pc = 0, sp = 0;
    bool signal = place->signal;
    int r = -1;
    if (place->has_fde) {
        aim_at_call(k, &aimed, 0);
        start_cursor(k, &aimed);
        if (k->has_cursor)
            r = step(k, place, &pc, &sp);
        k->has_cursor = false;
    } else {
        struct tl_cfi *cfi = cfi_of(w, place->module);
        if (cfi)
            r = tl_cfi_step(cfi, place->pc - w->modules.modules[place->module].base, w->memory, &aimed,
                            &signal);
        pc = aimed.r[TL_REG_PC];
        sp = aimed.r[TL_REG_SP];
    }
    if (r <= 0)
        return r ? -1 : 0;
    return signal || (sp > regs->r[TL_REG_SP] && is_return_address(w, plain(w, pc))) ? 1 : -1;
}

/* Searches the stack from `from` upwards. */
static enum tl_walked scan(struct tl_walk *k, const struct tl_regs *regs, uint64_t from)
{
    struct tl_unwind *w = k->w;
    from = (from + 7) & ~(uint64_t)7;
    const struct tl_mapping *stack = tl_modules_find(&w->modules, from);
    if (!stack || !stack->readable)
        return k->zero ? TL_WALK_END : TL_WALK_LOST;
    uint64_t end = stack->end;
    if ((end - from) / 8 > SCAN_WORDS)
        end = from + SCAN_WORDS * 8;
    struct tl_regs first, outermost;
    unsigned tries = 0;
    bool ends = false;
    uint64_t word;
    for (uint64_t at = from; at + 8 <= end && tries < SCAN_TRIES && tl_memory_word(w->memory, at, &word);
         at += 8) {
        word = plain(w, word);
        if (!is_return_address(w, word))
            continue;
        struct tl_regs candidate = *regs;
        candidate.r[TL_REG_PC] = word;
        /* A callee that keeps frame pointers saved its caller's just below the return address. */
        uint64_t fp;
        if (tl_memory_word(w->memory, at - 8, &fp) && fp > at && fp < stack->end)
            candidate.r[TL_REG_FP] = fp;
        else if (candidate.r[TL_REG_FP] <= at || candidate.r[TL_REG_FP] >= stack->end)
            candidate.r[TL_REG_FP] = 0;
        uint64_t caller;
        for (unsigned i = 0; (caller = tl_regs_caller_sp(at, candidate.r[TL_REG_FP], i)) != 0; i++) {
            candidate.r[TL_REG_SP] = caller;
            int sound = caller < stack->end ? is_sound(k, &candidate) : -1;
            if (sound > 0)
                return go_on_at(k, &candidate, TL_FRAME_GUESSED);
            if (!sound && !ends)
                outermost = candidate;
            ends |= !sound;
            if (!tries++)
                first = candidate;
        }
    }
    /* One that nothing called is the last resort: start-up code leaves addresses of itself in what is a frame of others later. */
    if (ends)
        return go_on_at(k, &outermost, TL_FRAME_GUESSED);
    /* A return address of zero can be the end, in code that was not told how to say so. */
    if (k->zero)
        return TL_WALK_END;
    return tries ? go_on_at(k, &first, TL_FRAME_GUESSED) : TL_WALK_LOST;
}

/* Code without tables: from what the convention leaves on the stack. */
static bool by_convention(struct tl_walk *k, const struct tl_regs *regs, bool exact, struct tl_regs *caller)
{
    struct tl_unwind *w = k->w;
    uint64_t sp = regs->r[TL_REG_SP], fp = regs->r[TL_REG_FP], link = 0, pc = 0;
    struct tl_regs popped = *regs;
    bool can_pop = exact && tl_regs_pop(w->memory, w->authentication, &popped) &&
                   is_return_address(w, popped.r[TL_REG_PC]);
    const struct tl_mapping *stack = tl_modules_find(&w->modules, sp);
    bool linked = stack && fp >= sp && fp % 8 == 0 && stack->end - sp > 16 && fp <= stack->end - 16 &&
                  tl_memory_word(w->memory, fp, &link) && tl_memory_word(w->memory, fp + 8, &pc) &&
                  is_return_address(w, plain(w, pc));
    /* Where the frame pointer is that of another frame, following it would leave one out. What a function has called returned
     * into itself; so a return address elsewhere is its own. */
    if (can_pop && !(linked && plain(w, pc) == popped.r[TL_REG_PC])) {
        bool here = tl_modules_find(&w->modules, k->pc) == tl_modules_find(&w->modules, popped.r[TL_REG_PC]);
        if (!linked || !here || tl_regs_without_frame(w->memory, k->pc)) {
            *caller = popped;
            return true;
        }
    }
    if (linked) {
        caller->r[TL_REG_PC] = plain(w, pc);
        caller->r[TL_REG_SP] = fp + 16;
        caller->r[TL_REG_FP] = link;
        return true;
    }
    if (can_pop)
        *caller = popped;
    return can_pop;
}

/* Whether a return address is none, since no call stands before it. Go's handler of a signal puts the pc that was interrupted
 * on the stack, as if the function there had called runtime.sigpanic: it is exact. But a goroutine's first return address, one
 * instruction into runtime.goexit, was put there too. */
static bool was_interrupted(struct tl_walk *k, const struct tl_regs *caller)
{
    uint64_t pc = caller->r[TL_REG_PC];
    const struct tl_mapping *map = tl_modules_find(&k->w->modules, pc);
    struct tl_cfi *cfi = map && map->executable ? cfi_of(k->w, map->module) : NULL;
    if (!cfi || tl_regs_after_call(k->w->memory, pc))
        return false;
    struct tl_regs at = *caller;
    bool signal;
    uint64_t vaddr = pc - k->w->modules.modules[map->module].base;
    return tl_cfi_step(cfi, vaddr, k->w->memory, &at, &signal) > 0 && !signal && at.r[TL_REG_PC];
}

/* Whether the return address of a frame was put there by whoever made the stack: one instruction into a function that
 * begins with no call. So does Go, whose goroutines return to runtime.goexit; nothing lies above. */
static bool is_made_up(struct tl_walk *k, uint64_t start)
{
    if (!start || k->place.module == TL_NO_MODULE)
        return false;
    start += k->w->modules.modules[k->place.module].base;
    return k->pc == start + TL_SHORTEST_INSTRUCTION && !tl_regs_after_call(k->w->memory, k->pc);
}

/* The ways that do not need an FDE. `from`: where a search of the stack would begin. */
static enum tl_walked without_fde(struct tl_walk *k, const struct tl_regs *regs, uint64_t from)
{
    struct tl_unwind *w = k->w;
    struct tl_regs caller = *regs;
    bool exact = is_exact(k->flags), signal = false;
    if (tl_regs_at_sigreturn(w->memory, k->pc) && k->signals < MOST_SIGNALS &&
        tl_regs_unwind_signal(w->memory, &caller)) {
        k->signals++;
        return go_on_at(k, &caller, TL_FRAME_SIGNAL);
    }
    struct tl_cfi *cfi = k->place.has_fde ? NULL : cfi_of(w, k->place.module);
    uint64_t vaddr = cfi ? k->place.pc - w->modules.modules[k->place.module].base : 0;
    if (!exact && is_made_up(k, k->place.has_fde ? k->place.start : cfi ? tl_cfi_start(cfi, vaddr) : 0))
        return TL_WALK_END;
    if (cfi) {
        int r = tl_cfi_step(cfi, vaddr, w->memory, &caller, &signal);
        if (r == 0)
            return TL_WALK_END;
        k->zero = r > 0 && !caller.r[TL_REG_PC];
        caller.r[TL_REG_PC] = plain(w, caller.r[TL_REG_PC]);
        if (r > 0 && signal && k->signals < MOST_SIGNALS) {
            k->signals++;
            return go_on_at(k, &caller, TL_FRAME_SIGNAL);
        }
        if (r > 0 && !signal && place_of(w, caller.r[TL_REG_PC], false)->executable &&
            (caller.r[TL_REG_SP] > k->sp || (exact && caller.r[TL_REG_SP] == k->sp)))
            return go_on_at(k, &caller, was_interrupted(k, &caller) ? TL_FRAME_SIGNAL : 0);
    }
    if (!k->place.has_fde) {
        if (by_convention(k, regs, exact, &caller))
            return go_on_at(k, &caller, 0);
        /* Start-up code zeroes the frame pointer to say that nothing called it. */
        if (!exact && !regs->r[TL_REG_FP] && k->place.module != TL_NO_MODULE)
            return TL_WALK_END;
    }
    return scan(k, regs, from);
}

void tl_walk_begin(struct tl_walk *k, struct tl_unwind *w, unw_addr_space_t as, const struct tl_regs *regs)
{
    memset(k, 0, sizeof *k);
    k->w = w;
    k->as = as;
    go_on_at(k, regs, TL_FRAME_FIRST);
}

enum tl_walked tl_walk_next(struct tl_walk *k)
{
    struct tl_unwind *w = k->w;
    struct tl_regs regs;
    uint64_t from = k->sp;
    if (k->flags & TL_FRAME_WILD) {
        if (k->has_cursor)
            regs_of_cursor(&k->cursor, &k->regs);
        regs = k->regs;
        if (tl_regs_pop(w->memory, w->authentication, &regs) && is_return_address(w, regs.r[TL_REG_PC]))
            return go_on_at(k, &regs, 0);
        regs = k->regs;
        return scan(k, &regs, from);
    }
    if (!k->place.has_fde) {
        if (k->has_cursor)
            regs_of_cursor(&k->cursor, &k->regs);
        regs = k->regs;
        return without_fde(k, &regs, from);
    }
    if (!k->has_cursor) {
        aim_at_call(k, &k->regs, k->flags);
        start_cursor(k, &k->regs);
        if (!k->has_cursor)
            return TL_WALK_LOST;
    }
    unw_cursor_t before = k->cursor;
    uint64_t pc, sp;
    int r = step(k, &k->place, &pc, &sp);
    if (r == 0)
        return TL_WALK_END;
    bool exact = is_exact(k->flags);
    uint64_t stripped = plain(w, pc);
    if (r > 0 && k->place.signal && k->signals < MOST_SIGNALS) {
        k->signals++;
        k->pc = pc;
        k->sp = sp;
        k->place = *place_of(w, pc, true);
        k->flags = TL_FRAME_SIGNAL | (k->place.executable ? 0 : TL_FRAME_WILD);
        return TL_WALK_ON;
    }
    if (r > 0 && !k->place.signal && (sp > k->sp || (exact && sp == k->sp && pc != k->pc))) {
        const struct tl_place *place = place_of(w, stripped, false);
        if (place->executable || tl_regs_at_sigreturn(w->memory, stripped)) {
            if (stripped != pc) {
                regs_of_cursor(&k->cursor, &regs);
                regs.r[TL_REG_PC] = stripped;
                return go_on_at(k, &regs, 0);
            }
            k->pc = pc;
            k->sp = sp;
            k->place = *place;
            k->flags = 0;
            return TL_WALK_ON;
        }
        /* The return address is no code: it was overwritten. What lies below it is dead. */
        k->zero = !pc;
        if (sp - k->sp < SCAN_WORDS * 8)
            from = sp;
    }
    regs_of_cursor(&before, &regs);
    return without_fde(k, &regs, from);
}
