#include "harness/base/buffer.h"
#include "harness/verdict/fault.h"
#include "harness/verdict/instruction.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A capture of a fault: where, at which bytes, with which registers. */
struct known {
    const char *arch;
    int signal, si_code;
    bool has_address;
    uint64_t address;
    unsigned char code[TL_FAULT_CODE];
    size_t n_code;
    struct tl_register registers[4];
    struct tl_fault_place at;
    const char *instruction, *did; /* with a disassembler */
    const char *bare;              /* without one */
};

#define FREE(bytes)                                                                                          \
    {                                                                                                        \
        .kind = TL_PLACE_FREE, .behind = (bytes)                                                             \
    }
#define FAR UINT64_MAX
#define MAPPED(how, path)                                                                                    \
    {                                                                                                        \
        .kind = TL_PLACE_MAPPED, .access = how, .name = (char *)(path)                                       \
    }

static const struct known faults[] = {
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x10,
     {0x8b, 0x40, 0x10},
     3,
     {{"rax", 0}},
     FREE(FAR),
     "mov eax, dword ptr [rax + 0x10]",
     "read of 4 bytes at 0x10 (rax + 0x10, rax = 0): near null",
     "access at 0x10: near null"},
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0x48, 0x89, 0x14, 0xc8},
     4,
     {{"rax", 0x7f0000000000}, {"rcx", 0x200}},
     {.kind = TL_PLACE_FREE, .behind = 0, .name = (char *)"/a/weights.bin"},
     "mov qword ptr [rax + rcx*8], rdx",
     "write of 8 bytes at 0x7f0000001000 (rax + rcx*8, rax = 0x7f0000000000, rcx = 0x200): nothing is mapped "
     "there, right behind the end of a mapping (weights.bin)",
     "access at 0x7f0000001000: nothing is mapped there, right behind the end of a mapping (weights.bin)"},
    /* An address that is not that of the operand: nothing is said of the operand. */
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0x8b, 0x40, 0x10},
     3,
     {{"rax", 0x5000}},
     FREE(FAR),
     "mov eax, dword ptr [rax + 0x10]",
     "access at 0x7f0000001000: nothing is mapped there",
     "access at 0x7f0000001000: nothing is mapped there"},
    /* What was mapped by the time of the look is not believed against the kernel. */
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0xc7, 0x00, 1, 0, 0, 0},
     6,
     {{"rax", 0x7f0000001000}},
     MAPPED("rw-", "/a"),
     "mov dword ptr [rax], 1",
     "write of 4 bytes at 0x7f0000001000 (rax = 0x7f0000001000)",
     "access at 0x7f0000001000"},
    {"x86_64",
     SIGSEGV,
     2,
     true,
     0x7f0000001000,
     {0xc7, 0x00, 1, 0, 0, 0},
     6,
     {{"rax", 0x7f0000001000}},
     MAPPED("r--", "/lib/libm.so"),
     "mov dword ptr [rax], 1",
     "write of 4 bytes at 0x7f0000001000 (rax = 0x7f0000001000): a mapping that is read-only (libm.so)",
     "access at 0x7f0000001000"},
    {"x86_64",
     SIGSEGV,
     2,
     true,
     0x7ffc00000ff8,
     {0xe8, 0, 0, 0, 0},
     5,
     {{"rsp", 0x7ffc00001000}},
     {.kind = TL_PLACE_MAPPED, .access = "---", .under_stack = true},
     NULL,
     "write of 8 bytes at 0x7ffc00000ff8 (rsp - 0x8, rsp = 0x7ffc00001000): the guard page of the stack, "
     "which is used up",
     "access at 0x7ffc00000ff8: the guard page of the stack, which is used up"},
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7ffc00000ff8,
     {0x50},
     1,
     {{"rsp", 0x7ffc00001000}},
     {.kind = TL_PLACE_FREE, .behind = FAR, .under_stack = true},
     "push rax",
     "write of 8 bytes at 0x7ffc00000ff8 (rsp - 0x8, rsp = 0x7ffc00001000): below the end of the stack, "
     "which is used up",
     "access at 0x7ffc00000ff8: below the end of the stack, which is used up"},
    {"x86_64",
     SIGSEGV,
     0x80,
     false,
     0,
     {0x8b, 0x00},
     2,
     {{"rax", 0x4141414141414141}},
     {0},
     "mov eax, dword ptr [rax]",
     "read of 4 bytes at 0x4141414141414141 (rax = 0x4141414141414141): no address that a process can have "
     "(not "
     "canonical)",
     NULL},
    {"x86_64",
     SIGSEGV,
     0x80,
     false,
     0,
     {0x0f, 0x29, 0x04, 0x24},
     4,
     {{"rsp", 0x7ffc00001008}},
     {0},
     "movaps xmmword ptr [rsp], xmm0",
     "write of 16 bytes at 0x7ffc00001008 (rsp = 0x7ffc00001008): this instruction wants a multiple of 16",
     NULL},
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0,
     {0},
     0,
     {{"rip", 0}},
     FREE(FAR),
     NULL,
     "jump to 0x0: near null",
     "jump to 0x0: near null"},
    {"x86_64",
     SIGFPE,
     1,
     true,
     0x1000,
     {0xf7, 0xf9},
     2,
     {{"rcx", 0xffff00000000}},
     {0},
     "idiv ecx",
     "division of integers by zero (ecx = 0)",
     NULL},
    {"x86_64",
     SIGFPE,
     1,
     true,
     0x1000,
     {0x48, 0xf7, 0xf9},
     3,
     {{"rcx", UINT64_MAX}},
     {0},
     "idiv rcx",
     "division of integers with a quotient that does not fit (rcx = 0xffffffffffffffff)",
     NULL},
    {"x86_64",
     SIGILL,
     2,
     true,
     0x1000,
     {0x0f, 0x0b},
     2,
     {{"rax", 0}},
     {0},
     "ud2",
     "a trap that stands in the code: it stops the program on purpose",
     "the processor does not know this instruction, or may not execute it"},
    {"x86_64",
     SIGILL,
     2,
     true,
     0x1000,
     {0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1},
     6,
     {{"rax", 0}},
     {0},
     "vaddps zmm0, zmm0, zmm1",
     "the processor does not know this instruction, or may not execute it",
     "the processor does not know this instruction, or may not execute it"},
    /* A store that begins before the end of what is mapped. */
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0x62, 0xe1, 0xfe, 0x48, 0x7f, 0x47, 0x01},
     7,
     {{"rdi", 0x7f0000000fa0}},
     {.kind = TL_PLACE_FREE, .behind = 0},
     "vmovdqu64 zmmword ptr [rdi + 0x40], zmm16",
     "write of 64 bytes at 0x7f0000000fe0 (rdi + 0x40, rdi = 0x7f0000000fa0), faulting at 0x7f0000001000: "
     "nothing is "
     "mapped there, right behind the end of a mapping",
     "access at 0x7f0000001000: nothing is mapped there, right behind the end of a mapping"},
    /* The index is a vector: its value is not among the registers. */
    {"x86_64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0xc4, 0xe2, 0x6d, 0x92, 0x04, 0x88},
     6,
     {{"rax", 0x7f0000001000}},
     FREE(FAR),
     NULL,
     "access at 0x7f0000001000: nothing is mapped there",
     "access at 0x7f0000001000: nothing is mapped there"},
    {"aarch64",
     SIGSEGV,
     1,
     true,
     8,
     {0x08, 0x04, 0x40, 0xf9},
     4,
     {{"x0", 0}},
     FREE(FAR),
     "ldr x8, [x0, #8]",
     "read of 8 bytes at 0x8 (x0 + 0x8, x0 = 0): near null",
     "access at 0x8: near null"},
    {"aarch64",
     SIGSEGV,
     1,
     true,
     0x7f0000001010,
     {0x08, 0x68, 0x21, 0xb8},
     4,
     {{"x0", 0x7f0000001000}, {"x1", 0x10}},
     FREE(FAR),
     "str w8, [x0, x1]",
     "write of 4 bytes at 0x7f0000001010 (x0 + x1, x0 = 0x7f0000001000, x1 = 0x10): nothing is mapped there",
     "access at 0x7f0000001010: nothing is mapped there"},
    {"aarch64",
     SIGTRAP,
     1,
     true,
     0x1000,
     {0x20, 0x00, 0x20, 0xd4},
     4,
     {{"x0", 0}},
     {0},
     "brk #0x1",
     "a trap that stands in the code: it stops the program on purpose",
     NULL},
    /* The processor itself tells that it was a write. */
    {"aarch64",
     SIGSEGV,
     1,
     true,
     0x7f0000001000,
     {0xff, 0xff, 0xff, 0xff},
     4,
     {{"esr", 0x92000046}},
     FREE(FAR),
     NULL,
     "write at 0x7f0000001000: nothing is mapped there",
     "write at 0x7f0000001000: nothing is mapped there"},
};

