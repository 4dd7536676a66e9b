/* Since which build it fails, in a sentence.
 *
 * A search over builds stops at one that does not fail as it is reported, whatever it does. One that only refuses the model,
 * as of an opset that it does not know, never came to where it could fail: that the next one fails is then no sign
 * that something broke between them. So what is said of before looks for a build that took the model. */
#include "reports/finding/builds.h"

#include "harness/base/unit_name.h"
#include "reports/comparison.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const json_t *tried_of(const json_t *f)
{
    return json_object_get(json_object_get(f, "builds"), "tried");
}

static const char *build_at(const json_t *tried, size_t i)
{
    return tl_member_or(json_array_get(tried, i), "build", "unknown");
}

static size_t place_of(const json_t *tried, const char *build)
{
    size_t n = json_array_size(tried), i = 0;
    while (i < n && (!build || strcmp(build_at(tried, i), build) != 0))
        i++;
    return i;
}

/* What is known of the builds before a range: the newest that does not fail in this way, and the newest of those after it
 * that tell nothing. A failure that began needs a build that took the model and did not fail so. */
struct before {
    const char *clean;
    const json_t *refuses;
};

static struct before before_of(const json_t *f, const json_t *range)
{
    const json_t *tried = tried_of(f);
    size_t at = place_of(tried, tl_range_end(f, range, false));
    const char *told = tl_member_text(range, "good_before");
    struct before before = {.clean = told};
    if (at == json_array_size(tried)) /* not told by older versions */
        return before;
    if (place_of(tried, told) < at)
        before.clean = NULL;
    while (at-- > 0) {
        const json_t *seen = json_array_get(tried, at);
        if (tl_build_refusal(f, seen)) {
            before.refuses = before.refuses ? before.refuses : seen;
            continue;
        }
        if (tl_build_differs(f, seen) || at == place_of(tried, told))
            before.clean = build_at(tried, at);
        break;
    }
    return before;
}

static size_t place_in_list(const json_t *f, const char *build)
{
    const json_t *list = json_object_get(json_object_get(f, "builds"), "list"), *name;
    size_t i;
    json_array_foreach(list, i, name) {
        if (build && json_is_string(name) && !strcmp(json_string_value(name), build))
            return i;
    }
    return SIZE_MAX;
}

static bool fails_so(const json_t *f, const json_t *seen)
{
    return seen && !tl_build_refusal(f, seen) && !tl_build_differs(f, seen);
}

const char *tl_range_end(const json_t *f, const json_t *range, bool last)
{
    const json_t *tried = tried_of(f);
    const char *told = tl_member_text(range, last ? "last_bad" : "first_bad");
    size_t n = json_array_size(tried), at = place_of(tried, told), place = place_in_list(f, told);
    /* It was not tried: the next one inside that was. */
    for (size_t i = 0; i < n && at == n && place != SIZE_MAX; i++) {
        size_t k = last ? n - 1 - i : i, other = place_in_list(f, build_at(tried, k));
        if (other != SIZE_MAX && (last ? other < place : other > place) &&
            fails_so(f, json_array_get(tried, k)))
            at = k;
    }
    if (at == n)
        return told;
    while (last ? at + 1 < n && fails_so(f, json_array_get(tried, at + 1))
                : at > 0 && fails_so(f, json_array_get(tried, at - 1)))
        at = last ? at + 1 : at - 1;
    return build_at(tried, at);
}

static void add_range(struct tl_buffer *b, const json_t *f, const json_t *range, bool alone)
{
    const char *first = tl_range_end(f, range, false), *last = tl_range_end(f, range, true),
               *fixed = tl_member_text(range, "fixed");
    first = first ? first : "unknown";
    last = last ? last : "unknown";
    const struct before before = before_of(f, range);
    const json_t *after = json_array_get(tried_of(f), place_of(tried_of(f), fixed));
    bool one = !strcmp(first, last);
    tl_buffer_add_string(b, !one ? "from " : alone ? "only in " : "in ");
    tl_inline_code(b, first);
    tl_buffer_add_string(b, one ? "" : " to ");
    tl_inline_code(b, one ? NULL : last);
    tl_buffer_add_string(b, before.clean || fixed ? ", not in " : "");
    tl_inline_code(b, before.clean);
    tl_buffer_add_string(b, before.clean ? " before" : "");
    if (before.clean && before.refuses) {
        tl_buffer_add_string(b, " (");
        tl_inline_code(b, tl_member_text(before.refuses, "build"));
        tl_buffer_printf(b, " between them %s)", tl_build_refusal(f, before.refuses));
    }
    tl_buffer_add_string(b, before.clean && fixed ? " and " : "");
    tl_inline_code(b, fixed);
    tl_buffer_add_string(b, fixed ? " after" : "");
    if (tl_build_is_reference(f, fixed))
        tl_buffer_add_string(b, " (which is what outputs are compared with)");
    if (after && tl_build_refusal(f, after))
        tl_buffer_printf(b, ", which %s", tl_build_refusal(f, after));
    if (!before.clean && before.refuses) {
        tl_buffer_add_string(b, "; whether it did before ");
        tl_inline_code(b, first);
        tl_buffer_add_string(b, " cannot be told, because ");
        tl_inline_code(b, tl_member_text(before.refuses, "build"));
        tl_buffer_printf(b, " %s", tl_build_refusal(f, before.refuses));
    }
}

void tl_words_since(struct tl_buffer *b, const json_t *f)
{
    const json_t *builds = json_object_get(f, "builds"), *ranges = json_object_get(builds, "ranges"), *range;
    size_t i;
    if (!json_is_object(builds))
        return;
    if (!json_array_size(ranges)) {
        tl_buffer_add_string(b, " None of the builds that were tried failed in this way.");
        return;
    }
    json_array_foreach(ranges, i, range) {
        tl_buffer_add_string(b, i ? "; and " : " Of the builds tried, it fails so ");
        add_range(b, f, range, json_array_size(ranges) == 1);
    }
    tl_buffer_add_string(b, ".");
}
