/* What is in the database, set side by side. Nothing is run. */
#ifndef TL_CAMPAIGN_COMPARE_H
#define TL_CAMPAIGN_COMPARE_H

#include "db/compare.h"
#include "harness/base/watch.h"
#include "harness/campaign/groups.h"

enum tl_compare_by { TL_BY_UNIT, TL_BY_BUILD, TL_BY_MACHINE, TL_BY_SESSION, TL_BY_VERSIONS, TL_BY_COUNT };

struct tl_side {
    char *key, *name;
    uint64_t trials;
};

/* Of trials that passed: how long it takes to fail says nothing. Both ascending. */
struct tl_measures {
    size_t n;
    double *seconds, *memory;
};

/* One row on one side. */
struct tl_side_cell {
    struct tl_groups groups;        /* sorted */
    struct tl_measures measures[2]; /* of fork servers' children, of processes of their own */
    bool has_error, infinite;       /* against the reference of the case */
    double error;                   /* the largest */
    char
        outputs[TL_ID_SIZE]; /* content id of the hashes of all outputs; "" when they are not known or vary */
    bool vary;
};

enum tl_compare_match { TL_MATCH_NONE, TL_MATCH_EXACT, TL_MATCH_COARSE };

struct tl_compare_row {
    char *case_name, *variant, *where; /* where: unit, or runner and device; "" when the sides are units */
    char case_hash[TL_ID_SIZE], variant_hash[TL_ID_SIZE];
    const json_t *expected; /* of the case; while trials are read */
    size_t n_cells;
    struct tl_side_cell *cells;  /* of the first n_cells sides, in the order in which they were found */
    size_t present;              /* sides that could try it */
    bool differs, regressed;     /* regressed: passes on the first side and fails on a later one */
    bool fixed;                  /* fails on the first side and passes on the last one */
    bool fresh;                  /* times and memory are compared of processes of their own */
    enum tl_compare_match match; /* when all fail: whether it is the same failure, by what */
};

struct tl_compare {
    enum tl_compare_by by;
    const char *const *names, *const *units; /* of sides; of units, which narrow what is read down */
    size_t n_names, n_units;
    bool only_changed; /* rows that agree are not shown */
    const struct tl_watch *watch;
    size_t n_sides;
    struct tl_side *sides;
    bool chosen;            /* the sides were named: others are left out */
    size_t n_shown, *order; /* sides in the table, in its order; those that share no row with another are
                               not */
    size_t n_rows;
    struct tl_compare_row *rows;
    struct tl_labels labels;
    bool *shows;               /* of a label and a side, by its place in the table: tl_compare_shows */
    uint64_t trials, left_out; /* left_out: of no known side */
    size_t differing, regressed, alone;
};

extern const char *const tl_compare_by_names[];
const struct tl_side_cell *tl_compare_cell(const struct tl_compare *c, const struct tl_compare_row *r,
                                           size_t place); /* by its place in the table */
/* Those of the kind that the row compares, or else the others. */
const struct tl_measures *tl_compare_measures(const struct tl_compare_row *r, const struct tl_side_cell *k);
/* Whether a side, by its place in the table, shows a signature. */
bool tl_compare_shows(const struct tl_compare *c, size_t label, size_t place);
bool tl_compare_row_shown(const struct tl_compare *c, const struct tl_compare_row *r);
/* Reads and judges the selection, and gives the signatures that are shown their letters. The filter's unit is
 * taken out of it: the units above are meant. */
int tl_compare_run(struct tl_compare *c, struct tl_store *s, struct tl_filter *f, struct tl_error *e);
void tl_compare_free(struct tl_compare *c);

#endif
