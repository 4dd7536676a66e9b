/* Texts, each of which has a number: the first is 0, the next new one 1, and so on. Finding one again costs the same however
 * many there are. */
#ifndef TL_TEXT_INDEX_H
#define TL_TEXT_INDEX_H

#include <stdbool.h>
#include <stddef.h>

struct tl_text_index {
    size_t n, bytes; /* texts, and how long they are together */
    size_t slots;
    struct tl_text_slot *table;
}; /* all zero: none */

/* The number of a text, which may hold any bytes; *added: it was not there, and is now. */
size_t tl_text_index_number(struct tl_text_index *x, const void *text, size_t size, bool *added);
/* Whether it is there, and its number. */
bool tl_text_index_find(const struct tl_text_index *x, const void *text, size_t size, size_t *number);
/* Forgets all of them, and the next one is 0 again. */
void tl_text_index_clear(struct tl_text_index *x);
void tl_text_index_free(struct tl_text_index *x);

#endif
