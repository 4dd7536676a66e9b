/* What a site is made from, and the parts that make it. */
#ifndef TL_SITE_IMPL_H
#define TL_SITE_IMPL_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "reports/redact/redact.h"
#include "reports/site/site.h"

#define TL_SITE_FILE 700000     /* bytes at which a data file is ended; no single row adds more than 250000 */
#define TL_SITE_ROWS 400000     /* bytes of rows at which a table goes on in the next page */
#define TL_SITE_HASH 12         /* digits of the hash of a variant, in links */
#define TL_SITE_PAGES_MOST 5000 /* pages of signatures and of findings: the newest */

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
    uint64_t by_outcome[TL_OUTCOME_COUNT], trials;
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
    json_t *signatures;   /* id -> true: those that have a page */
    json_t *findings;     /* documents, newest first, without their paths */
    struct tl_site_files trial_files, stack_files;
    struct tl_buffer line_parts; /* [case, outcome, file, n] of data/lines-N.js, as JSON */
    size_t line_files;
    uint64_t looked_at;         /* texts, for names */
    char expecting[TL_ID_SIZE]; /* hash of the case that was looked up last, for what it expects */
    json_t *expecting_case;
};

/* The parts. */
int tl_site_write_trials(struct tl_site *w, struct tl_error *e);     /* data/trials-N.js */
int tl_site_write_lines(struct tl_site *w, struct tl_error *e);      /* data/lines-N.js */
int tl_site_write_stacks(struct tl_site *w, struct tl_error *e);     /* data/stacks-N.js */
int tl_site_write_signatures(struct tl_site *w, struct tl_error *e); /* signature/ID.html, and the list */
int tl_site_write_cases(struct tl_site *w, struct tl_error *e);      /* case/NAME.html */
int tl_site_write_findings(struct tl_site *w, struct tl_error *e);   /* finding/ID.html, and the list */
int tl_site_write_overview(struct tl_site *w, struct tl_error *e);   /* index.html */

/* What one part has on its pages of another: what the last nightly run saw change; findings; trials ("None."
 * when there are none). */
struct tl_filter;
int tl_site_changes(struct tl_site *w, struct tl_buffer *b, struct tl_error *e);
const json_t *tl_site_finding(const struct tl_site *w, const char *id);
void tl_site_newest_findings(const struct tl_site *w, struct tl_buffer *b, size_t most);
/* Those of a case, of a signature (either may be NULL); nothing when there is none. */
void tl_site_findings_of(const struct tl_site *w, struct tl_buffer *b, const char *up, const char *case_name,
                         const char *signature_id);
int tl_site_newest_trials(struct tl_site *w, struct tl_buffer *b, const char *up, const struct tl_filter *f,
                          struct tl_error *e);

#endif
