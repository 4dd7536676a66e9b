#include "harness/base/quantile.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void tl_sort(double *list, size_t n)
{
    if (n)
        qsort(list, n, sizeof *list, by_value);
}

double tl_quantile(const double *ascending, size_t n, double q)
{
    if (n == 0)
        return 0;
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    double low_value = ascending[low];
    return low + 1 < n ? low_value + (at - (double)low) * (ascending[low + 1] - low_value) : low_value;
}

double tl_median(const double *ascending, size_t n)
{
    return tl_quantile(ascending, n, 0.5);
}
