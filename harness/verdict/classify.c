/* What came of a trial.
 *
 * Theory of operation. A trial ends in one of few ways, and the first that holds decides (docs/outcomes.md
 * has the list): trapline ended it, and knows why; its process died of a signal, which wait4 tells; or it
 * exited, and what it had said by then counts. A status alone is not enough in six places:
 *
 *   SIGKILL     is the kernel's for want of memory only when the cgroup counted an oom_kill. Else somebody
 *               sent it. A counted one is the limit's whatever became of the rest: of a worker that is gone its
 *               parent may make a failure, a success, or a wait without end.
 *   abort()     and its like under a memory limit is a lack of memory when the process says so and the limit
 *               was reached, or when its private memory was near the limit at that moment: RLIMIT_DATA makes
 *               an allocation fail before anything kills. The same holds for words with which it exits, and
 *               for an exit without any when what was refused last is still not to be had.
 *   128 + n     is what shells and wrappers exit with when their child died of signal n. It counts as that
 *               death only if a descendant was seen to die of n.
 *   any other   may tell the death of a child just as well (gcc: 4). It does when a descendant died, and
 *   failure     every process above it failed after that; or when the driver of another machine says in words
 *               that its program died of a signal.
 *   a report    of a sanitizer is a crash, whatever the process made of it.
 *   exit 0      is a pass only with a result, from the device that was asked for, whose numbers are numbers, or
 *               those of its reference, which only a comparison can tell.
 *
 * Of the captures of a crash the one at which nothing was going to handle the signal that killed is decisive: a
 * runtime may handle a fault and go on, and no stack of a handled fault is that of the death. So it
 * is, too, when the process exits all the same: then another thread was faster (in_hand). Of those of a hang it is
 * the process that does not merely wait for another. Both are found by decisive.c.
 *
 * Outcomes of trials are assigned in this file only, also those of trials that never ran. But for two: what
 * was running when the machine went down is recorded as lost by db/, which finds its intent at the next start
 * and lies below; and what a report of the system alone says is in report.c. */
#include "harness/verdict/classify.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/decisive.h"
#include "harness/verdict/disk_limit.h"
#include "harness/verdict/generator.h"
#include "harness/verdict/memory_limit.h"
#include "harness/verdict/report.h"
#include "harness/verdict/said.h"
#include "harness/verdict/signal_words.h"
#include "harness/verdict/signature.h"
#include "harness/verdict/wrong.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

#define MIB(bytes) ((unsigned long long)((bytes) >> 20))

/* said: in the words of the process; NULL. */
static void set_oom(const struct tl_process_facts *f, const char *how, const char *said,
                    struct tl_trial_record *r)
{
    char *message = tl_format("the memory limit of %llu MiB was reached: %s%s%s", MIB(f->memory_limit), how,
                              said ? ": " : "", said ? said : "");
    r->outcome = TL_OUTCOME_OOM;
    r->memory_limit = f->memory_limit;
    set_message(r, message);
}

static void clear_error(struct tl_trial_record *r)
{
    free(r->error_domain);
    free(r->error_code);
    r->error_domain = r->error_code = NULL;
}

/* Whether a process that failed did so for want of memory: it says so, and the limit was reached. Then it is
 * recorded. */
static bool ran_out_of_memory(const struct tl_process_facts *f, const char *said, struct tl_trial_record *r)
{
    char *how = tl_memory_limit_evidence(f, r, said);
    if (!how)
        return false;
    char *words = tl_strdup(said); /* may be the record's own message */
    clear_error(r);
    set_oom(f, how, words, r);
    free(words);
    free(how);
    return true;
}

/* Whether a process failed because it could write no more. Then that is recorded. */
static bool ran_out_of_disk(const struct tl_process_facts *f, const char *said, struct tl_trial_record *r)
{
    bool of_others;
    char *why = tl_disk_limit_reached(f, r->signal, said, &of_others);
    if (why && of_others)
        tl_verdict_not_run(why, r);
    else if (why)
        set_cause(r, "limit", "disk", why);
    return why != NULL;
}

