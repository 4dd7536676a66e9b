#include "reports/comparison.h"

#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

const json_t *tl_report_comparison(const json_t *finding, const json_t *failing_trial)
{
    const json_t *own = json_object_get(finding, "comparison"),
                 *of_trial = json_object_get(failing_trial, "reference"); /* findings of before it was kept */
    return json_is_object(own) ? own : json_is_object(of_trial) ? of_trial : NULL;
}

struct tl_comparison_bounds tl_comparison_bounds(const json_t *comparison)
{
    const json_t *whole = json_object_get(comparison, "tolerance"),
                 *rtol = json_object_get(comparison, "rtol"), *atol = json_object_get(comparison, "atol");
    return (struct tl_comparison_bounds){
        .known = json_is_number(whole) || json_is_number(rtol) || json_is_number(atol),
        .elementwise = !json_is_number(whole),
        .whole = json_number_value(whole),
        .rtol = json_number_value(rtol),
        .atol = json_number_value(atol),
    };
}

char *tl_difference_form(const json_t *difference)
{
    const json_t *expected = json_object_get(difference, "expected"),
                 *got = json_object_get(difference, "got");
    if (!got || json_is_null(got) || !expected || json_is_null(expected))
        return NULL;
    char *a = json_is_string(expected) ? tl_strdup(json_string_value(expected))
                                       : json_dumps(expected, JSON_COMPACT),
         *b = json_is_string(got) ? tl_strdup(json_string_value(got)) : json_dumps(got, JSON_COMPACT),
         *words = tl_format("%s %s where %s is expected", json_is_array(got) ? "shape" : "type", b ? b : "?",
                            a ? a : "?");
    free(a);
    free(b);
    return words;
}

bool tl_build_is_reference(const json_t *f, const char *build)
{
    const json_t *compared = json_object_get(f, "comparison");
    const struct tl_unit_name reference = tl_unit_name_of(tl_member_or(compared, "unit", "")),
                              own = tl_unit_name_of(tl_member_or(f, "unit", ""));
    char *of = tl_unit_part_text(reference.build);
    bool is = build && of && !strcmp(of, build) && !strcmp(tl_member_or(f, "outcome", ""), "wrong") &&
              !json_object_get(compared, "with") && tl_unit_part_is(reference.runner, own.runner) &&
              tl_unit_part_is(reference.device, own.device);
    free(of);
    return is;
}
