/* Theory of operation. A supervisor can be stopped (^Z, SIGSTOP), and so can the machine under it (a laptop's lid, a
 * virtual machine's pause); the clock goes on. Whether what it watches went on, too, it cannot know: of several
 * processes any may have been stopped. So a gap between two looks at the clock counts for at most TL_LOOP_GAP_NS,
 * which is more than the loop ever needs for one turn; and when it is only what was counted for gaps that makes a
 * deadline pass, that much is given back. How often is bounded, for a machine that is so slow that every turn is a
 * gap.
 *
 * What stands is taken: when a deadline has passed, the loop turns once more before anybody is told, so that the
 * end of a process or a result that came meanwhile is seen first. */
#include "harness/supervise/loop_clock.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>

#define GIVEN_BACK_MOST 8

uint64_t tl_loop_clock_look(struct tl_loop_clock *c, uint64_t monotonic_ns)
{
    uint64_t gap = c->seen_ns && monotonic_ns > c->seen_ns ? monotonic_ns - c->seen_ns : 0;
    c->seen_ns = monotonic_ns;
    if (gap > TL_LOOP_GAP_NS) {
        gap = TL_LOOP_GAP_NS;
        c->gaps_ns += gap;
    }
    return c->now_ns += gap;
}

uint64_t tl_loop_clock_now(struct tl_loop_clock *c)
{
    return tl_loop_clock_look(c, tl_monotonic_ns());
}

static void on_timer(uv_timer_t *timer);

static void wait_until_end(struct tl_deadline *d, uint64_t now)
{
    uv_update_time(d->timer->loop);
    /* Never 0: that would be due within the same turn. */
    uv_timer_start(d->timer, on_timer, d->end_ns > now ? (d->end_ns - now) / 1000000 + 1 : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct tl_deadline *d = timer->data;
    uint64_t now = tl_loop_clock_now(d->clock), gaps = d->clock->gaps_ns - d->gaps_ns;
    if (now >= d->end_ns && gaps && now - gaps < d->end_ns && d->again < GIVEN_BACK_MOST) {
        d->again++;
        d->end_ns += gaps;
        d->gaps_ns = d->clock->gaps_ns;
        d->looked = false;
    }
    if (now >= d->end_ns && d->looked) {
        d->passed(d->arg);
        return;
    }
    d->looked = now >= d->end_ns;
    wait_until_end(d, now);
}

void tl_deadline_set(struct tl_deadline *d, uv_loop_t *loop, struct tl_loop_clock *clock, double seconds,
                     void (*passed)(void *arg), void *arg)
{
    uint64_t now = tl_loop_clock_now(clock);
    if (!d->timer) {
        d->timer = tl_calloc(1, sizeof *d->timer);
        uv_timer_init(loop, d->timer);
        d->timer->data = d;
    }
    d->clock = clock;
    d->end_ns = now + (seconds > 0 ? (uint64_t)(seconds * 1e9) : 0);
    d->gaps_ns = clock->gaps_ns;
    d->again = 0;
    d->looked = false;
    d->passed = passed;
    d->arg = arg;
    wait_until_end(d, now);
}

void tl_deadline_stop(struct tl_deadline *d)
{
    if (d->timer)
        uv_timer_stop(d->timer);
}

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

void tl_deadline_close(struct tl_deadline *d)
{
    if (d->timer)
        uv_close((uv_handle_t *)d->timer, free_timer);
    d->timer = NULL;
}
