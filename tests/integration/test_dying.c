/* Which capture is the death: programs that really die so, as the trial's own process and as a step. */
#include "ways.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <signal.h>

static const struct way ways[] = {
    {"handled_few", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"handled", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"handled_restored", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"handled_raised", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"handled_raised_late", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"raised_elsewhere", TL_OUTCOME_CRASH, SIGSEGV, "raises"},
    {"blocked", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"ignored", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"survived", TL_OUTCOME_PASS, 0, NULL},
    {"roams", TL_OUTCOME_PASS, 0, NULL},
    {"handler_exits", TL_OUTCOME_ERROR, 0, NULL},
    {"handler_says_so", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", AS_A_STEP},
    {"handler_says_so_late", TL_OUTCOME_CRASH, SIGSEGV, NO_STACK, AS_A_STEP},
    {"many_children", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"child", TL_OUTCOME_PASS, 0, NULL},
    {"leader", TL_OUTCOME_CRASH, SIGABRT, "gives_up"},
    {"leader_is_told", TL_OUTCOME_CRASH, SIGABRT, "gives_up"},
    {"siblings", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", AS_A_STEP},
    {"one_after_the_other", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", AS_A_STEP},
    {"filtered", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call"},
    {"filtered_after_handling", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call"},
    {"filtered_among_threads", TL_OUTCOME_CRASH, SIGSYS, "forbidden_call"},
    {"filtered_thread", TL_OUTCOME_PASS, 0, NULL},
    {"exits_meanwhile", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"overflow", TL_OUTCOME_CRASH, SIGSEGV, "deeper"},
    {"main_thread_gone", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"first_faults", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", IN_A_NAMESPACE},
    {"first_lives_on_faults", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", IN_A_NAMESPACE},
    {"first_faults_in_a_thread", TL_OUTCOME_CRASH, SIGSEGV, "real_fault", IN_A_NAMESPACE},
    {"first_is_sent_signals", TL_OUTCOME_PASS, 0, NULL, IN_A_NAMESPACE},
};

static struct ways dying = {.program = DYING_PATH, .runner = COMMAND_PATH};

/* Nothing but the deadline ends these: the stops before it are over, and no other trial stops meanwhile. */
Test(dying, still_after_many_stops, .timeout = 900)
{
    static const struct way way = {"still", TL_OUTCOME_HANG, 0, NULL};
    ways_begin(&dying, 1);
    for (int i = 0; i < 12; i++)
        ways_submit(&dying, &way, false, 0.2);
    ways_end(&dying);
}

Test(dying, by_itself, .timeout = 900)
{
    ways_run(&dying, ways, TL_COUNT(ways), false);
}

Test(dying, as_a_step, .timeout = 900)
{
    ways_run(&dying, ways, TL_COUNT(ways), true);
}