static struct tl_trial_record record_of(const struct known *k)
{
    struct tl_trial_record r = {.n_captures = 1, .captures = tl_calloc(1, sizeof *r.captures)};
    struct tl_capture *c = &r.captures[0];
    c->kind = TL_CAPTURE_SIGNAL;
    c->signal = k->signal;
    c->si_code = k->si_code;
    c->has_address = k->has_address;
    c->fault_address = k->address;
    c->registers = tl_calloc(4, sizeof *c->registers);
    memcpy(c->registers, k->registers, sizeof k->registers);
    while (c->n_registers < 4 && *c->registers[c->n_registers].name)
        c->n_registers++;
    c->fault = tl_calloc(1, sizeof *c->fault);
    strcpy(c->fault->arch, k->arch);
    c->fault->pc = k->n_code ? 0x400000 : 0;
    c->fault->n_code = k->n_code;
    memcpy(c->fault->code, k->code, k->n_code);
    c->fault->at = k->at;
    c->fault->at.name = tl_strdup(k->at.name);
    return r;
}

Test(fault, says_what_the_instruction_did)
{
    for (size_t i = 0; i < TL_COUNT(faults); i++) {
        const struct known *k = &faults[i];
        struct tl_trial_record r = record_of(k);
        tl_verdict_faults(&r);
        const struct tl_fault *f = r.captures[0].fault;
        const char *did = tl_instruction_readable() ? k->did : k->bare;
        cr_expect_str_eq(f->did ? f->did : "(nothing)", did ? did : "(nothing)", "row %zu", i);
        if (tl_instruction_readable() && k->instruction)
            cr_expect_str_eq(f->instruction ? f->instruction : "(none)", k->instruction, "row %zu", i);
        if (!tl_instruction_readable())
            cr_expect_null(f->instruction);
        tl_trial_record_free(&r);
    }
}

