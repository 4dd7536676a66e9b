/* Names are taken out of what is published in two ways, for they stand in two kinds of places.
 *
 * In a path a home tells a user by where it stands: below /home, /Users or \Users the next part is a name,
 * whoever it is, and below /var/folders of macOS two parts are a user's. A path that begins there begins with
 * "~" instead; where it does not begin ("/mnt/home/…", "C:\Users\…") only the name is replaced, however it is
 * spelled (paths.c). This needs no list of names, and is done everywhere, in the values of variants too.
 *
 * Outside of paths a name is a word like any other. There only names that are known are taken out, as whole
 * words: this process's user and host, the hosts of the database, and every user that a path anywhere in the
 * document names, which is why a document is read once before it is copied. A name that is a common word
 * ("root", "core") is left where it is no name: taking it out would hide nothing and damage the text
 * (words.c). Values of axes are left alone, for a value that is changed is another value; so the keys that
 * hold them are listed here.
 *
 * Devices that hang on this machine are taken out everywhere, commands and values too: the UDIDs that the user has made
 * known, the names that they have by their owner, and whatever has the form of a UDID. */
#include "reports/redact/redact.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/devices.h"
#include "reports/redact/forms.h"
#include "reports/redact/parts.h"
#include "reports/redact/spelling.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define HOST_SIZE                                                                                            \
    256 /* what POSIX lets a name of a host have, and its end: systems differ in their own limit */

static bool is_everybodys(const char *path)
{
    static const char *const places[] = {"/usr",     "/bin",          "/sbin",        "/lib", "/etc",
                                         "/dev",     "/proc",         "/sys",         "/run", "/System",
                                         "/Library", "/Applications", "/opt/homebrew"};
    const char *second = *path == '/' ? strchr(path + 1, '/') : NULL;
    for (size_t i = 0; i < TL_COUNT(places); i++)
        if (!strncmp(path, places[i], strlen(places[i])) && !tl_name_goes_on(path + strlen(places[i])))
            return true;
    return !second || !second[1] || !strcmp(path, "/var/tmp");
}

void tl_redaction_add_place(struct tl_redaction *r, const char *path, const char *instead)
{
    if (!path || is_everybodys(path))
        return;
    size_t n = strlen(path), at = 0;
    while (n > 1 && path[n - 1] == '/')
        n--;
    char *place = tl_format("%.*s", (int)n, path);
    for (size_t i = 0; i < r->n_places; i++)
        if (!strcmp(r->places[i].path, place)) {
            free(place);
            return;
        }
    r->places = tl_realloc(r->places, r->n_places + 1, sizeof *r->places);
    while (at < r->n_places && strlen(r->places[at].path) >= n)
        at++;
    memmove(r->places + at + 1, r->places + at, (r->n_places - at) * sizeof *r->places);
    r->places[at] = (struct tl_redacted_place){place, tl_strdup(instead)};
    r->n_places++;
}

/* As given, and without links in it. */
static void add_place(struct tl_redaction *r, const char *path, const char *instead)
{
    char *real = path && *path == '/' ? realpath(path, NULL) : NULL;
    if (real)
        tl_redaction_add_place(r, path, instead);
    tl_redaction_add_place(r, real, instead);
    free(real);
}

/* Directories of this user that are not where everybody has them are shown where everybody has them. */
static void add_places(struct tl_redaction *r, const char *passwd_home)
{
    add_place(r, getenv("XDG_CACHE_HOME"), "~/.cache");
    add_place(r, getenv("XDG_STATE_HOME"), "~/.local/state");
    add_place(r, getenv("XDG_DATA_HOME"), "~/.local/share");
    add_place(r, getenv("XDG_CONFIG_HOME"), "~/.config");
    add_place(r, getenv("TMPDIR"), "/tmp");
    add_place(r, passwd_home, "~");
    if (r->home) {
        char *real = realpath(r->home, NULL);
        tl_redaction_add_place(r, real, "~");
        free(real);
    }
}

/* The list that cannot be read names nobody. */
static void add_devices(struct tl_redaction *r)
{
    struct tl_devices all;
    if (!tl_devices_load(&all, NULL))
        for (size_t i = 0; i < all.n; i++) {
            tl_redaction_add_everywhere(r, all.list[i].udid, "DEVICE");
            tl_redaction_add_everywhere(r, all.list[i].name, "DEVICE");
        }
    tl_devices_free(&all);
}

static const json_t *wished;

void tl_redaction_also(const json_t *words)
{
    wished = words;
}

/* Who wishes a word away means it, be it as common as it may. */
static void add_wished(struct tl_redaction *r)
{
    const json_t *word;
    size_t i;
    json_array_foreach(wished, i, word)
        *TL_GROW(r->names, r->n) = (struct tl_redacted_name){
            .name = tl_strdup(json_string_value(word)), .instead = "REDACTED", .everywhere = true};
}

void tl_redaction_init(struct tl_redaction *r)
{
    char host[HOST_SIZE] = "";
    const struct passwd *p = getpwuid(getuid());
    const char *home = getenv("HOME");
    memset(r, 0, sizeof *r);
    if (!home || !*home)
        home = p ? p->pw_dir : NULL;
    if (home && strlen(home) > 1)
        r->home = tl_strdup(home);
    tl_redaction_add(r, p ? p->pw_name : NULL, "USER");
    tl_redaction_add(r, getenv("USER"), "USER");
    tl_redaction_add(r, getenv("LOGNAME"), "USER");
    tl_redaction_add(r, getenv("SUDO_USER"), "USER");
    if (gethostname(host, sizeof host - 1) == 0)
        tl_redaction_add_host(r, host);
    add_places(r, p ? p->pw_dir : NULL);
    add_devices(r);
    add_wished(r);
}

