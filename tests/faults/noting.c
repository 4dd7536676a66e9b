/* A runner for the tests of faults: it notes the id of each trial that it began in the file $TRAPLINE_TEST_NOTES, leaves a
 * descendant behind in a session of its own (with TRAPLINE_TEST_LEAVES=1), and crashes from n = 3 on. As a fork server and in processes of their own. */
#include "runners/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    (void)build;
    json_array_append_new(axes, json_string("n"));
    return json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "cpu", "usable", 1, "why", ""));
}

/* One write for each, so that those of several processes at once stay apart. */
static void note(const char *id)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%s\n", id);
    int fd = open(getenv("TRAPLINE_TEST_NOTES"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)size) != size)
        _exit(9);
    close(fd);
}

/* Nobody waits for it: whoever ends the trial has to end it. */
static void leave(void)
{
    const char *wanted = getenv("TRAPLINE_TEST_LEAVES");
    pid_t child = wanted && *wanted == '1' ? fork() : -1;
    if (child == 0) {
        setsid();
        if (fork() == 0)
            sleep(600);
        _exit(0);
    }
    if (child > 0)
        waitpid(child, NULL, 0);
}

static int trial(struct tl_run *run, void *state)
{
    (void)state;
    note(json_string_value(json_object_get(run->request, "id")));
    tl_run_phase(run, "execute");
    leave();
    if (tl_run_integer(run, "n", 1) >= 3)
        abort();
    tl_run_result(run, json_pack("{s:[]}", "outputs"));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {
        .name = "noting", .version = "1", .describe = describe, .trial = trial, .can_serve = true};
    return tl_runner_main(argc, argv, &runner);
}
