/* The slow way through a frame, for modules whose unwind tables the fast one cannot use: .debug_frame alone,
 * or .eh_frame without .eh_frame_hdr. By libdw. */
#ifndef TL_CFI_H
#define TL_CFI_H

#include "harness/stack/elf_image.h"
#include "harness/stack/registers.h"

struct tl_cfi;

/* NULL when the file has no such tables; that is remembered in elf. elf must outlive it. */
struct tl_cfi *tl_cfi_open(struct tl_elf *elf);
void tl_cfi_close(struct tl_cfi *cfi);

/* Replaces regs, those of a frame whose code is at vaddr, by those of its caller.
 * 1: done. 0: it has no caller. -1: no table covers it, or what it says cannot be followed. *signal: vaddr is
 * in a signal trampoline. */
int tl_cfi_step(struct tl_cfi *cfi, uint64_t vaddr, struct tl_memory *m, struct tl_regs *regs, bool *signal);

/* Where the function starts that these tables have at vaddr; 0 when none does. */
uint64_t tl_cfi_start(struct tl_cfi *cfi, uint64_t vaddr);

#endif