/* Why the decisive capture has no stack, where that is known; NULL. */
static const char *why_no_stack(const struct tl_trial_record *r, int at)
{
    const struct tl_thread *t = at >= 0 && r->captures[at].n_threads ? &r->captures[at].threads[0] : NULL;
    return t && !t->n_frames && !t->on_cpu ? t->state : NULL;
}

/* said: the last words of the process; NULL. passed: of a descendant; NULL for the trial's own process. */
static int died_of(const struct tl_process_facts *f, struct tl_trial_record *r, const char *said, int signal,
                   const struct tl_passed_on *passed)
{
    const char *name = tl_signal_name(signal);
    r->signal = signal;
    if (signal == SIGKILL && f->cgroup_oom_kills) {
        set_oom(f, "the kernel killed the process (cgroup oom_kill)", NULL, r);
        return -1;
    }
    /* That a child was ended may have been its parent's own doing, which it says what it did for. */
    if (passed && said && !tl_signal_is_crash(signal) && signal != SIGXFSZ) {
        set_cause(r, "signal", name, tl_strdup(said));
        return -1;
    }
    if (signal == SIGKILL) {
        set_cause(
            r, "signal", name,
            tl_strdup("killed by SIGKILL, which trapline did not send and no memory limit of its own caused: "
                      "another process, or the kernel for the whole machine"));
        return -1;
    }
    if (signal == SIGXFSZ) {
        set_cause(
            r, "signal", name,
            f->file_limit && f->file_limit != f->disk_limit
                ? tl_format(
                      "ended by SIGXFSZ: a file grew beyond %llu bytes, a limit that is not of the case",
                      (unsigned long long)f->file_limit)
                : tl_format("ended by SIGXFSZ: a file grew beyond limits.disk_mb (%llu MiB) of the case",
                            MIB(f->disk_limit)));
        return -1;
    }
    if (!tl_signal_is_crash(signal)) {
        set_cause(r, "signal", name, tl_format("ended by %s", name));
        return -1;
    }
    int at = tl_decisive_of_crash(r, signal, passed);
    if (ran_out_of_disk(f, said, r) || ran_out_of_memory(f, said, r))
        return at;
    char *alone = at >= 0 ? tl_memory_limit_alone(f, &r->captures[at]) : NULL;
    if (alone) {
        set_oom(f, alone, said, r);
        free(alone);
        return at;
    }
    if (tl_memory_limit_silent(f, r, said, at)) {
        set_oom(f, "an allocation failed and the process ended itself", NULL, r);
        return at;
    }
    r->outcome = TL_OUTCOME_CRASH;
    set_message(r, tl_strdup(said ? said : why_no_stack(r, at)));
    return at;
}

/* A result that says its own numbers are no numbers is wrong, unless a reference is to say what is right. */
static bool result_is_finite(const json_t *result, const char **which)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const json_t *finite = json_object_get(output, "finite");
        if (json_is_false(finite)) {
            *which = json_string_value(json_object_get(output, "name"));
            return false;
        }
    }
    return true;
}

static void judge_result(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    const char *which = NULL, *fallback = json_string_value(json_object_get(r->result, "fallback"));
    r->outcome = TL_OUTCOME_PASS;
    if (f->fallback && (!fallback || !*fallback)) {
        fallback = f->fallback;
        json_object_set_new(r->result, "fallback", json_string(fallback));
    }
    if (f->unmet) {
        set_cause(r, "expect", f->unmet_code, tl_strdup(f->unmet));
    } else if (!f->has_reference && !result_is_finite(r->result, &which)) {
        r->outcome = TL_OUTCOME_WRONG;
        set_message(r, tl_format("output %s holds values that are not finite", which ? which : "(unnamed)"));
    } else if (fallback && *fallback) {
        r->outcome = TL_OUTCOME_FALLBACK;
        set_message(r, tl_strdup(fallback));
    } else if (f->device_asked && r->observed_device && strcmp(f->device_asked, r->observed_device)) {
        r->outcome = TL_OUTCOME_FALLBACK;
        set_message(r, tl_format("ran on %s, not on %s as asked", r->observed_device, f->device_asked));
    }
}

