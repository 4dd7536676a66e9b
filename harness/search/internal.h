/* What the files of the search share. Not for others: search.h is the contract. */
#ifndef TL_SEARCH_INTERNAL_H
#define TL_SEARCH_INTERNAL_H

#include "harness/search/group_testing.h"
#include "harness/search/noise.h"
#include "harness/search/search.h"

#define TL_NO_AXIS SIZE_MAX

/* --- What is known: space.c --------------------------------------------------------------------------- */

/* What is known of one signature: a place in the code where a failure shows. */
struct tl_known_place {
    const char *signature, *kind; /* interned; kind may be NULL */
    enum tl_search_relation relation;
    bool asked;                     /* for a judgement */
    struct tl_point *first;         /* the first variant that showed it */
    bool refuted;                   /* its relation is OTHER by what outcomes showed … */
    enum tl_search_relation judged; /* … and was this before */
};

/* Everything that is known of one variant. */
struct tl_point {
    struct tl_point *next; /* in its bucket */
    uint64_t hash;
    uint64_t *index;
    bool forbidden;
    uint32_t asked, told;             /* runs, fresh ones included */
    uint32_t asked_fresh, told_fresh; /* the fresh ones of them */
    uint32_t shared, shared_fresh;    /* of those that are told: by what trials of other values counted */
    uint32_t counted;                 /* of those that are told: counted as search trials */
    uint32_t seen[TL_SEARCH_OUTCOME_COUNT], seen_fresh[TL_SEARCH_OUTCOME_COUNT];
    uint32_t exact; /* of seen[TL_SEARCH_MATCH]: with the very signature that is isolated */
    bool
        rarer; /* it fails in less than half of its runs, where F nearly always does: that counts as a pass */
    /* Another signature of the same kind, not judged to be another bug; or NULL. */
    struct tl_known_place *shows;
};

/* Runs that showed something: what could not be tried or was lost did not fail and did not pass. */
static inline uint32_t tl_runs_seen(const uint32_t seen[TL_SEARCH_OUTCOME_COUNT])
{
    return seen[TL_SEARCH_MATCH] + seen[TL_SEARCH_OTHER] + seen[TL_SEARCH_PASS];
}

/* One trial; the id of a request is its place in the list. */
struct tl_search_run {
    struct tl_point *point;
    uint32_t repeat;
    bool fresh;
    bool told;
    enum tl_search_purpose purpose;
    size_t axis;         /* for the text; TL_NO_AXIS */
    uint64_t detail, of; /* for the text: "3 of 12" */
    enum tl_search_told kind;
    enum tl_search_outcome outcome; /* TL_SEARCH_NONE also for a failure while no signature is chosen */
    struct tl_known_place *place;   /* of a failure, or to be judged; else NULL */
    uint32_t judge_trials;          /* that a judgement took */
    bool counts;                    /* it tells of other values of options.counted_axis … */
    uint64_t from;                  /* … and fails, where it does, from here on */
};

/* What a step function says. */
enum tl_search_progress {
    TL_AGAIN,   /* the state changed: call the step function again */
    TL_PENDING, /* waiting for what is in the queue */
    TL_DONE,
};

/* The verdict on a variant. */
enum tl_judgement {
    TL_JUDGE_PENDING,
    TL_JUDGE_FAIL,
    TL_JUDGE_PASS,
    TL_JUDGE_OTHER,      /* never failed in this way, failed in another, never passed */
    TL_JUDGE_UNRESOLVED, /* cannot be tried */
};

struct tl_isolate_state;  /* below */
struct tl_set_state;      /* set_axis.c */
struct tl_builds_state;   /* builds.c */
struct tl_frontier_state; /* frontier.c */

struct tl_search {
    const struct tl_search_space *space;
    struct tl_search_space own_space;
    struct tl_search_axis own_axis; /* of a search over builds */
    struct tl_search_options options;
    size_t n; /* axes */

    struct tl_point **buckets; /* of a hash table, a power of two of them */
    size_t n_buckets, n_points;
    struct tl_search_run *runs; /* all, in the order of asking */
    size_t n_runs, capacity_runs;
    size_t handed; /* runs that were given to the caller */
    size_t told;   /* of them */
    uint64_t search_trials;
    uint64_t n_judgements, judge_trials; /* requests that are no trials, and what they took */
    char **strings;                      /* interned signatures and kinds */
    size_t n_strings;
    struct tl_known_place **places; /* every signature that was told */
    size_t n_places;
    const char *target;      /* signature being isolated; NULL while it is not known */
    const char *target_kind; /* its kind; NULL while it was not seen, or when it has none */
    bool wide;               /* matches by kind */
    unsigned matches;        /* how often outcomes were made anew */
    bool notes[TL_SEARCH_NOTE_COUNT];

