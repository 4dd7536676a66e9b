#include "harness/executor/remote_reference.h"

#include "cases/reference.h"
#include "db/query.h"
#include "db/ran_on.h"
#include "db/trial_document.h"
#include "harness/base/buffer.h"
#include "harness/executor/executor_impl.h"
#include "harness/verdict/classify.h"
#include "harness/verdict/signature.h"

#include <stdlib.h>
#include <string.h>

#define KEPT 19 /* characters of a UUID that say when it was made, and of which version it is */

void tl_remote_reference_id(const char *trial_id, char id[TL_UUID_SIZE])
{
    char hash[TL_ID_SIZE], *text = tl_format("reference of %s", trial_id);
    tl_content_id(text, strlen(text), hash);
    snprintf(id, TL_UUID_SIZE, "%.*sa%.3s-%.12s", KEPT, trial_id, hash, hash + 3);
    free(text);
}

json_t *tl_remote_reference_write(struct tl_executor *x, const struct tl_remote_job *job)
{
    struct tl_trial_record r = {0};
    struct tl_error none;
    char id[TL_UUID_SIZE];
    json_t *place, *j = NULL;
    if (!job->c || !job->c->reference.unit)
        return NULL;
    tl_remote_reference_id(job->trial_id, id);
    if (tl_query_trial(tl_executor_store(x), id, &r, &none))
        return NULL;
    if (!tl_place_document(tl_executor_store(x), tl_executor_machine(x), r.environment_id, &place, &none))
        j = json_pack("{s:s,s:o,s:o}", "id", id, "place", place, "trial", tl_trial_document(&r));
    tl_trial_record_free(&r);
    return j;
}

/* What was asked for, as this side knows it. */
static void identify(const struct tl_job *j, const char *id, struct tl_trial_record *r)
{
    const struct tl_reference *reference = &j->c->reference;
    const struct tl_case *c = reference->as ? reference->as : j->c;
    struct tl_variant v = tl_reference_variant(j->c, &j->variant);
    snprintf(r->id, sizeof r->id, "%s", id);
    r->case_name = tl_strdup(c->name);
    memcpy(r->case_hash, c->hash, sizeof r->case_hash);
    r->variant = tl_variant_json(c, &v);
    tl_variant_hash(c, &v, r->variant_hash);
    r->unit = tl_strdup(strcmp(reference->unit, "same") ? reference->unit : j->unit->text);
    tl_variant_free(&v);
}

static int take(const struct tl_job *j, const char *id, const char *machine, const json_t *one,
                struct tl_error *e)
{
    struct tl_store *s = j->x->store;
    struct tl_trial_record r = {0};
    char session_id[TL_UUID_SIZE] = "";
    const struct tl_ran_on on = {machine, 1, NULL, session_id};
    struct tl_error none;
    int result = 0;
    identify(j, id, &r);
    if (!tl_trial_document_read(json_object_get(one, "trial"), &r, &none) &&
        !tl_place_document_put(s, json_object_get(one, "place"), r.environment_id, session_id, &none) &&
        tl_verdict_is_given(&r)) {
        tl_signature_make(&r);
        result = tl_store_put_variant(s, r.variant_hash, r.variant, e) || tl_store_trial(s, &r, e) ||
                         tl_ran_on_put(s, r.id, &on, e)
                     ? -1
                     : 0;
    }
    tl_trial_record_free(&r);
    return result;
}

int tl_remote_reference_take(const struct tl_job *j, const char *machine, const json_t *more,
                             struct tl_error *e)
{
    char id[TL_UUID_SIZE];
    json_t *one;
    size_t i;
    if (!j->c->reference.unit)
        return 0;
    tl_remote_reference_id(j->id, id);
    json_array_foreach(more, i, one) {
        const char *its = json_string_value(json_object_get(one, "id"));
        if (its && !strcmp(its, id))
            return take(j, id, machine, one, e);
    }
    return 0;
}
