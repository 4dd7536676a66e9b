/* What an instruction did that ended a process, in words.
 *
 * Theory of operation. The kernel tells the address of a fault and why it was one; the instruction tells from which
 * registers an address was made, how many bytes it wanted there, and whether it read or wrote. The two have to agree: an
 * operand counts only when the address that its registers give holds the address of the fault. What lies there was looked up
 * while other threads of the process still ran, so that is said only when it agrees with why the kernel refused.
 *
 * An address that no process can have reaches no page table, so the kernel is told none. It follows from the operands
 * then: one that can be no address is what the instruction failed of. */
#include "harness/verdict/fault.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/verdict/instruction.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_NULL 65536 /* an address below it is a null pointer with an offset */
#define NEAR_END 65536  /* that far behind a mapping it is still told of it */

#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif
#define MAPERR 1 /* of SIGSEGV, on every system: nothing is mapped there */
#define ACCERR 2 /* what is mapped may not be used so */

static bool value_of(const struct tl_capture *c, const char *name, uint64_t *value)
{
    for (size_t i = 0; i < c->n_registers; i++) {
        const char *mine = c->registers[i].name;
        bool alias =
            (!strcmp(mine, "fp") && !strcmp(name, "x29")) || (!strcmp(mine, "lr") && !strcmp(name, "x30"));
        if (alias || !strcmp(mine, name)) {
            *value = c->registers[i].value;
            return true;
        }
    }
    return false;
}

/* Of a smaller register of x86-64, eax or r8d, the whole one. */
static bool whole_of(const char *name, char whole[12])
{
    size_t n = strlen(name);
    if (name[0] == 'e' && n == 3)
        whole[0] = 'r', memcpy(whole + 1, name + 1, 3);
    else if (name[0] == 'r' && n >= 3 && n < 6 && name[n - 1] == 'd')
        memcpy(whole, name, n - 1), whole[n - 1] = '\0';
    else
        return false;
    return true;
}

static bool register_of(const struct tl_capture *c, const char *name, uint64_t *value)
{
    char whole[12];
    if (value_of(c, name, value))
        return true;
    if (!whole_of(name, whole) || !value_of(c, whole, value))
        return false;
    *value &= UINT32_MAX;
    return true;
}

/* Where an operand leads. False when that cannot be told. */
static bool address_of(const struct tl_capture *c, const struct tl_instruction *i,
                       const struct tl_memory_operand *m, uint64_t *address)
{
    uint64_t base = 0, index = 0, segment = 0;
    if (m->vague)
        return false;
    if (!strcmp(m->base, "rip"))
        base = c->fault->pc + i->size;
    else if (*m->base && !register_of(c, m->base, &base))
        return false;
    if ((*m->index && !register_of(c, m->index, &index)) ||
        (*m->segment && !value_of(c, m->segment, &segment)))
        return false;
    if (m->index_bits == 32)
        index = m->index_signed ? (uint64_t)(int64_t)(int32_t)index : (uint32_t)index;
    *address = base + index * m->scale + (uint64_t)m->displacement + segment;
    return true;
}

static bool is_arm(const struct tl_fault *f)
{
    return !strcmp(f->arch, "aarch64");
}

/* Of arm64 the highest byte may be a tag. */
static bool is_no_address(const struct tl_fault *f, uint64_t address)
{
    if (is_arm(f))
        return (address >> 52 & 0xf) != 0;
    return address >> 47 != 0 && address >> 47 != 0x1ffff;
}

/* How an address was made, "rax + 0x10, rax = 0". */
static void add_making(struct tl_buffer *b, const struct tl_capture *c, const struct tl_memory_operand *m)
{
    const char *names[2] = {m->base, m->index};
    bool any = false;
    for (int k = 0; k < 2; k++) {
        if (!*names[k])
            continue;
        tl_buffer_printf(b, "%s%s", any ? " + " : "", names[k]);
        if (k && m->scale > 1)
            tl_buffer_printf(b, "*%u", m->scale);
        any = true;
    }
    if (*m->segment)
        tl_buffer_printf(b, "%s%s", any ? " + " : "", m->segment), any = true;
    uint64_t size = m->displacement < 0 ? 0 - (uint64_t)m->displacement : (uint64_t)m->displacement;
    if (size && any)
        tl_buffer_printf(b, " %c 0x%llx", m->displacement < 0 ? '-' : '+', (unsigned long long)size);
    bool alone = *m->base && !*m->index && !*m->segment && !size; /* "rax = 0" says it all */
    for (int k = 0; k < 2; k++) {
        uint64_t value;
        if (*names[k] && strcmp(names[k], "rip") && register_of(c, names[k], &value))
            tl_buffer_printf(b, value ? "%s%s = 0x%llx" : "%s%s = %llu", alone ? "" : ", ",
                             alone ? "" : names[k], (unsigned long long)value);
    }
}

