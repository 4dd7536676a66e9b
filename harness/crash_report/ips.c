/* Crash reports of macOS and iOS.
 *
 * Theory of operation. A report is two JSON texts: a header on the first line and a body, with or without a
 * blank line between them and with anything after the body: more documents that belong to it, text, or the header of
 * the next report. A header is told from a body by what it lacks; one document that has everything is both. Nothing
 * in a report is trusted: indexes are checked, lists are capped, and a field of an unexpected type is as good as
 * absent. */
#include "harness/crash_report/ips.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/crash_report/document.h"
#include "harness/crash_report/ips_fault.h"
#include "harness/crash_report/kinds.h"
#include "harness/crash_report/words.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "cannot read a crash report"
#define CRASH 309
#define THREADS_MOST 512
#define IMAGES_MOST 8192
#define REGISTERS_MOST 64
#define INLINED_MOST 32   /* calls inlined at one frame */
#define DOCUMENTS_MOST 16 /* of one report beside its header */

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
        m->path = tl_report_text(image, "path");
        if (!m->path)
            m->path = tl_report_text(image, "name");
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
        m->base = m->start = tl_report_u64(json_object_get(image, "base"));
        m->end = m->start + tl_report_u64(json_object_get(image, "size"));
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
    char *file = tl_report_text(frame, "sourceFile");
    if (!is_name(symbol) && !file)
        return;
    *TL_GROW(s->symbols, s->n) =
        (struct tl_symbol){is_name(symbol) ? tl_report_text(frame, "symbol") : NULL, file,
                           tl_report_int(json_object_get(frame, "sourceLine")), false};
}

static void take_frame(const json_t *frame, const struct tl_capture *c, struct tl_frame *f)
{
    uint64_t offset = tl_report_u64(json_object_get(frame, "imageOffset"));
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
    if (location && json_object_get(frame, "symbol") && tl_report_u64(location) <= offset)
        f->start = offset - tl_report_u64(location);
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
    t->tid = tl_report_int(json_object_get(thread, "id"));
    char *name = tl_report_text(thread, "name");
    if (!name)
        name = tl_report_text(thread, "queue");
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
    r->value = tl_report_u64(value);
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
        t->tid = tl_report_int(json_object_get(crashed, "id"));
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
        ips->queue = tl_report_text(crashed, "queue");
        take_registers(json_object_get(crashed, "threadState"), c);
        tl_ips_take_fault(body, crashed, ips->exception, c);
    }
    for (size_t i = 0; i < n; i++)
        if (i != faulting)
            take_thread(json_array_get(threads, i), c, &c->threads[c->n_threads++]);
}

/* ---- the body ---- */

