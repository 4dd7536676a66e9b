/* The search for the smallest part that fails: its steps. subset.c has the theory.
 *
 * A walk is a state that goes from one test to the next. It knows nothing but outcomes, by part and number of run, and
 * stops where one is missing. So a walk can be repeated, and it can be taken ahead on outcomes that are assumed. */
#include "harness/search/subset_internal.h"

#include <math.h>

#define WRONG 0.002        /* the chance that the answer holds an element that is not needed */
#define SURPRISE 0.001     /* a rate with which what was seen is rarer than that is another rate */
#define REPRODUCE_STEADY 3 /* runs of all elements, when all of them fail … */
#define REPRODUCE_MOST 10  /* … when not … */
#define REPRODUCE_NONE 21  /* … and when none does: that excludes a rate of 20 %, with 99 % confidence */
#define ANSWER_RUNS 10     /* runs of the answer, when its rate has to be learned */
#define DOUBT_RUNS 10      /* runs of a part that should not have failed */
/* Numbers of runs from which on they are made for a rate: those before were made until one failed, and say too much. */
#define FAIR_RUNS 0x10000
#define DOUBTED_RUNS 0x20000
#define PUT_BACK_MOST 14    /* ways to put elements back, when that has helped before */
#define IN_VAIN 4           /* elements for which none of them helped; then it is tried less */
#define IN_VAIN_MOST 1000   /* and then no more: the rest is untried */
#define CHANCE_NOTHING 0.02 /* that no element is needed; … */
#define CHANCE_SINGLE 0.03  /* … that one of the answer is not: what is looked into ahead hangs on it */

/* --- All elements, and none ---------------------------------------------------------------------------- */

static bool reproduce(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    tl_bits_copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t failed = 0, run = 0;
    for (;
         run < (failed > 0 ? REPRODUCE_MOST : REPRODUCE_NONE) && !(run == REPRODUCE_STEADY && failed == run);
         run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_REPRODUCE, &outcome)) {
            tl_subset_want(w, key, run, TL_SUBSET_REPRODUCE, failed == run ? 0.95 : 0.5);
            return true;
        }
        failed += outcome == TL_SUBSET_FAIL;
    }
    z->reproduced = failed > 0;
    z->noisy = failed < run;
    tl_rate_belief_update(&z->belief, failed, run - failed);
    tl_subset_set_tries(z);
    z->stage = failed > 0 ? TL_SUBSET_AT_NOTHING : TL_SUBSET_AT_END;
    return false;
}

static bool nothing(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    enum tl_subset_decision d = TL_SUBSET_PASSES;
    if (!s->options.empty_passes) {
        tl_bits_clear(s, s->scratch);
        d = tl_subset_judge(s, w, 0, z->tries, TL_SUBSET_SEARCH, CHANCE_NOTHING);
    }
    if (d == TL_SUBSET_WAITS)
        return true;
    if (d == TL_SUBSET_FAILS) {
        z->failures++;
        tl_bits_clear(s, z->best);
        tl_bits_clear(s, z->base);
        z->stage = TL_SUBSET_AT_RATE;
        return false;
    }
    tl_subset_begin_pass(s, z, tl_subset_row_of(s, z->best, false));
    z->contaminated = d == TL_SUBSET_PASSES ? z->row->n : 0;
    return false;
}

/* --- The rate of the answer ---------------------------------------------------------------------------- */

/* The chance that of n runs at most so many fail. */
static double at_most(const struct tl_rate_belief *b, uint32_t failed, uint32_t n)
{
    double sum = 0;
    for (size_t i = 0; i < TL_RATES; i++) {
        double r = tl_rates[i];
        for (uint32_t k = 0; k <= failed; k++)
            sum += b->weight[i] * exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0)) * pow(r, k) *
                   pow(1 - r, n - k);
    }
    return sum;
}

/* The chance that the answer holds an element that is not needed, when what fails seemed to do so every time: one of the
 * parts that should have failed passed by luck, and so did all runs without that element. Parts that did fail speak for
 * a steady failure. */
static double lucky(const struct tl_subset_state *z, uint32_t wanted)
{
    struct tl_rate_belief b = z->belief;
    tl_rate_belief_update(&b, z->failures, z->not_monotone);
    return (double)(z->failures + 1) * tl_rate_belief_miss(&b, wanted + 1);
}

static uint32_t steady_runs(const struct tl_subset_state *z)
{
    uint32_t wanted = 1;
    while (!z->rate_given && wanted < 100 && lucky(z, wanted) > WRONG)
        wanted++;
    return wanted;
}

static void begin_singles(struct tl_subset *s, struct tl_subset_state *z)
{
    double wrong = WRONG / ((double)tl_bits_count(z->best, s->words) + 1);
    if (!z->noisy)
        z->wanted = steady_runs(z);
    else if (z->rate_given)
        z->wanted = tl_passes_at(z->rate, wrong);
    else
        z->wanted = tl_rate_belief_passes(&z->of_best, wrong);
    tl_bits_clear(s, z->untried);
    tl_bits_clear(s, z->loose);
    z->element = 0;
    z->run = 0;
    z->put_back = 0;
    z->in_vain = 0;
    z->left_out = false;
    z->changed = false;
    z->stage = TL_SUBSET_AT_SINGLES;
}

