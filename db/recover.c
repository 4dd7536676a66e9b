#include "db/recover.h"

#include "db/group.h"
#include "db/trial_write.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/base/time_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An intent whose trial has no outcome: the child ran, and nobody saw the end of it. */
static int add_lost(void *arg, const struct tl_intent *i, struct tl_error *e)
{
    struct tl_store *s = arg;
    struct tl_trial_record r;
    memset(&r, 0, sizeof r);
    char *started = tl_time_format(i->started_us, TL_TIME_SECONDS),
         *found = tl_time_format(tl_wall_us(), TL_TIME_SECONDS);
    snprintf(r.id, sizeof r.id, "%s", i->id);
    snprintf(r.case_hash, sizeof r.case_hash, "%s", i->case_hash);
    snprintf(r.variant_hash, sizeof r.variant_hash, "%s", i->variant_hash);
    snprintf(r.environment_id, sizeof r.environment_id, "%s", i->environment_id);
    r.started_us = i->started_us;
    r.case_name = tl_strdup(i->case_name);
    r.variant = tl_strdup(i->variant);
    r.unit = tl_strdup(i->unit);
    r.message = tl_format("%s while it ran; started %s, found %s",
                          s->rescuing ? "the database or its log was moved, removed or written over"
                                      : "trapline or the machine went down",
                          started, found);
    free(started);
    free(found);
    r.outcome = TL_OUTCOME_LOST;
    r.phase = TL_PHASE_START;
    r.exit_status = -1;
    for (int p = 0; p < TL_PHASE_COUNT; p++)
        r.phase_seconds[p] = -1;
    bool added = false;
    int rc = tl_store_group(s, e) || tl_store_insert(s, &r, i->session_id, &added, e) ? -1 : 0;
    s->recovered += added;
    tl_trial_record_free(&r);
    return rc;
}

static int recover_log(void *arg, struct tl_intent_log *log, struct tl_error *e)
{
    struct tl_store *s = arg;
    if (tl_intent_scan(log, s->database_id, add_lost, s, e) || tl_store_flush(s, e))
        return -1;
    return tl_intent_reset(log, s->database_id, e);
}

int tl_store_recover(struct tl_store *s, struct tl_error *e)
{
    return recover_log(s, s->intents, e) || tl_intent_left(s->intents, recover_log, s, e) ? -1 : 0;
}

int tl_store_lose(struct tl_store *s, struct tl_error *e)
{
    return tl_intent_scan(s->intents, s->database_id, add_lost, s, e) || tl_store_flush(s, e) ? -1 : 0;
}
