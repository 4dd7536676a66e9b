/* What the files of the search for a set share. Not for others: subset.h is the contract. */
#ifndef TL_SUBSET_INTERNAL_H
#define TL_SUBSET_INTERNAL_H

#include "harness/search/group_testing.h"
#include "harness/search/noise.h"
#include "harness/search/subset.h"

#define TL_SUBSET_AHEAD 32   /* outcomes that are assumed at most, one after the other */
#define TL_SUBSET_PUT_BACK 6 /* ways to put elements back, when a part cannot be tried */

/* Elements in the order in which they are taken away; shared by the states that have the same one. */
struct tl_subset_row {
    size_t users, n;
    uint32_t elements[];
};

/* Where the search is; subset_walk.c says what each does. */
enum tl_subset_stage {
    TL_SUBSET_AT_REPRODUCE,
    TL_SUBSET_AT_NOTHING,
    TL_SUBSET_AT_GROUPS,
    TL_SUBSET_AT_RATE,
    TL_SUBSET_AT_SINGLES,
    TL_SUBSET_AT_DOUBT,
    TL_SUBSET_AT_END,
};

/* All that was concluded. It is copied to look ahead. */
struct tl_subset_state {
    enum tl_subset_stage stage;
    bool reproduced, not_monotone;
    uint64_t *sets; /* the five that follow, in one piece */
    uint64_t *best; /* the smallest part that failed */
    uint64_t *base; /* what is believed to be enough: a part of it, which may not have been tried as it is */
    uint64_t *open; /* elements of base that could not be decided */
    uint64_t *untried; /* elements of best that could not be taken away alone; … */
    uint64_t *loose;   /* … of them, those without which it fails when others are put back */

    /* How much one outcome is worth. */
    bool noisy, rate_given, doubted;
    double rate;
    struct tl_rate_belief belief, of_best; /* of all elements; of the answer */
    uint64_t failures;                     /* parts that failed */
    uint32_t tries;                        /* passes in a row until a part passes, in the search */

    /* The groups. */
    struct tl_subset_row *row;
    size_t scanned;           /* decided, from the beginning of the row: … */
    size_t found, given_up;   /* … needed; the shares of those not decided after all; the others are gone */
    size_t contaminated;      /* one of the next so many is needed; 0: not known */
    size_t split;             /* how many are to be taken away next; 0: it is not chosen yet … */
    double none;              /* … and the chance that it still fails then */
    size_t attempt;           /* the other sizes of the group, while the part cannot be tried */
    unsigned put_back;        /* then the other ways to put some back … */
    bool helped;              /* … and whether that ever made a part that could be tried */
    size_t skip, skip_before; /* how many are given up when all that fails, and the last time … */
    unsigned in_vain;         /* … which was so often in a row */
    bool may_turn, turned;    /* the row may be turned round; it was, and nothing came of it yet */
    size_t spent;             /* parts that were decided in this pass */
    unsigned pass, stale;     /* passes; those in a row that changed nothing */
    size_t before_best;

    /* The removals one by one. */
    size_t element;
    uint32_t run, wanted; /* turns: this one, and how many there are to be … */
    uint32_t made;        /* … those that were made before the answer changed; … */
    uint32_t passed;      /* … of them, in which each element had its turn */
    bool left_out;        /* one has none now: without it nothing can be tried */
    bool changed;         /* the answer, since run 0 of the first element */
    size_t loose_of;      /* elements of the answer when the loose ones were last taken away in groups */
};

/* The name of a part and the number of a run. */
struct tl_subset_key {
    uint64_t a;
    uint32_t b;
};

/* A state that goes on, on known outcomes and on those that are assumed. */
struct tl_subset_walk {
    struct tl_subset_state state;
    bool real; /* nothing is assumed: what is used counts */
    double chance;
    size_t n_assumed;
    struct {
        struct tl_subset_key key;
        enum tl_subset_outcome outcome;
    } assumed[TL_SUBSET_AHEAD];
    /* What it waits for; the part itself is in the scratch set. */
    struct tl_subset_key key;
    uint32_t run;
    enum tl_subset_purpose purpose;
    double fails; /* the chance that it does */
};

/* One run of one part. Its id is its place. */
struct tl_subset_entry {
    uint64_t a;
    uint32_t b;
    uint8_t outcome;
    bool running, told, used;
};

struct tl_subset {
    struct tl_subset_options options;
    size_t words; /* of a set */
    uint32_t *order;
    uint32_t *shares; /* of each element; NULL: one each */
    struct tl_group_belief belief;
    struct tl_subset_entry *entries;
    size_t n_entries, capacity_entries;
    uint32_t *slots; /* a hash table of places in entries, plus 1 */
    size_t n_slots;
    uint64_t n_told, n_used;
    bool done;
    struct tl_subset_walk real;
    uint64_t *scratch, *more; /* sets */
    struct tl_subset_range *ranges[3];
    size_t capacity_ranges[3];
    struct tl_subset_result result;
};

