/* What was killed and does not end.
 *
 * Theory of operation. A trial ends when its last process is gone, and that is for the kernel to tell. Should it tell
 * nothing, the trial would never end, and whoever waits for it neither. So some time after a process was killed it is
 * asked for:
 *
 *   wait4 knows nothing of it    its end was told and not understood, or nothing is told of it at all. It is no more,
 *                                or was never ours: it is taken from the list
 *   it is there                  it is killed again, and let go from whatever it is held for
 *   it is there after long       the kernel does not end it (state D: a device, a file system over a network that does
 *                                not answer). It is left behind, and the record names it
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/supervise/supervisor_impl.h"
#include "harness/supervise/trace.h"
#include "harness/supervise/trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERDUE_NS 1000000000u
#define GIVEN_UP_NS 30000000000u /* the kernel may have much to take down: hundreds of GiB of memory */

static void describe(struct tl_trial *trial, const struct tl_process *p)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);
    char *text = tl_read_file(path, 4096, NULL);
    snprintf(path, sizeof path, "/proc/%d/wchan", (int)p->pid);
    char *where = tl_read_file(path, 128, NULL);
    char *name = text ? strchr(text, '(') : NULL, *after = name ? strrchr(name, ')') : NULL;
    if (!trial->left_behind && after && after[1])
        trial->left_behind =
            tl_format("process %d %.*s could not be killed (state %c, in %s) and is left behind", (int)p->pid,
                      (int)(after - name) + 1, name, after[2], where && *where ? where : "an unknown place");
    free(where);
    free(text);
}

/* Whether a thread is to be taken from the list. */
static bool look(struct tl_tracee *t, uint64_t now)
{
    struct tl_process *p = t->process;
    if (!p || !p->killed || now - p->killed_ns < OVERDUE_NS)
        return false;
    if (!tl_trace_is_reported(
            t->tid)) /* one that is detached tells of its end in its own way: shield_linux.c and loose_linux.c */
        return (!p->shield && !p->loose) || kill(p->pid, 0);
    if (now - p->killed_ns >= GIVEN_UP_NS) {
        if (p->trial)
            describe(p->trial, p);
        return true;
    }
    kill(p->pid, SIGKILL);
    if (t->held && !p->pending)
        tl_tracee_let_go(t);
    return false;
}

void tl_trace_overdue(struct tl_supervisor *s)
{
    const struct rusage usage = {0};
    uint64_t now = tl_monotonic_ns();
    pid_t *gone = NULL;
    size_t n_gone = 0;
    for (size_t i = 0; i < TL_COUNT(s->table); i++)
        for (struct tl_tracee *t = s->table[i]; t; t = t->next_in_table)
            if (look(t, now)) {
                if (n_gone % 64 == 0)
                    gone = tl_realloc(gone, n_gone + 64, sizeof *gone);
                gone[n_gone++] = t->tid;
            }
    /* The end of one may be that of its process, and of the trial, and of others on this list. */
    for (size_t i = 0; i < n_gone; i++)
        if (tl_trace_find(s, gone[i]))
            tl_trace_event(s, gone[i], SIGKILL, &usage);
    free(gone);
}
