/* Nights: runs of a suite by `trapline nightly`, what they saw, and what they are compared with.
 *
 * A night is a row that is there from its beginning, and belongs to the sessions that ran it: a night that
 * was cut short is gone on with by another session. Its trials are those of its sessions, so nothing is lost
 * with it. When it ends, its cells and its document are stored, at once, and only then a later night is
 * compared with it.
 *
 * A cell carries the sums since the last change of its outcome, so that a failure that shows now and then is
 * compared with all the nights since, and not all of them have to be read for that. */
#ifndef TL_NIGHT_H
#define TL_NIGHT_H

#include "db/query.h"
#include "db/store.h"

#include <jansson.h>

struct tl_night {
    char id[TL_UUID_SIZE], machine_id[TL_ID_SIZE];
    char *suite;
    int64_t n;                    /* 1 is the first of its suite on its machine */
    int64_t started_us, ended_us; /* wall clock; ended_us 0: cut short, or it still runs */
    bool complete;                /* it ended, and its document is there */
};
void tl_night_free(struct tl_night *n); /* its contents */

/* Goes on with the newest night of the suite on this machine if it did not end and its plan is the same
 * (*resumed), else begins one. The store's session becomes one of it. boot names this run of the machine and
 * may be "". Durable when it returns. */
int tl_night_begin(struct tl_store *s, const char *suite, const char *machine_id, const char plan[TL_ID_SIZE],
                   const char *boot, struct tl_night *night, bool *resumed, struct tl_error *e);

/* Calls found for every trial of the night, oldest first; stops when it returns -1. */
int tl_night_trials(struct tl_store *s, const struct tl_night *night, tl_trial_row_found found, void *arg,
                    struct tl_error *e);

enum tl_night_changed { TL_NIGHT_OUTCOME = 1, TL_NIGHT_TIME = 2, TL_NIGHT_MEMORY = 4 };

/* What a night saw of a variant on a unit; the columns of night_cell. */
struct tl_night_cell {
    char *case_name, *unit, *runner_device;
    char *continues; /* NULL: no history */
    char case_hash[TL_ID_SIZE], variant_hash[TL_ID_SIZE];
    const char *class; /* static, or owned by `loaded` */
    unsigned changed;
    uint64_t passed, failed, refused, unsupported, lost;
    bool fresh;
    json_t *failures, *environment; /* never NULL */
    size_t n_seconds, n_memory;
    double *seconds, *memory; /* ascending; bytes */
    /* Since the last change of the outcome, with this night. */
    json_t *since; /* never NULL: {"night", "n", "started_us", "unit", "failures"} */
    uint64_t since_nights, since_passed, since_failed, since_refused;
    /* Of a cell that was loaded: */
    char *loaded;
    char night_id[TL_UUID_SIZE];
    int64_t n, started_us; /* of its night */
};
void tl_night_cell_free(struct tl_night_cell *c); /* its contents */

struct tl_night_cells {
    size_t n;
    struct tl_night_cell *list;
};
void tl_night_cells_free(struct tl_night_cells *l);

/* Stores what a night found and ends it; all of it or nothing. Ending it again replaces it. */
int tl_night_end(struct tl_store *s, struct tl_night *night, const struct tl_night_cell *cells, size_t n,
                 const json_t *document, struct tl_error *e);

/* Who wants to know of a night that ended is notified of it (it is printed, written to files, mailed), and until
 * tl_night_notified the database knows that nobody was. id is that of the newest night of the suite on this
 * machine, if it is of this plan and nobody was notified, or everybody was (*notified) and not all could be written; or "". */
int tl_night_not_notified(struct tl_store *s, const char *suite, const char *machine_id,
                          const char plan[TL_ID_SIZE], char id[TL_UUID_SIZE], bool *notified,
                          struct tl_error *e);
/* unwritten: the id of the night, where something of it could not be written; NULL. */
int tl_night_notified(struct tl_store *s, const char *suite, const char *unwritten, struct tl_error *e);

/* What earlier nights of the same suite on the same machine saw of a variant on RUNNER:DEVICE, the newest
 * night first, at most `most` cells. Only of the same version of the case. */
int tl_night_history(struct tl_store *s, const struct tl_night *night, const char *case_name,
                     const char *case_hash, const char *variant_hash, const char *runner_device, size_t most,
                     struct tl_night_cells *cells, struct tl_error *e);

/* Documents of nights that ended, the newest first, as a JSON array; suite and machine_id NULL: of all. With
 * case_name only nights in which the case was run. limit 0: all. The reference is the caller's. */
int tl_night_list(struct tl_store *s, const char *suite, const char *machine_id, const char *case_name,
                  size_t limit, json_t **list, struct tl_error *e);

/* The same of all, one after the other: a document may be long, and there is a year of them. found may change it, and stops
 * by returning -1, with *e filled. */
typedef int (*tl_night_found)(void *arg, json_t *night, struct tl_error *e);
int tl_night_each(struct tl_store *s, size_t limit, tl_night_found found, void *arg, struct tl_error *e);

/* The document of the newest night that ended of each suite on each machine, the newest first; limit 0: all.
 */
int tl_night_newest(struct tl_store *s, size_t limit, json_t **list, struct tl_error *e);

/* The document of a night, by its id or the beginning of it. *document is NULL, and 0 is returned, when no
 * night begins like that. Several: kind TL_ERROR_INPUT. */
int tl_night_load(struct tl_store *s, const char *id, json_t **document, struct tl_error *e);

/* What happened in each night to a case, oldest first: [{"night","n","suite","machine","started_us",
 * "cells":[{"unit","class","changed","passed","failed","refused","unsupported","lost"}]}]. */
int tl_night_case_history(struct tl_store *s, const char *case_name, json_t **list, struct tl_error *e);

#endif