    bool *suspects;    /* by axis: believed to be of the trigger; NULL: none is */
    uint64_t useless;  /* search trials for suspects that were none */
    uint64_t *failing; /* F; over builds the one that is given, or the newest */
    uint64_t *best;    /* M */
    bool reproduced, complete, done;
    bool noisy; /* a variant failed and passed */
    bool mixed; /* that was seen since the step began, and not acted on yet */
    unsigned
        steady; /* F nearly always fails, and a variant that rarely does was taken for M, so often: not 0, one
                        * failure is not enough */
    uint64_t random;   /* state of the generator */
    uint64_t *scratch; /* one variant */

    /* What the kinds of search differ in. */
    enum tl_search_progress (*step)(struct tl_search *s);
    uint64_t (*left)(const struct tl_search *s);
    void (*report)(struct tl_search *s); /* completes the result */
    void (*release)(struct tl_search *s);
    struct tl_isolate_state *isolate;
    struct tl_builds_state *builds;
    struct tl_frontier_state *frontier;
    struct tl_search_result result;
};

/* A search without steps; NULL when an index is out of range or an axis has no value. */
struct tl_search *tl_search_create(const struct tl_search_space *space, const uint64_t *failing,
                                   const struct tl_search_options *options);
void tl_result_clear(struct tl_search_result *r); /* frees what is in it */
void tl_triggers_free(struct tl_search_trigger *triggers, size_t n);

uint64_t *tl_index_copy(const struct tl_search *s, const uint64_t *index); /* the caller's */
bool tl_index_equal(const struct tl_search *s, const uint64_t *a, const uint64_t *b);
struct tl_point *tl_point_get(struct tl_search *s, const uint64_t *index); /* adds it when it is new */
bool tl_point_closed(const struct tl_point *p);                            /* cannot be tried */
enum tl_judgement tl_point_verdict(const struct tl_point *p);              /* by what is told */
/* M with another value of one axis: s->scratch, so valid until the next call. */
const uint64_t *tl_search_beside(struct tl_search *s, size_t axis, uint64_t value);
/* The variants that were run, or may not be, and differ from M in at most this axis, by its value. The list
 * is the caller's. */
const struct tl_point **tl_search_along(const struct tl_search *s, size_t axis, size_t *n);

/* Keeps the rates of all that was run along the axis, all else as in M, with its band. */
void tl_search_samples(struct tl_search *s, size_t axis);

/* The point when at least n runs of it (fresh ones, if so) are told, or when it cannot be tried. Else NULL,
 * with the missing runs in the queue. axis, detail and of are for the text of the request. */
struct tl_point *tl_want(struct tl_search *s, const uint64_t *index, uint32_t n, bool fresh,
                         enum tl_search_purpose purpose, size_t axis, uint64_t detail, uint64_t of);
uint64_t tl_search_budget_left(const struct tl_search *s); /* trials; UINT64_MAX: no budget */
/* The relation of a signature to the one that is isolated, asked for where it is open and can be asked. False
 * when that request is in the queue. */
bool tl_place_judged(struct tl_search *s, struct tl_known_place *place);
/* Whether it fails only with a signature that is not judged yet; asks for that then. */
bool tl_point_open(struct tl_search *s, const struct tl_point *p);
/* All outcomes anew, by the strict match or by the wide one. */
void tl_search_rematch(struct tl_search *s, bool wide);
/* Whether the variant failed with the very signature, and with another of its kind that is not judged: these
 * are the same then, and so is whatever is of that kind from now on. */
bool tl_search_several_places(struct tl_search *s, struct tl_point *p);

void tl_search_learn(struct tl_search *s); /* chooses the signature among the failures told so far */
void tl_search_note(struct tl_search *s, enum tl_search_note n);
void tl_search_adopt(struct tl_search *s, const uint64_t *index); /* M := index, which failed */
/* What is believed of the rate of M, by earlier runs (options), and by those of M and F as well. */
void tl_search_rates_known(const struct tl_search *s, struct tl_rate_belief *b);
void tl_search_rates(struct tl_search *s, struct tl_rate_belief *b);
/* The verdict by at least `runs` runs. In a noisy search by as many as it takes that a pass is wrong with a
 * chance of at most alpha, and no more after the first failure. */
