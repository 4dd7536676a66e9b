/* The search for the smallest part that fails: its steps. subset.c has the theory.
 *
 * A walk is a state that goes from one test to the next. It knows nothing but outcomes, by part and number of run, and
 * stops where one is missing. So a walk can be repeated, and it can be taken ahead on outcomes that are assumed. */
#include "harness/search/subset_internal.h"

#include "harness/base/buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MISS 0.135     /* the chance that what fails passes all its tries in the search: 3 at a rate of 0.5 */
#define WRONG 0.002    /* the chance that the answer holds an element that is not needed */
#define SURPRISE 0.001 /* a rate with which what was seen is rarer than that is another rate */
#define REPRODUCE_STEADY 3  /* runs of all elements, when all of them fail … */
#define REPRODUCE_MOST 10   /* … when not … */
#define REPRODUCE_NONE 21   /* … and when none does: that excludes a rate of 20 %, with 99 % confidence */
#define ANSWER_RUNS 10      /* runs of the answer, when its rate has to be learned */
#define DOUBT_RUNS 10       /* runs of a part that should not have failed */
#define PUT_BACK 6          /* ways to put elements back, when a part cannot be tried; … */
#define PUT_BACK_MOST 14    /* … at the end, when that has helped before */
#define PASSES 12           /* over what could not be decided */
#define CHANCE_NOTHING 0.02 /* that no element is needed; … */
#define CHANCE_SINGLE 0.03  /* … that one of the answer is not: what is looked into ahead hangs on it */

enum decision { WAITS, FAILS, PASSES_ALL, CANNOT };

static void want(struct tl_subset_walk *w, struct tl_subset_key key, uint32_t run,
                 enum tl_subset_purpose purpose, double fails)
{
    w->key = key;
    w->run = run;
    w->purpose = purpose;
    w->fails = fails;
}

/* The part in the scratch set: one failure decides, and so do `tries` passes in a row. fails: the chance that it is
 * one that fails at all. */
static enum decision judge(struct tl_subset *s, struct tl_subset_walk *w, uint32_t tries,
                           enum tl_subset_purpose purpose, double fails)
{
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    double missed = 1;
    for (uint32_t run = 0; run < tries; run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, purpose, &outcome)) {
            double still = fails * missed / (fails * missed + 1 - fails + 1e-9);
            want(w, key, run, purpose, still * w->state.rate);
            return WAITS;
        }
        if (outcome == TL_SUBSET_FAIL)
            return FAILS;
        if (outcome == TL_SUBSET_INVALID && run == 0)
            return CANNOT;
        missed *= 1 - w->state.rate;
    }
    return PASSES_ALL;
}

static void copy(struct tl_subset *s, uint64_t *to, const uint64_t *from)
{
    memcpy(to, from, s->words * sizeof *to);
}

static void clear(struct tl_subset *s, uint64_t *set)
{
    memset(set, 0, s->words * sizeof *set);
}

static double mean_rate(const struct tl_rate_belief *b)
{
    double mean = 0;
    for (size_t i = 0; i < TL_RATES; i++)
        mean += b->weight[i] * tl_rates[i];
    return mean;
}

/* How many tries a part gets in the search. */
static void set_tries(struct tl_subset_state *z)
{
    if (!z->noisy) {
        z->rate = 1;
        z->tries = 1;
    } else if (z->rate_given) {
        z->tries = tl_passes_at(z->rate, MISS);
    } else {
        z->rate = mean_rate(&z->belief);
        z->tries = tl_rate_belief_passes(&z->belief, MISS);
    }
}

/* --- All elements, and none ---------------------------------------------------------------------------- */

static bool reproduce(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t failed = 0, run = 0;
    for (;
         run < (failed > 0 ? REPRODUCE_MOST : REPRODUCE_NONE) && !(run == REPRODUCE_STEADY && failed == run);
         run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_REPRODUCE, &outcome)) {
            want(w, key, run, TL_SUBSET_REPRODUCE, failed == run ? 0.95 : 0.5);
            return true;
        }
        failed += outcome == TL_SUBSET_FAIL;
    }
    z->reproduced = failed > 0;
    z->noisy = failed < run;
    tl_rate_belief_update(&z->belief, failed, run - failed);
    set_tries(z);
    z->stage = failed > 0 ? TL_SUBSET_AT_NOTHING : TL_SUBSET_AT_END;
    return false;
}

