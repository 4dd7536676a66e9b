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
        c[n++] = (char)(code < 0x10000 ? 0xE0 | code >> 12 : 0xF0 | code >> 18);
        if (code >= 0x10000)
            c[n++] = (char)(0x80 | (code >> 12 & 0x3F));
        c[n++] = (char)(0x80 | (code >> 6 & 0x3F));
        c[n++] = (char)(0x80 | (code & 0x3F));
    }
    c[n] = '\0';
}

static void byte(int value, char c[5])
{
    c[0] = (char)value;
    c[1] = '\0';
}

/* "%41", and "%2541" of an address within an address. */
static size_t percent(const char *p, int *value)
{
    size_t n = 1;
    for (int i = 0; i < REPEATED_MOST && p[n] == '2' && p[n + 1] == '5' && digits(p + n + 2, 2, 16) >= 0; i++)
        n += 2;
    *value = *p == '%' ? digits(p + n, 2, 16) : -1;
    return *value > 0 ? n + 2 : 0;
}

/* "\x41", "\303". */
static size_t byte_escape(const char *p, int *value)
{
    *value = *p != '\\'                   ? -1
             : p[1] == 'x'                ? digits(p + 2, 2, 16)
             : p[1] >= '0' && p[1] <= '3' ? digits(p + 1, 3, 8)
                                          : -1;
    return *value > 0 ? 4 : 0;
}

/* "\u00f6", "\U0001f600", "\u{f6}", and "\ud83d\ude00", which is one of JSON in two halves. Of bytes that are no UTF-8 Python
 * makes such halves, each from "\udc80" on. */
static size_t code_escape(const char *p, int *code)
{
    size_t n = p[0] == '\\' && p[1] == 'u' ? 6 : p[0] == '\\' && p[1] == 'U' ? 10 : 0;
    if (n == 6 && p[2] == '{') {
        size_t close = 3;
        while (close < 9 && digits(p + close, 1, 16) >= 0)
            close++;
        *code = p[close] == '}' ? digits(p + 3, close - 3, 16) : -1;
        return *code > 0 && *code <= 0x10FFFF ? close + 1 : 0;
    }
    *code = !n ? -1 : n == 6 ? digits(p + 2, 4, 16) : !strncmp(p + 2, "00", 2) ? digits(p + 4, 6, 16) : -1;
    if (n == 6 && *code >= 0xD800 && *code < 0xDC00 && p[6] == '\\' && p[7] == 'u') {
        int low = digits(p + 8, 4, 16);
        if (low >= 0xDC00 && low < 0xE000) {
            *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
            return 12;
        }
    }
    return *code > 0 && *code <= 0x10FFFF ? n : 0;
}

/* A byte, as an address or a program spells it. */
static size_t spelled_byte(const char *p, int *value)
{
    return *p == '%' ? percent(p, value) : byte_escape(p, value);
}

/* A character of several bytes of UTF-8, all of them spelled: "\xc3\xb6", "\303\266", "%C3%B6". */
static size_t spelled_bytes(const char *p, char c[5])
{
    int value = -1;
    size_t at = spelled_byte(p, &value), n = 0;
    size_t most = value >= 0xF0 && value < 0xF8 ? 4 : value >= 0xE0 ? 3 : value >= 0xC2 ? 2 : 0;
    if (!at || !most || value >= 0xF8)
        return 0;
    for (c[n++] = (char)value; n < most; c[n++] = (char)value) {
        size_t one = spelled_byte(p + at, &value);
        if (!one || value < 0x80 || value >= 0xC0)
            return 0;
        at += one;
    }
    c[n] = '\0';
    return at;
}

/* What stands behind a backslash. A letter that is no escape begins the next part of a path. */
static size_t escape(const char *p, char c[5])
{
    int value;
    size_t n = code_escape(p, &value);
    if (n) {
        if (value >= 0xDC80 && value < 0xDD00)
            byte(value - 0xDC00, c);
        else
            encode(value, c);
        return n;
    }
    if (p[1] == ' ' || (ispunct((unsigned char)p[1]) && !strchr("/\\", p[1]) && !tl_is_file_name(p[1]))) {
        byte(p[1], c);
        return 2;
    }
    return 0;
}

/* "&#246;", "&#xf6;" */
static size_t entity(const char *p, char c[5])
{
    if (strncmp(p, "&#", 2))
        return 0;
    size_t from = 2 + (p[2] == 'x' || p[2] == 'X'), n = from;
    while (n < from + 7 && digits(p + n, 1, from == 3 ? 16 : 10) >= 0)
        n++;
    int code = n > from && p[n] == ';' ? digits(p + from, n - from, from == 3 ? 16 : 10) : -1;
    if (code <= 0 || code > 0x10FFFF)
        return 0;
    encode(code, c);
    return n + 1;
}

