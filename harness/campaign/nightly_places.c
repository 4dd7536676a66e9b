/* Whether a cell's failures are known, and where: in a library without symbols the failures of a cell are one kind, and their
 * places in this build tell whether they are what somebody has made known (db/known_place.c).
 *
 * Places are learnt here. One is stored with what is known when a variant that showed it in another build fails in this way in a
 * build that is new; and when the stack of a trial says that it is the same failure, caught a few calls earlier or later
 * (harness/verdict/related.c). */
#include "harness/campaign/nightly.h"

#include "cases/known.h"
#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/verdict/related.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *j, const char *member)
{
    return json_string_value(json_object_get(j, member));
}

/* The content of the library: as the database has it (tl_known_build_of). */
static const char *build_of(const json_t *environment)
{
    const char *content = text(environment, "runtime_sha256");
    return content && *content ? content : text(environment, "id");
}

/* What is known of a failure: of its case file first. Without the remark, which is for those who work on the database, as a
 * night is sent and published. */
static json_t *choose(const struct tl_nightly_cell *c, const struct tl_known_seen *x, json_t *by_database)
{
    const struct tl_case_failure failure = {x->coarse_id, x->signature_id,
                                            tl_known_is_blind(&c->nightly->known, x->coarse_id)};
    json_t *known = tl_known_choose(tl_case_known(c->c->known, x->variant, c->unit->text, &failure),
                                    by_database, INT64_MIN);
    if (known)
        json_object_set_new(known, "note", json_null());
    return known;
}

/* The newest trial of a signature on the cell's unit; false: there is none. */
static bool trial_at(const struct tl_nightly_cell *c, const char *signature, struct tl_trial_record *r)
{
    struct tl_store *s = tl_executor_store(c->nightly->x);
    struct tl_filter filter = {
        .case_name = c->c->name, .unit = c->unit->text, .signature_id = signature, .limit = 1};
    struct tl_trial_lines lines;
    struct tl_error gone;
    if (tl_query_trials(s, &filter, &lines, &gone))
        return false;
    bool found = lines.n && !tl_query_trial(s, lines.list[0].id, r, &gone);
    tl_trial_lines_free(&lines);
    return found;
}

/* Whether its stack says that it is at a place of what is known in this build. */
static bool is_related(const struct tl_nightly_cell *c, const struct tl_known *k,
                       const struct tl_known_seen *x, const char *trial)
{
    const char *signature;
    json_t *variants;
    struct tl_trial_record tonight, there;
    struct tl_error gone;
    bool related = false;
    if (!x->build || tl_query_trial(tl_executor_store(c->nightly->x), trial, &tonight, &gone))
        return false;
    json_object_foreach(json_object_get(k->at, x->build), signature, variants) {
        if (related || !trial_at(c, signature, &there))
            continue;
        related = tl_failure_related(&tonight, &there);
        tl_trial_record_free(&there);
    }
    tl_trial_record_free(&tonight);
    return related;
}

/* What of all that is elsewhere is at the same place by its stack; NULL: nothing. */
static const struct tl_known *related_of(const struct tl_nightly_cell *c, const struct tl_known_seen *x,
                                         const char *trial)
{
    const struct tl_known_list *l = &c->nightly->known;
    for (size_t i = 0; i < l->n; i++)
        if (tl_known_judge(l, &l->list[i], x) == TL_KNOWN_ELSEWHERE && is_related(c, &l->list[i], x, trial))
            return &l->list[i];
    return NULL;
}

/* One failure at one place. */
static int judge_place(const struct tl_nightly_cell *c, const struct tl_known_seen *x, const char *trial,
                       json_t **known, json_t **elsewhere, bool *learnt, struct tl_error *e)
{
    enum tl_known_by by;
    const struct tl_known *k = tl_known_of(&c->nightly->known, x, &by), *related;
    if (by == TL_KNOWN_ELSEWHERE && (related = related_of(c, x, trial))) {
        k = related;
        by = TL_KNOWN_BY_VARIANT;
    }
    if (k && by == TL_KNOWN_BY_VARIANT) {
        if (tl_known_add_place(tl_executor_store(c->nightly->x), k->id, x, e))
            return -1;
        by = TL_KNOWN_BY_PLACE;
        *learnt = true;
    }
    *known = choose(c, x, k && by > TL_KNOWN_ELSEWHERE ? tl_known_json_by(k, by) : NULL);
    if (!*known && by == TL_KNOWN_ELSEWHERE && !*elsewhere) {
        *elsewhere = tl_known_json_by(k, by);
        json_object_set_new(*elsewhere, "note", json_null());
    }
    return 0;
}

static bool is_by_kind(const json_t *known)
{
    const char *by = text(known, "by");
    return by && !strcmp(by, tl_known_by_names[TL_KNOWN_BY_KIND]);
}

/* All places of a failure. *all stays true when each of them is known. */
static int judge_kind(const struct tl_nightly_cell *c, const struct tl_nightly_kind *kind,
                      const struct tl_known_seen *x, json_t **known, json_t **elsewhere, bool *all,
                      bool *learnt, struct tl_error *e)
{
    struct tl_known_seen one = *x;
    const char *signature;
    json_t *trial, *said;
    int result = 0;
    one.coarse_id = kind->coarse;
    json_object_foreach(kind->places, signature, trial) {
        one.signature_id = signature;
        if (judge_place(c, &one, json_string_value(trial), &said, elsewhere, learnt, e))
            result = -1;
        else if (!said)
            *all = false;
        else if (!*known || (is_by_kind(said) && !is_by_kind(*known))) {
            json_decref(*known);
            *known = said;
        } else
            json_decref(said);
        if (result)
            break;
    }
    *all = *all && json_object_size(kind->places);
    return result;
}

int tl_nightly_places(const struct tl_nightly_cell *c, const json_t *variant, json_t **known,
                      json_t **elsewhere, bool *learnt, struct tl_error *e)
{
    json_t *environment = tl_nightly_environment(c);
    const struct tl_known_seen x = {.case_name = c->c->name,
                                    .build = build_of(environment),
                                    .variant_hash = c->variant_hash,
                                    .variant = variant};
    bool all = c->n_kinds > 0;
    int result = 0;
    *known = *elsewhere = NULL;
    for (size_t i = 0; i < c->n_kinds && !result; i++) {
        if (c->kinds[i].outcome == TL_OUTCOME_PASS) /* where a failure is right: it has no signature */
            all = false;
        else
            result = judge_kind(c, &c->kinds[i], &x, known, elsewhere, &all, learnt, e);
    }
    json_decref(environment);
    if (!all || result) {
        json_decref(*known);
        *known = NULL;
    }
    return result;
}

json_t *tl_nightly_known_before(const struct tl_nightly_cell *c, const json_t *variant,
                                const json_t *failures, const json_t *environment)
{
    const json_t *first = json_array_get(failures, 0);
    const struct tl_known_seen x = {
        c->c->name, text(first, "coarse"), text(first, "signature"), build_of(environment), c->variant_hash,
        variant};
    return x.coarse_id ? choose(c, &x, tl_known_say(&c->nightly->known, &x)) : NULL;
}
