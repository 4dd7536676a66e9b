/* Names of outcomes, phases and signals; release of records; the identity of a stack. */
#include "harness/base/record.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const outcome_names[TL_OUTCOME_COUNT] = {
    "pass", "crash", "hang", "oom", "error", "wrong", "fallback", "unsupported", "lost",
};

static const char *const phase_names[TL_PHASE_COUNT] = {
    "start", "generate", "load", "compile", "execute", "check", "done",
};

static int find_name(const char *const *names, int n, const char *name)
{
    for (int i = 0; name && i < n; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *tl_outcome_name(enum tl_outcome o)
{
    return (unsigned)o < TL_OUTCOME_COUNT ? outcome_names[o] : "unknown";
}

int tl_outcome_parse(const char *name)
{
    return find_name(outcome_names, TL_OUTCOME_COUNT, name);
}

const char *tl_phase_name(enum tl_phase p)
{
    return (unsigned)p < TL_PHASE_COUNT ? phase_names[p] : "unknown";
}

int tl_phase_parse(const char *name)
{
    return find_name(phase_names, TL_PHASE_COUNT, name);
}

bool tl_outcome_is_failure(enum tl_outcome o)
{
    return o != TL_OUTCOME_PASS && o != TL_OUTCOME_UNSUPPORTED;
}

int tl_outcome_gravity(enum tl_outcome o)
{
    static const enum tl_outcome order[] = {TL_OUTCOME_FALLBACK, TL_OUTCOME_ERROR, TL_OUTCOME_WRONG,
                                            TL_OUTCOME_HANG,     TL_OUTCOME_OOM,   TL_OUTCOME_CRASH};
    for (int i = 0; i < 6; i++)
        if (order[i] == o)
            return i + 1;
    return 0;
}

bool tl_outcome_is_refusal(enum tl_outcome o, int signal)
{
    return o == TL_OUTCOME_ERROR && !signal;
}

bool tl_outcome_is_not_judged(enum tl_outcome o, enum tl_phase p)
{
    return o == TL_OUTCOME_UNSUPPORTED && p == TL_PHASE_CHECK;
}

/* A table of our own: sigabbrev_np is glibc's only, and strsignal is for people and depends on the locale. */
static const struct {
    int signal;
    const char *name;
} signal_names[] = {
#define SIGNAL(s)                                                                                            \
    {                                                                                                        \
        s, #s                                                                                                \
    }
    SIGNAL(SIGHUP),    SIGNAL(SIGINT),  SIGNAL(SIGQUIT), SIGNAL(SIGILL),    SIGNAL(SIGTRAP),  SIGNAL(SIGABRT),
    SIGNAL(SIGBUS),    SIGNAL(SIGFPE),  SIGNAL(SIGKILL), SIGNAL(SIGUSR1),   SIGNAL(SIGSEGV),  SIGNAL(SIGUSR2),
    SIGNAL(SIGPIPE),   SIGNAL(SIGALRM), SIGNAL(SIGTERM), SIGNAL(SIGCHLD),   SIGNAL(SIGCONT),  SIGNAL(SIGSTOP),
    SIGNAL(SIGTSTP),   SIGNAL(SIGTTIN), SIGNAL(SIGTTOU), SIGNAL(SIGURG),    SIGNAL(SIGXCPU),  SIGNAL(SIGXFSZ),
    SIGNAL(SIGPROF),   SIGNAL(SIGSYS),  SIGNAL(SIGIO),   SIGNAL(SIGVTALRM), SIGNAL(SIGWINCH),
#ifdef SIGSTKFLT
    SIGNAL(SIGSTKFLT),
#endif
#ifdef SIGPWR
    SIGNAL(SIGPWR),
#endif
#ifdef SIGEMT
    SIGNAL(SIGEMT),
#endif
#ifdef SIGINFO
    SIGNAL(SIGINFO),
#endif
#undef SIGNAL
};

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

const char *tl_signal_name(int signal)
{
    static _Thread_local char text[32];
    for (size_t i = 0; i < TL_COUNT(signal_names); i++)
        if (signal_names[i].signal == signal)
            return signal_names[i].name;
#ifdef SIGRTMIN
    if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
        if (signal == SIGRTMIN)
            return "SIGRTMIN";
        snprintf(text, sizeof text, "SIGRTMIN+%d", signal - SIGRTMIN);
        return text;
    }
#endif
    if (signal == TL_SIGNAL_ELSEWHERE)
        return "a signal of another system";
    snprintf(text, sizeof text, "signal %d", signal);
    return text;
}

int tl_signal_parse(const char *name)
{
    int number;
    for (size_t i = 0; i < TL_COUNT(signal_names); i++)
        if (!strcmp(signal_names[i].name, name))
            return signal_names[i].signal;
    if (sscanf(name, "signal %d", &number) == 1)
        return number;
#ifdef SIGRTMIN
    number = 0;
    if (!strcmp(name, "SIGRTMIN") || sscanf(name, "SIGRTMIN+%d", &number) == 1)
        return number >= 0 && number <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + number : TL_SIGNAL_ELSEWHERE;
#endif
    return TL_SIGNAL_ELSEWHERE;
}

static void free_thread(struct tl_thread *t)
{
    for (size_t i = 0; t->symbols && i < t->n_frames; i++) {
        for (size_t k = 0; k < t->symbols[i].n; k++) {
            free(t->symbols[i].symbols[k].function);
            free(t->symbols[i].symbols[k].file);
        }
        free(t->symbols[i].symbols);
    }
    free(t->symbols);
    free(t->frames);
    free(t->state);
}

/* Of a whole process: each trial that runs has captures. */
#define MOST_MODULE_FILES 64
static size_t n_module_files;

struct tl_module_file *tl_module_file_new(int fd, char *bytes, size_t size)
{
    bool any = n_module_files < MOST_MODULE_FILES;
    if (!any && fd >= 0)
        close(fd);
    if (!any) {
        free(bytes);
        return NULL;
    }
    struct tl_module_file *f = tl_calloc(1, sizeof *f);
    *f = (struct tl_module_file){fd, bytes, size};
    n_module_files++;
    return f;
}

void tl_module_file_free(struct tl_module_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->bytes);
    free(f);
    n_module_files--;
}

