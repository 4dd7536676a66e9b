/* What the files of the search share. Not for others: search.h is the contract. */
#ifndef TL_SEARCH_INTERNAL_H
#define TL_SEARCH_INTERNAL_H

#include "harness/search/noise.h"
#include "harness/search/search.h"

#define TL_NO_AXIS SIZE_MAX

/* Everything that is known of one variant. */
struct tl_point {
    struct tl_point *next; /* in its bucket */
    uint64_t hash;
    uint64_t *index;
    bool forbidden;
    uint32_t asked, told; /* runs, fresh ones included */
    uint32_t asked_fresh, told_fresh;
    uint32_t counted; /* of them counted as search trials */
    uint32_t seen[TL_SEARCH_OUTCOME_COUNT], seen_fresh[TL_SEARCH_OUTCOME_COUNT];
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
    size_t axis; /* for the text; TL_NO_AXIS */
    uint64_t detail, of;
    enum tl_search_told kind;
    enum tl_search_outcome outcome;
    const char *signature;
};

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

/* A threshold on a line of positions: those from t on fail. It is known that tmin <= t <= tmax, and that tmax
 * fails. Positions that could not be tried are blocked. */
#define TL_LINE_BLOCKED 8
struct tl_search_line {
    uint64_t tmin, tmax;
    size_t n_blocked;
    uint64_t blocked[TL_LINE_BLOCKED];
    bool noisy;
    struct tl_noise noise;
    bool asked; /* noisy: runs are being waited for */
    uint64_t position;
    uint32_t want;                          /* noisy: number of runs of it that must be told */
    uint32_t seen[TL_SEARCH_OUTCOME_COUNT]; /* noisy: of them known before */
    bool gap;                               /* at the end: positions tmin..tmax-1 are blocked */
    double confidence;                      /* noisy, at the end */
};

struct tl_isolate_state; /* isolate.c */
struct tl_builds_state;
struct tl_frontier_state;

struct tl_search {
    const struct tl_search_space *space;
    struct tl_search_space own_space;
    struct tl_search_axis own_axis; /* of a search over builds */
    struct tl_search_options options;
    size_t n; /* axes */

    struct tl_point **buckets;
    size_t n_buckets, n_points;
    struct tl_search_run *runs;
    size_t n_runs, capacity_runs;
    size_t handed; /* runs that were given to the caller */
    size_t told;
    bool out_of_budget;
    bool done;
    uint64_t search_trials;
    char **strings; /* interned signatures */
    size_t n_strings;
    const char *target; /* signature being isolated; NULL while it is not known */
    bool notes[TL_SEARCH_NOTE_COUNT];

    bool noisy;        /* a variant failed and passed */
    bool mixed;        /* seen since the step began, not acted on yet */
    uint64_t random;   /* state of the generator */
    uint64_t *scratch; /* one variant */

    uint64_t *failing; /* F; NULL over builds */
    uint64_t *best;    /* M */
    bool reproduced, complete;

    enum tl_search_progress (*step)(struct tl_search *s);
    uint64_t (*left)(const struct tl_search *s);
    void (*report)(struct tl_search *s);
    void (*release)(struct tl_search *s);
    struct tl_isolate_state *isolate;
    struct tl_builds_state *builds;
    struct tl_frontier_state *frontier;
    struct tl_search_result result;
};

/* space.c: variants and what is known of them. */
struct tl_search *tl_search_create(const struct tl_search_space *space, const uint64_t *failing,
                                   const struct tl_search_options *options);
uint64_t *tl_index_copy(const struct tl_search *s, const uint64_t *index);
bool tl_index_equal(const struct tl_search *s, const uint64_t *a, const uint64_t *b);
uint64_t tl_random_below(uint64_t *state, uint64_t below); /* splitmix64; below > 0 */
uint64_t tl_search_random(struct tl_search *s, uint64_t below);
struct tl_point *tl_point_get(struct tl_search *s, const uint64_t *index); /* adds it when it is new */
/* The point when at least n runs of it are told (fresh ones, if so), or when it cannot be tried; else NULL,
 * with the missing runs in the queue. */
struct tl_point *tl_want(struct tl_search *s, const uint64_t *index, uint32_t n, bool fresh,
                         enum tl_search_purpose purpose, size_t axis, uint64_t detail, uint64_t of);
bool tl_point_closed(const struct tl_point *p); /* cannot be tried */
/* M with another value of one axis: s->scratch, so valid until the next call. */
const uint64_t *tl_search_beside(struct tl_search *s, size_t axis, uint64_t value);
/* The variants that differ from M in at most this axis and were run, or may not be, by its value. The list is
 * the caller's. */
const struct tl_point **tl_search_along(const struct tl_search *s, size_t axis, size_t *n);
/* The verdict of at least `runs` runs; when the search is noisy, of as many as a pass with the chance alpha
 * of being wrong needs, ending with the first failure. */
enum tl_judgement tl_judge(struct tl_search *s, const uint64_t *index, uint32_t runs, bool fresh,
                           double alpha, enum tl_search_purpose purpose, size_t axis, uint64_t detail,
                           uint64_t of);
enum tl_judgement tl_point_verdict(const struct tl_point *p);
void tl_search_learn(
    struct tl_search *s); /* chooses the signature to isolate among the failures told so far */
