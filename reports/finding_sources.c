/* What a report is made from, out of the database: the finding, the trials that stand for its two sides, the
 * same variant on other units, and the case file. A database that was merged or cut may lack any but the
 * first. */
#include "reports/finding.h"

#include "db/finding.h"
#include "db/query.h"
#include "reports/finding_axes.h"
#include "reports/members.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_MOST 100000 /* of one case that are looked through for other units */

/* The variant that the report is about on other units, as far as the database knows it. */
static json_t *find_elsewhere(struct tl_store *s, const json_t *finding)
{
    const char *hash = tl_member_text(finding, "case_hash"), *unit = tl_member_text(finding, "unit");
    const json_t *reported = tl_report_variant(finding);
    struct tl_filter f = {.limit = CELLS_MOST};
    struct tl_cells cells;
    json_t *list = json_array();
    if (!hash || !unit || !json_is_object(reported) || tl_query_cells(s, hash, &f, &cells, NULL))
        return list;
    for (size_t i = 0; i < cells.n; i++) {
        const struct tl_cell *c = &cells.list[i];
        json_t *variant = strcmp(c->unit, unit) ? json_loads(c->variant, 0, NULL) : NULL;
        if (variant && json_equal(variant, reported))
            json_array_append_new(list, json_pack("{s:s,s:s,s:s?,s:I}", "unit", c->unit, "outcome",
                                                  tl_outcome_name(c->outcome), "title", c->title, "trials",
                                                  (json_int_t)c->trials));
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

int tl_report_load(struct tl_store *s, const char *id, struct tl_report_sources *r, struct tl_error *e)
{
    *r = (struct tl_report_sources){0};
    struct tl_error gone; /* a trial that is not in this database is left out of the report */
    char *text = NULL;
    if (tl_finding_load(s, id, &r->finding, e))
        return -1;
    const char *failing = tl_member_text(json_object_get(r->finding, "evidence"), "trial"),
               *control = control_id(r->finding), *hash = tl_member_text(r->finding, "case_hash");
    r->has_failing = failing && !tl_query_trial(s, failing, &r->failing, &gone);
    r->has_control = control && !tl_query_trial(s, control, &r->control, &gone);
    r->elsewhere = find_elsewhere(s, r->finding);
    if (hash && !tl_query_case_json(s, hash, &text, &gone) && text)
        r->case_document = json_loads(text, 0, NULL);
    free(text);
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
}
