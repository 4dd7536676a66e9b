/* Failures: what was seen of each in every case, build by build, put together as one. */
#ifndef TL_SITE_FAILURES_H
#define TL_SITE_FAILURES_H

#include "reports/site/impl.h"

/* A signature in one case. */
struct tl_site_signature {
    char *id, *title, *coarse_id, *coarse_title; /* NULL where there is none, but for the id */
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    size_t first, n; /* its part of the list of places */
    size_t failure;
    uint64_t trials;
    int64_t first_us, last_us; /* wall clock */
};

/* Where it was seen: a unit with one version of the runtime and the OS. */
struct tl_site_seen {
    size_t signature;
    char *unit, *runtime_version, *os_build; /* the last two may be NULL */
    uint64_t trials;
    int64_t first_us, last_us;
};

struct tl_site_failure {
    char *case_name;
    char *page; /* without folder and suffix; NULL: it has none */
    size_t n;
    size_t *signatures; /* the one seen last first */
    size_t n_units, n_builds;
    uint64_t trials;
    int64_t first_us, last_us;
};

struct tl_site_failures {
    size_t n, n_signatures, n_seen;
    struct tl_site_failure *list; /* the one seen last first */
    struct tl_site_signature *signatures;
    struct tl_site_seen *seen;
    json_t *by_name;     /* signature and case -> place in list */
    uint64_t n_distinct; /* signatures, whatever the case */
};

/* Reads them; w->findings must be there, for they say which places are one failure. */
int tl_site_read_failures(struct tl_site *w, struct tl_error *e);
void tl_site_free_failures(struct tl_site_failures *f);

/* The failure of a signature (which may be NULL) in a case; NULL: there is none. */
const struct tl_site_failure *tl_site_failure_of(const struct tl_site *w, const char *case_name,
                                                 const char *signature_id);
/* What it is called, as it is in the database: the title of the signature seen last, of several the one that holds across
 * builds. */
const char *tl_site_failure_title(const struct tl_site *w, const struct tl_site_failure *f);
const struct tl_site_signature *tl_site_failure_newest(const struct tl_site *w,
                                                       const struct tl_site_failure *f);

#endif
