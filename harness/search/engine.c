/* Ask and tell: the machine that every kind of search runs on, and the parts of the result that all have.
 *
 * The interface is that of ask-and-tell optimisers: the search says what it wants to know, and does not care
 * who finds it out, when, or in which order. What makes that simple inside is that a step of a search is a
 * function that may be run again at any time. It asks for outcomes by tl_want (space.c) or tl_judge (rates.c), which
 * look them up among all that was told so far. Where one is missing they put a request into the queue, and
 * the function returns TL_PENDING. When the batch is told the same function runs again from its beginning,
 * finds all that it found the last time, and gets further by what is new. The outcomes are a memo, and the
 * steps are replayed over it: so there is no coroutine, no callback and no recursion, and a search that is
 * interrupted is continued by giving the same answers again.
 *
 * A new batch is made only when the last one is told completely. What is decided depends on the set of
 * answers and never on their order, and with the same seed and the same answers a search always asks for the
 * same trials.
 *
 * A step that is pending while the queue is empty wanted a trial that the budget does not allow any more: so
 * the search ends, and what it knows by then is the result. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a purpose is said in the JSON document, and on the progress line: alone, with the axis, or with numbers
 * ("3 of 12"), which stand between the two texts. */
static const struct {
    const char *name;
    enum { ALONE, AXIS, NUMBERS } with;
    const char *text, *rest;
} purposes[TL_SEARCH_PURPOSE_COUNT] = {
    {"reproduce", ALONE, "does it fail, and how often", ""},
    {"baseline", ALONE, "does the baseline pass", ""},
    {"axes", NUMBERS, "which axes matter: ", " at the baseline"},
    {"choices", AXIS, "a simpler choice of ", ""},
    {"threshold", AXIS, "threshold of ", ""},
    {"band", AXIS, "rates along ", ""},
    {"confirm", ALONE, "confirm the minimal variant", ""},
    {"neighbour", AXIS, "confirm that ", " is needed"},
    {"widen", AXIS, "other values of ", ""},
    {"probe", AXIS, "is it monotone along ", ""},
    {"joint", AXIS, "does the threshold of ", " depend on others"},
    {"hold", ALONE, "generalise: trigger held, the rest at random", ""},
    {"break", AXIS, "generalise: ", " broken, the rest at random"},
    {"first-bad", NUMBERS, "first bad build: number ", ""},
    {"first-fixed", NUMBERS, "first fixed build: number ", ""},
    {"every-build", NUMBERS, "every build: number ", ""},
    {"frontier", ALONE, "boundary between pass and fail", ""},
    {"place", ALONE, "does the same failure show elsewhere", ""},
    {"guard", AXIS, "values of ", ", which was dropped"},
    {"need", ALONE, "does anything else have to stay as it is", ""},
    {"cause", ALONE, "is there another trigger", ""},
    {"elements", AXIS, "which elements of ", " matter"},
    {"suspect", ALONE, "are the suspects the trigger", ""},
    {"judge", ALONE, "is it the same failure at another place", ""},
};

static const char *const outcomes[TL_SEARCH_OUTCOME_COUNT] = {
    "none", "match", "other", "pass", "unsupported", "lost",
};

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
    {"band", "a threshold is no sharp one but a band of values, in which the failure shows in a part of the "
             "runs only"},
    {"masked", "a simpler variant fails in another way, so it cannot be told whether it would pass"},
    {"neighbour-unsupported", "a simpler variant cannot be tried, so one of the axes may not be needed"},
    {"neighbours-unsupported", "no simpler variant can be tried, so nothing is shown about what is needed"},
    {"not-confirmed", "it failed during the search, but never in a fresh process"},
    {"lost", "a trial took the supervisor or the machine down; its variant was left out"},
    {"budget", "the budget of trials or time ran out before the search was through; the same command goes on "
               "from there"},
    {"stopped", "the search was stopped before it was through"},
    {"rate-too-low", "it fails too seldom for the budget"},
    {"not-converged", "ever simpler variants turned up; the search was ended before the result was minimal"},
    {"not-independent", "with the trigger held, some random variants did not fail in this way"},
    {"other-trigger", "with the trigger broken, some random variants failed in the same way"},
    {"joint", "thresholds depend on each other"},
    {"may-be-two",
     "the minimal variant fails at another place in the code than the failing variant does, and "
     "nothing tells whether that is the same bug"},
    {"needs-open",
     "too few random variants with the trigger failed in a row: other values may have to stay as "
     "they are"},
    {"elements-open", "not shown to be minimal: without one of the elements it fails in another way, or "
                      "cannot be tried, so that "
                      "it may not be needed"},
    {"quick",
     "a quick search: each step rests on one run, and not all that is next to the minimal variant was "
     "tried; the same command without --quick goes on from there"},
    {"fails-more-rarely",
     "the failing variant nearly always fails, and a simpler one that fails in some runs only was not taken "
     "for the same"},
};

