/* Reports of findings: Markdown ready to be filed, one HTML file, JUnit and JSON (docs/reports.md). Nothing
 * here prints. */
#ifndef TL_REPORT_FINDING_H
#define TL_REPORT_FINDING_H

#include "harness/base/error.h"
#include "harness/base/record.h"
#include "reports/extent.h"

#include <jansson.h>
#include <stdbool.h>

struct tl_redaction;
struct tl_report_source {
    const json_t *finding;                 /* the finding's document */
    const struct tl_trial_record *failing; /* the trial that stands for it; NULL when it is not known */
    const struct tl_trial_record *control; /* a trial that passed next to it; NULL */
    /* The minimal variant on other units: [{"unit","outcome","title"|null,"trials"}]; NULL. */
    const json_t *elsewhere;
    const json_t *hosts; /* names of the machines of the database: to be taken out; NULL */
    bool keep_paths;     /* leave paths, user and host names as they are */
    /* What stands beside a bundle where it is written, and is handed on with it: [{"name","about"}]; NULL. */
    const json_t *beside;
    /* What else is to be taken out; NULL: only what the report itself shows. */
    struct tl_redaction *redaction;
};

/* The same, read from the database. Release with tl_report_release, in any case. */
struct tl_store;
struct tl_report_sources {
    json_t *finding, *elsewhere, *case_document, *hosts;
    struct tl_trial_record failing, control;
    bool has_failing, has_control;
};
/* By the id of the finding, or the beginning of it. A trial that is not in this database is left out. */
int tl_report_load(struct tl_store *s, const char *id, struct tl_report_sources *r, struct tl_error *e);
void tl_report_release(struct tl_report_sources *r);

/* Everything a report says, as one document, from which every format is made: {"report":1, "title",
 * "finding", "failing_trial", "control_trial", "elsewhere"}. The caller's to release. */
json_t *tl_report_new(const struct tl_report_source *source);

/* Adds the machines of the database, and the directories that the finding was measured in: {case_dir}, {runners}, {build} and {PATH} stand for them. */
void tl_report_learn_places(const struct tl_report_source *source, struct tl_redaction *r);

/* Of a trial what a reader of a report needs; null for NULL. The caller's. */
json_t *tl_report_trial(const struct tl_trial_record *r);

char *tl_report_markdown(const json_t *report, enum tl_extent extent);
char *tl_report_html(const json_t *report, enum tl_extent extent);
char *tl_report_junit(const json_t *report);

#endif
