/* The trials of a selection, ordered so that those of the same variant are next to each other: for
 * `compare`. */
#ifndef TL_COMPARE_H
#define TL_COMPARE_H

#include "db/query.h"

/* One trial. Strings are valid during the call and may be NULL where nothing is known. */
struct tl_comparable {
    const char *id, *case_name, *case_hash, *variant_hash, *variant, *unit;
    const char *machine_id, *machine_name, *session_id, *runtime_version, *os_build;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    const char *signature_id, *title, *coarse_id;
    double wall_seconds;
    uint64_t peak_rss;
    bool fresh;         /* a process of its own, not the child of a fork server */
    const char *result; /* JSON */
};

/* Only trials of these; n 0: of all. At most one of the two. */
struct tl_compare_only {
    size_t n_units, n_sessions;
    const char *const *units, *const *sessions;
};

/* Calls found for every trial of the selection (its limit and `after` do not count) that is not lost, by
 * case, variant, unit and time; stops when it returns -1. */
typedef int (*tl_compare_found)(void *arg, const struct tl_comparable *t, struct tl_error *e);
int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_compare_found found, void *arg, struct tl_error *e);

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
