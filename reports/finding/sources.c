/* What a report is made from, out of the database: the finding, the trials that stand for its two sides, the
 * same variant on other units, and the case file. A database that was merged or cut may lack any but the
 * first. */
#include "reports/finding/finding.h"

#include "cases/known.h"
#include "db/finding_join.h"
#include "db/known.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/unit_name.h"
#include "reports/finding/axes.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_MOST 100000 /* of one case that are looked through for other units */

/* Where a cell was measured, when that is another machine than the finding's; else NULL. The caller's. */
static char *other_machine(struct tl_store *s, const json_t *finding, const char *environment_id)
{
    const json_t *own = json_object_get(finding, "environment"), *machine;
    json_t *environment = NULL;
    struct tl_error gone;
    char *text = NULL;
    const char *id = tl_member_text(finding, "environment_id");
    if (!*environment_id || (id && !strcmp(id, environment_id)) ||
        tl_query_environment_of(s, NULL, environment_id, NULL, &environment, &gone))
        return NULL;
    machine = json_object_get(environment, "machine");
    const char *cpu = tl_member_or(machine, "cpu", "unknown"),
               *arch = tl_member_or(machine, "arch", "unknown"),
               *os_build = tl_member_text(environment, "os_build");
    bool same = !strcmp(cpu, tl_member_or(own, "cpu", "unknown")) &&
                !strcmp(arch, tl_member_or(own, "machine", "unknown")) &&
                json_equal(json_object_get(machine, "cores"), json_object_get(own, "cores")) &&
                json_equal(json_object_get(machine, "memory"), json_object_get(own, "memory"));
    if (machine && !same)
        text = tl_format("%s (%s)%s%s", cpu, arch, os_build ? ", " : "", os_build ? os_build : "");
    json_decref(environment);
    return text;
}

static bool names_build(const json_t *seen, const char *build)
{
    return build && !strcmp(tl_member_or(seen, "build", ""), build);
}

/* Whether the report says of this unit what it does in another place: it is the unit of the finding, or one of its builds. */
static bool is_told(const json_t *finding, const char *unit)
{
    const struct tl_unit_name of = tl_unit_name_of(unit),
                              name = tl_unit_name_of(tl_member_or(finding, "unit", ""));
    const json_t *seen;
    size_t i;
    if (!strcmp(unit, tl_member_or(finding, "unit", "")))
        return true;
    if (!tl_unit_part_is(of.runner, name.runner) || !tl_unit_part_is(of.device, name.device) ||
        !tl_unit_part_is(of.alias, name.alias))
        return false;
    char *build = tl_unit_part_text(of.build);
    bool told = tl_member_text(json_object_get(finding, "newest"), "outcome") &&
                names_build(json_object_get(finding, "newest"), build);
    json_array_foreach(json_object_get(json_object_get(finding, "builds"), "tried"), i, seen) {
        told = told || names_build(seen, build);
    }
    free(build);
    return told;
}

/* Whether it is the unit of the case's reference, which may name it relative to the case file. */
static bool is_reference(const json_t *case_document, const char *unit)
{
    const char *reference = tl_member_text(json_object_get(case_document, "reference"), "unit");
    size_t n = strlen(unit), m = reference ? strlen(reference) : 0;
    return m && n >= m && !strcmp(unit + n - m, reference) && (n == m || unit[n - m - 1] == '/');
}

/* The variant that the report is about, and the failing one, on other units and machines, as far as the database knows. */
static json_t *find_elsewhere(struct tl_store *s, const json_t *finding, const json_t *case_document)
{
    const char *hash = tl_member_text(finding, "case_hash");
    const json_t *reported = tl_report_variant(finding), *failing = json_object_get(finding, "failing");
    struct tl_filter f = {.limit = CELLS_MOST};
    struct tl_cells cells;
    json_t *list = json_array();
    if (!hash || !tl_member_text(finding, "unit") || !json_is_object(reported) ||
        tl_query_cells(s, hash, &f, &cells, NULL))
        return list;
    for (size_t i = 0; i < cells.n; i++) {
        const struct tl_cell *c = &cells.list[i];
        json_t *variant = json_loads(c->variant, 0, NULL);
        bool is_reported = variant && json_equal(variant, reported);
        if (is_reported || (variant && json_equal(variant, failing))) {
            char *machine = other_machine(s, finding, c->environment_id);
            if ((machine || !is_told(finding, c->unit)) && !is_reference(case_document, c->unit))
                json_array_append_new(list,
                                      json_pack("{s:s,s:s,s:s?,s:I,s:s,s:s?}", "unit", c->unit, "outcome",
                                                tl_outcome_name(c->outcome), "title", c->title, "trials",
                                                (json_int_t)c->trials, "variant",
                                                is_reported ? "minimal" : "failing", "machine", machine));
            free(machine);
        }
        json_decref(variant);
    }
    tl_cells_free(&cells);
    return list;
}

