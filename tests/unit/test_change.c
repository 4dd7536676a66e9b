/* Whether something changed from one night to the next: against counts whose answer is known, and against
 * flaky failures over many simulated nights. */
#include "harness/search/change.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

static enum tl_change judge(uint64_t k0, uint64_t n0, uint64_t k1, uint64_t n1, uint64_t added)
{
    return tl_change_judge((struct tl_change_count){k0, n0}, (struct tl_change_count){k1, n1}, added);
}

Test(change, what_shows_always_or_never_is_settled_by_a_few_trials)
{
    cr_assert_eq(judge(0, 3, 3, 3, 0), TL_CHANGE_OPEN);
    cr_assert_eq(judge(0, 3, 5, 5, 2), TL_CHANGE_MORE_OFTEN);
    cr_assert_eq(judge(0, 6, 3, 3, 0), TL_CHANGE_MORE_OFTEN);
    cr_assert_eq(judge(3, 3, 0, 5, 2), TL_CHANGE_LESS_OFTEN);
    cr_assert_eq(judge(0, 1, 1, 1, 0), TL_CHANGE_OPEN);
    cr_assert_eq(judge(0, 1, 16, 16, 15), TL_CHANGE_MORE_OFTEN);
    cr_assert_eq(judge(1, 1, 0, 1, 0), TL_CHANGE_OPEN);
    cr_assert_eq(judge(1, 1, 0, 17, 16), TL_CHANGE_LESS_OFTEN);
    cr_assert_eq(judge(0, 50, 1, 1, 0), TL_CHANGE_OPEN, "one trial alone never is a change");
}

Test(change, what_is_the_same_is_not_a_change)
{
    for (uint64_t n = 1; n < 100; n++) {
        cr_assert_eq(judge(0, n, 0, 3, 0), TL_CHANGE_NONE);
        cr_assert_eq(judge(n, n, 3, 3, 0), TL_CHANGE_NONE);
    }
    cr_assert_eq(judge(30, 100, 1, 3, 0), TL_CHANGE_NONE);
    cr_assert_eq(judge(30, 100, 10, 33, 30), TL_CHANGE_NONE);
    cr_assert_eq(judge(0, 0, 3, 3, 0), TL_CHANGE_NONE, "nothing to compare with");
    cr_assert_eq(judge(3, 3, 0, 0, 0), TL_CHANGE_NONE);
}

Test(change, a_flaky_failure_is_told_from_one_that_is_gone)
{
    cr_assert_eq(judge(30, 100, 0, 3, 0), TL_CHANGE_OPEN);
    cr_assert_eq(judge(30, 100, 1, 4, 1), TL_CHANGE_NONE);
    cr_assert_eq(judge(30, 100, 0, 25, 22), TL_CHANGE_LESS_OFTEN);
    cr_assert_eq(judge(0, 100, 10, 33, 30), TL_CHANGE_MORE_OFTEN);
    cr_assert_eq(judge(0, 3, 1, 3, 0), TL_CHANGE_UNCLEAR,
                 "three passes say little of a failure that shows in a third");
    cr_assert_eq(judge(1, 100, 0, 3, 0), TL_CHANGE_NONE, "so rare a failure cannot be seen to be gone");
    cr_assert_eq(judge(10, 100, 90, 100, 0), TL_CHANGE_MORE_OFTEN);
    cr_assert_eq(judge(90, 100, 10, 100, 0), TL_CHANGE_LESS_OFTEN);
}

/* The factor for equal evidence on both sides is the same whichever comes first. */
Test(change, odds_are_symmetric_and_grow_with_the_difference)
{
    for (uint64_t k = 0; k <= 20; k++)
        for (uint64_t l = 0; l <= 20; l++) {
            double one = tl_change_odds((struct tl_change_count){k, 20}, (struct tl_change_count){l, 20}),
                   other = tl_change_odds((struct tl_change_count){l, 20}, (struct tl_change_count){k, 20});
            cr_assert_lt(fabs(one - other), 1e-9 * one);
        }
    double last = 0;
    for (uint64_t l = 2; l <= 19; l++) {
        double now = tl_change_odds((struct tl_change_count){1, 20}, (struct tl_change_count){l, 20});
        cr_assert_gt(now, last);
        last = now;
    }
}

