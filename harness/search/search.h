/* Search: which variant to try next. Pure: no process, no file, no clock.
 *
 * Given a space of variants and one variant that fails, a search finds out what the failure needs, with as
 * few trials as it can. It runs nothing itself: it is asked what to try, and told what came of it.
 *
 *     while (!tl_search_done(s)) {
 *         n = tl_search_ask(s, requests, MOST);       a batch of independent trials
 *         run them, in any order, at once if you like
 *         tl_search_tell(s, request.id, ...);         one call for each, in any order
 *     }
 *     result = tl_search_result(s);
 *
 * A variant is one index for every axis; index 0 is the simplest value, and the variant of all zeros is the
 * baseline. F is the failing variant that is given, M the simplest one that was seen to fail in the same way.
 * That means with the same signature (strict); or, when options.widen asks for it, also with another one of the
 * same kind that was not judged to be another failure (wide). There are three kinds of search:
 *
 *   tl_search_isolate    the smallest set of choices that triggers the failure    isolate.c
 *   tl_search_builds     since which build it fails, and which one fixed it       builds.c
 *   tl_search_frontier   the boundary between pass and fail over two axes         frontier.c
 *
 * They share these parts, each with its theory at its head:
 *
 *   space.c        variants, what is known of each
 *   engine.c       ask and tell, and why the order of answers does not matter
 *   ficbs.c        which axes are needed: adaptive group testing
 *   threshold.c    a threshold on a line: bisection
 *   noise.c        the same for failures that do not show every time: Bayesian search
 *   rates.c        how often something has to pass, and the verdict on a variant by that
 *   band.c         thresholds that are not sharp
 *   suspects.c     axes that are believed to be the trigger are tried first
 *   quick.c        what a quick search does instead of confirming
 *   set_axis.c     axes whose values are sets: the smallest part of one (subset.h)
 *   causes.c       other triggers of the same failure
 *   needs.c        values that the failure needs although they are simple
 *   generalise.c   whether the trigger holds for variants that were not on the path
 *   headline.c     whether failures of another signature are the same bug at another place
 *   report.c       the result of an isolation
 *
 * Four files of this folder stand for themselves: covering.c makes the variants of a sweep that has no failing
 * variant yet; change.c and level.c tell whether something changed between nights, and stale.c whether stored
 * trials still hold. */
#ifndef TL_SEARCH_H
#define TL_SEARCH_H

#include "harness/search/subset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_search;

/* --- What is searched --------------------------------------------------------------------------------- */

struct tl_search_axis {
    bool ordered;   /* the failure is expected to be monotone along the axis */
    uint64_t count; /* number of values, at least 1. Of sets: those that stand for all, from 0 on; others have
                         higher indices, as they are met */
    const char *name; /* for the purpose texts; NULL: "axis N" */
    bool set;         /* a value is a set of elements, 0 the empty one; never ordered */
};

struct tl_search_space {
    size_t n_axes;
    const struct tl_search_axis *axes;                       /* the caller's; must outlive the search */
    bool (*forbidden)(void *context, const uint64_t *index); /* may not be tried; NULL: everything may */
    void *context;
    /* Of axes that are sets. The index of a part of the elements, and the elements of an index, as ascending ranges in
     * memory of their own. NULL: there are no such axes. */
    uint64_t (*part)(void *context, size_t axis, const struct tl_subset_range *ranges, size_t n);
    struct tl_subset_range *(*ranges)(void *context, size_t axis, uint64_t index, size_t *n);
};

