/* Text from the database on its way into a page or a script.
 *
 * A trial's message, a model's name or a path in a stack is written by whoever made the model, and read by
 * somebody else in a browser. Cleaning has an order: first at most so many bytes are taken, between
 * characters, so that nothing later looks at more than that; then what is not UTF-8, what is invisible and
 * what makes text read in another order than it stands becomes visible; then names are taken out, of text
 * that no longer changes. Only after that is it escaped, for the place where it will stand: HTML, a string in
 * a script, a fragment of an address. */
#include "reports/site/text.h"

#include "harness/base/plural.h"
#include "harness/base/time_text.h"
#include "harness/base/utf8.h"
#include "reports/page/page.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Marks that make text read in another order than it stands. */
static bool turns_direction(unsigned point)
{
    return (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) || point == 0x200e ||
           point == 0x200f || point == 0x061c;
}

void tl_site_visible(struct tl_buffer *b, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        const unsigned char *t = (const unsigned char *)text + i;
        unsigned point = 0;
        size_t plain = 0;
        while (i + plain < size &&
               ((t[plain] >= 32 && t[plain] < 127) || t[plain] == '\n' || t[plain] == '\t'))
            plain++;
        if (plain) {
            tl_buffer_add(b, t, plain);
            i += plain;
            continue;
        }
        size_t n = tl_utf8_decode(text + i, size - i, &point);
        if (!n) {
            tl_buffer_add_string(b, "\xef\xbf\xbd");
            n = 1;
        } else if (point < 32 || point == 127) { /* pictures of control characters */
            char picture[4] = {(char)0xe2, (char)0x90, (char)(0x80 + (point == 127 ? 33 : point)), 0};
            tl_buffer_add_string(b, picture);
        } else if ((point >= 0x80 && point < 0xa0) || turns_direction(point) || point == 0xfeff) {
            tl_buffer_printf(b, "\\u%04x", point);
        } else {
            tl_buffer_add(b, t, n);
        }
        i += n;
    }
}

static char *clean(const struct tl_site *w, const char *text, size_t size, size_t most, bool exact)
{
    if (!text)
        return NULL;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t left_out = 0;
    tl_buffer_add_string(&b, "");
    if (most && size > most) { /* at the beginning of a character; names are taken out of what is left */
        size_t cut = most;
        while (cut && cut + 4 > most && ((unsigned char)text[cut] & 0xc0) == 0x80)
            cut--;
        left_out = size - cut;
        size = cut;
    }
    tl_site_visible(&b, text, size);
    if (!w->o->keep_paths) {
        char *redacted = exact ? tl_redact_paths(&w->redaction, b.data) : tl_redact(&w->redaction, b.data);
        tl_buffer_clear(&b);
        tl_buffer_add_string(&b, redacted);
        free(redacted);
    }
    if (left_out)
        tl_buffer_printf(&b, "… (%zu byte%s more)", left_out, tl_plural(left_out));
    return tl_buffer_take(&b);
}

char *tl_site_clean(const struct tl_site *w, const char *text, size_t size, size_t most)
{
    return clean(w, text, size, most, false);
}

char *tl_site_clean_exact(const struct tl_site *w, const char *text, size_t size, size_t most)
{
    return clean(w, text, size, most, true);
}

void tl_site_json(struct tl_buffer *b, const char *text)
{
    tl_buffer_add(b, "\"", 1);
    for (const char *c = text ? text : ""; *c;) {
        size_t plain = strcspn(c, "\"\\<>&\n\t\xe2");
        tl_buffer_add(b, c, plain);
        c += plain;
        if (!*c)
            break;
        if (!strncmp(c, "\xe2\x80\xa8", 3) ||
            !strncmp(c, "\xe2\x80\xa9", 3)) { /* ends a line in JavaScript */
            tl_buffer_add_string(b, c[2] == (char)0xa8 ? "\\u2028" : "\\u2029");
            c += 3;
            continue;
        }
        switch (*c) {
        case '"':
        case '\\':
            tl_buffer_printf(b, "\\%c", *c);
            break;
        case '\n':
            tl_buffer_add_string(b, "\\n");
            break;
        case '\t':
            tl_buffer_add_string(b, "\\t");
            break;
        case '<':
        case '>':
        case '&':
            tl_buffer_printf(b, "\\u%04x", (unsigned)*c);
            break;
        default:
            tl_buffer_add(b, c, 1);
        }
        c++;
    }
    tl_buffer_add(b, "\"", 1);
}

