/* Makes the processes of steps so that what they do to "everybody" does not reach the runner. */
#ifndef TL_APART_H
#define TL_APART_H

#include <stdbool.h>
#include <sys/types.h>

/* Once, before the first step. may_bind: no step has to gain privileges by exec. */
void tl_apart_begin(bool may_bind);

/* fork; the child calls run, which does not return. It leads a session of its own, and can signal only what steps
 * have started. untraced: hidden from whoever traces this process (Linux). -1 with errno. */
pid_t tl_apart_fork(void (*run)(void *argument), void *argument, bool untraced);

#endif
