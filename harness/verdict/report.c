#include "harness/verdict/report.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/verdict/signature.h"
#include "harness/verdict/title_frames.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WATCHDOG 0x8badf00d /* the code with which the system ends a process that took too long */

static void set_message(struct tl_trial_record *r, char *message)
{
    free(r->message);
    r->message = message;
}

/* ---- the message ---- */

/* The loader and the simulator leave in every process how they were configured: that is no reason of anything. */
static bool is_setting(const struct tl_report_line *line)
{
    static const char *const libraries[] = {"dyld",          "libdyld",      "libsystem_sim_",
                                            "CoreSimulator", "SimulatorKit", "libSimulator"};
    static const char *const beginnings[] = {"CoreSimulator ", "dyld config:", "DYLD_"};
    for (size_t i = 0; i < TL_COUNT(libraries); i++)
        if (!strncasecmp(line->library, libraries[i], strlen(libraries[i])))
            return true;
    for (size_t i = 0; i < TL_COUNT(beginnings); i++)
        if (!strncmp(line->text, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

/* Which of the things that a report says is why. The exception that was thrown has a text of its own. The C++ runtime
 * repeats what another library said better, so its line is a last resort; and why the system ended a process is worth
 * more than a line of it only when the report gives reasons. */
static const char *report_message(const struct tl_crash_report *p)
{
    const char *message = NULL;
    if (p->launch_failure && p->has_reasons)
        return p->termination;
    if (p->reason && !tl_message_says_nothing(p->reason))
        return p->reason;
    for (size_t i = 0; i < p->n_lines; i++) {
        bool better = !message || strstr(message, "exception of type NSException");
        if (better && !is_setting(&p->lines[i]) && !tl_message_says_nothing(p->lines[i].text))
            message = p->lines[i].text;
    }
    return message || !(p->launch_failure || p->has_reasons) ? message : p->termination;
}

/* ---- of a process that was seen ---- */

/* Puts a capture before the others. Takes its contents. */
static void add_first(struct tl_trial_record *r, struct tl_capture *c)
{
    r->captures = tl_realloc(r->captures, r->n_captures + 1, sizeof *r->captures);
    memmove(r->captures + 1, r->captures, r->n_captures++ * sizeof *r->captures);
    r->captures[0] = *c;
    *c = (struct tl_capture){0};
}

/* What the system's own report says counts where nothing else was seen; but that its loader refused a process
 * is known from the report alone, and looks like a crash. */
void tl_verdict_add_report(struct tl_crash_report *p, struct tl_trial_record *r)
{
    const char *message = report_message(p);
    if (p->capture.n_threads)
        add_first(r, &p->capture);
    if (!r->signal)
        r->signal = p->signal;
    if (p->launch_failure)
        r->outcome = TL_OUTCOME_UNSUPPORTED;
    if (message && (!r->message || p->launch_failure || tl_message_says_nothing(r->message)))
        set_message(r, tl_strdup(message));
}

/* ---- of one that was not ---- */

/* The signal of a Mach exception, where a report does not name one. */
static int signal_of(const struct tl_crash_report *p)
{
    static const struct {
        const char *exception;
        int signal;
    } signals[] = {
        {"EXC_BAD_ACCESS", SIGSEGV}, {"EXC_BAD_INSTRUCTION", SIGILL}, {"EXC_ARITHMETIC", SIGFPE},
        {"EXC_BREAKPOINT", SIGTRAP}, {"EXC_SOFTWARE", SIGABRT},
    };
    for (size_t i = 0; !p->signal && p->exception && i < TL_COUNT(signals); i++)
        if (!strcmp(p->exception, signals[i].exception))
            return signals[i].signal;
    return p->signal;
}

static bool is_ended_by(const struct tl_crash_report *p, const char *space)
{
    return p->ended_by && !strcasecmp(p->ended_by, space);
}

/* The system may end a process by SIGKILL for what is no crash: too slow, too large, or not allowed. */
static void ended_by_system(const struct tl_crash_report *p, struct tl_trial_record *r)
{
    if (p->ended_code == WATCHDOG) {
        r->outcome = TL_OUTCOME_HANG;
    } else if (is_ended_by(p, "JETSAM") || is_ended_by(p, "MEMORY")) {
        r->outcome = TL_OUTCOME_OOM;
    } else {
        r->outcome = TL_OUTCOME_ERROR;
        r->error_domain = tl_strdup(p->ended_by ? p->ended_by : "signal");
        r->error_code = p->ended_by ? tl_format("%llu", (unsigned long long)p->ended_code)
                                    : tl_strdup(tl_signal_name(r->signal));
    }
    if (!r->message)
        r->message = tl_strdup(p->termination ? p->termination : "the system ended the process");
}

void tl_verdict_of_report(struct tl_crash_report *p, struct tl_trial_record *r)
{
    r->outcome = TL_OUTCOME_CRASH;
    r->signal = signal_of(p);
    r->exit_status = -1;
    tl_verdict_add_report(p, r);
    if (r->outcome == TL_OUTCOME_CRASH && r->signal && !tl_signal_is_crash(r->signal))
        ended_by_system(p, r);
    for (size_t i = 0; i < r->n_captures && r->outcome == TL_OUTCOME_HANG; i++)
        r->captures[i].kind = TL_CAPTURE_HANG;
    tl_signature_make(r);
}

void tl_verdict_of_want_of_memory(char *message, struct tl_trial_record *r)
{
    free(r->error_domain);
    free(r->error_code);
    r->error_domain = r->error_code = NULL;
    r->outcome = TL_OUTCOME_OOM;
    r->signal = SIGKILL;
    r->exit_status = -1;
    set_message(r, message);
    tl_signature_make(r);
}

void tl_verdict_set_phase(enum tl_phase phase, struct tl_trial_record *r)
{
    r->phase = phase;
    tl_signature_make(r);
}

char *tl_verdict_report_title(const struct tl_crash_report *p)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_title_frames frames = {0};
    const struct tl_thread *t = p->capture.n_threads ? tl_title_thread(&p->capture) : NULL;
    const char *message = report_message(p);
    int signal = signal_of(p);
    tl_buffer_add_string(&b, signal ? tl_signal_name(signal) : p->exception ? p->exception : "ended");
    if (t && t->n_frames)
        tl_title_frames_find(&p->capture, t, signal == SIGABRT ? TL_TITLE_RAISED : 0, &frames);
    if (frames.n) {
        tl_buffer_add_string(&b, " in ");
        tl_title_frames_text(&frames, &b);
    }
    if (message)
        tl_buffer_printf(&b, "%s%s", ": ", message);
    tl_title_frames_free(&frames);
    return tl_buffer_take(&b);
}
