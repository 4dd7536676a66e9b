#include "harness/crash_report/words.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/crash_report/document.h"

#include <stdlib.h>
#include <string.h>

#define LIBRARY_MOST 100 /* bytes of the name of a library that left a line */
#define ARGUMENTS_MOST 16

/* "asi", application specific information: {LIBRARY: [TEXT, …]}. */
static void take_lines(const json_t *asi, struct tl_crash_report *p)
{
    const char *library;
    json_t *texts, *v;
    size_t i, total = 0;
    json_object_foreach((json_t *)asi, library, texts) {
        json_array_foreach(texts, i, v) {
            char *text = total > TL_REPORT_TEXT_MOST ? NULL : tl_report_string(v);
            if (!text)
                continue;
            total += strlen(text);
            *TL_GROW(p->lines, p->n_lines) = (struct tl_report_line){
                .library = tl_clean_text(library, strnlen(library, LIBRARY_MOST), false), .text = text};
        }
    }
}

/* Adds the texts of a list, or one text. */
static void add_texts(struct tl_buffer *b, const json_t *texts)
{
    size_t i, n = json_is_array(texts) ? json_array_size(texts) : texts ? 1 : 0;
    for (i = 0; i < n && b->size <= TL_REPORT_TEXT_MOST; i++) {
        char *text = tl_report_string(json_is_array(texts) ? json_array_get(texts, i) : texts);
        if (text)
            tl_buffer_printf(b, "%s%s", b->size ? "; " : "", text);
        free(text);
    }
}

/* Details repeat what is told elsewhere when they stand in parentheses: "(terminated at launch; ignore backtrace)". */
static void add_details(struct tl_buffer *b, const json_t *details)
{
    const json_t *v;
    size_t i;
    json_array_foreach(details, i, v)
        if (json_is_string(v) && *json_string_value(v) != '(')
            add_texts(b, v);
    if (json_is_string(details))
        add_texts(b, details);
}

static void take_termination(const json_t *termination, struct tl_crash_report *p)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *indicator = tl_report_text(termination, "indicator");
    p->ended_by = tl_report_text(termination, "namespace");
    p->ended_code = tl_report_u64(json_object_get(termination, "code"));
    p->launch_failure = p->ended_by && !strcmp(p->ended_by, "DYLD");
    if (p->ended_by)
        tl_buffer_printf(&b, "%s %llu", p->ended_by, (unsigned long long)p->ended_code);
    if (indicator)
        tl_buffer_printf(&b, "%s%s", b.size ? ": " : "", indicator);
    size_t before = b.size;
    add_texts(&b, json_object_get(termination, "reasons"));
    add_details(&b, json_object_get(termination, "details"));
    p->has_reasons = b.size > before;
    p->termination = b.size ? tl_buffer_take(&b) : NULL;
    free(indicator);
    tl_buffer_free(&b);
}

/* A format with the arguments in their places; how each is written there ("%@", "%zu") is passed over. */
static void add_formatted(struct tl_buffer *b, const char *format, const json_t *arguments)
{
    size_t next = 0;
    for (const char *p = format; *p; p++) {
        size_t n = *p == '%' ? 1 + strspn(p + 1, "0123456789.-+ #lhzqjt") : 0;
        if (!n || !p[n]) {
            tl_buffer_add(b, p, 1);
        } else if (p[1] == '%') {
            tl_buffer_add(b, "%", 1);
            p++;
        } else {
            char *value = next < ARGUMENTS_MOST ? tl_report_string(json_array_get(arguments, next)) : NULL;
            tl_buffer_add_string(b, value ? value : "…");
            free(value);
            next++;
            p += n;
        }
    }
}

/* "exceptionReason": a text, or {"name", "composed_message" or "format_string" with "arguments"}. In the words in which
 * the process itself says so on stderr, so that the two are one message. */
static char *exception_reason(const json_t *v)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char *name = tl_report_text(v, "name"), *text = tl_report_text(v, "composed_message");
    char *format = text ? NULL : tl_report_text(v, "format_string"), *clean = NULL;
    tl_buffer_add_string(&b, "");
    if (format)
        add_formatted(&b, format, json_object_get(v, "arguments"));
    if (!text)
        text = format ? tl_buffer_take(&b) : tl_report_string(v);
    if (name && text)
        clean = tl_format("*** Terminating app due to uncaught exception '%s', reason: '%s'", name, text);
    else if (name)
        clean = tl_format("*** Terminating app due to uncaught exception '%s'", name);
    else if (text)
        clean = tl_strdup(text);
    if (clean)
        clean[tl_utf8_cut(clean, TL_REPORT_TEXT_MOST)] = '\0';
    tl_buffer_free(&b);
    free(name);
    free(text);
    free(format);
    return clean;
}

void tl_ips_take_words(const json_t *body, struct tl_crash_report *p)
{
    take_lines(json_object_get(body, "asi"), p);
    p->reason = exception_reason(json_object_get(body, "exceptionReason"));
    take_termination(json_object_get(body, "termination"), p);
}