/* Of what spells one byte beyond ASCII that is no part of UTF-8, Python means the Latin letter of that number. */
size_t tl_spelled_character(const char *text, char c[5])
{
    int value;
    size_t n = spelled_bytes(text, c);
    if (n)
        return n;
    if ((n = spelled_byte(text, &value))) {
        encode(value, c);
        return n;
    }
    n = *text == '\\' ? escape(text, c) : *text == '&' ? entity(text, c) : 0;
    if (n)
        return n;
    byte(*text, c);
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
        int value;
        size_t length = percent(text, &value);
        return length && (value == '/' || value == '\\') ? length : 0;
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

/* Letters of ASCII and Latin ones with an accent, which are two bytes each, differ from their capitals in one bit. */
static bool same_letter(const char *a, const char *b, size_t n)
{
    bool latin = n == 2 && (unsigned char)a[0] == 0xC3 && a[0] == b[0] && (a[1] ^ b[1]) == 0x20;
    return latin || !strncasecmp(a, b, n);
}

/* One character of a path, which may be several bytes of it: how many of the text spell it, and how many it is. latin: it is
 * the second byte of a Latin letter with an accent. What spells a byte may be that byte of the path, whatever stands
 * beside it, or the Latin letter of that number. */
static size_t one(const char *text, const char *path, bool latin, size_t *of_path)
{
    char c[5];
    int value = -1;
    size_t n = tl_spelled_character(text, c), m = strlen(c);
    *of_path = 1;
    if (n &&
        (!strncasecmp(path, text, 1) || (latin && (*path ^ *text) == 0x20) || (*path == ' ' && *text == '+')))
        return 1;
    *of_path = m;
    if (n && strnlen(path, m) == m && same_letter(path, c, m))
        return n;
    n = spelled_byte(text, &value);
    if (!n || value < 0x80)
        return 0;
    encode(value, c);
    *of_path = *path == (char)value ? 1 : 2;
    return *of_path == 1 || !strncmp(path, c, 2) ? n : 0;
}

/* The letters of Latin-1 from U+00C0 on as file systems of macOS have them: a letter of ASCII and a mark, as the last byte of
 * U+0300 and its like. '?': it is not made of two. */
static const char bases[] = "AAAAAA?CEEEEIIII?NOOOOO??UUUUY??aaaaaa?ceeeeiiii?nooooo??uuuuy?y";
static const unsigned char marks[] = {0x00, 0x01, 0x02, 0x03, 0x08, 0x0A, 0,    0x27, 0x00, 0x01, 0x02,
                                      0x08, 0x00, 0x01, 0x02, 0x08, 0,    0x03, 0x00, 0x01, 0x02, 0x03,
                                      0x08, 0,    0,    0x00, 0x01, 0x02, 0x08, 0x01, 0,    0};

static unsigned char mark_of(size_t i)
{
    return i == 0x3F ? 0x08 : marks[i % 32]; /* there is a y with two dots, and no such capital here */
}

/* Two bytes of a path that are such a letter, spelled as two characters. */
static size_t apart(const char *text, const char *path, size_t *of_path)
{
    size_t i = (unsigned char)path[0] == 0xC3 && path[1] ? (unsigned char)path[1] - 0x80u : sizeof bases,
           none;
    if (i >= sizeof bases - 1 || bases[i] == '?')
        return 0;
    char base[] = {bases[i], '\0'}, mark[5];
    encode(0x300 + mark_of(i), mark);
    size_t n = one(text, base, false, &none), m = n ? one(text + n, mark, false, &none) : 0;
    if (m == 1) /* as it is, byte by byte */
        m = strncmp(text + n, mark, 2) ? 0 : 2;
    *of_path = 2;
    return m ? n + m : 0;
}

/* Three bytes of a path that are a letter and a mark, spelled as one character. */
static size_t together(const char *text, const char *path, size_t *of_path)
{
    char mark[5], letter[5];
    size_t none;
    for (size_t i = 0; i < sizeof bases - 1; i++) {
        encode(0x300 + mark_of(i), mark);
        if (bases[i] != *path || strncmp(path + 1, mark, 2) != 0)
            continue;
        encode((int)(0xC0 + i), letter);
        size_t n = one(text, letter, false, &none);
        *of_path = 3;
        return n == 1 ? strncmp(text, letter, 2) ? 0 : 2 : n;
    }
    return 0;
}

/* escaped: a '%' of the path is spelled "%25", or "%2525" in an address within an address. */
static size_t spelled_as(const char *text, const char *path, bool escaped)
{
    size_t at = 0;
    for (size_t i = 0; path[i];) {
        size_t of_path = 1, n = 0;
        if (escaped && path[i] == '%' && !strncmp(text + at, "%25", 3))
            for (n = 3; n < 3 + 2 * REPEATED_MOST && !strncmp(text + at + n, "25", 2);)
                n += 2;
        else if (path[i] == '/')
            n = tl_spelled_slashes(text + at);
        else if (tl_is_letter(path[i]) && (unsigned char)path[i + 1] == 0xCC)
            n = together(text + at, path + i, &of_path);
        if (!n) {
            of_path = 1;
            n = path[i] == '/' ? 0
                               : one(text + at, path + i, i && (unsigned char)path[i - 1] == 0xC3, &of_path);
        }
        if (!n)
            n = apart(text + at, path + i, &of_path);
        if (!n)
            return 0;
        at += n;
        i += of_path;
    }
    return at;
}

size_t tl_spelled(const char *text, const char *path)
{
    size_t n = spelled_as(text, path, false);
    return n || !strchr(path, '%') ? n : spelled_as(text, path, true);
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