static bool rate(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    if (!z->noisy) {
        begin_singles(s, z);
        return false;
    }
    tl_bits_copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t first = FAIR_RUNS, failed = 0;
    uint32_t n = z->rate_given ? tl_passes_at(z->rate, SURPRISE) : ANSWER_RUNS;
    for (uint32_t run = first; run < first + n && !(z->rate_given && failed > 0); run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_CHECK, &outcome)) {
            tl_subset_want(w, key, run, TL_SUBSET_CHECK, z->rate);
            return true;
        }
        failed += outcome == TL_SUBSET_FAIL;
    }
    if (z->rate_given && failed == 0) {
        /* The answer fails more rarely than was said. What is known of it is this. */
        z->rate_given = false;
        tl_rate_belief_init(&z->belief);
        tl_rate_belief_update(&z->belief, 1, n);
        z->of_best = z->belief;
        z->rate = tl_subset_mean_rate(&z->of_best);
    } else if (!z->rate_given) {
        if (at_most(&z->belief, failed, n) < SURPRISE)
            tl_rate_belief_init(&z->of_best);
        else
            z->of_best = z->belief;
        tl_rate_belief_update(&z->of_best, failed, n - failed);
        z->rate = tl_subset_mean_rate(&z->of_best);
    }
    begin_singles(s, z);
    return false;
}

/* --- One by one ---------------------------------------------------------------------------------------- */

/* It does not always show after all: from what is left on as a noisy search. */
static void turn_noisy(struct tl_subset *s, struct tl_subset_state *z, uint32_t failed, uint32_t passed)
{
    z->noisy = true;
    tl_rate_belief_update(&z->belief, failed, passed);
    tl_subset_set_tries(z);
    z->pass = z->stale = 0;
    tl_subset_begin_pass(s, z, tl_subset_row_of(s, z->best, false));
}

static void next_single(struct tl_subset_state *z, size_t element)
{
    z->element = element + 1;
    z->put_back = 0;
}

/* The number of the first run of a part that counts here. Those that were made in the search do not: what was kept was
 * kept for their passes. */
static uint32_t first_single(const struct tl_subset_state *z)
{
    return (!z->noisy && z->rate_given ? 0 : z->tries) + z->made;
}

/* The answer without this element cannot be tried: is it needed when some others are there as well? */
static bool single_put_back(struct tl_subset *s, struct tl_subset_walk *w, size_t element)
{
    struct tl_subset_state *z = &w->state;
    enum tl_subset_decision d = TL_SUBSET_CANNOT;
    unsigned ways = z->in_vain >= IN_VAIN ? 1 : z->helped ? PUT_BACK_MOST : TL_SUBSET_PUT_BACK;
    if (z->put_back < ways && tl_subset_put_back(s, z->best, z->put_back, UINT32_MAX - element)) {
        d = tl_subset_judge(s, w, first_single(z), z->wanted, TL_SUBSET_FINAL, CHANCE_SINGLE);
        if (d == TL_SUBSET_WAITS)
            return true;
        if (d == TL_SUBSET_CANNOT) {
            z->put_back++;
            return false;
        }
        z->helped = true;
    }
    z->in_vain = d == TL_SUBSET_PASSES ? 0 : z->in_vain + 1;
    if (d != TL_SUBSET_PASSES)
        tl_bit_add(z->untried, element);
    if (d == TL_SUBSET_FAILS)
        tl_bit_add(z->loose, element);
    next_single(z, element);
    return false;
}

/* How many turns this answer takes. Those before it changed count too, as what passed then had more elements; but for a
 * part of them, in case the failure is not monotone. */
static uint32_t turns(const struct tl_subset_state *z)
{
    uint32_t least = (z->wanted + 3) / 4, left = z->wanted > z->passed ? z->wanted - z->passed : 0;
    return left > least ? left : least;
}

/* Elements that are not needed, but cannot be taken away one by one, may go together. */
static void end_singles(struct tl_subset *s, struct tl_subset_state *z)
{
    size_t kept = tl_bits_count(z->best, s->words);
    z->stage = TL_SUBSET_AT_END;
    if (tl_bits_count(z->loose, s->words) < 2 || kept >= z->loose_of)
        return;
    z->loose_of = kept;
    z->pass = z->stale = 0;
    tl_subset_begin_pass(s, z, tl_subset_row_of(s, z->loose, false));
}

