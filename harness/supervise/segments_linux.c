/* They outlive whoever made them, until somebody removes them or the machine goes down. Most often there is none at all,
 * which one call of each kind tells. */
#include "harness/supervise/segments.h"

#include "harness/base/buffer.h"
#include "harness/supervise/action.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

union semaphore_argument { /* as the manual has it: no header does */
    int value;
    struct semid_ds *state;
    struct seminfo *info;
};

struct owners {
    const pid_t *pids;
    size_t n;
    int64_t since_s;
};

/* A number may have been given anew, to a process of which we know nothing. One of the trial's that nobody has waited for
 * yet lives no more. */
static bool lives(pid_t pid)
{
    int status;
    return (!kill(pid, 0) || errno != ESRCH) && !tl_exit_of_unreaped(pid, &status);
}

static bool is_of(const struct owners *o, pid_t pid, int64_t when_s)
{
    bool known = false;
    for (size_t i = 0; i < o->n && !known; i++)
        known = pid > 0 && o->pids[i] == pid;
    return known && when_s >= o->since_s && !lives(pid);
}

static void remove_memory(const struct owners *o)
{
    struct shm_info info;
    struct shmid_ds state;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    for (int i = 0; i <= last && info.used_ids; i++) {
        int id = shmctl(i, SHM_STAT, &state);
        if (id >= 0 && is_of(o, state.shm_cpid, state.shm_ctime))
            shmctl(id, IPC_RMID, NULL);
    }
}

static void remove_semaphores(const struct owners *o)
{
    struct seminfo info;
    struct semid_ds state;
    int last = semctl(0, 0, SEM_INFO, (union semaphore_argument){.info = &info});
    for (int i = 0; i <= last && info.semusz; i++) {
        int id = semctl(i, 0, SEM_STAT, (union semaphore_argument){.state = &state});
        bool ours = false;
        for (int k = 0; id >= 0 && !ours && k < (int)state.sem_nsems; k++)
            ours = is_of(o, semctl(id, k, GETPID), state.sem_ctime);
        if (ours)
            semctl(id, 0, IPC_RMID);
    }
}

static void remove_queues(const struct owners *o)
{
    struct msginfo info;
    struct msqid_ds state;
    int last = msgctl(0, MSG_INFO, (struct msqid_ds *)(void *)&info);
    for (int i = 0; i <= last && info.msgpool; i++) {
        int id = msgctl(i, MSG_STAT, &state);
        if (id >= 0 &&
            (is_of(o, state.msg_lspid, state.msg_ctime) || is_of(o, state.msg_lrpid, state.msg_ctime)))
            msgctl(id, IPC_RMID, NULL);
    }
}

void tl_segments_remove(const pid_t *pids, size_t n, int64_t since_us)
{
    const struct owners o = {pids, n, since_us / 1000000};
    if (!n)
        return;
    remove_memory(&o);
    remove_semaphores(&o);
    remove_queues(&o);
}
