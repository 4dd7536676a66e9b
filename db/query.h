/* What is in the database, for `list` and `show`. Works on a store opened either way. Every query uses an
 * index or a table of sums: a database of a million trials answers as fast as a small one. */
#ifndef TL_QUERY_H
#define TL_QUERY_H

#include "db/store.h"
#include "harness/base/error.h"
#include "harness/base/record.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A trial, with what it refers to. Which fields a query fills is said there; the others are zero. Strings are
 * valid during the call only, and NULL where nothing is known. */
struct tl_trial_row {
    const char *id, *case_name, *case_hash, *variant, *variant_hash, *unit;
    const char *environment_id, *session_id, *signature_id;
    const char *title, *coarse_id, *coarse_title; /* of the signature */
    const char *observed_device, *error_domain, *error_code, *message;
    const char *machine_id, *machine_name; /* of the environment; of the session when that has none */
    const char *runtime_version, *os_build;
    const char *versions; /* of the environment: a JSON object of texts */
    const char *boot;     /* of the session of a night */
    int64_t started_us;
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal, exit_status;
    bool fresh;                   /* a process of its own, not the child of a fork server */
    bool stopped;                 /* of a lost one: trapline stopped it and went on itself */
    char set_aside[TL_UUID_SIZE]; /* the trial that contradicts it; "" for none (db/set_aside.h) */
    double phase_seconds[TL_PHASE_COUNT], wall_seconds, user_seconds, system_seconds; /* -1: not entered */
    double seconds;                                                                   /* from load to check */
    uint64_t peak_rss;                                                                /* bytes */
    char *command, *request, *result;                                                 /* JSON */
};

/* A callback stops its query by returning -1, with *e filled. */
typedef int (*tl_trial_row_found)(void *arg, const struct tl_trial_row *t, struct tl_error *e);

/* Which trials. Everything zero or NULL: all of them. */
struct tl_filter {
    const char *case_name; /* by name; every version of the file */
    const char *unit;
    const char *signature_id; /* whole */
    unsigned outcomes;        /* bits 1 << enum tl_outcome; 0: all */
    bool own;                 /* only those that trapline ran: not imported. For lists of trials */
    int64_t since_us;         /* started at or after this; for lists of sums: last seen */
    size_t limit;             /* 0: 50 */
    const char *after; /* id of the last trial of the page before (newest first); NULL: the first page */
};

/* One line of a list. The strings belong to the list. */
struct tl_trial_line {
    char id[TL_UUID_SIZE];
    int64_t started_us;
    char *case_name, *unit;
    char *variant; /* JSON */
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    bool fresh;
    char signature_id[TL_ID_SIZE]; /* "" for none */
    char *title;                   /* of the signature; NULL for none */
    double wall_seconds;
    char set_aside[TL_UUID_SIZE]; /* the trial that contradicts it; "" for none */
};
struct tl_trial_lines {
    size_t n;
    struct tl_trial_line *list; /* newest first */
};
int tl_query_trials(struct tl_store *s, const struct tl_filter *f, struct tl_trial_lines *lines,
                    struct tl_error *e);
void tl_trial_lines_free(struct tl_trial_lines *lines);

/* The names of the machines that trials of this database ran on, or that imported ones were made on: an array of at most 200
 * texts. The caller's. */
int tl_query_machine_names(struct tl_store *s, json_t **names, struct tl_error *e);

/* When the last trial on each runtime began, by the hash of the runtime's content. Release also after a failure. */
struct tl_runtime_use {
    char *sha256;
    int64_t last_us; /* wall clock, microseconds since 1970 UTC */
};
struct tl_runtime_uses {
    size_t n;
    struct tl_runtime_use *list;
};
int tl_query_runtimes(struct tl_store *s, struct tl_runtime_uses *uses, struct tl_error *e);
void tl_runtime_uses_free(struct tl_runtime_uses *uses);

/* Sums over trials that agree in one thing: a case (by name), a unit or a signature. Newest last_us first. */
enum tl_sum_by { TL_SUM_CASE, TL_SUM_UNIT, TL_SUM_SIGNATURE };
struct tl_sum {
    char *name;              /* of the case or unit; id of the signature */
    char *title;             /* of a signature; else NULL */
    char *coarse_id;         /* of a signature; else NULL */
    enum tl_outcome outcome; /* of a signature */
    enum tl_phase phase;
    int signal;
    uint64_t trials;
    uint64_t by_outcome[TL_OUTCOME_COUNT];
    size_t cases, units; /* how many different ones (cases by name) */
    int64_t first_us, last_us;
};
struct tl_sums {
    size_t n;
    struct tl_sum *list;
};
int tl_query_sums(struct tl_store *s, enum tl_sum_by by, const struct tl_filter *f, struct tl_sums *sums,
                  struct tl_error *e);
void tl_sums_free(struct tl_sums *sums);

/* Cells: what was seen of each variant of a case on a unit, by outcome and signature; for `matrix` and
 * `compare`. */
struct tl_cell {
    char *case_name, *unit, *variant;
    char case_hash[TL_ID_SIZE], variant_hash[TL_ID_SIZE], environment_id[TL_ID_SIZE],
        signature_id[TL_ID_SIZE];
    char *title; /* of the signature; NULL for none */
    char coarse_id[TL_ID_SIZE];
    enum tl_outcome outcome;
    uint64_t trials, fresh;
    int64_t first_us, last_us;
};
struct tl_cells {
    size_t n;
    struct tl_cell *list;
};
/* The cells of one version of a case (by hash; NULL: every version of f->case_name), filtered by unit,
 * outcomes, signature, since and limit. Ordered by variant, unit, environment, outcome, signature. */
int tl_query_cells(struct tl_store *s, const char *case_hash, const struct tl_filter *f,
                   struct tl_cells *cells, struct tl_error *e);
void tl_cells_free(struct tl_cells *cells);

/* The whole record of a trial, by its id or the beginning of it. When that is the beginning of none or of
 * several it fails with kind TL_ERROR_INPUT and says which there are. Release *r with tl_trial_record_free.
 */
int tl_query_trial(struct tl_store *s, const char *id, struct tl_trial_record *r, struct tl_error *e);

/* Where a trial ran, as a JSON object of what is known: machine {name, arch, cpu, cores, memory}, os,
 * os_build, kernel, trapline, session, runner, runner_version, device, driver, runtime_path, runtime_sha256,
 * runtime_version, versions (an object of texts); of a trial that a machine of a fleet ran also ran_on (its name there), delivered (how many
 * machines were given it) and ran_in (the session there). Unknown members are left out. The reference is the caller's. */
int tl_query_environment(struct tl_store *s, const char *trial_id, json_t **environment, struct tl_error *e);

/* The same of a session, an environment and a trial, of which each may be NULL. */
int tl_query_environment_of(struct tl_store *s, const char *session_id, const char *environment_id,
                            const char *trial_id, json_t **environment, struct tl_error *e);

/* The JSON of a case file as it was when trials were run; NULL in *json when only its name is known. */
int tl_query_case_json(struct tl_store *s, const char *case_hash, char **json, struct tl_error *e);

#endif
