/* Instructions by capstone.
 *
 * What an instruction does with memory beside its operands is added here: push and call write below the stack pointer,
 * pop and ret read at it. Of arm64 capstone tells neither size nor direction of an access; they follow from the name of the
 * instruction and from its registers. */
#include "harness/verdict/instruction.h"

#include "harness/base/buffer.h"

#if __has_include(<capstone/capstone.h>)
#include <capstone/capstone.h>
#else
#include <capstone.h>
#endif
#include <stdio.h>
#include <string.h>

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

static struct tl_memory_operand *add_memory(struct tl_instruction *i)
{
    static struct tl_memory_operand nowhere;
    if (i->n_memory == TL_MEMORY_OPERANDS)
        return &nowhere;
    struct tl_memory_operand *m = &i->memory[i->n_memory++];
    *m = (struct tl_memory_operand){.scale = 1, .index_bits = 64};
    return m;
}

static void set_name(csh h, unsigned reg, char name[12])
{
    const char *text = reg ? cs_reg_name(h, reg) : NULL;
    snprintf(name, 12, "%s", text ? text : "");
}

/* ---- x86-64 ---- */

/* Instructions of AVX and later. */
static bool is_vector(const cs_insn *x)
{
    return (*x->mnemonic == 'v' || *x->mnemonic == 'k') && x->detail->x86.op_count > 1;
}

static bool begins_any(const char *name, const char *const *beginnings, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (begins(name, beginnings[i]))
            return true;
    return false;
}

/* Version 4 has most stores of SSE, AVX-512 and x87 as reads. Which an access is follows from where the operand stands, but
 * for arithmetic of integers, of which it knows. */
static void set_direction(const cs_insn *x, int at, struct tl_memory_operand *m)
{
    static const char *const stores[] = {"mov", "pextr",   "extractps", "fst",   "fist",   "fnst",
                                         "set", "stmxcsr", "stos",      "xsave", "fxsave", "maskmov"},
                             *const both[] = {"xchg", "xadd", "cmpxchg"};
    const cs_x86_op *o = &x->detail->x86.operands[at];
    const char *blank = strrchr(x->mnemonic, ' '), *name = blank ? blank + 1 : x->mnemonic; /* "lock xadd" */
    bool stores_first = is_vector(x) || begins_any(name, stores, TL_COUNT(stores));
    if (begins_any(name, both, TL_COUNT(both))) {
        m->read = m->write = true;
    } else if (at > 0 || stores_first) {
        m->read = at > 0;
        m->write = at == 0;
    } else {
        m->read = o->access & CS_AC_READ;
        m->write = o->access & CS_AC_WRITE;
    }
}

static void add_x86_operand(csh h, const cs_insn *x, int at, struct tl_instruction *i)
{
    const cs_x86_op *o = &x->detail->x86.operands[at];
    struct tl_memory_operand *m = add_memory(i);
    set_name(h, o->mem.base, m->base);
    set_name(h, o->mem.index, m->index);
    if (o->mem.segment == X86_REG_FS || o->mem.segment == X86_REG_GS)
        snprintf(m->segment, sizeof m->segment, "%s_base", cs_reg_name(h, o->mem.segment));
    m->vague = begins(m->index, "xmm") || begins(m->index, "ymm") || begins(m->index, "zmm");
    m->scale = (unsigned)o->mem.scale;
    m->displacement = o->mem.disp;
    m->size = o->size;
    set_direction(x, at, m);
}

static void add_x86_stack(const cs_insn *x, struct tl_instruction *i)
{
    static const struct {
        unsigned id;
        bool write;
    } known[] = {{X86_INS_PUSH, true}, {X86_INS_PUSHFQ, true}, {X86_INS_CALL, true}, {X86_INS_ENTER, true},
                 {X86_INS_POP, false}, {X86_INS_POPFQ, false}, {X86_INS_RET, false}};
    for (size_t k = 0; k < TL_COUNT(known); k++)
        if (x->id == known[k].id) {
            struct tl_memory_operand *m = add_memory(i);
            memcpy(m->base, "rsp", 4);
            m->displacement = known[k].write ? -8 : 0;
            m->size = 8;
            m->write = known[k].write;
            m->read = !known[k].write;
        }
}

/* Of those that want their operand at a multiple of its size. */
static bool is_aligned_x86(const char *name)
{
    static const char *const names[] = {"movaps",    "movapd",    "movdqa",    "movntps",   "movntpd",
                                        "movntdq",   "vmovaps",   "vmovapd",   "vmovdqa",   "vmovntps",
                                        "vmovntpd",  "vmovntdq",  "vmovdqa32", "vmovdqa64", "movntdqa",
                                        "vmovntdqa", "cmpxchg16b"};
    return tl_is_one_of(name, names, TL_COUNT(names));
}

/* Instructions of the first generation of vectors take their operand from memory at multiples of 16 only. */
static bool is_old_vector(const cs_insn *x)
{
    bool vector = false;
    for (int k = 0; k < x->detail->x86.op_count; k++)
        vector |= x->detail->x86.operands[k].type == X86_OP_MEM && x->detail->x86.operands[k].size == 16;
    static const char *const unaligned[] = {"movups", "movupd", "movdqu", "lddqu"};
    return vector && x->mnemonic[0] != 'v' && !tl_is_one_of(x->mnemonic, unaligned, TL_COUNT(unaligned));
}

