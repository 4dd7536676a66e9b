/* A runner whose trials try to leave something behind, each in the way that its variant names. */
#include "runners/protocol.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDING_US 60000 /* what the first one waits before it answers */

extern char **environ;

/* A child that no tracer of ours is told of: the flag lies in memory, where no filter looks. */
static pid_t hidden(void)
{
    struct clone_args a = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &a, sizeof a);
}

static void leave_cgroups(void)
{
    static const char *const trees[] = {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs",
                                        "/sys/fs/cgroup/pids/cgroup.procs",
                                        "/sys/fs/cgroup/memory/cgroup.procs"};
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        int fd = open(trees[i], O_WRONLY);
        if (fd >= 0 && write(fd, "0", 1) < 0)
            close(fd);
    }
}

__attribute__((noreturn)) static void stay(const char *how)
{
    if (fork()) /* its parent is gone */
        kill(getpid(), SIGKILL);
    setsid();
    for (char **e = environ; !strstr(how, "seen") && *e; e++)
        memset(*e, 'x', strlen(*e));
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    if (strstr(how, "leaves"))
        leave_cgroups();
    while (strstr(how, "comet")) {
        if (fork())
            kill(getpid(), SIGKILL);
        usleep(300);
    }
    if (strstr(how, "many") && fork())
        fork();
    sleep(40);
    kill(getpid(), SIGKILL);
    abort();
}

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    (void)build;
    (void)axes;
    return json_array_append_new(devices, json_pack("{s:s,s:b,s:s}", "name", "cpu", "usable", 1, "why", ""));
}

static int load(const json_t *request, void **state, char *why, size_t why_size)
{
    (void)request;
    (void)state;
    (void)why;
    (void)why_size;
    return 0;
}

static int trial(struct tl_run *run, void *state)
{
    const char *how = tl_run_string(run, "how", "");
    (void)state;
    tl_run_phase(run, "execute");
    if (!strcmp(how, "segment")) {
        struct sembuf up = {.sem_op = 1};
        struct message {
            long type;
            char text[8];
        } message = {.type = 1};
        int set = semget(IPC_PRIVATE, 1, 0600), queue = msgget(IPC_PRIVATE, 0600);
        if (shmget(IPC_PRIVATE, 1 << 20, 0600) < 0 || semop(set, &up, 1) || msgsnd(queue, &message, 8, 0))
            return -1;
    } else if (!strcmp(how, "naps"))
        sleep(1);
    else if (!hidden())
        stay(how);
    else
        usleep(HIDING_US);
    tl_run_result(run, json_pack("{s:[],s:s}", "outputs", "observed", run->device));
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tl_runner runner = {.name = "escapes",
                                            .version = "1",
                                            .describe = describe,
                                            .trial = trial,
                                            .load = load,
                                            .can_serve = true};
    return tl_runner_main(argc, argv, &runner);
}
