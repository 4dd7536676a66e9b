#include "harness/base/quantile.h"

#include <criterion/criterion.h>

Test(quantile, median_and_between)
{
    const double list[] = {1, 2, 4, 8};
    cr_assert_eq(tl_median(list, 4), 3);
    cr_assert_eq(tl_median(list, 3), 2);
    cr_assert_eq(tl_median(list, 0), 0);
    cr_assert_eq(tl_quantile(list, 4, 0), 1);
    cr_assert_eq(tl_quantile(list, 4, 1), 8);
    cr_assert_eq(tl_quantile(list, 4, 0.25), 1.75);
    cr_assert_eq(tl_quantile(list, 1, 0.9), 1);
}

Test(quantile, sorted_by_value)
{
    double list[] = {3, -1, 1e300, 0.5};
    tl_sort(list, 4);
    for (int i = 1; i < 4; i++)
        cr_assert_lt(list[i - 1], list[i]);
    tl_sort(NULL, 0);
}
