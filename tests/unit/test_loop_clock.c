#include "harness/supervise/loop_clock.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define SECONDS(n) ((uint64_t)((n)*1e9))

Test(loop_clock, a_gap_counts_for_at_most_so_much)
{
    struct tl_loop_clock c = {0};
    cr_assert_eq(tl_loop_clock_look(&c, SECONDS(1000)), 0);
    cr_assert_eq(tl_loop_clock_look(&c, SECONDS(1001)), SECONDS(1));
    cr_assert_eq(c.gaps_ns, 0);
    cr_assert_eq(tl_loop_clock_look(&c, SECONDS(5000)), SECONDS(3));
    cr_assert_eq(c.gaps_ns, SECONDS(2));
    cr_assert_eq(tl_loop_clock_look(&c, SECONDS(4000)), SECONDS(3), "it never goes back");
    cr_assert_eq(tl_loop_clock_look(&c, SECONDS(4000.5)), SECONDS(3.5));
}

static void on_passed(void *arg)
{
    ++*(int *)arg;
}

/* How often a deadline of that many seconds passed when the clock jumped once, in the middle of it, by that much. */
static int passed_after(double seconds, double jump, unsigned turn_ms, double *took)
{
    uv_loop_t loop;
    struct tl_loop_clock c = {0};
    struct tl_deadline d = {0};
    int passed = 0;
    uv_loop_init(&loop);
    tl_deadline_set(&d, &loop, &c, seconds, on_passed, &passed);
    uint64_t started = uv_hrtime();
    usleep(turn_ms * 1000);
    tl_loop_clock_now(&c);
    c.seen_ns -= SECONDS(jump);
    uv_run(&loop, UV_RUN_DEFAULT);
    *took = (double)(uv_hrtime() - started) * 1e-9;
    tl_deadline_close(&d);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return passed;
}

Test(loop_clock, a_deadline_is_given_back_what_was_slept_through)
{
    double took;
    cr_expect_eq(passed_after(0.05, 0, 10, &took), 1);
    cr_expect_geq(took, 0.05);
    cr_expect_eq(passed_after(0.2, 3600, 10, &took), 1);
    cr_expect_geq(took, 0.19);
    cr_expect_eq(passed_after(0, 0, 0, &took), 1);
}
