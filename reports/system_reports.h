/* Files that a system wrote about a trial, in words, as JSON, and as files that can be given away. */
#ifndef TL_REPORTS_SYSTEM_REPORTS_H
#define TL_REPORTS_SYSTEM_REPORTS_H

#include "harness/base/record.h"

#include <jansson.h>
#include <stdbool.h>

struct tl_redaction;

/* [{"relation", "kind", "bug_type", "incident", "process", "pid", …, "text"}] of all reports of a trial; text only where
 * it is wanted. Unknown members are null. */
json_t *tl_system_reports_json(const struct tl_trial_record *r, bool text);

/* One of them as rows [[name, value]] of texts, for a table; unknown ones are left out. */
json_t *tl_system_report_rows(const json_t *report);
/* What it is, in one line: "crash report of Python", and how it belongs to its trial. New strings. */
char *tl_system_report_heading(const json_t *report);
/* The value of the row of a failure's table: kind, incident, exception of each; NULL where there is none. */
char *tl_system_reports_line(const json_t *reports);

/* Learns from the reports of a trial whose they are; record may be NULL. */
void tl_system_reports_learn(const struct tl_trial_record *r, struct tl_redaction *redaction);

/* The text of a report as it may be given away: without homes, users and hosts, identifiers of devices and of whoever
 * reported, network addresses and serial numbers. Paths are JSON's "\/" no more. A new string. */
char *tl_redact_report(struct tl_redaction *r, const char *text);

/* Writes the files of all reports of a trial into a directory, below `folder`, and calls `have` with name and words for
 * each. -1 with errno. */
typedef void (*tl_system_report_written)(void *arg, const char *name, const char *about);
int tl_system_reports_write(const struct tl_trial_record *r, struct tl_redaction *redaction,
                            const char *directory, const char *folder, tl_system_report_written have,
                            void *arg);

#endif
