/* What a crash report of Apple's tells of whoever sends it, beside homes and names: identifiers of the device, of the boot
 * and of the reporter, addresses of the network, serial numbers. Identifiers of images and of the incident stay, for
 * without them no stack can be read and no report be found again. Works on the text, so that all else stays as it was.
 *
 * The host of a report is another machine than this one. Its names are learned from the report, from fields and from
 * texts, and are then taken out of all that is made of it: a title or a message has them without what told them. */
#include "reports/redact/forms.h"
#include "reports/redact/redact.h"
#include "reports/system_reports.h"

#include "harness/base/buffer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MOST 64 /* bytes of a name that is learned */

/* Keys whose value is taken out, whatever it is: letters of any case. And what stands instead of it elsewhere, where it is
 * a name that texts may repeat. */
static const struct key {
    const char *name, *instead;
} keys[] = {
    {"crashReporterKey", NULL},
    {"crash_reporter_key", NULL},
    {"deviceIdentifierForVendor", NULL},
    {"bootSessionUUID", NULL},
    {"sleepWakeUUID", NULL},
    {"bootSessionID", NULL},
    {"systemID", NULL},
    {"systemUUID", NULL},
    {"deviceUUID", NULL},
    {"hardwareUUID", NULL},
    {"serialNumber", NULL},
    {"serial_number", NULL},
    {"serial", NULL},
    {"udid", NULL},
    {"ecid", NULL},
    {"uniqueDeviceID", NULL},
    {"uniqueChipID", NULL},
    {"imei", NULL},
    {"meid", NULL},
    {"iccid", NULL},
    {"macAddress", NULL},
    {"wifiAddress", NULL},
    {"ethernetAddress", NULL},
    {"bluetoothAddress", NULL},
    {"hostname", "HOST"},
    {"computerName", "HOST"},
    {"localHostName", "HOST"},
    {"deviceName", "HOST"},
    {"userName", "USER"},
    {"fullUserName", "USER"},
    {"appleID", "USER"},
    {"email", "USER"},
    {"phoneNumber", NULL},
    {"userID", NULL},
    {"ownerName", "USER"},
};

static const struct key *find_key(const char *name, size_t n)
{
    for (size_t i = 0; i < TL_COUNT(keys); i++)
        if (strlen(keys[i].name) == n && !strncasecmp(keys[i].name, name, n))
            return &keys[i];
    return NULL;
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
static size_t key_length(const char *p, const struct key **key)
{
    size_t n = string_length(p), at = n;
    if (n < 3 || !(*key = find_key(p + 1, n - 2)))
        return 0;
    at += strspn(p + at, " \t\r\n");
    if (p[at] != ':')
        return 0;
    at++;
    return at + strspn(p + at, " \t\r\n");
}

static void learn_value(struct tl_redaction *r, const struct key *key, const char *value, size_t n)
{
    if (!key->instead || *value != '"' || n < 3 || n - 2 > NAME_MOST || memchr(value, '\\', n))
        return;
    char *name = tl_format("%.*s", (int)(n - 2), value + 1);
    tl_redaction_add(r, name, key->instead);
    free(name);
}

static char *without_keys(struct tl_redaction *r, const char *text)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const struct key *key = NULL;
    tl_buffer_add_string(&b, "");
    for (const char *p = text; *p;) {
        size_t head = *p == '"' ? key_length(p, &key) : 0, value = head ? value_length(p + head) : 0, n;
        if (value) {
            learn_value(r, key, p + head, value);
            tl_buffer_add(&b, p, head);
            tl_buffer_add_string(&b, p[head] == '"' ? "\"" TL_REDACTED "\"" : "0");
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

static void learn_host(void *arg, const char *name, size_t n)
{
    struct tl_redaction *r = arg;
    char *host = tl_format("%.*s", (int)n, name);
    tl_redaction_add_host(r, host);
    free(host);
}

/* The text without what its keys and its forms tell; names in it are learned. */
static char *learn(struct tl_redaction *r, const char *text)
{
    char *plain = plain_slashes(text);
    tl_redaction_learn(r, plain);
    char *keyed = without_keys(r, plain), *anonymous = tl_redact_forms(keyed, learn_host, r);
    r->forms = true;
    free(plain);
    free(keyed);
    return anonymous;
}

void tl_redaction_learn_report(struct tl_redaction *r, const char *text)
{
    free(learn(r, text));
}

char *tl_redact_report(struct tl_redaction *r, const char *text)
{
    char *anonymous = learn(r, text), *redacted = tl_redact(r, anonymous);
    free(anonymous);
    return redacted;
}
