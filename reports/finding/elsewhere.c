/* Where else the variant was tried since: other units, devices and machines. Builds that did the same there are one row. */
#include "reports/finding/sections.h"

#include "harness/base/plural.h"
#include "harness/base/unit_name.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MOST 12
#define BUILDS_MOST 6

static bool equal_text(const json_t *a, const json_t *b, const char *key)
{
    return !strcmp(tl_member_or(a, key, ""), tl_member_or(b, key, ""));
}

static bool same_place(const json_t *a, const json_t *b)
{
    const struct tl_unit_name x = tl_unit_name_of(tl_member_or(a, "unit", "")),
                              y = tl_unit_name_of(tl_member_or(b, "unit", ""));
    return tl_unit_part_is(x.runner, y.runner) && tl_unit_part_is(x.device, y.device) &&
           tl_unit_part_is(x.alias, y.alias) && equal_text(a, b, "outcome") && equal_text(a, b, "title") &&
           equal_text(a, b, "machine") && equal_text(a, b, "variant");
}

/* Rows of which those that differ in the build only are together: [[row, …], …]. */
static json_t *grouped(const json_t *rows)
{
    json_t *groups = json_array(), *row, *group;
    size_t i, k;
    json_array_foreach(rows, i, row) {
        json_t *found = NULL;
        json_array_foreach(groups, k, group) {
            if (!found && same_place(json_array_get(group, 0), row))
                found = group;
        }
        if (found)
            json_array_append(found, row);
        else
            json_array_append_new(groups, json_pack("[O]", row)); /* a new group */
    }
    return groups;
}

/* "`onnxruntime:cpu` with 1.18.0, 1.22.0", or the unit as it is. */
static char *where_words(const json_t *group)
{
    const json_t *first = json_array_get(group, 0), *row;
    struct tl_buffer b = TL_BUFFER_INIT;
    size_t n = json_array_size(group), i;
    const struct tl_unit_name name = tl_unit_name_of(tl_member_or(first, "unit", "unknown"));
    char *unit = n > 1 ? tl_unit_without_build(&name) : tl_strdup(tl_member_or(first, "unit", "unknown"));
    tl_inline_code(&b, unit);
    free(unit);
    json_array_foreach(group, i, row) {
        if (n == 1)
            break;
        const struct tl_unit_name one = tl_unit_name_of(tl_member_or(row, "unit", ""));
        char *build = i < BUILDS_MOST ? tl_unit_part_text(one.build) : NULL;
        tl_buffer_add_string(&b, i == 0             ? ", builds "
                                 : i < BUILDS_MOST  ? ", "
                                 : i == BUILDS_MOST ? ", …"
                                                    : "");
        tl_inline_code(&b, i < BUILDS_MOST ? (build ? build : "default") : NULL);
        free(build);
    }
    if (tl_member_text(first, "machine")) {
        tl_buffer_add_string(&b, ", on ");
        tl_inline_text(&b, tl_member_text(first, "machine"));
    }
    if (!strcmp(tl_member_or(first, "variant", ""), "failing"))
        tl_buffer_add_string(&b, ", the failing variant");
    return tl_buffer_take(&b);
}

static void add_group(json_t *rows, const json_t *group)
{
    const json_t *first = json_array_get(group, 0), *row;
    struct tl_buffer outcome = TL_BUFFER_INIT;
    json_int_t trials = 0;
    size_t i;
    json_array_foreach(group, i, row) {
        trials += tl_member_integer(row, "trials");
    }
    tl_inline_text(&outcome, tl_member_or(first, "outcome", "unknown"));
    if (tl_member_text(first, "title")) {
        tl_buffer_add_string(&outcome, ": ");
        tl_inline_code(&outcome, tl_member_text(first, "title"));
    }
    char *cells[] = {where_words(group), tl_buffer_take(&outcome), tl_format("%lld", (long long)trials)};
    tl_page_row(rows, false, TL_COUNT(cells), cells);
}

void tl_section_elsewhere(const struct tl_sections *r)
{
    static const char *const head[] = {"unit", "outcome", "trials"};
    const json_t *group;
    size_t i;
    if (!json_array_size(r->elsewhere))
        return;
    json_t *groups = grouped(r->elsewhere);
    tl_page_heading(r->page, 2, "Other units and machines");
    json_t *rows = tl_page_table(r->page, TL_COUNT(head), head);
    json_array_foreach(groups, i, group) {
        if (i < ROWS_MOST)
            add_group(rows, group);
    }
    if (json_array_size(groups) > ROWS_MOST)
        tl_page_paragraph(r->page,
                          tl_format("%zu more row%s left out.", json_array_size(groups) - ROWS_MOST,
                                    tl_one_or_many(json_array_size(groups) - ROWS_MOST, " is", "s are")));
    json_decref(groups);
}
