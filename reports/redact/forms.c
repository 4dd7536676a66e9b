/* A title has numbers as "<n>" (harness/verdict/normalise.h), and what is left of an address between them still tells which
 * it was: "<n>" is a digit here. Addresses that every machine has (127.0.0.1, ::1) and numbers of versions stay. */
#include "reports/redact/forms.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MOST 64 /* bytes of the name of a host, or of either part of an address of mail */

/* Hexadecimal digits; how many bytes they are. count: how many digits, decimal: how many of them are decimal. */
static size_t hex_group(const char *p, size_t *count, size_t *decimal)
{
    size_t n = 0;
    *count = *decimal = 0;
    while (*count <= 40) {
        bool number = !strncmp(p + n, "<n>", 3);
        if (!number && !isxdigit((unsigned char)p[n]))
            break;
        *decimal += number || tl_is_digit(p[n]);
        n += number ? 3 : 1;
        ++*count;
    }
    return n;
}

/* "a1:b2:c3:d4:e5:f6", with colons or dashes. */
static size_t network_address(const char *p)
{
    size_t at = 0, count, decimal;
    char between = '\0';
    for (size_t i = 0; i < 6; i++) {
        size_t n = hex_group(p + at, &count, &decimal);
        bool number = n == 3 && p[at] == '<';
        if (count != 2 && !number)
            return 0;
        at += n;
        if (i == 5)
            break;
        if ((p[at] != ':' && p[at] != '-') || (between && p[at] != between))
            return 0;
        between = p[at++];
    }
    return at;
}

/* "fe80::1c2a:3bff", "2001:db8:0:0:0:0:0:1": the first group has four digits, so that it is neither a time nor a name. */
static size_t address_of_six(const char *p)
{
    size_t at = 0, groups = 0, least = 2, count, decimal;
    bool gap = false;
    for (;;) {
        size_t n = hex_group(p + at, &count, &decimal);
        if (count > 4 || (!n && !(gap && p[at - 1] == ':')))
            return 0;
        if (!groups && (!decimal || (count != 4 && n == count)))
            return 0;
        least += !groups && count != 4;
        at += n;
        groups += n > 0;
        if (!n || p[at] != ':' || groups == 8)
            break;
        at++;
        if (p[at] == ':') {
            if (gap)
                return 0;
            gap = true;
            at++;
        }
    }
    return (gap && groups >= least) || groups == 8 ? at : 0;
}

/* "192.168.0.7". Behind "version" or a "v" four numbers are something else. */
static size_t address_of_four(const char *text, const char *p)
{
    size_t at = 0;
    unsigned first = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t n = strspn(p + at, "0123456789");
        unsigned value = 0;
        if (!n || n > 3)
            return 0;
        for (size_t k = 0; k < n; k++)
            value = value * 10 + (unsigned)(p[at + k] - '0');
        if (value > 255 || (i < 3 && p[at + n] != '.'))
            return 0;
        first = i ? first : value;
        at += n + (i < 3);
    }
    const char *before = p;
    while (before > text && strchr(" \":=(", before[-1]))
        before--;
    bool version = before - text >= 6 && !strncasecmp(before - 6, "ersion", 6);
    return first && first != 127 && !version && (p == text || !strchr(".-", p[-1])) &&
                   !(p[at] == '.' && tl_is_digit(p[at + 1]))
               ? at
               : 0;
}

/* Of a device: 40 hexadecimal digits, or 8, a dash and 16. */
static size_t device_identifier(const char *p)
{
    size_t count, decimal, n = hex_group(p, &count, &decimal);
    if (n == 40 && count == 40)
        return n;
    return n == 8 && count == 8 && p[8] == '-' && hex_group(p + 9, &count, &decimal) == 16 && count == 16 ? 25
                                                                                                          : 0;
}

