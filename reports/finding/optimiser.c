/* What a reduction found of the runtime's optimisers: without which of them the failure goes away. */
#include "reports/finding/optimiser.h"

#include "harness/base/buffer.h"
#include "reports/members.h"
#include "reports/page/page.h"

static void add_name(struct tl_buffer *b, const char *name, bool marked)
{
    if (marked)
        tl_inline_code(b, name);
    else
        tl_buffer_add_string(b, name);
}

/* "A", "A and B together". */
static void add_set(struct tl_buffer *b, const json_t *set, bool marked)
{
    const json_t *name;
    size_t i, n = json_array_size(set);
    json_array_foreach(set, i, name) {
        tl_buffer_add_string(b, !i ? "" : i + 1 < n ? ", " : " and ");
        add_name(b, json_is_string(name) ? json_string_value(name) : "?", marked);
    }
    if (n > 1)
        tl_buffer_add_string(b, " together");
}

/* It passes nowhere, and fails in another way where it does not fail so. */
static bool is_otherwise(const json_t *one)
{
    return json_is_integer(json_object_get(one, "fails_otherwise_at"));
}

static void add_levels(struct tl_buffer *b, const json_t *one, bool marked)
{
    add_name(b, "optimization", marked);
    tl_buffer_printf(
        b, " %lld",
        (long long)tl_member_integer(one, is_otherwise(one) ? "fails_otherwise_at" : "passes_at"));
}

static void add_model(struct tl_buffer *b, const char *what, const json_t *one, bool marked)
{
    const json_t *names = json_object_get(one, "names"), *other;
    bool passes = json_is_integer(json_object_get(one, "passes_at")) || is_otherwise(one);
    size_t i;
    if (!json_array_size(names) && !passes)
        return;
    tl_buffer_printf(b, "%s%s %s ", b->data ? " " : "", what,
                     is_otherwise(one) ? "fails in another way" : "passes");
    if (passes) {
        tl_buffer_add_string(b, "with ");
        add_levels(b, one, marked);
    }
    if (!json_array_size(names)) {
        tl_buffer_printf(b, "; which optimiser is needed for the failure was not found: %s.",
                         tl_member_or(one, "why", "it was not searched"));
        return;
    }
    tl_buffer_printf(b, "%sat %lld without ", passes ? ", and " : "",
                     (long long)tl_member_integer(one, "level"));
    add_set(b, names, marked);
    json_array_foreach(json_object_get(one, "or"), i, other) {
        tl_buffer_add_string(b, ", or without ");
        add_set(b, other, marked);
    }
    tl_buffer_add_string(b, tl_member_true(one, "minimal") || !passes ? "." : " (not shown to be minimal).");
}

static bool is_in(const json_t *sets, const json_t *set)
{
    const json_t *one;
    size_t i;
    json_array_foreach(sets, i, one)
        if (json_equal(one, set))
            return true;
    return false;
}

bool tl_optimiser_is_other(const json_t *reduction)
{
    const json_t *found = json_object_get(reduction, "optimiser"),
                 *original = json_object_get(found, "original"), *names = json_object_get(found, "names"),
                 *own = json_object_get(original, "names"), *set;
    size_t i;
    if (!json_array_size(names) || !json_array_size(own) || json_equal(names, own) ||
        is_in(json_object_get(found, "or"), own) || is_in(json_object_get(original, "or"), names))
        return false;
    json_array_foreach(json_object_get(found, "or"), i, set)
        if (is_in(json_object_get(original, "or"), set))
            return false;
    return true;
}

char *tl_optimiser_words(const json_t *reduction, bool marked)
{
    const json_t *found = json_object_get(reduction, "optimiser"),
                 *original = json_object_get(found, "original");
    struct tl_buffer b = TL_BUFFER_INIT;
    bool alike = json_is_object(original) && json_array_size(json_object_get(found, "names")) &&
                 json_equal(json_object_get(found, "names"), json_object_get(original, "names")) &&
                 is_otherwise(found) == is_otherwise(original);
    add_model(&b, json_object_get(found, "model") ? "The original" : "It", found, marked);
    if (alike)
        tl_buffer_add_string(&b, " So does the original.");
    else
        add_model(&b, "The original", original, marked);
    if (!alike && json_is_object(original) && json_array_size(json_object_get(found, "names")) &&
        !json_array_size(json_object_get(original, "names")) &&
        !json_is_integer(json_object_get(original, "passes_at")))
        tl_buffer_printf(&b, " The original does not: %s.",
                         tl_member_or(original, "why", "it was not searched"));
    if (tl_optimiser_is_other(reduction))
        tl_buffer_add_string(
            &b, " So what is left fails for another reason than the original: it may be another bug.");
    return b.data ? tl_buffer_take(&b) : NULL;
}
