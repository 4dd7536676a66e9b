/* A search (harness/search) that is given real trials (harness/executor/executor.h): what it asks for is
 * taken from the database when it is known there, and run otherwise. */
#ifndef TL_DRIVER_H
#define TL_DRIVER_H

#include "harness/executor/executor.h"
#include "harness/search/search.h"

/* What came of one request of the search; its place in the list is the request's id. */
struct tl_hunt_trial {
    char id[TL_UUID_SIZE];
    char signature_id[TL_ID_SIZE], coarse_id[TL_ID_SIZE];
    enum tl_outcome outcome;
    bool told, fresh, cached;
};

struct tl_hunt {
    struct tl_executor *x;
    const struct tl_case *c;
    struct tl_search *search;
    const struct tl_unit *unit;   /* of an isolation */
    const struct tl_unit **units; /* over builds: one for each; else NULL */
    size_t n_units;
    const struct tl_variant *variant; /* over builds: the one that is run everywhere; else NULL */
    bool is_frontier;
    size_t frontier[2];  /* its axes */
    bool coarse;         /* match failures by the part that can be compared across builds */
    bool no_cache;       /* but what this run itself has stored may be used */
    uint64_t max_trials; /* that are really run; 0: no budget */
    bool all_fresh;      /* never a fork server's child */
    struct tl_hunt_trial
        shown;       /* over builds: the trial from which the failure was known beforehand, if told */
    size_t shown_at; /* its place in units */
    struct tl_search_space space;
    struct tl_search_axis *axes;

    struct tl_hunt_trial *trials;
    size_t n_trials, capacity;
    struct tl_hunt_face *faces; /* signatures seen, and which of them are one failure */
    size_t n_faces;
    size_t bare_trials;       /* that left no stack, and were matched by outcome, phase and signal */
    struct tl_hunt_use *uses; /* stored trials of each variant and how far they are used up */
    size_t n_uses;
    size_t n_cached, n_run, in_flight;
    uint64_t started_ns; /* of its first trial, also one that was run before it; 0: when it is set up */
    int64_t started_us;  /* of the executor: what is older was known already */
    char doing[128];     /* the text of the newest request */
    bool failed;
    struct tl_error failure;
};

/* Isolates failing on unit. options are the search's. */
int tl_hunt_isolate(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                    const struct tl_unit *unit, const struct tl_variant *failing,
                    const struct tl_search_options *options, struct tl_error *e);
/* The boundary over two axes. */
int tl_hunt_frontier(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                     const struct tl_unit *unit, const struct tl_variant *failing, size_t a, size_t b,
                     const struct tl_search_options *options, struct tl_error *e);
/* Over builds: units (the caller's) from the oldest to the newest build. */
int tl_hunt_builds(struct tl_hunt *h, struct tl_executor *x, const struct tl_case *c,
                   const struct tl_unit **units, size_t n_units, const struct tl_variant *variant,
                   const struct tl_search_options *options, struct tl_error *e);
/* Makes the failure that a stored trial shows the first one that is known: related ones are then called by
 * its signature, which is the one to put into the search's options. */
int tl_hunt_know(struct tl_hunt *h, const char *trial, const char *signature, struct tl_error *e);
/* Submits what the search wants now. -1 when something cannot be run at all. */
int tl_hunt_feed(struct tl_hunt *h, struct tl_error *e);
bool tl_hunt_done(const struct tl_hunt *h);
void tl_hunt_free(struct tl_hunt *h);

#endif
