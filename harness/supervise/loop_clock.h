/* The time in which the loop turned, and deadlines in it: what was slept through is no fault of a trial. */
#ifndef TL_LOOP_CLOCK_H
#define TL_LOOP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define TL_LOOP_GAP_NS 2000000000u /* the most that counts from one look to the next */

struct tl_loop_clock {
    uint64_t seen_ns; /* of the monotonic clock at the last look; 0: there was none */
    uint64_t now_ns;  /* what has counted */
    uint64_t gaps_ns; /* of that, what was counted for gaps */
};

/* A look at a clock, when the monotonic one shows this. Returns the time of the loop. */
uint64_t tl_loop_clock_look(struct tl_loop_clock *c, uint64_t monotonic_ns);

/* Looks at the clock now. Whoever has deadlines looks more often than every TL_LOOP_GAP_NS. */
uint64_t tl_loop_clock_now(struct tl_loop_clock *c);

/* Zero-initialise. */
struct tl_deadline {
    struct tl_loop_clock *clock;
    uint64_t end_ns, gaps_ns; /* in the time of the loop; its gaps when it was set */
    unsigned again;           /* how often it was given back what was slept through */
    bool looked;
    uv_timer_t *timer;
    void (*passed)(void *arg);
    void *arg;
};

/* passed(arg) is called from the loop, once, when that much of its time is over and everything that stood by then
 * has been seen. Setting it again forgets what was set before. */
void tl_deadline_set(struct tl_deadline *d, uv_loop_t *loop, struct tl_loop_clock *clock, double seconds,
                     void (*passed)(void *arg), void *arg);
void tl_deadline_stop(struct tl_deadline *d);
void tl_deadline_close(struct tl_deadline *d); /* when it is not needed any more */

#endif
