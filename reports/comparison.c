#include "reports/comparison.h"

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