enum tl_judgement tl_judge(struct tl_search *s, const uint64_t *index, uint32_t runs, bool fresh,
                           double alpha, enum tl_search_purpose purpose, size_t axis, uint64_t detail,
                           uint64_t of);

/* Whether it fails in less than half of its runs: two standard deviations away from a half tell, or 64 runs. */
enum tl_rarely { TL_RARELY_OPEN, TL_RARELY, TL_RARELY_NOT };
enum tl_rarely tl_point_rarely(const struct tl_search *s, const struct tl_point *p);

uint64_t tl_random_below(uint64_t *state, uint64_t below); /* splitmix64; below > 0 */
uint64_t tl_search_random(struct tl_search *s, uint64_t below);
unsigned tl_log2_ceil(uint64_t n); /* of 0 and 1: 0 */

/* --- A threshold on a line of positions: threshold.c -------------------------------------------------- */

#define TL_LINE_BLOCKED 8

/* Positions from t on fail. It is known that tmin <= t <= tmax, and that tmax fails. */
struct tl_search_line {
    uint64_t tmin, tmax;
    size_t n_blocked;
    uint64_t blocked[TL_LINE_BLOCKED]; /* positions that could not be tried */
    bool gap;                          /* at the end: positions tmin..tmax-1 are blocked */
    bool noisy;
    /* In a noisy search only: */
    struct tl_noise noise;
    bool spent;    /* it took more runs than any threshold does: tmax fails, and that is all that is known */
    uint64_t runs; /* so far */
    bool asked;    /* runs are being waited for … */
    uint64_t position;
    uint32_t want;                          /* … until so many of it are told … */
    uint32_t seen[TL_SEARCH_OUTCOME_COUNT]; /* … of which these were known before */
};

typedef void tl_search_line_make(struct tl_search *s, void *context, uint64_t position, uint64_t *index);
typedef uint64_t tl_search_line_ideal(struct tl_search *s, void *context, const struct tl_search_line *line);
struct tl_search_line_use {
    tl_search_line_make *make;   /* the variant of a position */
    tl_search_line_ideal *ideal; /* where to split; NULL: in the middle */
    /* Whether a variant is known to pass by what simpler ones than others did; NULL: never. */
    bool (*passes)(const struct tl_search *s, const uint64_t *index);
    void *context;
    enum tl_search_purpose purpose;
    size_t axis;
};
void tl_search_line_init(struct tl_search *s, struct tl_search_line *line, uint64_t tmin, uint64_t tmax);
void tl_search_line_free(struct tl_search_line *line);
/* Goes on with the line. TL_DONE: t is line->tmax. Every position that fails is adopted as M. */
enum tl_search_progress tl_search_line_step(struct tl_search *s, struct tl_search_line *line,
                                            const struct tl_search_line_use *use);

/* --- The state of an isolation ------------------------------------------------------------------------ */

/* The steps, in order; isolate.c says what each does. */
enum tl_isolate_step {
    TL_STEP_REPRODUCE,
    TL_STEP_BASELINE,
    TL_STEP_SUSPECTS,
    TL_STEP_AXES,
    TL_STEP_CHOICES,
    TL_STEP_THRESHOLDS,
    TL_STEP_BAND,
    TL_STEP_HEADLINE,
    TL_STEP_CONFIRM,
    TL_STEP_PROBE,
    TL_STEP_NEEDS,
    TL_STEP_GENERALISE,
    TL_STEP_CAUSES,
    TL_STEP_END,
};

/* A value of an axis next to M that has to be tried. */
struct tl_neighbour {
    size_t axis;
    uint64_t value;
    bool simpler; /* decides whether M is minimal */
};

/* A variant off the path that is tried to see whether the failure is as it seems. */
struct tl_probe {
    uint64_t *index;
    size_t axis; /* whose value differs from M */
    size_t more; /* of a pair: the axis that is at F's value; else TL_NO_AXIS */
    bool should_fail;
};

