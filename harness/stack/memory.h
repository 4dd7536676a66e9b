/* The memory of a stopped process, through process_vm_readv and a cache of pages. Every read is checked: an
 * address that is not mapped, or only partly, gives a short read and never a fault here. */
#ifndef TL_MEMORY_H
#define TL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tl_memory;

/* NULL when there is no address space left. One object serves process after process. */
struct tl_memory *tl_memory_new(void);
void tl_memory_free(struct tl_memory *m);

/* Forgets all pages; what is read from here on is the memory of pid. */
void tl_memory_attach(struct tl_memory *m, pid_t pid);

/* Copies up to size bytes from address; returns how many could be read from its beginning. */
size_t tl_memory_read(struct tl_memory *m, uint64_t address, void *to, size_t size);

/* One 64-bit word at any alignment. False when it cannot be read whole. */
bool tl_memory_word(struct tl_memory *m, uint64_t address, uint64_t *word);

/* Announces that [low, high) will be read upwards, as a stack is: the first 64 KiB are fetched in one call
 * now, and each miss inside the range fetches as much again. One range at a time. */
void tl_memory_ahead(struct tl_memory *m, uint64_t low, uint64_t high);

#endif
