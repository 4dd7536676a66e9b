/* What a site is made from, and the parts that make it. */
#ifndef TL_SITE_IMPL_H
#define TL_SITE_IMPL_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "reports/redact/redact.h"
#include "reports/site/roles.h"
#include "reports/site/site.h"

#define TL_SITE_FILE 240000     /* bytes at which a data file is ended; no single row adds more than 250000 */
#define TL_SITE_ROWS 180000     /* bytes of rows at which a table goes on in the next page */
#define TL_SITE_LIST 400000     /* the same of a page that is nothing but a list */
#define TL_SITE_PART 60000      /* bytes at which a list that stands beside a table ends */
#define TL_SITE_HASH 12         /* digits of the hash of a variant, in links */
#define TL_SITE_PAGES_MOST 5000 /* pages of failures and of nights: the newest */

struct tl_site_case {
    char *name;      /* as in the database */
    char *text;      /* as shown */
    char *page;      /* without folder and suffix */
    size_t first, n; /* its part of the sums */
    uint64_t trials, failed;
    int64_t last_us;
};

/* Trials of a case on a unit. */
struct tl_site_tally {
    size_t unit;
    uint64_t by_outcome[TL_SITE_OUTCOMES], trials;
    struct tl_site_roles roles; /* once the page of the case is written */
    int64_t last_us;
};

struct tl_site_unit {
    char *name, *text;
    uint64_t trials, failed;
};

/* Beginnings of data files, for data/index.js: an array of JSON strings. */
struct tl_site_files {
    size_t n;
    struct tl_buffer firsts;
};

struct tl_site {
    struct tl_store *s;
    const struct tl_site_options *o;
    struct tl_site_result *r;
    const char *stage; /* the directory it is put together in */
    struct tl_redaction redaction;
    int64_t now_us, first_us, last_us;
    size_t n_cases, n_units, n_tallies;
    struct tl_site_case *cases; /* by name */
    struct tl_site_unit *units; /* in the order of runner, build, device */
    struct tl_site_tally *tallies;
    json_t *unit_numbers; /* name -> index */
    struct tl_site_failures *failures;
    json_t *known;    /* by the page of a failure: what somebody has said of it (known.c) */
    json_t *findings; /* documents, newest first, without their paths */
    struct tl_site_files trial_files, stack_files;
    struct tl_buffer line_parts; /* what is in data/lines-N.js (lines.c), as JSON */
    struct tl_site_words *words; /* of pages (words.c) */
    size_t page_files;           /* data/pages-N.js */
    uint64_t looked_at;          /* texts, for names */
    char expecting[TL_ID_SIZE];  /* hash of the case that was looked up last (expected.c) */
    json_t *expecting_case;
};

/* The parts. */
int tl_site_write_trials(struct tl_site *w, struct tl_error *e);   /* data/trials-N.js */
int tl_site_write_lines(struct tl_site *w, struct tl_error *e);    /* data/lines-N.js */
int tl_site_write_stacks(struct tl_site *w, struct tl_error *e);   /* data/stacks-N.js */
int tl_site_write_failures(struct tl_site *w, struct tl_error *e); /* failure/CASE.ID.html, and the list */
int tl_site_write_cases(struct tl_site *w, struct tl_error *e);    /* case/NAME.html */
int tl_site_write_findings(struct tl_site *w, struct tl_error *e); /* finding/ID.html, and the list */
int tl_site_write_nights(struct tl_site *w, struct tl_error *e);   /* night/ID.html, and the list */
int tl_site_write_words(struct tl_site *w, struct tl_error *e);    /* what is left of data/pages-N.js */
int tl_site_write_overview(struct tl_site *w, struct tl_error *e); /* index.html */

/* What one part has on its pages of another: what the last nightly run saw change; findings; trials ("None."
 * when there are none). */
struct tl_filter;
int tl_site_changes(struct tl_site *w, struct tl_buffer *b, struct tl_error *e);
const json_t *tl_site_finding(const struct tl_site *w, const char *id);
void tl_site_newest_findings(const struct tl_site *w, struct tl_buffer *b, size_t most);
/* Those of a case, and of a failure of it (NULL: of all); nothing when there is none. */
struct tl_site_failure;
void tl_site_findings_of(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                         const struct tl_site_failure *failure);
/* The beginning of the list of failures and a row of it. */
void tl_site_failures_head(struct tl_buffer *b);
void tl_site_failures_row(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f);
int tl_site_newest_trials(struct tl_site *w, struct tl_buffer *b, const char *up, const struct tl_filter *f,
                          struct tl_error *e);

#endif
