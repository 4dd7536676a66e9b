/* Checks what is looked for in output: what is counted, within which bounds, and the lines with which phases begin. */
#include "cases/check.h"
#include "cases/suggest.h"
#include "harness/base/buffer.h"
#include "harness/base/line_regex.h"
#include "harness/base/record.h"

#include <stdlib.h>
#include <string.h>

#define COUNTS_MAX 256
#define MARKERS_MAX 256
#define PATTERN_MAX 4096
#define COUNT_MOST 1000000000

/* --- counts --------------------------------------------------------------------------------------------- */

static void check_regex(struct tl_check *ck, const struct tl_json_place *at, const char *text, bool number)
{
    char *why;
    struct tl_line_regex *x = tl_line_regex_new(text, &why);
    if (!x)
        tl_note(ck, at, "expected a regular expression; %s", why);
    else if (number && !tl_line_regex_has_group(x))
        tl_note(ck, at,
                "expected a regular expression with a group that holds the number, as in \"step ([0-9]+)\"");
    free(why);
    tl_line_regex_free(x);
}

/* An axis that sets what is counted: its values have an order, and are numbers. */
static const char *check_axis(struct tl_check *ck, const struct tl_json_place *at)
{
    const char *name = tl_check_string(ck, at, 1, 128);
    if (!name || !tl_check_axis_exists(ck, at, name, false))
        return NULL;
    const struct tl_axis *a = tl_case_axis(ck->c, name, NULL);
    if (a->count == 0) /* was reported */
        return NULL;
    if (a->kind == TL_AXIS_CHOICES || tl_axis_value(a, 0).type != TL_VALUE_INTEGER) {
        tl_note(ck, at, "expected an axis of integers with an order (\"range\" or \"ordered\")");
        return NULL;
    }
    bool ascends = a->kind != TL_AXIS_RANGE || a->first <= a->last;
    for (uint64_t i = 1; a->kind == TL_AXIS_ORDERED && i < a->count; i++)
        ascends = ascends && a->values[i - 1].integer < a->values[i].integer;
    if (!ascends) {
        tl_note(ck, at, "expected an axis whose values ascend");
        return NULL;
    }
    return tl_arena_string(ck->arena, name);
}

/* What is counted, and how: exactly one of "glob", "regex" and "number". */
static bool check_what(struct tl_check *ck, const struct tl_json_place *at, const struct tl_key *keys,
                       struct tl_count *x)
{
    static const enum tl_count_kind kinds[] = {TL_COUNT_GLOB, TL_COUNT_REGEX, TL_COUNT_NUMBER};
    size_t found = 0;
    for (size_t i = 0; i < 3; i++)
        found += keys[i].at.value != NULL;
    if (found != 1) {
        tl_note(ck, at, "expected exactly one of \"glob\", \"regex\" and \"number\"");
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        const char *text = tl_check_string(ck, &keys[i].at, 1, PATTERN_MAX);
        if (!keys[i].at.value)
            continue;
        x->kind = kinds[i];
        if (text && i)
            check_regex(ck, &keys[i].at, text, x->kind == TL_COUNT_NUMBER);
        x->pattern = tl_arena_string(ck->arena, text);
    }
    return x->pattern != NULL;
}

static struct tl_count *counter_named(const struct tl_expect *x, const char *name)
{
    for (size_t i = 0; i < x->n_count; i++)
        if (!strcmp(x->count[i].name, name))
            return &x->count[i];
    return NULL;
}

static void check_count(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x)
{
    struct tl_key keys[6];
    struct tl_count k = {.min = INT64_MIN, .max = INT64_MAX};
    if (!tl_check_keys(ck, at, &tl_keys_count, keys,
                       "an object with \"name\", and \"glob\", \"regex\" or \"number\""))
        return;
    k.name = tl_arena_string(ck->arena, tl_check_string(ck, &keys[0].at, 1, 128));
    bool good = check_what(ck, at, keys + 1, &k);
    k.axis = check_axis(ck, &keys[4].at);
    k.finished = json_is_true(keys[5].at.value);
    if (keys[5].at.value && !json_is_boolean(keys[5].at.value))
        tl_note_found(ck, &keys[5].at, "expected true or false");
    else if (keys[5].at.value && !keys[4].at.value)
        tl_note(ck, &keys[5].at, "expected \"axis\" as well: it says what the number means for that");
    if (k.name && counter_named(x, k.name))
        tl_note_found(ck, &keys[0].at, "expected a name that is not used before");
    else if (k.name && good)
        x->count[x->n_count++] = k;
}

static const char *nearest(const struct tl_expect *x, const char *name)
{
    const char *names[COUNTS_MAX];
    for (size_t i = 0; i < x->n_count && i < COUNTS_MAX; i++)
        names[i] = x->count[i].name;
    return tl_suggest(name, names, x->n_count < COUNTS_MAX ? x->n_count : COUNTS_MAX);
}

