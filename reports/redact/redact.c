/* Names are taken out of what is published in two ways, for they stand in two kinds of places.
 *
 * In a path a home tells a user by where it stands: below /home, /Users or \Users the next part is a name,
 * whoever it is, and below /var/folders of macOS two parts are a user's. A path that begins there begins with
 * "~" instead; where it does not begin ("/mnt/home/…", "C:\Users\…") only the name is replaced. This needs no
 * list of names, and is done everywhere, in the values of variants too.
 *
 * Outside of paths a name is a word like any other. There only names that are known are taken out, as whole
 * words: this process's user and host, the hosts of the database, and every user that a path anywhere in the
 * document names, which is why a document is read once before it is copied. A name that is a common word
 * ("root", "model") is passed over: taking it out would hide nothing and damage the text. Values of axes are
 * left alone, for a value that is changed is another value; so the keys that hold them are listed here.
 *
 * Devices that hang on this machine are taken out everywhere, commands and values too: the UDIDs that the user has made
 * known, the names that they have by their owner, and whatever has the form of a UDID. */
#include "reports/redact/redact.h"

#include "harness/base/buffer.h"
#include "harness/base/devices.h"
#include "reports/redact/forms.h"

#include <ctype.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define HOST_SIZE                                                                                            \
    256 /* what POSIX lets a name of a host have, and its end: systems differ in their own limit */

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || (unsigned char)c >= 128;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 128;
}

static void add_name(struct tl_redaction *r, const char *name, const char *instead)
{
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->names[i].name, name))
            return;
    r->names = tl_realloc(r->names, r->n + 1, sizeof *r->names);
    r->names[r->n].name = tl_strdup(name);
    r->names[r->n].everywhere = false;
    r->names[r->n++].instead = instead;
}

/* The same name where failures are compared, which is without numbers: lab7 is lab# there, and lab<n>. */
static void add_without_numbers(struct tl_redaction *r, const char *name, const char *instead)
{
    static const char *const numbers[] = {"#", "<n>"};
    size_t letters = 0;
    for (const char *p = name; *p; p++)
        letters += isalpha((unsigned char)*p) != 0;
    if (letters < 3 || !strpbrk(name, "0123456789"))
        return;
    for (size_t i = 0; i < TL_COUNT(numbers); i++) {
        struct tl_buffer b = TL_BUFFER_INIT;
        for (const char *p = name; *p;) {
            size_t digits = strspn(p, "0123456789");
            tl_buffer_add(&b, digits ? numbers[i] : p, digits ? strlen(numbers[i]) : 1);
            p += digits ? digits : 1;
        }
        add_name(r, b.data, instead);
        tl_buffer_free(&b);
    }
}

void tl_redaction_add(struct tl_redaction *r, const char *name, const char *instead)
{
    static const char *const general[] = {
        "root",   "localhost", "user",  "users",    "admin", "administrator", "ubuntu", "debian",
        "fedora", "runner",    "build", "test",     "home",  "Shared",        "model",  "models",
        "nobody", "guest",     "data",  "trapline", "local", "iPhone",        "iPad",   "Mac",
        "mobile", "MacBook",   "iMac",  "unknown",  "HOST",  "USER",          "host"};
    if (!name || strlen(name) < 3)
        return;
    for (size_t i = 0; i < TL_COUNT(general); i++)
        if (!strcmp(general[i], name))
            return;
    add_without_numbers(r, name, instead);
    add_name(r, name, instead); /* the last, for those who want to say more of it */
}

void tl_redaction_add_everywhere(struct tl_redaction *r, const char *name, const char *instead)
{
    size_t n = r->n;
    tl_redaction_add(r, name, instead);
    for (size_t i = n; i < r->n; i++)
        r->names[i].everywhere = true;
}