/* Zero in any field means the default, which stands in brackets. */
struct tl_search_options {
    uint64_t seed;
    unsigned width;        /* trials that the device runs at once (1); from 3 on, bisections look ahead */
    uint64_t max_trials;   /* budget (none) */
    double confidence;     /* of a noisy result (0.99) */
    const char *signature; /* the failure to isolate (the one that F shows most often); copied */
    const char *kind;      /* of that signature, where it is known; copied */
    bool no_generalise;    /* leave out the steps after confirm */
    bool quick; /* of an isolation: as few trials as can be (quick.c), of the options below widen at most */
    const size_t *suspects; /* of an isolation: axes that are tried first (suspects.c); copied */
    size_t n_suspects;
    bool widen;       /* look for the same failure at other places (headline.c); over builds: match by kind */
    bool causes;      /* of an isolation: look for other triggers (causes.c) */
    bool needs;       /* of an isolation: look for values that have to stay as they are (needs.c) */
    bool every_value; /* of an isolation: try all values of needed ordered axes with at most widen_most */
    bool judge;       /* the caller answers requests to judge a signature (TL_SEARCH_JUDGE) */
    bool counted;     /* of an isolation: trials may say what they counted (tl_search_counted) … */
    size_t counted_axis; /* … which is what this ordered axis sets */

    /* Numbers of runs */
    unsigned reproduce_runs;  /* of F (3) */
    unsigned reproduce_most;  /* of F while it does not fail (21: excludes a rate of 0.2 with 0.99) */
    unsigned confirm_runs;    /* of M, in fresh processes (5) */
    unsigned neighbour_runs;  /* of every neighbour, in fresh processes (2; of a threshold three more) */
    unsigned generalise_runs; /* with the trigger held, and as many with it broken (8) */
    unsigned widen_most;      /* values of a choice axis that are tried at most (32) */
    unsigned band_runs;       /* at each value that is measured for a band (16) */

    /* What is known beforehand */
    uint32_t known_failed, known_runs; /* earlier runs of F: how often it failed, of */

    /* Over builds */
    bool exhaustive; /* try every build, find every bad range */
    bool bad_known;  /* `bad` is given */
    size_t bad;      /* a build that fails */
};

/* --- What is asked, and what is told ------------------------------------------------------------------ */

/* Why a trial is asked for: the step of the search. */
enum tl_search_purpose {
    TL_SEARCH_REPRODUCE,   /* F: does it fail, and how often */
    TL_SEARCH_BASELINE,    /* the baseline */
    TL_SEARCH_AXES,        /* a group of axes reset */
    TL_SEARCH_CHOICES,     /* a simpler value of a choice */
    TL_SEARCH_THRESHOLD,   /* a value between a pass and a failure */
    TL_SEARCH_BAND,        /* the rate at a value */
    TL_SEARCH_CONFIRM,     /* M in a fresh process */
    TL_SEARCH_NEIGHBOUR,   /* something next to M, simpler */
    TL_SEARCH_WIDEN,       /* another value of a choice, for the report */
    TL_SEARCH_PROBE,       /* a value off the path: is it monotone */
    TL_SEARCH_JOINT,       /* two ordered axes at once */
    TL_SEARCH_HOLD,        /* at random, with the trigger held */
    TL_SEARCH_BREAK,       /* at random, with the trigger broken */
    TL_SEARCH_FIRST_BAD,   /* over builds, the older side */
    TL_SEARCH_FIRST_FIXED, /* over builds, the newer side */
    TL_SEARCH_EVERY_BUILD, /* over builds, all of them */
    TL_SEARCH_FRONTIER,    /* the boundary over two axes */
    TL_SEARCH_PLACE,       /* axes reset whose reset fails with another signature of the same kind */
    TL_SEARCH_GUARD,       /* a value of an axis that was dropped on the word of another signature */
    TL_SEARCH_NEED,        /* an axis moved that is not in the trigger */
    TL_SEARCH_CAUSE,       /* F with a part of the trigger reset, and what that leads to */
    TL_SEARCH_ELEMENTS,    /* a part of a set */
    TL_SEARCH_SUSPECT,     /* the axes that are believed to be the trigger, alone; and without them */
    TL_SEARCH_JUDGE,       /* no trial: is the request's signature the failure that is isolated? */
};
#define TL_SEARCH_PURPOSE_COUNT 24

/* One trial that is asked for. The same (index, repeat) is never asked twice, so that it can be the key of a
 * cache. */
