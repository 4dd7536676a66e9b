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

static bool passes_on(const json_t *builds, const char *build)
{
    const json_t *seen;
    size_t i;
    json_array_foreach(json_object_get(builds, "tried"), i, seen)
        if (build && !strcmp(tl_member_or(seen, "build", ""), build))
            return !strcmp(tl_member_or(seen, "outcome", ""), "pass") && !tl_member_integer(seen, "failed");
    return false;
}

const char *tl_finding_good_build(const json_t *f)
{
    static const char *const sides[] = {"fixed", "good_before"};
    const json_t *builds = json_object_get(f, "builds"), *range, *seen;
    size_t i;
    for (size_t side = 0; side < 2; side++)
        json_array_foreach(json_object_get(builds, "ranges"), i, range)
            if (passes_on(builds, tl_member_text(range, sides[side])))
                return tl_member_text(range, sides[side]);
    json_array_foreach(json_object_get(builds, "tried"), i, seen)
        if (passes_on(builds, tl_member_text(seen, "build")))
            return tl_member_text(seen, "build");
    return NULL;
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
