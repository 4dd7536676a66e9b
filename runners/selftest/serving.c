/* A fork server that misbehaves. What it does is asked for in the request's build.selftest, or in the
 * environment:
 *
 *   fail_on_load       a clean error instead of serving
 *   die_on_load        abort()
 *   exit_on_load       exits without a word
 *   hang_on_load       never answers
 *   garbage_on_load    answers what is not JSON
 *   die_on_fork:N      aborts when the Nth child is wanted (1 is the first)
 *   exit_on_fork:N     exits then
 *   hang_on_fork:N     hangs then
 *   die_after_fork:N   aborts when the Nth child has been made and before it is named
 *   lie_about_pid      names a process that is not its child
 *
 * What happens at a fork is done in handlers of pthread_atfork, where a runtime's own troubles with fork are.
 *
 * main.c calls it and it calls main.c, which selftest.h explains. */
#include "runners/selftest/selftest.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum { NOTHING, DIE, EXIT, HANG, DIE_AFTER, LIE } at_fork;
static long forks_left; /* until it happens */

static void before_fork(void)
{
    if (at_fork == NOTHING || at_fork == LIE || --forks_left > 0 || at_fork == DIE_AFTER)
        return;
    if (at_fork == DIE)
        abort();
    if (at_fork == EXIT)
        _exit(0);
    tl_selftest_nap(0);
}

static void after_fork(void)
{
    if (at_fork == DIE_AFTER && forks_left <= 0)
        abort();
    if (at_fork != LIE)
        return;
    static int null = -1;
    if (null < 0)
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    tl_channel_use(TL_PROTOCOL_FD);
    tl_channel_send(json_pack("{s:i}", "forked", (int)getppid()));
    tl_channel_use(null); /* the truth, which follows, goes nowhere */
}

static void in_child(void)
{
    at_fork = NOTHING;
    tl_channel_use(TL_PROTOCOL_FD);
}

int tl_selftest_load(const json_t *request, void **state, char *why, size_t why_size)
{
    static const struct {
        const char *name;
        int action;
    } actions[] = {{"die_on_fork:", DIE},
                   {"exit_on_fork:", EXIT},
                   {"hang_on_fork:", HANG},
                   {"die_after_fork:", DIE_AFTER},
                   {"lie_about_pid", LIE}};
    const char *what = json_string_value(json_object_get(json_object_get(request, "build"), "selftest"));
    if (!what)
        what = getenv("TRAPLINE_SELFTEST_SERVE");
    if (!what)
        return 0;
    if (!strcmp(what, "die_on_load"))
        abort();
    if (!strcmp(what, "exit_on_load"))
        _exit(0);
    if (!strcmp(what, "hang_on_load"))
        tl_selftest_nap(0);
    if (!strcmp(what, "garbage_on_load")) {
        tl_channel_write("not JSON\n", 9);
        tl_selftest_nap(0);
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        size_t size = strlen(actions[i].name);
        if (strncmp(what, actions[i].name, size))
            continue;
        at_fork = actions[i].action;
        forks_left = strtol(what + size, NULL, 10);
        return pthread_atfork(before_fork, after_fork, in_child);
    }
    snprintf(why, why_size, "%s",
             strcmp(what, "fail_on_load") ? "unknown build.selftest" : "failed on request");
    return -1;
}
