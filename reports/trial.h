/* One trial in words and as JSON. Nothing here prints: strings and documents are the caller's. */
#ifndef TL_REPORT_TRIAL_H
#define TL_REPORT_TRIAL_H

#include "harness/base/record.h"

#include <jansson.h>
#include <stdbool.h>

/* What came of it in one line without the outcome itself: signal, title or message. May be empty. */
char *tl_trial_summary(const struct tl_trial_record *r);

/* An element of the document of `run --json`. */
json_t *tl_trial_json_short(const struct tl_trial_record *r, bool cached);

/* What a comparison found, without the list of all outputs; null: nothing was compared. */
json_t *tl_trial_comparison_json(const struct tl_trial_record *r);

/* The whole trial, as `show --json` gives it. environment: tl_query_environment's, borrowed, or NULL. */
json_t *tl_trial_json(const struct tl_trial_record *r, const json_t *environment);

struct tl_trial_page_options {
    bool all_stacks; /* every thread in full; otherwise the crashing one, and the others in a line each */
    bool colour;
    const json_t *environment; /* as above */
    const json_t
        *matches; /* of an imported trial: the failures of one's own that are this one (list of objects with
                                  "how", "case", "unit", "signature", "title", "trial", "trials"); NULL */
    /* How it is run again; each may be NULL. */
    const char *db;             /* a database that the commands have to name */
    const char *case_file;      /* where the case still is what it was */
    const char *case_directory; /* where it was */
    bool beside_case;           /* it names files by where it is: it can be run there only */
};
/* The page of `show`: what happened, where, what it said, and how to run it again. */
char *tl_trial_page(const struct tl_trial_record *r, const struct tl_trial_page_options *o);

/* What a comparison found, without the list of all outputs; null: nothing was compared. The caller's. */
json_t *tl_trial_comparison_json(const struct tl_trial_record *r);

#endif
