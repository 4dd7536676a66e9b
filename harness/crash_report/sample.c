/* The text of /usr/bin/sample.
 *
 *     Call graph:
 *         869 Thread_331472   DispatchQueue_1: com.apple.main-thread  (serial)
 *         + 869 start  (in dyld) + 6992  [0x1804abe00]
 *         +   869 ???  (in prog)  load address 0x1048e0000 + 0x740  [0x1048e0740]
 *         +     600 nanosleep  (in libsystem_c.dylib) + 220,216  [0x180705cc0,0x180705cbc]
 *         +     ! 600 __semwait_signal  (in libsystem_kernel.dylib) + 8  [0x180829308]
 *         +     269 work(int)  (in prog) + 4  [0x1048e0800]  work.c:12
 *
 *     Binary Images:
 *            0x1048e0000 -        0x1048e3fff +prog (0) <UUID> /path/to/prog
 *
 * A line's depth is the column of its count; the signs before it only draw the tree. Children come with the
 * most frequent first, so the first line below each is the path that most samples took: a line is kept when
 * it is deeper than the last one kept, and the first that is not ends its thread. */
#include "harness/crash_report/sample.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "cannot read the stacks of a hang"
#define THREADS_MOST 512
#define FRAMES_MOST (TL_FRAMES_TOP + TL_FRAMES_BOTTOM)
#define IMAGES_MOST 8192
#define NAME_MOST 4096

struct reader {
    const char *at, *end;
};

static bool next_line(struct reader *r, const char **line, size_t *n)
{
    if (r->at >= r->end)
        return false;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    *line = r->at;
    *n = (size_t)((newline ? newline : r->end) - r->at);
    r->at = newline ? newline + 1 : r->end;
    return true;
}

static bool starts(const char *p, size_t n, const char *with)
{
    size_t m = strlen(with);
    return n >= m && !memcmp(p, with, m);
}

/* The first place of a text between p and end; NULL when it is not there. */
static const char *within(const char *p, const char *end, const char *text)
{
    return p < end ? memmem(p, (size_t)(end - p), text, strlen(text)) : NULL;
}

static char *part(const char *from, const char *to)
{
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    size_t n = (size_t)(to - from);
    return n ? tl_clean_text(from, n > NAME_MOST ? NAME_MOST : n, false) : NULL;
}

/* "0x1f" at p; 0 when there is none. */
static uint64_t hexadecimal(const char *p, const char *end)
{
    uint64_t v = 0;
    if (end - p < 3 || p[0] != '0' || p[1] != 'x')
        return 0;
    for (p += 2; p < end; p++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = memchr(digits, *p >= 'A' && *p <= 'F' ? *p | 0x20 : *p, 16);
        if (!digit || v >> 60)
            break;
        v = v << 4 | (uint64_t)(digit - digits);
    }
    return v;
}

/* "       0x104a4c000 -        0x104a4ffff +name (1.0) <UUID> /path" */
static void take_image(const char *line, size_t n, struct tl_capture *c)
{
    const char *end = line + n, *p = line;
    while (p < end && *p == ' ')
        p++;
    uint64_t from = hexadecimal(p, end);
    const char *dash = within(p, end, " - ");
    if (!from || !dash || c->n_modules == IMAGES_MOST)
        return;
    for (p = dash + 3; p < end && *p == ' ';)
        p++;
    uint64_t to = hexadecimal(p, end);
    const char *open = within(p, end, "<"), *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;
    const char *path = within(close ? close : p, end, " /");
    if (to < from || !path)
        return;
    if (c->n_modules % 64 == 0)
        c->modules = tl_realloc(c->modules, c->n_modules + 64, sizeof *c->modules);
    struct tl_module *m = &c->modules[c->n_modules++];
    *m = (struct tl_module){.path = part(path, end), .base = from, .start = from, .end = to + 1};
    size_t k = 0;
    for (p = close ? open + 1 : end; p < end && p != close && k + 1 < sizeof m->build_id; p++)
        if (*p != '-')
            m->build_id[k++] = (char)(*p >= 'A' && *p <= 'F' ? *p | 0x20 : *p);
    m->build_id[k] = '\0';
    if (k != strspn(m->build_id, "0123456789abcdef"))
        m->build_id[0] = '\0';
}

static uint32_t module_at(const struct tl_capture *c, uint64_t address)
{
    for (size_t i = 0; i < c->n_modules; i++)
        if (address >= c->modules[i].start && address < c->modules[i].end)
            return (uint32_t)i;
    return TL_NO_MODULE;
}

/* "Thread_331472: name   DispatchQueue_1: com.apple.main-thread  (serial)" */
static struct tl_thread *take_thread(const char *p, const char *end, struct tl_capture *c)
{
    struct tl_thread *t = TL_GROW(c->threads, c->n_threads);
    *t = (struct tl_thread){.pid = c->pid};
    p += strlen("Thread_");
    uint64_t id = 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        id = (id * 10 + (uint64_t)(*p - '0')) & 0x7fffffff;
    t->tid = (int)id;
    const char *queue = within(p, end, "DispatchQueue_");
    if (p < end && *p == ':')
        p++;
    char *name = part(p, queue ? queue : end);
    const char *after = queue ? within(queue, end, ": ") : NULL;
    if (!name && after) /* the queue says what the thread is for */
        name = part(after + 2, end);
    if (name)
        snprintf(t->name, sizeof t->name, "%.*s", (int)tl_utf8_cut(name, sizeof t->name - 1), name);
    free(name);
    return t;
}

