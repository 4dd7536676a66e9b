#include "reports/site/roles.h"

#include "reports/members.h"
#include "reports/site/outcomes.h"

#include <stdio.h>
#include <string.h>

/* Where a value of an axis that is a set is no list, it is the number of one (cases/axis_sets.h), and 0 the empty one. */
static bool is_empty_set(const json_t *value)
{
    return json_is_array(value) ? !json_array_size(value)
                                : json_is_integer(value) && !json_integer_value(value);
}

static bool same_value(const json_t *a, const json_t *b)
{
    return json_equal(a, b) ||
           (json_is_number(a) && json_is_number(b) && json_number_value(a) == json_number_value(b));
}

static bool is_first(const json_t *axis, const json_t *value)
{
    static const char *const lists[] = {"choices", "ordered", "range"};
    if (json_object_get(axis, "subset"))
        return is_empty_set(value);
    for (size_t i = 0; i < TL_COUNT(lists); i++) {
        const json_t *first = json_array_get(json_object_get(axis, lists[i]), 0);
        if (first)
            return same_value(first, value);
    }
    return false;
}

/* Whether it is a variant of a model that `trapline reduce` made: of its own axis (harness/campaign/reduce/reduce.h), whose 0 is the
 * model as it was. */
static bool is_of_reduction(const json_t *document, const json_t *variant)
{
    static const json_int_t all = 9007199254740991;
    const json_t *axis;
    size_t i;
    if (json_integer_value(json_object_get(variant, "edits")) <= 0)
        return false;
    json_array_foreach(json_object_get(document, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        if (name && !strcmp(name, "edits"))
            return tl_integer_at(json_object_get(axis, "range"), 1) == all;
    }
    return false;
}

enum tl_site_role tl_site_role_of(const json_t *document, const json_t *variant)
{
    const json_t *failing = json_object_get(document, "failing"), *axis;
    bool baseline = json_is_object(variant), fails = baseline && json_object_size(failing);
    size_t i, known = 0;
    if (!json_is_object(document))
        return TL_SITE_OTHER;
    if (is_of_reduction(document, variant))
        return TL_SITE_REDUCTION;
    json_array_foreach(json_object_get(document, "axes"), i, axis) {
        const char *name = tl_member_text(axis, "name");
        const json_t *value = name ? json_object_get(variant, name) : NULL,
                     *wanted = name ? json_object_get(failing, name) : NULL;
        bool first = value && is_first(axis, value);
        known += value != NULL;
        baseline = baseline && first;
        fails = fails && (wanted ? same_value(wanted, value) : first);
    }
    if (known <
        json_object_size(variant)) /* of an axis that is not there nobody knows which value is the first */
        return TL_SITE_OTHER;
    return baseline ? TL_SITE_BASELINE : fails ? TL_SITE_FAILING : TL_SITE_OTHER;
}

const char *tl_site_role_name(enum tl_site_role role)
{
    return role == TL_SITE_FAILING ? "failing" : role == TL_SITE_BASELINE ? "baseline" : "";
}

void tl_site_roles_add(struct tl_site_roles *r, enum tl_site_role role, const char *variant_hash, int outcome,
                       uint64_t trials)
{
    r->by_outcome[role][outcome] += trials;
    if (role != TL_SITE_OTHER)
        return;
    if (!r->others || strncmp(r->last, variant_hash, sizeof r->last - 1) != 0) {
        snprintf(r->last, sizeof r->last, "%s", variant_hash);
        r->others++;
        r->last_failed = false;
    }
    if (tl_site_is_failure(outcome) && !r->last_failed) {
        r->others_failed++;
        r->last_failed = true;
    }
}

static uint64_t sum(const uint64_t by_outcome[TL_SITE_OUTCOMES])
{
    uint64_t all = 0;
    for (int o = 0; o < TL_SITE_OUTCOMES; o++)
        all += by_outcome[o];
    return all;
}

void tl_site_roles_lines(struct tl_buffer *b, const struct tl_site_roles *r)
{
    bool alone = !sum(r->by_outcome[TL_SITE_FAILING]) && !sum(r->by_outcome[TL_SITE_BASELINE]);
    for (int role = 0; role < TL_SITE_ROLES; role++) {
        uint64_t failed, all = sum(r->by_outcome[role]);
        if (!all)
            continue;
        int worst = tl_site_worst(r->by_outcome[role], &failed);
        if (role == TL_SITE_OTHER) { /* of these it is variants that are counted */
            failed = r->others_failed;
            all = r->others;
        }
        tl_buffer_printf(b, "<span class=\"role\"><span class=\"o %s\"><b>%c</b> ", tl_site_class(worst),
                         tl_site_letter(worst));
        if (role == TL_SITE_REDUCTION) {
            tl_buffer_add_string(b, "</span> reduction</span>");
            continue;
        }
        if (failed)
            tl_buffer_printf(b, "%llu/%llu", (unsigned long long)failed, (unsigned long long)all);
        else
            tl_buffer_printf(b, "%llu", (unsigned long long)all);
        tl_buffer_printf(b, "</span> %s</span>",
                         role != TL_SITE_OTHER ? tl_site_role_name((enum tl_site_role)role)
                         : alone               ? "variants"
                                               : "others");
    }
}

void tl_site_roles_cell(struct tl_buffer *b, const struct tl_site_roles *r, const char *link)
{
    static const char *const words[] = {"failing variant: ", "baseline: ", "others: ", "reduction: "};
    const char *glue = "";
    bool has[TL_SITE_OUTCOMES] = {false}, any = false;
    for (int role = 0; role < TL_SITE_ROLES; role++)
        for (int o = 0; o < TL_SITE_OUTCOMES; o++)
            any = (has[o] = has[o] || r->by_outcome[role][o]) || any;
    if (!any) {
        tl_buffer_add_string(b, "<td class=\"x\"><span class=\"vh\">not run</span></td>");
        return;
    }
    /* What the filter goes by: every outcome in it, by its letter. */
    tl_buffer_add_string(b, "<td data-o=\"");
    for (int o = 0; o < TL_SITE_OUTCOMES; o++)
        if (has[o])
            tl_buffer_printf(b, "%c", tl_site_letter(o));
    tl_buffer_printf(b, "\"><a class=\"roles\" href=\"%s\" title=\"", link);
    for (int role = 0; role < TL_SITE_ROLES; role++)
        if (sum(r->by_outcome[role])) {
            tl_buffer_printf(b, "%s%s", glue, words[role]);
            tl_site_counts(b, r->by_outcome[role]);
            glue = "; ";
        }
    tl_buffer_add_string(b, "\">");
    tl_site_roles_lines(b, r);
    tl_buffer_add_string(b, "</a></td>");
}