const char *tl_search_purpose_name(enum tl_search_purpose p)
{
    return purposes[p].name;
}

const char *tl_search_outcome_name(enum tl_search_outcome o)
{
    return outcomes[o];
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

static void describe(const struct tl_search *s, const struct tl_search_run *r, char *text, size_t size)
{
    const char *name = r->axis == TL_NO_AXIS ? "" : s->space->axes[r->axis].name;
    char what[48] = "";
    if (purposes[r->purpose].with == NUMBERS)
        snprintf(what, sizeof what, "%llu of %llu", (unsigned long long)r->detail, (unsigned long long)r->of);
    else if (purposes[r->purpose].with == AXIS && name == NULL)
        snprintf(what, sizeof what, "axis %zu", r->axis + 1);
    else if (purposes[r->purpose].with == AXIS)
        snprintf(what, sizeof what, "%s", name);
    snprintf(text, size, "%s%s%s", purposes[r->purpose].text, what, purposes[r->purpose].rest);
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
        requests[n] = (struct tl_search_request){
            .id = s->handed,
            .index = r->point->index,
            .repeat = r->repeat,
            .fresh = r->fresh,
            .purpose = r->purpose,
            .signature = r->purpose == TL_SEARCH_JUDGE ? r->place->signature : NULL};
        describe(s, r, requests[n].text, sizeof requests[n].text);
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

/* The parts of the result that all searches have. */
static void report_common(struct tl_search *s)
{
    struct tl_search_result *r = &s->result;
    tl_result_clear(r);
    r->reproduced = s->reproduced;
    r->complete = s->complete;
    r->signature = s->target;
    r->wide = s->wide;
    r->search_trials = s->search_trials;
    r->flaky = s->noisy;
    r->path = tl_calloc(s->n_runs + 1, sizeof *r->path);
    r->others = tl_calloc(s->n_strings + 1, sizeof *r->others);
    for (size_t i = 0; i < s->handed; i++) {
        const struct tl_search_run *run = &s->runs[i];
        r->path[r->n_path++] =
            (struct tl_search_step){.index = run->point->index,
                                    .repeat = run->repeat,
                                    .fresh = run->fresh,
                                    .purpose = run->purpose,
                                    .outcome = run->outcome,
                                    .signature = run->place ? run->place->signature : NULL};
        if (!run->told)
            continue;
        uint64_t trials = run->purpose == TL_SEARCH_JUDGE ? run->judge_trials : 1;
        r->trials += trials;
        r->by_purpose[run->purpose] += trials;
        if (run->outcome != TL_SEARCH_OTHER)
            continue;
        size_t j = 0;
        while (j < r->n_others && r->others[j].signature != run->place->signature)
            j++;
        if (j == r->n_others)
            r->others[r->n_others++] = (struct tl_search_other){.signature = run->place->signature,
                                                                .relation = run->place->relation,
                                                                .index = run->point->index};
        r->others[j].seen++;
    }
    for (size_t i = 0; i < s->n_buckets && s->options.counted; i++)
        for (const struct tl_point *p = s->buckets[i]; p != NULL; p = p->next)
            r->answers += p->shared;
    for (int i = 0; i < TL_SEARCH_NOTE_COUNT; i++)
        if (s->notes[i])
            r->notes[r->n_notes++] = (enum tl_search_note)i;
}

const struct tl_search_result *tl_search_result(struct tl_search *s)
{
    report_common(s);
    s->report(s);
    return &s->result;
}
