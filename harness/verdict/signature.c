/* When two failures are the same failure.
 *
 * Theory of operation. The title comes from the first of these that says something: the message with which
 * the process ended itself, the title frames (title_frames.c), the domain and code of a clean error. A
 * process that is ended by the hardware (SIGSEGV, SIGBUS, SIGFPE) did not say why: what stands on its stderr
 * is from before, so there the frames come first. The ids are hashes of outcome, phase, signal and title. The
 * coarse title leaves out what moves between builds of a runtime: places in modules that have no symbols, and the files and
 * functions at which the parts of an error are said. */

#include "harness/verdict/signature.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"
#include "harness/base/unit_name.h"
#include "harness/base/utf8.h"
#include "harness/verdict/normalise.h"
#include "harness/verdict/title_frames.h"
#include "harness/verdict/wrong.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TITLE_MOST 400          /* bytes of a title; its middle is left out of a longer one */
#define TITLE_HEAD 260          /* of these, from its beginning */
#define TITLE_LEAST 120         /* of these, where the words of an assertion stand behind them */
#define STACK_NEAR (64u << 10)  /* a fault this near to the stack pointer is the stack's own */
#define STACK_FRAME (16u << 20) /* on a very deep stack, one this far into the innermost frame is, too */

static const struct tl_capture *decisive(const struct tl_trial_record *r)
{
    return r->n_captures ? &r->captures[0] : NULL;
}

static int signal_of(const struct tl_trial_record *r)
{
    if (r->signal || r->outcome != TL_OUTCOME_CRASH)
        return r->signal;
    return r->n_captures ? r->captures[0].signal : 0;
}

static bool is_hardware(int signal)
{
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE;
}

static char *message_of(const struct tl_trial_record *r)
{
    if (!r->message)
        return NULL;
    char *m = tl_normalise_message(r->message);
    if (*m && !tl_message_says_nothing(m))
        return m;
    free(m);
    return NULL;
}

/* ---- crash ---- */

/* Whether the fault is at the stack pointer, or above it in a frame that was never touched. */
static bool is_stack_fault(const struct tl_capture *c, bool deep)
{
    for (size_t i = 0; c->has_address && i < c->n_registers; i++) {
        const struct tl_register *reg = &c->registers[i];
        if (strcmp(reg->name, "rsp") && strcmp(reg->name, "sp") && strcmp(reg->name, "esp"))
            continue;
        if (c->fault_address < reg->value)
            return reg->value - c->fault_address <= STACK_NEAR;
        return c->fault_address - reg->value <= (deep ? STACK_FRAME : STACK_NEAR);
    }
    return deep;
}

/* Runs out of stack: deep, or at an address that is the stack's. A new title, or NULL. */
static char *stack_overflow(const struct tl_capture *c, const struct tl_thread *t, int signal, int how)
{
    if (signal != SIGSEGV && signal != SIGBUS)
        return NULL;
    if (!is_stack_fault(c, t->omitted))
        return NULL;
    char *cycle = tl_title_frames_cycle(c, t, how);
    char *title = NULL;
    if (cycle) {
        title = tl_format("stack overflow in %s", cycle);
    } else {
        struct tl_title_frames frames;
        tl_title_frames_find(c, t, how, &frames);
        if (frames.n)
            title = tl_format("stack overflow in %s", frames.name[0]);
        tl_title_frames_free(&frames);
    }
    free(cycle);
    return title;
}

/* The title that the stack gives; NULL when it gives none. */
static char *crash_frames(const struct tl_trial_record *r, int how)
{
    const struct tl_capture *c = decisive(r);
    const struct tl_thread *t = c ? tl_title_thread(c) : NULL;
    if (!t || !t->n_frames)
        return NULL;
    int signal = signal_of(r);
    char *title = stack_overflow(c, t, signal, how);
    if (title)
        return title;
    if (signal == SIGABRT || c->sender_pid)
        how |= TL_TITLE_RAISED;
    struct tl_title_frames frames;
    tl_title_frames_find(c, t, how, &frames);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add(&b, "", 0);
    if (frames.wild)
        tl_buffer_add_string(&b, frames.n ? "jump to a wild address from " : "jump to a wild address");
    tl_title_frames_text(&frames, &b);
    tl_title_frames_free(&frames);
    if (b.size)
        return tl_buffer_take(&b);
    tl_buffer_free(&b);
    return NULL;
}

