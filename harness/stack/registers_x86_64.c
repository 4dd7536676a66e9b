/* Registers, calls and signal frames of x86-64. A call pushes its return address, so that a function that has not yet made a frame has it at the
 * stack pointer. A signal handler returns to code that calls rt_sigreturn; the kernel's ucontext, with the
 * registers at the interruption, is at the stack pointer then. */
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
    /* A 32-bit task has a shorter set; code that switched to the 32-bit code segment shows it there. */
    if (io.iov_len != sizeof *u || u->cs == 0x23)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot unwind", where,
                       "it runs 32-bit code; only 64-bit processes are supported");
    return 0;
}

int tl_regs_get(pid_t tid, struct tl_regs *regs, struct tl_error *e)
{
    struct user_regs_struct u;
    if (get(tid, &u, e))
        return -1;
    *regs = (struct tl_regs){{u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, u.rbp, u.rsp, u.r8, u.r9, u.r10,
                              u.r11, u.r12, u.r13, u.r14, u.r15, u.rip}};
    return 0;
}

int tl_read_registers(pid_t tid, struct tl_register **registers, size_t *n, struct tl_error *e)
{
    struct user_regs_struct u;
    if (get(tid, &u, e))
        return -1;
    const struct {
        const char *name;
        uint64_t value;
    } all[] = {
        {"rax", u.rax},         {"rbx", u.rbx}, {"rcx", u.rcx},       {"rdx", u.rdx}, {"rsi", u.rsi},
        {"rdi", u.rdi},         {"rbp", u.rbp}, {"rsp", u.rsp},       {"r8", u.r8},   {"r9", u.r9},
        {"r10", u.r10},         {"r11", u.r11}, {"r12", u.r12},       {"r13", u.r13}, {"r14", u.r14},
        {"r15", u.r15},         {"rip", u.rip}, {"rflags", u.eflags}, {"cs", u.cs},   {"ss", u.ss},
        {"ds", u.ds},           {"es", u.es},   {"fs", u.fs},         {"gs", u.gs},   {"fs_base", u.fs_base},
        {"gs_base", u.gs_base},
    };
    *n = TL_COUNT(all);
    *registers = tl_calloc(*n, sizeof **registers);
    for (size_t i = 0; i < *n; i++) {
        snprintf((*registers)[i].name, sizeof(*registers)[i].name, "%s", all[i].name);
        (*registers)[i].value = all[i].value;
    }
    return 0;
}

bool tl_regs_after_call(struct tl_memory *m, uint64_t pc)
{
    unsigned char b[7]; /* b[7 - n] is n bytes before pc */
    if (pc < sizeof b || tl_memory_read(m, pc - sizeof b, b, sizeof b) != sizeof b)
        return false;
    if (b[2] == 0xe8)
        return true;
    /* FF /2 with every form of operand: mod and r/m decide the length. */
    for (int length = 2; length <= 7; length++) {
        const unsigned char *p = b + 7 - length;
        if (p[0] != 0xff || (p[1] & 0x38) != 0x10)
            continue;
        int mod = p[1] >> 6, rm = p[1] & 7, size = 2;
        if (mod != 3 && rm == 4)
            size++;
        if (mod == 1)
            size++;
        else if (mod == 2 || (mod == 0 && rm == 5) || (mod == 0 && rm == 4 && (p[2] & 7) == 5))
            size += 4;
        if (size == length)
            return true;
    }
    return false;
}

bool tl_regs_pop(struct tl_memory *m, uint64_t authentication, struct tl_regs *regs)
{
    uint64_t pc;
    if (!tl_memory_word(m, regs->r[TL_REG_SP], &pc))
        return false;
    regs->r[TL_REG_PC] = pc;
    regs->r[TL_REG_SP] += 8;
    return true;
}

uint64_t tl_regs_caller_sp(uint64_t at, uint64_t fp, unsigned nth)
{
    return nth ? 0 : at + 8;
}

/* The call pushed the return address: where one is at the stack pointer, nothing was put there since. */
bool tl_regs_without_frame(struct tl_memory *m, uint64_t pc)
{
    return true;
}

bool tl_regs_at_sigreturn(struct tl_memory *m, uint64_t pc)
{
    static const unsigned char code[] = {0x48, 0xc7, 0xc0, 15,  0,
                                         0,    0,    0x0f, 0x05};          /* mov $15, %rax; syscall */
    static const unsigned char code32[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05}; /* mov $15, %eax; syscall */
    unsigned char b[sizeof code];
    size_t n = tl_memory_read(m, pc, b, sizeof b);
    return (n == sizeof code && !memcmp(b, code, sizeof code)) ||
           (n >= sizeof code32 && !memcmp(b, code32, sizeof code32));
}

bool tl_regs_unwind_signal(struct tl_memory *m, struct tl_regs *regs)
{
    /* The kernel's struct ucontext is at the stack pointer; its general registers begin at 40, in this order.
     */
    static const unsigned char order[17] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
    uint64_t saved[17];
    if (tl_memory_read(m, regs->r[TL_REG_SP] + 40, saved, sizeof saved) != sizeof saved)
        return false;
    for (size_t i = 0; i < 17; i++)
        regs->r[order[i]] = saved[i];
    return true;
}

uint64_t tl_regs_authentication(pid_t tid)
{
    return 0;
}
