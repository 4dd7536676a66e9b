#include "harness/base/version.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

bool tl_version_valid(const char *v)
{
    size_t n = strlen(v);
    if (n == 0 || n > 100 || !isdigit((unsigned char)v[0]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)v[i]) && !strchr("._+-", v[i]))
            return false;
    }
    return strstr(v, "..") == NULL;
}

bool tl_version_stable(const char *v)
{
    return strchr(v, '-') == NULL;
}

/* Reads a number and steps over it. Numbers too large to hold compare as equal, which does no harm. */
static uint64_t number(const char **s)
{
    uint64_t n = 0;
    while (isdigit((unsigned char)**s)) {
        uint64_t digit = (uint64_t)(**s - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
        (*s)++;
    }
    return n;
}

unsigned tl_version_parts(const char *v)
{
    unsigned parts = 0;
    while (isdigit((unsigned char)*v)) {
        number(&v);
        parts++;
        if (*v != '.')
            break;
        v++;
    }
    return parts;
}

static int compare_numbers(const char **a, const char **b, unsigned parts)
{
    for (unsigned i = 0; i < parts; i++) {
        uint64_t x = number(a), y = number(b);
        if (x != y)
            return x < y ? -1 : 1;
        if (**a == '.' && isdigit((unsigned char)(*a)[1]))
            (*a)++;
        if (**b == '.' && isdigit((unsigned char)(*b)[1]))
            (*b)++;
    }
    return 0;
}

int tl_version_compare(const char *a, const char *b)
{
    int order = compare_numbers(&a, &b, 8);
    if (order)
        return order;
    /* What is left is "", "-…" or "+…": a pre-release comes before the release, local builds after it. */
    int rank_a = *a == '-' ? 0 : *a == '\0' ? 1 : 2;
    int rank_b = *b == '-' ? 0 : *b == '\0' ? 1 : 2;
    if (rank_a != rank_b)
        return rank_a - rank_b;
    while (*a && *b) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            uint64_t x = number(&a), y = number(&b);
            if (x != y)
                return x < y ? -1 : 1;
        } else if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        } else {
            a++;
            b++;
        }
    }
    return *a ? 1 : *b ? -1 : 0;
}

int tl_version_compare_prefix(const char *v, const char *prefix)
{
    size_t n = strlen(prefix);
    return !strncmp(v, prefix, n) && strchr(".+", v[n]) ? 0 : tl_version_compare(v, prefix);
}
