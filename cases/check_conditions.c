/* Checks what "expected" and "known" share: that they are one entry or several, and the conditions of those, the variants and the
 * units that they are about. */
#include "cases/check.h"

#include <stdio.h>
#include <string.h>

#define VALUES_MAX 20000

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
        if (*values > VALUES_MAX) { /* each of them is looked up in its axis */
            tl_note(ck, &it, "expected at most %d values in all conditions together", VALUES_MAX);
            return;
        }
        if (!list) {
            tl_check_axis_value(ck, &it, it.key, false, &v);
            continue;
        }
        if (!tl_check_list(ck, &it, 1, VALUES_MAX, "values"))
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

void tl_check_conditions(struct tl_check *ck, const struct tl_json_place *when,
                         const struct tl_json_place *at, size_t *values)
{
    check_when(ck, when, values);
    const char *unit = tl_check_string(ck, at, 1, 1024);
    if (unit && !tl_check_unit(ck, unit, ck->c->directory))
        tl_note_found(ck, at, "expected a unit, RUNNER[@BUILDS]:DEVICE");
    else if (unit)
        check_kind_of_unit(ck, at, unit);
}

void tl_check_one_or_more(struct tl_check *ck, const struct tl_json_place *at, size_t most, const char *key,
                          void (*check)(struct tl_check *ck, const struct tl_json_place *at, size_t *values))
{
    size_t values = 0;
    char what[64];
    snprintf(what, sizeof what, "objects with \"%s\"", key);
    if (json_is_object(at->value))
        check(ck, at, &values);
    else if (!json_is_array(at->value))
        tl_note_found(ck, at, "expected an object with \"%s\", or a list of such objects", key);
    else if (tl_check_list(ck, at, 1, most, what))
        for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
            check(ck, &it, &values);
}
