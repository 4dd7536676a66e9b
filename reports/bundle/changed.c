/* What of a case was changed since its failure was found: a script, a module or a tool may do something else by now. A finding
 * holds what its files held ("contents": {PATH: SHA-256}). Of a file that it does not know the time of its last change tells
 * something; of an older finding, which knows none, no more than that: a copy has a later time, too. */
#include "reports/bundle/parts.h"

#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define US_PER_S INT64_C(1000000)

/* It was, or is new. */
static bool is_changed(const struct tl_bundle *b, const char *path)
{
    const char *then = tl_member_text(json_object_get(b->source->finding, "contents"), path);
    int64_t found_us = (int64_t)tl_member_integer(b->source->finding, "created_us");
    char now[TL_SHA256_SIZE];
    struct stat st;
    if (stat(path, &st))
        return false;
    if (then && strchr(then, ' ')) {
        char *state = tl_content_state(&st);
        bool changed = strcmp(then, state) != 0;
        free(state);
        return changed;
    }
    if (then)
        return !tl_hash_file(path, now) && strcmp(then, now) != 0;
    struct timespec modified = tl_modified(&st);
    return found_us > 0 && (int64_t)modified.tv_sec * US_PER_S + modified.tv_nsec / 1000 > found_us;
}

const char *tl_bundle_changed_words(const struct tl_bundle *b, const char *path)
{
    bool known = json_object_size(json_object_get(b->source->finding, "contents"));
    return !is_changed(b, path) ? ""
           : known              ? TL_BUNDLE_CHANGED
                   : "; it was written after the failure was found, and may be another one by now";
}

/* What was there when the failure was found, and is not any more. */
static void say_gone(struct tl_bundle *b)
{
    const char *path;
    json_t *then;
    struct stat st;
    json_object_foreach(json_object_get(b->source->finding, "contents"), path, then)
        if (stat(path, &st))
            tl_bundle_leave_out(
                b, tl_format("%s, which was there when the failure was found: it is gone", path));
}

/* In the report as bundle.changed: names of files in the bundle, and of tools that are not in it. */
void tl_bundle_say_changed(struct tl_bundle *b)
{
    say_gone(b);
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
        if (known && is_changed(b, path))
            json_array_append_new(changed, json_string(tl_base_name(path)));
    }
    if (json_array_size(changed))
        json_object_set(json_object_get(b->report, "bundle"), "changed", changed);
    json_decref(changed);
}
