/* Failures that somebody has judged: `trapline known` (docs/nightly.md).
 *
 * Such a failure is known by its case and by what of its signature can be compared across builds: never by where it was
 * in one build, and never by its kind alone. What an isolation judged to be the same failure at another place is known
 * with it. Functions return 0, or -1 with *e filled. */
#ifndef TL_KNOWN_H
#define TL_KNOWN_H

#include "db/store.h"

#include <jansson.h>

struct tl_known {
    char id[TL_ID_SIZE], coarse_id[TL_ID_SIZE];
    char *case_name, *outcome, *phase, *signal, *title;
    char *name, *url, *note, *status, *until; /* "": none, as of signal */
    json_t *causes;               /* [{AXIS: value of the baseline}] for each trigger; empty: any variant */
    int64_t since_us, changed_us; /* wall clock */
    bool removed;
    json_t
        *places; /* coarse ids that count as this failure, as the keys of an object; of one that was loaded */
};
void tl_known_free(struct tl_known *k); /* its contents */

struct tl_known_list {
    size_t n;
    struct tl_known *list; /* those that are not removed, by case and then as they came */
};
void tl_known_list_free(struct tl_known_list *l);

/* All that are known of a case; NULL: of all cases. */
int tl_known_load(struct tl_store *s, const char *case_name, struct tl_known_list *l, struct tl_error *e);

/* The one that a failure of a case is; NULL: none. coarse_id: signature.coarse_id, or the id of a signature that has none.
 * variant: a JSON object of every axis, or NULL where it does not matter: a variant that holds no trigger of the failure
 * fails in a new way, however alike that looks. */
const struct tl_known *tl_known_of(const struct tl_known_list *l, const char *case_name,
                                   const char *coarse_id, const json_t *variant);

/* {"id", "case", "signature", "outcome", "phase", "signal", "title", "as", "url", "note", "status", "until", "since_us"}:
 * members without a value are null. The caller's. */
json_t *tl_known_json(const struct tl_known *k);

/* Fills what a failure is (case_name, coarse_id, outcome, phase, signal, title, causes) from the beginning of the id of its
 * signature, of the one of a build or of the one across builds. case_name NULL: it has to be seen in one case only. Fails
 * with kind TL_ERROR_INPUT when there is none or several. The rest of *k is empty; release it also after a failure. */
int tl_known_failure(struct tl_store *s, const char *signature, const char *case_name, struct tl_known *k,
                     struct tl_error *e);

/* Opens the transaction that tl_known_put commits: what is read from here on nobody else changes before it is put. Closing the
 * store ends it as well. */
int tl_known_begin(struct tl_store *s, struct tl_error *e);

/* Stores one, in the place of what was known of this failure, and makes it durable. What is stored as changed_us is later than
 * what stood there, removed or not, whatever the clocks say. */
int tl_known_put(struct tl_store *s, struct tl_known *k, struct tl_error *e);
/* The same of several: all of them or none. */
int tl_known_put_all(struct tl_store *s, struct tl_known *const *list, size_t n, struct tl_error *e);

#endif
