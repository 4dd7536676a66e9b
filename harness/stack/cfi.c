/* Theory of operation. Two kinds of tables say how to leave a frame and cannot be searched as eh_frame.c
 * does: an .eh_frame whose file has no .eh_frame_hdr, and .debug_frame, which holds the same records in
 * sections that are not loaded. libdw reads either from the file and answers for one address with DWARF
 * expressions: one for the CFA, one for each register of the caller. An expression is a little program on a
 * stack of words; here it is run on the registers of the frame and the memory of the process. It gives where
 * a register was saved, or, after DW_OP_stack_value or when it only names a register, the value itself. An
 * undefined return address marks the outermost frame. */
#include "harness/stack/cfi.h"

#include "harness/base/buffer.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tl_cfi {
    int fd;
    Elf *elf;
    Dwarf *dwarf;
    Dwarf_CFI *tables[2];
};

static bool has_section(Elf *elf, const char *wanted)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names))
        return false;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr h;
        const char *name = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;
        if (name && h.sh_type != SHT_NOBITS && !strcmp(name, wanted))
            return true;
    }
    return false;
}

/* What libdw may not know in tables of arm64, see eh_frame.c. The data is libelf's own copy. */
static void blank_signing(Elf *elf)
{
    size_t names;
    if (TL_ELF_MACHINE != EM_AARCH64 || elf_getshdrstrndx(elf, &names))
        return;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr h;
        const char *name = gelf_getshdr(scn, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;
        bool debug_frame = name && !strcmp(name, ".debug_frame");
        if (!name || h.sh_type == SHT_NOBITS || (h.sh_flags & SHF_COMPRESSED) ||
            (!debug_frame && strcmp(name, ".eh_frame")))
            continue;
        /* libdw reads one section in the one way, and the other in the other. */
        Elf_Data *data = debug_frame ? elf_getdata(scn, NULL) : elf_rawdata(scn, NULL);
        if (data && data->d_buf)
            tl_frames_blank(data->d_buf, data->d_size, debug_frame);
    }
}

struct tl_cfi *tl_cfi_open(struct tl_elf *image)
{
    if (image->no_slow_cfi)
        return NULL;
    int fd = tl_elf_file(image);
    if (fd >= 0)
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    struct tl_cfi *cfi = tl_calloc(1, sizeof *cfi);
    cfi->fd = fd;
    elf_version(EV_CURRENT);
    /* ELF_C_READ: read into memory of our own, never mapped; see elf_image.c. */
    cfi->elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    if (cfi->elf)
        blank_signing(cfi->elf);
    if (cfi->elf && image->table == image->table_end && has_section(cfi->elf, ".eh_frame"))
        cfi->tables[0] = dwarf_getcfi_elf(cfi->elf);
    if (cfi->elf && has_section(cfi->elf, ".debug_frame")) {
        cfi->dwarf = dwarf_begin_elf(cfi->elf, DWARF_C_READ, NULL);
        cfi->tables[1] = cfi->dwarf ? dwarf_getcfi(cfi->dwarf) : NULL;
    }
    if (!cfi->tables[0] && !cfi->tables[1]) {
        image->no_slow_cfi = true;
        tl_cfi_close(cfi);
        return NULL;
    }
    return cfi;
}

void tl_cfi_close(struct tl_cfi *cfi)
{
    if (!cfi)
        return;
    if (cfi->tables[0])
        dwarf_cfi_end(cfi->tables[0]);
    dwarf_end(cfi->dwarf); /* and with it tables[1] */
    elf_end(cfi->elf);
    if (cfi->fd >= 0)
        close(cfi->fd);
    free(cfi);
}

struct evaluation {
    struct tl_memory *memory;
    const struct tl_regs *regs;
    const uint64_t *cfa; /* NULL while it is being computed */
    uint64_t stack[16];
    size_t n;
};

static bool push(struct evaluation *v, uint64_t x)
{
    if (v->n == TL_COUNT(v->stack))
        return false;
    v->stack[v->n++] = x;
    return true;
}

static bool binary(struct evaluation *v, unsigned atom)
{
    if (v->n < 2)
        return false;
    uint64_t b = v->stack[--v->n], *a = &v->stack[v->n - 1];
    switch (atom) {
    case DW_OP_plus:
        *a += b;
        return true;
    case DW_OP_minus:
        *a -= b;
        return true;
    case DW_OP_and:
        *a &= b;
        return true;
    case DW_OP_or:
        *a |= b;
        return true;
    case DW_OP_mul:
        *a *= b;
        return true;
    case DW_OP_shl:
        *a = b < 64 ? *a << b : 0;
        return true;
    case DW_OP_ge:
        *a = (int64_t)*a >= (int64_t)b;
        return true;
    default:
        return false;
    }
}

