#include "reports/finding/members.h"

#include <string.h>

bool tl_list_holds(const json_t *list, const json_t *value)
{
    const json_t *v;
    size_t i;
    json_array_foreach(list, i, v) {
        if (json_equal(v, value))
            return true;
    }
    return false;
}

bool tl_finding_has_note(const json_t *f, const char *code)
{
    const json_t *note;
    size_t i;
    json_array_foreach(json_object_get(f, "notes"), i, note) {
        const char *name = tl_member_text(note, "code");
        if (name && !strcmp(name, code))
            return true;
    }
    return false;
}

bool tl_finding_over_builds(const json_t *f)
{
    return json_is_object(json_object_get(f, "builds")) &&
           (!strcmp(tl_member_or(f, "kind", ""), "builds") || !json_is_object(json_object_get(f, "minimal")));
}

bool tl_finding_unread(const json_t *f, const char *axis)
{
    const json_t *name;
    size_t i;
    json_array_foreach(json_object_get(f, "unread"), i, name) {
        if (axis && json_is_string(name) && !strcmp(json_string_value(name), axis))
            return true;
    }
    return false;
}

bool tl_finding_is_error(const json_t *finding)
{
    return !strcmp(tl_member_or(finding, "outcome", ""), "error");
}