static void read_x86(csh h, const cs_insn *x, struct tl_instruction *i)
{
    const cs_x86 *d = &x->detail->x86;
    for (int k = 0; k < d->op_count; k++)
        if (d->operands[k].type == X86_OP_MEM && (d->operands[k].access || is_vector(x)))
            add_x86_operand(h, x, k, i);
    if (x->id == X86_INS_LEA || x->id == X86_INS_NOP)
        i->n_memory = 0;
    add_x86_stack(x, i);
    i->aligned = is_aligned_x86(x->mnemonic) || is_old_vector(x);
    if (x->id == X86_INS_DIV || x->id == X86_INS_IDIV) {
        i->kind = TL_INSTRUCTION_DIVIDE;
        if (d->op_count == 1 && d->operands[0].type == X86_OP_REG) {
            set_name(h, d->operands[0].reg, i->divisor);
            i->divisor_size = d->operands[0].size;
        }
    }
    if (x->id == X86_INS_UD2 || x->id == X86_INS_INT3)
        i->kind = TL_INSTRUCTION_TRAP;
}

/* ---- arm64 ---- */

static unsigned arm64_size(const char *name, const char *reg)
{
    size_t n = strlen(name);
    static const char *const pairs[] = {"ldp", "stp", "ldnp", "stnp", "ldxp", "stxp", "ldaxp", "stlxp"};
    unsigned each = *reg == 'w' || *reg == 's' ? 4 : *reg == 'h' ? 2 : *reg == 'b' ? 1 : *reg == 'q' ? 16 : 8;
    if (*reg == 'v' || *reg == 'z' || *reg == 'p')
        return 0;
    if (!strcmp(name, "ldpsw"))
        return 8;
    if (tl_is_one_of(name, pairs, TL_COUNT(pairs)))
        return 2 * each;
    if (n > 3 && name[n - 1] == 'b')
        return 1;
    if (n > 3 && name[n - 1] == 'h')
        return 2;
    return n > 3 && name[n - 1] == 'w' && name[n - 2] == 's' ? 4 : each;
}

static void set_arm64_name(csh h, unsigned reg, char name[12])
{
    set_name(h, reg, name);
    if (!strcmp(name, "fp"))
        memcpy(name, "x29", 4);
    else if (!strcmp(name, "lr"))
        memcpy(name, "x30", 4);
}

static void add_arm64_operand(csh h, const cs_insn *x, const cs_arm64_op *o, struct tl_instruction *i)
{
    struct tl_memory_operand *m = add_memory(i);
    const cs_arm64_op *first = &x->detail->arm64.operands[0];
    char reg[12] = "";
    /* Of an exclusive store the first register is what tells whether it was done. */
    if (begins(x->mnemonic, "stxr") || begins(x->mnemonic, "stlxr"))
        first++;
    if (first->type == ARM64_OP_REG)
        set_name(h, first->reg, reg);
    set_arm64_name(h, o->mem.base, m->base);
    set_arm64_name(h, o->mem.index, m->index);
    if (m->index[0] == 'w') {
        m->index[0] = 'x';
        m->index_bits = 32;
    }
    m->vague = m->base[0] == 'z' || m->index[0] == 'z';
    m->index_signed = o->ext == ARM64_EXT_SXTW;
    m->scale = o->shift.type == ARM64_SFT_LSL && o->shift.value < 8 ? 1u << o->shift.value : 1;
    m->displacement = o->mem.disp;
    m->size = arm64_size(x->mnemonic, reg);
    m->read = begins(x->mnemonic, "ld") || begins(x->mnemonic, "swp") || begins(x->mnemonic, "cas");
    m->write = begins(x->mnemonic, "st") || begins(x->mnemonic, "swp") || begins(x->mnemonic, "cas");
}

static void read_arm64(csh h, const cs_insn *x, struct tl_instruction *i)
{
    const cs_arm64 *d = &x->detail->arm64;
    for (int k = 0; k < d->op_count; k++)
        if (d->operands[k].type == ARM64_OP_MEM && !begins(x->mnemonic, "prf"))
            add_arm64_operand(h, x, &d->operands[k], i);
    if (x->id == ARM64_INS_BRK || begins(x->mnemonic, "udf"))
        i->kind = TL_INSTRUCTION_TRAP;
}

/* ---- any ---- */

/* Takes the first byte of a pair out, wherever it stands: some versions leave a blank before a comma. */
static void take_out(char *text, const char *pair)
{
    for (char *at; (at = strstr(text, pair));)
        memmove(at, at + 1, strlen(at));
}

bool tl_instruction_readable(void)
{
    return true;
}

bool tl_instruction_read(const char *arch, const unsigned char *code, size_t n, uint64_t pc,
                         struct tl_instruction *i)
{
    bool x86 = !strcmp(arch, "x86_64"), arm = !strcmp(arch, "aarch64");
    csh h;
    cs_insn *x = NULL;
    *i = (struct tl_instruction){.n_memory = 0};
    if ((!x86 && !arm) || !n ||
        cs_open(x86 ? CS_ARCH_X86 : CS_ARCH_ARM64, x86 ? CS_MODE_64 : CS_MODE_LITTLE_ENDIAN, &h))
        return false;
    cs_option(h, CS_OPT_DETAIL, CS_OPT_ON);
    bool known = cs_disasm(h, code, n, pc, 1, &x) == 1;
    if (known) {
        snprintf(i->text, sizeof i->text, "%s%s%s", x->mnemonic, *x->op_str ? " " : "", x->op_str);
        take_out(i->text, " ,");
        i->size = x->size;
        if (x86)
            read_x86(h, x, i);
        else
            read_arm64(h, x, i);
        cs_free(x, 1);
    }
    cs_close(&h);
    return known;
}
