/* A search (harness/search) that is given real trials (harness/executor/executor.h): what it asks for is
 * taken from the database when it is known there, and run otherwise. */
#ifndef TL_DRIVER_H
#define TL_DRIVER_H

#include "cases/expected.h"
#include "db/set_aside.h"
#include "harness/campaign/stored.h"
#include "harness/executor/executor.h"
#include "harness/search/search.h"

/* What came of one request of the search; its place in the list is the request's id. */
struct tl_driver_trial {
    char id[TL_UUID_SIZE];
    char signature_id[TL_ID_SIZE], coarse_id[TL_ID_SIZE];
    enum tl_outcome outcome;
    enum tl_standing standing; /* beside what the case expects */
    bool told, fresh, cached;  /* cached: it was known before this command */
    bool counted;              /* it tells of other values of an axis, too (inference.c) … */
    int64_t count;             /* … and failed, where it did, from this one on */
};

struct tl_driver_call; /* driver.c */

struct tl_driver {
    /* What is searched, set by who starts it and kept by him. */
    struct tl_executor *x;
    const struct tl_case *c;
    const struct tl_variant *failing;
    const struct tl_unit *unit;
    const size_t *frontier;       /* the two axes of a boundary; NULL */
    const struct tl_unit **units; /* over builds, the oldest first: failing is run on each; else NULL */
    size_t n_units;
    struct tl_driver_trial shown;    /* over builds: the trial from which the failure was known, if told */
    size_t shown_at;                 /* its place in units */
    struct tl_driver_trial *scanned; /* over builds: what one run on each of units showed, if told; NULL */
    bool no_cache;                   /* but what this run itself has stored may be used */
    bool stored_holds;               /* what is stored is not tried again */
    bool all_fresh;                  /* never a fork server's child */
    bool quick, thorough;            /* how it is searched, for the document */
    size_t n_suspects, suspects[TL_AXES_MAX]; /* axes that are tried first … */
    char suspects_from[TL_UUID_SIZE];         /* … as this finding needed them; "": the user named them */
    bool fresh_alone;                         /* … by the user's wish */
    bool all_forked;                          /* always one: the failure shows in no other process */
    uint64_t max_trials;                      /* that are really run; 0: no budget */
    struct tl_stored_aside aside;             /* trials that were set aside for this search */
    struct tl_processes processes;            /* how the kinds of process differ here, where that is known */
    bool default_budget;                      /* max_trials is not the user's */
    uint64_t started_ns; /* of its first trial, also one that was run before it; 0: when it is started */

    /* The driver's own. */
    json_t *nothing;          /* why there is nothing to search for; NULL */
    bool nothing_stored;      /* … as trials say that were known before */
    struct tl_search *search; /* NULL until it is started */
    struct tl_search_space space;
    struct tl_search_axis *axes;
    struct tl_driver_trial *trials;
    size_t n_trials, capacity;
    struct tl_driver_signature *signatures; /* that were seen, and which of them are one failure */
    size_t n_signatures;
    size_t bare_trials;            /* that left no stack, and were matched by outcome, phase and signal */
    struct tl_driver_judge *judge; /* whether other signatures are this failure (judge.h); NULL */
    struct tl_driver_use *uses;    /* stored trials of each variant and how far they are used up */
    size_t n_uses;
    size_t n_cached, n_run, in_flight;
    const struct tl_count *counted; /* what trials count that an axis sets; NULL */
    size_t counted_axis;
    size_t n_counts;            /* trials that counted it */
    struct tl_stored_span span; /* of n_cached */
    /* What has to be settled before more is fed (guard.h). */
    enum tl_driver_doubt {
        TL_DOUBT_NONE,
        TL_DOUBT_PROCESSES, /* a variant seems to depend on the kind of process */
        TL_DOUBT_STORED,    /* new trials are wanted beside stored ones: do those still hold? */
    } in_doubt;
    unsigned doubts;                   /* about processes, that there were */
    bool no_time;                      /* nothing more is run: what is known has to do */
    struct tl_variant doubt;           /* which variant */
    const struct tl_unit *doubt_unit;  /* … and where */
    bool checked;                      /* that stored trials hold */
    struct tl_search_request held[16]; /* that wait for it */
    size_t n_held;
    struct tl_driver_call **children; /* that passed in a fresh process and are to be tried in a child */
    size_t n_children;
    uint64_t twice[TL_SEARCH_PURPOSE_COUNT]; /* requests that took one trial more, of these children */
    int64_t started_us;                      /* of the executor: what is older was known already */
    char doing[128];                         /* the text of the newest request */
    bool failed;
    struct tl_error failure;
};

/* Starts the search: over builds, of a boundary, or an isolation. options are the search's. */
int tl_driver_start(struct tl_driver *d, const struct tl_search_options *options, struct tl_error *e);
/* Makes the failure that a stored trial shows the first one that is known: related ones are then called by
 * its signature, which is the one to put into the search's options. */
int tl_driver_know(struct tl_driver *d, const char *trial, const char *signature, struct tl_error *e);
/* The kind of a failure that is known, by its signature; NULL. As long as the driver lives. */
const char *tl_driver_kind(const struct tl_driver *d, const char *signature);
/* Submits what the search wants now. -1 when something cannot be run at all. */
int tl_driver_feed(struct tl_driver *d, struct tl_error *e);
/* The time is used up: tells the search what is known already, as far as it asks for that, and ends it. */
int tl_driver_out_of_time(struct tl_driver *d, struct tl_error *e);
bool tl_driver_done(const struct tl_driver *d);
/* A trial as its record has it. */
struct tl_driver_trial tl_driver_trial_of(const struct tl_case *c, const struct tl_trial_record *r);
void tl_driver_free(struct tl_driver *d);

#endif