/* Begins a pass over some elements. Takes the row over. */
static void begin_pass(struct tl_subset *s, struct tl_subset_state *z, struct tl_subset_row *row)
{
    tl_subset_row_drop(z->row);
    z->row = row;
    copy(s, z->base, z->best);
    clear(s, z->open);
    z->scanned = z->found = z->given_up = z->contaminated = z->split = z->spent = 0;
    z->skip = 1;
    z->passed = 0;
    z->before_best = tl_bits_count(z->best, s->words);
    z->before_row = row->n;
    z->stage = TL_SUBSET_AT_GROUPS;
}

/* A row of the elements of a set, the ones to be taken away first at its beginning, or at its end. */
static struct tl_subset_row *row_of(struct tl_subset *s, const uint64_t *set, bool backwards)
{
    struct tl_subset_row *row = tl_subset_row_new(tl_bits_count(set, s->words));
    size_t n = 0;
    for (size_t i = 0; i < s->options.n; i++) {
        uint32_t e = s->order[i];
        if (tl_bit(set, e)) {
            row->elements[backwards ? row->n - 1 - n : n] = e;
            n++;
        }
    }
    return row;
}

static bool nothing(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    enum decision d = PASSES_ALL;
    if (!s->options.empty_passes) {
        clear(s, s->scratch);
        d = judge(s, w, z->tries, TL_SUBSET_SEARCH, CHANCE_NOTHING);
    }
    if (d == WAITS)
        return true;
    if (d == FAILS) {
        z->failures++;
        clear(s, z->best);
        clear(s, z->base);
        z->stage = TL_SUBSET_AT_RATE;
        return false;
    }
    begin_pass(s, z, row_of(s, z->best, false));
    z->contaminated = d == PASSES_ALL ? z->row->n : 0;
    return false;
}

/* --- Groups -------------------------------------------------------------------------------------------- */

/* The size of the group of an attempt; 0 when it is none. Returns false when there are no more. */
static bool size_of_attempt(const struct tl_subset_state *z, size_t most, size_t *size)
{
    size_t step = (z->attempt + 1) / 2, far = z->skip > 1 ? 2 : SIZE_MAX, steps = 1;
    while (steps < far && (steps <= 4 ? steps : (size_t)4 << (steps - 4)) < most)
        steps++;
    size_t first_other = 2 * steps - 1;
    *size = 0;
    if (z->attempt >= first_other) {
        *size = z->attempt == first_other ? most : 1;
        return z->attempt <= first_other + 1;
    }
    size_t away = step <= 4 ? step : (size_t)4 << (step - 4);
    if (z->attempt % 2 == 1 || step == 0)
        *size = z->split + away <= most ? z->split + away : 0;
    else
        *size = z->split > away ? z->split - away : 0;
    return true;
}

/* Puts some of the elements back into the scratch set that `from` has not. Returns false when it has all. */
static bool put_back(struct tl_subset *s, const uint64_t *from, unsigned way, uint64_t place)
{
    bool any = false;
    size_t n = s->options.n;
    for (size_t i = 0; i < s->words; i++) {
        uint64_t all = i + 1 < s->words || n % 64 == 0 ? UINT64_MAX : ((uint64_t)1 << n % 64) - 1;
        uint64_t gone = all & ~from[i];
        any = any || gone != 0;
        /* First all, then about a half, an eighth, and a thirty-second of them. */
        unsigned halves = way == 0 ? 0 : way == 3 || way == 4 ? 3 : way == 5 ? 5 : 1;
        for (unsigned k = 0; k < halves && gone != 0; k++)
            gone &= tl_bits_random(s->options.seed, place * 128 + way * 8 + k, i);
        s->scratch[i] |= gone;
    }
    return any;
}

/* What the next test of the row takes away, and nothing else. */
static void without(struct tl_subset *s, const struct tl_subset_state *z, size_t size)
{
    copy(s, s->scratch, z->base);
    for (size_t i = z->scanned; i < z->scanned + size; i++)
        tl_bit_remove(s->scratch, z->row->elements[i]);
}

static void informed(struct tl_subset_state *z)
{
    z->split = 0;
    z->skip = 1;
    z->spent++;
}

