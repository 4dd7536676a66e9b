/* What a crash report of Apple's tells of whoever sends it, beside homes and names: identifiers of the device, of the boot
 * and of the reporter, addresses of the network, serial numbers. Identifiers of images and of the incident stay, for
 * without them no stack can be read and no report be found again. Works on the text, so that all else stays as it was. */
#include "reports/redact.h"
#include "reports/system_reports.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REDACTED "REDACTED"
#define NAME_MOST 64 /* bytes of the name of a host, or of either part of an address of mail */

/* Keys whose value is taken out, whatever it is. Letters of any case. */
static const char *const keys[] = {
    "crashReporterKey",
    "crash_reporter_key",
    "deviceIdentifierForVendor",
    "bootSessionUUID",
    "sleepWakeUUID",
    "bootSessionID",
    "systemID",
    "systemUUID",
    "deviceUUID",
    "hardwareUUID",
    "serialNumber",
    "serial_number",
    "serial",
    "udid",
    "ecid",
    "uniqueDeviceID",
    "uniqueChipID",
    "imei",
    "meid",
    "iccid",
    "macAddress",
    "wifiAddress",
    "ethernetAddress",
    "bluetoothAddress",
    "hostname",
    "computerName",
    "localHostName",
    "deviceName",
    "userName",
    "fullUserName",
    "appleID",
    "email",
    "phoneNumber",
    "userID",
    "ownerName",
};

static bool is_key(const char *name, size_t n)
{
    for (size_t i = 0; i < TL_COUNT(keys); i++)
        if (strlen(keys[i]) == n && !strncasecmp(keys[i], name, n))
            return true;
    return false;
}

/* The length of a string that begins with a quote, its quotes included; 0 when it does not end. */
static size_t string_length(const char *p)
{
    for (size_t n = 1; p[n]; n++) {
        if (p[n] == '\\' && p[n + 1])
            n++;
        else if (p[n] == '"')
            return n + 1;
    }
    return 0;
}

/* The length of a simple value: a string, or a number. */
static size_t value_length(const char *p)
{
    return *p == '"' ? string_length(p) : strspn(p, "-+.0123456789eE");
}

/* "KEY" : VALUE, at the quote before KEY. How much of it stands before the value; 0 when it is no such key. */
static size_t key_length(const char *p)
{
    size_t n = string_length(p), at = n;
    if (n < 3 || !is_key(p + 1, n - 2))
        return 0;
    at += strspn(p + at, " \t\r\n");
    if (p[at] != ':')
        return 0;
    at++;
    return at + strspn(p + at, " \t\r\n");
}

static char *without_keys(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *p = text; *p;) {
        size_t head = *p == '"' ? key_length(p) : 0, value = head ? value_length(p + head) : 0, n;
        if (value) {
            tl_buffer_add(&b, p, head);
            tl_buffer_add_string(&b, p[head] == '"' ? "\"" REDACTED "\"" : "0");
            p += head + value;
        } else {
            n = *p == '"' ? string_length(p) : 0;
            n = n ? n : 1;
            tl_buffer_add(&b, p, n);
            p += n;
        }
    }
    return tl_buffer_take(&b);
}

static size_t hex_digits(const char *p)
{
    size_t n = 0;
    while (n <= 40 && isxdigit((unsigned char)p[n]))
        n++;
    return n;
}

/* "a1:b2:c3:d4:e5:f6", with colons or dashes. */
static size_t network_address(const char *p)
{
    for (size_t i = 0; i < 6; i++)
        if (hex_digits(p + 3 * i) != 2 || (i < 5 && (p[3 * i + 2] != p[2] || (p[2] != ':' && p[2] != '-'))))
            return 0;
    return 17;
}

/* Of a device: 40 hexadecimal digits, or 8, a dash and 16. */
static size_t device_identifier(const char *p)
{
    size_t n = hex_digits(p);
    if (n == 40)
        return n;
    return n == 8 && p[8] == '-' && hex_digits(p + 9) == 16 ? 25 : 0;
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

/* "Name-of-a-Mac.local" */
static size_t host(const char *p)
{
    size_t n = 0;
    while (n < NAME_MOST && (tl_is_word(p[n]) || p[n] == '-'))
        n++;
    return n && !strncasecmp(p + n, ".local", 6) && !tl_is_word(p[n + 6]) ? n : 0;
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
    return memchr(p + n + 1, '.', m) ? n + 1 + m : 0;
}

static char *without_identifiers(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *p = text; *p;) {
        char before = p > text ? p[-1] : ' ';
        bool begins = !tl_is_word(before);
        size_t n = 0, named = begins ? host(p) : 0;
        if (begins && !(n = network_address(p)) && !(n = device_identifier(p)) &&
            !(n = serial_number(p, before)))
            n = address_of_mail(p);
        if (n && tl_is_word(p[n]))
            n = 0;
        if (n || named) {
            tl_buffer_add_string(&b, n ? REDACTED : "HOST");
            p += n ? n : named;
        } else {
            do /* the rest of a word, in which nothing begins */
                tl_buffer_add(&b, p++, 1);
            while (tl_is_word(p[-1]) && tl_is_word(*p));
        }
    }
    return tl_buffer_take(&b);
}

/* Paths are written with "\/" in JSON of Apple's. */
static char *plain_slashes(const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "");
    for (const char *p = text; *p; p++) {
        bool pair = p[0] == '\\' && p[1];
        if (pair && p[1] == '/')
            p++;
        else if (pair)
            tl_buffer_add(&b, p++, 1);
        tl_buffer_add(&b, p, 1);
    }
    return tl_buffer_take(&b);
}

char *tl_redact_report(struct tl_redaction *r, const char *text)
{
    char *plain = plain_slashes(text);
    tl_redaction_learn(r, plain);
    char *keyed = without_keys(plain), *anonymous = without_identifiers(keyed),
         *redacted = tl_redact(r, anonymous);
    free(plain);
    free(keyed);
    free(anonymous);
    return redacted;
}
