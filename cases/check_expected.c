/* Checks "expected" of a case, which says what is right. */
#include "cases/check.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <stdlib.h>
#include <string.h>

#define EXPECTED_MAX 1024
#define EXPECTED_VALUES_MAX 20000

static void check_outcome(struct tl_check *ck, const struct tl_json_place *at)
{
    const char *name = json_string_value(at->value);
    int outcome = name ? tl_outcome_parse(name) : -1;
    if (at->value && (outcome < 0 || outcome == TL_OUTCOME_LOST))
        tl_note_found(ck, at,
                      "expected an outcome: pass, crash, hang, oom, error, wrong, fallback, unsupported or "
                      "leak");
}

/* Whoever wants a message has to name what can have one. */
static void check_message(struct tl_check *ck, const struct tl_json_place *at,
                          const struct tl_json_place *outcome)
{
    const char *name = json_string_value(outcome->value);
    tl_check_string(ck, at, 1, 4096);
    if (at->value && name && !strcmp(name, "pass"))
        tl_note(ck, at, "a pass has no message");
}

static void check_when(struct tl_check *ck, const struct tl_json_place *at, size_t *values)
{
    if (!at->value)
        return;
    if (!json_is_object(at->value) || !json_object_size(at->value)) {
        tl_note_found(ck, at,
                      "expected an object with at least one axis: {AXIS: VALUE} or {AXIS: [VALUE, …]}");
        return;
    }
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it)) {
        struct tl_value v;
        if (!tl_check_axis_exists(ck, &it, it.key, false))
            continue;
        bool list = json_is_array(it.value);
        *values += list ? json_array_size(it.value) : 1;
        if (*values > EXPECTED_VALUES_MAX) { /* each of them is looked up in its axis */
            tl_note(ck, &it, "expected at most %d values in all conditions together", EXPECTED_VALUES_MAX);
            return;
        }
        if (!list) {
            tl_check_axis_value(ck, &it, it.key, false, &v);
            continue;
        }
        if (!tl_check_list(ck, &it, 1, EXPECTED_VALUES_MAX, "values"))
            continue;
        for (struct tl_json_place e = tl_first(ck, &it); e.value; tl_next(ck, &e))
            tl_check_axis_value(ck, &e, it.key, false, &v);
    }
}

/* A unit on which no trial of the case can be, so that what is expected there never holds. */
static void check_kind_of_unit(struct tl_check *ck, const struct tl_json_place *at, const char *unit)
{
    const struct tl_case *c = ck->c;
    bool steps = c->model_kind == TL_MODEL_STEPS,
         other = !steps && (c->family || c->model_file || c->model_kind == TL_MODEL_GENERATE);
    bool command = !strncmp(unit, "command", 7) && (unit[7] == ':' || unit[7] == '@');
    if (steps && strcmp(unit, "command:host") != 0)
        tl_note_found(ck, at, "expected \"command:host\": a case with steps runs on no other unit");
    else if (other && command)
        tl_note_found(ck, at, "expected another unit: command:host runs cases with steps only");
}

static void check_entry(struct tl_check *ck, const struct tl_json_place *at, size_t *values)
{
    struct tl_key keys[4];
    if (!tl_check_keys(ck, at, &tl_keys_expected, keys, "an object with \"outcome\""))
        return;
    check_outcome(ck, &keys[0].at);
    check_message(ck, &keys[1].at, &keys[0].at);
    check_when(ck, &keys[2].at, values);
    const char *unit = tl_check_string(ck, &keys[3].at, 1, 1024);
    if (unit && !tl_check_unit(ck, unit, ck->c->directory))
        tl_note_found(ck, &keys[3].at, "expected a unit, RUNNER[@BUILDS]:DEVICE");
    else if (unit)
        check_kind_of_unit(ck, &keys[3].at, unit);
}

void tl_check_expected(struct tl_check *ck, const struct tl_json_place *at)
{
    size_t values = 0;
    if (!at->value)
        return;
    ck->c->expected = at->value;
    if (json_is_object(at->value)) {
        check_entry(ck, at, &values);
        return;
    }
    if (!json_is_array(at->value)) {
        tl_note_found(ck, at, "expected an object with \"outcome\", or a list of such objects");
        return;
    }
    if (!tl_check_list(ck, at, 1, EXPECTED_MAX, "objects with \"outcome\""))
        return;
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        check_entry(ck, &it, &values);
}
