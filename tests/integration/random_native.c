/* Plans are run by a few workers, each with one process at a time. A worker is the reaper of all that its process
 * leaves behind, and kills that before the next one. */
#include "tests/integration/random_native.h"

#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4
#define DEADLINE_MS 2000
#define HANGS_ENOUGH 2 /* when nothing else was seen: each costs its deadline */

bool native_has(const struct native *k, int end)
{
    for (int i = 0; i < k->n; i++)
        if (k->ends[i] == end)
            return true;
    return false;
}

bool native_dies_of(const struct native *k, int signal)
{
    for (int i = 0; i < k->n; i++)
        if (k->ends[i] != ENDED_BY_DEADLINE && WIFSIGNALED(k->ends[i]) && WTERMSIG(k->ends[i]) == signal)
            return true;
    return false;
}

static void set_limit(int which, rlim_t value)
{
    struct rlimit limit = {value, value};
    setrlimit(which, &limit);
}

__attribute__((noreturn)) static void become(const char *program, const struct plan *p, int out)
{
    char text[PLAN_TEXT_SIZE];
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that is stopped leaves nothing behind */
    setsid();
    plan_text(p, text);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    close_range(3, ~0u, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_limit(RLIMIT_CORE, 1);
    if (p->limit == TL_memory)
        set_limit(RLIMIT_DATA, (rlim_t)MEMORY_MB << 20);
    if (p->limit == TL_file_size)
        set_limit(RLIMIT_FSIZE, (rlim_t)FILE_MB << 20);
    execl(program, program, text, NULL);
    _exit(127);
}

/* Whatever has no parent any more is a child of this process. */
static void kill_what_is_left(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    for (;;) {
        char *list = tl_read_file(path, 1 << 16, NULL), *end = list;
        for (long pid; list && (pid = strtol(end, &end, 10));)
            kill((pid_t)pid, SIGKILL);
        free(list);
        if (waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD)
            return;
    }
}

/* Reads what it writes until it has ended or its time is over. */
static int end_of(pid_t pid, int out)
{
    static char block[1 << 16];
    int fd = (int)syscall(SYS_pidfd_open, pid, 0), status = ENDED_BY_DEADLINE;
    struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = out, .events = POLLIN}};
    uint64_t deadline = tl_monotonic_ns() + DEADLINE_MS * 1000000ull;
    for (;;) {
        int64_t left = (int64_t)(deadline - tl_monotonic_ns()) / 1000000;
        if (left <= 0 || (poll(wait, 2, (int)left + 1) < 0 && errno != EINTR))
            break;
        if (wait[1].revents && read(out, block, sizeof block) <= 0)
            wait[1].fd = -1;
        if (wait[0].revents && waitpid(pid, &status, WNOHANG) == pid)
            break;
    }
    close(fd);
    return status;
}

static int run_once(const char *program, const struct plan *p)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC))
        abort();
    pid_t pid = fork();
    if (pid == 0)
        become(program, p, out[1]);
    close(out[1]);
    int end = pid > 0 ? end_of(pid, out[0]) : ENDED_BY_DEADLINE;
    kill_what_is_left();
    close(out[0]);
    return end;
}

struct shared {
    atomic_size_t next;
    struct native natives[];
};

static bool only_hangs(const struct native *k)
{
    for (int i = 0; i < k->n; i++)
        if (k->ends[i] != ENDED_BY_DEADLINE)
            return false;
    return k->n >= HANGS_ENOUGH;
}

__attribute__((noreturn)) static void work(const char *program, const struct plan *plans, size_t n, int runs,
                                           struct shared *shared)
{
    char directory[] = "/tmp/trapline-native-XXXXXX";
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!mkdtemp(directory) || chdir(directory))
        abort();
    for (size_t i; (i = atomic_fetch_add(&shared->next, 1)) < n;) {
        struct native *k = &shared->natives[i];
        while (k->n < runs && !only_hangs(k))
            k->ends[k->n++] = run_once(program, &plans[i]);
    }
    tl_remove_tree(directory);
    _exit(0);
}

void native_run(const char *program, const struct plan *plans, size_t n, int runs, bool loaded,
                struct native *natives)
{
    long busy = loaded ? sysconf(_SC_NPROCESSORS_ONLN) : 0;
    pid_t loads[256], workers[WORKERS];
    size_t size = sizeof(struct shared) + n * sizeof *natives;
    struct shared *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    memcpy(shared->natives, natives, n * sizeof *natives);
    fflush(NULL);
    busy = busy < 256 ? busy : 256;
    for (long i = 0; i < busy; i++)
        if ((loads[i] = fork()) == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (volatile unsigned work = 0;; work++)
                ;
        }
    for (size_t i = 0; i < WORKERS; i++)
        if ((workers[i] = fork()) == 0)
            work(program, plans, n, runs, shared);
    for (size_t i = 0; i < WORKERS; i++)
        waitpid(workers[i], NULL, 0);
    for (long i = 0; i < busy; i++) {
        kill(loads[i], SIGKILL);
        waitpid(loads[i], NULL, 0);
    }
    memcpy(natives, shared->natives, n * sizeof *natives);
    munmap(shared, size);
}