/* 10 to 12 capitals and digits, some of each: nothing else in a report looks so. Parts of a UUID stand between dashes. */
static size_t serial_number(const char *p, char before)
{
    size_t n = 0, letters = 0, digits = 0;
    for (; n <= 12 && ((p[n] >= 'A' && p[n] <= 'Z') || tl_is_digit(p[n])); n++) {
        letters += !tl_is_digit(p[n]);
        digits += tl_is_digit(p[n]);
    }
    return n >= 10 && n <= 12 && letters >= 2 && digits >= 2 && before != '-' && p[n] != '-' ? n : 0;
}

/* The length of the word with which text begins; 0 for none of them. */
static size_t begins_with(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strncasecmp(text, words[i], strlen(words[i])))
            return strlen(words[i]);
    return 0;
}

static bool is_domain(const char *p)
{
    static const char *const domains[] = {".localdomain", ".local", ".lan", ".home.arpa", ".fritz.box"};
    size_t n = begins_with(p, domains, TL_COUNT(domains));
    return n && !tl_is_word(p[n]) && p[n] != '-' && !(p[n] == '.' && tl_is_word(p[n + 1]));
}

static bool is_model(const char *p)
{
    static const char *const models[] = {"-macbook", "-imac", "-mac-mini", "-mac-studio",
                                         "-mac-pro", "-mbp",  "-iphone",   "-ipad"};
    size_t n = begins_with(p, models, TL_COUNT(models));
    return n && !isalpha((unsigned char)p[n]) && p[n] != '_';
}

/* Names of hosts are told by the domain of a network at home, "Name-of-a-Mac.local", or by the model that macOS puts into
 * them, "Names-MacBook-Pro". Names of the reversed form, "com.apple.local", are of programs. The length of the name
 * without its domain. */
static size_t host(const char *p, char before)
{
    static const char *const reversed[] = {"com.", "org.", "net.", "io."};
    if (before == '.' || before == '-' || begins_with(p, reversed, TL_COUNT(reversed)))
        return 0;
    size_t n = 0;
    bool model = false;
    for (; n < NAME_MOST && (tl_is_word(p[n]) || p[n] == '-' || (n && p[n] == '.')); n++) {
        if (n && p[n] == '.' && (model || is_domain(p + n)))
            return n;
        model = model || (n && is_model(p + n));
    }
    return model ? n : 0;
}

static size_t address_of_mail(const char *p)
{
    size_t n = 0, m = 0;
    while (n < NAME_MOST && (tl_is_word(p[n]) || (p[n] && strchr(".+-", p[n]))))
        n++;
    if (!n || p[n] != '@' || !tl_is_word(p[n + 1]))
        return 0;
    while (m < NAME_MOST && (tl_is_word(p[n + 1 + m]) || (p[n + 1 + m] && strchr(".-", p[n + 1 + m]))))
        m++;
    while (m && p[n + m] == '.') /* the end of a sentence */
        m--;
    return memchr(p + n + 1, '.', m) ? n + 1 + m : 0;
}

/* What begins here and tells somebody. */
static size_t identifier(const char *text, const char *p, char before)
{
    size_t n = network_address(p);
    if (!n)
        n = address_of_six(p);
    if (!n)
        n = address_of_four(text, p);
    if (!n)
        n = device_identifier(p);
    if (!n)
        n = serial_number(p, before);
    if (!n)
        n = address_of_mail(p);
    return n && tl_is_word(p[n]) ? 0 : n;
}

char *tl_redact_forms(const char *text, tl_host_found found, void *arg)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *p = text; *p;) {
        char before = p > text ? p[-1] : ' ';
        bool begins = !tl_is_word(before);
        size_t n = begins ? identifier(text, p, before) : 0, named = begins && !n ? host(p, before) : 0;
        if (named && found)
            found(arg, p, named);
        if (n || named) {
            tl_buffer_add_string(&b, n ? TL_REDACTED : "HOST");
            p += n ? n : named;
        } else {
            do /* the rest of a word, in which nothing begins */
                tl_buffer_add(&b, p++, 1);
            while (tl_is_word(p[-1]) && tl_is_word(*p));
        }
    }
    return tl_buffer_take(&b);
}
