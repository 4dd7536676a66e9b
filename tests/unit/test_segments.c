/* Segments of those that have ended are removed, and of nobody else. */
#include "harness/base/clock.h"
#include "harness/supervise/segments.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_there(int id)
{
    struct shmid_ds state;
    return !shmctl(id, IPC_STAT, &state);
}

/* By a process that lives on; *id: what it has made. */
static pid_t make(int *id)
{
    int line[2];
    cr_assert_eq(pipe(line), 0);
    pid_t pid = fork();
    if (!pid) {
        int made = shmget(IPC_PRIVATE, 4096, 0600);
        if (write(line[1], &made, sizeof made) == sizeof made)
            pause();
        _exit(1);
    }
    cr_assert_eq(read(line[0], id, sizeof *id), sizeof *id);
    close(line[0]);
    close(line[1]);
    return pid;
}

Test(segments, are_those_of_who_lives_no_more)
{
    int64_t since_us = tl_wall_us() - 2000000;
    siginfo_t info;
    int id, other;
    pid_t pid = make(&id), stranger = make(&other);
    if (id < 0 || other < 0)
        cr_skip_test("segments cannot be made here");
    const pid_t pids[] = {pid, stranger};
    tl_segments_remove(pids, 2, since_us);
    cr_expect(is_there(id), "it lives");
    kill(pid, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    tl_segments_remove(&stranger, 0, since_us);
    tl_segments_remove(pids, 2, since_us + 60000000);
    cr_expect(is_there(id), "it is none of what was made then");
    tl_segments_remove(pids, 2, since_us);
    cr_expect(!is_there(id), "nobody waits for it yet, and it has ended");
    cr_expect(is_there(other), "of a process that lives");
    kill(stranger, SIGKILL);
    waitpid(pid, NULL, 0);
    waitpid(stranger, NULL, 0);
    tl_segments_remove(pids, 2, since_us);
    cr_expect(!is_there(other));
}