void tl_redaction_free(struct tl_redaction *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->names[i].name);
    for (size_t i = 0; i < r->n_places; i++) {
        free(r->places[i].path);
        free(r->places[i].instead);
    }
    free(r->places);
    free(r->names);
    free(r->home);
    memset(r, 0, sizeof *r);
}

static bool is_word(char c)
{
    return tl_is_word(c) || (unsigned char)c >= 128;
}

/* 8 and 16 hexadecimal digits in capitals: the form of a UDID, and of nothing else that is written here. */
static bool is_udid(const char *text)
{
    for (size_t i = 0; i < 25; i++) {
        char c = text[i];
        if (i == 8 ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')))
            return false;
    }
    return !is_word(text[25]);
}

static char *redact_udids(char *text)
{
    for (char *at = strchr(text, '-'); at; at = strchr(at + 1, '-')) {
        static const char instead[] = "DEVICE";
        char *from = at - 8;
        if (at - text < 8 || (from > text && is_word(from[-1])) || !is_udid(from))
            continue;
        memcpy(from, instead, sizeof instead - 1);
        memmove(from + sizeof instead - 1, at + 17, strlen(at + 17) + 1);
        at = from;
    }
    return text;
}

char *tl_redact_paths(const struct tl_redaction *r, const char *text)
{
    return redact_udids(tl_redact_words(r, tl_redact_homes(r, text), true));
}

static char *without_names(const struct tl_redaction *r, const char *text)
{
    return tl_redact_words(r, tl_redact_paths(r, text), false);
}

char *tl_redact(const struct tl_redaction *r, const char *text)
{
    char *named = without_names(r, text);
    if (!r->forms)
        return named;
    char *redacted = tl_redact_forms(named, NULL, NULL);
    free(named);
    return redacted;
}

static void collect_json(struct tl_redaction *r, const json_t *j, int depth)
{
    const char *key;
    json_t *value;
    size_t i;
    if (depth > DEPTH_MAX)
        return;
    if (json_is_string(j))
        tl_redaction_learn(r, json_string_value(j));
    json_array_foreach(j, i, value)
        collect_json(r, value, depth + 1);
    json_object_foreach((json_t *)j, key, value)
        collect_json(r, value, depth + 1);
}

static bool is_exact(const char *key)
{
    static const char *const keys[] = {
        "minimal",     "failing",  "baseline", "variant",  "trigger", "joint",       "axes",  "irrelevant",
        "independent", "decisive", "reset",    "unread",   "needs",   "local_needs", "or",    "strict",
        "not_held",    "also",     "case",     "frontier", "unit",    "device",      "runner"};
    for (size_t i = 0; i < TL_COUNT(keys); i++)
        if (!strcmp(keys[i], key))
            return true;
    return false;
}

/* Names of things that are no one's: what has the form of an identifier there is one that says nothing. */
static bool is_name_of_thing(const char *key)
{
    static const char *const keys[] = {"id",       "coarse_id", "signature",   "build_id", "uuid",
                                       "incident", "trial",     "os_build",    "versions", "model_hash",
                                       "command",  "request",   "cpu",         "version",  "hash",
                                       "build",    "case_hash", "variant_hash"};
    for (size_t i = 0; i < TL_COUNT(keys); i++)
        if (!strcmp(keys[i], key))
            return true;
    return false;
}

/* What is left as it is in a text: nothing, forms, or all but paths. */
enum left { NOTHING, FORMS, VALUES };

static enum left left_below(const char *key, const json_t *value, enum left above)
{
    bool things = is_name_of_thing(key) &&
                  (!json_is_object(value) || !strcmp(key, "request") || !strcmp(key, "versions"));
    enum left left = is_exact(key) ? VALUES : things ? FORMS : NOTHING;
    return left > above ? left : above;
}

static json_t *copy(const struct tl_redaction *r, const json_t *j, enum left left, int depth)
{
    const char *key;
    json_t *value, *to;
    size_t i;
    if (depth > DEPTH_MAX)
        return json_null();
    if (json_is_string(j)) {
        const char *whole = json_string_value(j);
        char *text = left == VALUES  ? tl_redact_paths(r, whole)
                     : left == FORMS ? without_names(r, whole)
                                     : tl_redact(r, whole);
        to = json_string(text);
        free(text);
        return to ? to : json_null();
    }
    if (json_is_array(j)) {
        to = json_array();
        json_array_foreach(j, i, value)
            json_array_append_new(to, copy(r, value, left, depth + 1));
        return to;
    }
    if (json_is_object(j)) {
        to = json_object();
        json_object_foreach((json_t *)j, key, value) {
            char *path = strpbrk(key, "/\\%") ? tl_redact_paths(r, key) : NULL;
            json_object_set_new(to, path ? path : key,
                                copy(r, value, left_below(key, value, left), depth + 1));
            free(path);
        }
        return to;
    }
    return json_incref((json_t *)j);
}

json_t *tl_redact_json(struct tl_redaction *r, const json_t *document)
{
    collect_json(r, document, 0);
    return copy(r, document, NOTHING, 0);
}