struct tl_search_request {
    uint64_t id;           /* for tl_search_tell */
    const uint64_t *index; /* of every axis; lives as long as the search */
    uint32_t repeat;       /* 0 is the first trial of this variant */
    bool fresh;            /* must be a process of its own from exec on */
    enum tl_search_purpose purpose;
    char text[96];         /* what is being tried, for the progress line */
    const char *signature; /* of TL_SEARCH_JUDGE, shown by index; else NULL. Lives as long as the search */
};

/* What one signature has to do with the one that is isolated. */
enum tl_search_relation {
    TL_RELATION_OPEN,    /* not judged yet */
    TL_RELATION_SAME,    /* the same bug at another place */
    TL_RELATION_OTHER,   /* another bug */
    TL_RELATION_UNKNOWN, /* judged, but it cannot be told */
};

/* How a trial failed. Strings are copied. */
struct tl_search_failure {
    const char *signature; /* NULL counts as "" */
    const char *kind;      /* what wide matching compares; NULL: matches nothing but its signature */
    enum tl_search_relation relation; /* of the signature, where the caller knows it already */
};

/* What is told of a trial. */
enum tl_search_told {
    TL_TOLD_PASS,
    TL_TOLD_FAIL,        /* with the signature's id */
    TL_TOLD_UNSUPPORTED, /* cannot be tried here */
    TL_TOLD_LOST,        /* the supervisor or the machine went down; not asked again */
};

/* An outcome as the search sees it. */
enum tl_search_outcome {
    TL_SEARCH_NONE,  /* not told yet */
    TL_SEARCH_MATCH, /* failed with the signature that is being isolated */
    TL_SEARCH_OTHER, /* failed in another way */
    TL_SEARCH_PASS,
    TL_SEARCH_UNSUPPORTED,
    TL_SEARCH_LOST,
};
#define TL_SEARCH_OUTCOME_COUNT 6

/* --- The result --------------------------------------------------------------------------------------- */

/* Truthful remarks on a result. */
enum tl_search_note {
    TL_NOTE_NOT_REPRODUCED,         /* F did not fail in any of rate[1] runs */
    TL_NOTE_FAILS_OTHERWISE,        /* F fails, but not with the signature that was asked for */
    TL_NOTE_FAILING_UNSUPPORTED,    /* F cannot be tried here */
    TL_NOTE_SEVERAL_SIGNATURES,     /* F fails in more than one way: one of them was isolated */
    TL_NOTE_BASELINE_FAILS,         /* the baseline fails in the same way: it is the minimal variant */
    TL_NOTE_BASELINE_OTHER,         /* the baseline fails in another way */
    TL_NOTE_BASELINE_UNSUPPORTED,   /* the baseline cannot be tried */
    TL_NOTE_NON_MONOTONE,           /* a simpler value fails where a less simple one passes */
    TL_NOTE_FLAKY,                  /* the same variant failed in this way and did not */
    TL_NOTE_BAND,                   /* a threshold is a band in which the rate climbs */
    TL_NOTE_MASKED,                 /* next to M a variant fails in another way, so none is seen to pass */
    TL_NOTE_NEIGHBOUR_UNSUPPORTED,  /* a simpler neighbour of M cannot be tried */
    TL_NOTE_NEIGHBOURS_UNSUPPORTED, /* none of them can: nothing is shown about M being minimal */
    TL_NOTE_NOT_CONFIRMED,          /* M failed during the search, but not in any fresh process */
    TL_NOTE_LOST,                   /* a trial was lost; its variant was left out */
    TL_NOTE_BUDGET,                 /* the budget ran out */
    TL_NOTE_STOPPED,                /* tl_search_stop */
    TL_NOTE_RATE_TOO_LOW,           /* it fails too seldom for what is left of the budget */
    TL_NOTE_NOT_CONVERGED,          /* ever simpler variants turned up, and it was not minimal in time */
    TL_NOTE_NOT_INDEPENDENT,        /* with the trigger held, some of the random variants did not fail so */
    TL_NOTE_OTHER_TRIGGER, /* with the trigger broken, some of the random variants failed: see also */
    TL_NOTE_JOINT,         /* thresholds depend on each other: see joint */
    TL_NOTE_MAY_BE_TWO,    /* M shows another signature than strict.minimal; nothing tells if it is one bug */
    TL_NOTE_NEEDS_OPEN,    /* needs: not so many draws failed in a row, there may be more */
    TL_NOTE_ELEMENTS_OPEN, /* without one of the elements of a set it fails in another way, or cannot be tried */
    TL_NOTE_QUICK,         /* each step rests on one run, and not every neighbour of M was tried */
    TL_NOTE_RARER, /* F nearly always fails, and a simpler variant that seldom does was not taken for M */
};
#define TL_SEARCH_NOTE_COUNT 27

