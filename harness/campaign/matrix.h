/* Every variant of some cases on every unit: what is run, and what came of it. */
#ifndef TL_MATRIX_H
#define TL_MATRIX_H

#include "cases/case.h"
#include "cases/load.h"
#include "db/known.h"
#include "harness/base/record.h"
#include "harness/base/watch.h"
#include "harness/campaign/groups.h"
#include "harness/campaign/labels.h"
#include "harness/campaign/processes.h"
#include "harness/campaign/stored.h"
#include "harness/campaign/wishes.h"
#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"

#define TL_MATRIX_MOST 1000000 /* trials of one matrix */

struct tl_matrix;

struct tl_matrix_trial {
    struct tl_matrix *matrix;
    char id[TL_UUID_SIZE];
    bool ended, fresh, cached; /* cached: it was known before this command */
    const json_t *expected;    /* of its case */
    enum tl_outcome outcome;
    enum tl_standing standing; /* beside what its case expects */
    size_t label;              /* index of its signature in the matrix; TL_NO_LABEL */
    double seconds, error;     /* against the reference; NAN: not compared, INFINITY: not finite */
    uint64_t peak_rss;
};

/* Why some trials could not be tried, as their records say. */
struct tl_matrix_reason {
    char *text;
    uint64_t trials;
};

struct tl_matrix_case {
    struct tl_case *c;
    bool *varied; /* axes with several values in this matrix */
    size_t n_rows;
    struct tl_variant *rows;
    size_t n_forbidden;             /* variants of the cross product that may not be tried */
    char *forbidden;                /* why the first of them may not; NULL */
    uint64_t impossible;            /* pairs of values that no allowed variant holds */
    struct tl_matrix_trial *trials; /* n_rows * units * repeat */
    struct tl_processes *processes; /* of each unit: how its kinds of process differ, where that is known */
};

struct tl_matrix {
    struct tl_campaign_wishes wishes;
    const char *const *sets; /* AXIS=V1,V2 */
    size_t n_sets;
    const struct tl_watch *watch;
    uint64_t started_ns;
    struct tl_executor *x;
    size_t n_units;
    struct tl_unit_list names;
    const struct tl_unit **units;
    size_t n_cases;
    struct tl_matrix_case *cases;
    struct tl_labels labels;
    size_t n_reasons;
    struct tl_matrix_reason *reasons;
    bool cut_short;                                         /* its time was used up */
    uint64_t planned, total, ended, cached, failed, judged; /* trials; judged: neither unsupported nor lost */
    uint64_t not_judged;                                    /* of the unsupported ones */
    struct tl_stored_span span;                             /* of those that were known before */
    struct tl_stored_aside aside;
    struct tl_known_list known; /* matrix_known.c: of the database */
    json_t *marks;              /* what is known, as it is shown: each once */
    int64_t known_at_us; /* when that was read: what is known until a day that is over by then is not */
};

/* Of the trials of a cell that ended. */
struct tl_matrix_cell {
    struct tl_groups groups; /* sorted; release with free(groups.list) */
    double seconds;          /* median */
    size_t cached;
};

/* How far a unit's outputs are from the reference of a case, over all its variants. */
struct tl_matrix_numerics {
    size_t n, largest; /* variants that were compared; the row of the largest error */
    double *list;      /* of each the largest error of its trials, ascending; release with free */
};

/* matrix_plan.c: the variants of every case. names and n_units are known by then. */
int tl_matrix_plan_rows(struct tl_matrix *m, struct tl_error *e);

/* matrix_guard.c. Which cases have to be run in fresh processes on which units, as far as that is known. */
int tl_matrix_processes(struct tl_matrix *m, struct tl_error *e);
/* Tries a complete matrix before it is given: stored trials that it rests on, and one pass of each case and unit in a
 * fresh process. *again: some of its cells have to be run anew. */
int tl_matrix_guard(struct tl_matrix *m, bool *again, struct tl_error *e);

/* matrix_known.c. Reads what is known, once all was run; and marks the failures of a cell that are. */
int tl_matrix_load_known(struct tl_matrix *m, struct tl_error *e);
void tl_matrix_mark(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row, size_t unit,
                    struct tl_groups *groups);

/* matrix.c */
int tl_matrix_run(struct tl_matrix *m, struct tl_error *e);
void tl_matrix_letters(struct tl_matrix *m); /* gives every signature that is in a cell its letter */
struct tl_matrix_cell tl_matrix_cell_of(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row,
                                        size_t unit);
struct tl_matrix_trial *tl_matrix_trials(const struct tl_matrix *m, const struct tl_matrix_case *k,
                                         size_t row, size_t unit); /* `repeat` of them */
struct tl_matrix_numerics tl_matrix_numerics_of(const struct tl_matrix *m, const struct tl_matrix_case *k,
                                                size_t unit);
/* A variant by what is not at its baseline. A new string. */
char *tl_matrix_row_name(const struct tl_matrix_case *k, const struct tl_variant *v);
void tl_matrix_free(struct tl_matrix *m); /* all but the executor; the cases too */

#endif
