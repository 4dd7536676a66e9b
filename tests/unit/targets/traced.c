#include "traced.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int start(struct traced *t, const char *const *argv)
{
    int gate[2];
    if (pipe2(gate, O_CLOEXEC))
        return -1;
    t->pid = fork();
    if (t->pid < 0)
        return -1;
    if (!t->pid) {
        char go;
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        close(gate[1]);
        if (read(gate[0], &go, 1) != 1)
            _exit(98);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(97);
    }
    close(gate[0]);
    int failed = ptrace(PTRACE_SEIZE, t->pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE) != 0;
    if (!failed && write(gate[1], "g", 1) != 1)
        failed = 1;
    close(gate[1]);
    return failed ? -1 : 0;
}

static int is_fatal(int s)
{
    return s == SIGSEGV || s == SIGBUS || s == SIGILL || s == SIGTRAP || s == SIGFPE || s == SIGABRT;
}

/* Stops the threads that still run. */
static void stop_others(struct traced *t)
{
    for (size_t i = 1; i < t->n; i++) {
        int status;
        if (ptrace(PTRACE_INTERRUPT, t->tids[i], 0, 0) ||
            waitpid(t->tids[i], &status, __WALL) != t->tids[i] || !WIFSTOPPED(status))
            t->tids[i--] = t->tids[--t->n];
    }
}

int traced_start(struct traced *t, const char *const *argv, enum traced_until until)
{
    memset(t, 0, sizeof *t);
    if (start(t, argv))
        return -1;
    t->tids[t->n++] = t->pid;
    for (;;) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0 && errno == EINTR)
            continue;
        if (tid < 0 || (!WIFSTOPPED(status) && tid == t->pid))
            return -1;
        if (!WIFSTOPPED(status))
            continue;
        size_t i = 0;
        while (i < t->n && t->tids[i] != tid)
            i++;
        if (i == t->n && t->n < sizeof t->tids / sizeof t->tids[0])
            t->tids[t->n++] = tid;
        int event = status >> 16, s = WSTOPSIG(status);
        if (until == TRACED_CLONE && i > 0 && event == PTRACE_EVENT_STOP) {
            t->tids[i] = t->tids[0];
            t->tids[0] = tid;
            t->n_stopped = 1;
            return 0;
        }
        /* A signal that the program handles is not the end: only the one that comes while it is not handled.
         */
        if (!event && is_fatal(s)) {
            char path[64], line[256];
            unsigned long long caught = 0;
            snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
            FILE *f = fopen(path, "re");
            while (f && fgets(line, sizeof line, f))
                sscanf(line, "SigCgt: %llx", &caught);
            if (f)
                fclose(f);
            if (!((caught >> (s - 1)) & 1)) {
                t->signal = s;
                if (i < t->n) {
                    t->tids[i] = t->tids[0];
                    t->tids[0] = tid;
                }
                stop_others(t);
                t->n_stopped = t->n;
                return 0;
            }
        }
        ptrace(PTRACE_CONT, tid, 0, event ? 0 : s);
    }
}

void traced_end(struct traced *t)
{
    if (t->pid <= 0)
        return;
    kill(t->pid, SIGKILL);
    /* The leader is reported last. */
    for (size_t i = 0; i <= t->n; i++) {
        pid_t tid = i < t->n ? t->tids[i] : t->pid;
        int status;
        while ((i == t->n || tid != t->pid) &&
               (waitpid(tid, &status, __WALL) == tid ? WIFSTOPPED(status) : errno == EINTR))
            ;
    }
    t->pid = 0;
}

int traced_capture(struct traced *t, struct tl_unwinder *u, struct tl_capture *c, struct tl_error *e)
{
    struct tl_unwind *w;
    memset(c, 0, sizeof *c);
    c->pid = t->pid;
    if (tl_unwind_begin(&w, u, t->pid, e))
        return -1;
    c->threads = tl_calloc(t->n_stopped, sizeof *c->threads);
    int failed = 0;
    for (size_t i = 0; i < t->n_stopped && !failed; i++) {
        failed = tl_unwind_thread(w, t->tids[i], &c->threads[i], e);
        c->n_threads++;
    }
    tl_unwind_end(w, c);
    return failed;
}