/* What the trials of the suspects said (suspects.c). */
enum tl_suspects {
    TL_SUSPECTS_OPEN,    /* nothing */
    TL_SUSPECTS_USELESS, /* without them it fails: none of them is needed, and M has none */
    TL_SUSPECTS_ENOUGH,  /* they alone fail, and M has nothing else … */
    TL_SUSPECTS_ALL,     /* … and without them it passes */
    TL_SUSPECTS_PART,    /* neither alone nor without them it fails */
};

/* Which axes are needed (ficbs.c). */
struct tl_axes_state {
    bool begun;
    uint64_t *values;      /* M at the beginning */
    size_t n, *order;      /* axes that it has away from the baseline: the row */
    size_t scanned;        /* decided ones, the beginning of the row */
    size_t found;          /* of them needed */
    bool contaminated;     /* resetting all that is not decided is known not to fail */
    enum tl_suspects said; /* of the row */
    uint64_t spent, limit; /* search trials when it began, and how many more it may take */
    bool line_open;
    struct tl_search_line line;
    struct tl_group_belief belief; /* of how many of the rest are needed */
};

/* What is done now about the bands (band.c). */
enum tl_band_state {
    TL_BAND_NEXT,    /* look for the next axis */
    TL_BAND_COMPARE, /* does F's value fail more often than M's? */
    TL_BAND_UPPER,   /* the upper edge: band_low fails too seldom, band_high as often as F */
    TL_BAND_LOWER,   /* the lower edge: band_low never fails, band_high was seen to */
};

/* Where the search for other places is (headline.c). */
enum tl_headline_at {
    TL_HEADLINE_LOOK, /* M is minimal by signature: do its neighbours fail in another way of the same kind? */
    TL_HEADLINE_WIDEN, /* they do: resets all axes that are masked */
    TL_HEADLINE_GUARD, /* W was found: do values of what was dropped pass? */
    TL_HEADLINE_NONE,  /* no axis is masked: M is the answer by either match */
    TL_HEADLINE_WIDE,  /* F itself shows several signatures: wide from the beginning */
};

/* The search for other causes (causes.c). */
struct tl_causes_state {
    size_t n_known;
    struct tl_search_answer *known; /* M's own first */
    size_t n_starts, at;
    uint64_t **starts; /* variants that fail without M's trigger */
    bool split;        /* that from starts[at] is through, and what it holds besides is looked for */
    struct tl_isolate_state *sub; /* the isolation from starts[at]; else NULL */
    uint64_t *failing, *best;     /* its F and M */
    uint64_t search_trials;       /* of M, when it began */
};

/* The search for needs (needs.c). */
struct tl_needs_state {
    bool alone_done;
    bool *held; /* by axis: part of a need */
    size_t n_needs;
    struct tl_search_need *needs;
    size_t n_local; /* those that are needed next to M only */
    struct tl_search_need *local;
    size_t value_of; /* the need whose values are tried */
    size_t n_draws;
    uint64_t **draws; /* since the last need was found */
    uint64_t number;  /* of the next draw */
    uint32_t failed, otherwise;
    bool exhausted; /* there are no more variants to draw */
};

struct tl_isolate_state {
    enum tl_isolate_step step;
    enum tl_headline_at headline;
    uint64_t *strict;               /* M by signature, once it is widened; else NULL */
    bool *masked, *pinned;          /* by axis: its reset shows another signature; it stays as in `strict` */
    struct tl_search_answer answer; /* the one by signature, if it is another one */
    unsigned rounds;                /* how often M became simpler after it seemed minimal */
    enum tl_suspects suspects;      /* for the next row of axes */
    struct tl_axes_state axes;

    uint64_t *choice_done;    /* by axis: value of M for which the simpler ones were tried; 0: none */
    uint64_t *threshold_done; /* by axis: value of M that was bisected to; 0: none */
    uint64_t *gap_below;      /* by axis: below a gap, the largest value that can be tried; else UINT64_MAX */
    bool line_open;
    size_t line_axis;
    struct tl_search_line line;

    struct tl_search_band *bands; /* by axis */
    uint64_t *band_checked;       /* by axis: value of M at which no band was found; 0: not looked */
    enum tl_band_state band_state;
    size_t band_axis;
    uint64_t band_low, band_high; /* bisection of an edge */
    uint64_t band_step;           /* of it: how far from M the next value is */
    uint64_t band_upper;          /* the upper edge, once found */
    unsigned *moved;              /* by axis: how often M was moved away from an edge that hangs on others */
    bool band_then_axes;          /* the search became noisy: begin again with the axes */
    unsigned counted_moves;       /* how often M was put to another edge of what is counted */

