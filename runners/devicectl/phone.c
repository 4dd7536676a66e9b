/* What devicectl writes of devices.
 *
 * The shape of its documents is nowhere promised but in its own output: result.devices[], each with
 * hardwareProperties {udid, productType, platform, serialNumber, ecid}, deviceProperties {name, osVersionNumber,
 * osBuildUpdate, developerModeStatus, bootState} and connectionProperties {pairingState, tunnelState}. A member that is
 * not there is not known; one that is there and is something else than a text is a mistake of the document. The
 * tunnel of a device that can be reached is "connected", or "disconnected" until it is needed; "unavailable" is one
 * that is not there. */
#include "runners/devicectl/phone.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define DEVICES_MOST 10000
#define DEPTH_MOST 64
#define TEXT_MOST 4096

static const char doing[] = "cannot understand what devicectl wrote";

static json_t *read_document(const char *text, size_t size, struct tl_error *e)
{
    json_error_t je;
    json_t *root = size <= TL_LISTING_MOST ? json_loadb(text, size, 0, &je) : NULL;
    if (json_is_object(root))
        return root;
    json_decref(root);
    tl_fail(e, TL_ERROR_INPUT, doing, "",
            "a JSON object was expected; its version of Xcode may write another form");
    return NULL;
}

/* A member of a member, with an integer as text; NULL where it is not there. -1 when it is of another type. */
static int take_text(const json_t *device, const char *part, const char *name, char **to, struct tl_error *e)
{
    const json_t *of = part ? json_object_get(device, part) : device, *v = json_object_get(of, name);
    *to = NULL;
    if ((of && !json_is_object(of)) || (v && !json_is_null(v) && !json_is_string(v) && !json_is_integer(v)) ||
        (json_is_string(v) && json_string_length(v) > TEXT_MOST)) {
        char *where = tl_format("result.devices[].%s%s%s", part ? part : "", part ? "." : "", name);
        tl_fail(e, TL_ERROR_INPUT, doing, where, "a text was expected");
        free(where);
        return -1;
    }
    if (json_is_integer(v))
        *to = tl_format("%lld", (long long)json_integer_value(v));
    else
        *to = tl_strdup(json_string_value(v));
    return 0;
}

void tl_phone_free(struct tl_phone *p)
{
    char *all[] = {p->udid, p->model, p->os, p->os_build, p->name, p->identifier, p->serial, p->ecid, p->why};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        free(all[i]);
    *p = (struct tl_phone){0};
}

/* What it can be used for, as far as the list tells; whether it is locked is told by no list. */
static int take_state(const json_t *device, struct tl_phone *p, struct tl_error *e)
{
    static const struct {
        const char *part, *name, *wanted, *why;
        bool other; /* anything but the wanted one is a reason; else the named one is */
    } states[] = {
        {"connectionProperties", "pairingState", "paired",
         "it is not paired: connect it and choose to trust this Mac", true},
        {"connectionProperties", "tunnelState", "unavailable",
         "it cannot be reached: connect it by its cable and unlock it", false},
        {"deviceProperties", "developerModeStatus", "disabled",
         "its developer mode is off: it is in its settings, under privacy and security", false},
        {"deviceProperties", "bootState", "booted", "it has not started yet", true},
    };
    for (size_t i = 0; i < TL_COUNT(states); i++) {
        char *state;
        if (take_text(device, states[i].part, states[i].name, &state, e))
            return -1;
        if (state && !p->why && (strcmp(state, states[i].wanted) != 0) == states[i].other)
            p->why = tl_strdup(states[i].why);
        free(state);
    }
    return 0;
}

static int take_phone(const json_t *device, struct tl_phone *p, struct tl_error *e)
{
    char *platform, *version;
    int result = take_text(device, "hardwareProperties", "productType", &p->model, e) ||
                         take_text(device, "hardwareProperties", "serialNumber", &p->serial, e) ||
                         take_text(device, "hardwareProperties", "ecid", &p->ecid, e) ||
                         take_text(device, "deviceProperties", "name", &p->name, e) ||
                         take_text(device, "deviceProperties", "osBuildUpdate", &p->os_build, e) ||
                         take_state(device, p, e)
                     ? -1
                     : 0;
    if (result || take_text(device, "hardwareProperties", "platform", &platform, e))
        return -1;
    if (take_text(device, "deviceProperties", "osVersionNumber", &version, e)) {
        free(platform);
        return -1;
    }
    if (version)
        p->os = tl_format("%s %s", platform ? platform : "iOS", version);
    free(platform);
    free(version);
    return 0;
}

