/* The page of `trapline show`. */
#include "reports/trial.h"

#include "harness/base/buffer.h"
#include "harness/base/frame_text.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OUTPUT_LINES 12 /* of the end of each stream */
#define FRAMES_OF_OTHERS 1

char *tl_trial_summary(const struct tl_trial_record *r)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    if (r->signal)
        tl_buffer_printf(&b, "%s", tl_signal_name(r->signal));
    const char *what = r->outcome == TL_OUTCOME_CRASH && r->signature.title ? r->signature.title
                       : r->message                                         ? r->message
                                                                            : r->signature.title;
    if (r->outcome == TL_OUTCOME_PASS) /* that it was not compared, for one */
        what = r->message;
    if (what)
        tl_buffer_printf(&b, "%s%.*s", b.size ? "  " : "", (int)strcspn(what, "\n"), what);
    return tl_buffer_take(&b);
}

/* Terminals obey what they are sent: control characters of a child's output are shown, not sent. */
static void add_plain(struct tl_buffer *b, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 32 && c != '\n' && c != '\t') || c == 127)
            tl_buffer_printf(b, "\\x%02x", c);
        else
            tl_buffer_add(b, &text[i], 1);
    }
}

static void heading(struct tl_buffer *b, const struct tl_trial_page_options *o, const char *text)
{
    tl_buffer_printf(b, "\n%s%s%s\n", o->colour ? "\033[1m" : "", text, o->colour ? "\033[0m" : "");
}