/* Whether the same message comes from every function that has the fault, so that the function belongs to it.
 */
static bool is_from_anywhere(const char *message)
{
    return strstr(message, "stack smashing detected") || strstr(message, "buffer overflow detected") ||
           strstr(message, "pure virtual method called") || strstr(message, "without an active exception");
}

static bool is_python(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL, *file = slash ? slash + 1 : path ? path : "";
    return !strncasecmp(file, "python", 6) || !strncmp(file, "libpython", 9);
}

/* Where the program was in Python, when it is one and says so; NULL. */
static char *python_place(const struct tl_trial_record *r)
{
    const struct tl_capture *c = decisive(r);
    bool it = !c || is_python(c->exe);
    for (size_t i = 0; c && i < c->n_modules && !it; i++)
        it = is_python(c->modules[i].path);
    const struct tl_output *err = &r->err;
    return !it ? NULL
               : tl_find_python_place(err->tail_size ? err->tail : err->head,
                                      err->tail_size ? err->tail_size : err->head_size);
}

static char *crash_title(const struct tl_trial_record *r, bool coarse)
{
    int how = coarse ? TL_TITLE_COARSE : 0;
    int signal = signal_of(r);
    char *message = message_of(r), *frames = NULL;
    if (!message || is_hardware(signal))
        frames = crash_frames(r, how);
    char *python = coarse || (message && !frames) ? NULL : python_place(r);
    if (python) { /* the stack of an interpreter is much the same wherever it was */
        char *both = tl_format("%s%s%s", frames ? frames : tl_signal_name(signal), ", in Python ", python);
        free(frames);
        free(python);
        frames = both;
    }
    if (frames) {
        free(message);
        return frames;
    }
    if (!message)
        return tl_format("%s without a stack", signal ? tl_signal_name(signal) : "crash");
    const struct tl_capture *c = decisive(r);
    const struct tl_thread *t = c ? tl_title_thread(c) : NULL;
    if (!coarse && t && is_from_anywhere(message)) {
        struct tl_title_frames in;
        tl_title_frames_find(c, t, how | TL_TITLE_RAISED, &in);
        if (in.n && !in.guessed) {
            char *both = tl_format("%s in %s", message, in.name[0]);
            free(message);
            message = both;
        }
        tl_title_frames_free(&in);
    }
    return message;
}

/* ---- hang ---- */

/* The title of one thread that hangs; NULL when none of its frames is fit for one. */
static char *hang_frames(const struct tl_capture *c, const struct tl_thread *t, bool waits, bool coarse)
{
    struct tl_title_frames frames;
    tl_title_frames_find(c, t, TL_TITLE_WAITING | (coarse ? TL_TITLE_COARSE : 0), &frames);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (frames.n) {
        tl_buffer_add_string(&b, waits ? "waiting in " : "running in ");
        tl_title_frames_text(&frames, &b);
    }
    tl_title_frames_free(&frames);
    return b.size ? tl_buffer_take(&b) : NULL;
}

struct hanging {
    char *title; /* NULL when none of the thread's frames is fit for one */
    int rank;
};

static int by_rank_and_title(const void *a, const void *b)
{
    const struct hanging *x = a, *y = b;
    if (x->rank != y->rank)
        return y->rank - x->rank;
    return strcmp(x->title, y->title);
}

/* Of a stack without a name that is fit: all of it is the system's, or the runtime of a language whose threads take turns in its
 * calls, so that only a process with one thread has one call. */
