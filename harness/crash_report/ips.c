/* Crash reports of macOS and iOS.
 *
 * Theory of operation. A report is two JSON texts: a header on the first line and a body, with or without a
 * blank line between them and with anything after the body. Registers hold integers up to 2^64, which jansson
 * does not take, so integers of 19 and more digits are first turned into strings. Nothing in a report is
 * trusted: indexes are checked, lists are capped, and a field of an unexpected type is as good as absent. */
#include "harness/crash_report/ips.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WHAT "cannot read a crash report"
#define THREADS_MOST 512
#define IMAGES_MOST 8192
#define REGISTERS_MOST 64
#define INLINED_MOST 32 /* calls inlined at one frame */
#define TEXT_MOST 8192
#define LIBRARY_MOST 100 /* of the name of a library that left a line */
#define SLACK_US 1000000 /* by which two clocks' readings of the same moment may differ */

/* ---- values of any type, read as what is wanted ---- */

static uint64_t get_u64(const json_t *v)
{
    if (json_is_integer(v))
        return json_integer_value(v) < 0 ? 0 : (uint64_t)json_integer_value(v);
    const char *s = json_string_value(v);
    if (!s || *s < '0' || *s > '9')
        return 0;
    errno = 0;
    unsigned long long n = strtoull(s, NULL, 10);
    return errno ? 0 : n;
}

static int get_int(const json_t *v)
{
    uint64_t n = get_u64(v);
    return n > INT_MAX ? 0 : (int)n;
}

/* A clean copy of at most TEXT_MOST bytes of a string; NULL when it is empty or none. */
static char *clean_string(const json_t *v)
{
    size_t n = json_string_length(v);
    return n ? tl_clean_text(json_string_value(v), n > TEXT_MOST ? TEXT_MOST : n, false) : NULL;
}

static char *get_text(const json_t *object, const char *key)
{
    return clean_string(json_object_get(object, key));
}

/* "2026-04-01 12:39:56.0657 -0700" in microseconds since 1970 UTC; 0 when it is not a time. */
static int64_t get_time(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    struct tm tm = {0};
    char fraction[16] = "";
    int offset = 0, used = 0;
    if (!s || sscanf(s, "%4d-%2d-%2d %2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                     &tm.tm_min, &tm.tm_sec, &used) != 6)
        return 0;
    s += used;
    if (*s == '.') {
        size_t n = strspn(s + 1, "0123456789");
        snprintf(fraction, sizeof fraction, "%.*s", n > 6 ? 6 : (int)n, s + 1);
        s += 1 + n;
    }
    char sign;
    if (sscanf(s, " %c%4d", &sign, &offset) == 2 && offset >= 0)
        offset = (sign == '-' ? -1 : 1) * (offset / 100 * 60 + offset % 100);
    else
        offset = 0;
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
        tm.tm_sec > 60)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t us = 0, unit = 100000;
    for (const char *d = fraction; *d; d++, unit /= 10)
        us += (*d - '0') * unit;
    return ((int64_t)timegm(&tm) - offset * 60) * 1000000 + us;
}

static int signal_number(const char *name)
{
    for (int n = 1; name && n < 32; n++)
        if (!strcmp(tl_signal_name(n), name))
            return n;
    return 0;
}

/* ---- images, frames, threads ---- */

static void take_images(const json_t *images, struct tl_capture *c)
{
    size_t n = json_array_size(images);
    if (n > IMAGES_MOST)
        n = IMAGES_MOST;
    c->modules = tl_calloc(n, sizeof *c->modules);
    c->n_modules = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *image = json_array_get(images, i);
        struct tl_module *m = &c->modules[i];
        m->path = get_text(image, "path");
        if (!m->path)
            m->path = get_text(image, "name");
        if (!m->path)
            m->path = tl_strdup("");
        const char *uuid = json_string_value(json_object_get(image, "uuid"));
        size_t k = 0;
        for (; uuid && *uuid && k + 1 < sizeof m->build_id; uuid++)
            if (strchr("0123456789abcdef", *uuid))
                m->build_id[k++] = *uuid;
            else if (*uuid >= 'A' && *uuid <= 'F')
                m->build_id[k++] = (char)(*uuid - 'A' + 'a');
        if (strspn(m->build_id, "0") == k) /* all zeros: an address in no image */
            m->build_id[0] = '\0';
        m->base = m->start = get_u64(json_object_get(image, "base"));
        m->end = m->start + get_u64(json_object_get(image, "size"));
        if (m->end < m->start)
            m->end = m->start;
    }
}