static void field(struct tl_buffer *b, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void field(struct tl_buffer *b, const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char text[2048];
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    tl_buffer_printf(b, "  %-14s ", name);
    add_plain(b, text, strlen(text));
    tl_buffer_add_string(b, "\n");
}

static const char *code_name(int signal, int code)
{
    if (code <= 0)
        return code == SI_USER ? "sent by kill()" : code == SI_TKILL ? "sent by raise() or tgkill()" : "sent";
    if (code == SI_KERNEL)
        return "sent by the kernel";
    if (signal == SIGSEGV)
        return code == SEGV_MAPERR ? "address not mapped" : code == SEGV_ACCERR ? "access not permitted" : "";
    if (signal == SIGBUS)
        return code == BUS_ADRALN   ? "misaligned address"
               : code == BUS_ADRERR ? "no such physical address"
                                    : "";
    if (signal == SIGFPE)
        return code == FPE_INTDIV ? "integer division by zero" : code == FPE_INTOVF ? "integer overflow" : "";
    if (signal == SIGILL)
        return code == ILL_ILLOPN || code == ILL_ILLOPC ? "illegal instruction" : "";
    return "";
}

static void add_stack(struct tl_buffer *b, const struct tl_capture *c, const struct tl_thread *t, size_t most)
{
    if (t->state)
        tl_buffer_printf(b, "      could not be stopped: %s\n", t->state);
    for (size_t i = 0; i < t->n_frames && i < most; i++) {
        if (t->omitted && i == t->omitted_at)
            tl_buffer_printf(b, "      … %llu frames left out …\n", (unsigned long long)t->omitted);
        char *text = tl_frame_text(c, t, i);
        tl_buffer_printf(b, "  #%-3zu ", i + (i >= t->omitted_at ? (size_t)t->omitted : 0));
        add_plain(b, text, strlen(text));
        tl_buffer_add_string(b, "\n");
        free(text);
    }
    if (t->n_frames > most)
        tl_buffer_printf(b, "      … %zu more\n", t->n_frames - most);
    if (t->truncated)
        tl_buffer_add_string(b, "      (the stack could not be followed further)\n");
}

static void add_capture(struct tl_buffer *b, const struct tl_capture *c,
                        const struct tl_trial_page_options *o)
{
    char *title = c->kind == TL_CAPTURE_HANG
                      ? tl_format("Process %d when its time was over (%s)", c->pid, c->exe ? c->exe : "?")
                      : tl_format("Process %d at %s%s (%s)", c->pid, tl_signal_name(c->signal),
                                  c->fatal ? "" : ", which it survived", c->exe ? c->exe : "?");
    heading(b, o, title);
    free(title);
    if (c->kind == TL_CAPTURE_SIGNAL) {
        const char *code = code_name(c->signal, c->si_code);
        field(b, "si_code", "%d%s%s%s", c->si_code, *code ? " (" : "", code, *code ? ")" : "");
        if (c->has_address)
            field(b, "address", "0x%llx", (unsigned long long)c->fault_address);
        if (c->sender_pid)
            field(b, "sender", "pid %d%s", c->sender_pid, c->sender_pid == c->pid ? " (itself)" : "");
    }
    for (size_t i = 0; i < c->n_threads; i++) {
        const struct tl_thread *t = &c->threads[i];
        bool whole = o->all_stacks || t->crashed || (c->kind == TL_CAPTURE_HANG && i == 0);
        tl_buffer_printf(b, "  thread %d ", t->tid);
        add_plain(b, t->name, strlen(t->name));
        tl_buffer_printf(b, "%s\n", t->crashed ? "  <- took the signal" : "");
        add_stack(b, c, t, whole ? SIZE_MAX : FRAMES_OF_OTHERS);
    }
    if (c->n_registers && o->all_stacks) {
        tl_buffer_add_string(b, "  registers\n");
        for (size_t i = 0; i < c->n_registers; i++)
            tl_buffer_printf(b, "    %-8s %016llx%s", c->registers[i].name,
                             (unsigned long long)c->registers[i].value,
                             i % 3 == 2 || i + 1 == c->n_registers ? "\n" : "");
    }
    if (o->all_stacks) {
        tl_buffer_add_string(b, "  modules\n");
        for (size_t i = 0; i < c->n_modules; i++)
            tl_buffer_printf(b, "    %012llx %s %s\n", (unsigned long long)c->modules[i].start,
                             *c->modules[i].build_id ? c->modules[i].build_id : "(no build-id)",
                             c->modules[i].path);
    }
}

static void add_output(struct tl_buffer *b, const struct tl_trial_page_options *o, const char *name,
                       const struct tl_output *out)
{
    if (!out->total)
        return;
    const char *text = out->tail_size ? out->tail : out->head;
    size_t size = out->tail_size ? out->tail_size : out->head_size, start = size;
    for (int lines = 0; start && (lines += text[start - 1] == '\n') <= OUTPUT_LINES;)
        start--;
    char *title = tl_format("%s, %llu bytes%s", name, (unsigned long long)out->total,
                            start || out->tail_size ? ", its end" : "");
    heading(b, o, title);
    free(title);
    add_plain(b, text + start, size - start);
    if (size && text[size - 1] != '\n')
        tl_buffer_add_string(b, "\n");
}

/* A word as a POSIX shell takes it. */
static void add_word(struct tl_buffer *b, const char *word)
{
    bool plain = *word != '\0';
    for (const char *p = word; *p; p++)
        plain = plain && (isalnum((unsigned char)*p) || strchr("_-+=:@./,", *p));
    tl_buffer_add_string(b, plain ? " " : " '");
    for (const char *p = word; *p; p++)
        if (*p == '\'' && !plain)
            tl_buffer_add_string(b, "'\\''");
        else
            tl_buffer_add(b, p, 1);
    if (!plain)
        tl_buffer_add_string(b, "'");
}

static const char *known(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s && *s ? s : "unknown";
}

static void add_environment(struct tl_buffer *b, const struct tl_trial_page_options *o)
{
    const json_t *v = o->environment, *m = json_object_get(v, "machine");
    if (!v)
        return;
    heading(b, o, "Environment");
    field(b, "os", "%s, build %s", known(v, "os"), known(v, "os_build"));
    field(b, "kernel", "%s", known(v, "kernel"));
    field(b, "machine", "%s, %s, %lld cores, %.1f GiB", known(m, "arch"), known(m, "cpu"),
          json_integer_value(json_object_get(m, "cores")),
          (double)json_integer_value(json_object_get(m, "memory")) / 1073741824.0);
    field(b, "runner", "%s %s", known(v, "runner"), known(v, "runner_version"));
    field(b, "runtime", "%s", known(v, "runtime_path"));
    field(b, "  version", "%s", known(v, "runtime_version"));
    field(b, "  sha256", "%s", known(v, "runtime_sha256"));
    field(b, "trapline", "%s, session %s", known(v, "trapline"), known(v, "session"));
}

static void add_again(struct tl_buffer *b, const struct tl_trial_record *r,
                      const struct tl_trial_page_options *o)
{
    heading(b, o, "Run it again");
    tl_buffer_printf(b, "  trapline show %.18s --case-file >%s.json\n  trapline run %s.json -u", r->id,
                     r->case_name, r->case_name);
    add_word(b, r->unit);
    json_t *variant = json_loads(r->variant, 0, NULL), *v;
    const char *axis;
    json_object_foreach(variant, axis, v)
    {
        char *value = json_is_string(v) ? tl_strdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY);
        char *word = tl_format("%s=%s", axis, value);
        tl_buffer_add_string(b, " -s");
        add_word(b, word);
        free(word);
        free(value);
    }
    json_decref(variant);
    tl_buffer_add_string(b, "\n");
}

