/* Kills what is let go from being traced when this process is gone. Linux only. */
#ifndef TL_KEEPER_H
#define TL_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

struct tl_supervisor;

bool tl_keeper_add(struct tl_supervisor *s, pid_t pid); /* whether it is kept now */
void tl_keeper_remove(struct tl_supervisor *s, pid_t pid);
void tl_keeper_close(struct tl_supervisor *s);

#endif