    size_t n_neighbours;
    struct tl_neighbour *neighbours;

    bool *counter;            /* by axis: does not behave as its threshold says … */
    uint64_t *counterexample; /* … at this value */
    bool probes_made;
    size_t n_probes;
    struct tl_probe *probes;
    size_t n_joint;
    struct tl_search_joint *joint;

    struct tl_needs_state needs;
    struct tl_causes_state causes;
    struct tl_set_state *set; /* the search for a part of a set; NULL */

    bool drawn;
    size_t n_held, n_broken;
    uint64_t **held, **broken; /* the draws */
    size_t *broken_axis;       /* of each draw that breaks the trigger */
    size_t *varied;            /* by axis: values that failed, M's and those of the held draws */
    bool all_drawn;            /* there is no other variant with the trigger */
    uint32_t held_count[2], broken_count[2]; /* failed, of */
    uint32_t held_exact, broken_exact;       /* of the failed, with the very signature */
    const uint64_t *not_held, *also;         /* as in the result */
};

/* Steps: TL_DONE when they are through. */
enum tl_search_progress tl_suspects_step(struct tl_search *s);
/* Of M, the suspects alone: which are needed, one at a time. They are the row. */
bool tl_suspects_pass(const struct tl_search *s,
                      const uint64_t *index); /* of a row: by the trials of suspects */
enum tl_search_progress tl_suspects_needed(struct tl_search *s, struct tl_axes_state *a);
enum tl_search_progress tl_axes_step(struct tl_search *s);
enum tl_search_progress tl_thresholds_step(struct tl_search *s);
enum tl_search_progress tl_band_step(struct tl_search *s, bool *found); /* found: M moved to a band's edge */
/* uneven: the threshold of an axis is none, but a band in which the rate goes up and down; M is put to its end. */
enum tl_search_progress tl_band_uneven(struct tl_search *s, size_t axis, bool *uneven);
/* The threshold of an axis hangs on axes outside of the trigger: M is put to a value beyond it. */
void tl_band_move(struct tl_search *s, size_t axis, uint64_t value);
/* taken: M was replaced by W: the steps from choices on again. */
enum tl_search_progress tl_headline_step(struct tl_search *s, bool *taken);
/* Whether variants drawn with M's trigger, all told, refute M. It is to be looked for again then. */
enum tl_search_progress tl_headline_check(struct tl_search *s, uint64_t *const *held, size_t n,
                                          bool *refuted);
enum tl_search_progress tl_needs_step(struct tl_search *s, bool *refuted); /* as tl_headline_check */
enum tl_search_progress tl_probe_step(struct tl_search *s);
enum tl_search_progress tl_generalise_step(struct tl_search *s);
enum tl_search_progress tl_causes_step(struct tl_search *s);
enum tl_search_progress tl_quick_step(struct tl_search *s); /* instead of confirm and what follows it */
void tl_quick_flaky(struct tl_search *s); /* one variant failed and passed: a quick search ends */
bool tl_quick_masked(struct tl_search *s,
                     bool *masked); /* by axis: may stay for the sake of M's signature alone */
uint64_t tl_quick_left(const struct tl_search *s, uint64_t search_left); /* trials of it, at most */

/* --- Axes that are sets: set_axis.c ------------------------------------------------------------------- */

enum tl_search_progress tl_sets_step(struct tl_search *s); /* every set of M to a part that is needed */
void tl_set_free(struct tl_isolate_state *z);              /* what is known of the search for one */
bool tl_is_set(const struct tl_search *s, size_t axis);
size_t tl_set_size(const struct tl_search *s, size_t axis, uint64_t index);
bool tl_set_contains(const struct tl_search *s, size_t axis, uint64_t all, uint64_t part);
/* How many neighbours a set has by the removal of one element, besides the empty set. */
size_t tl_set_neighbours(const struct tl_search *s, size_t axis, uint64_t index);
/* Whether a set is what M is shown to be minimal by: the empty one, or M's own without one of a few elements. */
bool tl_is_next_set(const struct tl_search *s, size_t axis, uint64_t value);
/* `from` without one element of `what`, by its place there. */
uint64_t tl_set_remove(const struct tl_search *s, size_t axis, uint64_t from, uint64_t what, size_t place);
/* In how many ways a set that holds `what` is made to hold it no more: each by one element of a few, or all at once. */
/* The elements of M's set without which alone, of what was tried, it failed in another way or could not be tried: as a set. */
uint64_t tl_set_open(const struct tl_search *s, size_t axis, const struct tl_point **list, size_t n,
                     size_t *n_open);
