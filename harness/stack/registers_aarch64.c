/* Registers, calls and signal frames of aarch64. A call leaves its return address in the link register, where it stays until the function saves it.
 * A return address may be saved with a code that authenticates it in its upper bits, which the kernel says (NT_ARM_PAC_MASK).
 * A signal handler returns to code that calls rt_sigreturn; the kernel's ucontext is at a fixed distance from the stack
 * pointer then. */
#include "harness/base/buffer.h"
#include "harness/stack/registers.h"
#include "harness/stack/unwind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <asm/ptrace.h>

#define MOST_INSTRUCTIONS 1024
#define FIRST_INSTRUCTIONS 8

static int get(pid_t tid, struct user_regs_struct *u, struct tl_error *e)
{
    char where[32];
    snprintf(where, sizeof where, "thread %d", (int)tid);
    struct iovec io = {u, sizeof *u};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the registers", where,
                             "the thread is not stopped by this program");
    if (io.iov_len != sizeof *u)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unwind", where,
                       "it runs 32-bit code; only 64-bit processes are supported");
    return 0;
}

int tl_regs_get(pid_t tid, struct tl_regs *regs, struct tl_error *e)
{
    struct user_regs_struct u;
    if (get(tid, &u, e))
        return -1;
    for (int i = 0; i < 31; i++)
        regs->r[i] = u.regs[i];
    regs->r[TL_REG_SP] = u.sp;
    regs->r[TL_REG_PC] = u.pc;
    return 0;
}

int tl_read_registers(pid_t tid, struct tl_register **registers, size_t *n, struct tl_error *e)
{
    struct user_regs_struct u;
    if (get(tid, &u, e))
        return -1;
    *n = 34;
    *registers = tl_calloc(*n, sizeof **registers);
    struct tl_register *r = *registers;
    for (int i = 0; i < 31; i++) {
        snprintf(r[i].name, sizeof r[i].name, "x%d", i);
        r[i].value = u.regs[i];
    }
    static const char *const names[3] = {"sp", "pc", "pstate"};
    const uint64_t values[3] = {u.sp, u.pc, u.pstate};
    for (int i = 0; i < 3; i++) {
        snprintf(r[31 + i].name, sizeof r[31 + i].name, "%s", names[i]);
        r[31 + i].value = values[i];
    }
    return 0;
}

bool tl_regs_after_call(struct tl_memory *m, uint64_t pc)
{
    uint32_t code;
    if (pc % 4 || pc < 4 || tl_memory_read(m, pc - 4, &code, sizeof code) != sizeof code)
        return false;
    return (code & 0xfc000000u) == 0x94000000u     /* BL */
           || (code & 0xfffffc1fu) == 0xd63f0000u  /* BLR */
           || (code & 0xfefff800u) == 0xd63f0800u; /* BLRAA, BLRAAZ, BLRAB, BLRABZ */
}

bool tl_regs_pop(struct tl_memory *m, uint64_t authentication, struct tl_regs *regs)
{
    uint64_t pc = regs->r[TL_REG_LR] & ~authentication;
    if (!pc || regs->r[TL_REG_PC] == pc)
        return false;
    regs->r[TL_REG_PC] = pc;
    return true;
}

/* A frame has what it saves at its lower end: the caller's begins where it ends, and its size is not known. Functions that keep a
 * frame pointer have it where their stack pointer is. */
uint64_t tl_regs_caller_sp(uint64_t at, uint64_t fp, unsigned nth)
{
    uint64_t lowest = (at + 8 + 15) & ~(uint64_t)15;
    if (fp > at && !nth--)
        return fp;
    return nth < 6 ? lowest + 16 * nth : 0;
}

/* Loads, or stores, of the link register at the stack pointer, alone or with another. */
static bool moves_link(uint32_t code, bool load)
{
    uint32_t at = (code >> 5) & 31, one = code & 31, other = (code >> 10) & 31, bit = load ? 0x00400000u : 0;
    if (at != 31)
        return false;
    if ((code & 0xfe400000u) == (0xa8000000u | bit))
        return one == 30 || other == 30; /* LDP, STP */
    return one == 30 &&
           ((code & 0xffc00000u) == (0xf9000000u | bit)      /* LDR, STR of an offset */
            || (code & 0xffe00400u) == (0xf8000400u | bit)); /* and those that move the pointer */
}

/* A function that calls others saves the link register in its first instructions, since each call leaves an address of the
 * function itself there, and loads it back in its last. So what stands from pc on tells: a return without that is one of a function
 * without a frame. */
bool tl_regs_without_frame(struct tl_memory *m, uint64_t pc)
{
    uint32_t code;
    for (int i = 0; i < MOST_INSTRUCTIONS; i++, pc += 4) {
        if (tl_memory_read(m, pc, &code, sizeof code) != sizeof code)
            return false;
        if ((code & 0xfffffc1fu) == 0xd65f0000u || (code & 0xfffffbffu) == 0xd65f0bffu)
            return true; /* RET, RETAA, RETAB */
        if ((code & 0xfc000000u) == 0x94000000u || (code & 0xfefff000u) == 0xd63f0000u)
            return false; /* BL, BLR, and those that authenticate */
        if (moves_link(code, true))
            return false;
        if (moves_link(code, false))
            return i < FIRST_INSTRUCTIONS; /* its own frame, still to come; or the next function's */
    }
    return false;
}

bool tl_regs_at_sigreturn(struct tl_memory *m, uint64_t pc)
{
    static const uint32_t code[2] = {0xd2801168, 0xd4000001}; /* mov x8, #139; svc #0 */
    uint32_t b[2];
    return tl_memory_read(m, pc, b, sizeof b) == sizeof b && !memcmp(b, code, sizeof b);
}

bool tl_regs_unwind_signal(struct tl_memory *m, struct tl_regs *regs)
{
    /* siginfo (128), then struct ucontext, whose mcontext is at 176: fault_address, x0 to x30, sp, pc. */
    uint64_t saved[33];
    if (tl_memory_read(m, regs->r[TL_REG_SP] + 128 + 176 + 8, saved, sizeof saved) != sizeof saved)
        return false;
    memcpy(regs->r, saved, sizeof saved);
    return true;
}

uint64_t tl_regs_authentication(pid_t tid)
{
    struct user_pac_mask mask;
    struct iovec io = {&mask, sizeof mask};
    /* A processor that authenticates nothing has no such registers. */
    return !ptrace(PTRACE_GETREGSET, tid, NT_ARM_PAC_MASK, &io) && io.iov_len == sizeof mask ? mask.insn_mask
                                                                                             : 0;
}
