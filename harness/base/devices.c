/* devices.json:
 *
 *   {"trapline": 1, "devices": [{"alias": "phone", "udid": "00008150-…", "name": "…", "apps": {"coreai": "BUNDLE"}}]}
 *
 * "name" and "apps" may be absent. The file is written by `trapline devices`, and may be by hand, so everything in it
 * is checked. */
#include "harness/base/devices.h"

#include "harness/base/ascii.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/staging_note.h"
#include "harness/base/unit_name.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST (1u << 20)
#define DEVICES_MOST 1000
#define TEXT_MOST 256
/* What the app of runners/iphone is called unless its user calls it otherwise. */
#define USUAL_RUNNER "coreai"
#define USUAL_BUNDLE "org.trapline.host"

static const char reading[] = "cannot use the list of devices";

/* --- what is valid -------------------------------------------------------------------------------------- */

/* A UDID is 8 and 16 hexadecimal digits, or 40 of older devices, or CoreDevice's own identifier: in any case letters,
 * digits and '-'. */
static bool udid_valid(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!tl_is_digit(s[i]) && !tl_is_letter(s[i]) && s[i] != '-')
            return false;
    return n >= 8 && n <= 64 && *s != '-';
}

static bool bundle_valid(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!tl_is_word(s[i]) && s[i] != '-' && s[i] != '.')
            return false;
    return n > 0 && n <= TEXT_MOST && *s != '-' && *s != '.' && strchr(s, '.') != NULL;
}

static bool runner_valid(const char *s)
{
    return tl_alias_valid(s, strlen(s)) && strcmp(s, "name") != 0;
}