/* The operations that occur in unwind tables; none of them jumps, so this ends. *is_value: the result is the
 * value, not where it is. */
static bool evaluate(struct evaluation *v, const Dwarf_Op *ops, size_t n, uint64_t *result, bool *is_value)
{
    *is_value = false;
    v->n = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned a = ops[i].atom;
        bool ok;
        if (a >= DW_OP_breg0 && a <= DW_OP_breg31)
            ok = a - DW_OP_breg0 < TL_REGS && push(v, v->regs->r[a - DW_OP_breg0] + ops[i].number);
        else if (a == DW_OP_bregx)
            ok = ops[i].number < TL_REGS && push(v, v->regs->r[ops[i].number] + ops[i].number2);
        else if (a >= DW_OP_reg0 && a <= DW_OP_reg31) {
            ok = a - DW_OP_reg0 < TL_REGS && push(v, v->regs->r[a - DW_OP_reg0]);
            *is_value = true;
        } else if (a == DW_OP_regx) {
            ok = ops[i].number < TL_REGS && push(v, v->regs->r[ops[i].number]);
            *is_value = true;
        } else if (a >= DW_OP_lit0 && a <= DW_OP_lit31)
            ok = push(v, a - DW_OP_lit0);
        else if (a == DW_OP_call_frame_cfa)
            ok = v->cfa && push(v, *v->cfa);
        else if (a == DW_OP_plus_uconst) {
            ok = v->n > 0;
            if (ok)
                v->stack[v->n - 1] += ops[i].number;
        } else if (a == DW_OP_deref)
            ok = v->n > 0 && tl_memory_word(v->memory, v->stack[v->n - 1], &v->stack[v->n - 1]);
        else if (a == DW_OP_const1u || a == DW_OP_const1s || a == DW_OP_const2u || a == DW_OP_const2s ||
                 a == DW_OP_const4u || a == DW_OP_const4s || a == DW_OP_const8u || a == DW_OP_const8s ||
                 a == DW_OP_constu || a == DW_OP_consts || a == DW_OP_addr)
            ok = push(v, ops[i].number);
        else if (a == DW_OP_stack_value) {
            *is_value = true;
            ok = true;
        } else if (a == DW_OP_nop)
            ok = true;
        else
            ok = binary(v, a);
        if (!ok)
            return false;
    }
    if (!v->n)
        return false;
    *result = v->stack[v->n - 1];
    return true;
}

static int step(Dwarf_Frame *frame, struct tl_memory *m, struct tl_regs *regs, bool *signal)
{
    int return_address = dwarf_frame_info(frame, NULL, NULL, signal);
    Dwarf_Op *ops;
    size_t n;
    uint64_t cfa;
    bool is_value;
    struct evaluation v = {m, regs, NULL, {0}, 0};
    if (return_address < 0 || return_address >= TL_REGS || dwarf_frame_cfa(frame, &ops, &n) || !n ||
        !evaluate(&v, ops, n, &cfa, &is_value))
        return -1;
    v.cfa = &cfa;
    struct tl_regs caller = *regs;
    caller.r[TL_REG_SP] = cfa;
    for (int i = 0; i < TL_REGS; i++) {
        Dwarf_Op memory[3];
        uint64_t at;
        if (dwarf_frame_register(frame, i, memory, &ops, &n))
            continue;
        if (!n) {
            if (!ops || i != return_address)
                continue; /* the same value, or one that nobody may rely on */
            return 0;     /* an undefined return address: the outermost frame */
        }
        if (!evaluate(&v, ops, n, &at, &is_value) || (!is_value && !tl_memory_word(m, at, &at)))
            return -1;
        caller.r[i] = at;
    }
    caller.r[TL_REG_PC] = caller.r[return_address];
    *regs = caller;
    return 1;
}

int tl_cfi_step(struct tl_cfi *cfi, uint64_t vaddr, struct tl_memory *m, struct tl_regs *regs, bool *signal)
{
    for (int i = 0; i < 2; i++) {
        Dwarf_Frame *frame;
        if (!cfi->tables[i] || dwarf_cfi_addrframe(cfi->tables[i], vaddr, &frame))
            continue;
        int r = step(frame, m, regs, signal);
        free(frame);
        return r;
    }
    return -1;
}

uint64_t tl_cfi_start(struct tl_cfi *cfi, uint64_t vaddr)
{
    for (int i = 0; i < 2; i++) {
        Dwarf_Frame *frame;
        Dwarf_Addr start;
        if (!cfi->tables[i] || dwarf_cfi_addrframe(cfi->tables[i], vaddr, &frame))
            continue;
        bool found = dwarf_frame_info(frame, &start, NULL, NULL) >= 0;
        free(frame);
        if (found)
            return start;
    }
    return 0;
}