static const char *access_words(const struct tl_memory_operand *m)
{
    return m->read && m->write ? "read and write" : m->write ? "write" : "read";
}

static void add_name(struct tl_buffer *b, const char *name)
{
    const char *slash = name ? strrchr(name, '/') : NULL;
    const char *last = slash && slash[1] ? slash + 1 : name ? name : "";
    char *clean = tl_clean_text(last, strlen(last), false);
    if (*clean && *clean != '#') /* a file that never had a name has a number */
        tl_buffer_printf(b, " (%s)", clean);
    free(clean);
}

/* What lies at the address of the fault, as far as the kernel's word agrees. */
static void add_place(struct tl_buffer *b, const struct tl_capture *c, bool write)
{
    const struct tl_fault_place *p = &c->fault->at;
    const uint64_t address = c->fault_address;
    bool segv = c->signal == SIGSEGV && !c->reported, unmapped = segv && c->si_code == MAPERR,
         refused = segv && c->si_code == ACCERR;
    if (c->reported) { /* what its place is the report itself says */
        unmapped = p->kind == TL_PLACE_FREE;
        refused = p->kind == TL_PLACE_MAPPED;
    }
    if (address < NEAR_NULL) {
        tl_buffer_add_string(b, ": near null");
    } else if (p->kind && p->under_stack && (unmapped || (refused && !strcmp(p->access, "---")))) {
        tl_buffer_add_string(b, refused ? ": the guard page of the stack, which is used up"
                                        : ": below the end of the stack, which is used up");
    } else if (unmapped && is_no_address(c->fault, address)) {
        tl_buffer_add_string(b, ": no address that a process can have");
    } else if (unmapped && !is_arm(c->fault) && address >> 47) {
        tl_buffer_add_string(b, ": an address of the kernel");
    } else if (unmapped && p->kind == TL_PLACE_FREE) {
        tl_buffer_add_string(b, ": nothing is mapped there");
        if (p->behind && p->behind < NEAR_END)
            tl_buffer_printf(b, ", 0x%llx bytes behind the end of a mapping", (unsigned long long)p->behind);
        else if (!p->behind)
            tl_buffer_add_string(b, ", right behind the end of a mapping");
        if (p->behind < NEAR_END)
            add_name(b, p->name);
    } else if (refused && p->kind == TL_PLACE_MAPPED && !strcmp(p->access, "---")) {
        tl_buffer_add_string(b, ": a mapping that nobody may touch");
        add_name(b, p->name);
    } else if (refused && p->kind == TL_PLACE_MAPPED && write && p->access[0] == 'r' && p->access[1] == '-') {
        tl_buffer_add_string(b, ": a mapping that is read-only");
        add_name(b, p->name);
    } else if (c->signal == SIGBUS && !c->reported && c->si_code == BUS_ADRALN) {
        tl_buffer_add_string(b, ": not at a multiple that this instruction wants");
    } else if (c->signal == SIGBUS && !c->reported && c->si_code == BUS_ADRERR &&
               p->kind == TL_PLACE_MAPPED && p->name && *p->name == '/') {
        tl_buffer_add_string(b, ": behind the end of the file that is mapped there");
        add_name(b, p->name);
    }
}

/* "read of 4 bytes at 0x10 (rax + 0x10, rax = 0)" */
static void add_operand(struct tl_buffer *b, const struct tl_capture *c, const struct tl_memory_operand *m,
                        uint64_t address)
{
    struct tl_buffer made = TL_BUFFER_INIT;
    add_making(&made, c, m);
    tl_buffer_add_string(b, access_words(m));
    if (m->size)
        tl_buffer_printf(b, " of %u byte%s", m->size, m->size == 1 ? "" : "s");
    tl_buffer_printf(b, " at 0x%llx", (unsigned long long)address);
    if (made.size) /* not of one that stands in the instruction */
        tl_buffer_printf(b, " (%s)", made.data);
    tl_buffer_free(&made);
}

/* The operand to which the address of the fault belongs. */
static bool add_access(struct tl_buffer *b, const struct tl_capture *c, const struct tl_instruction *i)
{
    for (unsigned k = 0; k < i->n_memory; k++) {
        const struct tl_memory_operand *m = &i->memory[k];
        uint64_t address, from = c->fault_address;
        if (!address_of(c, i, m, &address))
            continue;
        if (is_arm(c->fault)) /* a tag of the address is not told with the fault on every system */
            address = (address & ~(0xffull << 56)) | (from & 0xffull << 56);
        if (from < address || from - address >= (m->size ? m->size : 1))
            continue;
        add_operand(b, c, m, address);
        if (from != address)
            tl_buffer_printf(b, ", faulting at 0x%llx", (unsigned long long)from);
        add_place(b, c, m->write);
        return true;
    }
    return false;
}