int tl_phone_find(const char *text, size_t size, const char *udid, struct tl_phone *p, struct tl_error *e)
{
    *p = (struct tl_phone){0};
    json_t *root = read_document(text, size, e);
    if (!root)
        return -1;
    const json_t *list = json_object_get(json_object_get(root, "result"), "devices"), *device;
    int result = 0;
    if (!json_is_array(list) || json_array_size(list) > DEVICES_MOST)
        result = tl_fail(e, TL_ERROR_INPUT, doing, "result.devices", "a list of devices was expected");
    for (size_t i = 0; i < json_array_size(list) && !result; i++) {
        device = json_array_get(list, i);
        if (!json_is_object(device))
            result = tl_fail(e, TL_ERROR_INPUT, doing, "result.devices[]", "an object was expected");
        else if (take_text(device, "hardwareProperties", "udid", &p->udid, e) ||
                 take_text(device, NULL, "identifier", &p->identifier, e))
            result = -1;
        else if ((p->udid && !strcmp(p->udid, udid)) || (p->identifier && !strcmp(p->identifier, udid)))
            result = take_phone(device, p, e) ? -1 : 1;
        if (result < 1)
            tl_phone_free(p);
    }
    json_decref(root);
    return result;
}

/* --- reports -------------------------------------------------------------------------------------------- */

/* A path below the directory of reports, and nowhere else, that no tool takes for an option. */
static bool is_report_of(const char *path, const char *process)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(process), length = strlen(name);
    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < ' ')
            return false;
    return *path != '/' && *path != '-' && !strstr(path, "..") && length > 4 && length < 256 &&
           strlen(path) < 1024 && !strcmp(name + length - 4, ".ips") && !strncmp(name, process, n) &&
           name[n] == '-';
}

/* The time stands in the name, so the later one comes first. */
static int later_first(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*y, *x);
}

json_t *tl_phone_reports(const char *text, size_t size, const char *process, size_t most, struct tl_error *e)
{
    json_t *root = read_document(text, size, e);
    if (!root)
        return NULL;
    const json_t *files = json_object_get(json_object_get(root, "result"), "files");
    if (!json_is_array(files)) {
        tl_fail(e, TL_ERROR_INPUT, doing, "result.files", "a list of files was expected");
        json_decref(root);
        return NULL;
    }
    const char **names = tl_calloc(json_array_size(files) + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const char *path = json_string_value(json_object_get(file, "relativePath"));
        path = path ? path : json_string_value(json_object_get(file, "name"));
        if (path && is_report_of(path, process))
            names[n++] = path;
    }
    qsort(names, n, sizeof *names, later_first);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < most; i++)
        json_array_append_new(list, json_string(names[i]));
    free(names);
    json_decref(root);
    return list;
}

/* --- what is not to be seen ----------------------------------------------------------------------------- */

/* What every device is called says nothing of this one, and stands in every text. */
static bool tells_nothing(const char *text)
{
    static const char *const common[] = {"iPhone", "iPad", "iPod", "Apple TV", "Apple Watch"};
    for (size_t i = 0; i < TL_COUNT(common); i++)
        if (!strcmp(common[i], text))
            return true;
    return strlen(text) < 3;
}

static char *replace(char *text, const char *what, const char *alias)
{
    size_t n = strlen(what);
    const char *at = text, *found = strstr(at, what);
    if (!found)
        return text;
    struct tl_buffer b = TL_BUFFER_INIT;
    for (; found; found = strstr(at, what)) {
        tl_buffer_add(&b, at, (size_t)(found - at));
        tl_buffer_printf(&b, "<%s>", alias);
        at = found + n;
    }
    tl_buffer_add_string(&b, at);
    free(text);
    return tl_buffer_take(&b);
}

char *tl_hide(const struct tl_hidden *h, const char *text)
{
    char *clean = tl_strdup(text);
    if (!h->phone)
        return clean;
    const char *const secrets[] = {h->phone->udid, h->phone->identifier, h->phone->serial,
                                   h->phone->ecid, h->phone->name,       h->name};
    for (size_t i = 0; i < TL_COUNT(secrets); i++)
        if (secrets[i] && !tells_nothing(secrets[i]))
            clean = replace(clean, secrets[i], h->alias);
    return clean;
}

static json_t *hide_below(const struct tl_hidden *h, const json_t *j, int depth)
{
    const char *key;
    json_t *value, *to;
    size_t i;
    if (depth > DEPTH_MOST)
        return json_null();
    if (json_is_string(j)) {
        char *text = tl_hide(h, json_string_value(j));
        to = json_string(text);
        free(text);
        return to ? to : json_null();
    }
    if (json_is_array(j)) {
        to = json_array();
        json_array_foreach(j, i, value)
            json_array_append_new(to, hide_below(h, value, depth + 1));
        return to;
    }
    if (!json_is_object(j))
        return json_incref((json_t *)j);
    to = json_object();
    json_object_foreach((json_t *)j, key, value)
        json_object_set_new(to, key, hide_below(h, value, depth + 1));
    return to;
}

json_t *tl_hide_json(const struct tl_hidden *h, const json_t *document)
{
    return hide_below(h, document, 0);
}
