/* Records that come after their command: what that had asked for, in the database, says whose they are. */
#include "cases/load.h"
#include "db/asked.h"
#include "harness/base/buffer.h"
#include "harness/executor/remote_impl.h"
#include "harness/executor/remote_job.h"
#include "harness/verdict/classify.h"

#include <stdlib.h>

/* What a command had asked for that is gone. */
struct late {
    struct tl_trial_record r;
    char session_id[TL_UUID_SIZE];
    char *kind, *job, *stands_for;
    int64_t asked_us;
};

static void free_late(struct late *k)
{
    tl_trial_record_free(&k->r);
    free(k->kind);
    free(k->job);
    free(k->stands_for);
}

/* What it had asked for says whose it is. Nothing is written yet: with a query open that fails where another command has written meanwhile. */
static int find_earlier(void *arg, const struct tl_asked *a, struct tl_error *e)
{
    struct late *k = arg;
    struct tl_trial_record *r = &k->r;
    (void)e;
    snprintf(r->id, sizeof r->id, "%s", a->trial_id);
    snprintf(r->case_hash, sizeof r->case_hash, "%s", a->case_hash);
    snprintf(r->variant_hash, sizeof r->variant_hash, "%s", a->variant_hash);
    snprintf(r->environment_id, sizeof r->environment_id, "%s", a->stands_for ? a->stands_for : "");
    snprintf(k->session_id, sizeof k->session_id, "%s", a->session_id);
    r->case_name = tl_strdup(a->case_name);
    r->variant = tl_strdup(a->variant);
    r->unit = tl_strdup(a->unit);
    k->kind = tl_strdup(a->kind);
    k->job = a->job ? tl_strdup(a->job) : NULL;
    k->stands_for = a->stands_for ? tl_strdup(a->stands_for) : NULL;
    k->asked_us = a->asked_us;
    return 0;
}

static int take_earlier(struct tl_executor *x, const char *id, struct late *k, const char *machine,
                        const struct tl_frame_in *f, struct tl_error *e)
{
    struct tl_trial_record *r = &k->r;
    struct tl_remote_came came;
    const struct tl_remote_question q = {id, machine, k->stands_for, k->asked_us};
    json_t *job = k->job ? json_loads(k->job, 0, NULL) : NULL;
    const char *kind = tl_remote_kind_tells(json_object_get(job, "case")) ? k->kind : NULL;
    int result = tl_remote_record_read(x->store, f->body, f->size, id, kind, r, &came, e);
    json_decref(job);
    tl_remote_came_free(
        &came); /* it is in the database of who ran it: what its case is, is not known here any more */
    if (result < 0 && e->kind != TL_ERROR_INPUT)
        return -1;
    if (result < 0) { /* no record of this job at all */
        tl_remote_warn(x, e);
        return 0;
    }
    if (result || !tl_verdict_is_given(r))
        return tl_asked_done(x->store, id, e);
    struct tl_case *c = tl_remote_metrics_of(k->job);
    if (c)
        tl_record_add_metrics(c, r);
    tl_case_free(c);
    return tl_remote_place(x, &q, &came, r, e) ? -1 : tl_asked_answer(x->store, id, k->session_id, r, e);
}

void tl_remote_take_late(struct tl_executor *x, const char *id, const char *machine,
                         const struct tl_frame_in *f)
{
    struct late k = {0};
    struct tl_error e;
    size_t n = 0;
    /* None: the second record of a job that was run twice. */
    if (tl_asked_each(x->store, id, find_earlier, &k, &n, &e) ||
        (n && take_earlier(x, id, &k, machine, f, &e)))
        tl_executor_fail_all(x, &e);
    free_late(&k);
}