/* The rate of failure at one value of an axis. */
struct tl_search_rate {
    uint64_t value;
    uint32_t failed, runs;
};

/* A threshold where the rate goes from none to that of F over a range of values. */
struct tl_search_band {
    bool is_band;
    bool moves;                   /* the values at which it fails hang on axes that are not in the trigger */
    bool uneven;                  /* the rate does not climb from value to value: it goes up and down */
    bool has_never;               /* a value was found that never failed */
    struct tl_search_rate never;  /* the last value that never failed */
    struct tl_search_rate always; /* the first that fails as often as F */
    size_t n_samples;
    struct tl_search_rate *samples; /* what was measured, by value */
};

/* An axis that the failure needs away from its baseline. */
struct tl_search_trigger {
    size_t axis;
    uint64_t value;
    bool threshold;    /* ordered: value fails, and passes_with[0] is the next simpler value that passes */
    bool gap;          /* between those two values are only ones that cannot be tried */
    bool unresolved;   /* no simpler value of the axis could be tried: it may not be needed */
    bool masked;       /* simpler values fail, but in another way */
    bool every;        /* ordered: all other values were tried as well, those beyond F's too */
    bool set;          /* … and not all from `value` on fail: fails_with is the whole set */
    bool non_monotone; /* counterexample is a value that does not behave as the threshold says */
    uint64_t counterexample;
    /* Of a set of several elements, those without which alone it failed in another way, or could not be tried: whether they
     * are needed for the failure is open. How many, and which as a set. */
    size_t n_open;
    uint64_t open;
    struct tl_search_band band;
    /* Values that were tried, all else as in M: ascending, but what passes on an ordered axis descending from
     * `value`, and then, where every value was tried, ascending from it. A pass counts only when it would be
     * luck with a chance below 1 %. Rarer: it failed, in less than half of the runs, where F nearly always does. */
    size_t n_fails, n_passes, n_rarer, n_other, n_unsupported;
    uint64_t *fails_with, *passes_with, *rarer_with, *other_with, *unsupported_with;
};

/* A value that has to stay as it is in M, although no reset of F shows it. */
struct tl_search_need_axis {
    size_t axis;
    uint64_t value;           /* in M */
    bool has_up_to;           /* ordered: fails up to this value, and passes with the next that was tried */
    uint64_t up_to;           /* … */
    size_t n_fails, n_passes; /* values that were tried, ascending */
    uint64_t *fails_with, *passes_with;
};

/* At least one of these axes has to stay; each alone is enough. */
struct tl_search_need {
    size_t n;
    struct tl_search_need_axis *any_of;
    const uint64_t *passes; /* M with all of them moved */
    uint32_t n_passes;      /* runs that said so */
};

/* Two ordered axes whose thresholds depend on each other: with axis `more` further from its baseline, axis
 * `less` may be closer to its own. tl_search_frontier finds the whole boundary. */
struct tl_search_joint {
    size_t less, more;
    const uint64_t *witness; /* fails: `less` below its threshold in M, `more` at F's value */
};

/* A decisive pair: a failing and a passing variant that differ in one axis only. */
struct tl_search_pair {
    size_t axis;
    const uint64_t *fails, *passes;
    uint32_t n_fails, n_passes; /* runs that said so */
};

