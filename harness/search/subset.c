/* The smallest part of a set that still fails.
 *
 * What is looked for
 * ------------------
 * All elements together fail. The search holds one part, the answer so far: the smallest that was seen to fail in the
 * same way. At the end it is 1-minimal in the sense of delta debugging [1]: no element of it can be taken away alone
 * with the failure still there. That is tried for each, whatever the search concluded before, so it holds for failures
 * of any shape. For a failure that is monotone (what contains a failing part fails) the answer is the set of needed
 * elements itself.
 *
 * The groups
 * ----------
 * First no element at all is tried. Then the elements stand in a row, and a test takes away those that are known not to
 * be needed and the next few of the others. If it still fails these are gone; else one of them is needed, and the first
 * such one is found by splitting. The search goes on behind it, until all that is left can be taken away at once. This
 * is adaptive group testing, FIC_BS [2] for few needed elements; how many are taken next is said by group_testing.c. It
 * takes about log2 C(n, k) tests for k needed elements of n. Delta debugging [1] takes k log2 n times a few. ProbDD [3]
 * has a model of what is needed too, but asks for groups as if nothing that passed were known to hold a needed one. A
 * bound makes sure that no pass takes more than twice the tests of one at a time, and a few.
 *
 * Where some elements are likelier than others, a group has its half of what is likely, and not of the elements. An answer of
 * one element that has a chance of p takes about -log2(p) tests to be found, as a code of Shannon's takes bits; the chances change
 * how many tests are made, and nothing of what comes out.
 *
 * The heavier elements may be taken away first, as weighted delta debugging [4] does: a search that is stopped early has
 * then got rid of most.
 *
 * What cannot be tried
 * --------------------
 * Not every part can be run: a graph may be no graph, a type may be missing. That is no outcome, neither a failure nor a
 * pass. (Delta debugging counts it as a pass, and takes what it cannot try for needed.) The same group with one element
 * more or less is as good: sizes around the one that was chosen are tried, near ones first, then farther and farther
 * away. When none can be tried, elements that are gone are put back: of a monotone failure a part that passes says the
 * same of all that it contains, and one that fails says that the group is not needed. Such a failure makes the group go
 * although the part that is left was never seen to fail; `base` is what is believed to be enough, and `best` what was
 * seen. When that does not help either, the row is turned round, once in a pass: a chain in which each element needs the
 * one before can only be taken away from its end. Then the next element is left as it is, then one more, two, three,
 * five. Whatever is left open in this way stands in a row again when the pass is through. This ends when two passes in
 * a row changed nothing.
 *
 * At the end an element that cannot be taken away alone is tried with others put back. If that passes it is needed. If
 * it fails it is not, but the answer without it cannot be tried: such elements are looked at as groups once more. What
 * is left of them, and those with which nothing can be tried, are the `untried`, and the answer is not called minimal.
 *
 * Failures that do not always show
 * --------------------------------
 * A failure proves that a part fails; a pass proves little. With a rate r a part gets R runs in the search, until one
 * fails. What fails passes all of them with a chance of 13 % (R = 3 at a rate of 0.5). Such a mistake does no harm but
 * that an element that is not needed stays: the answer is a part that was seen to fail in any case. So they are made
 * good at the end, where the elements are taken away one by one, in turns: one run for each, then a second one for each.
 * A failure makes its element go; most mistakes show in the first turns, when little was spent. What the other elements
 * passed until then still counts, as there were more elements with them, but a quarter of all turns are made with the
 * answer as it is in the end. It stands after N turns, ln(0.002 / (k + 1)) / ln(1 - r) for k elements; the chance
 * that one of them is not needed is then below 0.002. The rate is given, or learned: from runs of all elements, and from
 * runs of the answer (those which were made until it failed say too much, and do not count). When the answer fails so
 * much more rarely than it should that there is less than one chance in a thousand, its own runs alone count.
 *
 * A failure that seems to show always, but was not said to, may be a noisy one of a high rate: then one pass by luck in
 * the search and another one at the end are enough for a wrong answer. The parts that failed speak for its rate, and as
 * many runs are made at the end as make the chance of that less than 0.002: two or three for few needed elements, one for
 * many. When the answer holds an element that is not needed after all the failure is not monotone, or it is noisy, and
 * the smaller part is run ten times more. A part that fails and passes makes the search noisy, and it goes on from there.
 *
 * Ahead
 * -----
 * The steps are a function of outcomes alone, each of a part and the number of its run. So they can be taken further on
 * outcomes that are assumed: while a test runs, the search goes on as if it failed, and as if it passed, and asks for
 * what it would need then, the likelier first (the bisection of threshold.c does so for one line). What was asked for
 * in vain is not looked at. The results are the same for any number of tests at once, and in whatever order they end.
 *
 * Memory
 * ------
 * A set is a bit for each element, a state five of them, and a part is known by a hash of 96 bits: of 100,000 elements
 * that is 13 kB, 65 kB, and 16 bytes for a run, 3 MB in all for a thousand tests.
 *
 * [1] A. Zeller, R. Hildebrandt: Simplifying and isolating failure-inducing input. IEEE TSE 28(2), 2002.
 * [2] Z. Zhang, J. Zhang: Characterizing failure-causing parameter interactions by adaptive testing. ISSTA 2011.
 * [3] G. Wang, R. Shen, J. Chen, Y. Xiong, L. Zhang: Probabilistic delta debugging. ESEC/FSE 2021.
 * [4] X. Zhou and others: WDD: weighted delta debugging. ICSE 2025. */
