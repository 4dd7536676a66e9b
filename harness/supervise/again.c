/* Theory of operation. A thread that lives on faults is let go from being traced for a while (loose_linux.c), and a signal
 * that kills it then, without any call before, is known from the wait status alone. What came of the trial stands; only its
 * stack is missing. So it is run once more, as the same trial: with all threads kept. When that dies in the same way it is
 * the better record. When it does not, the first one stands, and says why it has no stack. */
#include "harness/supervise/again.h"

#include "harness/base/buffer.h"
#include "harness/base/last_words.h"

#include <stdlib.h>
#include <string.h>

void tl_trial_begin_record(struct tl_trial *t)
{
    for (int i = 0; i < 3; i++)
        t->io[i].fd = -1;
    t->warden.line = -1;
    for (int i = 0; i < TL_PHASE_COUNT; i++)
        t->record.phase_seconds[i] = -1;
}

static bool is_unseen(const struct tl_trial *t)
{
    const struct tl_trial_record *r = &t->record;
    bool seen = false;
    for (size_t i = 0; i < r->n_captures; i++)
        seen |= r->captures[i].fatal;
    return r->outcome == TL_OUTCOME_CRASH && r->signal && !seen;
}

/* What the record has of the request. */
static void copy_request(struct tl_trial_record *to, const struct tl_trial_record *from)
{
    memcpy(to->id, from->id, sizeof to->id);
    memcpy(to->case_hash, from->case_hash, sizeof to->case_hash);
    memcpy(to->variant_hash, from->variant_hash, sizeof to->variant_hash);
    memcpy(to->environment_id, from->environment_id, sizeof to->environment_id);
    to->case_name = tl_strdup(from->case_name);
    to->variant = tl_strdup(from->variant);
    to->unit = tl_strdup(from->unit);
    to->started_us = from->started_us;
}

struct tl_trial *tl_again(struct tl_trial *t)
{
    if (!t->let_go || t->first || t->killed != TL_KILL_NONE || !t->record.fresh || !is_unseen(t))
        return NULL;
    struct tl_trial *n = tl_calloc(1, sizeof *n);
    n->supervisor = t->supervisor;
    n->argv = t->argv_given ? t->argv_given : t->argv;
    if (t->argv_given)
        tl_strings_free(t->argv);
    n->env = t->env;
    n->entry = t->entry;
    n->argument = t->argument;
    n->directory = t->directory;
    n->writable = t->writable;
    n->protocol = t->protocol;
    n->request = t->request;
    n->device = t->device;
    n->device_asked = t->device_asked;
    n->has_reference = t->has_reference;
    n->files = t->files;
    n->watch = t->watch;
    n->untraced = t->untraced;
    n->elsewhere = t->elsewhere;
    n->device_slots = t->device_slots;
    n->limits = t->limits;
    n->child_limits = t->child_limits;
    n->runs_steps = t->runs_steps;
    n->timeout_most = t->timeout_most;
    n->phase = t->protocol ? TL_PHASE_START : t->phase;
    n->done = t->done;
    n->done_arg = t->done_arg;
    n->announced = t->announced;
    t->argv = t->argv_given = t->env = NULL;
    t->directory = t->writable = t->device = t->device_asked = NULL;
    t->request = t->files = t->watch = NULL;
    tl_trial_begin_record(n);
    copy_request(&n->record, &t->record);
    n->first = tl_calloc(1, sizeof *n->first);
    *n->first = t->record;
    memset(&t->record, 0, sizeof t->record);
    return n;
}

void tl_again_settle(struct tl_trial *t)
{
    struct tl_trial_record *first = t->first;
    if (!first)
        return;
    t->first = NULL;
    if (t->record.outcome == first->outcome && t->record.signal == first->signal && !is_unseen(t)) {
        tl_trial_record_free(first);
    } else {
        tl_trial_record_free(&t->record);
        t->record = *first;
        char *message =
            first->message ? tl_format("%s; " TL_NOT_KEPT, first->message) : tl_strdup(TL_NOT_KEPT);
        free(first->message);
        t->record.message = message;
    }
    free(first);
}