static bool is_name(const char *symbol)
{
    /* "<deduplicated_symbol>" and "<redacted>" are not names. */
    return symbol && *symbol && *symbol != '<';
}

static void take_symbol(const json_t *frame, struct tl_frame_symbols *s)
{
    const char *symbol = json_string_value(json_object_get(frame, "symbol"));
    char *file = get_text(frame, "sourceFile");
    if (!is_name(symbol) && !file)
        return;
    *TL_GROW(s->symbols, s->n) = (struct tl_symbol){is_name(symbol) ? get_text(frame, "symbol") : NULL, file,
                                                    get_int(json_object_get(frame, "sourceLine")), false};
}

static void take_frame(const json_t *frame, const struct tl_capture *c, struct tl_frame *f)
{
    uint64_t offset = get_u64(json_object_get(frame, "imageOffset"));
    const json_t *index = json_object_get(frame, "imageIndex");
    *f = (struct tl_frame){.module = TL_NO_MODULE, .offset = offset};
    if (!json_is_integer(index) || json_integer_value(index) < 0 ||
        (uint64_t)json_integer_value(index) >= c->n_modules)
        return;
    const struct tl_module *m = &c->modules[json_integer_value(index)];
    if (!m->path[0]) { /* the image of addresses in no image */
        f->offset = m->base + offset;
        return;
    }
    f->module = (uint32_t)json_integer_value(index);
    const json_t *location = json_object_get(frame, "symbolLocation");
    if (location && json_object_get(frame, "symbol") && get_u64(location) <= offset)
        f->start = offset - get_u64(location);
}

/* Frames of one thread. Calls that were inlined stand before the frame they were inlined into, at its
 * address. Of a very deep stack the middle is left out. */
static void take_frames(const json_t *frames, const struct tl_capture *c, struct tl_thread *t)
{
    size_t n = json_array_size(frames), most = TL_FRAMES_TOP + TL_FRAMES_BOTTOM, places = n < most ? n : most;
    t->frames = tl_calloc(places, sizeof *t->frames);
    t->symbols = tl_calloc(places, sizeof *t->symbols);
    for (size_t i = 0; i < n; i++) {
        if (t->n_frames == TL_FRAMES_TOP && n - i > TL_FRAMES_BOTTOM) {
            size_t skip = n - i - TL_FRAMES_BOTTOM;
            t->omitted_at = t->n_frames;
            t->omitted = skip;
            i += skip;
        }
        const json_t *frame = json_array_get(frames, i);
        struct tl_frame *f = &t->frames[t->n_frames];
        struct tl_frame_symbols *s = &t->symbols[t->n_frames];
        take_frame(frame, c, f);
        take_symbol(frame, s);
        for (size_t k = 0; k < INLINED_MOST && json_is_true(json_object_get(frame, "inline")); k++) {
            const json_t *next = json_array_get(frames, i + 1);
            struct tl_frame same;
            if (!next)
                break;
            take_frame(next, c, &same);
            if (same.module != f->module || same.offset != f->offset)
                break;
            if (s->n)
                s->symbols[s->n - 1].inlined = true;
            f->start = same.start;
            take_symbol(next, s);
            frame = next;
            i++;
        }
        if (s->n)
            s->symbols[s->n - 1].inlined = false;
        if (t->n_frames == 0)
            f->flags |= TL_FRAME_FIRST;
        t->n_frames++;
    }
}