void tl_capture_free(struct tl_capture *c)
{
    for (size_t i = 0; i < c->n_threads; i++)
        free_thread(&c->threads[i]);
    for (size_t i = 0; i < c->n_modules; i++) {
        free(c->modules[i].path);
        tl_module_file_free(c->modules[i].file);
    }
    free(c->threads);
    free(c->modules);
    free(c->registers);
    tl_fault_free(c->fault);
    free(c->exe);
    memset(c, 0, sizeof *c);
}

bool tl_capture_was_sent(const struct tl_capture *c)
{
    return c->si_code <= 0 && !c->reported;
}

void tl_crash_report_free(struct tl_crash_report *p)
{
    for (size_t i = 0; i < p->n_lines; i++) {
        free(p->lines[i].library);
        free(p->lines[i].text);
    }
    free(p->lines);
    free(p->reason);
    free(p->exception);
    free(p->termination);
    free(p->ended_by);
    tl_capture_free(&p->capture);
    memset(p, 0, sizeof *p);
}

void tl_trial_record_free(struct tl_trial_record *r)
{
    for (size_t i = 0; i < r->n_captures; i++)
        tl_capture_free(&r->captures[i]);
    free(r->captures);
    for (size_t i = 0; i < r->n_reports; i++)
        tl_system_report_free(&r->reports[i]);
    free(r->reports);
    free(r->pids);
    free(r->case_name);
    free(r->variant);
    free(r->unit);
    free(r->command);
    free(r->request);
    free(r->observed_device);
    free(r->error_domain);
    free(r->error_code);
    free(r->message);
    json_decref(r->result);
    free(r->outputs);
    free(r->out.head);
    free(r->out.tail);
    free(r->out.notable);
    free(r->err.head);
    free(r->err.tail);
    free(r->err.notable);
    free(r->signature.title);
    free(r->signature.coarse_title);
    memset(r, 0, sizeof *r);
}

void tl_trial_record_joined(struct tl_trial_record *r, int pid)
{
    if (r->n_pids < TL_PIDS_MOST && pid > 0)
        *TL_GROW(r->pids, r->n_pids) = pid;
}

const struct tl_system_report *tl_trial_imported(const struct tl_trial_record *r)
{
    for (size_t i = 0; i < r->n_reports; i++)
        if (r->reports[i].relation == TL_REPORT_IMPORTED)
            return &r->reports[i];
    return NULL;
}

#define LAST_LINE_MOST 400

char *tl_output_last_line(const struct tl_output *o)
{
    const char *text = o->tail_size ? o->tail : o->head;
    size_t end = o->tail_size ? o->tail_size : o->head_size;
    while (end && strchr(" \t\r\n", text[end - 1]))
        end--;
    size_t start = end;
    while (start && text[start - 1] != '\n')
        start--;
    if (start == end)
        return NULL;
    char *line = tl_format("%.*s", (int)(end - start), text + start);
    line[tl_utf8_cut(line, LAST_LINE_MOST)] = '\0';
    return line;
}

static void add_u64(struct tl_buffer *b, uint64_t v)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) /* little-endian on every machine: the identity travels with the database */
        bytes[i] = (unsigned char)(v >> (8 * i));
    tl_buffer_add(b, bytes, sizeof bytes);
}

void tl_stack_id(const struct tl_module *modules, const struct tl_thread *thread, char id[TL_ID_SIZE])
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "stack 1");
    for (size_t i = 0; i < thread->n_frames; i++) {
        const struct tl_frame *f = &thread->frames[i];
        if (f->module == TL_NO_MODULE) {
            tl_buffer_add(&b, "", 1);
        } else {
            const struct tl_module *m = &modules[f->module];
            const char *slash = m->path ? strrchr(m->path, '/') : NULL;
            const char *name = m->build_id[0] ? m->build_id : slash ? slash + 1 : m->path ? m->path : "";
            tl_buffer_add(&b, m->build_id[0] ? "b" : "n", 1);
            tl_buffer_add(&b, name, strlen(name) + 1); /* with its NUL: parts must not run together */
        }
        add_u64(&b, f->offset);
        add_u64(&b, f->flags);
    }
    /* Bounds at the end: every frame before them has the same shape, so the whole stays unambiguous. */
    add_u64(&b, thread->n_frames);
    add_u64(&b, thread->omitted);
    add_u64(&b, thread->omitted ? thread->omitted_at : 0);
    add_u64(&b, thread->truncated);
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}
