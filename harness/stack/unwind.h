/* Stacks of a stopped process: libunwind with accessors of our own.
 *
 * Memory of the process comes through process_vm_readv with a page cache, never word by word through
 * PTRACE_PEEKDATA. Unwind tables come from the ELF files: pread reads the parts of them that are needed,
 * which a struct tl_unwinder keeps from capture to capture (elf_image.c says why nothing is mapped). Nothing
 * here symbolises, allocates in the traced process, or waits. */
#ifndef TL_UNWIND_H
#define TL_UNWIND_H

#include "harness/base/error.h"
#include "harness/base/record.h"

#include <sys/types.h>

/* ELF files and unwind tables that have been opened, kept from capture to capture (bounded). */
struct tl_unwinder;
struct tl_unwinder *tl_unwinder_new(void);
void tl_unwinder_free(struct tl_unwinder *u);

/* One process being captured: its mappings, page cache and address space for libunwind.
 * begin: pid has at least one thread in a ptrace-stop of ours. Reads /proc/PID/maps once.
 * thread: unwinds tid, which must be in a ptrace-stop of ours, into *t (name, frames, stack_id filled).
 *   A stack that cannot be unwound is not an error: it has the frames that were found.
 * call: the same of a thread that cannot be stopped, because it sleeps in a call of the kernel where nothing wakes it; line is
 *   what /proc/PID/task/TID/syscall says. Memory of others can be read while they run.
 * fault: what stands at the instruction at which tid, stopped likewise, took a signal of the processor, and at the address
 *   of the fault; NULL when its registers cannot be read.
 * end: moves the list of modules into *c and forgets the process. Frames refer to that list by index.
 * Only modules that hold a frame or are mapped executable are listed. */
struct tl_unwind;
int tl_unwind_begin(struct tl_unwind **w, struct tl_unwinder *u, pid_t pid, struct tl_error *e);
int tl_unwind_thread(struct tl_unwind *w, pid_t tid, struct tl_thread *t, struct tl_error *e);
void tl_unwind_call(struct tl_unwind *w, pid_t tid, const char *line, struct tl_thread *t);
struct tl_fault *tl_unwind_fault(struct tl_unwind *w, pid_t tid, bool has_address, uint64_t address);
void tl_unwind_end(struct tl_unwind *w, struct tl_capture *c);

/* General registers of a stopped thread, in the order of the architecture's manual; the caller's to free. */
int tl_read_registers(pid_t tid, struct tl_register **registers, size_t *n, struct tl_error *e);

#endif
