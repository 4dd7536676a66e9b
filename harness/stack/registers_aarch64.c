/* Registers, calls and signal frames of aarch64. A call leaves its return address in the link register, where it stays until the function saves it.
 * Code addresses may carry an authentication code in their upper bits, which is taken off. A signal handler
 * returns to code that calls rt_sigreturn; the kernel's ucontext is at a fixed distance from the stack
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

bool tl_regs_pop(struct tl_memory *m, struct tl_regs *regs)
{
    (void)m;
    uint64_t pc = tl_regs_strip(regs->r[TL_REG_LR]);
    if (!pc || regs->r[TL_REG_PC] == pc)
        return false;
    regs->r[TL_REG_PC] = pc;
    return true;
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

uint64_t tl_regs_strip(uint64_t pc)
{
    return pc & 0x0000ffffffffffffu;
}
