#include "harness/campaign/bundle_trials.h"

#include "db/query.h"
#include "harness/executor/executor.h"
#include "harness/executor/expected_outputs.h"

#include <string.h>

struct asked {
    struct tl_executor *x;
    const struct tl_unit *unit;
    struct tl_variant variant;
};

static int begin(const struct tl_bundle_trials *t, const json_t *variant, struct asked *a, struct tl_error *e)
{
    const struct tl_executor_options options = {
        .db_path = t->db, .command = t->command, .jobs = 1, .sandbox = t->sandbox};
    *a = (struct asked){0};
    char *forbidden = NULL;
    if (tl_variant_from_json(t->c, variant, &a->variant, e))
        return -1;
    forbidden = tl_variant_forbidden(t->c, &a->variant);
    if (forbidden)
        tl_fail(e, TL_ERROR_INPUT, "a variant cannot be tried", t->c->path, "%s", forbidden);
    int rc = forbidden || tl_executor_new(&a->x, &options, e) ? -1 : 0;
    free(forbidden);
    if (rc == 0 && !(a->unit = tl_executor_unit(a->x, t->unit, e)))
        rc = -1;
    if (rc == 0 && !a->unit->usable)
        rc = tl_fail(e, TL_ERROR_INPUT, "a unit cannot be used", t->unit, "%s",
                     a->unit->why ? a->unit->why : "");
    return rc;
}

/* The first failure is the one that is told. */
static int end(struct asked *a, int rc, struct tl_error *e)
{
    struct tl_error other;
    int freed = tl_executor_free(a->x, rc ? &other : e);
    tl_variant_free(&a->variant);
    return rc ? rc : freed;
}

struct ended {
    bool ended;
    char id[TL_UUID_SIZE];
    struct tl_error failure;
    bool failed;
};

static void on_trial(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct ended *d = arg;
    (void)cached;
    d->ended = true;
    d->failed = failure != NULL;
    if (failure)
        d->failure = *failure;
    else
        memcpy(d->id, r->id, sizeof d->id);
}

int tl_bundle_trial(void *arg, const json_t *variant, struct tl_trial_record *r, struct tl_error *e)
{
    const struct tl_bundle_trials *t = arg;
    struct asked a;
    struct ended d = {0};
    int rc = begin(t, variant, &a, e);
    if (rc == 0) {
        const struct tl_request request = {.c = t->c, .variant = &a.variant, .unit = a.unit, .fresh = true};
        rc = tl_executor_submit(a.x, &request, on_trial, &d, e);
    }
    if (rc == 0)
        rc = tl_executor_finish(a.x, e);
    if (rc == 0 && (!d.ended || d.failed)) {
        if (d.failed)
            *e = d.failure;
        else
            tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", t->unit, "while a variant was tried");
        rc = -1;
    }
    if (rc == 0)
        rc = tl_query_trial(tl_executor_store(a.x), d.id, r, e);
    bool have = rc == 0;
    rc = end(&a, rc, e);
    if (rc && have)
        tl_trial_record_free(r);
    return rc;
}

int tl_bundle_expected(void *arg, const json_t *variant, const char *directory, json_t **list,
                       struct tl_error *e)
{
    const struct tl_bundle_trials *t = arg;
    struct asked a;
    *list = NULL;
    int rc = begin(t, variant, &a, e);
    if (rc == 0)
        rc = tl_expected_outputs(a.x, t->c, &a.variant, a.unit, directory, list, e);
    rc = end(&a, rc, e);
    if (rc) {
        json_decref(*list);
        *list = NULL;
    }
    return rc;
}