static void take_thread(const json_t *thread, const struct tl_capture *c, struct tl_thread *t)
{
    t->pid = c->pid;
    t->tid = get_int(json_object_get(thread, "id"));
    char *name = get_text(thread, "name");
    if (!name)
        name = get_text(thread, "queue");
    if (name)
        snprintf(t->name, sizeof t->name, "%.*s", (int)tl_utf8_cut(name, sizeof t->name - 1), name);
    free(name);
    take_frames(json_object_get(thread, "frames"), c, t);
    tl_stack_id(c->modules, t, t->stack_id);
}

static void add_register(struct tl_capture *c, const char *name, const json_t *v)
{
    const json_t *value = json_object_get(v, "value");
    if (!value || c->n_registers == REGISTERS_MOST)
        return;
    struct tl_register *r = TL_GROW(c->registers, c->n_registers);
    char *clean = tl_clean_text(name, strlen(name), false);
    snprintf(r->name, sizeof r->name, "%.*s", (int)tl_utf8_cut(clean, sizeof r->name - 1), clean);
    free(clean);
    r->value = get_u64(value);
}

static void take_registers(const json_t *state, struct tl_capture *c)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(state, "x"), i, v) {
        char name[24];
        snprintf(name, sizeof name, "x%zu", i);
        add_register(c, name, v);
    }
    const char *key;
    json_object_foreach((json_t *)state, key, v)
        if (json_is_object(v))
            add_register(c, key, v);
}

/* A process that threw an Objective-C or C++ exception has a stack of the throw, which says more than that of
 * the abort that followed. It comes first, as the thread that crashed. */
static void take_threads(const json_t *body, struct tl_ips *ips)
{
    struct tl_capture *c = &ips->report.capture;
    const json_t *threads = json_object_get(body, "threads"),
                 *thrown = json_object_get(body, "lastExceptionBacktrace");
    size_t total = json_array_size(threads), n = total < THREADS_MOST ? total : THREADS_MOST;
    const json_t *at = json_object_get(body, "faultingThread");
    size_t faulting =
        json_is_integer(at) && json_integer_value(at) >= 0 ? (size_t)json_integer_value(at) : total;
    for (size_t i = 0; i < total && faulting >= total; i++)
        if (json_is_true(json_object_get(json_array_get(threads, i), "triggered")))
            faulting = i;
    if (faulting >= n) /* also one beyond what is kept */
        faulting = n;
    c->threads = tl_calloc(n + 1, sizeof *c->threads);
    const json_t *crashed = faulting < n ? json_array_get(threads, faulting) : NULL;
    if (json_array_size(thrown)) {
        struct tl_thread *t = &c->threads[c->n_threads++];
        t->pid = c->pid;
        t->tid = get_int(json_object_get(crashed, "id"));
        t->crashed = true;
        snprintf(t->name, sizeof t->name, "last exception");
        take_frames(thrown, c, t);
        tl_stack_id(c->modules, t, t->stack_id);
    }
    if (crashed) {
        struct tl_thread *t = &c->threads[c->n_threads++];
        take_thread(crashed, c, t);
        t->crashed = c->n_threads == 1;
        c->tid = t->tid;
        ips->queue = get_text(crashed, "queue");
        take_registers(json_object_get(crashed, "threadState"), c);
    }
    for (size_t i = 0; i < n; i++)
        if (i != faulting)
            take_thread(json_array_get(threads, i), c, &c->threads[c->n_threads++]);
}

/* ---- what the report says in words ---- */

/* "asi", application specific information: {LIBRARY: [TEXT, …]}. */
static void take_lines(const json_t *asi, struct tl_crash_report *p)
{
    const char *library;
    json_t *texts, *v;
    size_t i, total = 0;
    json_object_foreach((json_t *)asi, library, texts) {
        json_array_foreach(texts, i, v) {
            char *text = total > TEXT_MOST ? NULL : clean_string(v);
            if (!text)
                continue;
            total += strlen(text);
            *TL_GROW(p->lines, p->n_lines) = (struct tl_report_line){
                .library = tl_clean_text(library, strnlen(library, LIBRARY_MOST), false), .text = text};
        }
    }
}