/* A minimal variant with its trigger. */
struct tl_search_answer {
    const uint64_t *minimal; /* NULL: there is none */
    bool complete;           /* shown to be minimal */
    uint32_t rate[2];        /* failed, of runs: of minimal */
    const char *elsewhere;   /* minimal shows this signature only; NULL: that of the result */
    size_t n_triggers;
    struct tl_search_trigger *triggers;
};

/* A signature of the failure that is isolated: a place in the code where the bug shows. */
struct tl_search_place {
    const char *signature;
    enum tl_search_relation relation; /* to result.signature; OPEN: matched by its kind alone */
    const uint64_t *index;            /* the first variant that showed it */
    uint32_t seen;                    /* trials that showed it */
};

/* A failure with another signature that was met. */
struct tl_search_other {
    const char *signature;
    enum tl_search_relation relation; /* OTHER: of the same kind, and judged to be another bug */
    const uint64_t *index;            /* the first variant that showed it */
    uint32_t seen;
};

/* One trial of the path, in the order of asking. */
struct tl_search_step {
    const uint64_t *index;
    uint32_t repeat;
    bool fresh;
    enum tl_search_purpose purpose;
    enum tl_search_outcome outcome;
    const char *signature; /* of a failure */
};

/* A contiguous range of builds that fail. Indices are into the list of builds; SIZE_MAX: none. */
struct tl_search_build_range {
    size_t good_before; /* newest build before the range that passes */
    size_t first_bad, last_bad;
    size_t fixed;                                 /* oldest build after the range that passes */
    size_t unsupported_before, unsupported_after; /* builds in the gaps that cannot be tried */
    double confidence_before, confidence_after;   /* 0: that side was not looked at */
};

/* A corner of the boundary over two axes: (a, b) fails; with a or b one simpler it passes. */
struct tl_search_corner {
    uint64_t a, b;
    bool gap; /* the values next to it could not be tried */
};

struct tl_search_result {
    bool reproduced;
    bool complete; /* shown to be minimal: every neighbour that can be tried does not fail in this way */
    const char *signature;
    const uint64_t *minimal; /* M; NULL when nothing failed */
    size_t n_notes;
    enum tl_search_note notes[TL_SEARCH_NOTE_COUNT];

    /* How often M fails */
    bool flaky;
    uint32_t rate[2];           /* failed, of runs (fresh ones, if there are any) */
    double rate_low, rate_high; /* Wilson interval of rate at the confidence asked for */
    double confidence;          /* of a flaky result: that no neighbour fails; 0 when not known */

    /* What it cost */
    bool wide;        /* every figure is by the wide match */
    uint64_t trials;  /* all that were asked for and told */
    uint64_t answers; /* that trials gave to other values by what they counted */
    /* Of them, those that found M: of the baseline, suspects, axes and thresholds; of a quick search those of F, choices and
     * other places, too. */
    uint64_t search_trials;
    uint64_t by_purpose[TL_SEARCH_PURPOSE_COUNT];
    size_t n_path;
    struct tl_search_step *path;
    size_t n_others;
    struct tl_search_other *others;

    /* Of an isolation */
    struct tl_search_answer strict; /* by signature alone, where that was looked for and is another answer */
    size_t n_places;                /* result.signature first */
    struct tl_search_place *places;
    size_t n_triggers;
    struct tl_search_trigger *triggers;
    size_t n_causes; /* further triggers, "or": those that were found so far */
    const struct tl_search_answer *causes;
    size_t n_needs;
    const struct tl_search_need *needs;
    /* Values that have to stay next to M only: where F's other values stand they may move, and it fails. */
    size_t n_local_needs;
    const struct tl_search_need *local_needs;
    size_t n_joint;
    struct tl_search_joint *joint;
    /* Axes at their baseline in M that are part of no need and no other cause. Independent: at least eight draws
     * that hold the trigger and the needs told something, and all failed, with three values of the axis or with
     * all it has. Reset: of the rest those that F has away from the baseline. */
    size_t n_independent, n_reset;
    size_t *independent, *reset;
    size_t n_decisive;
    struct tl_search_pair *decisive;
    uint32_t held[2], broken[2];       /* failed, of */
    uint32_t held_exact, broken_exact; /* of these, with the very signature that is isolated */
    const uint64_t *not_held;          /* a variant with the trigger that did not fail, or NULL */
    const uint64_t *also;              /* a variant without it that failed in the same way, or NULL */

