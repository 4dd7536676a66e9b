/* A build that outputs are compared with. */
#include "reports/finding/reference_build.h"

#include "harness/base/unit_name.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

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