static char *exit_message(const struct tl_process_facts *f, const char *said, int code)
{
    if (said)
        return tl_strdup(said);
    if (f->got_result)
        return tl_format("exit status %d after its result", code);
    return tl_format(f->protocol ? "exit status %d without a result" : "exit status %d", code);
}

/* Whether the trial failed by a failure of what it had started: a step, or the runner itself as a wrapper. */
static bool failed_by_a_child(const struct tl_process_facts *f, const struct tl_trial_record *r)
{
    if (f->got_error)
        return r->error_domain && !strcmp(r->error_domain, "step") && r->error_code &&
               !strncmp(r->error_code, "exit ", 5);
    return WEXITSTATUS(f->status) && !f->got_result && !f->got_unsupported && !f->violation;
}

/* Whether a program exited with a failure and said nothing when the limit had refused it what it needs. */
static bool ran_out_silently(const struct tl_process_facts *f, const char *said, struct tl_trial_record *r)
{
    if (!failed_by_a_child(f, r))
        return false;
    char *alone = tl_memory_limit_alone(f, NULL), *how = alone ? NULL : tl_memory_limit_left(f);
    bool did = alone || (how && tl_said_nothing_else(r));
    if (did) {
        char *words = alone ? tl_strdup(said ? said : r->message) : NULL;
        clear_error(r);
        set_oom(f, alone ? alone : how, words, r);
        free(words);
    }
    free(alone);
    free(how);
    return did;
}

/* Whether a failure that is no signal, and no 128 + n, tells the death of a descendant all the same. One that
 * handled its fault and exited died of it when that is what was complained of, as compilers do. SIGKILL is a
 * lack of memory, or somebody's own business. */
static bool is_death_in_other_words(const struct tl_process_facts *f, const struct tl_trial_record *r)
{
    const struct tl_passed_on *p = &f->passed_on;
    if (!p->signal || !failed_by_a_child(f, r))
        return false;
    if (p->signal == SIGKILL)
        return f->cgroup_oom_kills > 0;
    return p->exit_status < 0 || p->exit_status == 128 + p->signal || tl_names_signal(r->message, p->signal);
}

static int died_in_other_words(const struct tl_process_facts *f, struct tl_trial_record *r, const char *said)
{
    int signal = f->passed_on.signal;
    char *words = said ? NULL : tl_said_last(r, signal);
    clear_error(r);
    int at = died_of(f, r, said ? said : words, signal, &f->passed_on);
    free(words);
    return at;
}

/* The signal that the driver of a failed step says its program died of, on a device where nobody traces it;
 * 0. line: a new string. */
static int signal_elsewhere(const struct tl_process_facts *f, const struct tl_trial_record *r, char **line)
{
    const struct tl_output *const streams[] = {&r->out, &r->err};
    int signal = 0;
    if (!f->got_error || !r->error_domain || strcmp(r->error_domain, "step") || !r->error_code ||
        (strncmp(r->error_code, "exit ", 5) && strcmp(r->error_code, "text")))
        return 0;
    for (size_t i = 0; i < 2 && !signal; i++) {
        bool long_one = streams[i]->tail_size;
        signal = tl_signal_in_last_words(long_one ? streams[i]->tail : streams[i]->head,
                                         long_one ? streams[i]->tail_size : streams[i]->head_size, line);
    }
    return signal;
}

/* The signal of a step that was not traced, from its wait status; 0. */
static int signal_untraced(const struct tl_process_facts *f, const struct tl_trial_record *r)
{
    bool told = f->untraced && f->got_error && r->error_domain && !strcmp(r->error_domain, "step") &&
                r->error_code && !strncmp(r->error_code, "signal ", 7);
    int n = told ? atoi(r->error_code + 7) : 0;
    return n > 0 && n < 65 ? n : 0;
}

