/* The processes of this machine, as macOS lists them: who descends from whom. */
#ifndef TL_PROCESS_TREE_H
#define TL_PROCESS_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_process_entry {
    pid_t pid, parent, session;
    uint64_t born_us; /* wall clock, microseconds since 1970 UTC: with the pid the identity of a process */
};

/* All processes of this user that live (a zombie does not). The list is the caller's to free. 0, or -1. */
int tl_process_tree_list(struct tl_process_entry **list, size_t *n);
/* One of them; false when there is no such process any more. */
bool tl_process_tree_find(pid_t pid, struct tl_process_entry *r);
/* Whether it was started with this "NAME=value" in its environment, or descends without exec from one that
 * was. Not known of programs that the system protects: false. */
bool tl_process_tree_has(pid_t pid, const char *setting);
/* SIGKILL, if pid still is the process that was born then. */
void tl_process_tree_kill(pid_t pid, uint64_t born_us);

#endif
