/* The page of a case: its axes and units, shared by case.c (builds over time, findings, variants) and trend.c. */
#ifndef TL_SITE_CASE_H
#define TL_SITE_CASE_H

#include "db/site.h"
#include "reports/site/impl.h"

#define TL_SITE_AXES_MOST 64

struct tl_site_axis {
    const char *name;
    const json_t *values; /* in the order of the case, or NULL */
    bool varies;          /* from row to row */
};

struct tl_site_variant {
    const struct tl_site_matrix *matrix;
    char hash[TL_ID_SIZE];
    char *text;      /* cleaned */
    json_t *variant; /* of the text; NULL when it is none */
    struct {
        uint64_t by_outcome[TL_SITE_OUTCOMES];
    } * cells; /* one for each unit of the case */
    uint64_t failed;
    enum tl_site_role role;
};

/* What a build did on one runner and device. */
struct tl_site_build {
    char *runner_device; /* RUNNER:DEVICE */
    char *build;         /* version of the runtime, or of the OS */
    bool of_os;
    uint64_t by_outcome[TL_SITE_OUTCOMES];
    struct tl_site_roles roles;
};

struct tl_site_matrix {
    struct tl_site *w;
    struct tl_site_case *c;
    size_t n, n_variants, replace;
    uint64_t reduced; /* trials of reductions, which have no rows */
    struct tl_site_variant *rows;
    char known[TL_ID_SIZE], known_in[TL_ID_SIZE]; /* variant and case whose role was looked up last */
    enum tl_site_role role;
    json_t *by_hash;          /* hash -> place in rows */
    size_t n_axes, n_columns; /* n_columns: axes that have a column; 0: variants are shown as text */
    struct tl_site_axis axes[TL_SITE_AXES_MOST];
    size_t n_builds;
    struct tl_site_build *builds;
};

/* trend.c: trials of the case over builds. */
void tl_site_trend_add(struct tl_site_matrix *m, const struct tl_site_cell *c, int shown,
                       enum tl_site_role role);
void tl_site_trend_write(struct tl_site_matrix *m, struct tl_buffer *b);
void tl_site_trend_free(struct tl_site_matrix *m);

#endif