static void died_untraced(const struct tl_process_facts *f, struct tl_trial_record *r, int signal)
{
    char *words = tl_said_last(r, signal);
    clear_error(r);
    died_of(f, r, words, signal, NULL);
    if (r->outcome == TL_OUTCOME_CRASH && !r->message)
        set_message(r, tl_strdup(TL_NOT_TRACED));
    free(words);
}

/* On another machine, as the runner says that speaks for it. There no limit of this one holds, and a signal that is no
 * crash was sent by somebody: its system, for want of memory or because it took too long. */
static void died_elsewhere(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    const char *name = tl_signal_name(f->died_signal);
    char *words = r->message ? tl_strdup(r->message) : tl_said_last(r, f->died_signal);
    r->signal = f->died_signal;
    clear_error(r);
    if (tl_signal_is_crash(f->died_signal)) {
        r->outcome = TL_OUTCOME_CRASH;
        set_message(r, tl_strdup(words));
    } else {
        set_cause(
            r, "signal", name,
            words ? tl_strdup(words)
                  : tl_format("ended by %s on its device: by its system, which does so for want of memory or "
                              "when something takes too long, or by somebody",
                              name));
    }
    free(words);
}

/* Of a hang, when nothing but the runner of steps was seen, which waits for a step that nobody sees. */
static bool hides_what_hangs(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    for (size_t i = 0; i < r->n_captures; i++)
        if (r->captures[i].kind != TL_CAPTURE_HANG || !tl_runs_steps(&r->captures[i]))
            return false;
    if (!f->untraced)
        return false;
    for (size_t i = 0; i < r->n_captures; i++)
        tl_capture_free(&r->captures[i]);
    r->n_captures = 0;
    return true;
}

/* What a sanitizer reported of a process that was not to be ended by it, or that exits by its own rules: as bad as the signal that it
 * would have died of. Where a process did die of a signal, and its parent was content with that, it is nothing new. */
static bool was_reported(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    bool failed = failed_by_a_child(f, r),
         went_on = f->got_result && !WEXITSTATUS(f->status) && !r->n_captures;
    if (!f->executed || f->descendant_signals[SIGABRT] || (!failed && !went_on))
        return false;
    char *report = tl_said_sanitizer(r);
    if (!report)
        return false;
    r->outcome = TL_OUTCOME_CRASH;
    clear_error(r);
    set_message(r, report);
    return true;
}

static int exited(const struct tl_process_facts *f, struct tl_trial_record *r, const char *said)
{
    int code = r->exit_status = WEXITSTATUS(f->status), n = code - 128;
    char text[24];
    snprintf(text, sizeof text, "%d", code);
    if (n > 0 && n < 65 && (f->descendant_signals[n] || f->passed_on.signal == n)) {
        clear_error(r); /* that the status is none that was expected */
        return died_of(f, r, said, n, &f->passed_on);
    }
    n = signal_untraced(f, r);
    if (n) {
        died_untraced(f, r, n);
        return -1;
    }
    if (f->executed && is_death_in_other_words(f, r))
        return died_in_other_words(f, r, said);
    char *line = NULL;
    int elsewhere = signal_elsewhere(f, r, &line);
    if (elsewhere) {
        r->signal = elsewhere;
        r->outcome = TL_OUTCOME_CRASH;
        clear_error(r);
        set_message(r, line);
        return -1;
    }
    if (was_reported(f, r))
        return -1;
    if (f->executed && (f->status || f->got_error) && ran_out_of_disk(f, f->got_error ? r->message : said, r))
        return -1;
    if (f->executed && ran_out_silently(f, said, r))
        return -1;
    if (!f->executed && code == 127) {
        set_cause(r, "trapline", "exec", tl_strdup("the program could not be started; stderr says why"));
    } else if (f->got_unsupported) {
        r->outcome = TL_OUTCOME_UNSUPPORTED;
    } else if (f->violation) {
        set_cause(r, "protocol", "message", tl_strdup(f->violation));
    } else if (f->got_error) {
        r->outcome = TL_OUTCOME_ERROR;
        ran_out_of_memory(f, r->message, r);
    } else if (code && ran_out_of_memory(f, said, r)) {
        ;
    } else if (code) {
        char *words =
            said || n <= 0
                ? NULL
                : tl_said_complaint(r); /* nothing died: the status is its own, and so are the words */
        set_cause(r, "exit", text, exit_message(f, said ? said : words, code));
        free(words);
    } else if (f->protocol && !f->got_result) {
        set_cause(r, "protocol", "silent",
                  tl_strdup("exit status 0 without a result: a runner must answer every trial "
                            "with one result or error"));
    } else {
        judge_result(f, r);
    }
    return -1;
}

