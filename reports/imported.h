/* The report of a trial that was imported: what a report of a system alone tells of a failure. */
#ifndef TL_REPORTS_IMPORTED_H
#define TL_REPORTS_IMPORTED_H

#include "harness/base/error.h"
#include "harness/base/record.h"
#include "reports/extent.h"

#include <jansson.h>
#include <stdbool.h>

struct tl_imported_source {
    const struct tl_trial_record *trial;
    const json_t *matches; /* failures of one's own that are this one, as trial.h has them; NULL */
    const json_t *hosts;   /* names of the machines of the database: to be taken out; NULL */
    bool keep_paths;
};

/* Everything it says, as one document from which every format is made: {"report":1, "title", "finding" (what is known of
 * one), "failing_trial", "matches"}. The caller's. */
json_t *tl_imported_report(const struct tl_imported_source *source);
char *tl_imported_markdown(const json_t *report, enum tl_extent extent);
char *tl_imported_html(const json_t *report, enum tl_extent extent);
char *tl_imported_junit(const json_t *report);

/* The same with the report of the system itself, as a directory or an archive (bundle.h). *written is what is in it:
 * [{"name","about","size"}], the caller's. */
int tl_imported_bundle(const struct tl_imported_source *source, const char *target, bool force,
                       json_t **written, struct tl_error *e);

#endif