    /* Over builds */
    size_t n_ranges; /* oldest first */
    struct tl_search_build_range *ranges;
    size_t n_unsupported_builds;
    size_t *unsupported_builds;

    /* Of a boundary */
    size_t n_corners; /* by growing a */
    struct tl_search_corner *corners;
};

/* --- The search --------------------------------------------------------------------------------------- */

/* Isolates: failing is F. All that is passed in is copied, but for the axes. NULL when an index is out of
 * range or an axis has no value. */
struct tl_search *tl_search_isolate(const struct tl_search_space *space, const uint64_t *failing,
                                    const struct tl_search_options *options);
/* Over a list of builds, oldest first: the variants have one axis, the build. Looks for the first bad one and
 * the first fixed one around a build that fails (options->bad, or else one that is found, the newest first).
 * NULL when there are none, or bad is not one of them. */
struct tl_search *tl_search_builds(size_t n_builds, const struct tl_search_options *options);
/* The whole boundary over the ordered axes a and b, up to their values in the failing variant; all other axes
 * stay as they are in it. NULL as for an isolation, or when a and b are not two ordered axes. */
struct tl_search *tl_search_frontier(const struct tl_search_space *space, const uint64_t *failing, size_t a,
                                     size_t b, const struct tl_search_options *options);
void tl_search_free(struct tl_search *s); /* with its result and all requests */

/* Fills in at most `most` requests and returns how many. 0: done, or answers are outstanding. */
size_t tl_search_ask(struct tl_search *s, struct tl_search_request *requests, size_t most);
/* signature is copied; NULL counts as "". -1 for an id that was not asked for or is told already. */
int tl_search_tell(struct tl_search *s, uint64_t id, enum tl_search_told told, const char *signature);
int tl_search_tell_failure(struct tl_search *s, uint64_t id, const struct tl_search_failure *failure);
/* Answers a request of purpose TL_SEARCH_JUDGE; OPEN counts as UNKNOWN. trials: run to find it out. */
int tl_search_tell_judgement(struct tl_search *s, uint64_t id, enum tl_search_relation relation,
                             uint32_t trials);
/* Before the trial of a request is told: it counted, and would have failed with every value of options.counted_axis from
 * `from` on and passed with all below; one that passed would have passed with all values below its own. */
void tl_search_counted(struct tl_search *s, uint64_t id, uint64_t from);
bool tl_search_done(const struct tl_search *s);
void tl_search_stop(struct tl_search *s, enum tl_search_note why); /* ends it with what is known so far */
/* Trials that are still to come, at most, if the failure is monotone and not flaky; within the budget. */
uint64_t tl_search_left(const struct tl_search *s);
/* What is known so far; final when the search is done. Valid until the next call of ask, tell or stop. */
const struct tl_search_result *tl_search_result(struct tl_search *s);

const char *tl_search_purpose_name(enum tl_search_purpose p); /* "axes", … */
const char *tl_search_outcome_name(enum tl_search_outcome o); /* "match", … */
const char *tl_search_note_name(enum tl_search_note n); /* "flaky", …: stable, for the JSON document */
const char *tl_search_note_text(enum tl_search_note n); /* a sentence */
bool tl_search_has_note(const struct tl_search_result *r, enum tl_search_note n);

/* Wilson score interval of a rate of k in n at a two-sided confidence below 1. n == 0 gives [0, 1]. */
void tl_wilson(uint64_t k, uint64_t n, double confidence, double *low, double *high);

#endif