/* --- The steps: subset_walk.c, subset_groups.c --------------------------------------------------------- */

void tl_subset_walk_begin(struct tl_subset *s);
/* Takes a walk as far as outcomes are known. Returns false at the end, true when it waits for one. */
bool tl_subset_walk_on(struct tl_subset *s, struct tl_subset_walk *w);
bool tl_subset_groups(struct tl_subset *s, struct tl_subset_walk *w); /* one step; true: it waits */
/* How sure it is that every element of the answer is needed. */
double tl_subset_confidence(const struct tl_subset *s);

/* --- What is known, and states: subset_state.c --------------------------------------------------------- */

struct tl_subset_entry *tl_subset_find(const struct tl_subset *s,
                                       struct tl_subset_key key); /* NULL: not asked for */
struct tl_subset_entry *tl_subset_add(struct tl_subset *s, struct tl_subset_key key);
/* The outcome of a run, known or assumed; false: neither. In a real walk it is counted. */
bool tl_subset_known(struct tl_subset *s, struct tl_subset_walk *w, struct tl_subset_key key,
                     enum tl_subset_purpose purpose, enum tl_subset_outcome *outcome);
struct tl_subset_row *tl_subset_row_new(size_t n);
void tl_subset_row_drop(struct tl_subset_row *row); /* NULL is fine */
void tl_subset_make_sets(const struct tl_subset *s, struct tl_subset_state *z);
/* A walk that goes on from the same state by itself; for tl_subset_walk_free. */
struct tl_subset_walk *tl_subset_walk_copy(const struct tl_subset *s, const struct tl_subset_walk *from);
void tl_subset_walk_release(struct tl_subset_walk *w); /* what it holds */
void tl_subset_walk_free(struct tl_subset_walk *w);

void tl_bits_copy(const struct tl_subset *s, uint64_t *to, const uint64_t *from);
void tl_bits_clear(const struct tl_subset *s, uint64_t *set);
/* Puts some of the elements that `from` has not back into the scratch set, in one of many ways. Returns false when it
 * has all. place: with the seed, what is drawn hangs on it. */
bool tl_subset_put_back(struct tl_subset *s, const uint64_t *from, unsigned way, uint64_t place);
/* A row of the elements of a set: those to be taken away first are at its beginning, or at its end. */
struct tl_subset_row *tl_subset_row_of(struct tl_subset *s, const uint64_t *set, bool backwards);
/* Begins a pass over some elements. Takes the row over. */
void tl_subset_begin_pass(struct tl_subset *s, struct tl_subset_state *z, struct tl_subset_row *row);
void tl_subset_begin_skips(struct tl_subset_state *z);

enum tl_subset_decision { TL_SUBSET_WAITS, TL_SUBSET_FAILS, TL_SUBSET_PASSES, TL_SUBSET_CANNOT };
/* The part in the scratch set: one failure decides, and so do `tries` passes in a row, from run `first` on. fails: the chance that it is one
 * that fails at all. */
enum tl_subset_decision tl_subset_judge(struct tl_subset *s, struct tl_subset_walk *w, uint32_t first,
                                        uint32_t tries, enum tl_subset_purpose purpose, double fails);
void tl_subset_want(struct tl_subset_walk *w, struct tl_subset_key key, uint32_t run,
                    enum tl_subset_purpose purpose, double fails); /* it waits for this run */
double tl_subset_mean_rate(const struct tl_rate_belief *b);
void tl_subset_set_tries(struct tl_subset_state *z); /* how many a part gets in the search */

/* --- Sets ---------------------------------------------------------------------------------------------- */

static inline bool tl_bit(const uint64_t *set, size_t i)
{
    return set[i / 64] >> (i % 64) & 1;
}

static inline void tl_bit_add(uint64_t *set, size_t i)
{
    set[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void tl_bit_remove(uint64_t *set, size_t i)
{
    set[i / 64] &= ~((uint64_t)1 << (i % 64));
}

size_t tl_bits_count(const uint64_t *set, size_t words);
size_t tl_bits_next(const uint64_t *set, size_t words, size_t from); /* SIZE_MAX: there is none */
struct tl_subset_key tl_bits_key(const uint64_t *set, size_t words);
struct tl_subset_key tl_bits_key_run(struct tl_subset_key set, uint32_t run);
uint64_t tl_bits_random(uint64_t seed, uint64_t a, uint64_t b); /* 64 bits that hang on these alone */
/* The ranges of a set, in a list that is grown when it is too short. Returns how many. */
size_t tl_bits_ranges(const uint64_t *set, size_t words, struct tl_subset_range **list, size_t *capacity);

#endif
