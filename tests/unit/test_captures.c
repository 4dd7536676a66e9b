/* Which captures of a trial are kept, and which deaths it failed of. */
#include "harness/base/buffer.h"
#include "harness/supervise/captures.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define EXITED(code) ((code) << 8)
#define NO_COMMAND ""

static struct tl_trial_record record;
static struct tl_deaths deaths;

static void take(int pid, int signal, enum tl_signal_action action, uint64_t at)
{
    struct tl_capture c = {.kind = TL_CAPTURE_SIGNAL,
                           .pid = pid,
                           .tid = pid,
                           .signal = signal,
                           .si_code = signal == SIGABRT ? SI_TKILL : 1,
                           .action = action,
                           .taken_ns = at};
    tl_captures_add(&record, &deaths, &c);
}

static void begin(void)
{
    tl_trial_record_free(&record);
    record = (struct tl_trial_record){0};
    deaths = (struct tl_deaths){0};
}

static bool is_kept(int pid)
{
    for (size_t i = 0; i < record.n_captures; i++)
        if (record.captures[i].pid == pid)
            return true;
    return false;
}

Test(captures, handled_ones_give_way)
{
    begin();
    take(1, SIGABRT, TL_ACTION_DEFAULT, 1);
    for (int i = 0; i < 40; i++)
        take(100 + i, SIGSEGV, TL_ACTION_HANDLED, 2);
    take(2, SIGSEGV, TL_ACTION_DEFAULT, 3);
    cr_expect_eq(record.n_captures, TL_CAPTURES_MOST);
    cr_expect(is_kept(1) && is_kept(2) && is_kept(139) && !is_kept(100));
    begin();
}

Test(captures, deaths_that_were_dealt_with_give_way)
{
    begin();
    for (int i = 0; i < 60; i++) {
        take(100 + i, SIGABRT, TL_ACTION_DEFAULT, 1);
        tl_captures_end(&record, 100 + i, SIGABRT);
    }
    take(2, SIGSEGV, TL_ACTION_DEFAULT, 3);
    cr_expect(is_kept(2) && is_kept(159) && !is_kept(100));
    /* Those whose parent has still to fail stay, and so do the first ones. */
    begin();
    for (int i = 0; i < 60; i++) {
        const struct tl_ended e = {.pid = 100 + i, .parent = 2, .status = SIGABRT, .command = NO_COMMAND};
        take(100 + i, SIGABRT, TL_ACTION_DEFAULT, 1);
        tl_captures_end(&record, 100 + i, SIGABRT);
        if (i < 20)
            tl_deaths_ended(&deaths, &record, 1, &e);
    }
    cr_expect(is_kept(100) && is_kept(119) && is_kept(159) && !is_kept(130));
    begin();
}

Test(captures, a_signal_that_nothing_handles_is_the_end)
{
    begin();
    take(1, SIGSEGV, TL_ACTION_HANDLED, 1);
    cr_expect_eq(tl_captures_end(&record, 1, 0), 0, "it was handled");
    cr_expect_not(tl_captures_have_death(&record, 1, SIGSEGV));
    take(1, SIGBUS, TL_ACTION_DEFAULT, 2);
    cr_expect(tl_captures_have_death(&record, 1, SIGBUS));
    cr_expect_eq(tl_captures_end(&record, 1, 0), SIGBUS, "whatever it exited with");
    cr_expect_not(record.captures[0].fatal);
    cr_expect(record.captures[1].fatal);
    cr_expect_eq(tl_captures_end(&record, 1, SIGKILL), SIGKILL);
    cr_expect_eq(tl_captures_end(&record, 2, EXITED(3)), EXITED(3));
    tl_captures_exec(&record, 1);
    cr_expect_eq(tl_captures_end(&record, 1, 0), 0, "it is another program by now");
    cr_expect(record.captures[0].outlived && record.captures[1].outlived,
              "and no handler of the old one runs");
    begin();
}

/* A child of the trial's own process 1 and what it had started, of which each dies at a time, was born at one, and
 * whose parent began to leave at one. */
struct one {
    int pid, parent, status;
    uint64_t died, born, parent_left;
};

static const struct tl_death *cause(const struct one *all, size_t n)
{
    begin();
    for (size_t i = 0; i < n; i++)
        if (WIFSIGNALED(all[i].status))
            take(all[i].pid, WTERMSIG(all[i].status), TL_ACTION_DEFAULT, all[i].died);
    for (size_t i = 0; i < n; i++) {
        const struct tl_ended e = {.pid = all[i].pid,
                                   .parent = all[i].parent,
                                   .status = all[i].status,
                                   .command = NO_COMMAND,
                                   .born_ns = all[i].born,
                                   .parent_left_ns = all[i].parent_left,
                                   .now_ns = all[i].died};
        tl_deaths_ended(&deaths, &record, 1, &e);
    }
    return tl_deaths_passed_on(&deaths, 1);
}

Test(captures, the_first_death_is_the_cause)
{
    /* Workers abort when their leader is gone; their ends are reported before its own. */
    const struct one workers[] = {
        {3, 2, SIGABRT, 20, 1, 11}, {4, 2, SIGABRT, 21, 1, 11}, {2, 1, SIGABRT, 10, 0, 0}};
    const struct tl_death *d = cause(workers, TL_COUNT(workers));
    cr_assert(d);
    cr_expect_eq(d->pid, 2);
    /* The leader raises the signal of its worker again. */
    const struct one again[] = {{3, 2, SIGABRT, 5, 1, 0}, {2, 1, SIGABRT, 10, 0, 0}};
    d = cause(again, TL_COUNT(again));
    cr_assert(d);
    cr_expect_eq(d->pid, 3);
    /* Siblings, the first of which took the others along. */
    const struct one siblings[] = {{5, 2, SIGSEGV, 30, 3, 0},
                                   {3, 2, SIGSEGV, 10, 2, 0},
                                   {4, 2, SIGSEGV, 20, 2, 0},
                                   {2, 1, EXITED(1), 40, 0, 0}};
    d = cause(siblings, TL_COUNT(siblings));
    cr_assert(d);
    cr_expect_eq(d->pid, 3);
    /* One after the other: the first one was dealt with, or the second had not been started. */
    const struct one turns[] = {
        {3, 2, SIGSEGV, 10, 2, 0}, {4, 2, SIGSEGV, 20, 15, 0}, {2, 1, EXITED(139), 40, 0, 0}};
    d = cause(turns, TL_COUNT(turns));
    cr_assert(d);
    cr_expect_eq(d->pid, 4);
    begin();
}
