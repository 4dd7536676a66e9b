#include "cases/expected.h"

#include "cases/conditions.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static char *words_of(const char *outcome, const char *message)
{
    return message ? tl_format("%s \"%s\"", outcome, message) : tl_strdup(outcome);
}

enum tl_standing tl_expected_standing(const json_t *expected, const json_t *variant, const char *unit,
                                      enum tl_outcome outcome, const char *const texts[2], char **what)
{
    bool list = json_is_array(expected);
    size_t n = list ? json_array_size(expected) : json_is_object(expected);
    if (what)
        *what = NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *entry = list ? json_array_get(expected, i) : expected;
        const char *name = json_string_value(json_object_get(entry, "outcome")),
                   *message = json_string_value(json_object_get(entry, "message"));
        if (!name || !tl_conditions_hold(entry, variant, unit))
            continue;
        if (what)
            *what = words_of(name, message);
        bool said = !message;
        for (size_t k = 0; k < 2 && !said; k++)
            said = texts[k] && strstr(texts[k], message);
        return said && outcome == (enum tl_outcome)tl_outcome_parse(name) ? TL_STANDING_EXPECTED
                                                                          : TL_STANDING_OTHER;
    }
    return TL_STANDING_NONE;
}

enum tl_standing tl_expected_of_record(const json_t *expected, const struct tl_trial_record *r, char **what)
{
    if (what)
        *what = NULL;
    if (!expected)
        return TL_STANDING_NONE;
    const char *const texts[2] = {r->message, r->signature.title};
    json_t *variant = json_loads(r->variant ? r->variant : "{}", 0, NULL);
    enum tl_standing s = tl_expected_standing(expected, variant, r->unit, r->outcome, texts, what);
    json_decref(variant);
    return s;
}

bool tl_standing_is_failure(enum tl_standing standing, enum tl_outcome outcome)
{
    if (standing == TL_STANDING_EXPECTED)
        return false;
    return tl_outcome_is_failure(outcome) || (standing == TL_STANDING_OTHER && outcome == TL_OUTCOME_PASS);
}
