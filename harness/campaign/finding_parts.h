/* Parts of a finding's document, which finding_document.c puts together. Every value is a new one. */
#ifndef TL_FINDING_PARTS_H
#define TL_FINDING_PARTS_H

#include "harness/campaign/driver.h"

#include <jansson.h>

/* Of the intervals of rates. */
#define TL_FINDING_CONFIDENCE 0.99

json_t *tl_finding_variant(const struct tl_case *c, const uint64_t *index);
json_t *tl_finding_value(const struct tl_case *c, size_t axis, uint64_t index);
void tl_finding_add_elements(const struct tl_case *c, size_t axis, uint64_t index, json_t *j);
json_t *tl_finding_triggers(const struct tl_case *c, const struct tl_search_trigger *triggers, size_t n);
json_t *tl_finding_answer(const struct tl_case *c, const struct tl_search_answer *a);
json_t *tl_finding_needs(const struct tl_case *c, const struct tl_search_need *needs, size_t n);
json_t *tl_finding_id(const char *trial); /* null for NULL */
/* "others", "places" and "common_frame". */
void tl_finding_add_places(const struct tl_driver *d, const struct tl_search_result *r, json_t *document);

/* "outcome", "signal", "phase", "message", "exit_status", "signature", "tool" and "comparison" of the trial that stands for
 * it, null without one; "environment" is there. "model" where one of the runner's can be listed. -1 when the database cannot be read. */
int tl_finding_add_failure(const struct tl_driver *d, const char *runner, const char *trial, json_t *document,
                           struct tl_error *e);
/* How the outputs of a trial differ from what is expected, and by how much they may: what a reference found
 * (executor/reference.h), of its list "outputs" no more than name, error and way; or where nothing was compared, which
 * output is not finite. null where nothing is known. */
json_t *tl_finding_comparison(const struct tl_trial_record *t);
/* Makes every count of the document what its path says, so that one variant has one rate everywhere. */
void tl_finding_count_by_path(json_t *document);

/* "metrics", of a case that names some. -1 when the database cannot be read. */
int tl_finding_add_metrics(const struct tl_driver *d, const struct tl_search_result *r, json_t *document,
                           struct tl_error *e);

/* finding_about.c: "about" and "about_values" of an axis, where something is said of it. */
void tl_finding_add_about(const struct tl_case *c, const struct tl_unit *u, size_t axis, json_t *j);
/* finding_builds.c: "failure_kind", "failure_words" and "error_code" of a trial that failed, by which failures are compared. */
void tl_finding_add_kind(const struct tl_trial_record *t, json_t *j);
/* "builds", of a search over them. */
void tl_finding_add_builds(const struct tl_driver *d, const struct tl_search_result *r, json_t *document);
/* "minimal" of each build that was tried, by one trial of that variant: what a reproducer of it shows there. Nothing else may
 * be pending. */
void tl_finding_add_minimal(const struct tl_driver *d, const struct tl_variant *minimal, json_t *document);
/* "newest": whether the newest build that is here still fails. Where that is not known yet, and may_run, it is tried once;
 * nothing else may be pending. */
void tl_finding_add_newest(const struct tl_driver *d, bool may_run, json_t *document);

#endif
