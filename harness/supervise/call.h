/* The call in which a thread sleeps in the kernel (Linux). */
#ifndef TL_CALL_H
#define TL_CALL_H

#include <stdbool.h>
#include <sys/types.h>

#define TL_CALL_LINE 256

/* What a thread that is not stopped does in the kernel, as /proc/PID/task/TID/syscall has it: the number of the call, its
 * arguments, the stack pointer and the pc, or "running". "" when that cannot be read. */
void tl_call_read(pid_t pid, pid_t tid, char line[TL_CALL_LINE]);
/* Its number; -1 when there is none. */
long tl_call_number(const char *line);
/* Its name ("futex"); NULL when there is none or it is not known. */
const char *tl_call_name(const char *line);
/* Whether programs wait for a child in it: for its end, for its output among other things (an event loop), or for a signal. */
bool tl_call_awaits_child(const char *line);
/* Whether it is one of those that make a process: one that sleeps in it waits for its child to execute a program (vfork). */
bool tl_call_makes_process(const char *line);

#endif
