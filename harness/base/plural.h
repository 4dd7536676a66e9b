/* One of something, or several: every count that stands in a text goes through these. */
#ifndef TL_PLURAL_H
#define TL_PLURAL_H

/* What is written for one, and what for any other number: "is" and "are", "y" and "ies". */
static inline const char *tl_one_or_many(unsigned long long n, const char *one, const char *many)
{
    return n == 1 ? one : many;
}

/* The end of a noun behind its number: "%zu trial%s". */
static inline const char *tl_plural(unsigned long long n)
{
    return tl_one_or_many(n, "", "s");
}

#endif
