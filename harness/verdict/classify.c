#include "harness/verdict/classify.h"

#include "harness/base/buffer.h"
#include "harness/verdict/abort_message.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

bool tl_signal_is_crash(int signal)
{
    switch (signal) {
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGTRAP:
    case SIGFPE:
    case SIGABRT:
    case SIGSYS:
        return true;
    default:
        return false;
    }
}

bool tl_speaks_of_memory(const char *message)
{
    static const char *const words[] = {
        "bad_alloc",       "out of memory",      "Cannot allocate memory", "memory allocation of",
        "MemoryError",     "failed to allocate", "allocation failed",      "std::bad_array_new_length",
        "cannot allocate", "not enough memory",
    };
    for (size_t i = 0; message && i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(message, words[i]))
            return true;
    return false;
}

static void set_message(struct tl_trial_record *r, char *message)
{
    free(r->message);
    r->message = message;
}

static void set_cause(struct tl_trial_record *r, const char *domain, const char *code, char *message)
{
    free(r->error_domain);
    free(r->error_code);
    r->outcome = TL_OUTCOME_ERROR;
    r->error_domain = tl_strdup(domain);
    r->error_code = tl_strdup(code);
    set_message(r, message);
}

static bool sent_by_a_process(const struct tl_capture *c)
{
    return c->si_code <= 0;
}

static bool has_stack(const struct tl_capture *c)
{
    return c->n_threads && c->threads[0].n_frames;
}

/* The capture that tells what a process died of: of the main process (or, for a wrapper, of a descendant) at
 * that signal, the last one. But one without a stack was taken when the process was going already, killed by
 * a fault of another thread that was captured before. A handler that puts the default action back and raises
 * the signal again makes a second stop; the first one, in the same thread, is where it happened. */
static int decisive(const struct tl_seen *seen, int signal, bool of_main)
{
    int last = -1;
    for (size_t i = 0; i < seen->n_captures; i++) {
        const struct tl_capture *c = &seen->captures[i];
        if (c->kind == TL_CAPTURE_SIGNAL && c->signal == signal && c->is_main == of_main &&
            (of_main || c->fatal) && (last < 0 || has_stack(c) || !has_stack(&seen->captures[last])))
            last = (int)i;
    }
    if (last < 0)
        return -1;
    int at = last;
    for (int i = last - 1; i >= 0 && sent_by_a_process(&seen->captures[at]); i--) {
        const struct tl_capture *c = &seen->captures[i], *raised = &seen->captures[at];
        if (c->kind == TL_CAPTURE_SIGNAL && c->signal == signal && c->pid == raised->pid &&
            (c->tid == raised->tid || raised->sender_pid == raised->pid))
            at = i;
    }
    return at;
}

/* The runner of steps only waits for its step: it is never what hangs. */
static bool runs_steps(const struct tl_capture *c)
{
    const char *slash = c->exe ? strrchr(c->exe, '/') : NULL;
    return c->is_main && slash && !strcmp(slash, "/trapline-command");
}

/* How many parents a process has that only wait for a child, up to the trial's own; -1 when one of them does
 * something else, or it descends from none of them. */
static int depth_behind_waits(const struct tl_seen *seen, const struct tl_capture *c)
{
    for (int depth = 0; depth <= (int)seen->n_captures; depth++) {
        if (c->is_main)
            return depth;
        const struct tl_capture *parent = NULL;
        for (size_t i = 0; i < seen->n_captures && !parent; i++)
            if (seen->captures[i].kind == TL_CAPTURE_HANG && seen->captures[i].pid == c->parent)
                parent = &seen->captures[i];
        if (!parent || !parent->awaits)
            return -1;
        c = parent;
    }
    return -1;
}

/* What hangs, and not what waits for it: the deepest process all of whose parents wait for a child, of
 * several one that waits for nothing of the kind, then the youngest. */