static bool singles(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    size_t element = tl_bits_next(z->best, s->words, z->element);
    if (element == SIZE_MAX) {
        z->element = 0;
        z->run++;
        if (z->changed) {
            z->made += z->noisy ? z->run : 0;
            z->passed += z->noisy && !z->left_out ? z->run : 0;
            z->stage = TL_SUBSET_AT_RATE;
        } else if (z->run >= turns(z)) {
            end_singles(s, z);
        }
        return false;
    }
    if (z->in_vain >= IN_VAIN_MOST) {
        tl_bit_add(z->untried, element);
        next_single(z, element);
        return false;
    }
    tl_bits_copy(s, s->scratch, z->best);
    tl_bit_remove(s->scratch, element);
    uint32_t first = first_single(z), run = first + z->run;
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words), key = tl_bits_key_run(part, run);
    enum tl_subset_outcome outcome;
    if (z->run > 0 && !z->changed &&
        tl_subset_known(s, w, tl_bits_key_run(part, first), TL_SUBSET_FINAL, &outcome) &&
        outcome == TL_SUBSET_INVALID) {
        z->left_out = true;
        next_single(z, element);
        return false;
    }
    if (!tl_subset_known(s, w, key, TL_SUBSET_FINAL, &outcome)) {
        tl_subset_want(w, key, run, TL_SUBSET_FINAL, CHANCE_SINGLE);
        return true;
    }
    z->left_out = z->left_out || outcome == TL_SUBSET_INVALID;
    if (outcome == TL_SUBSET_INVALID && z->run == 0)
        return single_put_back(s, w, element);
    if (outcome == TL_SUBSET_FAIL) {
        bool expected = z->noisy || tl_bit(z->open, element);
        z->failures++;
        tl_bits_copy(s, z->best, s->scratch);
        tl_bits_copy(s, z->base, s->scratch);
        z->changed = true;
        if (!z->noisy && z->run > 0) { /* which passed before */
            turn_noisy(s, z, 1, z->run);
            return false;
        }
        if (!expected && (z->rate_given || z->doubted))
            z->not_monotone = true;
        else if (!expected)
            z->stage = TL_SUBSET_AT_DOUBT;
    }
    next_single(z, element);
    return false;
}

/* An element seemed to be needed, and is not: either the failure is not monotone, or it does not always show. */
static bool doubt(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    tl_bits_copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t failed = 0;
    for (uint32_t run = DOUBTED_RUNS; run < DOUBTED_RUNS + DOUBT_RUNS; run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_CHECK, &outcome)) {
            tl_subset_want(w, key, run, TL_SUBSET_CHECK, 0.7);
            return true;
        }
        failed += outcome == TL_SUBSET_FAIL;
    }
    z->doubted = true;
    if (failed == DOUBT_RUNS) {
        z->not_monotone = true;
        z->stage = TL_SUBSET_AT_SINGLES;
        return false;
    }
    turn_noisy(s, z, failed, DOUBT_RUNS - failed);
    return false;
}

void tl_subset_walk_begin(struct tl_subset *s)
{
    const struct tl_subset_options *o = &s->options;
    struct tl_subset_state *z = &s->real.state;
    s->real.real = true;
    s->real.chance = 1;
    for (size_t i = 0; i < o->n; i++)
        tl_bit_add(z->best, i);
    tl_bits_copy(s, z->base, z->best);
    z->reproduced = true;
    z->loose_of = SIZE_MAX;
    z->rate_given = o->rate > 0;
    z->rate = o->rate > 0 && o->rate < tl_rates[0] ? tl_rates[0] : o->rate;
    tl_rate_belief_init(&z->belief);
    z->stage = TL_SUBSET_AT_NOTHING;
    if (z->rate_given) {
        z->noisy = o->rate < 1;
    } else if (o->known_failed > 0) {
        tl_rate_belief_update(&z->belief, o->known_failed, o->known_runs - o->known_failed);
        z->noisy = o->known_failed < o->known_runs;
    } else {
        z->stage = TL_SUBSET_AT_REPRODUCE;
    }
    tl_subset_set_tries(z);
    if (o->n == 0)
        z->stage = TL_SUBSET_AT_END;
}

bool tl_subset_walk_on(struct tl_subset *s, struct tl_subset_walk *w)
{
    for (;;) {
        bool waits = false;
        switch (w->state.stage) {
        case TL_SUBSET_AT_REPRODUCE:
            waits = reproduce(s, w);
            break;
        case TL_SUBSET_AT_NOTHING:
            waits = nothing(s, w);
            break;
        case TL_SUBSET_AT_GROUPS:
            waits = tl_subset_groups(s, w);
            break;
        case TL_SUBSET_AT_RATE:
            waits = rate(s, w);
            break;
        case TL_SUBSET_AT_SINGLES:
            waits = singles(s, w);
            break;
        case TL_SUBSET_AT_DOUBT:
            waits = doubt(s, w);
            break;
        case TL_SUBSET_AT_END:
            return false;
        }
        if (waits)
            return true;
    }
}

double tl_subset_confidence(const struct tl_subset *s)
{
    const struct tl_subset_state *z = &s->real.state;
    double kept = (double)tl_bits_count(z->best, s->words), wrong;
    if (!z->noisy)
        wrong = z->rate_given || kept < 1 ? 0 : lucky(z, z->wanted);
    else if (z->rate_given)
        wrong = kept * pow(1 - z->rate, z->wanted);
    else
        wrong = kept * tl_rate_belief_miss(&z->of_best, z->wanted);
    return fmax(0, 1 - wrong);
}
