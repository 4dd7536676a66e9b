/* Sets of elements, a bit for each: counted, named, and as ranges. */
#include "harness/search/subset_internal.h"

#include "harness/base/buffer.h"

static uint64_t mix(uint64_t x)
{
    /* splitmix64's finaliser */
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

size_t tl_bits_count(const uint64_t *set, size_t words)
{
    size_t n = 0;
    for (size_t i = 0; i < words; i++)
        n += (size_t)__builtin_popcountll(set[i]);
    return n;
}

size_t tl_bits_next(const uint64_t *set, size_t words, size_t from)
{
    size_t i = from / 64;
    if (i >= words)
        return SIZE_MAX;
    uint64_t word = set[i] >> (from % 64) << (from % 64);
    while (word == 0) {
        if (++i >= words)
            return SIZE_MAX;
        word = set[i];
    }
    return 64 * i + (size_t)__builtin_ctzll(word);
}

struct tl_subset_key tl_bits_key(const uint64_t *set, size_t words)
{
    uint64_t a = 0x243f6a8885a308d3u, b = 0x13198a2e03707344u; /* digits of pi */
    for (size_t i = 0; i < words; i++) {
        a = (a ^ set[i]) * 0x9e3779b97f4a7c15u;
        a ^= a >> 32;
        b = (b + set[i]) * 0xd1342543de82ef95u;
        b ^= b >> 29;
    }
    return (struct tl_subset_key){mix(a), (uint32_t)mix(b)};
}

struct tl_subset_key tl_bits_key_run(struct tl_subset_key set, uint32_t run)
{
    if (run == 0)
        return set;
    uint64_t step = mix(run * 0x9e3779b97f4a7c15u);
    return (struct tl_subset_key){mix(set.a + step), set.b ^ (uint32_t)step};
}

uint64_t tl_bits_random(uint64_t seed, uint64_t a, uint64_t b)
{
    return mix(mix(mix(seed + 0x9e3779b97f4a7c15u) + a * 0xd1342543de82ef95u) + b * 0x9e3779b97f4a7c15u);
}

static size_t next_gap(const uint64_t *set, size_t words, size_t from)
{
    size_t i = from / 64;
    if (i >= words)
        return from;
    uint64_t gaps = ~set[i] >> (from % 64) << (from % 64);
    while (gaps == 0) {
        if (++i >= words)
            return 64 * words;
        gaps = ~set[i];
    }
    return 64 * i + (size_t)__builtin_ctzll(gaps);
}

size_t tl_bits_ranges(const uint64_t *set, size_t words, struct tl_subset_range **list, size_t *capacity)
{
    size_t n = 0;
    for (size_t first = tl_bits_next(set, words, 0); first != SIZE_MAX;) {
        size_t end = next_gap(set, words, first);
        if (n == *capacity) {
            *capacity = 2 * n + 8;
            *list = tl_realloc(*list, *capacity, sizeof **list);
        }
        (*list)[n++] = (struct tl_subset_range){(uint32_t)first, (uint32_t)(end - 1)};
        first = tl_bits_next(set, words, end);
    }
    return n;
}