/* What became of a trial of which the kernel killed a process for the memory limit. But files on a file system that
 * lives in memory count as memory, too: it is the limit of these that was reached first. */
static void killed_for_memory(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    if (f->disk_over) {
        set_cause(r, "limit", "disk", tl_disk_limit_message(f, NULL));
        return;
    }
    char *how = tl_format("the kernel killed %s (cgroup oom_kill)%s", f->killed ? f->killed : "the process",
                          f->end == TL_END_DEADLINE ? ", and the rest waited until the deadline" : "");
    clear_error(r);
    r->signal = SIGKILL;
    set_oom(f, how, NULL, r);
    free(how);
}

/* Fills all but the signature; returns the index of the decisive capture, or -1. */
static int classify(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    bool hidden;
    const char *why;
    int at;
    r->exit_status = -1;
    r->signal = 0;
    if (f->got_result)
        r->phase = TL_PHASE_DONE;
    if (f->cgroup_oom_kills && f->memory_limit && (f->end == TL_END_BY_ITSELF || f->end == TL_END_DEADLINE)) {
        if (f->end == TL_END_BY_ITSELF && WIFEXITED(f->status))
            r->exit_status = WEXITSTATUS(f->status);
        killed_for_memory(f, r);
        return -1;
    }
    if ((f->got_died || f->got_lost) && (f->end == TL_END_BY_ITSELF || f->end == TL_END_DEADLINE)) {
        if (f->got_died)
            died_elsewhere(f, r);
        else
            r->outcome = TL_OUTCOME_LOST;
        return -1;
    }
    switch (f->end) {
    case TL_END_CANCELLED:
        r->outcome = TL_OUTCOME_LOST;
        set_message(r, tl_strdup("the run was stopped while it ran"));
        return -1;
    case TL_END_NOT_BEGUN: /* the caller has said why; it is no verdict on the runtime */
        r->outcome = TL_OUTCOME_LOST;
        return -1;
    case TL_END_DEADLINE:
        r->outcome = TL_OUTCOME_HANG;
        hidden = hides_what_hangs(f, r);
        at = f->elsewhere ? -1 : tl_decisive_of_hang(r);
        why = f->elsewhere ? "on a device, whose stacks are not seen"
              : hidden     ? TL_NOT_TRACED
                           : why_no_stack(r, at);
        set_message(r, tl_format("phase %s took longer than %g s%s%s%s", tl_phase_name(r->phase),
                                 f->timeout_s, f->got_result ? " (its result had been sent)" : "",
                                 why ? ", " : "", why ? why : ""));
        return at;
    case TL_END_MEMORY:
        set_oom(f, "seen by trapline, which killed it", NULL, r);
        return -1;
    case TL_END_DISK:
        set_cause(r, "limit", "disk", tl_disk_limit_message(f, NULL));
        return -1;
    case TL_END_PROCESSES:
        set_cause(r, "limit", "processes",
                  tl_strdup("it started more processes than limits.processes of the case"));
        return -1;
    case TL_END_BY_ITSELF:
        break;
    }
    char *said = f->status ? tl_said_last(r, f->status) : NULL; /* the search is worth it for failures only */
    if (f->in_hand.signal) {
        r->phase = f->in_hand_phase;
        clear_error(r);
        at = died_of(f, r, said, f->in_hand.signal, &f->in_hand);
    } else {
        at = WIFSIGNALED(f->status) ? died_of(f, r, said, WTERMSIG(f->status), NULL) : exited(f, r, said);
    }
    free(said);
    return at;
}

