/* What the user of a campaign sets: how much it may use up, and how its trials are to be run. */
#ifndef TL_WISHES_H
#define TL_WISHES_H

#include <stdbool.h>
#include <stdint.h>

/* Trials that an isolation runs at most where nobody says otherwise. A failure that shows in a fifth of the runs
 * takes some 1000 of them; what takes three times as many has no shape that a search finds. */
#define TL_ISOLATION_TRIALS 3000

/* How much a search does to be sure of its answer. */
enum tl_effort {
    TL_EFFORT_DEFAULT,
    TL_EFFORT_QUICK,    /* as few trials as can be; what is found rests on one run of each variant */
    TL_EFFORT_THOROUGH, /* more runs of M and its neighbours, and more variants at random */
};

struct tl_campaign_wishes {
    enum tl_effort effort;            /* of an isolation of the trigger */
    uint64_t max_trials, max_seconds; /* 0: no limit */
    uint64_t repeat;                  /* of a matrix: trials of each cell */
    bool fresh;                       /* each trial is a process of its own, never a fork server's child */
    bool no_cache;                    /* what is known already is run anew */
    bool stored_holds;                /* … and is never tried again to see whether it still holds */
    bool exhaustive;                  /* of a search over builds: every build is tried */
    bool strict;                      /* failures are one by their signature alone */
    bool pairs; /* of a matrix: few variants that hold every pair of values, instead of all */
};

#endif
