/* The shortest prefix that fails, and what a node hands on when it leaves a graph. */
#include "harness/search/bypass.h"
#include "harness/search/prefix.h"

#include <criterion/criterion.h>
#include <math.h>

static size_t solve(size_t n, size_t cause, unsigned *trials)
{
    struct tl_prefix p;
    size_t length;
    tl_prefix_begin(&p, n);
    for (*trials = 0; tl_prefix_next(&p, &length); ++*trials) {
        unsigned left = tl_prefix_left(&p);
        cr_assert(length > 0 && length < n);
        tl_prefix_tell(&p, length, length >= cause);
        cr_assert(tl_prefix_left(&p) < left);
    }
    return p.fails;
}

Test(prefix, every_place_is_found_with_as_few_trials_as_bisection_takes)
{
    for (size_t n = 1; n <= 130; n++)
        for (size_t cause = 1; cause <= n; cause++) {
            unsigned trials;
            cr_assert_eq(solve(n, cause, &trials), cause);
            cr_assert(trials <= (unsigned)ceil(log2((double)n)), "%zu of %zu: %u trials", cause, n, trials);
        }
    unsigned trials;
    cr_assert_eq(solve(1000, 637, &trials), 637);
    cr_assert(trials <= 10);
}

Test(prefix, the_answer_is_one_that_failed_whatever_the_others_do)
{
    for (unsigned pattern = 0; pattern < 4096; pattern++) {
        struct tl_prefix p;
        size_t length, failed = 12;
        tl_prefix_begin(&p, 12);
        while (tl_prefix_next(&p, &length)) {
            bool fails = pattern >> (length - 1) & 1;
            tl_prefix_tell(&p, length, fails);
            failed = fails ? length : failed;
        }
        cr_assert_eq(p.fails, failed);
    }
}

Test(prefix, what_is_told_twice_or_late_changes_nothing)
{
    struct tl_prefix p;
    size_t length;
    tl_prefix_begin(&p, 8);
    tl_prefix_tell(&p, 4, true);
    tl_prefix_tell(&p, 6, true);
    tl_prefix_tell(&p, 2, false);
    tl_prefix_tell(&p, 1, false);
    cr_assert(tl_prefix_next(&p, &length));
    cr_assert_eq(length, 3);
    tl_prefix_begin(&p, 1);
    cr_assert(!tl_prefix_next(&p, &length));
    cr_assert_eq(p.fails, 1);
    tl_prefix_begin(&p, 0);
    cr_assert(!tl_prefix_next(&p, &length));
}

Test(bypass, the_operand_of_the_same_type_that_is_made_the_earliest)
{
    const struct tl_bypass_operand operands[] = {
        {"float32[2]", 3}, {"int64[2]", 0}, {"float32[2]", 1}, {"float32[2]", TL_BYPASS_NONE}, {NULL, 0}};
    cr_assert_eq(tl_bypass_choose("float32[2]", operands, 5), 2);
    cr_assert_eq(tl_bypass_choose("int64[2]", operands, 5), 1);
    cr_assert_eq(tl_bypass_choose("float32[3]", operands, 5), TL_BYPASS_NONE);
    cr_assert_eq(tl_bypass_choose(NULL, operands, 5), TL_BYPASS_NONE);
    cr_assert_eq(tl_bypass_choose("float32[2]", operands, 0), TL_BYPASS_NONE);
}
