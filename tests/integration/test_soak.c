/* Ten thousand trials of every quick kind, eight at a time, in processes of their own and as children of fork
 * servers: none judged wrongly, nothing left behind, and a supervisor that does not grow. */
#include "tests/integration/expected.h"
#include "tests/integration/trials.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define TRIALS 1000
#define SANITIZED true /* freed memory is kept back: growth means nothing */
#else
#define TRIALS 10000
#define SANITIZED false
#endif
#define WARM_UP 2000 /* caches of files, stacks and unwind tables fill up first */
#define SAMPLED 3000 /* of the last trials: caches fill and are emptied, so what grew is in every sample */

static size_t answered, wrong;
static char first_wrong[1024];

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    const struct expected *x = arg;
    (void)cached;
    cr_assert(!failure, "%s", failure ? failure->why : "");
    answered++;
    bool right = r->outcome == x->outcome && r->phase == x->phase &&
                 (x->signal == ANY_SIGNAL || r->signal == x->signal) &&
                 (!x->function || (r->n_captures && trials_stack_has(&r->captures[0], x->function)));
    if (!right && wrong++ == 0)
        snprintf(first_wrong, sizeof first_wrong, "%s%s: got %s in %s, signal %d, %s", x->behaviour,
                 r->fresh ? "" : " (served)", tl_outcome_name(r->outcome), tl_phase_name(r->phase), r->signal,
                 r->message ? r->message : "-");
}

Test(soak, ten_thousand_mixed_trials, .timeout = 1500)
{
    struct trials t;
    struct tl_error e = {0};
    trials_begin(&t, 8, 30, false); /* a deadline that a busy machine does not reach */
    size_t fds = 0, memory = 0, least = SIZE_MAX;
    unsigned random = 20261120;
    for (size_t i = 0; i < TRIALS; i++) {
        const struct expected *x;
        bool fresh;
        do {
            random = random * 1664525u + 1013904223u;
            x = &expected[(random >> 8) % N_EXPECTED];
            fresh = (random >> 4) & 1;
        } while (x->slow || (!fresh && x->not_served) || !strncmp(x->behaviour, "flood_", 6));
        char *assignments;
        cr_assert(asprintf(&assignments, "behaviour=%s", x->behaviour) > 0);
        trials_submit(&t, assignments, fresh, on_done, (void *)x);
        free(assignments);
        if (i >= TRIALS - SAMPLED && i % 100 == 0 && trials_own_memory() < least)
            least = trials_own_memory();
        while (tl_executor_pending(t.x) >= 16)
            cr_assert_eq(tl_executor_step(t.x, &e), 0, "%s: %s", e.what, e.why);
        if (i == WARM_UP && TRIALS > WARM_UP) {
            trials_finish(&t);
            fds = trials_open_fds();
            memory = trials_own_memory();
        }
    }
    trials_finish(&t);
    cr_expect_eq(answered, TRIALS);
    cr_expect_eq(wrong, 0, "%zu judged wrongly, the first: %s", wrong, first_wrong);
    if (fds) {
        /* A fork server has three, and how many of the eight are there at a moment differs. */
        cr_expect(trials_open_fds() <= fds + 3 * 8, "%zu descriptors, %zu after the first %d",
                  trials_open_fds(), fds, WARM_UP);
        cr_expect(SANITIZED || least < memory + (8u << 20), "%zu KiB at least, %zu after the first %d",
                  least >> 10, memory >> 10, WARM_UP);
    }
    trials_end(&t);
    cr_expect_eq(trials_processes_left(), 0, "processes are left");
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
}
