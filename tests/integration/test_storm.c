/* Programs that live on faults, and are let go from being traced meanwhile: what they do then is seen all the same. */
#include "ways.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__
#define TRAP_SIGNAL SIGILL
#else
#define TRAP_SIGNAL SIGTRAP
#endif

static const struct way ways[] = {
    {"passes", TL_OUTCOME_PASS, 0, NULL},
    {"restores", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"returns", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"aborts", TL_OUTCOME_CRASH, SIGABRT, "gives_up"},
    {"traps", TL_OUTCOME_CRASH, TRAP_SIGNAL, "traps"},
    {"traps_untraced", TL_OUTCOME_CRASH, TRAP_SIGNAL, NO_STACK},
    {"in_a_child", TL_OUTCOME_CRASH, SIGABRT, "in_a_child"},
    {"child_exits", TL_OUTCOME_PASS, 0, NULL},
    {"executes", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"thread_dies", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"many_threads", TL_OUTCOME_PASS, 0, NULL},
    {"many_threads_then_dies", TL_OUTCOME_CRASH, SIGSEGV, "real_fault"},
    {"thread_exits", TL_OUTCOME_PASS, 0, NULL},
    {"stopped", TL_OUTCOME_PASS, 0, NULL},
    {"allocates", TL_OUTCOME_PASS, 0, NULL},
    {"asks", TL_OUTCOME_PASS, 0, NULL},
    {"hangs", TL_OUTCOME_HANG, 0, "computes_for_ever"},
};

static struct ways storm = {.program = STORM_PATH, .runner = COMMAND_PATH, .memory_mb = 1024};

/* Whoever traced it is killed while it is let go. */
static void check_nothing_lives_on(bool step)
{
    static const struct way way = {"never_ends", TL_OUTCOME_HANG, 0, NULL};
    struct ways alone = storm;
    alone.no_cgroup = true;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t supervising = fork();
    if (!supervising) {
        ways_begin(&alone, 1);
        ways_submit(&alone, &way, step, 60);
        ways_end(&alone);
        _exit(0);
    }
    usleep(800000);
    kill(supervising, SIGKILL);
    int left = 0;
    for (int i = 0; i < 200 && left >= 0; i++) {
        while ((left = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        usleep(10000);
    }
    cr_expect_eq(left, -1, "something of it lives on");
}

Test(storm, supervisor_is_killed, .timeout = 300)
{
    check_nothing_lives_on(false);
    check_nothing_lives_on(true);
}

Test(storm, by_itself, .timeout = 900)
{
    ways_run(&storm, ways, TL_COUNT(ways), false);
}

/* Whose end this kernel tells whoever is not its parent; others are never let go (loose_linux.c). */
static bool steps_are_let_go(void)
{
    struct utsname name;
    unsigned major = 0, minor = 0;
    return !uname(&name) && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 15));
}

Test(storm, as_a_step, .timeout = 900)
{
    struct way here[TL_COUNT(ways)];
    for (size_t i = 0; i < TL_COUNT(ways); i++) {
        here[i] = ways[i];
        if (!strcmp(ways[i].name, "traps_untraced") && !steps_are_let_go())
            here[i] = (struct way){ways[i].name, TL_OUTCOME_PASS, 0, NULL, 0};
    }
    ways_run(&storm, here, TL_COUNT(here), true);
}
