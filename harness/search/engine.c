/* Ask and tell, and the parts of the result that every kind of search has. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const purpose_names[TL_SEARCH_PURPOSE_COUNT] = {
    "reproduce", "baseline",  "axes",        "choices",     "threshold", "band",
    "confirm",   "neighbour", "widen",       "probe",       "joint",     "hold",
    "break",     "first-bad", "first-fixed", "every-build", "frontier",
};
static const char *const outcome_names[TL_SEARCH_OUTCOME_COUNT] = {"none", "match",       "other",
                                                                   "pass", "unsupported", "lost"};
static const struct {
    const char *name, *text;
} notes[TL_SEARCH_NOTE_COUNT] = {
    {"not-reproduced", "the failing variant did not fail"},
    {"fails-otherwise", "the failing variant fails, but not in the way that was asked for"},
    {"failing-unsupported", "the failing variant cannot be tried here"},
    {"several-signatures", "the failing variant fails in more than one way; one of them was isolated"},
    {"baseline-fails", "the baseline fails in the same way, so nothing of the failing variant is needed"},
    {"baseline-other", "the baseline fails too, but in another way"},
    {"baseline-unsupported", "the baseline cannot be tried here"},
    {"non-monotone", "the failure is not monotone: a simpler value fails where a less simple one passes"},
    {"flaky", "the same variant failed in this way in some runs and did not in others"},
    {"band", "a threshold is not sharp: the rate of failure climbs over a range of values"},
    {"masked", "a simpler variant fails in another way, so it cannot be told whether it would pass"},
    {"neighbour-unsupported", "a simpler variant cannot be tried, so one of the axes may not be needed"},
    {"neighbours-unsupported", "no simpler variant can be tried, so nothing is shown about what is needed"},
    {"not-confirmed", "it failed during the search, but never in a fresh process"},
    {"lost", "a trial took the supervisor or the machine down; its variant was left out"},
    {"budget", "the budget ran out before the search was through"},
    {"stopped", "the search was stopped before it was through"},
    {"rate-too-low", "it fails too seldom for the budget"},
    {"not-converged", "ever simpler variants turned up; the search was ended before the result was minimal"},
    {"not-independent", "with the trigger held, some random variants did not fail in this way"},
    {"other-trigger", "with the trigger broken, some random variants failed in the same way"},
    {"joint", "thresholds depend on each other"},
};

const char *tl_search_purpose_name(enum tl_search_purpose p)
{
    return purpose_names[p];
}

const char *tl_search_outcome_name(enum tl_search_outcome o)
{
    return outcome_names[o];
}

const char *tl_search_note_name(enum tl_search_note n)
{
    return notes[n].name;
}

const char *tl_search_note_text(enum tl_search_note n)
{
    return notes[n].text;
}

bool tl_search_has_note(const struct tl_search_result *r, enum tl_search_note n)
{
    for (size_t i = 0; i < r->n_notes; i++)
        if (r->notes[i] == n)
            return true;
    return false;
}

static void describe(const struct tl_search *s, const struct tl_search_run *r, char text[96])
{
    char axis[48] = "";
    if (r->axis != TL_NO_AXIS) {
        if (s->space->axes[r->axis].name != NULL)
            snprintf(axis, sizeof axis, "%s", s->space->axes[r->axis].name);
        else
            snprintf(axis, sizeof axis, "axis %zu", r->axis + 1);
    }
    unsigned long long detail = r->detail, of = r->of;
    switch (r->purpose) {
    case TL_SEARCH_REPRODUCE:
        snprintf(text, 96, "does it fail, and how often");
        break;
    case TL_SEARCH_BASELINE:
        snprintf(text, 96, "does the baseline pass");
        break;
    case TL_SEARCH_AXES:
        snprintf(text, 96, "which axes matter: %llu of %llu at the baseline", detail, of);
        break;
    case TL_SEARCH_CHOICES:
        snprintf(text, 96, "a simpler choice of %s", axis);
        break;
    case TL_SEARCH_THRESHOLD:
        snprintf(text, 96, "threshold of %s", axis);
        break;
    case TL_SEARCH_BAND:
        snprintf(text, 96, "rates along %s", axis);
        break;
    case TL_SEARCH_CONFIRM:
        snprintf(text, 96, "confirm the minimal variant");
        break;
    case TL_SEARCH_NEIGHBOUR:
        snprintf(text, 96, "confirm that %s is needed", axis);
        break;
    case TL_SEARCH_WIDEN:
        snprintf(text, 96, "other values of %s", axis);
        break;
    case TL_SEARCH_PROBE:
        snprintf(text, 96, "is it monotone along %s", axis);
        break;
    case TL_SEARCH_JOINT:
        snprintf(text, 96, "does the threshold of %s depend on others", axis);
        break;
    case TL_SEARCH_HOLD:
        snprintf(text, 96, "generalise: trigger held, the rest at random");
        break;
    case TL_SEARCH_BREAK:
        snprintf(text, 96, "generalise: %s broken, the rest at random", axis);
        break;
    case TL_SEARCH_FIRST_BAD:
        snprintf(text, 96, "first bad build: number %llu of %llu", detail, of);
        break;
    case TL_SEARCH_FIRST_FIXED:
        snprintf(text, 96, "first fixed build: number %llu of %llu", detail, of);
        break;
    case TL_SEARCH_EVERY_BUILD:
        snprintf(text, 96, "every build: number %llu of %llu", detail, of);
        break;
    case TL_SEARCH_FRONTIER:
        snprintf(text, 96, "boundary between pass and fail");
        break;
    }
}

size_t tl_search_ask(struct tl_search *s, struct tl_search_request *requests, size_t most)
{
    if (s->done)
        return 0;
    if (s->handed == s->n_runs) {
        if (s->told < s->handed)
            return 0;
        enum tl_search_progress p;
        do
            p = s->step(s);
        while (p == TL_AGAIN);
        if (p == TL_DONE) {
            s->done = true;
        } else if (s->handed == s->n_runs) {
            /* Waiting, with nothing in the queue: only the budget stops a trial from getting there. */
            tl_search_learn(s);
            tl_search_note(s, TL_NOTE_BUDGET);
            if (s->noisy && !s->complete)
                tl_search_note(s, TL_NOTE_RATE_TOO_LOW);
            s->done = true;
        }
    }
    size_t n = 0;
    for (; n < most && s->handed < s->n_runs; n++, s->handed++) {
        const struct tl_search_run *r = &s->runs[s->handed];
        requests[n] = (struct tl_search_request){.id = s->handed,
                                                 .index = r->point->index,
                                                 .repeat = r->repeat,
                                                 .fresh = r->fresh,
                                                 .purpose = r->purpose};
        describe(s, r, requests[n].text);
    }
    return n;
}