static void take_termination(const json_t *termination, struct tl_crash_report *p)
{
    const char *space = json_string_value(json_object_get(termination, "namespace"));
    p->launch_failure = space && !strcmp(space, "DYLD");
    struct tl_buffer b = TL_BUFFER_INIT;
    char *parts[2] = {get_text(termination, "namespace"), get_text(termination, "indicator")};
    if (parts[0])
        tl_buffer_printf(&b, "%s %llu", parts[0],
                         (unsigned long long)get_u64(json_object_get(termination, "code")));
    if (parts[1])
        tl_buffer_printf(&b, "%s%s", b.size ? ": " : "", parts[1]);
    size_t i, before = b.size;
    json_t *v;
    json_array_foreach(json_object_get(termination, "reasons"), i, v) {
        char *text = b.size > TEXT_MOST ? NULL : clean_string(v);
        if (text)
            tl_buffer_printf(&b, "%s%s", b.size ? "; " : "", text);
        free(text);
    }
    p->has_reasons = b.size > before;
    p->termination = b.size ? tl_buffer_take(&b) : NULL;
    free(parts[0]);
    free(parts[1]);
    tl_buffer_free(&b);
}

static void take_exception(const json_t *exception, struct tl_ips *ips)
{
    struct tl_capture *c = &ips->report.capture;
    ips->exception = get_text(exception, "type");
    ips->subtype = get_text(exception, "subtype");
    ips->codes = get_text(exception, "codes");
    ips->report.signal = c->signal = signal_number(json_string_value(json_object_get(exception, "signal")));
    const json_t *address = json_array_get(json_object_get(exception, "rawCodes"), 1);
    if (ips->exception && !strcmp(ips->exception, "EXC_BAD_ACCESS") && address) {
        c->has_address = true;
        c->fault_address = get_u64(address);
    }
}

/* The innermost frame is wild when the fault is the jump itself: no image, and the address that faulted. */
static void mark_wild(struct tl_capture *c)
{
    struct tl_thread *t = c->n_threads ? &c->threads[0] : NULL;
    if (!t || !t->crashed || !t->n_frames || t->frames[0].module != TL_NO_MODULE || !c->has_address)
        return;
    if (t->frames[0].offset != c->fault_address)
        return;
    t->frames[0].flags |= TL_FRAME_WILD;
    tl_stack_id(c->modules, t, t->stack_id);
}

static void take_body(const json_t *body, struct tl_ips *ips)
{
    struct tl_capture *c = &ips->report.capture;
    const json_t *os = json_object_get(body, "osVersion");
    ips->pid = c->pid = get_int(json_object_get(body, "pid"));
    ips->parent = get_int(json_object_get(body, "parentPid"));
    ips->process = get_text(body, "procName");
    ips->os = get_text(os, "train");
    ips->os_build = get_text(os, "build");
    ips->model = get_text(body, "modelCode");
    ips->cpu = get_text(body, "cpuType");
    ips->captured_us = get_time(body, "captureTime");
    ips->launched_us = get_time(body, "procLaunch");
    c->kind = TL_CAPTURE_SIGNAL;
    c->exe = get_text(body, "procPath");
    c->is_main = true;
    c->fatal = true;
    take_images(json_object_get(body, "usedImages"), c);
    take_exception(json_object_get(body, "exception"), ips);
    take_lines(json_object_get(body, "asi"), &ips->report);
    take_termination(json_object_get(body, "termination"), &ips->report);
    take_threads(body, ips);
    mark_wild(c);
}

/* ---- the text ---- */