#include "harness/search/subset_internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define LOOKED_INTO 200 /* states at most, to find what to ask for ahead */
#define UNLIKELY 0.003  /* a future of less chance than this is not looked into */
#define SHARES 8        /* of an element in the mean, where they are not alike */

/* --- Begin and end ------------------------------------------------------------------------------------ */

struct weighted {
    double weight;
    uint32_t element;
};

static int heavier_first(const void *a, const void *b)
{
    const struct weighted *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->element < y->element ? -1 : 1;
}

static void make_order(struct tl_subset *s)
{
    size_t n = s->options.n;
    s->order = tl_calloc(n + 1, sizeof *s->order);
    struct weighted *list = tl_calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct weighted){s->options.weights != NULL ? s->options.weights[i] : 0, (uint32_t)i};
    if (s->options.weights != NULL)
        qsort(list, n, sizeof *list, heavier_first);
    for (size_t i = 0; i < n; i++)
        s->order[i] = list[i].element;
    free(list);
    s->options.weights = NULL;
}

/* The theory of groups is of elements that are alike. One that is likelier than others counts as several of them, which stand side
 * by side and are never parted. Returns how many there are. */
static size_t make_shares(struct tl_subset *s)
{
    size_t n = s->options.n, all = 0;
    double sum = 0;
    if (s->options.chances == NULL)
        return n;
    for (size_t i = 0; i < n; i++)
        sum += s->options.chances[i];
    s->shares = tl_calloc(n + 1, sizeof *s->shares);
    for (size_t i = 0; i < n; i++) {
        double share = sum > 0 ? s->options.chances[i] / sum * SHARES * (double)n : 1;
        s->shares[i] = share > 1 ? (uint32_t)(share + 0.5) : 1;
        all += s->shares[i];
    }
    s->options.chances = NULL;
    return all;
}

struct tl_subset *tl_subset_new(const struct tl_subset_options *options)
{
    struct tl_subset *s = tl_calloc(1, sizeof *s);
    s->options = *options;
    s->words = options->n / 64 + 1;
    make_order(s);
    tl_group_init(&s->belief, make_shares(s));
    s->scratch = tl_calloc(s->words, sizeof *s->scratch);
    s->more = tl_calloc(s->words, sizeof *s->more);
    for (size_t i = 0; i < TL_COUNT(s->ranges); i++) {
        s->capacity_ranges[i] = 8;
        s->ranges[i] = tl_calloc(8, sizeof *s->ranges[i]);
    }
    tl_subset_make_sets(s, &s->real.state);
    tl_subset_walk_begin(s);
    s->done = !tl_subset_walk_on(s, &s->real);
    return s;
}

void tl_subset_free(struct tl_subset *s)
{
    if (s == NULL)
        return;
    tl_subset_walk_release(&s->real);
    tl_group_free(&s->belief);
    for (size_t i = 0; i < TL_COUNT(s->ranges); i++)
        free(s->ranges[i]);
    free(s->order);
    free(s->shares);
    free(s->entries);
    free(s->slots);
    free(s->scratch);
    free(s->more);
    free(s);
}

/* --- Ask and tell -------------------------------------------------------------------------------------- */

static struct tl_subset_walk *assume(const struct tl_subset *s, const struct tl_subset_walk *from,
                                     enum tl_subset_outcome outcome, double chance)
{
    struct tl_subset_walk *w = tl_subset_walk_copy(s, from);
    w->chance = from->chance * chance;
    w->assumed[w->n_assumed].key = from->key;
    w->assumed[w->n_assumed++].outcome = outcome;
    return w;
}

/* What may be asked for, the likeliest first; `look` says when it has what it looks for, and is given the walk that
 * waits for it, whose part is in the scratch set then. Returns whether it had. */
