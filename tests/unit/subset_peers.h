/* Published ways to find the needed elements of a set, to compare with: each from its paper. The failure is monotone, and
 * shows every time. Each returns the number of its tests, and does not take the answer apart again at the end. */
#ifndef SUBSET_PEERS_H
#define SUBSET_PEERS_H

#include <stddef.h>
#include <stdint.h>

/* needed: k of n elements, ascending. */
size_t peer_ddmin(size_t n, const uint32_t *needed, size_t k);
size_t peer_probdd(size_t n, const uint32_t *needed, size_t k);
size_t peer_ficbs(size_t n, const uint32_t *needed, size_t k);

#endif
