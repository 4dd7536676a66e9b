/* The stack of a failure, as somebody reads it who knows the runtime: its frames, innermost first, without what called
 * it from outside, and a recursion as one line.
 *
 * Frames come as lines in words, each with the name of its module. A recursion is found in the names of the functions,
 * which are what repeats: lines differ where a function calls the next from two places. From a frame on, the
 * shortest cycle that comes at least three times is taken. Of a very deep stack the middle was not kept; what stands behind
 * the gap goes on with the cycle, in which a gap may begin anywhere. */
#include "reports/finding/sections.h"

#include "harness/base/frame_text.h"
#include "harness/base/plural.h"
#include "harness/base/utf8.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MOST 15
#define FRAMES_BARE 6  /* of a runtime whose functions have no names */
#define CYCLE_MOST 24  /* functions of a recursion */
#define CYCLE_SHOWN 6  /* of which the first turn is shown */
#define CYCLE_TIMES 3  /* before it is one */
#define NAME_MOST 44   /* bytes of a function's name where several stand in a line */
#define CALLERS_MOST 3 /* of what called the runtime */
#define NAMES_MOST 20  /* of the frames below */
#define THREADS_MOST 8
#define THREAD_NAMES 5
#define LINE_MOST (TL_EXTENT_WIDTH - 2)

struct frame {
    const char *line; /* "#12 f (a.c:3)" */
    const char *of;   /* the module, or NULL */
    char *name;       /* of the function, which may be its place in a module; NULL: a line that is no frame */
};

struct frames {
    struct frame *list;
    size_t n;
};

/* Where the words of a frame end and its place begins: "f" of "f (a.c:3)". */
static size_t name_length(const char *text)
{
    size_t n = strlen(text);
    const char *inlined = strstr(text, ", inlined in ");
    if (inlined)
        n = (size_t)(inlined - text);
    if (n > 10 && !strncmp(text + n - 10, " [guessed]", 10))
        n -= 10;
    if (!n || text[n - 1] != ')')
        return n;
    size_t open = n;
    while (open && text[open - 1] != '(')
        open--;
    const char *colon = memchr(text + open, ':', n - open);
    bool line = colon && isdigit((unsigned char)colon[1]);
    return open > 1 && text[open - 2] == ' ' && line ? open - 2 : n;
}

static char *name_of(const char *line)
{
    static const char start[] = " (function at ";
    const char *text = line + 1 + strspn(line + 1, "0123456789"), *at;
    text += strspn(text, " ");
    if ((at = strstr(text, start))) { /* "lib.so!+0x1200": of "lib.so+0x1234 (function at +0x1200)" */
        const char *offset = at;
        while (offset > text && *offset != '+')
            offset--;
        at += sizeof start - 1;
        return tl_format("%.*s!%.*s", (int)(offset - text), text, (int)strcspn(at, ")"), at);
    }
    return tl_format("%.*s", (int)name_length(text), text);
}

static struct frames frames_of(const json_t *thread)
{
    struct frames f = {0};
    const json_t *line, *of = json_object_get(thread, "of");
    size_t i;
    json_array_foreach(json_object_get(thread, "frames"), i, line) {
        const char *text = json_is_string(line) ? json_string_value(line) : "";
        *TL_GROW(f.list, f.n) = (struct frame){text, json_string_value(json_array_get(of, i)),
                                               *text == '#' ? name_of(text) : NULL};
    }
    return f;
}

static void free_frames(struct frames *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->list[i].name);
    free(f->list);
}

/* ---- what is not the runtime ---- */