/* The next `size` elements of the row are not needed. */
static void gone(struct tl_subset_state *z, size_t size)
{
    for (size_t i = 0; i < size; i++)
        tl_bit_remove(z->base, z->row->elements[z->scanned++]);
    z->contaminated -= z->contaminated > 0 ? size : 0;
    informed(z);
}

/* Nothing could be tried here: some elements stay for now. */
static void give_up(struct tl_subset_state *z, size_t most)
{
    size_t size = z->skip < most ? z->skip : most;
    for (size_t i = 0; i < size; i++)
        tl_bit_add(z->open, z->row->elements[z->scanned++]);
    z->given_up += size;
    z->contaminated = 0;
    z->split = 0;
    z->skip *= 2;
}

static void choose_split(struct tl_subset *s, struct tl_subset_state *z)
{
    size_t n = z->row->n, left = n - z->scanned;
    size_t bits = 0;
    while ((size_t)1 << bits < n)
        bits++;
    if (z->spent + left + 2 >= 2 * n + 2 * bits + 4) {
        z->split = 1;
        z->none = 0.5;
    } else {
        tl_group_weigh(&s->belief, n - z->given_up, left, z->found);
        z->split = tl_group_split(&s->belief, z->contaminated, &z->none);
    }
    z->attempt = 0;
    z->put_back = 0;
}

/* The row is at its end: what could not be decided is looked at again, from the other side. */
static void end_pass(struct tl_subset *s, struct tl_subset_state *z)
{
    for (size_t i = 0; i < s->words; i++)
        s->more[i] = z->open[i] | (z->best[i] & ~z->base[i]);
    size_t left = tl_bits_count(s->more, s->words);
    bool progress = tl_bits_count(z->best, s->words) < z->before_best || left < z->before_row;
    z->stale = progress ? 0 : z->stale + 1;
    z->pass++;
    if (left > 0 && z->stale < 2 && z->pass < PASSES) {
        begin_pass(s, z, row_of(s, s->more, z->pass % 2 == 1));
        return;
    }
    copy(s, z->base, z->best);
    copy(s, z->open, s->more);
    z->element = 0;
    z->stage = TL_SUBSET_AT_RATE;
}