static bool name_valid(const char *s)
{
    for (const char *at = s; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            return false;
    return *s && strlen(s) <= TEXT_MOST;
}

/* --- one device ----------------------------------------------------------------------------------------- */

static void free_device(struct tl_device *d)
{
    free(d->alias);
    free(d->udid);
    free(d->name);
    for (size_t i = 0; i < d->n_apps; i++) {
        free(d->apps[i].runner);
        free(d->apps[i].bundle);
    }
    free(d->apps);
    *d = (struct tl_device){0};
}

static void add_app(struct tl_device *d, const char *runner, const char *bundle)
{
    struct tl_device_app *app = TL_GROW(d->apps, d->n_apps);
    app->runner = tl_strdup(runner);
    app->bundle = tl_strdup(bundle);
}

void tl_devices_free(struct tl_devices *all)
{
    for (size_t i = 0; i < all->n; i++)
        free_device(&all->list[i]);
    free(all->list);
    free(all->path);
    *all = (struct tl_devices){0};
}

static struct tl_device *with_alias(const struct tl_devices *all, const char *alias)
{
    for (size_t i = 0; i < all->n; i++)
        if (!strcmp(all->list[i].alias, alias))
            return &all->list[i];
    return NULL;
}

/* --- the file ------------------------------------------------------------------------------------------- */

static int bad(const struct tl_devices *all, const char *place, const char *expected, struct tl_error *e)
{
    char *where = tl_format("%s: %s", all->path, place);
    tl_fail(e, TL_ERROR_INPUT, reading, where, "%s; mend it, or remove the file and add the devices again",
            expected);
    free(where);
    return -1;
}

static int read_apps(const struct tl_devices *all, size_t i, const json_t *apps, struct tl_device *d,
                     struct tl_error *e)
{
    const char *runner;
    json_t *bundle;
    char place[64];
    snprintf(place, sizeof place, "$.devices[%zu].apps", i);
    if (apps && !json_is_object(apps))
        return bad(all, place, "an object of bundle identifiers was expected", e);
    json_object_foreach((json_t *)apps, runner, bundle) {
        const char *text = json_string_value(bundle);
        if (!runner_valid(runner) || !text || !bundle_valid(text))
            return bad(all, place,
                       "names of runners, and for each the bundle identifier of an app, were expected", e);
        add_app(d, runner, text);
    }
    return 0;
}

static int read_device(struct tl_devices *all, size_t i, const json_t *j, struct tl_error *e)
{
    const char *alias = json_string_value(json_object_get(j, "alias")),
               *udid = json_string_value(json_object_get(j, "udid")),
               *name = json_string_value(json_object_get(j, "name"));
    char place[64];
    snprintf(place, sizeof place, "$.devices[%zu]", i);
    if (!json_is_object(j) || !alias || !udid || (!name && json_object_get(j, "name")))
        return bad(all, place, "an object with the texts \"alias\" and \"udid\" was expected", e);
    if (!tl_alias_valid(alias, strlen(alias)))
        return bad(all, place, "\"alias\": " TL_ALIAS_EXPECTED, e);
    if (with_alias(all, alias))
        return bad(all, place, "\"alias\": it is there twice", e);
    if (!udid_valid(udid))
        return bad(all, place, "\"udid\": 8 to 64 letters, digits and '-' were expected", e);
    if (name && !name_valid(name))
        return bad(all, place, "\"name\": a text in one line was expected", e);
    struct tl_device *d = TL_GROW(all->list, all->n);
    *d = (struct tl_device){.alias = tl_strdup(alias), .udid = tl_strdup(udid), .name = tl_strdup(name)};
    return read_apps(all, i, json_object_get(j, "apps"), d, e);
}

static int read_document(struct tl_devices *all, const json_t *root, struct tl_error *e)
{
    const json_t *list = json_object_get(root, "devices"), *j;
    size_t i;
    if (json_integer_value(json_object_get(root, "trapline")) != 1)
        return bad(all, "$.trapline", "1 was expected", e);
    if (!json_is_array(list) || json_array_size(list) > DEVICES_MOST)
        return bad(all, "$.devices", "a list of devices was expected", e);
    json_array_foreach(list, i, j)
        if (read_device(all, i, j, e))
            return -1;
    return 0;
}

int tl_devices_load(struct tl_devices *all, struct tl_error *e)
{
    *all = (struct tl_devices){.path = tl_config_home("trapline/devices.json")};
    if (!all->path)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, reading, "", "set HOME or XDG_CONFIG_HOME");
    size_t size = 0;
    char *text = tl_read_file(all->path, FILE_MOST, &size);
    if (!text && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (!text)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, reading, all->path,
                             "a JSON file of at most 1 MiB was expected");
    json_error_t je;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &je);
    free(text);
    int result;
    if (root) {
        result = read_document(all, root, e);
    } else {
        char place[32];
        snprintf(place, sizeof place, "line %d", je.line);
        result = bad(all, place, "it is no JSON", e);
    }
    json_decref(root);
    return result;
}

static json_t *document_of(const struct tl_devices *all)
{
    json_t *list = json_array();
    for (size_t i = 0; i < all->n; i++) {
        const struct tl_device *d = &all->list[i];
        json_t *apps = json_object();
        for (size_t k = 0; k < d->n_apps; k++)
            json_object_set_new(apps, d->apps[k].runner, json_string(d->apps[k].bundle));
        json_t *j = json_pack("{s:s,s:s,s:o}", "alias", d->alias, "udid", d->udid, "apps", apps);
        if (d->name)
            json_object_set_new(j, "name", json_string(d->name));
        json_array_append_new(list, j);
    }
    return json_pack("{s:i,s:o}", "trapline", 1, "devices", list);
}

int tl_devices_save(const struct tl_devices *all, struct tl_error *e)
{
    json_t *root = document_of(all);
    char *text = json_dumps(root, JSON_INDENT(1)), *whole = tl_format("%s\n", text ? text : "");
    int failed = !text || tl_make_parents(all->path, 0700) ||
                 tl_replace_file_noted(all->path, whole, strlen(whole), 0600, true);
    int why = errno;
    json_decref(root);
    free(text);
    free(whole);
    return failed ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, why, "cannot write the list of devices", all->path,
                                  "free some space, or name another place with XDG_CONFIG_HOME")
                  : 0;
}

/* --- looking up, changing ------------------------------------------------------------------------------- */