static void take_exception(const json_t *exception, struct tl_ips *ips)
{
    struct tl_capture *c = &ips->report.capture;
    ips->exception = tl_report_text(exception, "type");
    ips->report.exception = tl_strdup(ips->exception);
    ips->subtype = tl_report_text(exception, "subtype");
    ips->codes = tl_report_text(exception, "codes");
    ips->report.signal = c->signal = signal_number(json_string_value(json_object_get(exception, "signal")));
    const json_t *address = json_array_get(json_object_get(exception, "rawCodes"), 1);
    if (ips->exception && !strcmp(ips->exception, "EXC_BAD_ACCESS") && address) {
        c->has_address = true;
        c->fault_address = tl_report_u64(address);
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
    ips->pid = c->pid = tl_report_int(json_object_get(body, "pid"));
    ips->parent = tl_report_int(json_object_get(body, "parentPid"));
    ips->responsible = tl_report_int(json_object_get(body, "responsiblePid"));
    ips->process = tl_report_text(body, "procName");
    ips->os = tl_report_text(os, "train");
    ips->os_build = tl_report_text(os, "build");
    ips->model = tl_report_text(body, "modelCode");
    ips->cpu = tl_report_text(body, "cpuType");
    ips->captured_us = tl_report_time(body, "captureTime");
    ips->launched_us = tl_report_time(body, "procLaunch");
    c->kind = TL_CAPTURE_SIGNAL;
    c->reported = true;
    c->exe = tl_report_text(body, "procPath");
    c->is_main = true;
    c->fatal = true;
    take_images(json_object_get(body, "usedImages"), c);
    take_exception(json_object_get(body, "exception"), ips);
    tl_ips_take_words(body, &ips->report);
    take_threads(body, ips);
    mark_wild(c);
}

/* ---- the text ---- */

/* A header names the kind and has nothing of what bodies of any kind are made of. */
static bool is_header(const json_t *j)
{
    static const char *const of_bodies[] = {"threads",   "exception",   "procName",     "procPath",
                                            "processes", "panicString", "memoryStatus", "termination"};
    bool header = json_object_get(j, "bug_type");
    for (size_t i = 0; i < TL_COUNT(of_bodies); i++)
        header = header && !json_object_get(j, of_bodies[i]);
    return header;
}

/* Whether what stands where a body was expected is the header of the next report. */
static bool is_another(const json_t *body, const json_t *header)
{
    const json_t *incident = json_object_get(body, "incident_id");
    return incident && is_header(body) && !json_equal(incident, json_object_get(header, "incident_id"));
}

static void take_header(const json_t *header, struct tl_ips *ips)
{
    *ips = (struct tl_ips){.bug_type = tl_report_int(json_object_get(header, "bug_type"))};
    ips->incident = tl_report_text(header, "incident_id");
    ips->crash = ips->bug_type == CRASH;
    tl_ips_kind_of(ips);
}

/* "macOS 26.3 (25D125)": what the report does not tell elsewhere is taken from it. */
static void take_os(const json_t *object, const char *key, struct tl_ips *ips)
{
    char *os = tl_report_text(object, key), *open = os ? strrchr(os, '(') : NULL;
    size_t n = open ? strcspn(open + 1, ")") : 0;
    if (n && !ips->os_build)
        ips->os_build = tl_format("%.*s", (int)n, open + 1);
    if (open)
        *open = '\0';
    char *name = os ? tl_clean_text(os, strlen(os), false) : NULL; /* without the blank before the build */
    if (name && *name && !ips->os) {
        ips->os = name;
        name = NULL;
    }
    free(name);
    free(os);
}

/* Documents that follow a body without a header of their own are more of it: what it lacks is taken from them. */
static void add_documents(struct tl_documents *d, json_t *body)
{
    struct tl_documents before = *d;
    json_t *more;
    for (unsigned n = 0; n < DOCUMENTS_MOST && (more = tl_document_find(d)); n++) {
        bool next = json_object_get(more, "bug_type") != NULL;
        if (!next)
            json_object_update_missing(body, more);
        json_decref(more);
        if (next) /* it is another report */
            break;
        before = *d;
    }
    tl_documents_back(d, &before);
}

/* What a crash has to tell to be one of anything: whose, when, and how it ended. */
static const char *lacks(const struct tl_ips *ips)
{
    const struct tl_crash_report *p = &ips->report;
    size_t frames = 0;
    for (size_t i = 0; i < p->capture.n_threads; i++)
        frames += p->capture.threads[i].n_frames;
    if (!ips->process && ips->pid <= 0 && !p->capture.exe)
        return "it names no process";
    if (!ips->captured_us)
        return "it does not tell when it was";
    if (!p->signal && !p->exception && !p->termination && !p->reason && !p->n_lines && !frames)
        return "it does not tell how its process ended: no exception, no termination, no stack";
    return NULL;
}

/* The report that begins with this document, of which the reference is taken. 0, or -1 with the reason in *why. */
static int take_report(struct tl_documents *d, json_t *header, struct tl_ips *ips, char **why)
{
    struct tl_documents before = *d;
    json_t *body = is_header(header) ? tl_document_next(d, why) : json_incref(header);
    take_header(header, ips);
    if (body != header && is_another(body, header)) {
        json_decref(body);
        body = NULL;
        tl_documents_back(d, &before);
    }
    int failed = 0;
    if (body)
        add_documents(d, body);
    if (!ips->incident)
        ips->incident = tl_report_text(body, "incident");
    if (!ips->crash) {
        tl_ips_take_other(header, body, ips);
        free(*why);
        *why = NULL;
    } else if (body) {
        take_body(body, ips);
        if (!ips->captured_us)
            ips->captured_us = tl_report_time(header, "timestamp");
        const char *lack = lacks(ips);
        if (lack)
            tl_ips_refuse(ips, lack);
    } else {
        failed = -1;
    }
    take_os(header, "os_version", ips);
    take_os(body, "build", ips);
    json_decref(body);
    json_decref(header);
    return failed;
}

static int begin(struct tl_documents *d, const char *text, size_t size, json_t **header, struct tl_error *e)
{
    char *why = NULL;
    if (size > TL_IPS_MOST)
        return tl_fail(e, TL_ERROR_INPUT, WHAT, NULL, "it has %zu bytes, more than %u", size, TL_IPS_MOST);
    tl_documents_begin(d, text, size);
    *header = tl_document_next(d, &why);
    if (json_object_get(*header, "bug_type"))
        return 0;
    tl_fail(e, TL_ERROR_INPUT, WHAT, "line 1", "expected a JSON object with \"bug_type\"%s%s",
            why ? ": " : "", why ? why : "");
    json_decref(*header);
    free(why);
    return -1;
}

int tl_ips_parse(const char *text, size_t size, struct tl_ips *ips, struct tl_error *e)
{
    struct tl_documents d;
    json_t *header;
    char *why = NULL;
    *ips = (struct tl_ips){0};
    if (begin(&d, text, size, &header, e))
        return -1;
    if (!take_report(&d, header, ips, &why)) {
        ips->to = size;
        return 0;
    }
    tl_ips_free(ips);
    tl_fail(e, TL_ERROR_INPUT, WHAT, "body", "expected a JSON object after the header: %s",
            why ? why : "another header follows");
    free(why);
    return -1;
}

int tl_ips_reader_begin(struct tl_ips_reader *r, const char *text, size_t size, struct tl_error *e)
{
    *r = (struct tl_ips_reader){0};
    return begin(&r->documents, text, size, &r->header, e);
}

bool tl_ips_reader_next(struct tl_ips_reader *r, struct tl_ips *ips)
{
    char *why = NULL;
    if (!r->header)
        return false;
    if (take_report(&r->documents, r->header, ips, &why)) {
        ips->kind = TL_IPS_UNREAD;
        ips->refused = tl_format("its body cannot be read: %s", why ? why : "it has none");
    }
    free(why);
    ips->from = r->to;
    ips->to = r->to = r->documents.at;
    while ((r->header = tl_document_find(&r->documents)) && !json_object_get(r->header, "bug_type"))
        json_decref(r->header);
    if (!r->header && !r->documents.gave_up)
        ips->to = r->documents.size;
    return true;
}

char *tl_ips_reader_end(struct tl_ips_reader *r)
{
    json_decref(r->header);
    r->header = NULL;
    return r->documents.gave_up ? tl_format("nothing after line %d was read: too much of it begins "
                                            "like a JSON object and is none; import the "
                                            "reports that follow as files of their own",
                                            r->documents.line)
                                : NULL;
}

void tl_ips_free(struct tl_ips *ips)
{
    char *strings[] = {ips->refused, ips->incident, ips->process,   ips->os,      ips->os_build, ips->model,
                       ips->cpu,     ips->note,     ips->exception, ips->subtype, ips->codes,    ips->queue};
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
    return ips->captured_us >= launched_us - TL_IPS_SLACK_US &&
           ips->captured_us <= ended_us + TL_IPS_SLACK_US;
}

struct tl_system_report tl_ips_kept(const struct tl_ips *ips, enum tl_report_relation relation,
                                    const char *name, const char *text)
{
    struct tl_system_report r = {
        .relation = relation,
        .bug_type = ips->bug_type,
        .kind = tl_strdup(ips->kind_name),
        .incident = tl_strdup(ips->incident),
        .process = tl_strdup(ips->process),
        .pid = ips->pid,
        .parent = ips->parent,
        .responsible = ips->responsible,
        .launched_us = ips->launched_us,
        .captured_us = ips->captured_us,
        .os = tl_strdup(ips->os),
        .os_build = tl_strdup(ips->os_build),
        .model = tl_strdup(ips->model),
        .cpu = tl_strdup(ips->cpu),
        .exception = tl_strdup(ips->exception),
        .subtype = tl_strdup(ips->subtype),
        .codes = tl_strdup(ips->codes),
        .queue = tl_strdup(ips->queue),
        .reason = tl_strdup(ips->report.reason),
        .termination = tl_strdup(ips->report.termination),
        .title = tl_strdup(ips->note),
        .name = name ? tl_clean_text(name, strlen(name), false) : NULL,
        .size = ips->to - ips->from,
    };
    r.text = tl_malloc(r.size + 1);
    memcpy(r.text, text + ips->from, r.size);
    r.text[r.size] = '\0';
    tl_system_report_identify(&r);
    return r;
}
