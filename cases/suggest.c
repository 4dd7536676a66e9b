/* The distance of two names is the number of slips between them: a letter too many, one too few, another one,
 * or two neighbours swapped (the optimal string alignment distance). It is computed row by row of the usual
 * table, of which three rows are kept, because a swap looks two rows back. Upper case counts as lower case,
 * and the separators '-', ' ' and '.' as '_'. Short names get fewer slips: most of them are within two slips
 * of each other. */
#include "cases/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST 64 /* longer names are not looked at */
#define PREFIX 3   /* how far apart a name and its beginning are taken to be: more than two slips */

static char fold(char c)
{
    if (c == '-' || c == ' ' || c == '.')
        return '_';
    return (char)tolower((unsigned char)c);
}

/* Letters to insert, delete, replace or swap with a neighbour to make b of a; both are at most LONGEST long.
 */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1];
    size_t n = strlen(a), m = strlen(b);
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= m; j++)
        last[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t cost = fold(a[i - 1]) != fold(b[j - 1]);
            size_t best = last[j - 1] + cost;
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]) &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[m];
}

static bool begins_with(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fold(a[i]) != fold(b[i]))
            return false;
    return true;
}

const char *tl_suggest(const char *name, const char *const *candidates, size_t n)
{
    size_t length = strlen(name);
    if (length == 0 || length > LONGEST)
        return NULL;
    const char *found = NULL;
    size_t least = 0;
    for (size_t i = 0; i < n; i++) {
        const char *c = candidates[i];
        size_t c_length = c ? strlen(c) : 0;
        if (c_length == 0 || c_length > LONGEST)
            continue;
        size_t shorter = length < c_length ? length : c_length;
        if (!found && shorter >= 4 && length != c_length &&
            begins_with(name, c, shorter)) { /* memory, memory_mb */
            found = c;
            least = PREFIX;
        }
        size_t allowed = shorter >= 6 ? 2 : shorter >= 3 ? 1 : 0;
        if (c_length > length + allowed || length > c_length + allowed)
            continue;
        size_t d = distance(name, c);
        if (d <= allowed && (!found || d < least)) {
            found = c;
            least = d;
        }
    }
    return found;
}
