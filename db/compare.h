/* The trials of a selection, ordered so that those of the same variant are next to each other: for
 * `compare`. */
#ifndef TL_COMPARE_H
#define TL_COMPARE_H

#include "db/query.h"

/* Only trials of these; n 0: of all. At most one of the two. */
struct tl_compare_only {
    size_t n_units, n_sessions;
    const char *const *units, *const *sessions;
};

/* Calls found for every trial of the selection (its limit and `after` do not count) that is not lost, by
 * case, variant, unit and time; stops when it returns -1. */
int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_trial_row_found found, void *arg, struct tl_error *e);

/* Machines or sessions that have trials, the newest session first. */
struct tl_compare_side {
    char id[TL_UUID_SIZE];
    char *name; /* of a machine; command of a session */
    int64_t started_us;
};
struct tl_compare_sides {
    size_t n;
    struct tl_compare_side *list;
};
int tl_query_machines(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e);
int tl_query_sessions(struct tl_store *s, struct tl_compare_sides *sides, struct tl_error *e);
void tl_compare_sides_free(struct tl_compare_sides *sides);

#endif