static int hang_capture(const struct tl_seen *seen)
{
    int best = -1, best_depth = -1, youngest = -1, any = -1;
    bool steps = false;
    for (size_t i = 0; i < seen->n_captures; i++) {
        const struct tl_capture *c = &seen->captures[i], *b = best < 0 ? NULL : &seen->captures[best];
        if (c->kind != TL_CAPTURE_HANG)
            continue;
        if (any < 0)
            any = (int)i;
        steps |= runs_steps(c);
        if (!c->is_main && (youngest < 0 || c->pid > seen->captures[youngest].pid))
            youngest = (int)i;
        int depth = depth_behind_waits(seen, c);
        if (depth < 0)
            continue;
        if (depth > best_depth ||
            (depth == best_depth && (c->awaits != b->awaits ? b->awaits : c->pid > b->pid))) {
            best = (int)i;
            best_depth = depth;
        }
    }
    if (best_depth < 1 && steps && youngest >= 0) /* its step has left the family */
        return youngest;
    return best >= 0 ? best : any;
}

/* Under a limit, an allocation that fails usually ends in abort(), or in a write to NULL. */
static bool died_of_memory(const struct tl_seen *seen, int signal, int capture)
{
    if (!seen->memory_limit)
        return false;
    if (tl_speaks_of_memory(seen->abort_message))
        return true;
    if (seen->abort_message || !seen->data_at_crash)
        return false;
    uint64_t nine_tenths = seen->memory_limit / 10 * 9;
    if (seen->data_at_crash < nine_tenths)
        return false;
    if (signal == SIGABRT || signal == SIGTRAP || signal == SIGILL)
        return true;
    return signal == SIGSEGV && capture >= 0 && seen->captures[capture].has_address &&
           seen->captures[capture].fault_address < 65536;
}

static char *oom_message(const struct tl_seen *seen, const char *how)
{
    return tl_format("the memory limit of %llu MiB was reached: %s",
                     (unsigned long long)(seen->memory_limit >> 20), how);
}

static int died_of(const struct tl_seen *seen, struct tl_trial_record *r, int signal, bool of_main)
{
    r->signal = signal;
    if (signal == SIGKILL && seen->cgroup_oom_kills) {
        r->outcome = TL_OUTCOME_OOM;
        set_message(r, oom_message(seen, "the kernel killed the process (cgroup oom_kill)"));
        return -1;
    }
    if (!tl_signal_is_crash(signal)) {
        const char *name = tl_signal_name(signal);
        set_cause(r, "signal", name,
                  signal == SIGKILL
                      ? tl_format("killed by SIGKILL, which trapline did not send and no memory limit of its "
                                  "own caused: another process, or the kernel for the whole machine")
                  : signal == SIGXFSZ
                      ? tl_strdup("ended by SIGXFSZ: a file grew beyond limits.disk_mb of the case")
                      : tl_format("ended by %s", name));
        return -1;
    }
    int at = decisive(seen, signal, of_main);
    if (died_of_memory(seen, signal, at)) {
        r->outcome = TL_OUTCOME_OOM;
        set_message(r, seen->abort_message
                           ? tl_strdup(seen->abort_message)
                           : oom_message(seen, "an allocation failed and the process ended itself"));
        return at;
    }
    r->outcome = TL_OUTCOME_CRASH;
    set_message(r, tl_strdup(seen->abort_message));
    return at;
}

/* A result that says its own numbers are no numbers is wrong, whatever a reference would say. */
static bool result_is_finite(const json_t *result, const char **which)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output)
    {
        const json_t *finite = json_object_get(output, "finite");
        if (json_is_false(finite)) {
            *which = json_string_value(json_object_get(output, "name"));
            return false;
        }
    }
    return true;
}

static void judge_result(const struct tl_seen *seen, struct tl_trial_record *r)
{
    const char *which = NULL;
    r->outcome = TL_OUTCOME_PASS;
    if (!result_is_finite(r->result, &which)) {
        r->outcome = TL_OUTCOME_WRONG;
        set_message(r, tl_format("output %s holds values that are not finite", which ? which : "(unnamed)"));
    } else if (seen->device_asked && r->observed_device && strcmp(seen->device_asked, r->observed_device)) {
        r->outcome = TL_OUTCOME_FALLBACK;
        set_message(r, tl_format("ran on %s, not on %s as asked", r->observed_device, seen->device_asked));
    }
}

