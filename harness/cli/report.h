/* What the parts of `trapline report` share:
 *
 *   report.c         which document it is, and its formats
 *   report_for.c     --for
 *   report_retest.c  --retest */
#ifndef TL_CLI_REPORT_H
#define TL_CLI_REPORT_H

#include "harness/cli/cli.h"
#include "reports/finding/finding.h"

/* All return the exit status; c is the command. */
/* Whether there is such a project: -1 to go on. */
int tl_cli_report_check_project(const struct tl_command *c, const struct tl_options *o);
/* The text for the issue form of o->project; the report's reference is taken. target and written: the bundle that goes with it
 * (tl_bundle_write); NULL. */
int tl_cli_report_for(const struct tl_options *o, json_t *report, const char *target, json_t *written);
int tl_cli_report_retest(const struct tl_command *c, const struct tl_options *o,
                         const struct tl_report_sources *r);

#endif
