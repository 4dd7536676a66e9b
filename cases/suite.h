/* Suites: what `trapline nightly` runs (docs/nightly.md). Loading checks everything that can be said of the
 * file alone, and reports every mistake as a case file's are; the cases it names are loaded by who runs them,
 * who then has the rest checked. */
#ifndef TL_SUITE_H
#define TL_SUITE_H

#include "cases/load.h"

#define TL_SUITE_REPEAT 3 /* trials of a variant on a unit, when the suite does not say */

enum tl_suite_variants {
    TL_SUITE_BOTH,     /* the failing variant of each case and its baseline */
    TL_SUITE_FAILING,  /* the failing variant only */
    TL_SUITE_BASELINE, /* the baseline only */
    TL_SUITE_VALUES,   /* every combination of the values named, everything else at its baseline */
};

struct tl_suite_values {
    const char *axis;
    size_t n;
    struct tl_value *list;
};

struct tl_suite {
    const char *path; /* as given */
    const char *name;
    size_t n_cases;
    const char **cases; /* absolute paths */
    size_t n_units;
    const char **units; /* RUNNER[@BUILDS]:DEVICE; BUILDS may be a list, a range, "latest" or "installed" */
    int *unit_lines;    /* where in the file they are */
    uint64_t repeat;
    enum tl_suite_variants variants;
    size_t n_values; /* axes of TL_SUITE_VALUES */
    struct tl_suite_values *values;
    bool isolate_new; /* isolate what fails that did not fail before */
    bool fetch;       /* bring builds that are not here */
    bool sandbox;     /* its trials run in one, */
    bool network;     /* which leaves them the network */
    double budget_s;  /* wall clock of the whole night; 0: none */
    json_t *document;
    struct tl_positions *positions; /* where in the file each value is, for tl_suite_check */
    void *arena;                    /* owns every string and array above */
};

/* As tl_case_load: mistakes are in *m, which the caller frees in any case. */
int tl_suite_load(const char *path, struct tl_suite **s, struct tl_mistakes *m, struct tl_error *e);
/* What can be said only with its cases, which are in its order; NULL stands for one that could not be loaded.
 * Mistakes are in *m, which the caller frees. To be called once. */
void tl_suite_check(struct tl_suite *s, struct tl_case *const *cases, struct tl_mistakes *m);
void tl_suite_free(struct tl_suite *s);

#endif
