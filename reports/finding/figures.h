/* The numbers of a finding that stand in several places. Each is counted here and nowhere else, so that the
 * headline, the tables and the terminal cannot disagree. */
#ifndef TL_REPORTS_FINDING_FIGURES_H
#define TL_REPORTS_FINDING_FIGURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Trials of one variant that said something: it failed in this way, in another way, or passed. */
struct tl_finding_runs {
    json_int_t failed, runs;             /* all of them */
    json_int_t failed_fresh, runs_fresh; /* those in fresh processes */
};
/* Of the variant that the report is about: the minimal one, or the one that was run. Over builds, of the
 * builds that fail. */
struct tl_finding_runs tl_finding_runs(const json_t *finding);
/* Counts them once for all who ask, as a report does dozens of times: as "counted_runs" of the finding. */
void tl_finding_keep_runs(json_t *finding);

/* The same of trials that were children of a server, each of another one where that was compared. */
struct tl_finding_forked {
    json_int_t failed, runs;
};
struct tl_finding_forked tl_finding_forked(const json_t *finding);
/* Whether it shows less often in such children than in fresh processes, in which it always or alone does; or was tried in
 * fresh processes alone although there were such children, so that nothing else is known to show it. */
bool tl_finding_wants_fresh(const json_t *finding);

/* Fewer random variants that hold the trigger are all that there are. */
#define TL_FINDING_DRAWS 8
/* How many of them were drawn, when all of them failed, and they say of which axes the failure is independent; else 0.
 * Earlier versions said it on fewer draws that were not all. */
json_int_t tl_finding_draws(const json_t *finding);

/* The chance that a variant that fails as often as that one passes in n runs by luck. 0 where the failure was
 * never seen not to show. */
double tl_finding_luck(const json_t *finding, json_int_t n);
/* Whether so many passes in a row are evidence: luck is below 1 %. */
bool tl_finding_is_evidence(const json_t *finding, json_int_t n);
/* How many passes in a row would be. */
json_int_t tl_finding_enough(const json_t *finding);

#endif
