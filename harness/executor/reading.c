/* An axis that nobody reads is no axis: its values are one. Somebody who wrote its name wrong, or who names an
 * option that the runner does not know, is told so, and no answer calls it free.
 *
 * A runner says which axes it understands (docs/runners.md). One that says nothing of it may read all. */
#include "harness/executor/reading.h"

#include "cases/reading.h"
#include "harness/executor/identity.h"
#include "harness/executor/unit_about.h"

#include <string.h>

static bool takes(const struct tl_unit *u, const char *axis)
{
    const json_t *name;
    size_t i;
    if (!json_is_array(u->axes))
        return true;
    json_array_foreach(u->axes, i, name) {
        if (tl_unit_axis_is(name, axis))
            return true;
    }
    return false;
}

/* What is compared with may depend on an axis too. */
static bool reference_takes(struct tl_executor *x, const struct tl_case *c, const char *axis)
{
    struct tl_error ignored;
    const struct tl_unit *u = NULL;
    const char *unit = c->reference.unit;
    if (unit && strcmp(unit, "reference") != 0 && strcmp(unit, "same") != 0)
        u = tl_executor_unit(x, unit, &ignored);
    return u && takes(u, axis);
}

static enum tl_reading as_dimension(struct tl_executor *x, const struct tl_case *c,
                                    const struct tl_variant *v, const char *axis)
{
    enum tl_reading reading = TL_READING_DIMENSION;
    struct tl_generated g;
    struct tl_error ignored;
    if (!tl_case_derives_inputs(c))
        return TL_READING_NO;
    if (c->model_kind == TL_MODEL_FILE)
        return tl_model_has_dimension(c->model_file, axis) ? TL_READING_YES : TL_READING_NO;
    if (!v || tl_identity_plan(x, c, v, &g, &ignored))
        return reading;
    if (tl_generated_exists(&g))
        reading = tl_model_has_dimension(g.model, axis) ? TL_READING_YES : TL_READING_NO;
    tl_generated_free(&g);
    return reading;
}

enum tl_reading tl_executor_reading(struct tl_executor *x, const struct tl_case *c,
                                    const struct tl_variant *v, const struct tl_unit *u, size_t axis)
{
    const char *name = c->axes[axis].name;
    if (tl_case_reads_axis(c, name) || takes(u, name) || reference_takes(x, c, name))
        return TL_READING_YES;
    return as_dimension(x, c, v, name);
}