size_t tl_set_ways(const struct tl_search *s, size_t axis, uint64_t what);
uint64_t tl_set_broken(const struct tl_search *s, size_t axis, uint64_t from, uint64_t what, size_t way);

void tl_axes_reset(struct tl_axes_state *a);
uint64_t tl_axes_left(const struct tl_search *s); /* trials that it may take yet */
void tl_probe_reset(struct tl_isolate_state *z);
void tl_generalise_reset(struct tl_isolate_state *z);
void tl_needs_reset(struct tl_isolate_state *z);
void tl_causes_reset(struct tl_search *s, struct tl_isolate_state *z);
void tl_isolate_again(struct tl_search *s); /* M became simpler: the steps from choices on once more */
void tl_isolate_noisy(struct tl_search *s); /* one variant failed and passed: begin again from M */
void tl_isolate_steady(
    struct tl_search *s); /* M fails more rarely than F, which nearly always does: again from F */
void tl_isolate_end(struct tl_search *s); /* no further step */
void tl_isolate_report(struct tl_search *s);
void tl_answer_make(struct tl_search *s, struct tl_search_answer *answer); /* of M, as it stands */
void tl_answer_clear(struct tl_search_answer *answer);
struct tl_isolate_state *tl_isolate_new(const struct tl_search *s);
void tl_isolate_free(struct tl_search *s, struct tl_isolate_state *z);
void tl_isolate_release(struct tl_search *s);

/* --- What trials counted: shared.c, counted.c -------------------------------------------------------- */

/* To all points that a trial speaks of besides its own: that it is told, and what it showed, once that is known. */
void tl_counted_told(struct tl_search *s, const struct tl_search_run *run);
void tl_counted_seen(struct tl_search *s, const struct tl_search_run *run);
void tl_counted_new_point(struct tl_search *s, struct tl_point *p); /* all of that, to a point that is new */
/* Whether two variants differ in no axis but the one that is counted. */
bool tl_counted_beside(const struct tl_search *s, const uint64_t *a, const uint64_t *b);
/* Whether a trial beside the variant failed and counted: so others are likely to. */
bool tl_counted_row(const struct tl_search *s, const uint64_t *index);
/* The variant beside it with F's value; NULL when that cannot be tried, or tells nothing (want.c). */
struct tl_point *tl_counted_far(struct tl_search *s, const uint64_t *index);
/* Whether the threshold of this axis is told by what trials counted. */
bool tl_counted_axis(struct tl_search *s, size_t axis);
/* Puts M to the first value at which all that is known fails. */
enum tl_search_progress tl_counted_step(struct tl_search *s);
bool tl_counted_contradicted(struct tl_search *s); /* … which is another value by now */
bool tl_counted_between(struct tl_search *s, const struct tl_point *p); /* the edges of the band */
void tl_counted_report(struct tl_search *s);

/* --- What is next to M: neighbours.c ------------------------------------------------------------------ */

/* More runs of the value below a threshold: what seems exact may be a value on a slope that happened to fail,
 * where the one below it happened to pass. */
#define TL_EXACT_PASSES 3

/* What came of M's neighbours. */
struct tl_neighbours_tried {
    bool once;    /* only those that decide, and one run of each */
    bool choices; /* once, but the other choices too: with which of them it fails is part of the answer */
    bool pending;
    size_t simpler, resolved; /* neighbours that decide whether M is minimal; of them could be tried */
    bool *tied, any_tied;     /* by axis: its baseline cannot be tried */
    uint64_t *failed;         /* the first simpler one that fails, or NULL */
    const struct tl_neighbour *failed_at;
};

enum tl_search_progress tl_choices_step(struct tl_search *s); /* every choice to its simplest value */
uint64_t tl_simpler_choices(const struct tl_search *s, uint64_t value);
bool tl_every_value(const struct tl_search *s, size_t axis); /* whether all values of the axis are tried */
void tl_neighbours_find(struct tl_search *s); /* fills in the list of neighbours, simplest first */
void tl_neighbours_try(struct tl_search *s, struct tl_neighbours_tried *t);
void tl_neighbour_take(struct tl_search *s, const struct tl_neighbours_tried *t); /* t->failed becomes M */

#endif