void tl_search_note(struct tl_search *s, enum tl_search_note n);
uint64_t tl_search_budget_left(const struct tl_search *s);
/* What earlier runs tell about the rate. */
void tl_search_rates_known(const struct tl_search *s, struct tl_rate_belief *b);
/* With what the runs of M and F tell. */
void tl_search_rates(struct tl_search *s, struct tl_rate_belief *b);
/* M := index, which failed. */
void tl_search_adopt(struct tl_search *s, const uint64_t *index);
unsigned tl_log2_ceil(uint64_t n);                /* of 0 and 1: 0 */
void tl_result_clear(struct tl_search_result *r); /* frees what is in it */

/* engine.c. Reports the parts of the result that all searches have; frees the old ones first. */
void tl_result_common(struct tl_search *s);

/* threshold.c */
typedef void tl_search_line_make(struct tl_search *s, void *context, uint64_t position, uint64_t *index);
typedef uint64_t tl_search_line_ideal(struct tl_search *s, void *context, const struct tl_search_line *line);
struct tl_search_line_use {
    tl_search_line_make *make;   /* the variant of a position */
    tl_search_line_ideal *ideal; /* where to split; NULL: in the middle */
    void *context;
    enum tl_search_purpose purpose;
    size_t axis;
};
void tl_search_line_init(struct tl_search *s, struct tl_search_line *line, uint64_t tmin, uint64_t tmax);
void tl_search_line_free(struct tl_search_line *line);
/* Goes on with the line. TL_DONE: t is line->tmax. Every position that fails is adopted as M. */
enum tl_search_progress tl_search_line_step(struct tl_search *s, struct tl_search_line *line,
                                            const struct tl_search_line_use *use);

/* The steps of an isolation. Each returns TL_DONE when it is through. */
enum tl_isolate_step {
    TL_STEP_REPRODUCE,
    TL_STEP_BASELINE,
    TL_STEP_AXES,
    TL_STEP_CHOICES,
    TL_STEP_THRESHOLDS,
    TL_STEP_BAND,
    TL_STEP_CONFIRM,
    TL_STEP_PROBE,
    TL_STEP_GENERALISE,
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

struct tl_axes_state { /* state of ficbs.c */
    bool begun;
    uint64_t *values;  /* M at the beginning */
    size_t n, *order;  /* axes that it has away from the baseline */
    size_t scanned;    /* decided ones, a prefix of order */
    size_t found;      /* of them needed */
    bool *needed;      /* by place in order */
    bool contaminated; /* resetting all that is not scanned is known not to fail */
    uint64_t spent, limit;
    bool line_open;
    struct tl_search_line line;
    double *log_factorial;
    double *weights; /* scratch of the posterior */
};

struct tl_isolate_state {
    enum tl_isolate_step step;
    unsigned rounds;
    struct tl_rate_belief rates;
    struct tl_axes_state axes;

    uint64_t *choice_done;    /* by axis: value of M for which the simpler ones were tried; 0: none */
    uint64_t *threshold_done; /* by axis: value of M that was bisected to; 0: none */
    uint64_t
        *gap_below; /* by axis: largest value below M's that can be tried, after a gap; else UINT64_MAX */
    bool line_open;
    size_t line_axis;
    struct tl_search_line line;

    struct tl_search_band *bands; /* by axis */
    size_t band_axis;
    int band_state;
    bool band_then_axes;          /* the search became noisy: begin again with the axes */
    uint64_t band_low, band_high; /* bisection of an edge */
    uint64_t band_step;           /* of it: how far from M the next value is */
    uint64_t band_upper;          /* the upper edge, once found */
    uint64_t *band_checked;       /* by axis: value of M at which no band was found; 0: not looked */

    size_t n_neighbours;
    struct tl_neighbour *neighbours;

    bool *counter;            /* by axis: does not behave as its threshold says … */
    uint64_t *counterexample; /* … at this value */
    bool probes_made;
    size_t n_probes;
    struct tl_probe *probes;
    size_t n_joint;
    struct tl_search_joint *joint;

    bool drawn;
    size_t n_held, n_broken;
    uint64_t **held, **broken;
    size_t *broken_axis;
    bool *varied; /* by axis: the held draws moved it */
    uint32_t held_count[2], broken_count[2];
    const uint64_t *not_held, *also;
};

enum tl_search_progress tl_axes_step(struct tl_search *s);
void tl_axes_reset(struct tl_axes_state *a);
uint64_t tl_axes_left(const struct tl_search *s);
enum tl_search_progress tl_thresholds_step(struct tl_search *s);
enum tl_search_progress tl_band_step(struct tl_search *s, bool *found);
enum tl_search_progress tl_probe_step(struct tl_search *s);
enum tl_search_progress tl_generalise_step(struct tl_search *s);
void tl_probe_reset(struct tl_isolate_state *z);
void tl_generalise_reset(struct tl_isolate_state *z);
void tl_isolate_report(struct tl_search *s);
void tl_isolate_again(struct tl_search *s); /* M became simpler: the steps from choices on once more */
void tl_isolate_noisy(struct tl_search *s); /* one variant failed and passed: begin again from M */

#endif