static bool is_everybodys(const char *path)
{
    static const char *const places[] = {"/usr",     "/bin",          "/sbin",        "/lib", "/etc",
                                         "/dev",     "/proc",         "/sys",         "/run", "/System",
                                         "/Library", "/Applications", "/opt/homebrew"};
    const char *second = *path == '/' ? strchr(path + 1, '/') : NULL;
    for (size_t i = 0; i < TL_COUNT(places); i++)
        if (!strncmp(path, places[i], strlen(places[i])) && !is_name(path[strlen(places[i])]))
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
    if (gethostname(host, sizeof host - 1) == 0) {
        tl_redaction_add(r, host, "HOST");
        host[strcspn(host, ".")] = '\0';
        tl_redaction_add(r, host, "HOST");
    }
    add_places(r, p ? p->pw_dir : NULL);
    add_devices(r);
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

/* The length of a directory of homes that text begins with, its last slash included; 0 for none. */
static size_t homes(const char *text)
{
    static const char *const places[] = {"/home/", "/Users/", "\\Users\\", "\\\\Users\\\\"};
    for (size_t i = 0; i < TL_COUNT(places); i++)
        if (!strncmp(text, places[i], strlen(places[i])) && is_name(text[strlen(places[i])]))
            return strlen(places[i]);
    return 0;
}

static size_t name_length(const char *text)
{
    size_t n = 0;
    while (is_name(text[n]))
        n++;
    return n;
}

/* How much of text, which begins at a path's start, is a home directory. */
static size_t home_length(const struct tl_redaction *r, const char *text)
{
    size_t n = r->home ? strlen(r->home) : 0;
    if (n && !strncmp(text, r->home, n) && !is_name(text[n]))
        return n;
    n = homes(text);
    if (n && *text == '/')
        return n + name_length(text + n);
    return !strncmp(text, "/root", 5) && !is_name(text[5]) ? 5 : 0;
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

/* The place that text begins with, at a path's start; NULL for none. */
static const struct tl_redacted_place *place_at(const struct tl_redaction *r, const char *text)
{
    for (size_t i = 0; *text == '/' && i < r->n_places; i++) {
        size_t n = strlen(r->places[i].path);
        if (!strncmp(text, r->places[i].path, n) && !is_name(text[n]))
            return &r->places[i];
    }
    return NULL;
}

static char *paths_of(const struct tl_redaction *r, const char *text)
{
    if (!strpbrk(text, "/\\"))
        return tl_strdup(text);
    struct tl_buffer b = TL_BUFFER_INIT;
    static const char folders[] = "/var/folders/"; /* two directories below are a user's on macOS */
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; text[i];) {
        bool begins = i == 0 || !is_name(text[i - 1]);
        const struct tl_redacted_place *place = begins ? place_at(r, text + i) : NULL;
        size_t n = begins ? home_length(r, text + i) : 0;
        if (place && strlen(place->path) >= n) {
            tl_buffer_add_string(&b, place->instead);
            n = strlen(place->path);
        } else if (n) {
            tl_buffer_add_string(&b, "~");
        } else if ((n = homes(text + i))) {
            tl_buffer_add(&b, text + i, n);
            n += name_length(text + i + n);
            tl_buffer_add_string(&b, "USER");
        } else if (!strncmp(text + i, folders, sizeof folders - 1)) {
            n = sizeof folders - 1;
            tl_buffer_add(&b, text + i, n);
            tl_buffer_add_string(&b, "USER");
            n += name_length(text + i + n);
            if (text[i + n] == '/')
                n += 1 + name_length(text + i + n + 1);
        } else {
            tl_buffer_add(&b, text + i, n = 1);
        }
        i += n;
    }
    return tl_buffer_take(&b);
}

/* everywhere: those only that are taken out everywhere. */
static char *redact_names(const struct tl_redaction *r, char *text, bool everywhere)
{
    for (size_t k = 0; k < r->n; k++) {
        if (everywhere && !r->names[k].everywhere)
            continue;
        const char *name = r->names[k].name;
        size_t n = strlen(name);
        if (!strstr(text, name))
            continue;
        struct tl_buffer b = TL_BUFFER_INIT;
        for (size_t i = 0; text[i];) {
            bool here =
                !strncmp(text + i, name, n) && (i == 0 || !is_word(text[i - 1])) && !is_word(text[i + n]);
            if (here)
                tl_buffer_add_string(&b, r->names[k].instead);
            else
                tl_buffer_add(&b, text + i, 1);
            i += here ? n : 1;
        }
        free(text);
        text = tl_buffer_take(&b);
    }
    return text;
}

char *tl_redact_paths(const struct tl_redaction *r, const char *text)
{
    return redact_udids(redact_names(r, paths_of(r, text), true));
}

static char *without_names(const struct tl_redaction *r, const char *text)
{
    return redact_names(r, tl_redact_paths(r, text), false);
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

void tl_redaction_learn(struct tl_redaction *r, const char *text)
{
    for (text += strcspn(text, "/\\"); *text; text += 1 + strcspn(text + 1, "/\\")) {
        size_t n = homes(text), length = n ? name_length(text + n) : 0;
        if (!length || length > 64)
            continue;
        char *name = tl_format("%.*s", (int)length, text + n);
        tl_redaction_add(r, name, "USER");
        free(name);
    }
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
        json_object_foreach((json_t *)j, key, value)
            json_object_set_new(to, key, copy(r, value, left_below(key, value, left), depth + 1));
        return to;
    }
    return json_incref((json_t *)j);
}

json_t *tl_redact_json(struct tl_redaction *r, const json_t *document)
{
    collect_json(r, document, 0);
    return copy(r, document, NOTHING, 0);
}
