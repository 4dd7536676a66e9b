/* The trials of a selection, for `compare`. Of what they refer to they have the ids: a million trials refer to some thousand
 * variants, environments and signatures, each of which is looked up when it is met first (tl_query_referred). */
#ifndef TL_COMPARE_H
#define TL_COMPARE_H

#include "db/query.h"

/* Only trials of these; n 0: of all. At most one of the two. */
struct tl_compare_only {
    size_t n_units, n_sessions;
    const char *const *units, *const *sessions;
};

/* Strings are valid during the call only, and NULL where nothing is known. */
struct tl_comparable {
    int64_t n; /* its number, for tl_query_referred */
    const char *case_name, *case_hash, *variant_hash, *unit;
    const char *environment_id, *session_id, *signature_id, *message;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    bool fresh;
    double wall_seconds;
    uint64_t peak_rss;  /* bytes */
    const void *result; /* as it is stored: the same bytes are the same result. NULL: it has none */
    size_t result_size;
    bool packed;
};
typedef int (*tl_comparable_found)(void *arg, const struct tl_comparable *t, struct tl_error *e);

/* Calls found for every trial of the selection (its limit and `after` do not count) that is not lost, in no order that means
 * anything; stops when it returns -1. */
int tl_query_comparable(struct tl_store *s, const struct tl_filter *f, const struct tl_compare_only *only,
                        tl_comparable_found found, void *arg, struct tl_error *e);
/* Calls found once, with the variant of a trial, its unit, what is known of its environment and machine, and its signature. Also
 * while trials are being handed out. */
int tl_query_referred(struct tl_store *s, int64_t n, tl_trial_row_found found, void *arg, struct tl_error *e);
/* The result of a trial as JSON, a new string; NULL when it has none. -1 when it is damaged. */
int tl_comparable_result(struct tl_store *s, const struct tl_comparable *t, char **text);

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