static uint64_t random_state;
static double draw(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

/* A hundred nights with three trials each of something that fails at a rate; returns how many nights said
 * that something changed. As in nightly: what was seen since the last change is what is compared with. */
static unsigned nights(double rate, unsigned repeat, uint64_t seed)
{
    struct tl_change_count before = {0, 0};
    unsigned said = 0;
    random_state = seed;
    for (int i = 0; i < 100; i++) {
        struct tl_change_count now = {0, 0};
        for (unsigned r = 0; r < repeat; r++, now.n++)
            now.k += draw() < rate;
        uint64_t added = 0;
        enum tl_change c;
        while ((c = tl_change_judge(before, now, added)) == TL_CHANGE_OPEN) {
            now.k += draw() < rate;
            now.n++;
            added++;
        }
        bool changed = c == TL_CHANGE_MORE_OFTEN || c == TL_CHANGE_LESS_OFTEN;
        said += changed;
        before = changed ? now : (struct tl_change_count){before.k + now.k, before.n + now.n};
    }
    return said;
}

Test(change, a_flaky_failure_is_not_new_and_fixed_every_other_night)
{
    static const double rates[] = {0.02, 0.1, 0.3, 0.5, 0.7, 0.9};
    for (unsigned repeat = 1; repeat <= 5; repeat += 2)
        for (size_t i = 0; i < 6; i++) {
            unsigned all = 0, most = 0, over = 0;
            for (uint64_t seed = 1; seed <= 400; seed++) {
                unsigned n = nights(rates[i], repeat, seed * 7919);
                all += n;
                most = n > most ? n : most;
                over += n > 3;
            }
            printf("rate %.2f, %u trials a night: %.2f false changes in 100 nights, at most %u (seeds "
                   "7919..400*7919)\n",
                   rates[i], repeat, all / 400.0, most);
            cr_assert_lt(all / 400.0, 1.0, "rate %g", rates[i]);
            cr_assert_leq(over, 4, "rate %g: %u of 400 runs of 100 nights said more than three", rates[i],
                          over);
        }
}

Test(change, the_rank_sum_is_counted_out)
{
    const double low[] = {1, 2, 3}, high[] = {4, 5, 6}, same[] = {1, 1, 1};
    cr_assert_float_eq(tl_change_rank_sum(low, 3, high, 3, false), 0.05, 1e-12, "one order of twenty");
    cr_assert_float_eq(tl_change_rank_sum(low, 3, high, 3, true), 1, 1e-12);
    cr_assert_float_eq(tl_change_rank_sum(high, 3, low, 3, true), 0.05, 1e-12);
    cr_assert_gt(tl_change_rank_sum(same, 3, same, 3, false), 0.3);
    cr_assert_eq(tl_change_rank_sum(low, 0, high, 3, false), 1);
}

/* Counting agrees with the normal curve, which takes over for many values. */
Test(change, the_rank_sum_is_the_same_by_both_ways)
{
    double a[20], b[20];
    for (int shift = 0; shift < 20; shift += 3) {
        double above = 0;
        for (int i = 0; i < 20; i++) {
            a[i] = i;
            b[i] = i + shift + 0.5;
        }
        for (int i = 0; i < 20; i++)
            for (int j = 0; j < 20; j++)
                above += b[i] > a[j];
        double exact = tl_change_rank_sum(a, 20, b, 20, false),
               normal = 0.5 * erfc((above - 200 - 0.5) / sqrt(400 * 41 / 12.0) / sqrt(2.0));
        cr_assert_lt(fabs(exact - normal), 0.005, "shift %d: %g and %g", shift, exact, normal);
    }
}
