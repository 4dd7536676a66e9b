/* Theory of operation. A search waits for each trial before it knows the next one. Where there are more slots, what it would ask
 * for next in the case of the one answer and of the other is begun meanwhile: a pass says what that would be (a guess), the
 * likelier first. When it is asked for, it is known already, or nearly; what is never asked for was in vain.
 *
 * The results are those of one slot: a guess is a run like any other, known by the number of its variant and by which run of it
 * it is, and looked at only when it is asked for. It counts as a trial then, and not before. What ended is stored as any trial
 * is, so that nothing is run twice. A run that nobody asked for is left to end, as its slot is not needed: there are never more
 * of them than slots but one. At the end of the search those are stopped. */
#include "harness/campaign/reduce/run.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define GUESSES_MOST 30 /* that are looked at for one trial */

struct variant_files {
    uint64_t number;
    struct tl_reduce_files files;
    size_t users; /* runs that go on, and a trial that waits */
};

struct begun {
    uint64_t number;
    unsigned repeat, target; /* of the reduction when it was judged */
    bool ahead, asked;
    bool returned; /* its files */
    struct tl_reduce_answer *answer;
};

struct tl_reduce_ahead {
    size_t n_files, n;
    struct variant_files **files;
    struct begun *list;
    tl_reduce_guess guess; /* of the trial that is asked for now */
    void *of_guess;
    bool given_up; /* a guess failed with an error: that is left to the search itself to meet */
};

static struct tl_reduce_ahead *list_of(struct tl_reduce_state *s)
{
    if (!s->ahead)
        s->ahead = tl_calloc(1, sizeof *s->ahead);
    return s->ahead;
}