static bool groups(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    size_t left = z->row->n - z->scanned;
    if (left == 0) {
        end_pass(s, z);
        return false;
    }
    if (z->contaminated == 1) {
        z->found++;
        z->scanned++;
        z->contaminated = 0;
        z->split = 0;
        return false;
    }
    size_t most = z->contaminated > 0 ? z->contaminated - 1 : left, size = z->split;
    if (size == 0) {
        choose_split(s, z);
        return false;
    }
    unsigned ways = z->skip > 1 ? 2 : PUT_BACK;
    if (z->put_back == 0 && !size_of_attempt(z, most, &size)) {
        z->put_back = 1;
        return false;
    }
    if (z->put_back == 0 && size == 0) {
        z->attempt++;
        return false;
    }
    without(s, z, size);
    if (z->put_back > 0 &&
        (z->put_back > ways ||
         !put_back(s, z->base, z->put_back - 1, (uint64_t)z->pass << 32 | (uint32_t)z->scanned))) {
        give_up(z, most);
        return false;
    }
    switch (judge(s, w, z->tries, TL_SUBSET_SEARCH, z->none)) {
    case WAITS:
        return true;
    case FAILS:
        z->failures++;
        z->helped = z->helped || z->put_back > 0;
        if (z->put_back == 0 || tl_bits_count(s->scratch, s->words) < tl_bits_count(z->best, s->words))
            copy(s, z->best, s->scratch);
        gone(z, size);
        break;
    case PASSES_ALL: {
        /* That all the rest is needed somewhere is little: where nothing else can be tried, more is given up. */
        size_t skip = size == most && size > 1 ? z->skip : 1;
        z->helped = z->helped || z->put_back > 0;
        z->contaminated = size;
        informed(z);
        z->skip = skip;
        break;
    }
    case CANNOT:
        if (z->put_back == 0)
            z->attempt++;
        else
            z->put_back++;
    }
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

/* The first run of the answer that tells of its rate: those up to the first failure were made until it failed. */
static uint32_t first_fair_run(struct tl_subset *s, struct tl_subset_walk *w, struct tl_subset_key part)
{
    if (tl_bits_count(w->state.best, s->words) == s->options.n)
        return 0;
    enum tl_subset_outcome outcome;
    uint32_t run = 0;
    while (tl_subset_known(s, w, tl_bits_key_run(part, run), TL_SUBSET_CHECK, &outcome))
        if (run++, outcome == TL_SUBSET_FAIL)
            break;
    return run;
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
    clear(s, z->untried);
    z->element = 0;
    z->run = 0;
    z->put_back = 0;
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
    copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t first = first_fair_run(s, w, part), failed = 0;
    uint32_t n = z->rate_given ? tl_passes_at(z->rate, SURPRISE) : ANSWER_RUNS;
    for (uint32_t run = first; run < first + n && !(z->rate_given && failed > 0); run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_CHECK, &outcome)) {
            want(w, key, run, TL_SUBSET_CHECK, z->rate);
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
        z->rate = mean_rate(&z->of_best);
    } else if (!z->rate_given) {
        if (at_most(&z->belief, failed, n) < SURPRISE)
            tl_rate_belief_init(&z->of_best);
        else
            z->of_best = z->belief;
        tl_rate_belief_update(&z->of_best, failed, n - failed);
        z->rate = mean_rate(&z->of_best);
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
    set_tries(z);
    z->pass = z->stale = 0;
    begin_pass(s, z, row_of(s, z->best, false));
}

static void next_single(struct tl_subset_state *z, size_t element)
{
    z->element = element + 1;
    z->put_back = 0;
}

/* The answer without this element cannot be tried: is it needed when some others are there as well? */
static bool single_put_back(struct tl_subset *s, struct tl_subset_walk *w, size_t element)
{
    struct tl_subset_state *z = &w->state;
    enum decision d = CANNOT;
    if (z->put_back < (z->helped ? PUT_BACK_MOST : PUT_BACK) &&
        put_back(s, z->best, z->put_back, UINT32_MAX - element)) {
        d = judge(s, w, z->wanted, TL_SUBSET_FINAL, CHANCE_SINGLE);
        if (d == WAITS)
            return true;
        if (d == CANNOT) {
            z->put_back++;
            return false;
        }
        z->helped = true;
    }
    if (d != PASSES_ALL)
        tl_bit_add(z->untried, element);
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

static bool singles(struct tl_subset *s, struct tl_subset_walk *w)
{
    struct tl_subset_state *z = &w->state;
    size_t element = tl_bits_next(z->best, s->words, z->element);
    if (element == SIZE_MAX) {
        z->element = 0;
        z->run++;
        if (z->changed) {
            z->passed += z->noisy ? z->run : 0;
            z->stage = TL_SUBSET_AT_RATE;
        } else if (z->run >= turns(z)) {
            z->stage = TL_SUBSET_AT_END;
        }
        return false;
    }
    copy(s, s->scratch, z->best);
    tl_bit_remove(s->scratch, element);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words), key = tl_bits_key_run(part, z->run);
    enum tl_subset_outcome outcome;
    if (z->run > 0 && tl_subset_known(s, w, part, TL_SUBSET_FINAL, &outcome) &&
        outcome == TL_SUBSET_INVALID) {
        next_single(z, element);
        return false;
    }
    if (!tl_subset_known(s, w, key, TL_SUBSET_FINAL, &outcome)) {
        want(w, key, z->run, TL_SUBSET_FINAL, CHANCE_SINGLE);
        return true;
    }
    if (outcome == TL_SUBSET_INVALID && z->run == 0)
        return single_put_back(s, w, element);
    if (outcome == TL_SUBSET_FAIL) {
        bool expected = z->noisy || tl_bit(z->open, element);
        z->failures++;
        copy(s, z->best, s->scratch);
        copy(s, z->base, s->scratch);
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
    copy(s, s->scratch, z->best);
    struct tl_subset_key part = tl_bits_key(s->scratch, s->words);
    uint32_t failed = 0;
    for (uint32_t run = 1; run <= DOUBT_RUNS; run++) {
        struct tl_subset_key key = tl_bits_key_run(part, run);
        enum tl_subset_outcome outcome;
        if (!tl_subset_known(s, w, key, TL_SUBSET_CHECK, &outcome)) {
            want(w, key, run, TL_SUBSET_CHECK, 0.7);
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
    copy(s, z->base, z->best);
    z->reproduced = true;
    z->rate_given = o->rate > 0;
    z->rate = o->rate;
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
    set_tries(z);
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
            waits = groups(s, w);
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