/* Whether it reads or writes, where a library may say otherwise. */
Test(fault, tells_a_store_from_a_load)
{
    static const struct {
        unsigned char code[TL_FAULT_CODE];
        bool read, write;
        unsigned size;
    } known[] = {
        {{0x0f, 0x11, 0x00}, false, true, 16},                   /* movups [rax], xmm0 */
        {{0x66, 0x0f, 0xd6, 0x00}, false, true, 8},              /* movq [rax], xmm0 */
        {{0x66, 0x0f, 0x3a, 0x14, 0x00, 0x01}, false, true, 1},  /* pextrb [rax], xmm0, 1 */
        {{0xdd, 0x18}, false, true, 8},                          /* fstp qword [rax] */
        {{0x0f, 0xae, 0x18}, false, true, 4},                    /* stmxcsr [rax] */
        {{0xc5, 0xfc, 0x11, 0x00}, false, true, 32},             /* vmovups [rax], ymm0 */
        {{0x62, 0xf1, 0x7c, 0x48, 0x29, 0x00}, false, true, 64}, /* vmovaps [rax], zmm0 */
        {{0xf3, 0x48, 0xa4}, false, true, 1},                    /* rep movsb, its first operand */
        {{0x0f, 0x10, 0x00}, true, false, 16},                   /* movups xmm0, [rax] */
        {{0x48, 0x39, 0x08}, true, false, 8},                    /* cmp [rax], rcx */
        {{0xdd, 0x00}, true, false, 8},                          /* fld qword [rax] */
        {{0xc4, 0xe2, 0x75, 0xb8, 0x00}, true, false, 32},       /* vfmadd231ps ymm0, ymm1, [rax] */
        {{0x01, 0x08}, true, true, 4},                           /* add [rax], ecx */
        {{0xf0, 0x0f, 0xb1, 0x08}, true, true, 4},               /* lock cmpxchg [rax], ecx */
    };
    struct tl_instruction i;
    for (size_t k = 0; k < TL_COUNT(known) && tl_instruction_readable(); k++) {
        cr_assert(tl_instruction_read("x86_64", known[k].code, TL_FAULT_CODE, 0x400000, &i), "row %zu", k);
        cr_expect(i.n_memory && i.memory[0].read == known[k].read && i.memory[0].write == known[k].write &&
                      i.memory[0].size == known[k].size,
                  "%s: %s%s of %u bytes", i.text, i.memory[0].read ? "read " : "",
                  i.memory[0].write ? "write" : "", i.memory[0].size);
    }
}

Test(fault, survives_any_bytes)
{
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        struct known k = faults[i % TL_COUNT(faults)];
        k.n_code = 1 + (size_t)i % TL_FAULT_CODE;
        for (size_t b = 0; b < k.n_code; b++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            k.code[b] = (unsigned char)(seed >> 56);
        }
        struct tl_trial_record r = record_of(&k);
        tl_verdict_faults(&r);
        tl_trial_record_free(&r);
    }
}

Test(fault, is_read_back_as_it_was_stored)
{
    struct tl_trial_record r = record_of(&faults[0]);
    tl_verdict_faults(&r);
    json_t *j = tl_fault_json(r.captures[0].fault);
    struct tl_fault *f = tl_fault_parse(j);
    cr_assert_str_eq(f->arch, "x86_64");
    cr_assert(f->pc == 0x400000 && f->n_code == 3 && !memcmp(f->code, faults[0].code, 3));
    tl_fault_free(f);
    json_object_set_new(j, "code", json_string("8b zz"));
    f = tl_fault_parse(j);
    cr_assert_eq(f->n_code, 1, "what is no byte ends them");
    tl_fault_free(f);
    json_object_set_new(j, "arch", json_integer(1));
    cr_assert_null(tl_fault_parse(j));
    cr_assert_null(tl_fault_parse(NULL));
    json_decref(j);
    tl_trial_record_free(&r);
}
