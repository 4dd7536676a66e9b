/* What /proc tells of a process of a trial. Linux only; trace.h has what there is of it on every system. */
#ifndef TL_PROCESS_H
#define TL_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_process;

/* A number in the kernel's description of a process; 0 when it is not there. Memory is told in KiB. */
uint64_t tl_process_number(pid_t pid, const char *key);
/* As its parent called it: what it executes after that, a wrapper in its own place, is its own business. */
void tl_process_read_command(struct tl_process *p);
/* As the kernel and `ps` call a process. */
void tl_process_read_name(pid_t pid, char *name, size_t size);

#endif