static unsigned slots_of(const struct tl_reduce_state *s)
{
    unsigned jobs = s->r->jobs ? s->r->jobs : 1, slots = s->r->unit->slots;
    return slots && slots < jobs ? slots : jobs;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static struct variant_files *find_files(const struct tl_reduce_ahead *h, uint64_t number)
{
    for (size_t i = 0; i < h->n_files; i++)
        if (h->files[i]->number == number)
            return h->files[i];
    return NULL;
}

int tl_reduce_ahead_files(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t number,
                          const struct tl_reduce_files **files, struct tl_error *e)
{
    struct tl_reduce_ahead *h = list_of(s);
    struct variant_files *f = find_files(h, number);
    int result = 0;
    if (!f) {
        f = tl_calloc(1, sizeof *f);
        f->number = number;
        *TL_GROW(h->files, h->n_files) = f;
        result = tl_reduce_make_files(s, k, number, &f->files, e);
    }
    f->users++;
    *files = &f->files;
    return result;
}

void tl_reduce_ahead_give_back(struct tl_reduce_state *s, uint64_t number)
{
    struct tl_reduce_ahead *h = list_of(s);
    for (size_t i = 0; i < h->n_files; i++) {
        struct variant_files *f = h->files[i];
        if (f->number != number || --f->users)
            continue;
        tl_reduce_remove_files(&f->files);
        free(f);
        h->files[i] = h->files[--h->n_files];
        break;
    }
}

/* --- runs ------------------------------------------------------------------------------------------------------- */

static struct begun *find(struct tl_reduce_state *s, uint64_t number, unsigned repeat)
{
    struct tl_reduce_ahead *h = list_of(s);
    for (size_t i = 0; i < h->n; i++)
        if (h->list[i].number == number && h->list[i].repeat == repeat &&
            h->list[i].target == s->target_number)
            return &h->list[i];
    return NULL;
}

int tl_reduce_ahead_settle(struct tl_reduce_state *s, const struct tl_reduce_run *run, struct tl_error *e)
{
    const struct tl_reduce_ahead *h = list_of(s);
    struct tl_executor *x = s->r->x;
    for (size_t i = 0; !run->c && run->unit == s->r->unit && i < h->n; i++)
        while (h->list[i].number == run->number && h->list[i].repeat == run->repeat &&
               !h->list[i].answer->ended && tl_executor_pending(x) &&
               !(tl_executor_interrupted(x) && !tl_executor_in_flight(x)))
            if (tl_executor_step(x, e))
                return -1;
    return 0;
}

/* Gives the files back of what was begun ahead and has ended. Returns how many still run that nobody waits for. */
static unsigned look_at_ahead(struct tl_reduce_state *s)
{
    struct tl_reduce_ahead *h = list_of(s);
    unsigned running = 0;
    for (size_t i = 0; i < h->n; i++) {
        struct begun *b = &h->list[i];
        if (!b->ahead)
            continue;
        running += !b->answer->ended && !b->asked;
        if (b->answer->ended && !b->returned) {
            b->returned = true;
            tl_reduce_ahead_give_back(s, b->number);
        }
    }
    return running;
}

static int begin(struct tl_reduce_state *s, const struct tl_reduce_run *run, bool ahead,
                 struct tl_reduce_answer **a, struct tl_error *e)
{
    struct tl_reduce_ahead *h = list_of(s);
    struct tl_reduce_answer *answer = tl_calloc(1, sizeof *answer);
    int result = tl_reduce_ahead_settle(s, run, e) ? -1 : tl_reduce_run_begin(s, run, answer, e);
    if (result) {
        free(answer);
        return result;
    }
    *TL_GROW(h->list, h->n) = (struct begun){.number = run->number,
                                             .repeat = run->repeat,
                                             .target = s->target_number,
                                             .ahead = ahead,
                                             .answer = answer};
    *a = answer;
    return 0;
}

int tl_reduce_ahead_run(struct tl_reduce_state *s, const struct tl_reduce_run *run,
                        struct tl_reduce_answer **a, struct tl_error *e)
{
    struct begun *known = find(s, run->number, run->repeat);
    if (!known) {
        int result = begin(s, run, false, a, e);
        if (!result)
            list_of(s)->list[list_of(s)->n - 1].asked = true;
        return result;
    }
    known->asked = true;
    *a = known->answer;
    return 0;
}

/* Begins a run of a variant that may be needed. False: it is known, or cannot be tried. */
static bool begin_ahead(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t number,
                        unsigned repeat)
{
    struct tl_reduce_ahead *h = list_of(s);
    const struct tl_reduce_files *files;
    struct tl_reduce_answer *a;
    struct tl_error ignored;
    if (find(s, number, repeat))
        return false;
    int made = tl_reduce_ahead_files(s, k, number, &files, &ignored);
    const struct tl_reduce_run run = {
        .unit = s->r->unit, .number = number, .files = files, .fresh = s->sure, .repeat = repeat};
    if (!made)
        made = begin(s, &run, true, &a, &ignored);
    h->given_up = h->given_up || made < 0;
    if (made)
        tl_reduce_ahead_give_back(s, number);
    return !made;
}

void tl_reduce_guesses(struct tl_reduce_state *s, tl_reduce_guess guess, void *arg)
{
    list_of(s)->guess = guess;
    list_of(s)->of_guess = arg;
}

int tl_reduce_ahead_fill(struct tl_reduce_state *s, const struct tl_reduce_run *run, unsigned repeats,
                         struct tl_error *e)
{
    struct tl_reduce_ahead *h = list_of(s);
    unsigned most = slots_of(s) - 1, running = look_at_ahead(s);
    bool limited = s->r->max_trials && s->n_run + running + 1 >= s->r->max_trials;
    (void)e;
    for (unsigned i = run->repeat + 1; i < repeats && running < most && !limited && !h->given_up; i++)
        running += begin_ahead(s, NULL, run->number, i);
    for (size_t i = 0; h->guess && i < GUESSES_MOST && running < most && !limited && !h->given_up; i++) {
        struct tl_reduce_candidate k = {0};
        struct tl_error ignored;
        uint64_t number;
        char key[24];
        int made = h->guess(h->of_guess, i, &k);
        if (made > 0 && !tl_reduce_number(s, &k, &number, &ignored)) {
            snprintf(key, sizeof key, "%llu", (unsigned long long)number);
            if (number != run->number && !json_object_get(s->tried, key))
                running += begin_ahead(s, &k, number, 0);
        }
        tl_reduce_drop(&k);
        if (made < 0)
            break;
    }
    return 0;
}

void tl_reduce_ahead_end(struct tl_reduce_state *s)
{
    struct tl_reduce_ahead *h = s->ahead;
    struct tl_executor *x = s->r->x;
    struct tl_error ignored;
    if (!h)
        return;
    if (look_at_ahead(s)) {
        tl_executor_deadline(x, 1); /* what nobody needs is stopped */
        while (tl_executor_pending(x) && !(tl_executor_interrupted(x) && !tl_executor_in_flight(x)) &&
               !tl_executor_step(x, &ignored))
            ;
        tl_executor_deadline(x, 0);
        look_at_ahead(s);
    }
    for (size_t i = 0; i < h->n; i++) {
        const struct begun *b = &h->list[i];
        s->n_ahead += b->ahead && !b->answer->cached;
        s->n_ahead_used += b->ahead && b->asked && !b->answer->cached;
        if (b->answer->ended) {
            tl_reduce_answer_release(b->answer);
            free(b->answer);
        } else { /* of an executor that has failed: it may yet be answered, when that is released */
            b->answer->s = NULL;
        }
    }
    while (h->n_files) {
        struct variant_files *f = h->files[--h->n_files];
        tl_reduce_remove_files(&f->files);
        free(f);
    }
    free(h->files);
    free(h->list);
    free(h);
    s->ahead = NULL;
}
