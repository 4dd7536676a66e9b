#include "harness/base/number_order.h"

#include "harness/base/ascii.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether a number begins here: not in the middle of a word or of another number. */
static bool begins(const char *text, const char *at)
{
    const char *digit = at + (*at == '-');
    return tl_is_digit(*digit) && (at == text || !(tl_is_word(at[-1]) || at[-1] == '.'));
}

int tl_number_order(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x && *y) {
        if (begins(a, x) && begins(b, y)) {
            char *x_end, *y_end;
            double p = strtod(x, &x_end), q = strtod(y, &y_end);
            if (p < q || p > q)
                return p < q ? -1 : 1;
            /* The same, or too large to be told apart: then the longer one is the larger one. */
            size_t n = (size_t)(x_end - x), m = (size_t)(y_end - y);
            int order = n == m ? memcmp(x, y, n) : n < m ? -1 : 1;
            if (order)
                return order;
            x = x_end;
            y = y_end;
        } else if (*x != *y) {
            break;
        } else {
            x++;
            y++;
        }
    }
    return (unsigned char)*x - (unsigned char)*y;
}
