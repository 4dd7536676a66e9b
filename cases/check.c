/* Checks a case document from the top, except its model (check_model.c), its axes (check_axes.c) and its
 * reference (check_reference.c).
 *
 * A check goes on after a mistake, so that who wrote the file gets all of them at once: each part is looked
 * at on its own, what is wrong in it is noted and left out of the case, and nothing that depends on it is
 * complained of as well. The order matters only where one part gives another its meaning: the model is first,
 * because its family says which axes there can be; then the axes; then "failing", "forbid" and the commands,
 * which name axes. */
#include "cases/check.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define FORBID_MAX 1024

static void check_failing(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_case *c = ck->c;
    c->failing.index = tl_arena_alloc(ck->arena, c->n_axes, sizeof *c->failing.index);
    if (!at->value)
        return;
    if (!json_is_object(at->value)) {
        tl_note_found(ck, at,
                      "expected an object: an axis and its value for every axis that is not at its baseline");
        return;
    }
    c->has_failing = true;
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_value v;
        size_t i;
        if (!tl_check_axis_exists(ck, &it, it.key, false))
            continue;
        const struct tl_axis *axis = tl_case_axis(c, it.key, &i);
        if (axis->sets)
            tl_check_axis_set(ck, &it, axis, &c->failing.index[i]);
        else if (tl_check_axis_value(ck, &it, it.key, false, &v))
            tl_axis_index(axis, v, &c->failing.index[i]);
    }
}

static void check_forbid(struct tl_check *ck, const struct tl_json_place *at)
{
    if (!tl_check_list(ck, at, 0, FORBID_MAX, "combinations"))
        return;
    ck->c->forbid = tl_arena_alloc(ck->arena, json_array_size(at->value), sizeof *ck->c->forbid);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        tl_check_combination(ck, &it, true, &ck->c->forbid[ck->c->n_forbid++]);
}

static void check_limits(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_limits *l = &ck->c->limits;
    *l = tl_limits_default;
    struct tl_key keys[4];
    uint64_t *const counts[] = {NULL, &l->memory_mb, &l->processes, &l->disk_mb};
    static const int64_t most[] = {0, INT64_C(1) << 24, INT64_C(1) << 22, INT64_C(1) << 24};
    if (!at->value || !tl_check_keys(ck, at, &tl_keys_limits, keys, "an object of limits"))
        return;
    tl_check_number(ck, &keys[0].at, 0, TL_CHECK_WEEK_S, false, &l->timeout_s);
    for (size_t i = 1; i < 4; i++) {
        int64_t v;
        if (tl_check_integer(ck, &keys[i].at, 0, most[i], &v))
            *counts[i] = (uint64_t)v;
    }
}

/* What can be said only of a case without other mistakes: that its failing variant may be tried at all. */
static void check_failing_allowed(struct tl_check *ck, const struct tl_json_place *at)
{
    char *why = tl_variant_forbidden(ck->c, &ck->c->failing);
    if (why)
        tl_note(ck, at, "expected a variant that may be tried: %s", why);
    free(why);
}

static const char *check_line_of_text(struct tl_check *ck, const struct tl_json_place *at)
{
    return tl_arena_string(ck->arena, tl_check_string(ck, at, 0, 65536));
}

static bool is_for_people(const json_t *value)
{
    const char *s = json_string_value(value);
    size_t n = json_string_length(value);
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\n' && s[i] != '\t') || s[i] == 0x7f)
            return false;
    return n >= 1 && n <= 65536;
}

/* What only people read: a text, or a list of them. */
static void check_words_for_people(struct tl_check *ck, const struct tl_json_place *at)
{
    static const char text[] =
        "expected a text of at most 65536 bytes, without control characters but line breaks";
    if (!at->value)
        return;
    if (!json_is_array(at->value)) {
        if (!is_for_people(at->value))
            tl_note_found(ck, at, "%s, or a list of them", text);
        return;
    }
    if (tl_check_list(ck, at, 1, 1024, "texts"))
        for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
            if (!is_for_people(it.value))
                tl_note_found(ck, &it, "%s", text);
}

/* [a-z0-9][a-z0-9._-]*, at most 128 bytes */
static bool is_name(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || !strchr("._-", c)))
            return false;
    }
    return n > 0 && n <= 128;
}

const char *tl_check_heading(struct tl_check *ck, const struct tl_json_place *version,
                             const struct tl_json_place *at)
{
    if (version->value && (!json_is_integer(version->value) || json_integer_value(version->value) != 1))
        tl_note_found(ck, version, "expected 1, the version of the format that this trapline reads");
    const char *name = tl_check_string(ck, at, 1, 128);
    if (name && !is_name(name))
        tl_note_found(ck, at,
                      "expected lower-case letters, digits, '.', '_' and '-', a letter or digit first");
    return tl_arena_string(ck->arena, name);
}

void tl_check_schema(struct tl_check *ck, const struct tl_json_place *at)
{
    if (at->value && !json_is_string(at->value))
        tl_note_found(ck, at, "expected a string: where the schema is, for editors");
}

void tl_check_document(struct tl_check *ck, json_t *document)
{
    enum {
        VERSION,
        NAME,
        TITLE,
        MODEL,
        AXES,
        FAILING,
        FORBID,
        REFERENCE,
        LIMITS,
        INPUTS,
        SOURCE,
        ENVIRONMENT,
        FILES,
        VERSIONS,
        EXPECTED,
        KNOWN,
        EXPECT,
        PHASE_MARKER,
        COUNT,
        METRICS,
        NOTES,
        EXPECTED_TEXT,
        IMPACT,
        RELATED,
        TRIED,
        SCHEMA,
        N
    };
    struct tl_key keys[N];
    struct tl_json_place top = {.value = document};
    struct tl_case *c = ck->c;
    c->limits = tl_limits_default;
    if (!tl_check_keys(ck, &top, &tl_keys_case, keys, "a case: an object"))
        return;
    c->name = tl_check_heading(ck, &keys[VERSION].at, &keys[NAME].at);
    tl_check_schema(ck, &keys[SCHEMA].at);
    c->title = check_line_of_text(ck, &keys[TITLE].at);
    c->source = check_line_of_text(ck, &keys[SOURCE].at);
    for (size_t i = NOTES; i <= TRIED; i++)
        check_words_for_people(ck, &keys[i].at);

    if (keys[MODEL].at.value)
        tl_check_model(ck, &keys[MODEL].at);
    tl_check_axis_list(ck, &keys[AXES].at);
    check_failing(ck, &keys[FAILING].at);
    tl_check_sets(ck);
    check_forbid(ck, &keys[FORBID].at);
    check_limits(ck, &keys[LIMITS].at);
    tl_check_environment(ck, &keys[ENVIRONMENT].at);
    tl_check_files(ck, &keys[FILES].at);
    tl_check_versions(ck, &keys[VERSIONS].at);
    tl_check_expected(ck, &keys[EXPECTED].at);
    tl_check_known(ck, &keys[KNOWN].at);
    tl_check_metrics(ck, &keys[METRICS].at);
    if (keys[MODEL].at.value)
        tl_check_commands(ck, &keys[MODEL].at, keys[INPUTS].at.value != NULL);
    tl_check_runner(ck, &keys[EXPECT].at, &keys[PHASE_MARKER].at, &keys[COUNT].at);
    tl_check_reference(ck, &keys[REFERENCE].at);
    if (keys[INPUTS].at.value)
        tl_check_inputs(ck, &keys[INPUTS].at);
    if (ck->n_noted == 0 && c->has_failing)
        check_failing_allowed(ck, &keys[FAILING].at);
}