const struct tl_device *tl_devices_find(const struct tl_devices *all, const char *alias, struct tl_error *e)
{
    const struct tl_device *d = with_alias(all, alias);
    if (d)
        return d;
    struct tl_buffer known = TL_BUFFER_INIT;
    for (size_t i = 0; i < all->n && i < 20; i++)
        tl_buffer_printf(&known, "%s%s", i ? ", " : "", all->list[i].alias);
    tl_fail(e, TL_ERROR_INPUT, "no such device", alias,
            "`trapline devices add %s UDID` makes it known (`xcrun devicectl list devices` shows what is "
            "there); known: "
            "%s",
            alias, known.size ? known.data : "none");
    tl_buffer_free(&known);
    return NULL;
}

const char *tl_device_app(const struct tl_device *d, const char *runner, struct tl_error *e)
{
    for (size_t i = 0; i < d->n_apps; i++)
        if (!strcmp(d->apps[i].runner, runner))
            return d->apps[i].bundle;
    if (!strcmp(runner, USUAL_RUNNER))
        return USUAL_BUNDLE;
    tl_fail(e, TL_ERROR_INPUT, "no app for this runner", d->alias,
            "no app is known there that speaks for the runner %s: `trapline devices add %s UDID %s=BUNDLE` "
            "names one; "
            "%s has %s",
            runner, d->alias, runner, USUAL_RUNNER, USUAL_BUNDLE);
    return NULL;
}

char *tl_device_slots(const struct tl_device *d)
{
    return tl_format("device %s", d->udid);
}

static int take_word(struct tl_device *d, const char *word, struct tl_error *e)
{
    static const char doing[] = "cannot add a device";
    const char *is = strchr(word, '=');
    if (!is)
        return tl_fail(e, TL_ERROR_INPUT, doing, word, "RUNNER=BUNDLE or name=NAME was expected");
    char *key = tl_format("%.*s", (int)(is - word), word);
    int result = 0;
    if (!strcmp(key, "name")) {
        json_t *utf8 = json_string(is + 1);
        if (!utf8 || !name_valid(is + 1))
            result = tl_fail(e, TL_ERROR_INPUT, doing, key, "a text in one line was expected after name=");
        free(d->name);
        d->name = tl_strdup(is + 1);
        json_decref(utf8);
    } else if (!runner_valid(key) || !bundle_valid(is + 1)) {
        result = tl_fail(
            e, TL_ERROR_INPUT, doing, word,
            "RUNNER=BUNDLE was expected: the name of a runner and the bundle identifier of an app, for "
            "example coreai=com.example.host");
    } else {
        add_app(d, key, is + 1);
    }
    free(key);
    return result;
}

int tl_devices_add(struct tl_devices *all, const char *alias, const char *udid, char *const *words, size_t n,
                   struct tl_error *e)
{
    static const char doing[] = "cannot add a device";
    if (!tl_alias_valid(alias, strlen(alias)))
        return tl_fail(e, TL_ERROR_INPUT, doing, alias, "%s", TL_ALIAS_EXPECTED);
    if (!udid_valid(udid))
        return tl_fail(
            e, TL_ERROR_INPUT, doing, udid,
            "a UDID was expected, 8 to 64 letters, digits and '-'; `xcrun devicectl list devices` shows it");
    struct tl_device d = {.alias = tl_strdup(alias), .udid = tl_strdup(udid)};
    for (size_t i = 0; i < n; i++) {
        if (take_word(&d, words[i], e)) {
            free_device(&d);
            return -1;
        }
    }
    struct tl_device *at = with_alias(all, alias);
    if (at)
        free_device(at);
    else
        at = TL_GROW(all->list, all->n);
    *at = d;
    return 0;
}

int tl_devices_remove(struct tl_devices *all, const char *alias, struct tl_error *e)
{
    if (!tl_devices_find(all, alias, e))
        return -1;
    struct tl_device *d = with_alias(all, alias);
    size_t at = (size_t)(d - all->list);
    free_device(d);
    memmove(d, d + 1, (all->n - at - 1) * sizeof *d);
    all->n--;
    return 0;
}
