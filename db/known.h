/* Failures that somebody has judged: `trapline known` (docs/nightly.md).
 *
 * Such a failure is known by its case and by what of its signature can be compared across builds. Where that is no place, as in
 * a library without symbols, it is known by its places in the builds in which it was seen, and by the variants that showed it
 * (known_place.c): never by its kind alone without a word that says so. What an isolation judged to be the same failure at
 * another place is known with it. Functions return 0, or -1 with *e filled. */
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
    /* Of one that was loaded, as the keys of objects: coarse ids that count as this failure; signatures that findings judged
     * to be it; {build: {signature: {variant}}}; the variants there; variants that fail in this way elsewhere. */
    json_t *places, *same, *at, *variants, *others;
    json_t *adding; /* [[build, signature, variant]], to be stored with it; NULL: none */
    json_t *shown;  /* a variant that showed it, of these; NULL */
};
void tl_known_free(struct tl_known *k); /* its contents */

struct tl_known_list {
    size_t n;
    struct tl_known *list; /* those that are not removed, by case and then as they came */
    json_t *blind;         /* coarse ids that are no place, as the keys of an object */
};
void tl_known_list_free(struct tl_known_list *l);

/* All that are known of a case; NULL: of all cases. */
int tl_known_load(struct tl_store *s, const char *case_name, struct tl_known_list *l, struct tl_error *e);

/* A failure of a case, as it was seen. Strings may be NULL where nothing is known; but for the case and coarse_id that makes
 * less sure what it is. */
struct tl_known_seen {
    const char *case_name;
    const char *coarse_id; /* signature.coarse_id, or the id of a signature that has none */
    const char *signature_id, *build, *variant_hash; /* build: tl_known_build_of */
    const json_t *
        variant; /* of every axis; NULL: it does not matter. A variant that holds no trigger of the failure fails in a
                              new way, however alike that looks */
};

/* By what it is the one that is known; each is surer than those before it. */
enum tl_known_by {
    TL_KNOWN_NOT,
    TL_KNOWN_ELSEWHERE,  /* it is not: of its kind, in a library without symbols, and at another place */
    TL_KNOWN_BY_KIND,    /* of its kind, in a build of which no place is known: it may be another one */
    TL_KNOWN_BY_VARIANT, /* likewise, and of a variant that showed it elsewhere */
    TL_KNOWN_BY_PLACE,
    TL_KNOWN_BY_NAME, /* what can be compared across builds tells it */
};
extern const char
    *const tl_known_by_names[]; /* "elsewhere", "kind", "variant", "place"; NULL for the first and the last */

/* The one that a failure is, and by what; NULL and TL_KNOWN_NOT: none. */
const struct tl_known *tl_known_of(const struct tl_known_list *l, const struct tl_known_seen *seen,
                                   enum tl_known_by *by);
/* The same of one alone. */
enum tl_known_by tl_known_judge(const struct tl_known_list *l, const struct tl_known *k,
                                const struct tl_known_seen *seen);
/* Whether a coarse id is no place: a library without symbols, or no stack. */
bool tl_known_is_blind(const struct tl_known_list *l, const char *coarse_id);
/* Whether a variant (NULL: any) holds one of these triggers (struct tl_known.causes). */
bool tl_known_holds(const json_t *causes, const json_t *variant);

/* {"id", "case", "signature", "outcome", "phase", "signal", "title", "as", "url", "note", "status", "until", "since_us"}:
 * members without a value are null. The caller's. */
json_t *tl_known_json(const struct tl_known *k);
/* The same with "by", where the library has no symbols. */
json_t *tl_known_json_by(const struct tl_known *k, enum tl_known_by by);
/* The same of the one that a failure is; NULL: none. */
json_t *tl_known_say(const struct tl_known_list *l, const struct tl_known_seen *seen);

/* The one that k, as tl_known_failure filled it, is already, at another place it may be; of several of a kind in a library without
 * symbols also the one of this name (NULL: any). NULL: none. It stays the list's. */
struct tl_known *tl_known_same(struct tl_known_list *l, const struct tl_known *k, const char *name);
/* [[build, signature, variant]]: where it is known that is told by its places alone. The caller's. */
json_t *tl_known_places_json(const struct tl_known *k);

/* The content of the library that an environment is of, or the environment where that is not known. *build is the caller's;
 * NULL: there is none. */
int tl_known_build_of(struct tl_store *s, const char *environment_id, char **build, struct tl_error *e);
/* Stores that what is known was seen there, and makes it durable; nothing where it is known no more, or something is NULL. */
int tl_known_add_place(struct tl_store *s, const char *known_id, const struct tl_known_seen *seen,
                       struct tl_error *e);

/* Fills what a failure is (case_name, coarse_id, outcome, phase, signal, title, causes, adding) from the beginning of the id of its
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
