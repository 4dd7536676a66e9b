/* An isolation with real trials: what `isolate` and `nightly` share. Hunts (hunt.h) for one case, one for
 * each unit, are driven side by side. */
#ifndef TL_ISOLATION_H
#define TL_ISOLATION_H

#include "harness/base/watch.h"
#include "harness/campaign/driver.h"
#include "harness/cli/cli.h"

#include <jansson.h>

#define TL_SCAN_MOST 1024 /* units of one scan */

struct tl_isolate {
    const struct tl_options *o; /* max_seconds, max_trials, no_cache, fresh, exhaustive, …; jobs of x */
    struct tl_executor *x;
    struct tl_case *c;
    struct tl_variant failing;
    const struct tl_unit **units;
    size_t n_units;
    struct tl_hunt *hunts;
    size_t n_hunts;
    const struct tl_watch *watch;
    uint64_t started_ns; /* of max_seconds */
};

/* What a variant did once on each of several units. */
struct tl_scan {
    enum tl_outcome outcome[TL_SCAN_MOST];
    char coarse[TL_SCAN_MOST][TL_ID_SIZE], signature[TL_SCAN_MOST][TL_ID_SIZE],
        trial[TL_SCAN_MOST][TL_UUID_SIZE];
    bool failed;
    struct tl_error failure;
};

bool tl_isolate_out_of_time(const struct tl_isolate *s);
/* Drives all hunts side by side to their end, the user's patience or the budget. */
int tl_isolate_drive(struct tl_isolate *s, struct tl_error *e);
/* Runs the failing variant once on units[at[i]] for each i, in processes of their own, and says which of them
 * shows the gravest failure: SIZE_MAX when none fails. */
int tl_isolate_scan(struct tl_isolate *s, const size_t *at, size_t n, struct tl_scan *scan, size_t *gravest,
                    struct tl_error *e);
/* The failure that is meant when nobody said which, and a trial that shows it: all zero when nothing fails.
 */
int tl_isolate_signature(struct tl_isolate *s, size_t unit, struct tl_hunt_trial *shows, struct tl_error *e);
/* Starts hunt i on unit i for the failure that `shows` shows; frontier: the two axes of one, or NULL. */
int tl_isolate_start(struct tl_isolate *s, size_t i, const struct tl_hunt_trial *shows,
                     const size_t *frontier, struct tl_error *e);

/* A whole isolation on one unit; the finding is stored. *document, the caller's, is NULL when it was
 * interrupted before there was anything to say. */
int tl_isolate_run(struct tl_executor *x, struct tl_case *c, const struct tl_unit *unit,
                   const struct tl_variant *failing, const struct tl_options *o, const struct tl_watch *watch,
                   json_t **document, struct tl_error *e);

#endif