static void add_phases(struct tl_buffer *b, const struct tl_trial_record *r)
{
    struct tl_buffer text = TL_BUFFER_INIT;
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        if (r->phase_seconds[i] >= 0)
            tl_buffer_printf(&text, "%s%s %.3f s", text.size ? ", " : "", tl_phase_name((enum tl_phase)i),
                             r->phase_seconds[i]);
    if (text.size)
        field(b, "time", "%.3f s (%s)", r->wall_seconds, text.data);
    tl_buffer_free(&text);
}

char *tl_trial_page(const struct tl_trial_record *r, const struct tl_trial_page_options *o)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "%strial %s%s\n", o->colour ? "\033[1m" : "", r->id, o->colour ? "\033[0m" : "");
    time_t t = (time_t)(r->started_us / 1000000);
    struct tm tm;
    char when[40] = "";
    if (gmtime_r(&t, &tm))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S UTC", &tm);
    field(&b, "case", "%s", r->case_name);
    field(&b, "unit", "%s%s%s", r->unit, r->observed_device ? ", ran on " : "",
          r->observed_device ? r->observed_device : "");
    field(&b, "variant", "%s", r->variant);
    field(&b, "started", "%s%s", when, r->fresh || !r->command ? "" : ", forked by a fork server");
    field(&b, "outcome", "%s", tl_outcome_name(r->outcome));
    field(&b, "phase", "%s", tl_phase_name(r->phase));
    if (r->signal)
        field(&b, "signal", "%s (%d)", tl_signal_name(r->signal), r->signal);
    if (r->exit_status >= 0)
        field(&b, "exit status", "%d", r->exit_status);
    if (r->error_domain)
        field(&b, "error", "%s %s", r->error_domain, r->error_code ? r->error_code : "");
    if (r->message)
        field(&b, "message", "%s", r->message);
    if (*r->signature.id) {
        field(&b, "signature", "%.12s  %s", r->signature.id, r->signature.title);
        field(&b, "across builds", "%.12s  %s", r->signature.coarse_id, r->signature.coarse_title);
    }
    add_phases(&b, r);
    field(&b, "cost", "user %.3f s, system %.3f s, peak memory %.1f MiB", r->user_seconds, r->system_seconds,
          (double)r->peak_rss / 1048576.0);
    if (r->command)
        field(&b, "command", "%s", r->command);
    for (size_t i = 0; i < r->n_captures; i++)
        if (i == 0 || r->captures[i].fatal || o->all_stacks)
            add_capture(&b, &r->captures[i], o);
    add_output(&b, o, "stderr", &r->err);
    add_output(&b, o, "stdout", &r->out);
    if (r->result && o->all_stacks) {
        char *result = json_dumps(r->result, JSON_COMPACT | JSON_SORT_KEYS);
        heading(&b, o, "Result");
        add_plain(&b, result, strlen(result));
        tl_buffer_add_string(&b, "\n");
        free(result);
    }
    add_environment(&b, o);
    add_again(&b, r, o);
    return tl_buffer_take(&b);
}
