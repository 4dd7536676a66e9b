/* Theory of operation. A file of reports is a sequence of JSON objects with anything between them. Where an object ends
 * is found by counting brackets outside of strings, so that whatever follows it cannot spoil it, and every byte is looked
 * at a bounded number of times. Registers hold integers up to 2^64, which jansson does not take, so integers of 19 and
 * more digits are turned into strings first. */
#include "harness/crash_report/document.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/utf8.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEPTH_MOST 2048 /* that jansson takes */
#define WASTED_MOST 8   /* times the size of the text, of at least 1 MiB */

/* ---- values ---- */

uint64_t tl_report_u64(const json_t *v)
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

int tl_report_int(const json_t *v)
{
    uint64_t n = tl_report_u64(v);
    return n > INT_MAX ? 0 : (int)n;
}

char *tl_report_string(const json_t *v)
{
    size_t n = json_string_length(v);
    if (!n)
        return NULL;
    char *text =
        tl_clean_text(json_string_value(v), n > TL_REPORT_TEXT_MOST ? TL_REPORT_TEXT_MOST : n, false);
    if (!*text) { /* nothing but blanks */
        free(text);
        text = NULL;
    }
    return text;
}

char *tl_report_text(const json_t *object, const char *key)
{
    return tl_report_string(json_object_get(object, key));
}

/* Minutes east of UTC that an offset "+0100", "+01:00" or "Z" names. */
static int offset_minutes(const char *s)
{
    char sign;
    int hours, minutes;
    if (sscanf(s, " %c%2d:%2d", &sign, &hours, &minutes) != 3 &&
        sscanf(s, " %c%2d%2d", &sign, &hours, &minutes) != 3)
        return 0;
    if ((sign != '-' && sign != '+') || hours < 0 || minutes < 0)
        return 0;
    return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

int64_t tl_report_time(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    struct tm tm = {0};
    char fraction[16] = "";
    int used = 0;
    if (!s || sscanf(s, "%4d-%2d-%2d%*1[ T]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
                     &tm.tm_min, &tm.tm_sec, &used) != 6)
        return 0;
    s += used;
    if (*s == '.') {
        size_t n = strspn(s + 1, "0123456789");
        snprintf(fraction, sizeof fraction, "%.*s", n > 6 ? 6 : (int)n, s + 1);
        s += 1 + n;
    }
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
        tm.tm_sec > 60)
        return 0;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t us = 0, unit = 100000;
    for (const char *d = fraction; *d; d++, unit /= 10)
        us += (*d - '0') * unit;
    return ((int64_t)timegm(&tm) - offset_minutes(s) * 60) * 1000000 + us;
}

/* ---- documents ---- */

void tl_documents_begin(struct tl_documents *d, const char *text, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    *d = (struct tl_documents){.text = text, .size = size, .line = 1};
    if (size >= 3 && !memcmp(text, mark, 3))
        d->at = 3;
}

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
        } else if (tl_is_digit(*p)) {
            const char *digits = p;
            while (p < end && tl_is_digit(*p))
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

/* The length of the object that a text begins with, or as far as its brackets match; 0 when it does not end. */
static size_t object_length(const char *text, size_t size)
{
    char ends[DEPTH_MOST]; /* what the open ones end with */
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                string = false;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            if (depth == DEPTH_MOST)
                return i + 1;
            ends[depth++] = c == '{' ? '}' : ']';
        } else if ((c == '}' || c == ']') && (c != ends[--depth] || !depth)) {
            return i + 1;
        }
    }
    return 0;
}

static void pass(struct tl_documents *d, size_t to)
{
    for (; d->at < to; d->at++)
        d->line += d->text[d->at] == '\n';
}

static json_t *document_at(struct tl_documents *d, char **why)
{
    size_t n = object_length(d->text + d->at, d->size - d->at), quoted;
    if (!n) {
        d->wasted += d->size - d->at;
        if (why)
            *why = tl_format("the JSON object that begins on line %d does not end: the file may be cut off",
                             d->line);
        return NULL;
    }
    char *text = quote_large_integers(d->text + d->at, n, &quoted);
    json_error_t je;
    json_t *j = json_loadb(text, quoted, JSON_ALLOW_NUL, &je);
    free(text);
    if (j) {
        pass(d, d->at + n);
        return j;
    }
    d->wasted += n;
    if (why) {
        char *clean = tl_clean_text(je.text, strnlen(je.text, sizeof je.text), false);
        *why = tl_format("it stops being JSON at line %d: %s", d->line + je.line - 1, clean);
        free(clean);
    }
    return NULL;
}

void tl_documents_back(struct tl_documents *d, const struct tl_documents *to)
{
    d->at = to->at;
    d->line = to->line;
}

json_t *tl_document_next(struct tl_documents *d, char **why)
{
    size_t at = d->at;
    while (at < d->size && d->text[at] && strchr(" \t\r\n", d->text[at]))
        at++;
    if (at == d->size || d->text[at] != '{') {
        if (why)
            *why = tl_strdup(at == d->size ? "nothing follows" : "a JSON object was expected");
        return NULL;
    }
    struct tl_documents before = *d;
    pass(d, at);
    json_t *j = document_at(d, why);
    if (!j)
        tl_documents_back(d, &before);
    return j;
}

json_t *tl_document_find(struct tl_documents *d)
{
    bool begins = false; /* nothing but blanks stands before it on its line, or it follows another document */
    for (size_t at = d->at; at < d->size && !d->gave_up; at++) {
        char c = d->text[at];
        if (c == '\n' || at == d->at)
            begins = true;
        if (c == '{' && begins) {
            pass(d, at);
            d->gave_up = d->wasted / WASTED_MOST > (d->size < 1u << 20 ? 1u << 20 : d->size);
            json_t *j = d->gave_up ? NULL : document_at(d, NULL);
            if (j)
                return j;
        }
        begins = begins && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
    }
    return NULL;
}