/* The trial of the control, or of any passing neighbour. */
static const char *control_id(const json_t *finding)
{
    const char *id = tl_member_text(json_object_get(finding, "evidence"), "control");
    const json_t *pair;
    size_t i;
    json_array_foreach(json_object_get(finding, "decisive"), i, pair)
        id = id ? id : tl_member_text(pair, "passes_trial");
    return id;
}

/* What somebody has said of the failure, here or in its case: without the remark, which may not be meant for those who get the
 * report. */
static void add_known(struct tl_store *s, struct tl_report_sources *r)
{
    struct tl_known_list l;
    struct tl_error gone;
    const json_t *signature = json_object_get(r->finding, "signature"),
                 *variant = json_object_get(r->finding, "minimal");
    const char *id = tl_member_text(signature, "id"), *coarse = tl_member_text(signature, "coarse_id"),
               *name = tl_member_or(r->finding, "case", "");
    int64_t now = tl_wall_us();
    if (!id || !tl_member_true(r->finding, "reproduced"))
        return;
    if (tl_known_load(s, name, &l, &gone))
        return;
    char *build = NULL;
    if (r->has_failing && tl_known_build_of(s, r->failing.environment_id, &build, &gone))
        build = NULL;
    coarse = coarse && *coarse ? coarse : id;
    const struct tl_case_failure failure = {coarse, id, tl_known_is_blind(&l, coarse)};
    const struct tl_known_seen seen = {
        name, coarse, id, build, r->has_failing ? r->failing.variant_hash : NULL, variant};
    json_t *known = tl_known_choose(tl_case_known(json_object_get(r->case_document, "known"), variant,
                                                  tl_member_or(r->finding, "unit", ""), &failure),
                                    tl_known_say(&l, &seen), now);
    free(build);
    tl_known_list_free(&l);
    if (!known)
        return;
    json_object_set_new(known, "note", json_null());
    json_object_set_new(r->finding, "known", known);
}

/* Those in the case's own list, which goes out with the case in JSON and in a bundle. */
static void leave_out_remarks(json_t *known)
{
    json_t *entry;
    size_t i;
    json_object_del(known, "note");
    json_array_foreach(known, i, entry)
        json_object_del(entry, "note");
}

int tl_report_load(struct tl_store *s, const char *id, struct tl_report_sources *r, struct tl_error *e)
{
    *r = (struct tl_report_sources){0};
    struct tl_error gone; /* a trial that is not in this database is left out of the report */
    char *text = NULL;
    if (tl_finding_load_joined(s, id, &r->finding, e))
        return -1;
    const char *failing = tl_member_text(json_object_get(r->finding, "evidence"), "trial"),
               *control = control_id(r->finding), *hash = tl_member_text(r->finding, "case_hash");
    r->has_failing = failing && !tl_query_trial(s, failing, &r->failing, &gone);
    r->has_control = control && !tl_query_trial(s, control, &r->control, &gone);
    if (hash && !tl_query_case_json(s, hash, &text, &gone) && text)
        r->case_document = json_loads(text, 0, NULL);
    free(text);
    add_known(s, r);
    leave_out_remarks(json_object_get(r->case_document, "known"));
    tl_query_machine_names(s, &r->hosts, &gone);
    r->elsewhere = find_elsewhere(s, r->finding, r->case_document);
    return 0;
}

void tl_report_release(struct tl_report_sources *r)
{
    if (r->has_failing)
        tl_trial_record_free(&r->failing);
    if (r->has_control)
        tl_trial_record_free(&r->control);
    json_decref(r->finding);
    json_decref(r->elsewhere);
    json_decref(r->case_document);
    json_decref(r->hosts);
}