/* What the processor refused without telling an address. */
static void add_refused(struct tl_buffer *b, const struct tl_capture *c, const struct tl_instruction *i)
{
    for (unsigned k = 0; k < i->n_memory; k++) {
        const struct tl_memory_operand *m = &i->memory[k];
        uint64_t address;
        if (!address_of(c, i, m, &address))
            continue;
        bool none = is_no_address(c->fault, address), odd = i->aligned && m->size && address % m->size;
        if (!none && !odd)
            continue;
        add_operand(b, c, m, address);
        if (none)
            tl_buffer_add_string(b, ": no address that a process can have (not canonical)");
        else
            tl_buffer_printf(b, ": this instruction wants a multiple of %u", m->size);
        return;
    }
}

static void add_division(struct tl_buffer *b, const struct tl_capture *c, const struct tl_instruction *i)
{
    uint64_t value;
    if (!*i->divisor || !register_of(c, i->divisor, &value)) {
        tl_buffer_add_string(b, "division of integers: by zero, or with a quotient that does not fit");
        return;
    }
    if (i->divisor_size && i->divisor_size < 8)
        value &= (1ull << (8 * i->divisor_size)) - 1;
    if (value)
        tl_buffer_printf(b, "division of integers with a quotient that does not fit (%s = 0x%llx)",
                         i->divisor, (unsigned long long)value);
    else
        tl_buffer_printf(b, "division of integers by zero (%s = 0)", i->divisor);
}

/* The fault is the place of the instruction itself. */
static bool is_jump(const struct tl_capture *c)
{
    return c->has_address && c->fault_address == c->fault->pc &&
           (c->signal == SIGSEGV || c->signal == SIGBUS);
}

static void add_jump(struct tl_buffer *b, const struct tl_capture *c)
{
    const struct tl_fault_place *p = &c->fault->at;
    tl_buffer_printf(b, "jump to 0x%llx", (unsigned long long)c->fault->pc);
    if (!c->reported && c->si_code == ACCERR && p->kind == TL_PLACE_MAPPED && p->access[2] == '-') {
        tl_buffer_add_string(b, ": what is mapped there is not executable");
        add_name(b, p->name);
        return;
    }
    add_place(b, c, false);
}

/* Without the instruction: what is certain by the address alone. On arm64 the processor tells whether it was a write. */
static void add_bare(struct tl_buffer *b, const struct tl_capture *c)
{
    uint64_t esr;
    const char *access = "access";
    if (is_arm(c->fault) && value_of(c, "esr", &esr) && (esr >> 26 == 0x24 || esr >> 26 == 0x25))
        access = esr & 0x40 ? "write" : "read";
    tl_buffer_printf(b, "%s at 0x%llx", access, (unsigned long long)c->fault_address);
    add_place(b, c, *access == 'w');
}

static char *did(const struct tl_capture *c, const struct tl_instruction *i)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool memory = c->signal == SIGSEGV || c->signal == SIGBUS;
    if (is_jump(c))
        add_jump(&b, c);
    else if (memory && c->has_address) {
        if (!i || !add_access(&b, c, i))
            add_bare(&b, c);
    } else if (i && memory)
        add_refused(&b, c, i);
    else if (i && c->signal == SIGFPE && i->kind == TL_INSTRUCTION_DIVIDE)
        add_division(&b, c, i);
    else if (i && i->kind == TL_INSTRUCTION_TRAP)
        tl_buffer_add_string(&b, "a trap that stands in the code: it stops the program on purpose");
    else if (c->signal == SIGILL && c->fault->n_code)
        tl_buffer_add_string(&b, "the processor does not know this instruction, or may not execute it");
    return b.size ? tl_buffer_take(&b) : NULL;
}

static void explain(struct tl_capture *c)
{
    struct tl_fault *f = c->fault;
    struct tl_instruction i;
    if (f->instruction || f->did)
        return;
    if (is_jump(c)) /* what stands there was never an instruction */
        f->n_code = 0;
    bool known = f->n_code && tl_instruction_read(f->arch, f->code, f->n_code, f->pc, &i);
    f->instruction = known ? tl_strdup(i.text) : NULL;
    f->did = did(c, known ? &i : NULL);
}

void tl_verdict_faults(struct tl_trial_record *r)
{
    for (size_t i = 0; i < r->n_captures; i++)
        if (r->captures[i].fault)
            explain(&r->captures[i]);
}
