/* The time in which a process was awake, and how many trials run in it side by side. */
#include "harness/base/awake.h"
#include "harness/base/clock.h"
#include "harness/base/jobs.h"

#include <criterion/criterion.h>

#define S 1000000000ull

Test(awake, sleeps_are_not_counted)
{
    struct tl_awake a = {0};
    cr_expect_eq(tl_awake_look(&a, 100 * S, 0), 0);
    cr_expect_eq(tl_awake_look(&a, 101 * S, 0), S, "a gap as a loop has them");
    uint64_t before = tl_awake_look(&a, 102 * S, S / 2);
    uint64_t after = tl_awake_look(&a, 102 * S + 8 * 3600 * S, S / 2);
    cr_expect_eq(after - before, TL_AWAKE_GAP_NS, "eight hours in which nothing was computed");
    cr_expect_eq(tl_awake_look(&a, 103 * S + 8 * 3600 * S, S / 2) - after, S, "and on as before");
}

Test(awake, work_is_counted)
{
    struct tl_awake a = {0};
    tl_awake_look(&a, S, 0);
    cr_expect_eq(tl_awake_look(&a, 31 * S, 30 * S), 30 * S, "it computed for all of it");
    cr_expect_eq(tl_awake_look(&a, 131 * S, 40 * S), 30 * S + 10 * S + TL_AWAKE_GAP_NS, "for a part of it");
    cr_expect_eq(tl_awake_look(&a, 132 * S, 90 * S), 43 * S, "on several processors: no more than passed");
}

Test(awake, a_clock_that_stands_or_jumps_back)
{
    struct tl_awake a = {0};
    tl_awake_look(&a, 10 * S, 5 * S);
    cr_expect_eq(tl_awake_look(&a, 10 * S, 5 * S), 0);
    cr_expect_eq(tl_awake_look(&a, 9 * S, 4 * S), 0);
    cr_expect_eq(tl_awake_look(&a, 10 * S, 4 * S), S);
}

/* Of this process: it goes on, and never back. */
Test(awake, goes_on)
{
    uint64_t began = tl_awake_ns(), last = began, real = tl_monotonic_ns();
    while (tl_seconds_since(real) < 0.02) {
        uint64_t now = tl_awake_ns();
        cr_assert_geq(now, last);
        last = now;
    }
    cr_expect_gt(began, 0, "0 stands for no point in time");
    cr_expect_geq(tl_awake_since(began), 0.02);
}

Test(jobs, processors)
{
    static const struct {
        long processors;
        unsigned all, aside;
    } rows[] = {{-1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {2, 2, 1}, {4, 4, 3}, {8, 8, 6}, {10, 10, 8}, {16, 16, 12}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(tl_jobs_for(rows[i].processors, false), rows[i].all);
        cr_expect_eq(tl_jobs_for(rows[i].processors, true), rows[i].aside);
    }
    cr_expect_gt(tl_jobs_default(), 0);
}