/* An entry of "count" in "expect": bounds of something that "count" counts, or of something of its own. */
static void check_bound(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x)
{
    struct tl_key keys[6];
    struct tl_count own = {.bounded = true}, *k = &own;
    if (!tl_check_keys(ck, at, &tl_keys_bound, keys,
                       "an object with \"name\", \"glob\", \"regex\" or \"number\", \"min\" and \"max\""))
        return;
    const char *name = tl_check_string(ck, &keys[0].at, 1, 128);
    struct tl_count *named = name ? counter_named(x, name) : NULL;
    bool alone = !keys[1].at.value && !keys[2].at.value && !keys[3].at.value, good = true;
    own.name = tl_arena_string(ck->arena, name);
    if (named && alone && !named->bounded) {
        k = named;
        k->bounded = true;
    } else if (alone && x->n_count && name) {
        const char *suggested = nearest(x, name);
        tl_note(ck, &keys[0].at,
                named ? "expected bounds once for each name"
                      : "nothing of this name is counted; did you mean \"%s\"?",
                suggested ? suggested : x->count[0].name);
        good = false;
    } else {
        good = check_what(ck, at, keys + 1, &own);
    }
    k->min = 0;
    k->max = COUNT_MOST;
    tl_check_integer(ck, &keys[4].at, 0, COUNT_MOST, &k->min);
    tl_check_integer(ck, &keys[5].at, 0, COUNT_MOST, &k->max);
    if (!keys[4].at.value && !keys[5].at.value)
        tl_note(ck, at, "expected \"min\" or \"max\" or both");
    else if (k->min > k->max)
        tl_note(ck, at, "expected a \"min\" that is not above \"max\"");
    if (k == &own && good && own.name)
        x->count[x->n_count++] = own;
}

/* One object, or a list of them. */
static void each(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x,
                 void (*check)(struct tl_check *, const struct tl_json_place *, struct tl_expect *))
{
    if (!at->value)
        return;
    bool one = json_is_object(at->value);
    if (!one && !tl_check_list(ck, at, 0, COUNTS_MAX, "objects that say what is counted"))
        return;
    struct tl_count *room =
        tl_arena_alloc(ck->arena, x->n_count + json_array_size(at->value) + 1, sizeof *room);
    if (x->n_count)
        memcpy(room, x->count, x->n_count * sizeof *room);
    x->count = room;
    if (one)
        check(ck, at, x);
    for (struct tl_json_place it = tl_first(ck, at); !one && it.value; tl_next(ck, &it))
        check(ck, &it, x);
}

void tl_check_counts(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x)
{
    each(ck, at, x, check_count);
}

void tl_check_bounds(struct tl_check *ck, const struct tl_json_place *at, struct tl_expect *x)
{
    each(ck, at, x, check_bound);
}

/* --- phases --------------------------------------------------------------------------------------------- */

int tl_check_phase(struct tl_check *ck, const struct tl_json_place *at, const char *name)
{
    static const enum tl_phase phases[] = {TL_PHASE_GENERATE, TL_PHASE_LOAD, TL_PHASE_COMPILE,
                                           TL_PHASE_EXECUTE, TL_PHASE_CHECK};
    for (size_t i = 0; name && i < TL_COUNT(phases); i++)
        if (!strcmp(tl_phase_name(phases[i]), name))
            return (int)phases[i];
    tl_note_found(ck, at, "expected a phase: generate, load, compile, execute or check");
    return -1;
}

static void check_marker(struct tl_check *ck, const struct tl_json_place *at, int phase,
                         struct tl_marker *markers, size_t *n)
{
    const char *text = tl_check_string(ck, at, 1, PATTERN_MAX);
    if (text && phase >= 0)
        markers[(*n)++] = (struct tl_marker){phase, tl_arena_string(ck->arena, text)};
}

static const char *phase_like(const char *key)
{
    static const char *const names[] = {"generate", "load", "compile", "execute", "check"};
    return tl_suggest(key, names, TL_COUNT(names));
}

size_t tl_check_markers(struct tl_check *ck, const struct tl_json_place *at, struct tl_marker **markers)
{
    size_t n = 0, most = 0;
    if (!at->value)
        return 0;
    if (!json_is_object(at->value) || !json_object_size(at->value)) {
        tl_note_found(ck, at,
                      "expected an object of phases, each with the text, or the regular expression, of the "
                      "line with which it begins");
        return 0;
    }
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        most += json_is_array(it.value) ? json_array_size(it.value) : 1;
    if (most > MARKERS_MAX) {
        tl_note(ck, at, "expected at most %d texts", MARKERS_MAX);
        return 0;
    }
    *markers = tl_arena_alloc(ck->arena, most + 1, sizeof **markers);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        int phase = -1;
        for (int p = TL_PHASE_GENERATE; p <= TL_PHASE_CHECK; p++)
            phase = strcmp(tl_phase_name((enum tl_phase)p), it.key) ? phase : p;
        const char *suggested = phase < 0 ? phase_like(it.key) : NULL;
        if (phase < 0)
            tl_note(ck, &it, "expected a phase as the key: generate, load, compile, execute or check%s%s%s",
                    suggested ? "; did you mean \"" : "", suggested ? suggested : "", suggested ? "\"?" : "");
        else if (!json_is_array(it.value))
            check_marker(ck, &it, phase, *markers, &n);
        else if (tl_check_list(ck, &it, 1, MARKERS_MAX, "texts"))
            for (struct tl_json_place text = tl_first(ck, &it); text.value; tl_next(ck, &text))
                check_marker(ck, &text, phase, *markers, &n);
    }
    return n;
}
