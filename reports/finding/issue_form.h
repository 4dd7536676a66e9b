/* A report as the text for the issue form of a project (docs/reports.md). What a form asks is data:
 * templates/projects.json; what can be said is issue_facts.c. Nothing here prints. */
#ifndef TL_REPORTS_ISSUE_FORM_H
#define TL_REPORTS_ISSUE_FORM_H

#include <jansson.h>
#include <stdbool.h>

/* Names of the projects that are known, ", " between; the caller's. */
char *tl_issue_projects(void);
bool tl_issue_project_known(const char *project);

/* {"project", "name", "form" (an address), "title", "fields": [{"label", "text" (Markdown), "by_hand": null | what is
 * wanted, "optional"}], "warnings": [sentences], "body": all fields with their headings}. The report is of tl_report_new, and may have
 * "build_source", where its build came from, in words, and a "bundle" with its "name". NULL when there is no such project. The caller's. */
json_t *tl_issue_form(const json_t *report, const char *project);

#endif