bool tl_search_done(const struct tl_search *s)
{
    return s->done;
}

void tl_search_stop(struct tl_search *s, enum tl_search_note why)
{
    if (s->done)
        return;
    /* What is known of the failing variant counts even when the first step was not through. */
    if (s->target == NULL)
        tl_search_learn(s);
    tl_search_note(s, why);
    s->done = true;
}

uint64_t tl_search_left(const struct tl_search *s)
{
    if (s->done)
        return 0;
    uint64_t left = s->left(s), queued = s->n_runs - s->told, budget = tl_search_budget_left(s);
    if (budget != UINT64_MAX)
        budget += queued;
    left = left > UINT64_MAX - queued ? UINT64_MAX : left + queued;
    return left < budget ? left : budget;
}

void tl_result_common(struct tl_search *s)
{
    struct tl_search_result *r = &s->result;
    tl_result_clear(r);
    r->reproduced = s->reproduced;
    r->complete = s->complete;
    r->signature = s->target;
    r->search_trials = s->search_trials;
    r->flaky = s->noisy;
    r->path = tl_calloc(s->n_runs + 1, sizeof *r->path);
    r->others = tl_calloc(s->n_strings + 1, sizeof *r->others);
    for (size_t i = 0; i < s->handed; i++) {
        const struct tl_search_run *run = &s->runs[i];
        r->path[r->n_path++] = (struct tl_search_step){.index = run->point->index,
                                                       .repeat = run->repeat,
                                                       .fresh = run->fresh,
                                                       .purpose = run->purpose,
                                                       .outcome = run->outcome,
                                                       .signature = run->signature};
        if (!run->told)
            continue;
        r->trials++;
        r->by_purpose[run->purpose]++;
        if (run->outcome != TL_SEARCH_OTHER)
            continue;
        size_t j = 0;
        while (j < r->n_others && r->others[j].signature != run->signature)
            j++;
        if (j == r->n_others)
            r->others[r->n_others++] =
                (struct tl_search_other){.signature = run->signature, .index = run->point->index};
        r->others[j].seen++;
    }
    for (int i = 0; i < TL_SEARCH_NOTE_COUNT; i++)
        if (s->notes[i])
            r->notes[r->n_notes++] = (enum tl_search_note)i;
}

const struct tl_search_result *tl_search_result(struct tl_search *s)
{
    tl_result_common(s);
    s->report(s);
    return &s->result;
}
