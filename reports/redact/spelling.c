/* Every look is at a few bytes, however often something is repeated: each place of a long text is looked at. */
#include "reports/redact/spelling.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define REPEATED_MOST 8 /* separators, backslashes and escapes of escapes that are taken together */

bool tl_is_file_name(char c)
{
    return tl_is_word(c) || c == '-' || c == '.' || (unsigned char)c >= 128;
}

/* The value of n digits of a base; -1 when they are not. */
static int digits(const char *p, size_t n, int base)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        int c = tolower((unsigned char)p[i]), digit = tl_is_digit((char)c)   ? c - '0'
                                                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                                             : base;
        if (digit >= base)
            return -1;
        value = value * base + digit;
    }
    return value;
}

static void encode(int code, char c[5])
{
    size_t n = 0;
    if (code < 0x80) {
        c[n++] = (char)code;
    } else if (code < 0x800) {
        c[n++] = (char)(0xC0 | code >> 6);
        c[n++] = (char)(0x80 | (code & 0x3F));
    } else {
        c[n++] = (char)(0xE0 | code >> 12);
        c[n++] = (char)(0x80 | (code >> 6 & 0x3F));
        c[n++] = (char)(0x80 | (code & 0x3F));
    }
    c[n] = '\0';
}

/* "%41", and "%2541" of an address within an address. */
static size_t percent(const char *p, char c[5])
{
    size_t n = 1;
    for (int i = 0; i < REPEATED_MOST && p[n] == '2' && p[n + 1] == '5' && digits(p + n + 2, 2, 16) >= 0; i++)
        n += 2;
    int value = digits(p + n, 2, 16);
    if (value <= 0)
        return 0;
    c[0] = (char)value;
    c[1] = '\0';
    return n + 2;
}

/* What stands behind a backslash. A letter that is no escape begins the next part of a path. */
static size_t escape(const char *p, char c[5])
{
    int value = p[1] == 'u' ? digits(p + 2, 4, 16) : -1;
    if (value > 0) {
        encode(value, c);
        return 6;
    }
    size_t n = p[1] == 'x' ? 4 : 0;
    value = n ? digits(p + 2, 2, 16) : p[1] >= '0' && p[1] <= '3' ? digits(p + 1, 3, 8) : -1;
    if (value > 0) { /* a byte, which may be a part of a character */
        c[0] = (char)value;
        c[1] = '\0';
        return 4;
    }
    if (p[1] == ' ' || (ispunct((unsigned char)p[1]) && !strchr("/\\", p[1]) && !tl_is_file_name(p[1]))) {
        c[0] = p[1];
        c[1] = '\0';
        return 2;
    }
    return 0;
}

size_t tl_spelled_character(const char *text, char c[5])
{
    size_t n = *text == '%' ? percent(text, c) : *text == '\\' ? escape(text, c) : 0;
    if (n)
        return n;
    c[0] = *text;
    c[1] = '\0';
    return *text != '\0';
}

size_t tl_spelled_slash(const char *text)
{
    static const char *const entities[] = {"&#47;", "&#x2f;", "&#92;", "&#x5c;", "&sol;"};
    char c[5];
    size_t n = 0;
    if (!*text || !strchr("/\\%&", *text))
        return 0;
    for (size_t i = 0; *text == '&' && i < TL_COUNT(entities); i++)
        if (!strncasecmp(text, entities[i], strlen(entities[i])))
            return strlen(entities[i]);
    if (*text == '%') {
        size_t length = percent(text, c);
        return length && (*c == '/' || *c == '\\') ? length : 0;
    }
    while (n < REPEATED_MOST && text[n] == '\\')
        n++;
    if (text[n] == '/')
        return n + 1;
    if (n && tl_spelled_character(text + n - 1, c) > 1 && (*c == '/' || *c == '\\'))
        return n - 1 + tl_spelled_character(text + n - 1, c);
    return n;
}

bool tl_is_forward_slash(const char *text)
{
    char c[5] = "";
    size_t n = strspn(text, "\\");
    if (n && text[n] == '/')
        return true;
    return *text == '&' ? strncmp(text, "&#92;", 5) && strncasecmp(text, "&#x5c;", 6)
                        : tl_spelled_character(text + (n ? n - 1 : 0), c) && *c == '/';
}

size_t tl_spelled_slashes(const char *text)
{
    size_t at = tl_spelled_slash(text);
    for (int i = 0; at && i < REPEATED_MOST; i++) {
        size_t dot = text[at] == '.', n = tl_spelled_slash(text + at + dot);
        if (!n)
            break;
        at += dot + n;
    }
    return at;
}

/* One character of a path, which may be several bytes of it: how many of the text spell it, and how many it is. latin: it is
 * the second byte of a Latin letter with an accent, of which capitals and others differ in one bit, as in ASCII. */
static size_t one(const char *text, const char *path, bool latin, size_t *of_path)
{
    char c[5];
    size_t n = tl_spelled_character(text, c), m = strlen(c);
    *of_path = 1;
    if (n &&
        (!strncasecmp(path, text, 1) || (latin && (*path ^ *text) == 0x20) || (*path == ' ' && *text == '+')))
        return 1;
    *of_path = m;
    return n && !strncasecmp(path, c, m) ? n : 0;
}

size_t tl_spelled(const char *text, const char *path)
{
    size_t at = 0;
    for (size_t i = 0; path[i];) {
        size_t of_path = 1, n = path[i] == '/' ? tl_spelled_slashes(text + at)
                                               : one(text + at, path + i,
                                                     i && (unsigned char)path[i - 1] == 0xC3, &of_path);
        if (!n)
            return 0;
        at += n;
        i += of_path;
    }
    return at;
}

/* "Jane Doe\": the length of the second word. */
static size_t second_word(const char *p)
{
    size_t n = 1;
    if (*p != ' ' || !isupper((unsigned char)p[1]))
        return 0;
    while (tl_is_file_name(p[n]))
        n++;
    return tl_spelled_slash(p + n) ? n : 0;
}

size_t tl_spelled_name(const char *text)
{
    size_t at = 0;
    char c[5];
    for (;;) {
        size_t n = tl_spelled_character(text + at, c);
        bool spelled = n > 1 && (unsigned char)*c >= ' ' && !strchr("/\\\"'<>|:*?", *c);
        if (!n || (tl_spelled_slash(text + at) && !spelled))
            break;
        if (!spelled && !tl_is_file_name(*c))
            break;
        at += n;
    }
    return at && isupper((unsigned char)*text) ? at + second_word(text + at) : at;
}

bool tl_name_goes_on(const char *text)
{
    return tl_is_file_name(*text) && !(*text == '.' && !tl_is_file_name(text[1]));
}