typedef bool look(struct tl_subset *s, const struct tl_subset_walk *w, void *context);
static bool look_ahead(struct tl_subset *s, look *found, void *context)
{
    struct tl_subset_walk *futures[LOOKED_INTO + 2];
    size_t n = 1;
    futures[0] = tl_subset_walk_copy(s, &s->real);
    bool had = false;
    for (size_t seen = 0; n > 0 && seen < LOOKED_INTO && !had; seen++) {
        size_t likeliest = 0;
        for (size_t i = 1; i < n; i++)
            if (futures[i]->chance > futures[likeliest]->chance)
                likeliest = i;
        struct tl_subset_walk *w = futures[likeliest];
        futures[likeliest] = futures[--n];
        if (tl_subset_walk_on(s, w)) {
            had = found(s, w, context);
            if (!had && w->n_assumed < TL_SUBSET_AHEAD) {
                if (w->chance * w->fails >= UNLIKELY)
                    futures[n++] = assume(s, w, TL_SUBSET_FAIL, w->fails);
                if (w->chance * (1 - w->fails) >= UNLIKELY)
                    futures[n++] = assume(s, w, TL_SUBSET_PASS, 1 - w->fails);
            }
        }
        tl_subset_walk_free(w);
    }
    while (n > 0)
        tl_subset_walk_free(futures[--n]);
    return had;
}

static bool to_be_run(struct tl_subset *s, const struct tl_subset_walk *w, void *context)
{
    struct tl_subset_test *test = context;
    struct tl_subset_entry *e = tl_subset_find(s, w->key);
    if (e != NULL && e->running)
        return false;
    if (e == NULL)
        e = tl_subset_add(s, w->key);
    e->running = true;
    test->id = (uint64_t)(e - s->entries);
    test->kept = tl_bits_count(s->scratch, s->words);
    test->n_ranges = tl_bits_ranges(s->scratch, s->words, &s->ranges[0], &s->capacity_ranges[0]);
    test->ranges = s->ranges[0];
    test->run = w->run;
    test->purpose = w->purpose;
    test->ahead = w->n_assumed > 0;
    return true;
}

enum tl_subset_next tl_subset_next(struct tl_subset *s, struct tl_subset_test *test)
{
    if (s->done)
        return TL_SUBSET_DONE;
    return look_ahead(s, to_be_run, test) ? TL_SUBSET_TEST : TL_SUBSET_WAIT;
}

static bool is_it(struct tl_subset *s, const struct tl_subset_walk *w, void *context)
{
    const struct tl_subset_entry *e = tl_subset_find(s, w->key);
    return e != NULL && (uint64_t)(e - s->entries) == *(uint64_t *)context;
}

bool tl_subset_wanted(struct tl_subset *s, uint64_t id)
{
    return !s->done && id < s->n_entries && look_ahead(s, is_it, &id);
}

int tl_subset_tell(struct tl_subset *s, uint64_t id, enum tl_subset_outcome outcome)
{
    if (id >= s->n_entries || !s->entries[id].running)
        return -1;
    struct tl_subset_entry *e = &s->entries[id];
    e->running = false;
    if (outcome == TL_SUBSET_LOST)
        return 0;
    e->told = true;
    e->outcome = (uint8_t)outcome;
    s->n_told++;
    if (!s->done)
        s->done = !tl_subset_walk_on(s, &s->real);
    return 0;
}

const struct tl_subset_result *tl_subset_result(struct tl_subset *s)
{
    const struct tl_subset_state *z = &s->real.state;
    struct tl_subset_result *r = &s->result;
    r->done = s->done;
    r->reproduced = z->reproduced;
    r->noisy = z->noisy;
    r->not_monotone = z->not_monotone;
    r->kept = tl_bits_count(z->best, s->words);
    r->n_ranges = tl_bits_ranges(z->best, s->words, &s->ranges[1], &s->capacity_ranges[1]);
    r->ranges = s->ranges[1];
    r->n_untried = tl_bits_count(z->untried, s->words);
    r->n_untried_ranges = tl_bits_ranges(z->untried, s->words, &s->ranges[2], &s->capacity_ranges[2]);
    r->untried = s->ranges[2];
    r->minimal = s->done && z->reproduced && r->n_untried == 0;
    r->rate = z->rate;
    r->confidence = r->minimal ? tl_subset_confidence(s) : 0;
    r->wasted = s->n_told - s->n_used;
    return r;
}

size_t tl_subset_undecided(const struct tl_subset *s)
{
    const struct tl_subset_state *z = &s->real.state;
    if (z->stage < TL_SUBSET_AT_GROUPS)
        return s->options.n;
    return z->stage == TL_SUBSET_AT_GROUPS ? z->row->n - z->scanned : 0;
}