/* Of a failure none of whose captures tells it. They are of something else, and the first one would be taken for
 * its stack. */
static void forget_captures(struct tl_trial_record *r)
{
    for (size_t i = 0; i < r->n_captures; i++)
        tl_capture_free(&r->captures[i]);
    r->n_captures = 0;
}

/* --- the entries ---------------------------------------------------------------------------------------- */

void tl_verdict_of_process(const struct tl_process_facts *f, struct tl_trial_record *r)
{
    int at = classify(f, r);
    if (at > 0) {
        struct tl_capture c = r->captures[at];
        memmove(r->captures + 1, r->captures, (size_t)at * sizeof c);
        r->captures[0] = c;
    } else if (at < 0 && (r->outcome == TL_OUTCOME_CRASH || r->outcome == TL_OUTCOME_HANG) &&
               (f->elsewhere || f->got_died || !(f->report && f->report->capture.n_threads))) {
        forget_captures(r);
    }
    if (f->report)
        tl_verdict_add_report(f->report, r);
    tl_signature_make(r);
}

void tl_verdict_of_generator(struct tl_trial_record *r)
{
    char *why = tl_generator_refused(r);
    r->phase = TL_PHASE_GENERATE;
    if (why) {
        clear_error(r);
        r->outcome = TL_OUTCOME_UNSUPPORTED;
        set_message(r, tl_format("the generator refused: %s", why));
    } else if (r->outcome == TL_OUTCOME_ERROR && r->error_domain && !strcmp(r->error_domain, "exit")) {
        char *code = tl_format("exit %d", r->exit_status), *said = tl_output_last_line(&r->err);
        bool bare = !r->message || !strncmp(r->message, "exit status ", 12);
        char *words = tl_strdup(bare && said ? said : r->message);
        set_cause(r, "generator", code, words);
        free(said);
        free(code);
    }
    free(why);
    tl_signature_make(r);
}

void tl_verdict_of_comparison(json_t *found, const char *why_not, struct tl_trial_record *r)
{
    const char *why = found ? json_string_value(json_object_get(found, "why")) : why_not;
    if (json_is_false(json_object_get(found, "equal"))) {
        r->outcome = TL_OUTCOME_WRONG;
        set_message(r, tl_wrong_message(found));
    } else if (!json_is_true(json_object_get(found, "equal"))) {
        r->outcome = TL_OUTCOME_UNSUPPORTED;
        r->phase = TL_PHASE_CHECK;
        set_message(r, tl_format("not judged: %s", why ? why : "the outputs were not compared"));
    }
    if (found)
        json_object_set_new(r->result, "reference", found);
    tl_signature_make(r);
}

void tl_verdict_unsupported(enum tl_phase phase, char *message, struct tl_trial_record *r)
{
    r->outcome = TL_OUTCOME_UNSUPPORTED;
    r->phase = phase;
    set_message(r, message);
}

void tl_verdict_not_run(char *message, struct tl_trial_record *r)
{
    free(r->error_domain);
    r->error_domain = tl_strdup("trapline");
    r->outcome = TL_OUTCOME_LOST;
    set_message(r, message);
}

#define OWN_FAILURE "supervisor"

void tl_verdict_lost(char *message, struct tl_trial_record *r)
{
    tl_verdict_not_run(message, r);
    free(r->error_domain);
    r->error_domain = tl_strdup(OWN_FAILURE);
}

bool tl_verdict_is_own_failure(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_LOST && r->error_domain && !strcmp(r->error_domain, OWN_FAILURE);
}

bool tl_verdict_is_given(const struct tl_trial_record *r)
{
    return !(r->outcome == TL_OUTCOME_LOST && r->error_domain && !strcmp(r->error_domain, "trapline"));
}