static const char *nameless_hang(const struct tl_capture *c)
{
    bool all_wait = c && c->n_threads;
    for (size_t i = 0; c && i < c->n_threads; i++)
        all_wait &=
            c->threads[i].state && !strncmp(c->threads[i].state, TL_THREAD_WAITS, strlen(TL_THREAD_WAITS));
    if (!all_wait)
        return "hang without a stack";
    return c->n_threads == 1 ? c->threads[0].state
                             : "all threads wait in the runtime of their language or in libc";
}

/* The main thread when it runs; else what most of the running threads do (a pool that spins), in doubt the
 * first in the alphabet; else what the main thread waits for; else what most of the others wait for. */
static char *process_title(const struct tl_capture *c, bool coarse)
{
    struct hanging *all = tl_calloc(c ? c->n_threads : 0, sizeof *all);
    size_t n = 0, best = 0, most = 0;
    for (size_t i = 0; c && i < c->n_threads; i++) {
        const struct tl_thread *t = &c->threads[i];
        bool waits = tl_title_frames_thread_waits(c, t);
        char *title = hang_frames(c, t, waits, coarse);
        if (title)
            all[n++] = (struct hanging){title, 2 * !waits + (t->tid == t->pid)};
    }
    qsort(all, n, sizeof *all, by_rank_and_title);
    for (size_t i = 0, k; i < n && all[i].rank == all[0].rank; i = k) {
        for (k = i; k < n && !by_rank_and_title(&all[k], &all[i]);)
            k++;
        if (k - i > most) {
            most = k - i;
            best = i;
        }
    }
    char *title = n ? tl_strdup(all[best].title) : NULL;
    for (size_t i = 0; i < n; i++)
        free(all[i].title);
    free(all);
    return title;
}

/* What hangs between vfork and exec may be libc's alone: what called it is on the stack of its parent. */
static const struct tl_capture *parent_in_vfork(const struct tl_trial_record *r)
{
    for (size_t i = 1; i < r->n_captures; i++) {
        const struct tl_capture *c = &r->captures[i];
        for (size_t k = 0; c->kind == TL_CAPTURE_HANG && c->pid == r->captures[0].parent && k < c->n_threads;
             k++)
            if (c->threads[k].on_cpu)
                return c;
    }
    return NULL;
}

static char *hang_title(const struct tl_trial_record *r, bool coarse)
{
    const struct tl_capture *c = decisive(r), *parent = c ? parent_in_vfork(r) : NULL;
    char *title = process_title(c, coarse);
    if (!title && parent)
        title = process_title(parent, coarse);
    return title ? title : tl_strdup(nameless_hang(c));
}

/* ---- the others ---- */

static char *error_title(const struct tl_trial_record *r, bool coarse)
{
    char *whole = coarse && r->message ? tl_words_without_places(r->message) : NULL;
    struct tl_trial_record bare = *r;
    bare.message = whole && *whole ? whole : r->message;
    char *message = message_of(&bare);
    free(whole);
    struct tl_buffer b = TL_BUFFER_INIT;
    if (r->error_domain)
        tl_buffer_add_string(&b, r->error_domain);
    if (r->error_code && *r->error_code)
        tl_buffer_printf(&b, "%s%s", b.size ? " " : "", r->error_code);
    if (message)
        tl_buffer_printf(&b, "%s%s", b.size ? ": " : "", message);
    free(message);
    if (!b.size && r->exit_status >= 0)
        tl_buffer_printf(&b, "exit status %d", r->exit_status);
    return b.size ? tl_buffer_take(&b) : tl_strdup("error without a message");
}

static char *fallback_title(const struct tl_trial_record *r)
{
    struct tl_unit_name unit = tl_unit_name_of(r->unit ? r->unit : "");
    if (r->observed_device && !json_object_get(r->result, "fallback"))
        return tl_format("ran on %s, not on %.*s", r->observed_device,
                         (int)(unit.device.n ? unit.device.n : 20),
                         unit.device.n ? unit.device.at : "the device asked for");
    return message_of(r);
}