/* Puts integers that need more than 63 bits into quotes. */
static char *quote_large_integers(const char *p, size_t size, size_t *out_size)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *end = p + size, *kept = p;
    bool string = false;
    tl_buffer_add(&b, "", 0);
    while (p < end) {
        if (string) {
            if (*p == '\\' && p + 1 < end)
                p++;
            else if (*p == '"')
                string = false;
            p++;
        } else if (*p == '"') {
            string = true;
            p++;
        } else if (*p >= '0' && *p <= '9') {
            const char *digits = p;
            while (p < end && *p >= '0' && *p <= '9')
                p++;
            bool whole = (p == end || !strchr(".eE", *p)) && digits[-1] != '-' && digits[-1] != '.' &&
                         digits[-1] != '+' && (digits[-1] | 0x20) != 'e';
            if (whole && p - digits >= 19 && p - digits <= 20) {
                tl_buffer_add(&b, kept, (size_t)(digits - kept));
                tl_buffer_printf(&b, "\"%.*s\"", (int)(p - digits), digits);
                kept = p;
            }
        } else {
            p++;
        }
    }
    tl_buffer_add(&b, kept, (size_t)(end - kept));
    *out_size = b.size;
    return tl_buffer_take(&b);
}

static json_t *load_body(const char *p, size_t size, struct tl_error *e)
{
    size_t n;
    char *text = quote_large_integers(p, size, &n);
    json_error_t je;
    json_t *body = json_loadb(text, n, JSON_DISABLE_EOF_CHECK, &je);
    free(text);
    if (!body || !json_is_object(body)) {
        tl_fail(e, TL_ERROR_INPUT, WHAT, "body",
                "expected a JSON object after the first line; it stops being JSON at line %d",
                body ? 1 : je.line + 1);
        json_decref(body);
        return NULL;
    }
    return body;
}

static json_t *load_header(const char *text, size_t size, size_t *used, struct tl_error *e)
{
    const char *newline = memchr(text, '\n', size);
    size_t n = newline ? (size_t)(newline - text) : size;
    *used = newline ? n + 1 : n;
    json_t *header = json_loadb(text, n, 0, NULL);
    if (json_is_object(header) && json_object_get(header, "bug_type"))
        return header;
    json_decref(header);
    tl_fail(e, TL_ERROR_INPUT, WHAT, "line 1", "expected a JSON object with \"bug_type\"");
    return NULL;
}

int tl_ips_parse(const char *text, size_t size, struct tl_ips *ips, struct tl_error *e)
{
    *ips = (struct tl_ips){0};
    if (size > TL_IPS_MOST)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "it has %zu bytes, more than %u", size, TL_IPS_MOST);
    size_t used;
    json_t *header = load_header(text, size, &used, e);
    if (!header)
        return -1;
    ips->bug_type = get_int(json_object_get(header, "bug_type"));
    ips->incident = get_text(header, "incident_id");
    ips->crash = ips->bug_type == 309;
    json_decref(header);
    if (!ips->crash)
        return 0;
    while (used < size && strchr(" \t\r\n", text[used]) && text[used])
        used++;
    json_t *body = load_body(text + used, size - used, e);
    if (!body) {
        tl_ips_free(ips);
        return -1;
    }
    take_body(body, ips);
    json_decref(body);
    return 0;
}

void tl_ips_free(struct tl_ips *ips)
{
    char *strings[] = {ips->incident, ips->process,   ips->os,      ips->os_build, ips->model,
                       ips->cpu,      ips->exception, ips->subtype, ips->codes,    ips->queue};
    for (size_t i = 0; i < TL_COUNT(strings); i++)
        free(strings[i]);
    tl_crash_report_free(&ips->report);
    *ips = (struct tl_ips){0};
}

bool tl_ips_matches(const struct tl_ips *ips, int pid, int64_t launched_us, int64_t ended_us)
{
    if (!ips->crash || ips->pid != pid || pid <= 0 || !ips->captured_us)
        return false;
    /* The report is of the moment of the crash, before the process could be seen to have ended. */
    return ips->captured_us >= launched_us - SLACK_US && ips->captured_us <= ended_us + SLACK_US;
}
