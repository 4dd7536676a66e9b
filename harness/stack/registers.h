/* What differs between processors: registers, calls, signal frames. One file for each, chosen in meson.build.
 */
#ifndef TL_REGISTERS_H
#define TL_REGISTERS_H

#include "harness/base/error.h"
#include "harness/stack/memory.h"

#include <elf.h>
#include <sys/types.h>

#if defined(__x86_64__)
#define TL_REGS 17 /* numbered as DWARF and libunwind do */
#define TL_REG_FP 6
#define TL_REG_SP 7
#define TL_REG_PC 16
#define TL_ELF_MACHINE EM_X86_64
#define TL_SHORTEST_INSTRUCTION 1
#define TL_REGS_OF_CALL                                                                                      \
    {                                                                                                        \
        5, 4, 1, 10, 8, 9                                                                                    \
    } /* those of the arguments of a call of the kernel, in order */
#elif defined(__aarch64__)
#define TL_REGS 33
#define TL_REG_FP 29
#define TL_REG_LR 30
#define TL_REG_SP 31
#define TL_REG_PC 32
#define TL_ELF_MACHINE EM_AARCH64
#define TL_SHORTEST_INSTRUCTION 4
#define TL_REGS_OF_CALL                                                                                      \
    {                                                                                                        \
        0, 1, 2, 3, 4, 5                                                                                     \
    }
#endif

struct tl_regs {
    uint64_t r[TL_REGS];
};

/* Registers of a stopped thread. A 32-bit thread is an error. */
int tl_regs_get(pid_t tid, struct tl_regs *regs, struct tl_error *e);

/* Whether pc is where a call instruction would return to. */
bool tl_regs_after_call(struct tl_memory *m, uint64_t pc);

/* Leaves a function that has not yet made a frame: to its return address, without the bits that authenticate it. False when
 * that cannot be read. */
bool tl_regs_pop(struct tl_memory *m, uint64_t authentication, struct tl_regs *regs);

/* Where a caller's stack pointer may have been when a return address to it is saved at `at`, and its frame pointer was fp (0: unknown):
 * the nth guess, 0 after the last. */
uint64_t tl_regs_caller_sp(uint64_t at, uint64_t fp, unsigned nth);

/* Whether the function at pc, which has no unwind table, seems to have made no frame, so that tl_regs_pop leaves it. */
bool tl_regs_without_frame(struct tl_memory *m, uint64_t pc);

/* Whether pc is at the code to which a signal handler returns. */
bool tl_regs_at_sigreturn(struct tl_memory *m, uint64_t pc);

/* From such code to the registers at the interruption. False when the frame cannot be read. */
bool tl_regs_unwind_signal(struct tl_memory *m, struct tl_regs *regs);

/* The bits of a code address that are no part of it but authenticate it, in the process of a stopped thread. 0: none do. */
uint64_t tl_regs_authentication(pid_t tid);

#endif