static char *make_title(const struct tl_trial_record *r, bool coarse)
{
    char *title = NULL;
    switch (r->outcome) {
    case TL_OUTCOME_CRASH:
        return crash_title(r, coarse);
    case TL_OUTCOME_HANG:
        return hang_title(r, coarse);
    case TL_OUTCOME_OOM: /* which allocation is the one too many depends on everything before it */
        return r->memory_limit ? tl_format("out of memory: the limit of %llu MiB was reached",
                                           (unsigned long long)(r->memory_limit >> 20))
                               : tl_strdup("out of memory");
    case TL_OUTCOME_ERROR:
        return error_title(r, coarse);
    case TL_OUTCOME_WRONG:
        title = tl_wrong_title(r);
        if (!title)
            title = message_of(r);
        return title ? title : tl_strdup("outputs are not what the reference says");
    case TL_OUTCOME_FALLBACK:
        title = fallback_title(r);
        return title ? title : tl_strdup("ran on another device");
    case TL_OUTCOME_LOST:
        return tl_strdup("lost while it ran");
    default:
        return NULL;
    }
}

static char *clean_line(char *title)
{
    char *clean = tl_clean_text(title, strlen(title), false);
    free(title);
    return clean;
}

/* Where the words of an assertion begin that somebody wrote by hand; NULL. */
static const char *assertion_in(const char *line)
{
    static const char *const marks[] = {
        "failed assertion `", "Assertion failed: ", "Assertion `", "ASSERT(",
        " was false. ",       "Fatal error: ",      "reason: '",   "precondition "};
    for (size_t i = 0; i < TL_COUNT(marks); i++) {
        const char *at = strstr(line, marks[i]);
        if (at)
            return at;
    }
    return NULL;
}

/* At most TITLE_MOST bytes of a clean line. What tells failures apart may stand at either end: a condition
 * after the signature of a function, or a word before a list of types. The words of an assertion stay, wherever they stand:
 * they are what people search for. Takes the line. */
static char *shorten(char *line)
{
    const char *joint = " … ", *end = "";
    size_t n = strlen(line), room = TITLE_MOST - strlen(joint), head = TITLE_HEAD,
           tail = n - (room - TITLE_HEAD);
    if (n <= TITLE_MOST)
        return line;
    const char *words = assertion_in(line);
    size_t at = words ? (size_t)(words - line) : 0;
    if (words && at >= TITLE_LEAST && at < tail) {
        head = n - at < room - TITLE_LEAST ? room - (n - at) : TITLE_LEAST;
        tail = at;
    }
    head = tl_utf8_cut(line, head);
    while (((unsigned char)line[tail] & 0xC0) == 0x80)
        tail++;
    size_t kept = n - tail;
    if (head + kept > room) {
        end = "…";
        kept = tl_utf8_cut(line + tail, room - head - strlen(end));
    }
    char *cut = tl_format("%.*s%s%.*s%s", (int)head, line, joint, (int)kept, line + tail, end);
    free(line);
    return cut;
}

static void make_id(const struct tl_trial_record *r, const char *version, const char *title,
                    char id[TL_ID_SIZE])
{
    const char *parts[] = {version, tl_outcome_name(r->outcome), tl_phase_name(r->phase),
                           signal_of(r) ? tl_signal_name(signal_of(r)) : "", title};
    struct tl_buffer b = TL_BUFFER_INIT;
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        tl_buffer_add(&b, parts[i], strlen(parts[i]) + 1);
    tl_content_id(b.data, b.size, id);
    tl_buffer_free(&b);
}

void tl_signature_make(struct tl_trial_record *r)
{
    free(r->signature.title);
    free(r->signature.coarse_title);
    r->signature = (struct tl_signature){0};
    if (!tl_outcome_is_failure(r->outcome))
        return;
    /* The ids are made of the whole: two that differ only in what a title has no room for are two. */
    char *title = clean_line(make_title(r, false)), *coarse = clean_line(make_title(r, true));
    make_id(r, "signature 1", title, r->signature.id);
    make_id(r, "coarse 1", coarse, r->signature.coarse_id);
    r->signature.title = shorten(title);
    r->signature.coarse_title = shorten(coarse);
}
