/* Memory that is released all at once: what a case file or a graph is kept in. */
#ifndef TL_ARENA_H
#define TL_ARENA_H

#include <stddef.h>

struct tl_arena;

struct tl_arena *tl_arena_new(void);
void *tl_arena_alloc(struct tl_arena *a, size_t n, size_t size); /* n * size bytes, zeroed; never NULL */
char *tl_arena_string(struct tl_arena *a, const char *s);        /* a copy; NULL gives NULL */
void tl_arena_free(struct tl_arena *a);

#endif
