#include "harness/executor/unit_about.h"

#include <string.h>

#define ABOUT_MOST 1024 /* bytes, as in a case file */
#define VALUES_MOST 256

/* A line of text: a runner may be anybody's. */
static bool is_line(const json_t *text)
{
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return n >= 1 && n <= ABOUT_MOST;
}

bool tl_unit_axis_is(const json_t *entry, const char *axis)
{
    const char *name = json_string_value(json_is_object(entry) ? json_object_get(entry, "name") : entry);
    size_t n = name ? strlen(name) : 0;
    if (n > 1 && name[n - 1] == '*') /* all that begin so */
        return !strncmp(name, axis, n - 1);
    return name && !strcmp(name, axis);
}

json_t *tl_unit_about_axis(const struct tl_unit *u, const char *axis)
{
    json_t *entry, *found = NULL;
    size_t i;
    json_array_foreach(u->axes, i, entry) {
        if (json_is_object(entry) && tl_unit_axis_is(entry, axis))
            found = entry;
    }
    if (!found)
        return NULL;
    json_t *about = json_object(), *values = json_object(), *text;
    const char *value;
    if (is_line(json_object_get(found, "about")))
        json_object_set(about, "about", json_object_get(found, "about"));
    json_object_foreach(json_object_get(found, "about_values"), value, text) {
        if (is_line(text) && json_object_size(values) < VALUES_MOST)
            json_object_set(values, value, text);
    }
    if (json_object_size(values))
        json_object_set(about, "about_values", values);
    json_decref(values);
    return about;
}
