/* The shortest prefix of a list that still fails, by bisection: of what runs one after the other, what comes behind the
 * place at which it fails does not matter. Pure: it is asked for a length, and told what came of it. */
#ifndef TL_PREFIX_H
#define TL_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

struct tl_prefix {
    size_t passes; /* the longest that was seen not to fail, below `fails`; 0, the empty one, fails never */
    size_t fails;  /* the shortest that was seen to fail */
};

/* All n elements together fail. */
void tl_prefix_begin(struct tl_prefix *p, size_t n);
/* False: it is decided, and `fails` is the answer. Else the length that is to be tried. */
bool tl_prefix_next(const struct tl_prefix *p, size_t *length);
/* What cannot be tried, or fails in another way, does not fail: the answer is then one behind which something else stands, and
 * fails all the same. */
void tl_prefix_tell(struct tl_prefix *p, size_t length, bool fails);
/* Trials that are left at most. */
unsigned tl_prefix_left(const struct tl_prefix *p);

#endif
