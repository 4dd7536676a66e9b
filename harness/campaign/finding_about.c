/* What an axis and its values are, in words for people: the case says it, else the runner that describes itself, else the
 * family or the table of axes that every runner has. */
#include "harness/campaign/finding_parts.h"

#include "cases/family.h"
#include "harness/executor/unit_about.h"

#include <string.h>

/* What the family says of the values that the case has of an axis of it: {VALUE: TEXT}. */
static json_t *of_family(const struct tl_family *family, const char *axis, const json_t *document)
{
    json_t *said = tl_family_about_values(family, axis), *values = json_object(), *value;
    size_t i;
    json_array_foreach(json_object_get(document, "values"), i, value) {
        const char *word = json_string_value(value);
        if (word && json_object_get(said, word))
            json_object_set(values, word, json_object_get(said, word));
    }
    json_decref(said);
    return values;
}

void tl_finding_add_about(const struct tl_case *c, const struct tl_unit *u, size_t axis, json_t *j)
{
    const struct tl_axis *a = &c->axes[axis];
    const struct tl_family *family =
        c->model_kind == TL_MODEL_FAMILY && c->family ? tl_family_find(c->family) : NULL;
    const struct tl_family_axis *known = tl_known_axis(c, family, a->name);
    json_t *told = tl_unit_about_axis(u, a->name), *values = of_family(family, a->name, j);
    if (known && known->about)
        json_object_set_new(j, "about", json_string(known->about));
    if (json_object_get(told, "about"))
        json_object_set(j, "about", json_object_get(told, "about"));
    if (a->about)
        json_object_set_new(j, "about", json_string(a->about));
    json_object_update(values, json_object_get(told, "about_values"));
    json_object_update(values, (json_t *)a->about_values);
    if (json_object_size(values))
        json_object_set(j, "about_values", values);
    json_decref(values);
    json_decref(told);
}