static int exited(const struct tl_seen *seen, struct tl_trial_record *r, int code)
{
    char text[24];
    snprintf(text, sizeof text, "%d", code);
    r->exit_status = code;
    int n = code - 128;
    if (n > 0 && n < 65 && seen->descendant_signals[n]) {
        int at = died_of(seen, r, n, false);
        return at;
    }
    if (!seen->executed && code == 127) {
        set_cause(r, "trapline", "exec", tl_strdup("the program could not be started; stderr says why"));
    } else if (seen->got_unsupported) {
        r->outcome = TL_OUTCOME_UNSUPPORTED;
    } else if (seen->violation) {
        set_cause(r, "protocol", "message", tl_strdup(seen->violation));
    } else if (seen->got_error) {
        r->outcome = TL_OUTCOME_ERROR;
    } else if (code && seen->memory_limit && tl_speaks_of_memory(seen->abort_message)) {
        r->outcome = TL_OUTCOME_OOM;
        set_message(r, tl_strdup(seen->abort_message));
    } else if (code) {
        set_cause(r, "exit", text,
                  seen->abort_message ? tl_strdup(seen->abort_message)
                  : seen->got_result  ? tl_format("exit status %d after its result", code)
                  : seen->protocol    ? tl_format("exit status %d without a result", code)
                                      : tl_format("exit status %d", code));
    } else if (seen->protocol && !seen->got_result) {
        set_cause(r, "protocol", "silent",
                  tl_strdup("exit status 0 without a result: a runner must answer every trial "
                            "with one result or error"));
    } else {
        judge_result(seen, r);
    }
    return -1;
}

int tl_classify(const struct tl_seen *seen, struct tl_trial_record *r)
{
    r->exit_status = -1;
    r->signal = 0;
    if (seen->got_result)
        r->phase = TL_PHASE_DONE;
    switch (seen->end) {
    case TL_END_CANCELLED:
        r->outcome = TL_OUTCOME_LOST;
        set_message(r, tl_strdup("the run was stopped while it ran"));
        return -1;
    case TL_END_NOT_BEGUN: /* the caller has said why; it is no verdict on the runtime */
        r->outcome = TL_OUTCOME_LOST;
        return -1;
    case TL_END_DEADLINE:
        r->outcome = TL_OUTCOME_HANG;
        set_message(r, tl_format("phase %s took longer than %g s%s", tl_phase_name(r->phase), seen->timeout_s,
                                 seen->got_result ? " (its result had been sent)" : ""));
        return hang_capture(seen);
    case TL_END_MEMORY:
        r->outcome = TL_OUTCOME_OOM;
        set_message(r, oom_message(seen, "seen by trapline, which killed it"));
        return -1;
    case TL_END_DISK:
        set_cause(r, "limit", "disk",
                  tl_strdup("its scratch directory grew beyond limits.disk_mb of the case"));
        return -1;
    case TL_END_PROCESSES:
        set_cause(r, "limit", "processes",
                  tl_strdup("it started more processes than limits.processes of the case"));
        return -1;
    case TL_END_BY_ITSELF:
        break;
    }
    return WIFSIGNALED(seen->status) ? died_of(seen, r, WTERMSIG(seen->status), true)
                                     : exited(seen, r, WEXITSTATUS(seen->status));
}

/* Which of the things that a report says is why. The C++ runtime repeats what another library said better, so
 * its line is a last resort; and why the system ended a process is worth more than a line of it only when the
 * report gives reasons. */
static const char *report_message(const struct tl_crash_report *p)
{
    const char *message = NULL;
    for (size_t i = 0; i < p->n_lines; i++) {
        bool better = !message || strstr(message, "exception of type NSException");
        if (better && !tl_message_says_nothing(p->lines[i].text))
            message = p->lines[i].text;
    }
    return message || !(p->launch_failure || p->has_reasons) ? message : p->termination;
}

void tl_verdict_add_report(struct tl_crash_report *p, struct tl_trial_record *r)
{
    const char *message = report_message(p);
    if (p->capture.n_threads) {
        r->captures = tl_realloc(r->captures, r->n_captures + 1, sizeof *r->captures);
        memmove(r->captures + 1, r->captures, r->n_captures * sizeof *r->captures);
        r->captures[0] = p->capture;
        r->n_captures++;
        p->capture = (struct tl_capture){0};
    }
    if (!r->signal)
        r->signal = p->signal;
    if (p->launch_failure)
        r->outcome = TL_OUTCOME_UNSUPPORTED;
    if (message && (!r->message || p->launch_failure || tl_message_says_nothing(r->message)))
        set_message(r, tl_strdup(message));
}
