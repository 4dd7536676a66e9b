#include "harness/base/number_order.h"

#include <criterion/criterion.h>
#include <stddef.h>

static const char *const in_order[] = {"",
                                       "{\"layers\":-3}",
                                       "{\"layers\":-1}",
                                       "{\"layers\":9}",

                                       "{\"layers\":10,\"size\":0.25}",
                                       "{\"layers\":10,\"size\":0.5}",
                                       "{\"layers\":10,\"size\":1e3}",
                                       "{\"layers\":9007199254740992}",
                                       "{\"layers\":9007199254740993}",
                                       "{\"size\":1}"};

Test(number_order, numbers_by_size_and_the_rest_as_text)
{
    size_t n = sizeof in_order / sizeof *in_order;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            int order = tl_number_order(in_order[i], in_order[k]);
            cr_assert(i < k   ? order < 0
                      : i > k ? order > 0
                              : order == 0,
                      "%s and %s: %d", in_order[i], in_order[k], order);
        }
}

Test(number_order, digits_of_words_are_letters)
{
    cr_assert_gt(tl_number_order("fp8", "fp16"), 0);
}
