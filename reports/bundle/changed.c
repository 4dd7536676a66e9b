/* What of a case was changed since its failure was found: a script, a module or a tool may do something else by now. A finding
 * holds what its files held ("contents": {PATH: SHA-256}); of one that has none, or does not know a file, the time of the
 * file's last change tells. */
#include "reports/bundle/parts.h"

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define US_PER_S INT64_C(1000000)

bool tl_bundle_is_changed(const struct tl_bundle *b, const char *path)
{
    const char *then = tl_member_text(json_object_get(b->source->finding, "contents"), path);
    int64_t found_us = (int64_t)tl_member_integer(b->source->finding, "created_us");
    char now[TL_SHA256_SIZE];
    struct stat st;
    if (stat(path, &st))
        return false;
    if (then)
        return !tl_hash_file(path, now) && strcmp(then, now) != 0;
    struct timespec modified = tl_modified(&st);
    return found_us > 0 && (int64_t)modified.tv_sec * US_PER_S + modified.tv_nsec / 1000 > found_us;
}

/* In the report as bundle.changed: names of files in the bundle, and of tools that are not in it. */
void tl_bundle_say_changed(struct tl_bundle *b)
{
    json_t *changed = json_array();
    const json_t *file, *tool;
    size_t i;
    json_array_foreach(b->files, i, file)
        if (strstr(tl_member_or(file, "about", ""), TL_BUNDLE_CHANGED))
            json_array_append(changed, json_object_get(file, "name"));
    json_array_foreach(json_object_get(b->o->files, "tools"), i, tool) {
        const char *path = json_string_value(tool);
        /* Without its content then, a new version would be one of an old date. */
        bool known = path && tl_member_text(json_object_get(b->source->finding, "contents"), path);
        if (known && tl_bundle_is_changed(b, path))
            json_array_append_new(changed, json_string(tl_base_name(path)));
    }
    if (json_array_size(changed))
        json_object_set(json_object_get(b->report, "bundle"), "changed", changed);
    json_decref(changed);
}