/* Of a very deep stack the outermost and the innermost frames are kept. */
static void drop_middle(struct tl_thread *t)
{
    struct tl_frame_symbols *s = &t->symbols[TL_FRAMES_BOTTOM];
    if (s->n) {
        free(s->symbols[0].function);
        free(s->symbols[0].file);
        free(s->symbols);
    }
    size_t after = --t->n_frames - TL_FRAMES_BOTTOM;
    memmove(&t->frames[TL_FRAMES_BOTTOM], &t->frames[TL_FRAMES_BOTTOM + 1], after * sizeof *t->frames);
    memmove(s, s + 1, after * sizeof *s);
    t->omitted++;
}

/* "symbol  (in module) + 8,16  [0x…,0x…]  file.c:12" */
static void take_frame(const char *p, const char *end, struct tl_capture *c, struct tl_thread *t)
{
    if (t->n_frames == FRAMES_MOST) {
        drop_middle(t);
    } else if (t->n_frames % 32 == 0) {
        t->frames = tl_realloc(t->frames, t->n_frames + 32, sizeof *t->frames);
        t->symbols = tl_realloc(t->symbols, t->n_frames + 32, sizeof *t->symbols);
    }
    const char *in = within(p, end, "  (in "), *bracket = NULL;
    for (const char *x = end; x > p && !bracket; x--)
        if (x[-1] == '[' && end - x > 2 && x[0] == '0' && x[1] == 'x')
            bracket = x;
    uint64_t address = bracket ? hexadecimal(bracket, end) : 0;
    struct tl_frame *f = &t->frames[t->n_frames];
    struct tl_frame_symbols *s = &t->symbols[t->n_frames++];
    *f = (struct tl_frame){.module = module_at(c, address), .offset = address};
    *s = (struct tl_frame_symbols){0};
    if (f->module != TL_NO_MODULE)
        f->offset -= c->modules[f->module].base;
    char *name = part(p, in ? in : bracket ? bracket - 1 : end);
    if (!name || starts(name, strlen(name), "???")) {
        free(name);
        return;
    }
    s->n = 1;
    s->symbols = tl_calloc(1, sizeof *s->symbols);
    s->symbols[0].function = name;
    const char *tail = bracket ? memchr(bracket, ']', (size_t)(end - bracket)) : NULL;
    char *source = tail ? part(tail + 1, end) : NULL;
    char *colon = source ? strrchr(source, ':') : NULL;
    if (colon && colon[1] >= '0' && colon[1] <= '9') {
        long line = strtol(colon + 1, NULL, 10);
        *colon = '\0';
        s->symbols[0].line = line < 0 || line > INT32_MAX ? 0 : (int)line;
        s->symbols[0].file = source;
    } else {
        free(source);
    }
}

/* They were read from the outermost inwards. */
static void finish_thread(struct tl_capture *c, struct tl_thread *t)
{
    for (size_t i = 0, j = t->n_frames; j > i + 1; i++) {
        j--;
        struct tl_frame f = t->frames[i];
        struct tl_frame_symbols s = t->symbols[i];
        t->frames[i] = t->frames[j];
        t->symbols[i] = t->symbols[j];
        t->frames[j] = f;
        t->symbols[j] = s;
    }
    if (t->n_frames)
        t->frames[0].flags |= TL_FRAME_FIRST;
    if (t->omitted)
        t->omitted_at = t->n_frames - TL_FRAMES_BOTTOM;
    tl_stack_id(c->modules, t, t->stack_id);
}

static void take_graph(struct reader r, struct tl_capture *c)
{
    const char *line;
    size_t n, depth = 0;
    struct tl_thread *t = NULL;
    bool over = false; /* the path of this thread is complete */
    while (next_line(&r, &line, &n)) {
        size_t column = 0, digits = 0;
        while (column < n && strchr(" +!:|", line[column]))
            column++;
        if (column == n || (column == 0 && line[0] > '9')) {
            if (c->n_threads) /* an empty line or the next heading ends the graph */
                break;
            continue;
        }
        while (column + digits < n && line[column + digits] >= '0' && line[column + digits] <= '9')
            digits++;
        const char *p = line + column + digits, *end = line + n;
        if (!digits || p == end || *p++ != ' ')
            continue;
        if (starts(p, (size_t)(end - p), "Thread_")) {
            if (c->n_threads == THREADS_MOST)
                break;
            t = take_thread(p, end, c);
            depth = column;
            over = false;
        } else if (t && !over && column > depth) {
            take_frame(p, end, c, t);
            depth = column;
        } else {
            over = true;
        }
    }
    for (size_t i = 0; i < c->n_threads; i++)
        finish_thread(c, &c->threads[i]);
}

int tl_sample_parse(const char *text, size_t size, struct tl_capture *c, struct tl_error *e)
{
    *c = (struct tl_capture){.kind = TL_CAPTURE_HANG};
    if (size > TL_SAMPLE_MOST)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "the text has %zu bytes, more than %u", size,
                       TL_SAMPLE_MOST);
    struct reader r = {text, text + size}, graph = {NULL, NULL};
    const char *line;
    size_t n;
    bool images = false;
    while (next_line(&r, &line, &n)) {
        if (starts(line, n, "Call graph:"))
            graph = r;
        else if (starts(line, n, "Binary Images:"))
            images = true;
        else if (images)
            take_image(line, n, c);
        else if (!graph.at && starts(line, n, "Path:"))
            c->exe = c->exe ? c->exe : part(line + 5, line + n);
    }
    if (graph.at)
        take_graph(graph, c);
    if (!c->n_threads) {
        tl_capture_free(c);
        *c = (struct tl_capture){0};
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "the text has no call graph");
    }
    return 0;
}