void tl_site_id(const struct tl_site *w, struct tl_buffer *b, const char *id)
{
    size_t n = strlen(id);
    if (strspn(id, "0123456789abcdef-") == n) {
        tl_buffer_printf(b, "\"%s\"", id);
        return;
    }
    char *fit = tl_site_clean(w, id, n, 64);
    tl_site_json(b, fit);
    free(fit);
}

void tl_site_html(const struct tl_site *w, struct tl_buffer *b, const char *text, size_t most)
{
    char *fit = text ? tl_site_clean(w, text, strlen(text), most) : NULL;
    tl_add_escaped(b, fit);
    free(fit);
}

void tl_site_url(struct tl_buffer *b, const char *text)
{
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-_.~:@/", c))
            tl_buffer_add(b, text, 1);
        else
            tl_buffer_printf(b, "%%%02X", c);
    }
}

void tl_site_time(struct tl_buffer *b, int64_t us)
{
    if (us <= 0) {
        tl_buffer_add_string(b, "never");
        return;
    }
    char *machine = tl_time_format(us, TL_TIME_ISO), *person = tl_time_format(us, TL_TIME_TABLE);
    tl_buffer_printf(b, "<time datetime=\"%s\">%s</time>", machine, person);
    free(machine);
    free(person);
}

char *tl_site_number(uint64_t n)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            tl_buffer_add_string(&b, "\xe2\x80\xaf");
        tl_buffer_add(&b, &digits[i], 1);
    }
    return tl_buffer_take(&b);
}

char *tl_site_slug(const char *name)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    bool same = *name && strlen(name) <= 60;
    char id[TL_ID_SIZE];
    size_t n = strlen(name), digits = 0;
    if (*name && !isalnum((unsigned char)*name)) { /* neither hidden nor an option of anything */
        tl_buffer_add_string(&b, "x");
        same = false;
    }
    for (size_t i = 0; i < n && i < 60; i++) {
        char c = name[i];
        /* A dot is what sets the hash apart, so no name can be that of another with its hash. */
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        char low = fine ? c : c >= 'A' && c <= 'Z' ? (char)(c + 32) : '-';
        same = same && fine;
        tl_buffer_add(&b, &low, 1);
    }
    /* NAME-2 is the second page of NAME: a case that is called so gets a name of another kind. */
    while (digits < b.size && isdigit((unsigned char)b.data[b.size - 1 - digits]))
        digits++;
    if (digits && digits < b.size && b.data[b.size - 1 - digits] == '-')
        same = false;
    tl_content_id(name, n, id);
    if (!same)
        tl_buffer_printf(&b, "%s%.10s", b.size ? "." : "x.", id);
    return tl_buffer_take(&b);
}

void tl_site_json_document(struct tl_site *w, struct tl_buffer *b, const json_t *document)
{
    json_t *redacted =
        w->o->keep_paths ? json_incref((json_t *)document) : tl_redact_json(&w->redaction, document);
    char *text = json_dumps(redacted, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    /* In JSON these occur in strings only; the last is the one control character that jansson leaves. */
    for (const char *c = text ? text : "null"; *c;) {
        size_t plain = strcspn(c, "<>&\x7f");
        tl_buffer_add(b, c, plain);
        c += plain;
        if (*c)
            tl_buffer_printf(b, "\\u%04x", (unsigned)*c++);
    }
    free(text);
    json_decref(redacted);
}