/* What starts and calls a runtime: the C library, the loader, an interpreter with its bridge to C, and the runners. */
static bool is_around(const char *of)
{
    static const char *const beginnings[] = {
        "libc.so",      "libc-",  "libpthread", "ld-linux",  "ld-musl", "libdyld", "dyld",      "libsystem_",
        "libstdc++.so", "libffi", "_ctypes",    "libpython", "python",  "Python",  "trapline-",
    };
    for (size_t i = 0; of && i < TL_COUNT(beginnings); i++)
        if (!strncmp(of, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

/* Of an abort, the way from where it was decided to the signal. */
static bool ends_the_process(const char *of)
{
    static const char *const beginnings[] = {"libc.so",    "libc-",     "libpthread",
                                             "libsystem_", "libc++abi", "libstdc++.so"};
    for (size_t i = 0; of && i < TL_COUNT(beginnings); i++)
        if (!strncmp(of, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

/* The frames from *from to *to are the runtime's; all, where none is known to be. */
static void find_runtime(const struct frames *f, const char *signal, size_t *from, size_t *to)
{
    *from = 0;
    *to = f->n;
    while (*to && is_around(f->list[*to - 1].of))
        --*to;
    while (signal && !strcmp(signal, "SIGABRT") && *from < *to && ends_the_process(f->list[*from].of))
        ++*from;
    if (*from >= *to) {
        *from = 0;
        *to = f->n;
    }
}

/* ---- recursion ---- */

static bool same(const struct frame *a, const struct frame *b)
{
    return a->name && b->name && !strcmp(a->name, b->name);
}

/* How many frames from i on repeat with this period, the first period included. */
static size_t repeats(const struct frames *f, size_t i, size_t to, size_t period)
{
    size_t n = period;
    while (i + n < to && same(&f->list[i + n], &f->list[i + n - period]))
        n++;
    return n;
}

/* How many frames from i on are the cycle that begins at `cycle`, wherever in it they begin. */
static size_t goes_on(const struct frames *f, size_t i, size_t to, size_t cycle, size_t period)
{
    size_t longest = 0;
    for (size_t shift = 0; shift < period; shift++) {
        size_t n = 0;
        while (i + n < to && same(&f->list[i + n], &f->list[cycle + (shift + n) % period]))
            n++;
        longest = n > longest ? n : longest;
    }
    return longest;
}

struct cycle {
    size_t period, frames;      /* frames: those that are listed, without what was not kept */
    size_t end;                 /* the frame behind it */
    unsigned long long between; /* frames in the middle of it that were not kept */
};

static bool find_cycle(const struct frames *f, size_t i, size_t to, struct cycle *c)
{
    for (size_t period = 1; period <= CYCLE_MOST && i + period * CYCLE_TIMES <= to; period++) {
        size_t n = f->list[i].name ? repeats(f, i, to, period) : 0, gap = i + n;
        if (n < period * CYCLE_TIMES || n < 4)
            continue;
        *c = (struct cycle){period, n, gap, 0};
        if (gap + 1 < to && !f->list[gap].name && !strncmp(f->list[gap].line, "… ", sizeof "… " - 1)) {
            size_t more = goes_on(f, gap + 1, to, i, period);
            if (more) {
                c->between = strtoull(f->list[gap].line + sizeof "… " - 1, NULL, 10);
                c->frames += more;
                c->end = gap + 1 + more;
            }
        }
        return true;
    }
    return false;
}

/* The name without its arguments; of a function without one, in the module of the last, its place alone. */
static void add_name(struct tl_buffer *b, const struct frame *f, const struct frame *last)
{
    const char *name = f->name, *offset = strstr(name, "!+0x"),
               *of_last = last ? strstr(last->name, "!+0x") : NULL;
    if (offset && of_last && of_last - last->name == offset - name &&
        !strncmp(last->name, name, (size_t)(offset - name)))
        name = offset + 1;
    size_t n = strcspn(name, "(");
    n = n ? n : strlen(name);
    bool cut = n > NAME_MOST;
    n = cut ? tl_utf8_cut(name, NAME_MOST) : n;
    tl_buffer_printf(b, "%.*s%s", (int)n, name, cut ? "…" : "");
}

/* The names of so many functions of a cycle. */
static void add_cycle_names(struct tl_buffer *b, const struct frames *f, size_t i, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        tl_buffer_add_string(b, k ? " ↔ " : "    ");
        add_name(b, &f->list[i + k], k ? &f->list[i + k - 1] : NULL);
    }
}

/* "f ↔ g ↔ h, 320 times", in a line: of many functions, or of some with long names, those that have room. */
static char *cycle_text(const struct frames *f, size_t i, const struct cycle *c)
{
    struct tl_buffer b = TL_BUFFER_INIT, times = TL_BUFFER_INIT;
    unsigned long long frames = c->frames + c->between;
    tl_buffer_printf(&times, c->between ? ", about %llu times" : ", %llu times", frames / c->period);
    add_cycle_names(&b, f, i, c->period);
    for (size_t n = c->period; b.size + times.size > LINE_MOST && n > 1; n--) {
        tl_buffer_clear(&b);
        add_cycle_names(&b, f, i, n - 1);
        tl_buffer_printf(&b, " ↔ … (%zu functions)", c->period);
    }
    tl_buffer_add_string(&b, times.data);
    tl_buffer_free(&times);
    return tl_buffer_take(&b);
}

/* ---- lines ---- */

static void add_line(struct tl_buffer *b, const char *text)
{
    size_t n = strlen(text);
    if (n <= LINE_MOST) {
        tl_buffer_printf(b, "%s\n", text);
        return;
    }
    /* A long name is cut in its middle: the place at the end says more. */
    size_t head = tl_utf8_cut(text, LINE_MOST * 2 / 3), tail = n - (LINE_MOST - head - sizeof "…");
    while (((unsigned char)text[tail] & 0xC0) == 0x80)
        tail++;
    tl_buffer_printf(b, "%.*s…%s\n", (int)head, text, text + tail);
}

/* Of the frames from *from to `to` at most so many lines: a recursion is its first turn and a line. *from: the first frame
 * that is not in them. */
static char *stack_lines(const struct frames *f, size_t *from, size_t to, size_t most)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t i = *from, n = 0;
    while (i < to && n < most) {
        struct cycle c;
        bool recursion = find_cycle(f, i, to, &c);
        size_t shown = recursion ? (c.period <= CYCLE_SHOWN ? c.period : 0) : 1;
        for (size_t k = 0; k < shown; k++)
            add_line(&b, f->list[i + k].line);
        if (recursion) {
            char *text = cycle_text(f, i, &c);
            add_line(&b, text);
            free(text);
        }
        n += shown + recursion;
        i = recursion ? c.end : i + 1;
    }
    if (i + 1 == to && i == *from + n) /* no line is saved by leaving out one */
        add_line(&b, f->list[i++].line);
    *from = i;
    return b.size ? tl_buffer_take(&b) : tl_strdup("(no frames)\n");
}

/* "f ← g ← h", of at most so many frames; of functions without names in one module "lib.so!+0x100 ← +0x200". */
static char *names_of(const struct frames *f, size_t from, size_t to, size_t most)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const struct frame *last = NULL;
    size_t n = 0;
    for (size_t i = from; i < to && n <= most; i++) {
        const struct frame *frame = &f->list[i];
        if (!frame->name || (last && same(frame, last)))
            continue;
        tl_buffer_add_string(&b, n ? " ← " : "");
        if (n++ < most)
            add_name(&b, frame, last);
        else
            tl_buffer_add_string(&b, "…");
        last = frame;
    }
    return b.size ? tl_buffer_take(&b) : tl_strdup("(no frames)");
}

static bool has_names(const struct frames *f, size_t from, size_t to)
{
    size_t bare = 0;
    for (size_t i = from; i < to; i++)
        bare += f->list[i].name && strchr(f->list[i].name, '!') && strstr(f->list[i].name, "!+0x");
    return bare * 2 < to - from;
}

/* "Thread 12 name" as inline text; its number where there is no name, or where it is asked for. */
static void add_thread(struct tl_buffer *b, const json_t *thread, bool number)
{
    const char *name = tl_member_text(thread, "name");
    tl_buffer_add_string(b, "Thread");
    if (number || !name || !*name)
        tl_buffer_printf(b, " %lld", (long long)tl_member_integer(thread, "tid"));
    if (name && *name) {
        tl_buffer_add_string(b, " ");
        tl_inline_text(b, name);
    }
}

static const char *why_stopped(const json_t *capture, const json_t *thread)
{
    const char *kind = tl_member_text(capture, "kind");
    return tl_member_true(thread, "crashed") ? ", which took the signal"
           : kind && !strcmp(kind, "hang")   ? ", when its time was over"
                                             : "";
}

/* ---- on a page ---- */

/* "; `lib.so` has build-id `…`": of the module that the first frames are in, without which an offset says nothing. */
static void add_build_id(struct tl_buffer *b, const json_t *capture, const struct frames *f, size_t from,
                         size_t to)
{
    const json_t *module;
    size_t i;
    const char *of = NULL;
    for (i = from; i < to && !of; i++)
        of = f->list[i].of && !ends_the_process(f->list[i].of) ? f->list[i].of : NULL;
    json_array_foreach(json_object_get(capture, "modules"), i, module) {
        const char *path = tl_member_or(module, "path", ""), *slash = strrchr(path, '/'),
                   *id = tl_member_or(module, "build_id", NULL);
        if (!of || !id || strcmp(slash ? slash + 1 : path, of) != 0)
            continue;
        tl_buffer_add_string(b, "; ");
        tl_inline_code(b, of);
        tl_buffer_add_string(b, " has build-id ");
        tl_inline_code(b, id);
        return;
    }
}

/* What is left of the stack, and the other threads: names alone, which --full has with all that is known. */
static void add_rest(const struct tl_sections *r, const json_t *threads, const struct frames *f, size_t shown,
                     size_t to)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t n = json_array_size(threads), around = shown < to ? to : shown;
    bool more = shown < f->n;
    if (more) {
        char *names = names_of(f, shown, to, NAMES_MOST), *callers = names_of(f, around, f->n, CALLERS_MOST);
        tl_buffer_printf(&b, "called by %s%s%s\n", shown < to ? names : "",
                         shown < to && around < f->n ? " ← " : "", around < f->n ? callers : "");
        free(names);
        free(callers);
    }
    for (size_t i = 1; i < n && i <= THREADS_MOST; i++) {
        const json_t *thread = json_array_get(threads, i);
        struct frames other = frames_of(thread);
        struct tl_buffer head = TL_BUFFER_INIT;
        add_thread(&head, thread, true);
        char *names = names_of(&other, 0, other.n, THREAD_NAMES),
             *state = tl_thread_state_text(tl_member_text(thread, "state"));
        tl_buffer_printf(&b, "%s: %s%s%s\n", head.data, state ? state : "", state ? ", " : "", names);
        free(state);
        free(names);
        tl_buffer_free(&head);
        free_frames(&other);
    }
    if (n > THREADS_MOST + 1)
        tl_buffer_printf(&b, "and %zu thread%s more\n", n - THREADS_MOST - 1,
                         tl_plural(n - THREADS_MOST - 1));
    if (b.size)
        tl_page_fold(r->page,
                     n < 2  ? tl_strdup("The frames below")
                     : more ? tl_format("The frames below, and %zu other thread%s", n - 1, tl_plural(n - 1))
                            : tl_format("%zu other thread%s", n - 1, tl_plural(n - 1)),
                     tl_buffer_take(&b));
}

static void add_briefly(const struct tl_sections *r, const json_t *capture, const json_t *threads)
{
    const json_t *thread = json_array_get(threads, 0);
    struct frames f = frames_of(thread);
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t from, to;
    bool brief = r->extent == TL_EXTENT_SHORT;
    find_runtime(&f, tl_member_text(capture, "signal"), &from, &to);
    size_t most = brief ? r->frames : has_names(&f, from, to) ? FRAMES_MOST : FRAMES_BARE, end = from;
    char *lines = stack_lines(&f, &end, to, most),
         *state = tl_thread_state_text(tl_member_text(thread, "state"));
    add_thread(&b, thread, false);
    tl_buffer_add_string(&b, tl_member_true(thread, "crashed") ? " took the signal"
                                                               : why_stopped(capture, thread));
    if (!brief)
        add_build_id(&b, capture, &f, from, to);
    tl_buffer_add_string(&b, state ? "; " : "");
    tl_inline_text(&b, state);
    tl_buffer_add_string(&b, ":");
    tl_page_paragraph(r->page, tl_buffer_take(&b));
    tl_page_code(r->page, "text", lines);
    if (!brief)
        add_rest(r, threads, &f, end, to);
    free(state);
    free_frames(&f);
}

/* ---- in full ---- */

static char *stack_text(const json_t *thread)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *frame;
    char *state = tl_thread_state_text(tl_member_text(thread, "state"));
    size_t i;
    if (state)
        tl_buffer_printf(&b, "%s\n", state);
    free(state);
    json_array_foreach(json_object_get(thread, "frames"), i, frame)
        tl_buffer_printf(&b, "%s\n", json_is_string(frame) ? json_string_value(frame) : "");
    if (!b.size)
        tl_buffer_add_string(&b, "(no frames)\n");
    return tl_buffer_take(&b);
}

static void add_in_full(const struct tl_sections *r, const json_t *capture, const json_t *threads)
{
    const json_t *thread, *module;
    struct tl_buffer modules = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(threads, i, thread) {
        struct tl_buffer b = TL_BUFFER_INIT;
        add_thread(&b, thread, true);
        if (i == 0) {
            tl_buffer_add_string(&b, why_stopped(capture, thread));
            tl_buffer_add_string(&b, ":");
            tl_page_paragraph(r->page, tl_buffer_take(&b));
            tl_page_code(r->page, "text", stack_text(thread));
        } else {
            tl_page_fold(r->page, tl_buffer_take(&b), stack_text(thread));
        }
    }
    json_array_foreach(json_object_get(capture, "modules"), i, module) {
        const char *id = tl_member_text(module, "build_id"), *path = tl_member_text(module, "path");
        tl_buffer_printf(&modules, "%s  %s\n", id && *id ? id : "(no build-id)", path ? path : "?");
    }
    if (modules.size)
        tl_page_fold(r->page, tl_strdup("Modules of these frames, with build-ids"), tl_buffer_take(&modules));
}

void tl_section_stacks(const struct tl_sections *r)
{
    const json_t *capture = json_object_get(r->failing, "capture"),
                 *threads = json_object_get(capture, "threads");
    if (!json_array_size(threads))
        return;
    tl_page_heading(r->page, 2, "Stack");
    if (r->extent == TL_EXTENT_FULL)
        add_in_full(r, capture, threads);
    else
        add_briefly(r, capture, threads);
}
