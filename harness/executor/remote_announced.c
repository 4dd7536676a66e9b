#include "harness/executor/remote_announced.h"

#include "harness/base/buffer.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/executor/remote_job.h"

#include <string.h>

#define UNITS_MOST 1024
#define AXES_MOST 4096
#define TEXT_MOST 512
#define PLACES_MOST 4096
#define DEVICE_MOST 64 /* it is a part of subjects */

struct reading {
    const char *machine;
    struct tl_error *e;
};

static int wrong(const struct reading *r, const char *of, const char *expected)
{
    return tl_fail(r->e, TL_ERROR_INPUT, "a machine of the fleet says nothing that makes sense", r->machine,
                   "%s: %s was expected; its trials are run by others, if there are any", of, expected);
}

/* A text that a person may be shown. */
static bool is_text(const json_t *j, size_t most)
{
    const char *text = json_string_value(j);
    size_t n = json_string_length(j);
    if (!text || n > most || strlen(text) != n)
        return false;
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127)
            return false;
    return true;
}

static bool is_name(const json_t *j)
{
    return is_text(j, TEXT_MOST) && json_string_length(j) > 0;
}

static bool is_of(const json_t *j, const char *characters, size_t least, size_t most)
{
    const char *text = json_string_value(j);
    size_t n = text ? strlen(text) : 0;
    return n >= least && n <= most && n == json_string_length(j) && strspn(text, characters) == n;
}

static int read_unit(const struct reading *r, const json_t *u)
{
    static const char *const texts[] = {"runner_version", "os", "os_build", "model"};
    const json_t *axes = json_object_get(u, "axes"), *axis;
    size_t i;
    if (!is_name(json_object_get(u, "unit")))
        return wrong(r, "a unit", "a name of at most 512 characters");
    if (!is_of(json_object_get(u, "kind"), "0123456789abcdef", TL_ID_SIZE - 1, TL_ID_SIZE - 1))
        return wrong(r, "the kind of a unit", "32 of 0-9 and a-f");
    if (!is_of(json_object_get(u, "device"),
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 1, DEVICE_MOST))
        return wrong(r, "the device of a unit", "1 to 64 of letters, digits, '-' and '_'");
    for (i = 0; i < TL_COUNT(texts); i++) {
        const json_t *text = json_object_get(u, texts[i]);
        if (text && !json_is_null(text) && !is_text(text, TEXT_MOST))
            return wrong(r, texts[i], "a text of at most 512 characters");
    }
    if (axes && !json_is_null(axes) && (!json_is_array(axes) || json_array_size(axes) > AXES_MOST))
        return wrong(r, "the axes of a unit", "a list of at most 4096");
    json_array_foreach(axes, i, axis)
        if (!is_name(axis))
            return wrong(r, "an axis of a unit", "a name");
    return 0;
}

static int read_machine(const struct reading *r, const json_t *j)
{
    static const char *const texts[] = {"name", "arch", "cpu", "os", "os_build", "kernel", "processor"};
    const json_t *machine = json_object_get(j, "machine"), *units = json_object_get(j, "units"), *one;
    json_int_t protocol = json_integer_value(json_object_get(j, "protocol")),
               places = json_integer_value(json_object_get(j, "places"));
    size_t i;
    if (!json_is_object(j))
        return wrong(r, "what it announces", "one JSON object of at most 256 KiB");
    if (protocol != TL_REMOTE_PROTOCOL)
        return tl_fail(r->e, TL_ERROR_INPUT, "a machine of the fleet cannot be asked", r->machine,
                       "it has protocol %lld, and this trapline knows %d: install the same version on both "
                       "machines",
                       (long long)protocol, TL_REMOTE_PROTOCOL);
    if (places < 1 || places > PLACES_MOST)
        return wrong(r, "places", "a number from 1 to 4096");
    if (!is_text(json_object_get(j, "trapline"), TEXT_MOST))
        return wrong(r, "trapline", "a version");
    if (!json_is_object(machine))
        return wrong(r, "machine", "an object");
    for (i = 0; i < TL_COUNT(texts); i++) {
        const json_t *text = json_object_get(machine, texts[i]);
        if (text && !json_is_null(text) && !is_text(text, TEXT_MOST))
            return wrong(r, texts[i], "a text of at most 512 characters");
    }
    if (!json_is_array(units) || json_array_size(units) > UNITS_MOST)
        return wrong(r, "units", "a list of at most 1024");
    json_array_foreach(units, i, one)
        if (read_unit(r, one))
            return -1;
    return 0;
}

json_t *tl_remote_machine_read(const char *machine, const char *text, struct tl_error *e)
{
    const struct reading r = {machine, e};
    json_t *j = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!read_machine(&r, j))
        return j;
    json_decref(j);
    return NULL;
}
