/* What `trapline matrix` runs, and what came of it. */
#ifndef TL_MATRIX_H
#define TL_MATRIX_H

#include "cases/case.h"
#include "cases/load.h"
#include "harness/base/record.h"
#include "harness/campaign/labels.h"
#include "harness/cli/cli.h"
#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"

#define TL_MATRIX_MOST 1000000 /* trials of one matrix */

struct tl_matrix;

struct tl_matrix_trial {
    struct tl_matrix *matrix;
    char id[TL_UUID_SIZE];
    bool ended, cached, fresh;
    enum tl_outcome outcome;
    size_t face;           /* index of its signature in the matrix; TL_NO_FACE */
    double seconds, error; /* against the reference; NAN: not compared, INFINITY: not finite */
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
};

struct tl_matrix {
    const struct tl_options *o;
    struct tl_executor *x;
    struct tl_cli_progress progress;
    size_t n_units;
    struct tl_unit_list names;
    const struct tl_unit **units;
    size_t n_cases;
    struct tl_matrix_case *cases;
    struct tl_faces faces;
    size_t n_reasons;
    struct tl_matrix_reason *reasons;
    uint64_t total, ended, cached, failed; /* trials */
    bool broken;                           /* trapline itself failed: */
    struct tl_error failure;
};

/* The units that the options name, with lists and ranges of builds (RUNNER@A,B:DEVICE, RUNNER@A..B:DEVICE)
 * replaced by the builds that are here. */
int tl_matrix_plan_units(struct tl_matrix *m, struct tl_error *e);
/* The variants of every case. */
int tl_matrix_plan_rows(struct tl_matrix *m, struct tl_error *e);
/* A case and a unit do not go together (steps run on command:host, and nothing else does). */
bool tl_matrix_applies(const struct tl_matrix_case *k, const struct tl_unit *u);
struct tl_matrix_trial *tl_matrix_trials(const struct tl_matrix *m, const struct tl_matrix_case *k,
                                         size_t row, size_t unit); /* `repeat` of them */

void tl_matrix_letters(struct tl_matrix *m);
void tl_matrix_print(const struct tl_matrix *m, bool colour);
/* A variant by what is not at its baseline. A new string. */
char *tl_matrix_row_name(const struct tl_matrix_case *k, const struct tl_variant *v);

/* matrix_numerics.c: of a trial's result, as above; a table, and a list for the document. */
double tl_matrix_error(const json_t *result);
void tl_matrix_print_numerics(const struct tl_matrix *m, const struct tl_matrix_case *k, bool colour);
json_t *tl_matrix_numerics_json(const struct tl_matrix *m, const struct tl_matrix_case *k);
json_t *tl_matrix_json(const struct tl_matrix *m, double elapsed_s, bool complete);

#endif
