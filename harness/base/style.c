/* A mark begins with as many random digits as nobody guesses, of this process alone. */
#include "harness/base/style.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __APPLE__
#include <sys/random.h>
#endif
#include <unistd.h>

#define SECRET 16 /* digits */

static const char *const sequences[TL_STYLES] = {
    [TL_STYLE_PLAIN] = "\033[0m",      [TL_STYLE_BOLD] = "\033[1m",    [TL_STYLE_DIM] = "\033[2m",
    [TL_STYLE_GREEN] = "\033[32m",     [TL_STYLE_YELLOW] = "\033[33m", [TL_STYLE_RED] = "\033[1;31m",
    [TL_STYLE_ERASE_LINE] = "\r\033[K"};

/* ESC, the secret, and a letter for the style. */
static char marks[TL_STYLES][TL_STYLE_MARK];

void tl_style_use_marks(void)
{
    uint64_t number; /* from the system: every command begins here, and few need a library for such things */
    char secret[SECRET + 1];
    if (getentropy(&number, sizeof number))
        abort(); /* the kernel has them */
    snprintf(secret, sizeof secret, "%0*llx", SECRET, (unsigned long long)number);
    for (int s = 0; s < TL_STYLES; s++)
        snprintf(marks[s], sizeof marks[s], "\033%.*s%c", SECRET, secret, 'A' + s);
}

const char *tl_style(enum tl_style s)
{
    return *marks[s] ? marks[s] : sequences[s];
}

int tl_style_marked(const char *p, size_t left, enum tl_style *s)
{
    const size_t n = 1 + SECRET;
    if (!*marks[0] || memcmp(p, marks[0], left < n ? left : n) != 0)
        return 0;
    if (left <= n)
        return -1;
    if (p[n] < 'A' || p[n] >= 'A' + TL_STYLES)
        return 0;
    *s = (enum tl_style)(p[n] - 'A');
    return (int)n + 1;
}

const char *tl_style_sequence(enum tl_style s)
{
    return sequences[s];
}
