/* Theory of operation. Apple describes none of these formats. What is read is what their JSON calls by a plain name: which
 * process, when, on what machine, and why. Of a kind that is text after its header, nothing is; its name is told. */
#include "harness/crash_report/kinds.h"

#include "harness/base/buffer.h"
#include "harness/crash_report/document.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE_USUAL 16384 /* bytes, of every processor that jetsam is found on today */
#define PROCESSES_MOST 4096

static const struct {
    int bug_type;
    enum tl_ips_kind kind;
    const char *name;
} kinds[] = {
    {309, TL_IPS_CRASH, "crash report"},   {298, TL_IPS_MEMORY, "jetsam event"},
    {284, TL_IPS_NOTE, "GPU event"},       {210, TL_IPS_NOTE, "panic"},
    {288, TL_IPS_NOTE, "stackshot"},       {385, TL_IPS_NOTE, "resource report"},
    {185, TL_IPS_NOTE, "resource report"},
};

void tl_ips_kind_of(struct tl_ips *ips)
{
    for (size_t i = 0; i < TL_COUNT(kinds); i++)
        if (kinds[i].bug_type == ips->bug_type) {
            ips->kind = kinds[i].kind;
            ips->kind_name = kinds[i].name;
            return;
        }
    ips->kind = TL_IPS_UNREAD;
    ips->kind_name = "report of an unknown kind";
    ips->refused =
        tl_format("it is a report of kind %d (bug_type), which trapline does not know", ips->bug_type);
}

void tl_ips_refuse(struct tl_ips *ips, const char *why)
{
    ips->kind = TL_IPS_UNREAD;
    free(ips->refused);
    ips->refused = tl_format("a %s (bug_type %d): %s", ips->kind_name, ips->bug_type, why);
}

/* The first of several members that is a text; NULL. A list of keys ends with NULL. */
static char *first_text(const json_t *body, const char *const *keys)
{
    char *text = NULL;
    for (; *keys && !text; keys++)
        text = tl_report_text(body, *keys);
    return text;
}

static int first_int(const json_t *body, const char *const *keys)
{
    int value = 0;
    for (; *keys && !value; keys++)
        value = tl_report_int(json_object_get(body, *keys));
    return value;
}

static int64_t first_time(const json_t *body, const char *const *keys)
{
    int64_t us = 0;
    for (; *keys && !us; keys++)
        us = tl_report_time(body, *keys);
    return us;
}

/* The machine, the process and the time, in the words that bodies of any kind have for them. */
static void take_common(const json_t *header, const json_t *body, struct tl_ips *ips)
{
    static const char *const times[] = {"captureTime", "date", "timestamp", "event_time", NULL},
                             *const pids[] = {"pid", "processID", "process_id", NULL},
                             *const models[] = {"modelCode", "product", "deviceType", NULL},
                             *const names[] = {"procName", "processName", "process_name", "process", NULL};
    const json_t *os = json_object_get(body, "osVersion");
    ips->os = tl_report_text(os, "train");
    ips->os_build = tl_report_text(os, "build");
    ips->model = first_text(body, models);
    ips->cpu = tl_report_text(body, "cpuType");
    ips->process = first_text(body, names);
    ips->pid = first_int(body, pids);
    ips->captured_us = first_time(body, times);
    if (!ips->captured_us)
        ips->captured_us = tl_report_time(header, "timestamp");
    ips->launched_us = tl_report_time(body, "procLaunch");
}

/* The process that jetsam ended: one for which a reason is given, of several the largest of all. Being the largest is not
 * being ended. */
static const json_t *ended_process(const json_t *body)
{
    const json_t *list = json_object_get(body, "processes"), *p, *found = NULL;
    const char *largest = json_string_value(json_object_get(body, "largestProcess"));
    size_t i;
    json_array_foreach(list, i, p) {
        const char *name = json_string_value(json_object_get(p, "name"));
        char *reason = i < PROCESSES_MOST && name && *name ? tl_report_text(p, "reason") : NULL;
        if (reason && (!found || (largest && !strcmp(name, largest))))
            found = p;
        free(reason);
    }
    return found;
}

/* Memory was short, and nobody is said to have been ended for it: that befell the machine. */
static void take_shortage(const json_t *body, struct tl_ips *ips)
{
    char *largest = tl_report_text(body, "largestProcess");
    free(ips->process);
    ips->process = NULL;
    ips->pid = 0;
    if (largest) {
        ips->kind = TL_IPS_NOTE;
        ips->note =
            tl_format("the system was short of memory; the largest process was %s, and the report does "
                      "not say that one was ended",
                      largest);
        free(largest);
    } else {
        tl_ips_refuse(ips, "it names no process that was ended");
    }
}

static void take_memory(const json_t *body, struct tl_ips *ips)
{
    const json_t *p = ended_process(body);
    char *name = tl_report_text(p, "name");
    if (!name) {
        take_shortage(body, ips);
        return;
    }
    uint64_t page = tl_report_u64(json_object_get(json_object_get(body, "memoryStatus"), "pageSize")),
             pages = tl_report_u64(json_object_get(p, "rpages"));
    if (!page || page > 1u << 30)
        page = PAGE_SIZE_USUAL;
    char *reason = tl_report_text(p, "reason");
    free(ips->process);
    ips->process = name;
    ips->pid = tl_report_int(json_object_get(p, "pid"));
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "the system ended %s for want of memory (%s)", name, reason);
    if (pages && pages < (UINT64_C(1) << 62) / page)
        tl_buffer_printf(&b, ", which had %llu MiB", (unsigned long long)(pages * page >> 20));
    ips->note = tl_buffer_take(&b);
    free(reason);
}

/* Of a panic the sentence, without the registers and threads that follow on further lines. */
static char *panic_sentence(const json_t *body)
{
    static const char *const keys[] = {"panicString", "macOSPanicString", "panic_string"};
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        const char *text = json_string_value(json_object_get(body, keys[i]));
        json_t *line = text ? json_stringn(text, strcspn(text, "\r\n")) : NULL;
        char *clean = tl_report_string(line);
        json_decref(line);
        if (clean)
            return clean;
    }
    return NULL;
}

static void take_note(const json_t *body, struct tl_ips *ips)
{
    static const char *const reasons[] = {"signature",      "restart_reason_desc",
                                          "restart_reason", "reason",
                                          "event",          "description",
                                          "message",        "analysis",
                                          "summary",        NULL};
    char *why = panic_sentence(body);
    if (!why)
        why = first_text(body, reasons);
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, ips->kind_name);
    if (ips->process)
        tl_buffer_printf(&b, " of %s", ips->process);
    if (why)
        tl_buffer_printf(&b, ": %s", why);
    ips->note = tl_buffer_take(&b);
    free(why);
}

void tl_ips_take_other(const json_t *header, const json_t *body, struct tl_ips *ips)
{
    if (ips->refused)
        return;
    if (!body) {
        tl_ips_refuse(ips, "its body is no JSON, and its text is not read");
        return;
    }
    take_common(header, body, ips);
    if (!ips->captured_us)
        tl_ips_refuse(ips, "it does not tell when it was");
    else if (ips->kind == TL_IPS_MEMORY)
        take_memory(body, ips);
    else
        take_note(body, ips);
}
