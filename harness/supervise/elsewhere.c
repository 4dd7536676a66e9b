/* A trial whose model runs on another machine.
 *
 * Theory of operation. What dies or hangs is on a device that hangs on this machine; nothing of it can be traced or
 * killed from here. Its runner watches it and says what became of it: that it died of a signal ("died"), or that the
 * device went away ("lost"). A report of the death comes some seconds later, which the runner waits for: the deadline
 * of the phase is over then, and one for the report holds. At a deadline, and when the user stops the run, the runner
 * is asked by SIGTERM to end it there, for whatever is left running there would be in the way of the next trial; it
 * has some seconds for that, and then it is killed as any other.
 *
 * This file is part of the circle that supervisor.c speaks of. */
#include "harness/supervise/elsewhere.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/left_file.h"
#include "harness/crash_report/ips.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define REPORT_S 120 /* a runner waits for a report at most that long */
#define GRACE_S 20   /* for ending what runs there */

static void on_too_late(void *arg)
{
    struct tl_trial *t = arg;
    if (t->state == TL_TRIAL_RUNNING)
        tl_trial_kill(t, t->killed == TL_KILL_NONE ? TL_KILL_DEADLINE : t->killed);
}

void tl_elsewhere_ended(struct tl_trial *t, const struct tl_message *m)
{
    t->got_died = m->kind == TL_MESSAGE_DIED;
    t->got_lost = m->kind == TL_MESSAGE_LOST;
    t->died_signal = m->signal;
    t->died_pid = m->pid;
    t->report_name = tl_strdup(m->file);
    if (m->text) {
        free(t->record.message);
        t->record.message = tl_strdup(m->text);
    }
    if (t->state == TL_TRIAL_RUNNING && t->killed == TL_KILL_NONE)
        tl_deadline_set(&t->deadline, t->supervisor->loop, &t->supervisor->clock, REPORT_S, on_too_late, t);
}

bool tl_elsewhere_stop(struct tl_trial *t, enum tl_kill_reason why)
{
    if (!t->elsewhere || !t->main_pid || t->main_ended)
        return false;
    if (t->stopping) /* it is at it */
        return true;
    if (t->killed == TL_KILL_NONE)
        t->killed = why;
    t->stopping = true;
    kill(t->main_pid, SIGTERM);
    tl_deadline_set(&t->deadline, t->supervisor->loop, &t->supervisor->clock, GRACE_S, on_too_late, t);
    return true;
}

static char *read_report(const struct tl_trial *t, size_t *size)
{
    uint64_t left = 0;
    struct tl_error e;
    int at = open(t->scratch.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
        fd = at >= 0 ? tl_open_left_file(at, t->report_name, "a report of a crash", &left, &e) : -1;
    char *text = fd >= 0 && left <= TL_IPS_MOST ? tl_malloc((size_t)left + 1) : NULL;
    int64_t n = text ? tl_read_at(fd, text, (size_t)left, 0) : 0;
    *size = n > 0 ? (size_t)n : 0;
    if (fd >= 0)
        close(fd);
    if (at >= 0)
        close(at);
    return text;
}

void tl_elsewhere_take_pids(struct tl_trial *t)
{
    if (!t->elsewhere && !t->got_died)
        return;
    t->record.n_pids = 0;
    tl_trial_record_joined(&t->record, t->died_pid);
}

void tl_elsewhere_take_report(struct tl_trial *t)
{
    size_t size = 0;
    struct tl_ips ips;
    struct tl_error e;
    char *text = t->got_died && t->report_name && !t->report ? read_report(t, &size) : NULL;
    if (!text)
        return;
    if (!tl_ips_parse(text, size, &ips, &e)) {
        if (ips.crash) {
            *TL_GROW(t->record.reports, t->record.n_reports) =
                tl_ips_kept(&ips, TL_REPORT_OWN, t->report_name, text);
            t->report = tl_calloc(1, sizeof *t->report);
            *t->report = ips.report;
            ips.report = (struct tl_crash_report){0};
        }
        tl_ips_free(&ips);
    }
    free(text);
}
