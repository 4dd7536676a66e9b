/* After a capture the thread that took the signal goes on before the others. Linux only. */
#ifndef TL_ALONE_H
#define TL_ALONE_H

#include "harness/supervise/trace.h"

/* Lets t go, which is held at its signal; the other threads of its process stay until it is over. shielded: see
 * shield_linux.c. */
void tl_alone_begin(struct tl_tracee *t, bool shielded);
bool tl_alone_holds(struct tl_tracee *t);   /* t has stopped and is held: whether that is dealt with here */
void tl_alone_call(struct tl_tracee *t);    /* it has stopped at a system call */
void tl_alone_over(struct tl_process *p);   /* lets all go that are held */
void tl_alone_forget(struct tl_process *p); /* it is over, and the others stay as they are */

#endif
