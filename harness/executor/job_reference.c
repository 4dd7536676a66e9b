/* What the outputs of a job are compared with.
 *
 * A unit's outputs are those of a job of its own, which goes the way of every job: its variant has its own model,
 * and it leaves a trial in the database. It ends in the job that waits for it. What it left is kept, and the next
 * job of the same variant finds it. Files with expected outputs are just read when the trial has ended.
 *
 * This file is part of the circle that executor.c speaks of. */
#include "harness/executor/executor_impl.h"

#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/executor/reference.h"
#include "harness/verdict/classify.h"

#include <stdlib.h>
#include <string.h>

/* Whether the job itself is what others are compared with. */
static bool is_itself(const struct tl_job *j)
{
    char hash[TL_ID_SIZE];
    tl_variant_hash(j->reference_case, &j->reference_variant, hash);
    return !strcmp(j->unit->text, j->reference->text) && !strcmp(hash, j->variant_hash);
}

int tl_job_find_reference(struct tl_job *j, struct tl_error *e)
{
    const struct tl_reference *r = &j->c->reference;
    char hash[TL_ID_SIZE], environment[TL_ID_SIZE];
    if (!r->text)
        return 0;
    j->compares = true;
    if (!r->unit)
        return 0;
    j->reference = !strcmp(r->unit, "same") ? j->unit : tl_executor_unit(j->x, r->unit, e);
    if (!j->reference)
        return -1;
    j->reference_case = r->as ? r->as : j->c;
    j->reference_variant = tl_reference_variant(j->c, &j->variant);
    if (is_itself(j)) {
        j->compares = false;
        return 0;
    }
    char *forbidden = tl_variant_forbidden(j->reference_case, &j->reference_variant);
    if (!j->reference->usable)
        j->reference_note = tl_format("%s cannot be used here: %s", j->reference->text, j->reference->why);
    else if (forbidden)
        j->reference_note = tl_format("the reference cannot be tried: %s", forbidden);
    free(forbidden);
    tl_variant_hash(j->reference_case, &j->reference_variant, hash);
    if (!j->reference->usable || j->reference_place)
        return 0;
    if (tl_executor_environment(j->x, j->reference_case, &j->reference_variant, j->reference, environment, e))
        return -1;
    j->reference_place = tl_reference_place(j->c->hash, hash, environment, e);
    return j->reference_place ? 0 : -1;
}

/* Outputs that were kept before and are not to be used give way. */
static int keep(struct tl_job *j, const struct tl_trial_record *r, struct tl_error *e)
{
    if (!tl_executor_may_use(j->x, j->reference_place))
        tl_remove_tree(j->reference_place);
    tl_executor_made(j->x, j->reference_place);
    return tl_reference_keep(j->reference_place, r->outputs, r->result, !j->own_reference_place, e);
}

static bool is_known(const struct tl_job *j)
{
    return j->own_reference_place
               ? tl_executor_may_use(j->x, j->reference_place) && tl_reference_known(j->reference_place)
               : tl_executor_has(j->x, j->reference_place);
}

void tl_job_keep_outputs(struct tl_job *j, const struct tl_trial_record *r)
{
    struct tl_error e;
    if (r->outcome == TL_OUTCOME_PASS && r->outputs && r->result && keep(j, r, &e))
        j->reference_note = tl_format("%s: %s", e.where, e.why);
}

/* The trial of a reference has ended: now the job that waited for it. */
static void on_reference(void *arg, const struct tl_trial_record *r, bool cached,
                         const struct tl_error *failure)
{
    struct tl_job *j = arg;
    struct tl_error e;
    (void)cached;
    if (j->x->closing) /* it is freed with the executor */
        return;
    if (failure || j->x->failed) {
        e = failure ? *failure : j->x->failure;
        if (e.kind == TL_ERROR_INPUT) /* its generator lacks something, perhaps: so it cannot be tried */
            tl_job_cannot(j, &e);
        else
            tl_job_fail(j, &e);
        return;
    }
    if (r->outcome != TL_OUTCOME_PASS)
        j->reference_note =
            tl_format("the reference %s gave %s%s%s", j->c->reference.text, tl_outcome_name(r->outcome),
                      r->message ? ": " : "", r->message ? r->message : "");
    else if (!is_known(j))
        j->reference_note =
            tl_format("the reference %s left no outputs that can be kept", j->c->reference.text);
    if (tl_job_submit_trial(j, &e))
        tl_job_fail(j, &e);
}

int tl_job_submit_reference(struct tl_job *j, struct tl_error *e)
{
    if (!j->reference || j->reference_note || is_known(j))
        return 1;
    struct tl_job *k =
        tl_job_new(j->x, j->reference_case, &j->reference_variant, j->reference, on_reference, j);
    k->fresh = j->fresh;
    k->model = tl_strdup(j->reference_model ? j->reference_model : j->model);
    k->inputs = tl_strdup(j->reference_inputs ? j->reference_inputs : j->inputs);
    k->is_reference = true;
    if (*j->reference_id)
        memcpy(k->id, j->reference_id, sizeof k->id);
    k->reference_place = tl_strdup(j->reference_place);
    k->own_reference_place = j->own_reference_place;
    if (tl_job_identify(k, e)) {
        tl_job_free(k);
        return -1;
    }
    j->x->pending++;
    if (!tl_job_submit(k, e))
        return 0;
    j->x->pending--;
    tl_job_free(k);
    return -1;
}

void tl_job_compare(struct tl_job *j, struct tl_trial_record *r)
{
    struct tl_error e;
    const struct tl_expectation x = {
        .c = j->c, .variant = &j->variant, .place = j->reference_place, .outputs = j->generated.outputs};
    if (j->reference_note || !r->outputs || !r->result) {
        tl_verdict_of_comparison(NULL, j->reference_note ? j->reference_note : "there is no result", r);
        return;
    }
    json_t *found = tl_reference_compare(&x, r->outputs, r->result, &e);
    char *why_not = found ? NULL : tl_format("%s: %s", e.where, e.why);
    tl_verdict_of_comparison(found, why_not, r);
    free(why_not);
}
