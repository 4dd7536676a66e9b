/* What the files of the search driver share: driver.c, driver_stored.c and judge.c. */
#ifndef TL_DRIVER_IMPL_H
#define TL_DRIVER_IMPL_H

#include "db/store.h"
#include "harness/campaign/driver.h"

/* A signature that was seen, the failure it belongs to (the first signature of it), and one trial that showed
 * it. */
struct tl_driver_signature {
    char id[TL_ID_SIZE], failure[TL_ID_SIZE];
    struct tl_trial_record record; /* what tl_failure_related looks at */
    char *kind;                    /* what wide matching compares */
    bool bare;                     /* nothing is known of it that would tell it from another */
    bool known_as;                 /* bare, and taken for a failure that is known */
};

/* The stored trials of a variant on a unit, and what was told of them. */
struct tl_driver_use {
    char variant_hash[TL_ID_SIZE];
    const struct tl_unit *unit;
    struct tl_cached *list; /* newest first */
    bool *used;
    size_t n;
    uint64_t failed[2], runs[2]; /* that were told, forked and fresh */
    bool settled;                /* whether they differ is known */
};

/* Reads them when they are first asked for. */
struct tl_driver_use *tl_driver_use(struct tl_driver *d, const struct tl_unit *u, const struct tl_variant *v);
/* Reads them anew: trials were run that the search did not ask for. */
void tl_driver_use_again(struct tl_driver *d, const struct tl_unit *u, const struct tl_variant *v);
/* One that was seen; NULL. */
const struct tl_driver_signature *tl_driver_signature(const struct tl_driver *d, const char *id);
/* A stored trial that answers a request; NULL when it has to be run. Each is taken once. */
const struct tl_cached *tl_driver_take_stored(struct tl_driver *d, const struct tl_unit *u,
                                              const struct tl_variant *v, bool fresh);
/* The same of trials in children of a fork server alone. */
const struct tl_cached *tl_driver_take_forked(struct tl_driver *d, const struct tl_unit *u,
                                              const struct tl_variant *v);
/* All stored trials of a variant, newest first. */
const struct tl_cached *tl_driver_stored(struct tl_driver *d, const struct tl_unit *u,
                                         const struct tl_variant *v, size_t *n);
/* Counts a trial that came from the database. */
void tl_driver_count_stored(struct tl_driver *d, const struct tl_cached *t);

/* --- inference.c */
/* Finds what the case counts that an axis sets, if anything. */
void tl_driver_counted_find(struct tl_driver *d);
/* What the trial of a request counted: to be told the search before the trial is. */
void tl_driver_counted_note(struct tl_driver *d, const uint64_t *index, const struct tl_trial_record *r,
                            struct tl_driver_trial *t);
void tl_driver_counted_tell(struct tl_driver *d, uint64_t request, const struct tl_driver_trial *t);

#endif
